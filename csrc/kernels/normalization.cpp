#include "kernels/normalization.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kTileRows = kVectorBytes == 64 ? 16 : 8;  // of moments: they stay in registers

template <int R>
struct Rows {
  constexpr int operator()() const { return R; }
};
struct True {
  constexpr operator bool() const { return true; }
};
struct False {
  constexpr operator bool() const { return false; }
};

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

// Calls f with the two flags as compile-time constants.
template <class F>
LAMINA_INLINE void with_flags(bool a, bool b, F&& f) {
  a ? b ? f(True{}, True{}) : f(True{}, False{}) : b ? f(False{}, True{}) : f(False{}, False{});
}

template <class T>
void normalize(dim_t rows, dim_t cols, const T* x, T* y, dim_t ld, const T* mean, const T* scale, const T* shift,
               bool relu, bool stream) {
  stream = stream && vector_aligned(y) && ld % kLanes<T> == 0;
  with_flags(relu, stream, [&](auto relu, auto streaming) LAMINA_INLINE_LAMBDA {
    for (dim_t r = 0; r < rows; r++)
      for_lanes<T>(cols, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
        Vec<T> v = (get(x + r * ld + i, l) - get(mean + i, l)) * get(scale + i, l) + get(shift + i, l);
        if (relu) v = vmax<T>(v, Vec<T>{});
        put<T>(y + r * ld + i, v, l, streaming);
      });
  });
  if (stream) stream_fence();
}

template <bool relu, class T>
LAMINA_INLINE Vec<T> gated(const T* y, const T* dy, dim_t i, int l) {
  const Vec<T> g = get(dy + i, l);
  if constexpr (relu) return select<T>(get(y + i, l) > T(0), g, Vec<T>{});
  return g;
}

template <int R, bool relu, class T>
LAMINA_INLINE void sums_of_rows(dim_t cols, const T* x, const T* y, const T* dy, dim_t ld, const T* mean, T* sum,
                                T* sum_x) {
  for_lanes<T>(cols, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> m = get(mean + i, l);
    Vec<T> a[2] = {}, b[2] = {};
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      const Vec<T> dz = gated<relu>(y, dy, r * ld + i, l);
      a[r % 2] += dz;
      b[r % 2] += dz * (get(x + r * ld + i, l) - m);
    }
    put<T>(sum + i, get(sum + i, l) + (a[0] + a[1]), l);
    put<T>(sum_x + i, get(sum_x + i, l) + (b[0] + b[1]), l);
  });
}

template <class T>
void gradient_sums(dim_t rows, dim_t cols, const T* x, const T* y, const T* dy, dim_t ld, const T* mean, T* sum,
                   T* sum_x, bool relu, bool near) {
  for (dim_t j = 0; j < cols; j++) sum[j] = sum_x[j] = 0;
  with_flags(relu, near, [&](auto relu, auto near) LAMINA_INLINE_LAMBDA {
    dim_t r = 0;
    if (near)
      for (; r + 8 <= rows; r += 8)
        sums_of_rows<8, relu>(cols, x + r * ld, y + r * ld, dy + r * ld, ld, mean, sum, sum_x);
    for (; r < rows; r++) sums_of_rows<1, relu>(cols, x + r * ld, y + r * ld, dy + r * ld, ld, mean, sum, sum_x);
  });
}

template <class T>
void normalize_gradient(dim_t rows, dim_t cols, const T* x, const T* y, const T* dy, T* dx, dim_t ld, const T* mean,
                        const T* scale, const T* shift, const T* slope, const T* weight, bool relu, bool accumulate,
                        bool stream) {
  stream = stream && !accumulate && vector_aligned(dx) && ld % kLanes<T> == 0;
  auto pass = [&](auto relu, auto weighted, auto accumulate, auto streaming) LAMINA_INLINE_LAMBDA {
    for (dim_t r = 0; r < rows; r++)
      for_lanes<T>(cols, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
        const dim_t at = r * ld + i;
        const Vec<T> d = get(x + at, l) - get(mean + i, l);
        Vec<T> dz = gated<relu>(y, dy, at, l);
        if (weighted) dz *= get(weight + i, l);
        Vec<T> g = get(scale + i, l) * (dz - get(shift + i, l) - d * get(slope + i, l));
        if (accumulate) g += get(dx + at, l);
        put<T>(dx + at, g, l, streaming);
      });
  };
  with_flags(accumulate, stream, [&](auto accumulate, auto streaming) LAMINA_INLINE_LAMBDA {
    if constexpr (accumulate && streaming)
      return;
    else if (weight)
      pass(False{}, True{}, accumulate, streaming);
    else
      relu ? pass(True{}, False{}, accumulate, streaming) : pass(False{}, False{}, accumulate, streaming);
  });
  if (stream) stream_fence();
}

