// One frame for all recurrent cells:
//
//   forward     gates = x . W + b of all steps, one product
//               for each step:   z = h . R (R packed once, in L2 over the steps), then the cell's gates row by row
//   backward    for each step, last first:   the cell's dz row by row, then dh = dz . R^T
//               dx = dz . W^T,  dW = x^T . dz,  dR = h_prev^T . dz,  db = column sums of dz: one product each
//
// With a projection a step has a product more: the cell's rows become the state, and backward its gradient theirs.
//
// Only steps that count are computed: their rows stand without gaps in the order of x, sequence after sequence.
// Threads divide the sequences, longest first in turn, and share nothing, so that no barrier stands in the time loop;
// or, with few sequences of many units, each step's product, of which each then reads a part of R (shares_steps).
#include "ops/recurrent.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/bfloat16.h"
#include "ops/gemm.h"
#include "ops/recurrent_norm.h"
#include "ops/recurrent_schedule.h"
#include "ops/recurrent_weight.h"

namespace lamina {
namespace {

constexpr dim_t kUnitsPerThread = 1024;  // of cells, which a region must have

template <class T>
constexpr dim_t kPad = 64 / sizeof(T);  // between rows of scratch: rows a power of two apart would share L1's sets

// What tells cells apart: their kernels (a second pair where a step has two products) and widths in multiples of U.
template <class T>
struct CellTraits {
  void (*forward)(const CellForward<T>&);
  void (*backward)(const CellBackward<T>&);
  void (*second_forward)(const CellForward<T>&);
  void (*second_backward)(const CellBackward<T>&);
  dim_t gates;  // in W and R
  dim_t saved;  // in the rows that forward saves
  dim_t dz;     // in the rows of gradients
  dim_t first;  // in the part of R that h_prev is multiplied with before the gates
  dim_t plain;  // in the first part of dR, which is h_prev^T times the first columns of dz
  bool direct;  // backward leaves a part of dh that the product is added to
};
template <class T>
CellTraits<T> cell_traits(const Recurrence<T>& r) {
  const auto& k = kernels<T>().recurrent;
  switch (r.cell) {
    case Cell::lstm:
      if (r.state_gamma) return {k.lstm_state_forward, k.lstm_state_backward, nullptr, nullptr, 4, 4, 4, 4, 4, false};
      return {k.lstm_forward, k.lstm_backward, nullptr, nullptr, 4, 4, 4, 4, 4, false};
    case Cell::gru: return {k.gru_forward, k.gru_backward, nullptr, nullptr, 3, 4, 4, 3, 2, true};
    case Cell::gru_reset_before:
      return {k.reset_gates_forward,
              k.reset_state_backward,
              k.reset_state_forward,
              k.reset_gates_backward,
              3,
              4,
              3,
              2,
              2,
              true};
    case Cell::simple_rnn: return {k.simple_forward, k.simple_backward, nullptr, nullptr, 1, 1, 1, 1, 1, false};
  }
  return {};
}

// R in the two parts that are multiplied one after the other; the second is empty for most cells. Backward transposes.
// The columns of int8 beside a part's own, which a step writes too, are those of z before they are computed, or after
// they were used.
template <class T>
struct StepWeights {
  StepWeight<T> first, second, projection;
  bool shared = false;  // by all threads, each its columns of every product
  StepWeights(const Recurrence<T>& r, const CellTraits<T>& cell, bool transposed, bool want_first, bool want_second) {
    const dim_t U = r.U, H = r.H, GU = cell.gates * U, N = cell.first * U;
    const bool pairs = in_bfloat16<T>(r.bfloat16);
    auto pack = [&](StepWeight<T>& to, dim_t rows, dim_t n0, dim_t n1, const T* w, dim_t ld, const QuantizedMatrix* q) {
      to.int8 = q, to.n0 = n0, to.n1 = n1;
      if (q) return;
      transposed ? to.floats.emplace(n1 - n0, rows, w + n0, 1, ld, pairs)
                 : to.floats.emplace(rows, n1 - n0, w + n0, ld, 1, pairs);
    };
    if (want_first) pack(first, H, 0, N, r.recurrent, GU, r.int8_recurrent);
    if (r.has_projection()) pack(projection, U, 0, H, r.projection, H, r.int8_projection);
    if (want_second && N < GU) pack(second, U, N, GU, r.recurrent, GU, r.int8_recurrent);
  }
  void multiply(const StepWeight<T>& w, dim_t rows, const T* a, dim_t lda, T* c, dim_t ldc, bool accumulate,
                bool fro) const {
    w.multiply(rows, a, lda, c, ldc, accumulate, fro, shared);
  }
};

// Calls f(begin, end) for parts of the sequences of a step, by all threads where they share it and its cells are many.
template <class F>
void for_cells(dim_t active, dim_t U, bool shared, F&& f) {
  parallel_for(active, shared ? kUnitsPerThread / U + 1 : active, f);
}

template <class T>
dim_t forward_row(const Recurrence<T>& r) {
  return std::max(r.U, r.H) + kPad<T>;
}
template <class T>
dim_t forward_work(const Recurrence<T>& r, const CellTraits<T>& cell) {  // elements a sequence: its h, r h, c and z
  return (1 + cell.gates) * r.U + 2 * forward_row(r);
}
template <class T>
dim_t spare_row(const Recurrence<T>& r, const CellTraits<T>& cell) {  // a row for what is normalized, and its moments
  return r.recurrent_gamma ? (cell.gates + 1) * r.U + kPad<T> : 0;
}

template <class T>
void forward_group(const RecurrentForward<T>& a, const CellTraits<T>& cell, const Schedule& s, const Group& group,
                   const StepWeights<T>& weights, T* start, T* gates, T* work, T* spare) {
  const auto& r = a.r;
  const dim_t U = r.U, H = r.H, GU = cell.gates * U, N = cell.first * U, LD = forward_row(r);
  T *h = work, *product = h + group.size * LD, *c = product + group.size * LD, *z = c + group.size * U;
  for (dim_t k = 0; k < group.size; k++) {
    const dim_t b = group[k];
    copy_row(h + k * LD, r.h0 ? r.h0 + b * H : nullptr, H);
    if (a.h_prev && s.count(b)) copy_row(a.h_prev + s.row(b, 0) * H, h + k * LD, H);
  }
  // Where the state after a step goes, besides h: the sequence's output, and the row before its next step.
  auto output = [&](dim_t b, dim_t step) { return a.y ? a.y + (b * r.S + s.output(b, step)) * H : nullptr; };
  auto next = [&](dim_t b, dim_t step) {
    return a.h_prev && step + 1 < s.count(b) ? a.h_prev + s.row(b, step + 1) * H : nullptr;
  };
  CellForward<T> all{};
  all.U = U;
  all.act = r.act;
  all.recurrent_act = r.recurrent_act;
  all.keep = a.gates;
  all.bias = r.bias && r.cell == Cell::gru ? r.bias + GU : nullptr;
  all.ahead = r.go_backwards ? -1 : 1;
  dim_t active = group.size;
  const StateNorm<T> norm(r, cell.plain * U);
  auto stats = [&](dim_t row) { return a.stats ? a.stats + row * kStats : spare + GU + U; };
  auto normalize = [&](dim_t step, T* rows_of_z, bool by_sequence, dim_t from, dim_t to) {
    for (dim_t k = 0; k < active; k++) {
      const dim_t b = group[k], row = s.row(b, step);
      T *raw = a.raw ? a.raw + row * GU : spare, *z_row = rows_of_z + (by_sequence ? b : k) * GU;
      copy_row(raw + from, z_row + from, to - from);
      norm.forward(from, to, raw, z_row, stats(row));
    }
  };
  std::optional<StepInput> input;  // in place of gates
  T* of_step = nullptr;
  if constexpr (std::is_same_v<T, float>)
    if (r.int8_kernel && !gates) input.emplace(r, group, cell.saved * U);
  if (input) all.ahead = 1;
  // Where nothing but sums stands between both products, the second is added to the first.
  const bool adds = input && !norm.of_product() && (r.cell == Cell::lstm || r.cell == Cell::simple_rnn);
  const bool divided = weights.shared && !norm.of_state();  // there is one spare row a group
  auto cells_of = [&](dim_t begin, dim_t end, dim_t step, const T* rows_of_z, bool by_sequence, bool second) {
    CellForward<T> f = all;
    for (dim_t k = begin; k < end; k++) {
      const dim_t b = group[k], row = s.row(b, step);
      f.z = rows_of_z ? rows_of_z + (by_sequence ? b : k) * GU : nullptr;
      f.gates = of_step ? of_step + k * cell.saved * U : gates + row * cell.saved * U;
      f.h = (r.has_projection() ? product : h) + k * LD;
      f.product = product + k * LD;
      f.c = a.c_all ? a.c_all + row * U : c + k * U;
      f.c_prev = !step ? (r.c0 ? r.c0 + b * U : nullptr) : a.c_all ? a.c_all + s.row(b, step - 1) * U : f.c;
      f.y = r.has_projection() ? nullptr : output(b, step);
      f.next = !r.has_projection() ? next(b, step) : a.projected ? a.projected + row * U : nullptr;
      second ? cell.second_forward(f) : cell.forward(f);
      if (norm.of_state()) {
        norm.state_forward(f.c, spare + GU, stats(row));
        f.normal = spare + GU;
        kernels<T>().recurrent.lstm_output_forward(f);
      }
    }
  };
  auto cells = [&](dim_t step, const T* rows_of_z, bool by_sequence, bool second) {
    for_cells(active, U, divided,
              [&](dim_t begin, dim_t end) { cells_of(begin, end, step, rows_of_z, by_sequence, second); });
  };
  auto project = [&](dim_t step) {
    weights.multiply(weights.projection, active, product, LD, h, LD, false, step & 1);
    for (dim_t k = 0; k < active; k++)
      for (T* to : {output(group[k], step), next(group[k], step)})
        if (to) copy_row(to, h + k * LD, H);
  };
  for (dim_t step = 0; step < group.steps(); step++) {
    active = group.active(step, active);
    if constexpr (std::is_same_v<T, float>)
      if (input) of_step = input->step(step);
    if (step) weights.multiply(weights.first, active, h, LD, adds ? of_step : z, GU, adds, step & 1);
    const bool has_product = step || r.h0;  // the norm of zeros is zero
    if (norm.of_product() && has_product) normalize(step, step ? z : start, !step, 0, N);
    cells(step, !step ? start : adds ? nullptr : z, !step, false);
    if (r.has_projection()) project(step);
    if (!cell.second_forward) continue;
    if (has_product) weights.multiply(weights.second, active, product, LD, z + N, GU, false, step & 1);
    if (norm.of_product() && has_product) normalize(step, z, false, N, GU);
    cells(step, has_product ? z + N : nullptr, false, true);
  }
  for (dim_t k = 0; k < group.size; k++) {
    const dim_t b = group[k], n = s.count(b);
    const T* last = !n ? (r.c0 ? r.c0 + b * U : nullptr) : a.c_all ? a.c_all + s.row(b, n - 1) * U : c + k * U;
    copy_row(a.h + b * H, h + k * LD, H);
    if (a.c) copy_row(a.c + b * U, last, U);
    if (a.y && n < r.S) fill_outputs(r, s, b, a.y);
  }
}

// Rows that the gradients of a normalization are made of: of h . R before it, and what is summed to those of its
// weights.
template <class T>
struct NormRows {
  Scratch<T> draw, gamma, dnormal, state_gamma;
  NormRows(const Recurrence<T>& r, dim_t P, dim_t GU)
      : draw(r.recurrent_gamma ? P * GU : 0),
        gamma(r.recurrent_gamma ? P * GU : 0),
        dnormal(r.state_gamma ? P * r.U : 0),
        state_gamma(r.state_gamma ? P * r.U : 0) {}
};

// Without a kernel: x is the input's part of the gates already.
template <class T>
void take_gates(const Recurrence<T>& r, const Schedule& s, T* gates, dim_t step) {
  parallel_for(r.B, kGrain / std::max<dim_t>(1, r.S * r.I) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t b = begin; b < end; b++)
      for (dim_t p = s.start(b); p < s.start(b) + s.count(b); p++) {
        copy_row(gates + p * step, r.x + (b * r.S + s.time(b, p)) * r.I, r.I);
        if (r.bias) add_row(gates + p * step, r.bias, r.I);
      }
  });
}

