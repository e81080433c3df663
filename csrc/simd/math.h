// exp, log, tanh, sigmoid, erf on vectors. Largest errors, measured by tests/native/test_simd.py over the whole range
// in which the result is normal: 3 ulp, erf 5; NaN propagates, infinities give the limits.
#pragma once
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T>
struct MathConstants;
template <>
struct MathConstants<float> {
  static constexpr float log2e = 1.44269504f, ln2_hi = 0.693115234375f, ln2_lo = 3.19461833e-5f;
  static constexpr float exp_min = -87.33654f, exp_max = 88.72283f, exp_half = 88.0f;
  static constexpr int mantissa = 23, bias = 127;
  // Adding 1.5 * 2^mantissa rounds to the nearest integer and leaves it in the low bits.
  static constexpr float shifter = 12582912.0f;
};
template <>
struct MathConstants<double> {
  static constexpr double log2e = 1.4426950408889634, ln2_hi = 6.93145751953125e-1, ln2_lo = 1.42860682030941723212e-6;
  static constexpr double exp_min = -708.39641853226408, exp_max = 709.78271289338397, exp_half = 709.0;
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double shifter = 6755399441055744.0;
};

template <class T>
LAMINA_INLINE Vec<T> polynomial(Vec<T>, T last) {
  return splat(last);
}
template <class T, class... Rest>
LAMINA_INLINE Vec<T> polynomial(Vec<T> x, T c0, Rest... rest) {
  return polynomial<T>(x, rest...) * x + c0;
}

// e^r - 1 for |r| <= ln(2)/2, divided by r: 1 + r/2 + r^2/6 ...
LAMINA_INLINE Vec<float> expm1_over_r(Vec<float> r) {
  return polynomial<float>(r, 1.0f, 1.0f / 2, 1.0f / 6, 1.0f / 24, 1.0f / 120, 1.0f / 720, 1.0f / 5040);
}
LAMINA_INLINE Vec<double> expm1_over_r(Vec<double> r) {
  return polynomial<double>(r, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
                            1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0);
}

template <class T>
LAMINA_INLINE Vec<T> power_of_two(IntVec<T> n) {
  return (Vec<T>)((n + MathConstants<T>::bias) << MathConstants<T>::mantissa);
}

// x = n ln 2 + r, split in two parts so that n ln2_hi is exact. Both are positive: r of minus zero is minus zero.
template <class T>
LAMINA_INLINE IntVec<T> reduce_ln2(Vec<T> x, Vec<T>& r) {
  using C = MathConstants<T>;
  const Vec<T> shifted = x * C::log2e + C::shifter;
  const Vec<T> n = shifted - C::shifter;
  r = x - n * C::ln2_hi;
  r = r - n * C::ln2_lo;
  return (IntVec<T>)shifted - (IntVec<T>)splat(C::shifter);
}

template <class T>
LAMINA_INLINE Vec<T> vexp(Vec<T> x) {
  using C = MathConstants<T>;
  const Vec<T> clamped = vmin<T>(vmax<T>(x, splat(C::exp_min)), splat(C::exp_max));
  Vec<T> r;
  const IntVec<T> n = reduce_ln2<T>(clamped, r);
  // 2^n in two factors: n may be one more than the largest exponent.
  const IntVec<T> half = n >> 1;
  Vec<T> y = (expm1_over_r(r) * r + T(1)) * power_of_two<T>(half) * power_of_two<T>(n - half);
  y = select<T>(x < C::exp_min, Vec<T>{}, y);
  return select<T>(x > C::exp_max, splat(T(__builtin_inf())), y);
}

// e^x - 1 without cancellation near 0: 2^n (e^r - 1) + (2^n - 1).
template <class T>
LAMINA_INLINE Vec<T> vexpm1(Vec<T> x) {
  using C = MathConstants<T>;
  const Vec<T> clamped = vmin<T>(vmax<T>(x, splat(T(-2 * C::mantissa))), splat(C::exp_half));
  Vec<T> r;
  const IntVec<T> n = reduce_ln2<T>(clamped, r);
  const Vec<T> s = power_of_two<T>(n);
  const Vec<T> y = expm1_over_r(r) * r * s - (T(1) - s);  // and minus zero keeps its sign
  return select<T>(x > C::exp_half, vexp<T>(x), y);
}

// As reduce_ln2, but gives n already shifted into the exponent's place: added to a number's bits it multiplies by 2^n.
template <class T>
LAMINA_INLINE IntVec<T> reduce_ln2_exponent(Vec<T> x, Vec<T>& r) {
  using C = MathConstants<T>;
  const Vec<T> shifted = x * C::log2e + C::shifter;
  const Vec<T> n = shifted - C::shifter;
  r = x - n * C::ln2_hi;
  r = r - n * C::ln2_lo;
  return (IntVec<T>)shifted << C::mantissa;
}

