// The update rules of optimizers: what each does to the elements of a span.
#pragma once
#include "kernels/optimizer.h"
#include "simd/power.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// The clipped gradient and the decayed weights of one vector.
template <class T>
struct Clipped {
  Vec<T> scale, unit, high, low, decay;
  explicit Clipped(const UpdateSpan<T>& s)
      : scale(splat(s.scale)), unit(splat(s.unit)), high(splat(s.limit)), low(splat(-s.limit)), decay(splat(s.decay)) {}
  LAMINA_INLINE Vec<T> gradient(const T* g, int lanes) const {
    return vmax<T>(vmin<T>(get(g, lanes) * unit * scale, high), low);
  }
  LAMINA_INLINE Vec<T> weights(const T* w, int lanes) const {
    const Vec<T> v = get(w, lanes);
    return v - v * decay;
  }
};

// x / (sqrt(v) + e), which is most of the arithmetic of a step. With AVX-512 floats by Newton's steps from 14 bits: to
// three units in the last place; zeros, infinities and NaN as from sqrt and division.
template <class T>
LAMINA_INLINE Vec<T> over_root(Vec<T> x, Vec<T> v, Vec<T> e) {
  return x / (vsqrt(v) + e);
}
#if defined(__AVX512F__)
template <>
LAMINA_INLINE Vec<float> over_root<float>(Vec<float> x, Vec<float> v, Vec<float> e) {
  constexpr int zero_or_infinite = 0x02 | 0x04 | 0x08;
  constexpr __mmask16 all = 0xffff;
  const Vec<float> i = (Vec<float>)_mm512_maskz_rsqrt14_ps(all, (__m512)v), near = v * i;
  const __m512 root = (__m512)((v - near * near) * (i * 0.5f) + near);
  const __mmask16 as_is = _mm512_fpclass_ps_mask((__m512)v, zero_or_infinite);
  const Vec<float> d = (Vec<float>)_mm512_mask_mov_ps(root, as_is, (__m512)v) + e;
  const __m512 r = _mm512_maskz_rcp14_ps(all, (__m512)d);
  const __m512 better = (__m512)((1.0f - d * (Vec<float>)r) * (Vec<float>)r + (Vec<float>)r);
  return x * (Vec<float>)_mm512_mask_mov_ps(better, _mm512_fpclass_ps_mask((__m512)d, zero_or_infinite), r);
}
#endif

// m = momentum m - rate g;   w += m, or w += momentum m - rate g if nesterov;   without momentum w -= rate g.
template <class T>
struct Sgd {
  static constexpr Rule rule{"sgd", {"momentum", "nesterov"}, {{"momentum", "momentum"}}};
  static void factors(const double* o, double rate, double, double* f) { f[0] = rate, f[1] = o[0], f[2] = o[1]; }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> minus_rate = splat(T(-f[0])), factor = splat(T(f[1]));
    const bool nesterov = f[2] != 0;
    T *w = s.w, *m = s.slots[0];
    if (!m) {
      for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
        put<T>(w + i, clipped.weights(w + i, l) + clipped.gradient(s.g + i, l) * minus_rate, l);
      });
      return;
    }
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> change = clipped.gradient(s.g + i, l) * minus_rate;
      const Vec<T> next = get(m + i, l) * factor + change;
      put<T>(m + i, next, l);
      put<T>(w + i, clipped.weights(w + i, l) + (nesterov ? next * factor + change : next), l);
    });
  }
};

