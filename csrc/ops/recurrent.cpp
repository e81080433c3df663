// One frame for all recurrent cells:
//
//   forward     gates = x . W + b of all steps, one product
//               for each step:   z = h . R (R packed once, in L2 over the steps), then the cell's gates row by row
//   backward    for each step, last first:   the cell's dz row by row, then dh = dz . R^T
//               dx = dz . W^T,  dW = x^T . dz,  dR = h_prev^T . dz,  db = column sums of dz: one product each
//
// Only steps that count are computed: their rows stand without gaps in the order of x, sequence after sequence.
// Threads divide the sequences, longest first in turn, and share nothing, so that no barrier stands in the time loop.
#include "ops/recurrent.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/check.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/gemm.h"

namespace lamina {
namespace {

constexpr double kFlopsPerThread = 1.0e6;

template <class T>
constexpr dim_t kPad = 64 / sizeof(T);  // between rows of scratch: rows a power of two apart would share L1's sets

constexpr dim_t gates_of(Cell cell) {
  switch (cell) {
    case Cell::lstm:
      return 4;
  }
  return 0;
}

// Which steps count, and where their rows stand.
class Schedule {
 public:
  template <class T>
  explicit Schedule(const Recurrence<T>& r)
      : B_(r.B),
        S_(r.S),
        backwards_(r.go_backwards),
        reversed_(r.go_backwards && !r.in_time_order),
        mask_(r.mask),
        sequences_(3 * r.B + 1),
        times_(r.mask ? r.B * r.S : 0) {
    start_ = sequences_.get();
    count_ = start_ + r.B + 1;
    order_ = count_ + r.B;
    start_[0] = 0;
    for (dim_t b = 0; b < r.B; b++) {
      count_[b] = r.S;
      if (r.lengths) {
        count_[b] = r.wide_lengths ? static_cast<const std::int64_t*>(r.lengths)[b]
                                   : static_cast<const std::int32_t*>(r.lengths)[b];
        check(count_[b] >= 0 && count_[b] <= r.S, "lengths[", b, "] is ", count_[b], ", expected 0 to ", r.S,
              ", the steps of x");
      } else if (r.mask) {
        count_[b] = 0;
        for (dim_t t = 0; t < r.S; t++)
          if (r.mask[b * r.S + t]) times_[start_[b] + count_[b]++] = static_cast<std::int32_t>(t);
      }
      start_[b + 1] = start_[b] + count_[b];
      order_[b] = b;
    }
    if (r.lengths || r.mask)
      std::stable_sort(order_, order_ + r.B, [&](dim_t i, dim_t j) { return count_[i] > count_[j]; });
    rows = start_[r.B];
    dense = rows == r.B * r.S;
  }

  dim_t rows;  // of all steps that count
  bool dense;  // all count, so that row b S + t is x's own
  dim_t longest() const { return start_[B_] ? count_[order_[0]] : 0; }
  dim_t ranked(dim_t rank) const { return order_[rank]; }  // sequences by length, the longest first
  dim_t count(dim_t b) const { return count_[b]; }
  dim_t start(dim_t b) const { return start_[b]; }
  // Row, time and output position of a sequence's step-th step that counts.
  dim_t row(dim_t b, dim_t step) const { return start_[b] + (backwards_ ? count_[b] - 1 - step : step); }
  dim_t time(dim_t b, dim_t row) const { return mask_ ? times_[row] : row - start_[b]; }
  dim_t output(dim_t b, dim_t step) const {
    const dim_t t = time(b, row(b, step));
    return !reversed_ ? t : mask_ ? S_ - 1 - t : count_[b] - 1 - t;
  }
  // f(position, counts) for all outputs of a sequence, in the order of the steps, or the last first.
  template <class F>
  void outputs(dim_t b, bool last_first, F&& f) const {
    for (dim_t i = 0; i < S_; i++) {
      const dim_t step = last_first ? S_ - 1 - i : i, t = backwards_ ? S_ - 1 - step : step;
      if (mask_)
        f(reversed_ ? step : t, mask_[b * S_ + t]);
      else
        f(step, step < count_[b]);
    }
  }

