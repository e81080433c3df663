#include "kernels/ctc.h"

#include "kernels/table.h"
#include "simd/rows.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T>
constexpr T kNever = T(-1e30);  // log of the probability 0, finite, so that differences are no NaN

// The two kinds of states at one step, as logarithms: label i was the last (i < count), and a blank stands before label
// i (i <= count).  kNever before, between and behind.
template <class T>
struct States {
  T *labels, *blanks;
};
template <class T>
LAMINA_INLINE States<T> states(T* row, dim_t width) {
  return {row + kCtcPad, row + 2 * kCtcPad + width};
}
template <class T>
LAMINA_INLINE void fill_all(T* p, dim_t n, T value) {
  for (dim_t i = 0; i < n; i++) p[i] = value;
}

template <class T>
LAMINA_INLINE Vec<T> log_sum(Vec<T> a, Vec<T> b) {
  const Vec<T> m = vmax<T>(a, b);
  return m + vlog<T>(vexp_negative<T>(a - m) + vexp_negative<T>(b - m));
}
template <class T>
LAMINA_INLINE Vec<T> log_sum(Vec<T> a, Vec<T> b, Vec<T> c) {
  const Vec<T> m = vmax<T>(vmax<T>(a, b), c);
  return m + vlog<T>(vexp_negative<T>(a - m) + vexp_negative<T>(b - m) + vexp_negative<T>(c - m));
}

// Logarithms of the probabilities of the labels (steps x width, kNever behind them) and of the blank; the softmax of
// all classes goes to the gradient.  Returns the sum of the steps' divisors: NaN or infinite where one has none.
template <class T>
LAMINA_INLINE double log_probabilities(const CtcSequence<T>& s, dim_t width, T* of_labels, T* of_blank) {
  const dim_t n = s.classes;
  double sum_of_all = 0;
  for_rows<T>(s.steps, n, [&](dim_t first, int rows) LAMINA_INLINE_LAMBDA {
    T most[kLanes<T>], sum[kLanes<T>] = {}, log_of_sum[kLanes<T>];
    max_rows(rows, n, s.x + first * n, most);
    Vec<T> sums[kLanes<T>] = {};
    for (int q = 0; q < rows; q++) {
      const T *x = s.x + (first + q) * n, m = most[q];
      T* g = s.gradient ? s.gradient + (first + q) * n : nullptr;
      Vec<T> total{};
      for_lanes<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
        const Vec<T> e = exp_below<T>(get_or_minus_inf(x + j, l) - m);
        total += e;
        if (g) put<T>(g + j, e, l);
      });
      sums[q] = total;
    }
    sum_rows<T>(sums, rows, sum);
    store(log_of_sum, vlog<T>(load(sum)));
    for (int q = 0; q < rows; q++) {
      const dim_t t = first + q;
      const T *x = s.x + t * n, by = most[q] + log_of_sum[q], share = T(1) / sum[q];
      sum_of_all += double(by);
      T* p = of_labels + t * width;
      for (dim_t i = 0; i < s.count; i++) p[i] = x[s.labels[i]] - by;
      for (dim_t i = s.count; i < width; i++) p[i] = kNever<T>;
      of_blank[t] = x[s.blank] - by;
      if (!s.gradient) continue;
      T* g = s.gradient + t * n;
      for_lanes<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { put<T>(g + j, get(g + j, l) * share, l); });
    }
  });
  return sum_of_all;
}