// m += (g - m)(1 - beta_1);   v += (g^2 - v)(1 - beta_2);   w -= alpha m / (sqrt(v) + epsilon), or of the largest v so
// far if amsgrad;   alpha = rate sqrt(1 - beta_2^t) / (1 - beta_1^t).
template <class T>
struct Adam {
  static constexpr Rule rule{
      "adam", {"beta_1", "beta_2", "epsilon", "amsgrad"}, {{"momentum"}, {"velocity"}, {"velocity_hat", "amsgrad"}}};
  static void factors(const double* o, double rate, double t, double* f) {
    f[0] = rate * __builtin_sqrt(1.0 - __builtin_pow(o[1], t)) / (1.0 - __builtin_pow(o[0], t));
    f[1] = 1.0 - o[0], f[2] = 1.0 - o[1], f[3] = o[2];
  }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> a = splat(T(f[0])), g1 = splat(T(f[1])), g2 = splat(T(f[2])), e = splat(T(f[3]));
    T *w = s.w, *m = s.slots[0], *v = s.slots[1], *top = s.slots[2];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l), m0 = get(m + i, l), v0 = get(v + i, l);
      const Vec<T> m1 = m0 + (g - m0) * g1;
      Vec<T> v1 = v0 + (g * g - v0) * g2;
      put<T>(m + i, m1, l);
      put<T>(v + i, v1, l);
      if (top) {
        v1 = vmax<T>(v1, get(top + i, l));
        put<T>(top + i, v1, l);
      }
      put<T>(w + i, clipped.weights(w + i, l) - over_root<T>(a * m1, v1, e), l);
    });
  }
};

// m and v as Adam's;   w -= rate (u' m / (1 - p u') + (1 - u) g / (1 - p)) / (sqrt(v / (1 - beta_2^t)) + epsilon).
// u = beta_1 (1 - 0.96^t / 2), u' that of the next step, p the product of u over all steps up to this one.
template <class T>
struct Nadam {
  static constexpr Rule rule{"nadam", {"beta_1", "beta_2", "epsilon"}, {{"momentum"}, {"velocity"}}};
  static void factors(const double* o, double rate, double t, double* f) {
    double decay = 1.0, p = __builtin_pow(o[0], t);
    for (double i = 1; i <= t && decay > 1e-17; i++) decay *= 0.96, p *= 1.0 - 0.5 * decay;  // at most 960 times
    const double u = o[0] * (1.0 - 0.5 * __builtin_pow(0.96, t)),
                 next = o[0] * (1.0 - 0.5 * __builtin_pow(0.96, t + 1));
    f[0] = rate * next / (1.0 - p * next), f[1] = rate * (1.0 - u) / (1.0 - p);
    f[2] = 1.0 - o[0], f[3] = 1.0 - o[1], f[4] = 1.0 / (1.0 - __builtin_pow(o[1], t)), f[5] = o[2];
  }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> of_m = splat(T(f[0])), of_g = splat(T(f[1])), g1 = splat(T(f[2])), g2 = splat(T(f[3])),
                 of_v = splat(T(f[4])), e = splat(T(f[5]));
    T *w = s.w, *m = s.slots[0], *v = s.slots[1];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l), m0 = get(m + i, l), v0 = get(v + i, l);
      const Vec<T> m1 = m0 + (g - m0) * g1, v1 = v0 + (g * g - v0) * g2;
      put<T>(m + i, m1, l);
      put<T>(v + i, v1, l);
      put<T>(w + i, clipped.weights(w + i, l) - over_root<T>(m1 * of_m + g * of_g, v1 * of_v, e), l);
    });
  }
};

