// Vec<T>: one register of the instruction set this file is compiled for, over the compiler's vector_size types.
// Arithmetic is the compiler's (+ - * / and comparisons, which give a mask vector of integers); a * b + c contracts
// to an FMA under -ffp-contract=fast. Everything is always_inline in an anonymous namespace: no symbol leaves the
// object file.
#pragma once
#include <cstdint>
#include <cstring>

#include "core/fence.h"
#include "core/types.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LAMINA_INLINE inline __attribute__((always_inline))
#define LAMINA_INLINE_LAMBDA __attribute__((always_inline))

namespace lamina {
namespace LAMINA_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T>
struct VecOf;
template <>
struct VecOf<float> {
  typedef float type __attribute__((vector_size(kVectorBytes)));
  typedef float loose __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
  typedef std::int32_t ints __attribute__((vector_size(kVectorBytes)));
  using int_t = std::int32_t;
};
template <>
struct VecOf<double> {
  typedef double type __attribute__((vector_size(kVectorBytes)));
  typedef double loose __attribute__((vector_size(kVectorBytes), aligned(8), may_alias));
  typedef std::int64_t ints __attribute__((vector_size(kVectorBytes)));
  using int_t = std::int64_t;
};

template <class T>
using Vec = typename VecOf<T>::type;
template <class T>
using IntVec = typename VecOf<T>::ints;  // lanes of T's width; the result of a comparison
template <class T>
constexpr int kLanes = kVectorBytes / int(sizeof(T));

template <class T>
LAMINA_INLINE Vec<T> splat(T s) {
  return s - Vec<T>{};  // s - 0: keeps the sign of -0
}
template <class T>
LAMINA_INLINE Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename VecOf<T>::loose*>(p);
}
template <class T>
LAMINA_INLINE void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename VecOf<T>::loose*>(p) = v;
}

// Past the caches, for results larger than they are: p is a multiple of the vector, and a kernel that has done so, or
// its caller, ends with stream_fence().
LAMINA_INLINE void store_stream(float* p, Vec<float> v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX2__)
  _mm256_stream_ps(p, (__m256)v);
#elif defined(__x86_64__)
  _mm_stream_ps(p, (__m128)v);
#else
  store(p, v);
#endif
}
LAMINA_INLINE void store_stream(double* p, Vec<double> v) {
#if defined(__AVX512F__)
  _mm512_stream_pd(p, (__m512d)v);
#elif defined(__AVX2__)
  _mm256_stream_pd(p, (__m256d)v);
#elif defined(__x86_64__)
  _mm_stream_pd(p, (__m128d)v);
#else
  store(p, v);
#endif
}
template <class T>
LAMINA_INLINE bool vector_aligned(const T* p) {
  return (reinterpret_cast<std::uintptr_t>(p) & (kVectorBytes - 1)) == 0;
}

#if !defined(__AVX2__)
// Without masked loads and stores lane by lane, in functions of their own: inlined at every end of a row they were a
// third of the code.
template <class T>
__attribute__((noinline)) Vec<T> load_some(const T* p, int n) {
  Vec<T> v{};
  if (n > 0) v[0] = p[0];
  if (n > 1) v[1] = p[1];
  if constexpr (kLanes<T> > 2) {
    if (n > 2) v[2] = p[2];
    if (n > 3) v[3] = p[3];
  }
  return v;
}
template <class T>
__attribute__((noinline)) void store_some(T* p, Vec<T> v, int n) {
  if (n > 0) p[0] = v[0];
  if (n > 1) p[1] = v[1];
  if constexpr (kLanes<T> > 2) {
    if (n > 2) p[2] = v[2];
    if (n > 3) p[3] = v[3];
  }
}
#endif

// The first n lanes (0 <= n <= lanes); the rest of the memory is neither read nor written.
LAMINA_INLINE Vec<float> load_part(const float* p, int n) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
#elif defined(__AVX2__)
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (Vec<float>)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
#else
  return load_some<float>(p, n);
#endif
}
LAMINA_INLINE Vec<double> load_part(const double* p, int n) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p);
#elif defined(__AVX2__)
  const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  return (Vec<double>)_mm256_maskload_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), lane));
#else
  return load_some<double>(p, n);
#endif
}
LAMINA_INLINE void store_part(float* p, Vec<float> v, int n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v);
#elif defined(__AVX2__)
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  _mm256_maskstore_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane), (__m256)v);
#else
  store_some<float>(p, v, n);
