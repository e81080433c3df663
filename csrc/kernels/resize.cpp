#include "kernels/resize.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T>
LAMINA_INLINE void deliver(T* y, Vec<T> v, int lanes, bool accumulate, bool stream = false) {
  if (accumulate) v += get(y, lanes);
  put<T>(y, v, lanes, stream);
}
// Whether registers of y from p on, multiples of n numbers apart, may be written past the caches.
template <class T>
LAMINA_INLINE bool streams(const T* y, dim_t n, bool wanted, bool accumulate) {
  return wanted && !accumulate && vector_aligned(y) && n % kLanes<T> == 0;
}

// Every sum is the same chain, so that its bits do not depend on which of these kernels finds it: the first product
// rounded, the others added to it in order. Of the sum of two products compilers fuse the one that is written first.
template <class T>
void rows(const ResizeRows<T>& r) {
  constexpr int L = kLanes<T>;
  constexpr int U = 4;  // registers at once, which share a weight
  const T *const *x = r.rows, *w = r.weight;
  T* y = r.y;
  const dim_t n = r.n, count = r.count;
  const bool accumulate = r.accumulate, stream = streams(y, n, r.stream, accumulate);
  if (count == 1) {
    const T *a = x[0], weight = w[0];
    for_lanes<T>(n, [&](dim_t i, int l)
                        LAMINA_INLINE_LAMBDA { deliver<T>(y + i, weight * get(a + i, l), l, accumulate, stream); });
    return;
  }
  if (count == 2) {
    const T *a = x[0], *b = x[1], near = w[0], far = w[1];
    for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      deliver<T>(y + i, far * get(b + i, l) + near * get(a + i, l), l, accumulate, stream);
    });
    return;
  }
  dim_t i = 0;
  if (count > 0)
    for (; i + U * L <= n; i += U * L) {
      Vec<T> v[U];
      for (int u = 0; u < U; u++) v[u] = w[0] * load(x[0] + i + u * L);
      for (dim_t j = 1; j < count; j++)
        for (int u = 0; u < U; u++) v[u] += w[j] * load(x[j] + i + u * L);
      for (int u = 0; u < U; u++) deliver<T>(y + i + u * L, v[u], L, accumulate, stream);
    }
  for_lanes<T>(n - i, [&](dim_t e, int l) LAMINA_INLINE_LAMBDA {
    Vec<T> v{};
    if (count > 0) v = w[0] * get(x[0] + i + e, l);
    for (dim_t j = 1; j < count; j++) v += w[j] * get(x[j] + i + e, l);
    deliver<T>(y + i + e, v, l, accumulate, stream);
  });
}

// Pixels of few channels, one number after the other: registers would stay empty.
template <class T, int C>
void single_channels(const ResizePixels<T>& r) {
  for (dim_t p = 0; p < r.pixels; p++) {
    const T *x = r.x + r.first[p] * C, *w = r.weight + p * r.taps;
    T *y = r.y + p * C, v[C] = {};
    const dim_t count = r.count[p];
    if (count == 1) {
      for (int c = 0; c < C; c++) v[c] = w[0] * x[c];
    } else if (count == 2) {
      for (int c = 0; c < C; c++) v[c] = w[1] * x[C + c] + w[0] * x[c];
    } else if (count > 0) {
      for (int c = 0; c < C; c++) v[c] = w[0] * x[c];
      for (dim_t k = 1; k < count; k++)
        for (int c = 0; c < C; c++) v[c] += w[k] * x[k * C + c];
    }
    for (int c = 0; c < C; c++) y[c] = r.accumulate ? y[c] + v[c] : v[c];
  }
}

template <class T>
void pixels(const ResizePixels<T>& r) {
  const dim_t C = r.channels;
  switch (C) {
    case 1: return single_channels<T, 1>(r);
    case 2: return single_channels<T, 2>(r);
    case 3: return single_channels<T, 3>(r);
  }
  // Copies, since what is stored may be taken for a change of r.
  const dim_t pixels = r.pixels, taps = r.taps, *first = r.first, *counts = r.count;
  const T *from = r.x, *weights = r.weight;
  T* to = r.y;
  const bool accumulate = r.accumulate, stream = streams(to, C, r.stream, accumulate);
  for (dim_t p = 0; p < pixels; p++) {
    const dim_t count = counts[p];
    const T *x = from + first[p] * C, *w = weights + p * taps;
    T* y = to + p * C;
    if (count == 2) {  // between two pixels, the usual case
      const T near = w[0], far = w[1];
      for_lanes<T>(C, [&](dim_t c, int l) LAMINA_INLINE_LAMBDA {
        deliver<T>(y + c, far * get(x + C + c, l) + near * get(x + c, l), l, accumulate, stream);
      });
    } else if (count == 1) {
      const T weight = w[0];
      for_lanes<T>(C, [&](dim_t c, int l)
                          LAMINA_INLINE_LAMBDA { deliver<T>(y + c, weight * get(x + c, l), l, accumulate, stream); });
    } else {
      for_lanes<T>(C, [&](dim_t c, int l) LAMINA_INLINE_LAMBDA {
        Vec<T> v{};
        if (count > 0) v = w[0] * get(x + c, l);
        for (dim_t k = 1; k < count; k++) v += w[k] * get(x + k * C + c, l);
        deliver<T>(y + c, v, l, accumulate, stream);
      });
    }
  }
}

template <class T>
void few_channels(const ResizeLines<T>& r) {
  constexpr int L = kLanes<T>;
  const ResizePixels<T> p = r.pixels;
  const dim_t C = p.channels, stride = r.stride;
  const T* const* lines = r.x;
  T* columns = r.columns;
  const int count = int(r.count);
  for_lanes<T>(r.width * C, [&](dim_t e, int l) LAMINA_INLINE_LAMBDA {
    Vec<T> v[L];
    for (int q = 0; q < L; q++) v[q] = get(lines[q] + e, l);
    transpose_round<T, 1>(v);
    for (int q = 0; q < l; q++) store(columns + (e + q) * L, v[q]);
  });
  dim_t pixel = 0, c = 0;
  for_lanes<T>(p.pixels * C, [&](dim_t e, int l) LAMINA_INLINE_LAMBDA {
    Vec<T> v[L];
    for (int q = 0; q < l; q++) {
      const T *x = columns + (p.first[pixel] * C + c) * L, *w = p.weight + pixel * p.taps;
      Vec<T> sum{};
      if (p.count[pixel] > 0) sum = w[0] * load(x);
      for (dim_t k = 1; k < p.count[pixel]; k++) sum += w[k] * load(x + k * C * L);
      v[q] = sum;
      if (++c == C) c = 0, pixel++;
    }
    for (int q = l; q < L; q++) v[q] = Vec<T>{};
    transpose_round<T, 1>(v);
    for (int q = 0; q < count; q++) deliver<T>(p.y + q * stride + e, v[q], l, p.accumulate);
  });
}

template <class T>
void fill(ResizeKernels<T>& k) {
  k.lines = kLanes<T>;
  k.most_channels = kLanes<T> / 2 - 1;
  k.rows = rows<T>;
  k.pixels = pixels<T>;
  k.few_channels = few_channels<T>;
}

}  // namespace

LAMINA_FILL(resize)

}  // namespace LAMINA_ISA
}  // namespace lamina