template <class T>
dim_t backward_work(const Recurrence<T>& r,
                    const CellTraits<T>& cell) {  // elements a sequence: its dr, and that of r h
  return (cell.first + 1) * r.U + kPad<T>;
}

template <class T>
void backward_group(const RecurrentBackward<T>& a, const CellTraits<T>& cell, const Schedule& s, const Group& group,
                    const StepWeights<T>& weights, const T* dy, T* dh, T* dc, T* dz, T* dh_all,
                    const NormRows<T>& of_norm, T* work, T* spare) {
  const auto& r = a.r;
  const dim_t U = r.U, H = r.H, GU = cell.gates * U, N = cell.first * U, LD = N + kPad<T>;
  T* dproduct = work + group.size * LD;
  for (dim_t k = 0; k < group.size; k++) {
    copy_row(dh + k * H, a.dh ? a.dh + group[k] * H : nullptr, H);
    copy_row(dc + k * U, a.dc ? a.dc + group[k] * U : nullptr, U);
  }
  CellBackward<T> all{};
  all.U = U;
  all.act = r.act;
  all.recurrent_act = r.recurrent_act;
  all.ahead = r.go_backwards ? 1 : -1;
  dim_t active = 0;
  const StateNorm<T> norm(r, cell.plain * U);
  auto denormalize = [&](dim_t step, dim_t from, dim_t to) {  // dr of these columns, in its place
    for (dim_t k = 0; k < active; k++) {
      const dim_t row = s.row(group[k], step);
      norm.backward(from, to, a.raw + row * GU, a.stats + row * kStats, work + k * LD, of_norm.draw + row * GU,
                    of_norm.gamma + row * GU);
    }
  };
  auto output = [&](CellBackward<T>& f, dim_t row) {  // of an lstm whose c is normalized
    T *normal = spare, *again = spare + GU + U;
    norm.state_forward(f.c, normal, again - 4);
    f.normal = normal;
    f.dnormal = of_norm.dnormal + row * U;
    kernels<T>().recurrent.lstm_output_backward(f);
    norm.state_backward(f.c, a.stats + row * kStats, f.dnormal, f.dc, of_norm.state_gamma + row * U);
  };
  auto cells_of = [&](dim_t begin, dim_t end, dim_t step, auto kernel) {
    CellBackward<T> f = all;
    for (dim_t k = begin; k < end; k++) {
      const dim_t b = group[k], row = s.row(b, step);
      f.gates = a.gates + row * cell.saved * U;
      f.h_prev = a.h_prev + row * H;
      if (a.c_all) {
        f.c = a.c_all + row * U;
        f.c_prev = step ? a.c_all + s.row(b, step - 1) * U : r.c0 ? r.c0 + b * U : nullptr;
      }
      f.dy = dy && !r.projection ? dy + (b * r.S + s.output(b, step)) * U : nullptr;
      f.dh = r.projection ? dproduct + k * U : dh + k * U;
      f.dc = dc + k * U;
      f.dz = dz + row * cell.dz * U;
      f.dr = work + k * LD;
      f.dproduct = dproduct + k * U;
      if (norm.of_state()) output(f, row);
      kernel(f);
    }
  };
  auto cells = [&](dim_t step, auto kernel) {
    for_cells(active, U, weights.shared && !norm.of_state(),
              [&](dim_t begin, dim_t end) { cells_of(begin, end, step, kernel); });
  };
  auto project = [&](dim_t step) {  // the gradient of what was projected, into dproduct
    for (dim_t k = 0; k < active; k++) {
      const dim_t b = group[k];
      if (dy) add_row(dh + k * H, dy + (b * r.S + s.output(b, step)) * H, H);
      copy_row(dh_all + s.row(b, step) * H, dh + k * H, H);
    }
    weights.multiply(weights.projection, active, dh, H, dproduct, U, false, step & 1);
  };
  for (dim_t step = group.steps(); step-- > 0;) {
    active = group.active(step, active);
    if (r.projection) project(step);
    cells(step, cell.backward);
    if (norm.of_product() && cell.second_backward) denormalize(step, N, GU);
    if (cell.second_backward) {
      weights.multiply(weights.second, active, work, LD, dproduct, U, false, step & 1);
      cells(step, cell.second_backward);
    }
    if (norm.of_product()) denormalize(step, 0, N);
    if (step || a.dh0.wanted()) weights.multiply(weights.first, active, work, LD, dh, H, cell.direct, step & 1);
  }
}

}  // namespace