// v = rho v + (1 - rho) g^2;   mean = rho mean + (1 - rho) g;   d = rate g / sqrt(v + epsilon - mean^2);
// w -= d, or m = momentum m + d;  w -= m.   mean if centered, m if there is momentum.
template <class T>
struct Rmsprop {
  static constexpr Rule rule{"rmsprop",
                             {"rho", "momentum", "epsilon", "centered"},
                             {{"velocity"}, {"momentum", "momentum"}, {"average_gradient", "centered"}}};
  static void factors(const double* o, double rate, double, double* f) {
    f[0] = rate, f[1] = o[0], f[2] = o[1], f[3] = o[2];
  }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> r = splat(T(f[0])), keep = splat(T(f[1])), gain = splat(T(1) - T(f[1])), factor = splat(T(f[2])),
                 e = splat(T(f[3]));
    T *w = s.w, *v = s.slots[0], *m = s.slots[1], *mean = s.slots[2];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l);
      const Vec<T> v1 = get(v + i, l) * keep + g * g * gain;
      put<T>(v + i, v1, l);
      Vec<T> denominator = v1 + e;
      if (mean) {
        const Vec<T> average = get(mean + i, l) * keep + g * gain;
        put<T>(mean + i, average, l);
        denominator -= average * average;
      }
      Vec<T> change = over_root<T>(g * r, denominator, Vec<T>{});
      if (m) {
        change += get(m + i, l) * factor;
        put<T>(m + i, change, l);
      }
      put<T>(w + i, clipped.weights(w + i, l) - change, l);
    });
  }
};

// sum += g^2;   w -= rate g / sqrt(sum + epsilon).
template <class T>
struct Adagrad {
  static constexpr Rule rule{"adagrad", {"epsilon"}, {{"accumulator"}}};
  static void factors(const double* o, double rate, double, double* f) { f[0] = rate, f[1] = o[0]; }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> r = splat(T(f[0])), e = splat(T(f[1]));
    T *w = s.w, *sum = s.slots[0];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l), sum1 = get(sum + i, l) + g * g;
      put<T>(sum + i, sum1, l);
      put<T>(w + i, clipped.weights(w + i, l) - over_root<T>(g * r, sum1 + e, Vec<T>{}), l);
    });
  }
};

// v = rho v + (1 - rho) g^2;   d = g sqrt(u + epsilon) / sqrt(v + epsilon);   u = rho u + (1 - rho) d^2;   w -= rate d.
template <class T>
struct Adadelta {
  static constexpr Rule rule{"adadelta", {"rho", "epsilon"}, {{"accumulated_grad"}, {"accumulated_delta_var"}}};
  static void factors(const double* o, double rate, double, double* f) { f[0] = rate, f[1] = o[0], f[2] = o[1]; }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> r = splat(T(f[0])), keep = splat(T(f[1])), gain = splat(T(1.0 - f[1])), e = splat(T(f[2]));
    T *w = s.w, *v = s.slots[0], *u = s.slots[1];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l), v1 = get(v + i, l) * keep + g * g * gain, u0 = get(u + i, l);
      const Vec<T> change = g * vsqrt(u0 + e) / vsqrt(v1 + e);
      put<T>(v + i, v1, l);
      put<T>(u + i, u0 * keep + change * change * gain, l);
      put<T>(w + i, clipped.weights(w + i, l) - change * r, l);
    });
  }
};

// m += (g - m)(1 - beta_1);   u = max(beta_2 u, |g|);   w -= rate / (1 - beta_1^t) m / (u + epsilon).
template <class T>
struct Adamax {
  static constexpr Rule rule{"adamax", {"beta_1", "beta_2", "epsilon"}, {{"momentum"}, {"norm"}}};
  static void factors(const double* o, double rate, double t, double* f) {
    f[0] = rate / (1.0 - __builtin_pow(o[0], t)), f[1] = 1.0 - o[0], f[2] = o[1], f[3] = o[2];
  }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> r = splat(T(f[0])), g1 = splat(T(f[1])), keep = splat(T(f[2])), e = splat(T(f[3]));
    T *w = s.w, *m = s.slots[0], *u = s.slots[1];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l), m0 = get(m + i, l), m1 = m0 + (g - m0) * g1;
      const Vec<T> u1 = vmax<T>(vabs<T>(g), get(u + i, l) * keep);
      put<T>(m + i, m1, l);
      put<T>(u + i, u1, l);
      put<T>(w + i, clipped.weights(w + i, l) - m1 * r / (u1 + e), l);
    });
  }
};

