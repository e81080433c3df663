// pow, sin, cos: functions that only elementwise operations need. Largest errors, checked by
// tests/ops/test_elementwise.py: float 1 ulp, double 2 ulp.
#pragma once
#include "simd/math.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// f on the halves of x (and y) as doubles: float results are right to the last bit but for near ties.
template <class F, class... V>
LAMINA_INLINE Vec<float> through_double(F f, V... x) {
  typedef float Half __attribute__((vector_size(kVectorBytes / 2)));
  auto half = [](Vec<float> v, int i) LAMINA_INLINE_LAMBDA {
    Half h[2];
    __builtin_memcpy(h, &v, sizeof v);
    return __builtin_convertvector(h[i], Vec<double>);
  };
  const Half h[2] = {__builtin_convertvector(f(half(x, 0)...), Half), __builtin_convertvector(f(half(x, 1)...), Half)};
  Vec<float> r;
  __builtin_memcpy(&r, h, sizeof r);
  return r;
}

// log2 of a number of a float's range, and 2^x, both with some 1e-10 of error (relative, and of the result): of what a
// float result needs, ten bits more. Beyond a double's range 2^x is some large or small number.
LAMINA_INLINE Vec<double> log2_of_float(Vec<double> a) {
  constexpr std::int64_t fraction = (std::int64_t(1) << 52) - 1;
  constexpr std::int64_t root = 0x3fe6a09e667f3bcd;  // 1 / sqrt(2)
  const IntVec<double> bits = (IntVec<double>)a - root;
  const IntVec<double> exponent = bits >> 52;
  const Vec<double> m = (Vec<double>)((bits & fraction) + root);  // in [1 / sqrt(2), sqrt(2))
  const Vec<double> s = (m - 1.0) / (m + 1.0), z = s * s;
  const Vec<double> of_m = s * polynomial<double>(z, 2.8853900817779268, 9.6179669392597561e-01, 5.7707801635558537e-01,
                                                  4.1219858311113241e-01, 3.2059889797532523e-01,
                                                  2.6230818925253882e-01, 2.2195308321368669e-01);
  return __builtin_convertvector(exponent, Vec<double>) + of_m;
}
LAMINA_INLINE Vec<double> exp2_of_float(Vec<double> x) {
  constexpr double shifter = MathConstants<double>::shifter;
  x = x < -1000.0 ? splat(-1000.0) : x;
  x = x > 1000.0 ? splat(1000.0) : x;
  const Vec<double> shifted = x + shifter, f = x - (shifted - shifter);
  const IntVec<double> n = (IntVec<double>)shifted - (IntVec<double>)splat(shifter);
  const Vec<double> r = polynomial<double>(f, 1.0, 6.9314718055994531e-01, 2.4022650695910071e-01,
                                           5.5504108664821580e-02, 9.6181291076284772e-03, 1.3333558146428443e-03,
                                           1.5403530393381609e-04, 1.5252733804059841e-05, 1.3215486790144309e-06);
  return (Vec<double>)((IntVec<double>)r + (n << 52));
}

// exp(y log |x|) with the sign of an odd power, C's special cases: good enough for a float result, not for a double
// one.
LAMINA_INLINE Vec<double> pow_of_floats(Vec<double> x, Vec<double> y) {
  const double inf = __builtin_inf();
  const Vec<double> a = vabs<double>(x), one = splat(1.0);
  Vec<double> l = log2_of_float(a);
  l = select<double>(a == 0.0, splat(-inf), l);
  l = select<double>(a < inf, l, a);  // infinity and NaN
  Vec<double> r = exp2_of_float(y * l);
  r = select<double>((y * l == y * l), r, y * l);
  const IntVec<double> whole = vfloor(y) == y, negative = (IntVec<double>)x < 0;  // the sign bit: of -0 as well
  const IntVec<double> odd = whole & (vfloor(y * 0.5) * 2.0 != y);
  r = select<double>(negative & odd, -r, r);
  r = select<double>((x < 0.0) & (x != -inf) & ~whole, splat(__builtin_nan("")), r);
  r = select<double>((a == one) & (vabs<double>(y) == inf), one, r);
  return select<double>((y == 0.0) | (x == one), one, r);
}

// Whether all of x are positive numbers and all of y numbers: the power is exp2(y log2 x) then.
LAMINA_INLINE bool plain_power(Vec<float> x, Vec<float> y) {
  const float inf = __builtin_inff();
  const IntVec<float> plain = (x > 0.0f) & (x < inf) & (vabs<float>(y) < inf);
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)plain) == 0xffff;
#elif defined(__AVX2__)
  return _mm256_movemask_ps((__m256)plain) == 0xff;
#else
  std::int32_t all = -1;
  for (int i = 0; i < kLanes<float>; i++) all &= plain[i];
  return all != 0;
#endif
}