 private:
  dim_t B_, S_;
  bool backwards_, reversed_;
  const bool* mask_;
  Scratch<dim_t> sequences_;
  Scratch<std::int32_t> times_;
  dim_t *start_, *count_, *order_;
};

// The sequences of one of `groups` threads: every groups-th of the ranking, so that each has long and short ones.
struct Group {
  const Schedule& s;
  dim_t first, groups, size, before;  // before: sequences of the groups before
  Group(const Schedule& schedule, dim_t B, dim_t g, dim_t of)
      : s(schedule), first(g), groups(of), size((B - g + of - 1) / of), before(g * (B / of) + std::min(g, B % of)) {}
  dim_t operator[](dim_t k) const { return s.ranked(first + k * groups); }
  dim_t steps() const { return size ? s.count((*this)[0]) : 0; }
  // How many have more than `step` steps, if n is the answer for a neighbouring step.
  dim_t active(dim_t step, dim_t n) const {
    while (n < size && s.count((*this)[n]) > step) n++;
    while (n > 0 && s.count((*this)[n - 1]) <= step) n--;
    return n;
  }
};

dim_t groups_of(dim_t rows, dim_t B, dim_t U, dim_t GU) {
  const double flops = 2.0 * double(rows) * double(U) * double(GU);
  const dim_t worth = std::max<dim_t>(1, static_cast<dim_t>(flops / kFlopsPerThread));
  return std::max<dim_t>(1, std::min({dim_t(get_num_threads()), worth, B}));
}

// The right operand of every step's product, as panels of the register tile.
template <class T>
class Weights {
 public:
  Weights(dim_t K, dim_t N, const T* b, dim_t b_row, dim_t b_col)
      : K_(K), N_(N), panels_(panels_of<T>(N)), packed_(K * panels_.total * panels_.lanes) {
    parallel_for(panels_.count, kGrain / std::max<dim_t>(1, K * panels_.vectors * panels_.lanes) + 1,
                 [&](dim_t begin, dim_t end) {
                   for (dim_t p = begin; p < end; p++) {
                     const dim_t n = panels_.begin(p), width = dim_t(panels_.width(p)) * panels_.lanes;
                     kernels<T>().gemm.pack(b + n * b_col, b_row, b_col, K, std::min(N - n, width), packed_ + n * K,
                                            width);
                   }
                 });
  }

  // c = a . b, or c += a . b; on the calling thread. The panels are walked to and fro, so that those in L2 are met
  // first.
  void multiply(dim_t M, const T* a, dim_t lda, T* c, dim_t ldc, bool accumulate, bool fro) const {
    const auto& gemm = kernels<T>().gemm;
    const dim_t tiles = (M + gemm.max_rows[panels_.vectors] - 1) / gemm.max_rows[panels_.vectors];
    Tile<T> t{};
    t.row = lda;
    t.k3 = t.k2 = t.s1 = 1;
    t.k1 = K_;
    t.ldc = ldc;
    t.accumulate = accumulate;
    for (dim_t i = 0; i < panels_.count; i++) {
      const dim_t p = fro ? panels_.count - 1 - i : i, n = panels_.begin(p);
      t.vectors = panels_.width(p);
      t.ldb = dim_t(t.vectors) * panels_.lanes;
      t.cols = static_cast<int>(std::min(N_ - n, t.ldb));
      t.b = packed_ + n * K_;
      for (dim_t j = 0; j < tiles; j++) {
        const dim_t m = M * j / tiles;
        t.rows = static_cast<int>(M * (j + 1) / tiles - m);
        t.a = a + m * lda;
        t.c = c + m * ldc + n;
        gemm.tile(t);
      }
    }
  }

