#include "kernels/normalization.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kTileRows = kVectorBytes == 64 ? 16 : 8;  // of moments: they stay in registers
constexpr int kStep = 8;                                // rows that share one load of the columns' parameters

// R rows merged into what `seen` rows gave; seen = 0 starts.
template <class T, int R>
LAMINA_INLINE void merge_tile(dim_t cols, const T* x, dim_t ld, dim_t seen, T* mean, T* m2) {
  const T weight = T(double(R) / double(seen + R)), cross = T(double(seen) * R / double(seen + R));
  for_lanes<T>(cols, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    Vec<T> v[R], s[4] = {};
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) s[r % 4] += v[r] = get(x + r * ld + i, l);
    const Vec<T> m = ((s[0] + s[1]) + (s[2] + s[3])) * T(1.0 / R);
    Vec<T> q[4] = {};
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) q[r % 4] += (v[r] - m) * (v[r] - m);
    const Vec<T> squares = (q[0] + q[1]) + (q[2] + q[3]);
    if (seen) {
      const Vec<T> before = get(mean + i, l), d = m - before;
      put<T>(mean + i, before + d * weight, l);
      put<T>(m2 + i, get(m2 + i, l) + squares + d * d * cross, l);
    } else {
      put<T>(mean + i, m, l);
      put<T>(m2 + i, squares, l);
    }
  });
}

template <class T>
void moments(dim_t rows, dim_t cols, const T* x, dim_t ld, T* mean, T* m2) {
  dim_t seen = 0;
  for (; seen + kTileRows <= rows; seen += kTileRows) merge_tile<T, kTileRows>(cols, x + seen * ld, ld, seen, mean, m2);
  for (; seen + 4 <= rows; seen += 4) merge_tile<T, 4>(cols, x + seen * ld, ld, seen, mean, m2);
  for (; seen < rows; seen++) merge_tile<T, 1>(cols, x + seen * ld, ld, seen, mean, m2);
}

template <class T, int R, bool relu, bool streaming>
LAMINA_INLINE void normalize_step(dim_t cols, const T* x, T* y, dim_t ld, const T* mean, const T* scale, const T* shift) {
  for_lanes<T>(cols, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> m = get(mean + i, l), s = get(scale + i, l), b = get(shift + i, l);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      Vec<T> v = (get(x + r * ld + i, l) - m) * s + b;
      if (relu) v = vmax<T>(v, Vec<T>{});
      if (streaming && l == kLanes<T>)
        store_stream(y + r * ld + i, v);
      else
        put<T>(y + r * ld + i, v, l);
    }
  });
}
template <class T, bool relu, bool streaming>
void normalize_as(dim_t rows, dim_t cols, const T* x, T* y, dim_t ld, const T* mean, const T* scale, const T* shift) {
  dim_t r = 0;
  for (; r + kStep <= rows; r += kStep)
    normalize_step<T, kStep, relu, streaming>(cols, x + r * ld, y + r * ld, ld, mean, scale, shift);
  for (; r < rows; r++) normalize_step<T, 1, relu, streaming>(cols, x + r * ld, y + r * ld, ld, mean, scale, shift);
}
template <class T>
void normalize(dim_t rows, dim_t cols, const T* x, T* y, dim_t ld, const T* mean, const T* scale, const T* shift,
               bool relu, bool stream) {
  if (stream && vector_aligned(y) && ld % kLanes<T> == 0) {
    relu ? normalize_as<T, true, true>(rows, cols, x, y, ld, mean, scale, shift)
         : normalize_as<T, false, true>(rows, cols, x, y, ld, mean, scale, shift);
    stream_fence();
  } else {
    relu ? normalize_as<T, true, false>(rows, cols, x, y, ld, mean, scale, shift)
         : normalize_as<T, false, false>(rows, cols, x, y, ld, mean, scale, shift);
  }
}

template <class T, bool relu>
LAMINA_INLINE Vec<T> gated(const T* y, const T* dy, dim_t i, int l) {
  const Vec<T> g = get(dy + i, l);
  if constexpr (relu) return select<T>(get(y + i, l) > T(0), g, Vec<T>{});
  return g;
}