// w -= rate sign(beta_1 m + (1 - beta_1) g);   m = beta_2 m + (1 - beta_2) g.
template <class T>
struct Lion {
  static constexpr Rule rule{"lion", {"beta_1", "beta_2"}, {{"momentum"}}};
  static void factors(const double* o, double rate, double, double* f) { f[0] = rate, f[1] = o[0], f[2] = o[1]; }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> r = splat(T(f[0])), b1 = splat(T(f[1])), g1 = splat(T(1.0 - f[1])), b2 = splat(T(f[2])),
                 g2 = splat(T(1.0 - f[2]));
    T *w = s.w, *m = s.slots[0];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l), m0 = get(m + i, l);
      put<T>(m + i, m0 * b2 + g * g2, l);
      put<T>(w + i, clipped.weights(w + i, l) - vsign<T>(m0 * b1 + g * g1) * r, l);
    });
  }
};

// m and v as Adam's. From the step on in which v is known well enough (l > 5, as in PyTorch), with r that grows to 1:
// w -= alpha r m / (sqrt(v) + epsilon), alpha as Adam's;   before it w -= rate / (1 - beta_1^t) m.
template <class T>
struct Radam {
  static constexpr Rule rule{"radam", {"beta_1", "beta_2", "epsilon"}, {{"momentum"}, {"velocity"}}};
  static void factors(const double* o, double rate, double t, double* f) {
    const double power = __builtin_pow(o[1], t), longest = 2.0 / (1.0 - o[1]) - 1.0;
    const double l = longest - 2.0 * t * power / (1.0 - power);
    f[0] = rate / (1.0 - __builtin_pow(o[0], t)), f[1] = 1.0 - o[0], f[2] = 1.0 - o[1], f[3] = o[2], f[4] = l > 5.0;
    if (l > 5.0)
      f[0] *= __builtin_sqrt((l - 4.0) * (l - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * l) * (1.0 - power));
  }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> a = splat(T(f[0])), g1 = splat(T(f[1])), g2 = splat(T(f[2])), e = splat(T(f[3]));
    const bool divides = f[4] != 0;
    T *w = s.w, *m = s.slots[0], *v = s.slots[1];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l), m0 = get(m + i, l), v0 = get(v + i, l);
      const Vec<T> m1 = m0 + (g - m0) * g1, v1 = v0 + (g * g - v0) * g2, change = m1 * a;
      put<T>(m + i, m1, l);
      put<T>(v + i, v1, l);
      put<T>(w + i, clipped.weights(w + i, l) - (divides ? over_root<T>(change, v1, e) : change), l);
    });
  }
};

// z -= rate g / (sqrt(v / (1 - beta_2^t)) + epsilon), v as Adam's, z the weights at first;   x = (1 - 1/t) x + z / t.
// Gradients are taken at w = beta_1 x + (1 - beta_1) z, of which x is found again.
template <class T>
struct ScheduleFree {
  static constexpr Rule rule{
      "schedule_free_adamw", {"beta_1", "beta_2", "epsilon", "warmup_steps"}, {{"momentum"}, {"velocity"}}};
  static void factors(const double* o, double rate, double t, double* f) {
    f[0] = o[3] > t ? rate * t / o[3] : rate, f[1] = o[0], f[2] = 1.0 - o[1];
    f[3] = 1.0 / (1.0 - __builtin_pow(o[1], t)), f[4] = o[2], f[5] = 1.0 / t;
  }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Clipped<T> clipped(s);
    const Vec<T> r = splat(T(f[0])), b = splat(T(f[1])), rest = splat(T(1.0 - f[1])), g2 = splat(T(f[2])),
                 of_v = splat(T(f[3])), e = splat(T(f[4])), part = splat(T(f[5])), past = splat(T(1.0 - f[5]));
    T *w = s.w, *z = s.slots[0], *v = s.slots[1];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l), z0 = get(z + i, l), v0 = get(v + i, l);
      const Vec<T> v1 = v0 + (g * g - v0) * g2, z1 = z0 - over_root<T>(g * r, v1 * of_v, e);
      const Vec<T> x = (clipped.weights(w + i, l) - z0 * rest) / b;
      put<T>(z + i, z1, l);
      put<T>(v + i, v1, l);
      put<T>(w + i, z1 * rest + (x * past + z1 * part) * b, l);
    });
  }
};