template <class T>
void recurrent_forward(const RecurrentForward<T>& a) {
  const auto& r = a.r;
  const Schedule s(r);
  const CellTraits<T> cell = cell_traits(r);
  const dim_t U = r.U, H = r.H, GU = cell.gates * U, N = cell.first * U, SU = cell.saved * U, P = s.rows;
  dim_t groups = groups_of(P, r.B, U, GU);
  const bool shared = shares_steps<T>(r.B, r.int8_recurrent ? (H + 3) / 4 : H, N, groups);
  if (shared) groups = 1;
  // Products of int8 take less time than all gates on their way to memory; a single sequence has too few rows.
  const bool by_steps = r.int8_kernel && !shared && r.B > 1;
  Scratch<T> packed_x(s.dense || !r.has_kernel() || by_steps ? 0 : P * r.I),
      own_gates(a.gates || by_steps ? 0 : P * SU);
  T* gates = a.gates ? a.gates : own_gates.get();
  if (r.has_kernel() && !by_steps) {
    const T* x = s.dense ? r.x : gather(r, s, packed_x.get());
    whole_product(r, P, GU, r.I, x, r.kernel, GU, r.int8_kernel, gates, SU, r.bias);
  } else if (!r.has_kernel()) {
    take_gates(r, s, gates, SU);
  }
  if (a.raw) {  // zeros also for the first steps, where there is no product
    std::memset(a.raw, 0, sizeof(T) * r.B * r.S * GU);
    std::memset(a.stats, 0, sizeof(T) * r.B * r.S * kStats);
  }
  if (a.gates && !s.dense) {
    const dim_t rest = r.B * r.S - P;
    std::memset(a.gates + P * SU, 0, sizeof(T) * rest * SU);
    std::memset(a.h_prev + P * H, 0, sizeof(T) * rest * H);
    for (T* rows : {a.c_all, a.projected})
      if (rows) std::memset(rows + P * U, 0, sizeof(T) * rest * U);
  }
  // The first step reads no packed weights: without h0 its product is zero, and a single step is worth no packing.
  Scratch<T> start(r.h0 && P ? r.B * GU : 0);
  if (start) whole_product<T>(r, r.B, N, H, r.h0, r.recurrent, GU, r.int8_recurrent, start, GU, nullptr);
  StepWeights<T> weights(r, cell, false, s.longest() > 1, s.longest() > (r.h0 ? 0 : 1));
  weights.shared = shared;
  const dim_t each = forward_work(r, cell), spare = spare_row(r, cell);
  Scratch<T> work(r.B * each), spares(groups * spare);
  parallel_for(groups, 1, [&](dim_t begin, dim_t end) {
    for (dim_t g = begin; g < end; g++) {
      const Group group(s, r.B, g, groups);
      forward_group(a, cell, s, group, weights, start.get(), gates, work + group.before * each, spares + g * spare);
    }
  });
}