template <class T, int R, bool relu>
LAMINA_INLINE void sums_step(dim_t cols, const T* x, const T* y, const T* dy, dim_t ld, const T* mean, T* sum, T* sum_x) {
  for_lanes<T>(cols, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> m = get(mean + i, l);
    Vec<T> a[2] = {}, b[2] = {};
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      const Vec<T> dz = gated<T, relu>(y, dy, r * ld + i, l);
      a[r % 2] += dz;
      b[r % 2] += dz * (get(x + r * ld + i, l) - m);
    }
    put<T>(sum + i, get(sum + i, l) + (a[0] + a[1]), l);
    put<T>(sum_x + i, get(sum_x + i, l) + (b[0] + b[1]), l);
  });
}
template <class T, bool relu>
void sums_as(dim_t rows, dim_t cols, const T* x, const T* y, const T* dy, dim_t ld, const T* mean, T* sum, T* sum_x) {
  dim_t r = 0;
  for (; r + kStep <= rows; r += kStep)
    sums_step<T, kStep, relu>(cols, x + r * ld, y + r * ld, dy + r * ld, ld, mean, sum, sum_x);
  for (; r < rows; r++) sums_step<T, 1, relu>(cols, x + r * ld, y + r * ld, dy + r * ld, ld, mean, sum, sum_x);
}
template <class T>
void gradient_sums(dim_t rows, dim_t cols, const T* x, const T* y, const T* dy, dim_t ld, const T* mean, T* sum,
                   T* sum_x, bool relu) {
  for (dim_t j = 0; j < cols; j++) sum[j] = sum_x[j] = 0;
  relu ? sums_as<T, true>(rows, cols, x, y, dy, ld, mean, sum, sum_x)
       : sums_as<T, false>(rows, cols, x, y, dy, ld, mean, sum, sum_x);
}

template <class T, int R, bool relu, bool accumulate>
LAMINA_INLINE void gradient_step(dim_t cols, const T* x, const T* y, const T* dy, T* dx, dim_t ld, const T* mean,
                                 const T* scale, const T* shift, const T* slope) {
  for_lanes<T>(cols, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> m = get(mean + i, l), k = get(scale + i, l), a = get(shift + i, l), b = get(slope + i, l);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      const dim_t at = r * ld + i;
      Vec<T> g = k * (gated<T, relu>(y, dy, at, l) - a - (get(x + at, l) - m) * b);
      if (accumulate) g += get(dx + at, l);
      put<T>(dx + at, g, l);
    }
  });
}
template <class T, bool relu, bool accumulate>
void gradient_as(dim_t rows, dim_t cols, const T* x, const T* y, const T* dy, T* dx, dim_t ld, const T* mean,
                 const T* scale, const T* shift, const T* slope) {
  dim_t r = 0;
  for (; r + kStep <= rows; r += kStep) {
    const dim_t at = r * ld;
    gradient_step<T, kStep, relu, accumulate>(cols, x + at, y + at, dy + at, dx + at, ld, mean, scale, shift, slope);
  }
  for (; r < rows; r++) {
    const dim_t at = r * ld;
    gradient_step<T, 1, relu, accumulate>(cols, x + at, y + at, dy + at, dx + at, ld, mean, scale, shift, slope);
  }
}
template <class T>
void normalize_gradient(dim_t rows, dim_t cols, const T* x, const T* y, const T* dy, T* dx, dim_t ld, const T* mean,
                        const T* scale, const T* shift, const T* slope, bool relu, bool accumulate) {
  const auto f = relu ? accumulate ? gradient_as<T, true, true> : gradient_as<T, true, false>
                      : accumulate ? gradient_as<T, false, true> : gradient_as<T, false, false>;
  f(rows, cols, x, y, dy, dx, ld, mean, scale, shift, slope);
}

// R rows at a time, so that their sums do not wait for each other; a row is read three times, from L1 but for the first.
template <class T, int R>
LAMINA_INLINE void layer_norm_rows(dim_t C, const T* x, const T* gamma, const T* beta, T epsilon, T* y, T* mean, T* rstd) {
  Vec<T> s[R] = {}, q[R] = {};
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) s[r] += get(x + r * C + i, l);
  });
  Vec<T> m[R], k[R];
  for (int r = 0; r < R; r++) m[r] = splat(mean[r] = hsum<T>(s[r]) / T(C));
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      Vec<T> d = get(x + r * C + i, l) - m[r];
      if (l < kLanes<T>) d = select<T>(first_lanes<T>(l), d, Vec<T>{});
      q[r] += d * d;
    }
  });
  for (int r = 0; r < R; r++) {
    const T variance = hsum<T>(q[r]) / T(C);
    k[r] = splat(rstd[r] = T(1) / T(__builtin_sqrt(double(variance + epsilon))));
  }
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> g = gamma ? get(gamma + i, l) : splat(T(1)), b = beta ? get(beta + i, l) : Vec<T>{};
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) put<T>(y + r * C + i, (get(x + r * C + i, l) - m[r]) * k[r] * g + b, l);
  });
}