// n1 = n + g^2;   z += g + 2 shrinkage w - (n1^p - n^p) / rate w;   n = n1;   p = -learning_rate_power;
// w = (clamp(z, -l1, l1) - z) / (n^p / rate + 2 l2 + beta / rate).   Nothing moves while the rate is 0.
template <class T>
struct Ftrl {
  static constexpr Rule rule{"ftrl",
                             {"learning_rate_power", "l1_regularization_strength", "l2_regularization_strength",
                              "l2_shrinkage_regularization_strength", "beta"},
                             {{"accumulator"}, {"linear"}}};
  static void factors(const double* o, double rate, double, double* f) {
    f[0] = rate, f[1] = -o[0], f[2] = o[1], f[3] = 2.0 * o[2] + o[4] / rate, f[4] = 2.0 * o[3];
  }
  static void update(const UpdateSpan<T>& s, const double* f) {
    if (f[0] == 0.0) return;
    const Clipped<T> clipped(s);
    const Vec<T> r = splat(T(f[0])), power = splat(T(f[1])), l1 = splat(T(f[2])), l2 = splat(T(f[3])),
                 shrinkage = splat(T(f[4]));
    const Vec<T> least = splat(sizeof(T) == 4 ? T(__FLT_MIN__) : T(__DBL_MIN__));
    const bool root = f[1] == 0.5;
    const auto raised = [&](Vec<T> x) LAMINA_INLINE_LAMBDA { return root ? vsqrt(x) : vpow(x, power); };
    T *w = s.w, *n = s.slots[0], *z = s.slots[1];
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = clipped.gradient(s.g + i, l), n0 = get(n + i, l), w0 = clipped.weights(w + i, l);
      const Vec<T> n1 = n0 + g * g, p0 = raised(n0), p1 = raised(n1);
      // A difference of roots keeps its digits as the difference of squares over the sum.
      const Vec<T> more = root ? g * g / vmax<T>(p1 + p0, least) : p1 - p0;
      const Vec<T> z1 = get(z + i, l) + (g + w0 * shrinkage - more / r * w0);
      put<T>(n + i, n1, l);
      put<T>(z + i, z1, l);
      put<T>(w + i, (vmax<T>(vmin<T>(z1, l1), -l1) - z1) / (p1 / r + l2), l);
    });
  }
};

// w += (g - w)(1 - momentum), w = g in the first step: running means of weights, which stand in the gradient's place.
template <class T>
struct Average {
  static constexpr Rule rule{"average", {"momentum"}, {}};
  static void factors(const double* o, double, double t, double* f) { f[0] = t == 1 ? 1.0 : 1.0 - o[0]; }
  static void update(const UpdateSpan<T>& s, const double* f) {
    const Vec<T> gain = splat(T(f[0]));
    const bool takes = f[0] == 1.0;
    T* w = s.w;
    for_lanes<T>(s.n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> g = get(s.g + i, l), w0 = get(w + i, l);
      put<T>(w + i, takes ? g : w0 + (g - w0) * gain, l);
    });
  }
};

template <class T, template <class> class... Entry>
void enter(OptimizerKernels<T>& k) {
  static_assert(sizeof...(Entry) <= kMaxRules);
  k.count = 0;
  ((k.rules[k.count++] = {&Entry<T>::rule, Entry<T>::factors, Entry<T>::update}), ...);
}

template <class T>
void enter_rules(OptimizerKernels<T>& k) {
  enter<T, Sgd, Adam, Nadam, Rmsprop, Adagrad, Adadelta, Adamax, Lion, Radam, ScheduleFree, Ftrl, Average>(k);
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