#endif
}
LAMINA_INLINE void store_part(double* p, Vec<double> v, int n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), (__m512d)v);
#elif defined(__AVX2__)
  const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  _mm256_maskstore_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), lane), (__m256d)v);
#else
  store_some<double>(p, v, n);
#endif
}

// The first n lanes stand in memory as bytes, 0 to 255.
LAMINA_INLINE void load_bytes(const std::uint8_t* p, IntVec<float>& v, int n) {
#if defined(__AVX512F__)
  v = (IntVec<float>)_mm512_maskz_cvtepu8_epi32(0xffff, _mm_maskz_loadu_epi8(__mmask16((1u << n) - 1), p));
#else
#if defined(__AVX2__)
  if (n == kLanes<float>) {
    v = (IntVec<float>)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    return;
  }
#endif
  v = IntVec<float>{};
  for (int i = 0; i < n; i++) v[i] = p[i];
#endif
}
LAMINA_INLINE void load_bytes(const std::uint8_t* p, IntVec<double>& v, int n) {
#if defined(__AVX512F__)
  v = (IntVec<double>)_mm512_maskz_cvtepu8_epi64(0xff, _mm_maskz_loadu_epi8(__mmask16((1u << n) - 1), p));
#else
  v = IntVec<double>{};
  for (int i = 0; i < n; i++) v[i] = p[i];
#endif
}
LAMINA_INLINE void store_bytes(std::uint8_t* p, IntVec<float> v, int n) {
#if defined(__AVX512F__)
  _mm512_mask_cvtepi32_storeu_epi8(p, __mmask16((1u << n) - 1), (__m512i)v);
#else
#if defined(__AVX2__)
  if (n == kLanes<float>) {
    const __m128i w = _mm_packus_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(w, w));
    return;
  }
#endif
  for (int i = 0; i < n; i++) p[i] = static_cast<std::uint8_t>(v[i]);
#endif
}
LAMINA_INLINE void store_bytes(std::uint8_t* p, IntVec<double> v, int n) {
#if defined(__AVX512F__)
  _mm512_mask_cvtepi64_storeu_epi8(p, __mmask8((1u << n) - 1), (__m512i)v);
#else
  for (int i = 0; i < n; i++) p[i] = static_cast<std::uint8_t>(v[i]);
#endif
}

// A mask of the first n lanes.
template <class T>
LAMINA_INLINE IntVec<T> first_lanes(int n) {
  IntVec<T> lane;
  for (int i = 0; i < kLanes<T>; i++) lane[i] = i;
  return lane < typename VecOf<T>::int_t(n);
}
// mask ? a : b, lane by lane.
template <class T>
LAMINA_INLINE Vec<T> select(IntVec<T> mask, Vec<T> a, Vec<T> b) {
  return mask ? a : b;
}
// As std::max(b, a) in each lane: NaN in a stays (relu of NaN is NaN), so give the data first. x86 has one instruction
// for it, which gcc does not see where b is a constant.
template <class T>
LAMINA_INLINE Vec<T> vmax(Vec<T> a, Vec<T> b) {
  return a < b ? b : a;
}
template <class T>
LAMINA_INLINE Vec<T> vmin(Vec<T> a, Vec<T> b) {
  return a > b ? b : a;
}
#if defined(__AVX512F__)
template <>
LAMINA_INLINE Vec<float> vmax<float>(Vec<float> a, Vec<float> b) {
  return (Vec<float>)_mm512_maskz_max_ps(__mmask16(-1), (__m512)b, (__m512)a);
}
template <>
LAMINA_INLINE Vec<float> vmin<float>(Vec<float> a, Vec<float> b) {
  return (Vec<float>)_mm512_maskz_min_ps(__mmask16(-1), (__m512)b, (__m512)a);
}
template <>
LAMINA_INLINE Vec<double> vmax<double>(Vec<double> a, Vec<double> b) {
  return (Vec<double>)_mm512_maskz_max_pd(__mmask8(-1), (__m512d)b, (__m512d)a);
}
template <>
LAMINA_INLINE Vec<double> vmin<double>(Vec<double> a, Vec<double> b) {
  return (Vec<double>)_mm512_maskz_min_pd(__mmask8(-1), (__m512d)b, (__m512d)a);
}
#elif defined(__AVX2__)
template <>
LAMINA_INLINE Vec<float> vmax<float>(Vec<float> a, Vec<float> b) {
  return (Vec<float>)_mm256_max_ps((__m256)b, (__m256)a);
}
template <>
LAMINA_INLINE Vec<float> vmin<float>(Vec<float> a, Vec<float> b) {
  return (Vec<float>)_mm256_min_ps((__m256)b, (__m256)a);
}
template <>
LAMINA_INLINE Vec<double> vmax<double>(Vec<double> a, Vec<double> b) {
  return (Vec<double>)_mm256_max_pd((__m256d)b, (__m256d)a);
}
template <>
LAMINA_INLINE Vec<double> vmin<double>(Vec<double> a, Vec<double> b) {
  return (Vec<double>)_mm256_min_pd((__m256d)b, (__m256d)a);
}
#endif
template <class T>
LAMINA_INLINE Vec<T> vabs(Vec<T> a) {
  const IntVec<T> sign = IntVec<T>{} + (typename VecOf<T>::int_t(1) << (8 * sizeof(T) - 1));
  return (Vec<T>)((IntVec<T>)a & ~sign);
}
// |magnitude| with the sign of `sign`.
template <class T>
LAMINA_INLINE Vec<T> copy_sign(Vec<T> magnitude, Vec<T> sign) {
  const IntVec<T> bit = IntVec<T>{} + (typename VecOf<T>::int_t(1) << (8 * sizeof(T) - 1));
  return (Vec<T>)(((IntVec<T>)magnitude & ~bit) | ((IntVec<T>)sign & bit));
}

