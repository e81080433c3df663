// Which steps of padded sequences count, how threads share the sequences, and rows on their way in and out.
#pragma once
#include <algorithm>

#include "core/check.h"
#include "core/cpu.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "ops/panels.h"
#include "ops/recurrent.h"

namespace lamina {

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

constexpr double kFlopsPerRegion = 3.0e5;      // what few rows could compute while a step's region starts and ends
constexpr dim_t kNearRows = 4, kFarRows = 20;  // so many take no longer than reading R, from L2 or from behind it

inline dim_t groups_of(dim_t rows, dim_t B, dim_t U, dim_t GU) {
  const double flops = 2.0 * double(rows) * double(U) * double(GU);
  const dim_t worth = std::max<dim_t>(1, static_cast<dim_t>(flops / kFlopsPerThread));
  return std::max<dim_t>(1, std::min({dim_t(get_num_threads()), worth, B}));
}

// Whether a step's product with the K x N matrix R is divided among all threads, rather than the sequences: few of
// these take as long as reading R takes, and many units have room in the L2s of all threads together alone.
template <class T>
bool shares_steps(dim_t B, dim_t K, dim_t N, dim_t groups) {
  const dim_t threads = get_num_threads(), bytes = K * N * dim_t(sizeof(T));
  if (threads == 1 || B == 0 || bytes == 0) return false;
  auto flops = [&](dim_t rows, dim_t part) {
    const bool far = 4 * part > 3 * caches().l2;
    return 2.0 * double(K) * double(N) * double(std::max(rows, far ? kFarRows : kNearRows));
  };
  const dim_t panels = panels_of<T>(K, N).count, most = (panels + threads - 1) / threads;
  return flops(B, bytes / threads) * double(most) / double(panels) + kFlopsPerRegion <
         flops((B + groups - 1) / groups, bytes);
}

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
    T* at = y + (b * r.S + position) * r.H;
    if (!counts) copy_row(at, before, r.H);
    if (counts && r.mask && !r.zero_output) before = at;
  });
}

// Gradients of carried outputs belong to the step that made them.
template <class T>
const T* carry_back(const Recurrence<T>& r, const Schedule& s, const T* dy, T* to) {
  parallel_for(r.B, kGrain / std::max<dim_t>(1, r.S * r.H) + 1, [&](dim_t begin, dim_t end) {
    std::copy(dy + begin * r.S * r.H, dy + end * r.S * r.H, to + begin * r.S * r.H);
    for (dim_t b = begin; b < end; b++) {
      T* carried = nullptr;
      s.outputs(b, true, [&](dim_t position, bool counts) {
        T* at = to + (b * r.S + position) * r.H;
        if (carried) add_row(at, carried, r.H);
        carried = counts ? nullptr : at;
      });
    }
  });
  return to;
}

// Gradients of first states: from the order of the groups to that of the sequences.
template <class T>
void deliver(dim_t B, dim_t U, const Schedule& s, dim_t groups, const T* from, const Gradient<T>& to) {
  if (!to.wanted()) return;
  for (dim_t g = 0, at = 0; g < groups; g++) {
    const Group group(s, B, g, groups);
    for (dim_t k = 0; k < group.size; k++, at++)
      to.adds() ? add_row(to + group[k] * U, from + at * U, U) : copy_row(to + group[k] * U, from + at * U, U);
  }
}

}  // namespace lamina
