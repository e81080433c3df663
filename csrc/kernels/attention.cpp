#include "kernels/attention.h"

#include "kernels/table.h"
#include "simd/math.h"
#include "simd/random.h"
#include "simd/rows.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T>
constexpr T kLog2e = T(1.4426950408889634);
template <class T>
constexpr T kLn2 = T(0.6931471805599453);
template <class T>
constexpr T kInf = T(__builtin_inf());

// 2^r for |r| <= 1/2, minimax: 2e-9, 3e-18.
LAMINA_INLINE Vec<float> exp2_small(Vec<float> r) {
  return polynomial<float>(r, 1.0f, 0.693147206f, 0.240226469f, 0.0555032878f, 0.00961848896f, 0.00133999312f,
                           0.000153458122f);
}
LAMINA_INLINE Vec<double> exp2_small(Vec<double> r) {
  return polynomial<double>(r, 1.0, 0.69314718055994533, 0.24022650695910156, 0.055504108664819921,
                            0.0096181291075883351, 0.001333355814678995, 0.00015403530462514613, 1.5252733489960805e-5,
                            1.3215433089594629e-6, 1.0178198033328528e-7, 7.0741056262456594e-9,
                            4.4352809446103362e-10);
}

template <class T>
struct Wrapping;
template <>
struct Wrapping<float> {
  typedef std::uint32_t one;
  typedef one type __attribute__((vector_size(kVectorBytes)));
};
template <>
struct Wrapping<double> {
  typedef std::uint64_t one;
  typedef one type __attribute__((vector_size(kVectorBytes)));
};

// 2^x for x < 100: all that a softmax needs. 0 below the smallest normal number and for -inf. Of an x below that, n has
// no meaning; it wraps.
template <class T>
LAMINA_INLINE Vec<T> exp2_below(Vec<T> x) {
  using C = MathConstants<T>;
  const Vec<T> shifted = x + C::shifter;
  const Vec<T> r = x - (shifted - C::shifter);
  using Word = typename Wrapping<T>::one;
  const auto n = (typename Wrapping<T>::type)shifted - (typename Wrapping<T>::type)splat(C::shifter);
  const Vec<T> y = exp2_small(r) * (Vec<T>)((n + Word(C::bias)) << Word(C::mantissa));  // 2^n
  return select<T>(x < T(1 - C::bias), Vec<T>{}, y);
}

template <class T>
LAMINA_INLINE IntVec<T> lane_index() {
  IntVec<T> v{};
  for (int i = 0; i < kLanes<T>; i++) v[i] = i;
  return v;
}

// Whether every query sees all of a block's keys.
LAMINA_INLINE bool seen_whole(dim_t rows, dim_t diagonal) { return rows + diagonal <= 1; }

// Keys that some query of a register starting at column c sees.
LAMINA_INLINE dim_t visible_rows(dim_t c, dim_t lanes, dim_t diagonal, dim_t rows) {
  const dim_t n = c + lanes - diagonal;
  return n < 0 ? 0 : n < rows ? n : rows;
}

template <class T>
LAMINA_INLINE void zero_rows(T* s, dim_t ld, dim_t from, dim_t to) {
  for (dim_t r = from; r < to; r++) store(s + r * ld, Vec<T>{});
}

template <class T>
bool scale(dim_t n, const T* x, T factor, T* y) {
  Vec<T> zeros{};  // or a NaN
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> v = get(x + i, l) * factor;
    zeros += v * T(0);
    put<T>(y + i, v, l);
  });
  return hsum<T>(zeros) == T(0);
}

template <class T>
void multiply(dim_t n, T* x, const T* y) {
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(x + i, get(x + i, l) * get(y + i, l), l); });
}

// As many booleans as a register has lanes, as numbers.
LAMINA_INLINE IntVec<float> load_flags(const bool* p, float) {
#if defined(__AVX512F__)
  return (IntVec<float>)_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif defined(__AVX2__)
  return (IntVec<float>)_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
#else
  IntVec<float> v{};
  for (int i = 0; i < kLanes<float>; i++) v[i] = p[i];
  return v;
#endif
}
LAMINA_INLINE IntVec<double> load_flags(const bool* p, double) {
#if defined(__AVX512F__)
  return (IntVec<double>)_mm512_cvtepi8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
#else
  IntVec<double> v{};
  for (int i = 0; i < kLanes<double>; i++) v[i] = p[i];
  return v;
#endif
}
template <class T>
LAMINA_INLINE IntVec<T> get_flags(const bool* p, int lanes) {
  if (lanes == kLanes<T>) return load_flags(p, T(0));
  bool some[kLanes<T>] = {};
  for (int i = 0; i < lanes; i++) some[i] = p[i];
  return load_flags(some, T(0));
}