LAMINA_INLINE Vec<float> vsqrt(Vec<float> a) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_maskz_sqrt_ps(__mmask16(-1), (__m512)a);
#elif defined(__AVX2__)
  return (Vec<float>)_mm256_sqrt_ps((__m256)a);
#elif defined(__x86_64__)
  return (Vec<float>)_mm_sqrt_ps((__m128)a);
#else
  for (int i = 0; i < kLanes<float>; i++) a[i] = __builtin_sqrtf(a[i]);
  return a;
#endif
}
LAMINA_INLINE Vec<double> vsqrt(Vec<double> a) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_maskz_sqrt_pd(__mmask8(-1), (__m512d)a);
#elif defined(__AVX2__)
  return (Vec<double>)_mm256_sqrt_pd((__m256d)a);
#elif defined(__x86_64__)
  return (Vec<double>)_mm_sqrt_pd((__m128d)a);
#else
  for (int i = 0; i < kLanes<double>; i++) a[i] = __builtin_sqrt(a[i]);
  return a;
#endif
}

LAMINA_INLINE Vec<float> vfloor(Vec<float> a) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_maskz_roundscale_ps(__mmask16(-1), (__m512)a, _MM_FROUND_FLOOR);
#elif defined(__AVX2__)
  return (Vec<float>)_mm256_floor_ps((__m256)a);
#elif defined(__SSE4_1__)
  return (Vec<float>)_mm_floor_ps((__m128)a);
#else
  for (int i = 0; i < kLanes<float>; i++) a[i] = __builtin_floorf(a[i]);
  return a;
#endif
}
LAMINA_INLINE Vec<double> vfloor(Vec<double> a) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_maskz_roundscale_pd(__mmask8(-1), (__m512d)a, _MM_FROUND_FLOOR);
#elif defined(__AVX2__)
  return (Vec<double>)_mm256_floor_pd((__m256d)a);
#elif defined(__SSE4_1__)
  return (Vec<double>)_mm_floor_pd((__m128d)a);
#else
  for (int i = 0; i < kLanes<double>; i++) a[i] = __builtin_floor(a[i]);
  return a;
#endif
}
// To the nearest integer, halves to the even one.
template <class T>
LAMINA_INLINE Vec<T> vround(Vec<T> a) {
  const T limit = sizeof(T) == 4 ? T(8388608) : T(4503599627370496);  // beyond it every number is an integer
  const Vec<T> m = vabs<T>(a);
  return select<T>(m < limit, copy_sign<T>((m + limit) - limit, a), a);
}
// -1, 0, 1 or NaN.
template <class T>
LAMINA_INLINE Vec<T> vsign(Vec<T> a) {
  return select<T>(a > T(0), splat(T(1)), select<T>(a < T(0), splat(T(-1)), a));
}