// e^x where it is a normal number.
template <class T>
LAMINA_INLINE Vec<T> exp_normal(Vec<T> x) {
  Vec<T> r;
  const IntVec<T> n = reduce_ln2_exponent<T>(x, r);
  const Vec<T> p = expm1_over_r(r) * r + T(1);
  return (Vec<T>)((IntVec<T>)p + n);
}
#if defined(__AVX512F__)
// One shuffle looks up 16 numbers, so that x = (16 k + j) ln(2)/16 + r leaves |r| < 0.022, and three terms suffice. The
// table has the bits of 2^(j/16) less j << 19: 16 k + j, shifted by 19, adds k to the exponent and j back.
template <>
LAMINA_INLINE Vec<float> exp_normal<float>(Vec<float> x) {
  using C = MathConstants<float>;
  const IntVec<float> powers = {1065353216, 1065200323, 1065063874, 1064944595, 1064843248, 1064760626,
                                1064697559, 1064654911, 1064633587, 1064634532, 1064658730, 1064707212,
                                1064781053, 1064881375, 1065009351, 1065166205};
  const Vec<float> shifted = x * (16 * C::log2e) + C::shifter;
  const Vec<float> n = shifted - C::shifter;
  Vec<float> r = x - n * (C::ln2_hi / 16);
  r = r - n * (C::ln2_lo / 16);
  const IntVec<float> pick = (IntVec<float>)shifted;  // its low four bits count
  const IntVec<float> power =
      (IntVec<float>)_mm512_maskz_permutexvar_epi32(__mmask16(-1), (__m512i)pick, (__m512i)powers) + (pick << 19);
  const Vec<float> scale = (Vec<float>)power;
  return polynomial<float>(r, 1.0f, 0.5f, 1.0f / 6) * r * scale + scale;
}
#endif

// 1 / x, to a unit or two in the last place, where it and x are normal numbers.
template <class T>
LAMINA_INLINE Vec<T> reciprocal(Vec<T> x) {
  return T(1) / x;
}
#if defined(__AVX512F__)
template <>
LAMINA_INLINE Vec<float> reciprocal<float>(Vec<float> x) {  // Newton's step from 14 bits
  const Vec<float> r = (Vec<float>)_mm512_maskz_rcp14_ps(__mmask16(-1), (__m512)x);
  return (1.0f - x * r) * r + r;
}
#endif

// e^x for x <= 0; 0 where it is no normal number.
template <class T>
LAMINA_INLINE Vec<T> vexp_negative(Vec<T> x) {
  using C = MathConstants<T>;
  return select<T>(x < C::exp_min, Vec<T>{}, exp_normal<T>(vmax<T>(x, splat(C::exp_min))));
}

// tanh |x| = -expm1(-2|x|) / (expm1(-2|x|) + 2), the sign put back; expm1 as in vexpm1, which needs no care below zero.
template <class T>
LAMINA_INLINE Vec<T> vtanh(Vec<T> x) {
  using C = MathConstants<T>;
  const Vec<T> a = vmax<T>(T(-2) * vabs<T>(x), splat(T(-2 * C::mantissa)));
  Vec<T> r;
  const IntVec<T> n = reduce_ln2_exponent<T>(a, r);
  const Vec<T> s = (Vec<T>)(n + (IntVec<T>)splat(T(1)));
  const Vec<T> e = expm1_over_r(r) * r * s + (s - T(1));
  return copy_sign<T>(-e / (e + T(2)), x);
}
// 1 / (1 + e^-x), x clamped to where e^-x is a normal number: at the lower end the result is flushed to zero.
template <class T>
LAMINA_INLINE Vec<T> vsigmoid(Vec<T> x) {
  using C = MathConstants<T>;
  return reciprocal<T>(T(1) + exp_normal<T>(vmin<T>(vmax<T>(-x, splat(C::exp_min)), splat(C::exp_half))));
}