template <class T>
void bias_row(dim_t n, const T* bias, dim_t bias_step, const bool* mask, dim_t mask_step, T* out) {
  const Vec<T> none = splat(-kInf<T>);
  Vec<T> same = splat(bias ? *bias : T(0));  // where the step is 0
  if (mask && mask_step == 0) {
    if (!*mask) bias = nullptr, same = none;
    mask = nullptr;
  }
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> b = bias && bias_step ? get(bias + i, l) : same;
    put<T>(out + i, mask ? select<T>(get_flags<T>(mask + i, l) != 0, b, none) : b, l);
  });
}

template <class T>
void mask(T* s, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, const T* bias, dim_t bias_ld) {
  constexpr int W = kLanes<T>;
  const Vec<T> none = splat(-kInf<T>);
  for (dim_t r = 0; r < rows; r++) {
    T* row = s + r * ld;
    const dim_t first = r + diagonal < 0 ? 0 : r + diagonal;  // query that sees this key
    const dim_t cut = first / W * W;
    if (bias)
      for (dim_t c = cut; c < cols; c += W) {
        const Vec<T> b = bias_ld ? load(bias + r * bias_ld + c) : splat(bias[r]);
        store(row + c, select<T>(b == none, none, load(row + c) + b * kLog2e<T>));
      }
    if (first > cut && cut < cols) {
      const auto start = static_cast<typename VecOf<T>::int_t>(first - cut);
      store(row + cut, select<T>(lane_index<T>() < start, none, load(row + cut)));
    }
  }
}

template <class T>
void soft_cap(T* s, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, T cap, T* slope) {
  constexpr int W = kLanes<T>;
  const T inverse = 1 / cap;
  for (dim_t c = 0; c < cols; c += W) {
    const dim_t seen = visible_rows(c, W, diagonal, rows);
    for (dim_t r = 0; r < seen; r++) {
      const Vec<T> t = vtanh<T>(load(s + r * ld + c) * inverse);
      store(s + r * ld + c, cap * t);
      if (slope) store(slope + r * ld + c, T(1) - t * t);
    }
    if (slope) zero_rows(slope + c, ld, seen, rows);
  }
}

template <class T>
void soft_cap_gradient(dim_t n, const T* x, T factor, T* dx) {
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> t = vtanh<T>(get(x + i, l) * factor);
    put<T>(dx + i, get(dx + i, l) * (T(1) - t * t), l);
  });
}

template <class T>
void alibi(T* s, dim_t ld, dim_t rows, dim_t cols, T slope, dim_t distance) {
  const Vec<T> lanes = lane_numbers<T>();
  for (dim_t r = 0; r < rows; r++)
    for (dim_t c = 0; c < cols; c += kLanes<T>)
      store(s + r * ld + c, load(s + r * ld + c) - slope * vabs<T>(lanes + T(distance + c - r)));
}

// NV registers of queries down all rows.
template <class T, int NV>
LAMINA_INLINE void softmax_strip(T* s, dim_t ld, dim_t rows, T* m, T* l, T* alpha) {
  constexpr int W = kLanes<T>;
  Vec<T> top[NV], base[NV], sum[NV] = {};
  for (int v = 0; v < NV; v++) top[v] = load(m + v * W);
  for (dim_t r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) top[v] = vmax<T>(load(s + r * ld + v * W), top[v]);
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) base[v] = select<T>(top[v] == -kInf<T>, Vec<T>{}, top[v]);
  for (dim_t r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
      const Vec<T> p = exp2_below<T>(load(s + r * ld + v * W) - base[v]);
      store(s + r * ld + v * W, p);
      sum[v] += p;
    }
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    const Vec<T> a = exp2_below<T>(load(m + v * W) - base[v]);
    store(alpha + v * W, a);
    store(l + v * W, load(l + v * W) * a + sum[v]);
    store(m + v * W, top[v]);
  }
}

template <class T>
void softmax(T* s, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, T* m, T* l, T* alpha) {
  constexpr int W = kLanes<T>;
  dim_t c = 0;
  if (seen_whole(rows, diagonal))
    for (; c + 4 * W <= cols; c += 4 * W) softmax_strip<T, 4>(s + c, ld, rows, m + c, l + c, alpha + c);
  for (; c < cols; c += W) {
    const dim_t seen = visible_rows(c, W, diagonal, rows);
    softmax_strip<T, 1>(s + c, ld, seen, m + c, l + c, alpha + c);
    zero_rows(s + c, ld, seen, rows);
  }
}