template <class T>
void recurrent_backward(const RecurrentBackward<T>& a) {
  const auto& r = a.r;
  const Schedule s(r);
  const CellTraits<T> cell = cell_traits(r);
  const dim_t U = r.U, H = r.H, GU = cell.gates * U, ZU = cell.dz * U, P = s.rows;
  const bool carried = a.dy && r.mask && !r.zero_output;
  Scratch<T> own_dy(carried ? r.B * r.S * H : 0), dh_all(r.projection ? P * H : 0);
  const T* dy = carried ? carry_back(r, s, a.dy, own_dy.get()) : a.dy;
  StepWeights<T> weights(r, cell, true, s.longest() > (a.dh0.wanted() ? 0 : 1), P > 0);
  dim_t groups = groups_of(P, r.B, U, GU);
  if ((weights.shared = shares_steps<T>(r.B, cell.first * U, H, groups))) groups = 1;
  const dim_t each = backward_work(r, cell), spare = spare_row(r, cell);
  const NormRows<T> of_norm(r, P, GU);
  Scratch<T> spares(groups * spare);
  Scratch<T> dz(P * ZU), states(r.B * (H + U)), work(r.B * each);
  T *dh = states, *dc = states + r.B * H;
  parallel_for(groups, 1, [&](dim_t begin, dim_t end) {
    for (dim_t g = begin; g < end; g++) {
      const Group group(s, r.B, g, groups);
      backward_group(a, cell, s, group, weights, dy, dh + group.before * H, dc + group.before * U, dz.get(),
                     dh_all.get(), of_norm, work + group.before * each, spares + g * spare);
    }
  });
  Scratch<T> packed(s.dense && r.kernel ? 0 : P * r.I);
  if (a.dx.wanted() && !r.kernel) {
    parallel_for(P, kGrain / std::max<dim_t>(1, r.I) + 1, [&](dim_t begin, dim_t end) {
      for (dim_t p = begin; p < end; p++) copy_row(packed + p * r.I, dz + p * ZU, r.I);
    });
    scatter(r, s, packed.get(), a.dx.to, a.dx.adds());
  } else if (a.dx.wanted()) {
    const bool add = a.dx.adds();
    T* dx = s.dense ? a.dx : packed.get();
    gemm(Gemm<T>{P, r.I, GU, dz, ZU, 1, r.kernel, 1, GU, dx, r.I, nullptr, Activation::linear, s.dense && add,
                 r.bfloat16});
    if (!s.dense) scatter(r, s, packed.get(), a.dx.to, add);
  }
  // left^T . right, of all rows that count, into columns of a weight's gradient.
  auto product = [&](dim_t rows, const T* left, dim_t step, dim_t columns, const T* right, T* out, bool add,
                     dim_t right_step) {
    gemm(Gemm<T>{rows, columns, P, left, 1, step, right, right_step, 1, out, GU, nullptr, Activation::linear, add,
                 r.bfloat16});
  };
  if (a.dkernel.wanted())
    product(r.I, s.dense ? r.x : gather(r, s, packed.get()), r.I, GU, dz, a.dkernel, a.dkernel.adds(), ZU);
  if (a.drecurrent.wanted()) {
    const dim_t plain = cell.plain * U;
    const bool add = a.drecurrent.adds();
    const T* draw = of_norm.draw;  // in R's columns; dz has gru's last ones behind those of the input
    const T *of_gates = draw ? draw : dz, *last = draw ? draw + plain : dz + (r.cell == Cell::gru ? 3 : 2) * U;
    const dim_t step = draw ? GU : ZU;
    product(H, a.h_prev, H, plain, of_gates, a.drecurrent, add, step);
    if (r.cell == Cell::gru) product(U, a.h_prev, U, U, last, a.drecurrent + plain, add, step);
    if (r.cell == Cell::gru_reset_before) product(U, a.gates + 3 * U, 4 * U, U, last, a.drecurrent + plain, add, step);
  }
  if (a.dbias.wanted()) {
    const bool add = a.dbias.adds();
    column_sums(P, GU, dz.get(), ZU, a.dbias.to, add);
    if (r.cell == Cell::gru) {
      column_sums(P, 2 * U, dz.get(), ZU, a.dbias + GU, add);
      column_sums(P, U, dz + 3 * U, ZU, a.dbias + GU + 2 * U, add);
    }
  }
  auto sums = [&](dim_t columns, const T* rows, const Gradient<T>& to) {
    if (to.wanted()) column_sums(P, columns, rows, columns, to.to, to.adds());
  };
  sums(GU, of_norm.gamma, a.drecurrent_gamma);
  sums(U, of_norm.state_gamma, a.dstate_gamma);
  sums(U, of_norm.dnormal, a.dstate_beta);
  if (a.dprojection.wanted())
    gemm(Gemm<T>{U, H, P, a.projected, 1, U, dh_all, H, 1, a.dprojection, H, nullptr, Activation::linear,
                 a.dprojection.adds(), r.bfloat16});
  deliver(r.B, H, s, groups, dh, a.dh0);
  deliver(r.B, U, s, groups, dc, a.dc0);
}

LAMINA_FOR_FLOATS(recurrent_forward, RecurrentForward);
LAMINA_FOR_FLOATS(recurrent_backward, RecurrentBackward);

}  // namespace lamina