 private:
  dim_t K_, N_;
  Panels panels_;
  Scratch<T> packed_;
};

template <class T>
void copy_row(T* to, const T* from, dim_t n) {
  if (from)
    std::copy(from, from + n, to);
  else
    std::fill(to, to + n, T(0));
}
template <class T>
void add_row(T* to, const T* from, dim_t n) {
  for (dim_t i = 0; i < n; i++) to[i] += from[i];
}

// The rows of x that count, without gaps.
template <class T>
const T* gather(const Recurrence<T>& r, const Schedule& s, T* to) {
  parallel_for(r.B, kGrain / std::max<dim_t>(1, r.S * r.I) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t b = begin; b < end; b++)
      for (dim_t p = s.start(b); p < s.start(b) + s.count(b); p++)
        copy_row(to + p * r.I, r.x + (b * r.S + s.time(b, p)) * r.I, r.I);
  });
  return to;
}

template <class T>
void scatter(const Recurrence<T>& r, const Schedule& s, const T* from, T* dx, bool accumulate) {
  parallel_for(r.B, kGrain / std::max<dim_t>(1, r.S * r.I) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t b = begin; b < end; b++) {
      dim_t p = s.start(b);
      for (dim_t t = 0; t < r.S; t++) {
        T* to = dx + (b * r.S + t) * r.I;
        const bool counts = p < s.start(b) + s.count(b) && s.time(b, p) == t;
        const T* row = counts ? from + p++ * r.I : nullptr;
        if (!accumulate)
          copy_row(to, row, r.I);
        else if (row)
          add_row(to, row, r.I);
      }
    }
  });
}

// Outputs of steps that do not count.
template <class T>
void fill_outputs(const Recurrence<T>& r, const Schedule& s, dim_t b, T* y) {
  const T* before = nullptr;
  s.outputs(b, false, [&](dim_t position, bool counts) {
    T* at = y + (b * r.S + position) * r.U;
    if (!counts) copy_row(at, before, r.U);
    if (counts && r.mask && !r.zero_output) before = at;
  });
}

template <class T>
dim_t forward_work(const Recurrence<T>& r) {  // elements a sequence: its h, c and z
  return (2 + gates_of(r.cell)) * r.U + kPad<T>;
}

template <class T>
void forward_group(const RecurrentForward<T>& a, const Schedule& s, const Group& group, const Weights<T>* weights,
                   const T* first, T* gates, T* work) {
  const auto& r = a.r;
  const auto cell = kernels<T>().recurrent.lstm_forward;
  const dim_t U = r.U, GU = gates_of(r.cell) * U, LD = U + kPad<T>;
  T *h = work, *c = h + group.size * LD, *z = c + group.size * U;
  for (dim_t k = 0; k < group.size; k++) {
    const dim_t b = group[k];
    copy_row(h + k * LD, r.h0 ? r.h0 + b * U : nullptr, U);
    if (a.h_prev && s.count(b)) copy_row(a.h_prev + s.row(b, 0) * U, h + k * LD, U);
  }
  CellForward<T> f{};
  f.U = U;
  f.act = r.act;
  f.recurrent_act = r.recurrent_act;
  f.ahead = r.go_backwards ? -1 : 1;
  dim_t active = group.size;
  for (dim_t step = 0; step < group.steps(); step++) {
    active = group.active(step, active);
    if (step) weights->multiply(active, h, LD, z, GU, false, step & 1);
    for (dim_t k = 0; k < active; k++) {
      const dim_t b = group[k], row = s.row(b, step);
      f.z = step ? z + k * GU : first ? first + b * GU : nullptr;
      f.gates = gates + row * GU;
      f.h = h + k * LD;
      f.c = a.c_all ? a.c_all + row * U : c + k * U;
      f.c_prev = !step ? (r.c0 ? r.c0 + b * U : nullptr) : a.c_all ? a.c_all + s.row(b, step - 1) * U : f.c;
      f.y = a.y ? a.y + (b * r.S + s.output(b, step)) * U : nullptr;
      f.next = a.h_prev && step + 1 < s.count(b) ? a.h_prev + s.row(b, step + 1) * U : nullptr;
      cell(f);
    }
  }
  for (dim_t k = 0; k < group.size; k++) {
    const dim_t b = group[k], n = s.count(b);
    const T* last = !n ? (r.c0 ? r.c0 + b * U : nullptr) : a.c_all ? a.c_all + s.row(b, n - 1) * U : c + k * U;
    copy_row(a.h + b * U, h + k * LD, U);
    copy_row(a.c + b * U, last, U);
    if (a.y && n < r.S) fill_outputs(r, s, b, a.y);
  }
}