constexpr dim_t kTogether = 2048;  // columns up to which four rows stay in L1

template <class T>
void layer_norm(dim_t rows, dim_t C, const T* x, const T* gamma, const T* beta, T epsilon, T* y, T* mean, T* rstd) {
  dim_t r = 0;
  if (C <= kTogether)
    for (; r + 4 <= rows; r += 4)
      layer_norm_rows<T, 4>(C, x + r * C, gamma, beta, epsilon, y + r * C, mean + r, rstd + r);
  for (; r < rows; r++) layer_norm_rows<T, 1>(C, x + r * C, gamma, beta, epsilon, y + r * C, mean + r, rstd + r);
}

template <class T, int R>
LAMINA_INLINE void layer_norm_gradient_rows(dim_t C, const T* x, const T* gamma, const T* mean, const T* rstd,
                                            const T* dy, T* dx, bool accumulate, T* dgamma, T* dbeta) {
  Vec<T> m[R], k[R], u[R] = {}, uh[R] = {};
  for (int r = 0; r < R; r++) m[r] = splat(mean[r]), k[r] = splat(rstd[r]);
  if (dx) {
    for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = gamma ? get(gamma + i, l) : splat(T(1));
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) {
        const Vec<T> v = get(dy + r * C + i, l) * g;
        u[r] += v;
        uh[r] += v * (get(x + r * C + i, l) - m[r]);
      }
    });
    for (int r = 0; r < R; r++) {
      u[r] = splat(hsum<T>(u[r]) / T(C));
      uh[r] = k[r] * k[r] * (hsum<T>(uh[r]) / T(C));
    }
  }
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> g = gamma ? get(gamma + i, l) : splat(T(1));
    Vec<T> sum{}, sum_h{};
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      const Vec<T> d = get(dy + r * C + i, l), h = get(x + r * C + i, l) - m[r];
      if (dx) {
        Vec<T> v = k[r] * (d * g - u[r] - h * uh[r]);
        if (accumulate) v += get(dx + r * C + i, l);
        put<T>(dx + r * C + i, v, l);
      }
      sum += d;
      sum_h += d * (h * k[r]);
    }
    if (dgamma) {
      put<T>(dgamma + i, get(dgamma + i, l) + sum_h, l);
      put<T>(dbeta + i, get(dbeta + i, l) + sum, l);
    }
  });
}

template <class T>
void layer_norm_gradient(dim_t rows, dim_t C, const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy,
                         T* dx, bool accumulate, T* dgamma, T* dbeta) {
  if (dgamma)
    for (dim_t j = 0; j < C; j++) dgamma[j] = dbeta[j] = 0;
  dim_t r = 0;
  if (C <= kTogether)
    for (; r + 4 <= rows; r += 4)
      layer_norm_gradient_rows<T, 4>(C, x + r * C, gamma, mean + r, rstd + r, dy + r * C, dx ? dx + r * C : nullptr,
                                     accumulate, dgamma, dbeta);
  for (; r < rows; r++)
    layer_norm_gradient_rows<T, 1>(C, x + r * C, gamma, mean + r, rstd + r, dy + r * C, dx ? dx + r * C : nullptr,
                                   accumulate, dgamma, dbeta);
}

template <class T>
void fill(NormalizationKernels<T>& k) {
  k.moments = moments<T>;
  k.normalize = normalize<T>;
  k.gradient_sums = gradient_sums<T>;
  k.normalize_gradient = normalize_gradient<T>;
  k.layer_norm = layer_norm<T>;
  k.layer_norm_gradient = layer_norm_gradient<T>;
}

}  // namespace

void fill_normalization(Kernels<float>& f, Kernels<double>& d) {
  fill(f.normalization);
  fill(d.normalization);
}

}  // namespace LAMINA_ISA
}  // namespace lamina