// In double and with elements scaled to near one by a power of two.
template <class T>
void careful_moments(dim_t n, dim_t step, const T* x, T epsilon, T* mean, T* rstd) {
  double largest = 0;
  for (dim_t i = 0; i < n; i++) {
    const double v = __builtin_fabs(double(x[i * step]));
    if (v != v) return;
    if (v > largest) largest = v;
  }
  if (!(largest > 0 && largest < __builtin_inf())) return;
  const int e = __builtin_ilogb(largest);
  const double scale = __builtin_ldexp(1.0, -(e < 1000 ? e : 1000));
  double m = 0, q = 0;
  for (dim_t i = 0; mean && i < n; i++) m += double(x[i * step]) * scale;
  m /= double(n);
  for (dim_t i = 0; i < n; i++) {
    const double d = double(x[i * step]) * scale - m;
    q += d * d;
  }
  const double small = double(epsilon) * scale * scale;  // infinite where epsilon is all that counts
  if (mean) *mean = T(m / scale);
  *rstd = small < __builtin_inf() ? T(scale / __builtin_sqrt(q / double(n) + small))
                                  : T(1 / __builtin_sqrt(double(epsilon)));
}

// R rows at a time, so that the horizontal sums do not wait for each other, each row read from front to back; three
// times, from L1 but for the first.
template <int R, bool center, class T>
LAMINA_INLINE void layer_norm_rows(dim_t C, const T* x, const T* gamma, const T* beta, T epsilon, T* y, T* mean,
                                   T* rstd, bool stream) {
  for (int r = 0; center && r < R; r++) {
    Vec<T> s{};
    for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { s += get(x + r * C + i, l); });
    mean[r] = hsum<T>(s) / T(C);
  }
  for (int r = 0; r < R; r++) {
    const Vec<T> m = center ? splat(mean[r]) : Vec<T>{};
    Vec<T> q{};
    for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      Vec<T> d = get(x + r * C + i, l);
      if (center) d -= m;
      if (center && l < kLanes<T>) d = select<T>(first_lanes<T>(l), d, Vec<T>{});
      q += d * d;
    });
    const T variance = hsum<T>(q) / T(C) + epsilon;
    rstd[r] = T(1) / T(__builtin_sqrt(double(variance)));
    constexpr T least = sizeof(T) == 4 ? T(1e-30) : T(1e-290), most = sizeof(T) == 4 ? T(3e38) : T(1e308);
    if (!(variance >= least && variance <= most))
      careful_moments<T>(C, 1, x + r * C, epsilon, center ? mean + r : nullptr, rstd + r);
  }
  with_flags(stream, gamma || beta, [&](auto streaming, auto affine) LAMINA_INLINE_LAMBDA {
    for (int r = 0; r < R; r++) {
      const Vec<T> m = center ? splat(mean[r]) : Vec<T>{}, k = splat(rstd[r]);
      for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
        Vec<T> v = get(x + r * C + i, l);
        v = (center ? v - m : v) * k;
        if (affine && gamma) v *= get(gamma + i, l);
        if (affine && beta) v += get(beta + i, l);
        put<T>(y + r * C + i, v, l, streaming);
      });
    }
  });
}

// Columns up to which four rows are taken together. From memory only short rows: several long streams are not
// prefetched (on a Zen 4 core 12.6 million floats in rows of 768 took 3.9 ms by fours, 3.0 one by one).
constexpr dim_t kTogether = 256, kTogetherNear = 2048;