template <class T>
void rescale(T* o, dim_t ld, dim_t rows, dim_t n, const T* alpha) {
  for (dim_t i = 0; i < rows; i++) {
    if (alpha[i] == T(1)) continue;
    const Vec<T> a = splat(alpha[i]);
    T* row = o + i * ld;
    for_lanes<T>(n, [&](dim_t j, int k) LAMINA_INLINE_LAMBDA { put<T>(row + j, get(row + j, k) * a, k); });
  }
}

template <class T>
bool finish(const T* o, dim_t ld, dim_t rows, dim_t n, const T* m, const T* l, T* out, dim_t out_ld, T* lse) {
  for_lanes<T>(rows, [&](dim_t i, int k) LAMINA_INLINE_LAMBDA {
    put<T>(lse + i, get(m + i, k) * kLn2<T> + vlog<T>(get(l + i, k)), k);
  });
  Vec<T> zeros{};  // or a NaN
  for (dim_t i = 0; i < rows; i++) {
    const Vec<T> factor = splat(T(1) / l[i]);
    const bool none = l[i] == T(0);  // 0 even where an excluded value is not a number
    for_lanes<T>(n, [&](dim_t j, int k) LAMINA_INLINE_LAMBDA {
      const Vec<T> v = none ? Vec<T>{} : get(o + i * ld + j, k) * factor;
      zeros += v * T(0);
      put<T>(out + i * out_ld + j, v, k);
    });
  }
  return hsum<T>(zeros) == T(0);
}

template <class T>
void prepare(dim_t n, dim_t cols, const T* lse, T* out) {
  const Vec<T> none = splat(kInf<T>);
  for (dim_t c = 0; c < cols; c += kLanes<T>) store(out + c, none);
  for_lanes<T>(n, [&](dim_t i, int k) LAMINA_INLINE_LAMBDA {
    const Vec<T> v = get(lse + i, k);
    put<T>(out + i, select<T>(v == -none, none, v * kLog2e<T>), k);
  });
}

template <class T>
void row_dots(dim_t rows, dim_t n, const T* x, dim_t x_ld, const T* y, dim_t y_ld, T* out) {
  constexpr int W = kLanes<T>;
  for (dim_t first = 0; first < rows; first += W) {
    Vec<T> v[W] = {};
    for (int i = 0; i < W && first + i < rows; i++) {
      const T *xi = x + (first + i) * x_ld, *yi = y + (first + i) * y_ld;
      for_lanes<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { v[i] += get(xi + j, l) * get(yi + j, l); });
    }
    sum_rows<T>(v, W, out + first);
  }
}

template <class T, int NV, bool kDrop>
LAMINA_INLINE void gradient_strip(T* s, T* dp, dim_t ld, dim_t rows, const T* lse, const T* delta, T scale,
                                  const T* factor) {
  constexpr int W = kLanes<T>;
  Vec<T> base[NV], mean[NV];
  for (int v = 0; v < NV; v++) base[v] = load(lse + v * W), mean[v] = load(delta + v * W);
  for (dim_t r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
      const dim_t at = r * ld + v * W;
      const Vec<T> p = exp2_below<T>(load(s + at) - base[v]), g = load(dp + at);
      if constexpr (kDrop) {
        const Vec<T> f = load(factor + at);
        store(s + at, p * f);
        store(dp + at, scale * p * (g * f - mean[v]));
      } else {
        store(s + at, p);
        store(dp + at, scale * p * (g - mean[v]));
      }
    }
}

template <class T, bool kDrop>
LAMINA_INLINE void gradient_of(T* s, T* dp, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, const T* lse,
                               const T* delta, T scale, const T* factor) {
  constexpr int W = kLanes<T>;
  dim_t c = 0;
  if (seen_whole(rows, diagonal))
    for (; c + 4 * W <= cols; c += 4 * W)
      gradient_strip<T, 4, kDrop>(s + c, dp + c, ld, rows, lse + c, delta + c, scale, kDrop ? factor + c : nullptr);
  for (; c < cols; c += W) {
    const dim_t seen = visible_rows(c, W, diagonal, rows);
    gradient_strip<T, 1, kDrop>(s + c, dp + c, ld, seen, lse + c, delta + c, scale, kDrop ? factor + c : nullptr);
    zero_rows(s + c, ld, seen, rows);
    zero_rows(dp + c, ld, seen, rows);
  }
}