// log(1+f) = 2 atanh(s), s = f/(2+f): odd series in s (fdlibm's form), |s| < 0.1716.
template <class T>
LAMINA_INLINE Vec<T> vlog(Vec<T> x) {
  using C = MathConstants<T>;
  using I = typename VecOf<T>::int_t;
  const T tiny = sizeof(T) == 4 ? T(1.17549435e-38) : T(2.2250738585072014e-308);
  const T scale = sizeof(T) == 4 ? T(33554432) : T(18014398509481984.0);  // 2^25, 2^54: denormals
  const IntVec<T> denormal = x < tiny;
  const Vec<T> v = select<T>(denormal, x * scale, x);
  // Split so that the mantissa lies in [sqrt(1/2), sqrt(2)).
  const I sqrt_half = sizeof(T) == 4 ? I(0x3f3504f3) : I(0x3fe6a09e667f3bcdLL);
  IntVec<T> bits = (IntVec<T>)v - sqrt_half;
  const IntVec<T> n = bits >> C::mantissa;
  bits = (bits & ((I(1) << C::mantissa) - 1)) + sqrt_half;
  const Vec<T> f = (Vec<T>)bits - T(1);
  const Vec<T> k = __builtin_convertvector(n, Vec<T>) - select<T>(denormal, splat(T(C::mantissa + 2)), Vec<T>{});
  const Vec<T> s = f / (f + T(2)), z = s * s;
  Vec<T> p;
  if constexpr (sizeof(T) == 4)
    p = polynomial<T>(z, 0.6666666666f, 0.4000009714f, 0.2849878668f, 0.2427907884f);
  else
    p = polynomial<T>(z, 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
                      2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
                      1.479819860511658591e-01);
  const Vec<T> half_square = T(0.5) * f * f;
  Vec<T> y = k * C::ln2_hi - ((half_square - (s * (half_square + z * p) + k * C::ln2_lo)) - f);
  y = select<T>(x == T(0), splat(T(-__builtin_inf())), y);
  y = select<T>(x < T(0), splat(T(__builtin_nan(""))), y);
  return select<T>((x != x) | (x == T(__builtin_inf())), x, y);
}

// log(1 + x) with the rounding error of 1 + x put back.
template <class T>
LAMINA_INLINE Vec<T> vlog1p(Vec<T> x) {
  const Vec<T> u = x + T(1), d = u - T(1);
  const Vec<T> y = vlog<T>(u) * (x / d);
  return select<T>(d == T(0), x, select<T>(u == T(__builtin_inf()), u, y));
}

// erf: Cody's rational approximations (Math. Comp. 23, 1969) for |x| <= 0.46875, [0.46875, 4], > 4.
template <class T>
LAMINA_INLINE Vec<T> verf(Vec<T> x) {
  const Vec<T> a = vabs<T>(x), z = x * x;
  const Vec<T> small =
      x *
      polynomial<T>(z, T(3.20937758913846947e+03), T(3.77485237685302021e+02), T(1.13864154151050156e+02),
                    T(3.16112374387056560e+00), T(1.85777706184603153e-01)) /
      polynomial<T>(z, T(2.84423683343917062e+03), T(1.28261652607737228e+03), T(2.44024637934444173e+02),
                    T(2.36012909523441209e+01), T(1));
  const Vec<T> b = vmin<T>(a, splat(T(4)));
  const Vec<T> p = polynomial<T>(b, T(1.23033935479799725e+03), T(2.05107837782607147e+03), T(1.71204761263407058e+03),
                                 T(8.81952221241769090e+02), T(2.98635138197400131e+02), T(6.61191906371416295e+01),
                                 T(8.88314979438837594e+00), T(5.64188496988670089e-01), T(2.15311535474403846e-08));
  const Vec<T> q = polynomial<T>(b, T(1.23033935480374942e+03), T(3.43936767414372164e+03), T(4.36261909014324716e+03),
                                 T(3.29079923573345963e+03), T(1.62138957456669019e+03), T(5.37181101862009858e+02),
                                 T(1.17693950891312499e+02), T(1.57449261107098347e+01), T(1));
  Vec<T> tail = vexp<T>(-a * a) * p / q;
  if constexpr (sizeof(T) == 8) {
    const Vec<T> w = T(1) / (z + T(1e-300));
    const Vec<T> pw =
        polynomial<T>(w, T(6.58749161529837803e-04), T(1.60837851487422766e-02), T(1.25781726111229246e-01),
                      T(3.60344899949804439e-01), T(3.05326634961232344e-01), T(1.63153871373020978e-02));
    const Vec<T> qw =
        polynomial<T>(w, T(2.33520497626869185e-03), T(6.05183413124413191e-02), T(5.27905102951428412e-01),
                      T(1.87295284992346047e+00), T(2.56852019228982242e+00), T(1));
    const Vec<T> far = vexp<T>(-a * a) / a * (T(5.6418958354775628695e-1) - w * pw / qw);
    tail = select<T>(a > T(4), far, tail);
  } else {
    tail = select<T>(a > T(4), Vec<T>{}, tail);  // 1 - 1.5e-8 rounds to 1
  }
  tail = select<T>(a > T(6), Vec<T>{}, tail);
  const Vec<T> large = select<T>(x < T(0), tail - T(1), T(1) - tail);
  return select<T>(x != x, x, select<T>(a <= T(0.46875), small, large));
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
