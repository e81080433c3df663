// Reductions of several short rows at once, for kernels such as softmax. A single row is one chain of dependent
// operations, whose latency the other rows hide.
#pragma once
#include "simd/math.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// Rows of n numbers that are worked on together. A row's bits do not depend on it.
template <class T>
LAMINA_INLINE int rows_at_once(dim_t n) {
  return n <= 32 * kLanes<T> ? kLanes<T> : 1;
}

// out[i] = the lanes of v[i] joined, by halves as join_lanes does; v has kLanes registers, of which n count.
template <class T, class F>
LAMINA_INLINE void join_rows(Vec<T>* v, int n, T* out, F join) {
  constexpr int W = kLanes<T>;
  if (n == 1) {
    out[0] = join_lanes<T>(v[0], join);
    return;
  }
  transpose_round<T, 1>(v);
#pragma GCC unroll 4
  for (int d = W / 2; d > 0; d /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < d; i++) v[i] = join(v[i], v[i + d]);
  store(out, v[0]);
}
template <class T>
LAMINA_INLINE void sum_rows(Vec<T>* v, int n, T* out) {
  join_rows<T>(v, n, out, [](Vec<T> a, Vec<T> b) LAMINA_INLINE_LAMBDA { return a + b; });
}

// x for the lanes below n, -inf in the others: neutral in a maximum, nothing in a sum of exponentials.
template <class T>
LAMINA_INLINE Vec<T> get_or_minus_inf(const T* x, int n) {
  if (n == kLanes<T>) return load(x);
  return select<T>(first_lanes<T>(n), load_part(x, n), splat(T(-__builtin_inf())));
}

// out[q] = the maximum of row q of n. A NaN may get lost.
template <class T>
LAMINA_INLINE void max_rows(int n, dim_t cols, const T* x, T* out) {
  Vec<T> m[kLanes<T>] = {};
  for (int q = 0; q < n; q++) {
    Vec<T> most = splat(T(-__builtin_inf()));
    const T* row = x + q * cols;
    for_lanes<T>(cols,
                 [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { most = vmax<T>(get_or_minus_inf(row + i, l), most); });
    m[q] = most;
  }
  join_rows<T>(m, n, out, [](Vec<T> a, Vec<T> b) LAMINA_INLINE_LAMBDA { return vmax<T>(a, b); });
}

// Calls f(first, n) on the rows, n <= rows_at_once of them at a time.
template <class T, class F>
LAMINA_INLINE void for_rows(dim_t rows, dim_t cols, F f) {
  const dim_t most = rows_at_once<T>(cols);
  for (dim_t i = 0; i < rows; i += most) f(i, int(rows - i < most ? rows - i : most));
}

// e^x for x <= 0 and for NaN.
template <class T>
LAMINA_INLINE Vec<T> exp_below(Vec<T> x) {
  return select<T>(x != x, x, vexp_negative<T>(x));
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