template <class T>
void gradient(T* s, T* dp, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, const T* lse, const T* delta, T scale,
              const T* factor) {
  factor ? gradient_of<T, true>(s, dp, ld, rows, cols, diagonal, lse, delta, scale, factor)
         : gradient_of<T, false>(s, dp, ld, rows, cols, diagonal, lse, delta, scale, nullptr);
}

template <class T>
void weights(T* s, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, const T* lse) {
  for (dim_t c = 0; c < cols; c += kLanes<T>) {
    const dim_t seen = visible_rows(c, kLanes<T>, diagonal, rows);
    const Vec<T> base = load(lse + c);
    for (dim_t r = 0; r < seen; r++) store(s + r * ld + c, exp2_below<T>(load(s + r * ld + c) - base));
    zero_rows(s + c, ld, seen, rows);
  }
}

template <class T>
void weights_gradient(dim_t n, const T* w, const T* dw, T scale, T* out) {
  Vec<T> sum{};
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { sum += get(w + i, l) * get(dw + i, l); });
  const Vec<T> dot = splat(hsum<T>(sum));
  for_lanes<T>(n, [&](dim_t i, int l)
                      LAMINA_INLINE_LAMBDA { put<T>(out + i, scale * get(w + i, l) * (get(dw + i, l) - dot), l); });
}

template <class T>
void dropout(T* factor, dim_t ld, dim_t rows, dim_t cols, std::uint64_t key, std::uint64_t counter, std::uint64_t first,
             std::uint64_t step, std::uint32_t threshold, T keep) {
  for (dim_t c = 0; c < cols; c += kWords) {
    Words low{}, high{};
    for (int i = 0; i < kWords; i++) {
      const std::uint64_t index = first + static_cast<std::uint64_t>(c + i) * step;
      low[i] = static_cast<std::uint32_t>(index);
      high[i] = static_cast<std::uint32_t>(index >> 32);
    }
    const int columns = static_cast<int>(cols - c < kWords ? cols - c : kWords);
    for (dim_t r = 0; r < rows; r += 4) {
      const PhiloxWords words = philox_words(key, counter, low, high);
      add_index(low, high, 1);
      const int n = static_cast<int>(rows - r < 4 ? rows - r : 4);
      for (int q = 0; q < n; q++) {
        T* out = factor + (r + q) * ld + c;
        if constexpr (sizeof(T) == 4) {
          store(out, select<T>((IntVec<T>)(words.v[q] >= threshold), splat(keep), Vec<T>{}));
        } else {
          std::uint32_t w[kWords];
          __builtin_memcpy(w, &words.v[q], sizeof w);
          for (int i = 0; i < columns; i++) out[i] = w[i] >= threshold ? keep : T(0);
        }
      }
    }
  }
}

template <class T>
bool finite(dim_t rows, dim_t n, const T* x, dim_t ld) {
  Vec<T> s[4] = {};  // sums of 0, or NaN
  for (dim_t r = 0; r < rows; r += 4)
#pragma GCC unroll 4
    for (dim_t q = 0; q < 4; q++) {
      const T* row = x + (r + q < rows ? r + q : r) * ld;
      for_lanes<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { s[q] += get(row + j, l) * T(0); });
    }
  return hsum<T>((s[0] + s[1]) + (s[2] + s[3])) == T(0);
}

template <class T>
void deliver(const T* src, dim_t ld, dim_t rows, dim_t n, T* dst, dim_t dst_ld, bool accumulate) {
  for (dim_t i = 0; i < rows; i++, src += ld, dst += dst_ld)
    for_lanes<T>(n, [&](dim_t j, int k) LAMINA_INLINE_LAMBDA {
      const Vec<T> v = get(src + j, k);
      put<T>(dst + j, accumulate ? get(dst + j, k) + v : v, k);
    });
}

template <class T>
void fill(AttentionKernels<T>& k) {
  k.scale = scale<T>;
  k.multiply = multiply<T>;
  k.bias_row = bias_row<T>;
  k.mask = mask<T>;
  k.soft_cap = soft_cap<T>;
  k.soft_cap_gradient = soft_cap_gradient<T>;
  k.alibi = alibi<T>;
  k.softmax = softmax<T>;
  k.rescale = rescale<T>;
  k.finish = finish<T>;
  k.prepare = prepare<T>;
  k.row_dots = row_dots<T>;
  k.gradient = gradient<T>;
  k.weights = weights<T>;
  k.weights_gradient = weights_gradient<T>;
  k.dropout = dropout<T>;
  k.finite = finite<T>;
  k.deliver = deliver<T>;
}

}  // namespace

LAMINA_FILL(attention)

}  // namespace LAMINA_ISA
}  // namespace lamina