// All other numbers are rare, so that this is called.
inline __attribute__((noinline)) Vec<float> power_of_any(Vec<float> x, Vec<float> y) {
  return through_double([](Vec<double> a, Vec<double> b) LAMINA_INLINE_LAMBDA { return pow_of_floats(a, b); }, x, y);
}
inline __attribute__((noinline)) Vec<float> power_of_any_less_one(Vec<float> x, Vec<float> y) {
  return through_double([](Vec<double> a, Vec<double> b) LAMINA_INLINE_LAMBDA { return pow_of_floats(a, b - 1.0); }, x,
                        y);
}

LAMINA_INLINE Vec<float> vpow(Vec<float> x, Vec<float> y) {
  if (!plain_power(x, y)) return power_of_any(x, y);
  return through_double(
      [](Vec<double> a, Vec<double> b) LAMINA_INLINE_LAMBDA { return exp2_of_float(b * log2_of_float(a)); }, x, y);
}
// The C library, lane by lane, takes longer than a call.
inline __attribute__((noinline)) Vec<double> vpow(Vec<double> x, Vec<double> y) {
  for (int i = 0; i < kLanes<double>; i++) x[i] = __builtin_pow(x[i], y[i]);
  return x;
}
// x^(y - 1), the difference in double: of large y in float it would be y.
LAMINA_INLINE Vec<float> vpow_less_one(Vec<float> x, Vec<float> y) {
  if (!plain_power(x, y)) return power_of_any_less_one(x, y);
  return through_double([](Vec<double> a, Vec<double> b)
                            LAMINA_INLINE_LAMBDA { return exp2_of_float((b - 1.0) * log2_of_float(a)); },
                        x, y);
}
LAMINA_INLINE Vec<double> vpow_less_one(Vec<double> x, Vec<double> y) { return vpow(x, y - 1.0); }

// sin(x + quarter * pi / 2): pi / 2 in three parts (Cody and Waite), then fdlibm's polynomials on [-pi/4, pi/4].
LAMINA_INLINE Vec<double> sin_quarter(Vec<double> x, int quarter) {
  constexpr double shifter = MathConstants<double>::shifter;
  const Vec<double> shifted = x * 6.36619772367581382433e-01 + shifter, k = shifted - shifter;
  const IntVec<double> q = (IntVec<double>)shifted - (IntVec<double>)splat(shifter) + quarter;
  Vec<double> r = x - k * 1.57079632673412561417e+00;  // 33 bits each: the products are exact up to k = 2^20
  r = r - k * 6.07710050630396597660e-11;
  r = r - k * 2.02226624879595063154e-21;
  const Vec<double> z = r * r;
  const Vec<double> sine = r + r * z *
                                   polynomial<double>(z, -1.66666666666666324348e-01, 8.33333333332248946124e-03,
                                                      -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                                                      -2.50507602534068634195e-08, 1.58969099521155010221e-10);
  const Vec<double> tail =
      z * z *
      polynomial<double>(z, 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
                         -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11);
  const Vec<double> half = 0.5 * z, w = 1.0 - half, cosine = w + (((1.0 - w) - half) + tail);
  const Vec<double> v = select<double>((q & 1) != 0, cosine, sine);
  const Vec<double> y = select<double>((q & 2) != 0, -v, v);
  return quarter ? y : select<double>(x == 0.0, x, y);  // minus zero keeps its sign
}

// Beyond the range of the reduction the C library's, lane by lane.
template <class T>
LAMINA_INLINE bool any_beyond(Vec<T> x) {
  const IntVec<T> far = ~(vabs<T>(x) <= T(1e6));
  typename VecOf<T>::int_t any = 0;
  for (int i = 0; i < kLanes<T>; i++) any |= far[i];
  return any != 0;
}
inline __attribute__((noinline)) Vec<double> sin_of_large(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; i++) x[i] = __builtin_sin(x[i]);
  return x;
}
inline __attribute__((noinline)) Vec<float> sin_of_large(Vec<float> x) {
  for (int i = 0; i < kLanes<float>; i++) x[i] = __builtin_sinf(x[i]);
  return x;
}
inline __attribute__((noinline)) Vec<double> cos_of_large(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; i++) x[i] = __builtin_cos(x[i]);
  return x;
}
inline __attribute__((noinline)) Vec<float> cos_of_large(Vec<float> x) {
  for (int i = 0; i < kLanes<float>; i++) x[i] = __builtin_cosf(x[i]);
  return x;
}
LAMINA_INLINE Vec<double> vsin(Vec<double> x) {
  if (!any_beyond<double>(x)) return sin_quarter(x, 0);
  return sin_of_large(x);
}
LAMINA_INLINE Vec<double> vcos(Vec<double> x) {
  if (!any_beyond<double>(x)) return sin_quarter(x, 1);
  return cos_of_large(x);
}
LAMINA_INLINE Vec<float> vsin(Vec<float> x) {
  if (!any_beyond<float>(x))
    return through_double([](Vec<double> v) LAMINA_INLINE_LAMBDA { return sin_quarter(v, 0); }, x);
  return sin_of_large(x);
}
LAMINA_INLINE Vec<float> vcos(Vec<float> x) {
  if (!any_beyond<float>(x))
    return through_double([](Vec<double> v) LAMINA_INLINE_LAMBDA { return sin_quarter(v, 1); }, x);
  return cos_of_large(x);
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