template <class T>
void backward_group(const RecurrentBackward<T>& a, const Schedule& s, const Group& group, const Weights<T>* weights,
                    const T* dy, T* dh, T* dc, T* dz, T* work) {
  const auto& r = a.r;
  const auto cell = kernels<T>().recurrent.lstm_backward;
  const dim_t U = r.U, GU = gates_of(r.cell) * U;
  for (dim_t k = 0; k < group.size; k++) {
    copy_row(dh + k * U, a.dh ? a.dh + group[k] * U : nullptr, U);
    copy_row(dc + k * U, a.dc ? a.dc + group[k] * U : nullptr, U);
  }
  CellBackward<T> f{};
  f.U = U;
  f.act = r.act;
  f.recurrent_act = r.recurrent_act;
  f.ahead = r.go_backwards ? 1 : -1;
  dim_t active = 0;
  for (dim_t step = group.steps(); step-- > 0;) {
    active = group.active(step, active);
    for (dim_t k = 0; k < active; k++) {
      const dim_t b = group[k], row = s.row(b, step);
      f.gates = a.gates + row * GU;
      f.h_prev = a.h_prev + row * U;
      f.c_prev = step ? a.c_all + s.row(b, step - 1) * U : r.c0 ? r.c0 + b * U : nullptr;
      f.c = a.c_all + row * U;
      f.dy = dy ? dy + (b * r.S + s.output(b, step)) * U : nullptr;
      f.dh = dh + k * U;
      f.dc = dc + k * U;
      f.dz = dz + row * GU;
      f.dr = work + k * (GU + kPad<T>);
      cell(f);
    }
    if (step || a.dh0_mode != Grad::skip) weights->multiply(active, work, GU + kPad<T>, dh, U, false, step & 1);
  }
}

// Gradients of carried outputs belong to the step that made them.
template <class T>
const T* carry_back(const Recurrence<T>& r, const Schedule& s, const T* dy, T* to) {
  parallel_for(r.B, kGrain / std::max<dim_t>(1, r.S * r.U) + 1, [&](dim_t begin, dim_t end) {
    std::copy(dy + begin * r.S * r.U, dy + end * r.S * r.U, to + begin * r.S * r.U);
    for (dim_t b = begin; b < end; b++) {
      T* carried = nullptr;
      s.outputs(b, true, [&](dim_t position, bool counts) {
        T* at = to + (b * r.S + position) * r.U;
        if (carried) add_row(at, carried, r.U);
        carried = counts ? nullptr : at;
      });
    }
  });
  return to;
}

template <class T>
void deliver(dim_t B, dim_t U, const Schedule& s, dim_t groups, const T* from, T* to, Grad mode) {
  if (mode == Grad::skip) return;
  for (dim_t g = 0, at = 0; g < groups; g++) {
    const Group group(s, B, g, groups);
    for (dim_t k = 0; k < group.size; k++, at++)
      mode == Grad::accumulate ? add_row(to + group[k] * U, from + at * U, U)
                               : copy_row(to + group[k] * U, from + at * U, U);
  }
}

}  // namespace