// Shuffles. f(LaneNumbers<0, 1, 2 ...>) gives what a compiler wants as constants.
template <int... I>
struct LaneNumbers {};
template <int N, int... I, class F>
LAMINA_INLINE auto with_lane_numbers(F f) {
  if constexpr (N == 0)
    return f(LaneNumbers<I...>{});
  else
    return with_lane_numbers<N - 1, N - 1, I...>(f);
}

// r[i] = v[pick[i]], and of the lanes of a and then of b; numbers that only the run knows.
template <class T>
LAMINA_INLINE Vec<T> pick_lanes(Vec<T> v, IntVec<T> pick) {
#if __has_builtin(__builtin_shuffle)
  return __builtin_shuffle(v, pick);
#else
  Vec<T> r;
  for (int i = 0; i < kLanes<T>; i++) r[i] = v[pick[i]];
  return r;
#endif
}
template <class T>
LAMINA_INLINE Vec<T> pick_lanes(Vec<T> a, Vec<T> b, IntVec<T> pick) {
#if __has_builtin(__builtin_shuffle)
  return __builtin_shuffle(a, b, pick);
#else
  T both[2 * kLanes<T>];
  store(both, a);
  store(both + kLanes<T>, b);
  for (int i = 0; i < kLanes<T>; i++) a[i] = both[pick[i]];
  return a;
#endif
}

// Horizontal reductions, by halves: the order is fixed by the vector's width.
template <class T, class F, int D = kLanes<T> / 2>
LAMINA_INLINE T join_lanes(Vec<T> v, F join) {
  if constexpr (D == 0) {
    return v[0];
  } else {  // clang-format off
    const Vec<T> partner = with_lane_numbers<kLanes<T>>([&]<int... I>(LaneNumbers<I...>) LAMINA_INLINE_LAMBDA {
      return __builtin_shufflevector(v, v, (I ^ D)...);
    });
    return join_lanes<T, F, D / 2>(join(v, partner), join);  // clang-format on
  }
}
template <class T>
LAMINA_INLINE T hsum(Vec<T> v) {
  return join_lanes<T>(v, [](Vec<T> a, Vec<T> b) LAMINA_INLINE_LAMBDA { return a + b; });
}
template <class T>
LAMINA_INLINE Vec<T> lane_numbers() {  // 0, 1, 2 ...
  Vec<T> v{};
  for (int i = 0; i < kLanes<T>; i++) v[i] = T(i);
  return v;
}
template <class T>
LAMINA_INLINE T hmax(Vec<T> v) {  // a NaN may get lost
  return join_lanes<T>(v, [](Vec<T> a, Vec<T> b) LAMINA_INLINE_LAMBDA { return vmax<T>(a, b); });
}

// A W x W block in registers, rows to columns: log2(W) rounds that swap halves of growing distance.
template <class T, int D>
LAMINA_INLINE void transpose_round(Vec<T>* v) {
  constexpr int W = kLanes<T>;
  if constexpr (D < W) {
#pragma GCC unroll 16
    for (int i = 0; i < W; i++)
      if (!(i & D)) {
        const Vec<T> a = v[i], b = v[i + D];
        with_lane_numbers<W>([&]<int... I>(LaneNumbers<I...>) LAMINA_INLINE_LAMBDA {
          v[i] = __builtin_shufflevector(a, b, ((I & D) ? I - D + W : I)...);
          v[i + D] = __builtin_shufflevector(a, b, ((I & D) ? I + W : I + D)...);
        });
      }
    transpose_round<T, D * 2>(v);
  }
}

// for_lanes(n, f): f(i, lanes) over [0, n) by whole vectors, then once with the remainder; get/put take lanes.
template <class T>
LAMINA_INLINE Vec<T> get(const T* p, int lanes) {
  return lanes == kLanes<T> ? load(p) : load_part(p, lanes);
}
template <class T>
LAMINA_INLINE void put(T* p, Vec<T> v, int lanes) {
  lanes == kLanes<T> ? store(p, v) : store_part(p, v, lanes);
}
// put(), past the caches where `stream` (then p is aligned) and the register is whole.
template <class T>
LAMINA_INLINE void put(T* p, Vec<T> v, int lanes, bool stream) {
  if (stream && lanes == kLanes<T>)
    store_stream(p, v);
  else
    put<T>(p, v, lanes);
}
template <class T, class F>
LAMINA_INLINE void for_lanes(dim_t n, F&& f) {
  dim_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) f(i, kLanes<T>);
  if (i < n) f(i, int(n - i));
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