template <class T>
void layer_norm(dim_t rows, dim_t C, const T* x, const T* gamma, const T* beta, T epsilon, T* y, T* mean, T* rstd,
                bool stream) {
  stream = stream && vector_aligned(y) && C % kLanes<T> == 0;
  const auto take = [&](auto count, auto center, dim_t r) LAMINA_INLINE_LAMBDA {
    layer_norm_rows<count(), center>(C, x + r * C, gamma, beta, epsilon, y + r * C, center ? mean + r : nullptr,
                                     rstd + r, stream);
  };
  const auto all = [&](auto center) LAMINA_INLINE_LAMBDA {
    dim_t r = 0;
    if (C <= (stream ? kTogether : kTogetherNear))
      for (; r + 4 <= rows; r += 4) take(Rows<4>{}, center, r);
    for (; r < rows; r++) take(Rows<1>{}, center, r);
  };
  mean ? all(True{}) : all(False{});
  if (stream) stream_fence();
}

template <int R, bool center, class T>
LAMINA_INLINE void layer_norm_gradient_rows(dim_t C, const T* x, const T* gamma, const T* mean, const T* rstd,
                                            const T* dy, T* dx, bool accumulate, T* dgamma, T* dbeta, bool stream) {
  Vec<T> m[R], k[R], u[R] = {}, uh[R] = {};  // means of dy * gamma and, times rstd, of dy * gamma * h
  for (int r = 0; r < R; r++) {
    m[r] = center ? splat(mean[r]) : Vec<T>{}, k[r] = splat(rstd[r]);
    if (!dx) continue;
    for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> d = get(dy + r * C + i, l), v = gamma ? d * get(gamma + i, l) : d, xi = get(x + r * C + i, l);
      if (center) u[r] += v;
      uh[r] += center ? v * (xi - m[r]) : v * (xi * k[r]);
    });
  }
  if (dx)
    for (int r = 0; r < R; r++) {
      const T product = hsum<T>(uh[r]) / T(C);
      if (center) u[r] = splat(hsum<T>(u[r]) / T(C));
      uh[r] = k[r] * (center ? k[r] * product : splat(product));  // no square of k, which may underflow
    }
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> g = gamma ? get(gamma + i, l) : splat(T(1));
    Vec<T> sum{}, sum_h{};
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      const dim_t at = r * C + i;
      const Vec<T> d = get(dy + at, l), xi = get(x + at, l), h = center ? xi - m[r] : xi;
      if (dx) {
        Vec<T> v = k[r] * ((center ? d * g - u[r] : d * g) - h * uh[r]);
        if (accumulate) v += get(dx + at, l);
        put<T>(dx + at, v, l, stream);
      }
      sum += d;
      sum_h += d * (h * k[r]);
    }
    if (dgamma) put<T>(dgamma + i, get(dgamma + i, l) + sum_h, l);
    if (center && dbeta) put<T>(dbeta + i, get(dbeta + i, l) + sum, l);
  });
}

template <class T>
void layer_norm_gradient(dim_t rows, dim_t C, const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy,
                         T* dx, bool accumulate, T* dgamma, T* dbeta, bool stream) {
  stream = stream && dx && !accumulate && vector_aligned(dx) && C % kLanes<T> == 0;
  for (dim_t j = 0; dgamma && j < C; j++) dgamma[j] = 0;
  for (dim_t j = 0; dbeta && j < C; j++) dbeta[j] = 0;
  const auto take = [&](auto count, auto center, dim_t r) LAMINA_INLINE_LAMBDA {
    layer_norm_gradient_rows<count(), center>(C, x + r * C, gamma, center ? mean + r : nullptr, rstd + r, dy + r * C,
                                              dx ? dx + r * C : nullptr, accumulate, dgamma, dbeta, stream);
  };
  const auto all = [&](auto center) LAMINA_INLINE_LAMBDA {
    dim_t r = 0;
    if (C <= kTogether)  // long rows by twos: 16.8 million floats took 8.0 ms without dgamma, one by one 6.5
      for (; r + 4 <= rows; r += 4) take(Rows<4>{}, center, r);
    for (; r < rows; r++) take(Rows<1>{}, center, r);
  };
  mean ? all(True{}) : all(False{});
  if (stream) stream_fence();
}

template <class T>
void fill(NormalizationKernels<T>& k) {
  k.careful_moments = careful_moments<T>;
  k.moments = moments<T>;
  k.normalize = normalize<T>;
  k.gradient_sums = gradient_sums<T>;
  k.normalize_gradient = normalize_gradient<T>;
  k.layer_norm = layer_norm<T>;
  k.layer_norm_gradient = layer_norm_gradient<T>;
}

}  // namespace

LAMINA_FILL(normalization)

}  // namespace LAMINA_ISA
}  // namespace lamina