// Both passes subtract the largest of a step before the next, and keep the sum of what they took as a double: numbers
// stay small and exact however long the sequence is. At each step the posterior is scaled to sum 1, which takes away
// the rounding that all states have in common.
template <class T>
T sequence(const CtcSequence<T>& s) {
  constexpr int W = kLanes<T>;
  using V = Vec<T>;
  const dim_t width = ctc_width(s.count), row = ctc_row(s.count);
  T* alpha = s.scratch;                  // steps x row
  T* of_labels = alpha + s.steps * row;  // steps x width
  T* beta = of_labels + s.steps * width;
  T* ahead = beta + row;              // beta of the step behind, times its probabilities
  T* skip = ahead + row;              // 0 where label i may follow label i - 1 without a blank, else kNever
  T* share = skip + width + kCtcPad;  // of the labels in the posterior
  T* of_blank = share + width;
  const V never = splat(kNever<T>);

  const double divisors = log_probabilities(s, width, of_labels, of_blank);
  for (dim_t i = 0; i < width + kCtcPad; i++)
    skip[i] = i > 0 && i < s.count && s.labels[i] != s.labels[i - 1] ? T(0) : kNever<T>;
  fill_all(alpha, s.steps * row, kNever<T>);
  fill_all(beta, 2 * row, kNever<T>);

  const auto start = states(alpha, width);
  start.blanks[0] = of_blank[0];
  if (s.count) start.labels[0] = of_labels[0];
  T most = start.blanks[0] < start.labels[0] ? start.labels[0] : start.blanks[0];
  double offset = 0;
  bool possible = true;
  s.offsets[0] = 0;
  for (dim_t t = 1; t < s.steps && possible; t++) {
    const auto before = states(alpha + (t - 1) * row, width), now = states(alpha + t * row, width);
    const T* p = of_labels + t * width;
    const T blank = of_blank[t] - most;
    possible = !(most < kNever<T> / 2);
    offset += double(most);
    s.offsets[t] = offset;
    V largest = never;
    for (dim_t i = 0; i < width; i += W) {
      const V same = load(before.labels + i), last = load(before.labels + i - 1), gap = load(before.blanks + i);
      const V label = vmax<T>(log_sum<T>(same, gap, last + load(skip + i)) + (load(p + i) - most), never);
      const V pause = vmax<T>(log_sum<T>(gap, last) + blank, never);
      store(now.labels + i, label);
      store(now.blanks + i, pause);
      largest = vmax<T>(largest, vmax<T>(label, pause));
    }
    most = hmax<T>(largest);
  }
  const auto end = states(alpha + (s.steps - 1) * row, width);
  const T last_two = log_sum<T>(splat(end.blanks[s.count]), splat(s.count ? end.labels[s.count - 1] : kNever<T>))[0];
  possible = possible && !(last_two < kNever<T> / 2);
  const bool number = divisors - divisors == 0;
  const double total = offset + double(last_two);
  const T loss = !number ? T(__builtin_nan("")) : possible ? T(-total) : T(__builtin_inf());
  if (!s.gradient) return loss;
  if (!number || !possible) {
    fill_all(s.gradient, s.steps * s.classes, T(__builtin_nan("")));
    return loss;
  }

  const auto behind = states(beta, width), next = states(ahead, width);
  behind.blanks[s.count] = 0;
  if (s.count) behind.labels[s.count - 1] = 0;
  offset = 0;
  for (dim_t t = s.steps - 1; t >= 0; t--) {
    const auto here = states(alpha + t * row, width);
    const T* p = of_labels + t * width;
    const T all = T(total - s.offsets[t] - offset);
    V labels{}, pauses{}, largest = never;
    for (dim_t i = 0; i < width; i += W) {
      const V label = load(behind.labels + i), pause = load(behind.blanks + i);
      const V part = vexp_negative<T>(load(here.labels + i) + label - all);
      store(share + i, part);
      labels += part;
      pauses += vexp_negative<T>(load(here.blanks + i) + pause - all);
      const V a = vmax<T>(label + load(p + i), never), b = vmax<T>(pause + of_blank[t], never);
      store(next.labels + i, a);
      store(next.blanks + i, b);
      largest = vmax<T>(largest, vmax<T>(a, b));
    }
    T* g = s.gradient + t * s.classes;
    const T of_pauses = hsum<T>(pauses), scale = T(1) / (of_pauses + hsum<T>(labels));
    g[s.blank] -= of_pauses * scale;
    for (dim_t i = 0; i < s.count; i++) g[s.labels[i]] -= share[i] * scale;
    most = hmax<T>(largest);
    offset += double(most);
    for (dim_t i = 0; i < width; i += W) {
      const V same = load(next.labels + i), after = load(next.labels + i + 1), gap = load(next.blanks + i);
      const V label = log_sum<T>(same, load(next.blanks + i + 1), after + load(skip + i + 1)) - most;
      store(behind.labels + i, vmax<T>(label, never));
      store(behind.blanks + i, vmax<T>(log_sum<T>(gap, same) - most, never));
    }
  }
  return loss;
}

template <class T>
void fill(CtcKernels<T>& k) {
  k.sequence = sequence<T>;
}

}  // namespace

LAMINA_FILL(ctc)

}  // namespace LAMINA_ISA
}  // namespace lamina