template <class T>
void recurrent_forward(const RecurrentForward<T>& a) {
  const auto& r = a.r;
  const Schedule s(r);
  const dim_t U = r.U, GU = gates_of(r.cell) * U, P = s.rows;
  Scratch<T> packed_x(s.dense ? 0 : P * r.I), own_gates(a.gates ? 0 : P * GU);
  const T* x = s.dense ? r.x : gather(r, s, packed_x.get());
  T* gates = a.gates ? a.gates : own_gates.get();
  gemm(Gemm<T>{P, GU, r.I, x, r.I, 1, r.kernel, GU, 1, gates, GU, r.bias});
  if (a.gates && !s.dense) {
    std::memset(a.gates + P * GU, 0, sizeof(T) * (r.B * r.S - P) * GU);
    std::memset(a.h_prev + P * U, 0, sizeof(T) * (r.B * r.S - P) * U);
    std::memset(a.c_all + P * U, 0, sizeof(T) * (r.B * r.S - P) * U);
  }
  // The first step reads no packed weights: without h0 its product is zero, and a single step is worth no packing.
  Scratch<T> first(r.h0 && P ? r.B * GU : 0);
  if (first) gemm(Gemm<T>{r.B, GU, U, r.h0, U, 1, r.recurrent, GU, 1, first, GU});
  std::optional<Weights<T>> weights;
  if (s.longest() > 1) weights.emplace(U, GU, r.recurrent, GU, 1);
  const dim_t groups = groups_of(P, r.B, U, GU);
  Scratch<T> work(r.B * forward_work(r));
  parallel_for(groups, 1, [&](dim_t begin, dim_t end) {
    for (dim_t g = begin; g < end; g++) {
      const Group group(s, r.B, g, groups);
      forward_group(a, s, group, weights ? &*weights : nullptr, first.get(), gates,
                    work + group.before * forward_work(r));
    }
  });
}

template <class T>
void recurrent_backward(const RecurrentBackward<T>& a) {
  const auto& r = a.r;
  const Schedule s(r);
  const dim_t U = r.U, GU = gates_of(r.cell) * U, P = s.rows;
  const bool carried = a.dy && r.mask && !r.zero_output;
  Scratch<T> own_dy(carried ? r.B * r.S * U : 0);
  const T* dy = carried ? carry_back(r, s, a.dy, own_dy.get()) : a.dy;
  std::optional<Weights<T>> weights;
  if (s.longest() > 1 || a.dh0_mode != Grad::skip) weights.emplace(GU, U, r.recurrent, 1, GU);
  const dim_t groups = groups_of(P, r.B, U, GU);
  Scratch<T> dz(P * GU), states(2 * r.B * U), work(r.B * (GU + kPad<T>));
  T *dh = states, *dc = states + r.B * U;
  parallel_for(groups, 1, [&](dim_t begin, dim_t end) {
    for (dim_t g = begin; g < end; g++) {
      const Group group(s, r.B, g, groups);
      backward_group(a, s, group, weights ? &*weights : nullptr, dy, dh + group.before * U, dc + group.before * U,
                     dz.get(), work + group.before * (GU + kPad<T>));
    }
  });
  Scratch<T> packed(s.dense ? 0 : P * r.I);
  if (a.dx_mode != Grad::skip) {
    gemm(Gemm<T>{P, r.I, GU, dz, GU, 1, r.kernel, 1, GU, s.dense ? a.dx : packed.get(), r.I, nullptr,
                 Activation::linear, s.dense && a.dx_mode == Grad::accumulate});
    if (!s.dense) scatter(r, s, packed.get(), a.dx, a.dx_mode == Grad::accumulate);
  }
  if (a.dkernel_mode != Grad::skip) {
    const T* x = s.dense ? r.x : gather(r, s, packed.get());
    gemm(Gemm<T>{r.I, GU, P, x, 1, r.I, dz, GU, 1, a.dkernel, GU, nullptr, Activation::linear,
                 a.dkernel_mode == Grad::accumulate});
  }
  if (a.drecurrent_mode != Grad::skip)
    gemm(Gemm<T>{U, GU, P, a.h_prev, 1, U, dz, GU, 1, a.drecurrent, GU, nullptr, Activation::linear,
                 a.drecurrent_mode == Grad::accumulate});
  if (a.dbias_mode != Grad::skip) column_sums(P, GU, dz.get(), GU, a.dbias, a.dbias_mode == Grad::accumulate);
  deliver(r.B, U, s, groups, dh, a.dh0, a.dh0_mode);
  deliver(r.B, U, s, groups, dc, a.dc0, a.dc0_mode);
}

template void recurrent_forward(const RecurrentForward<float>&);
template void recurrent_forward(const RecurrentForward<double>&);
template void recurrent_backward(const RecurrentBackward<float>&);
template void recurrent_backward(const RecurrentBackward<double>&);

}  // namespace lamina
