#include "kernels/optimizer.h"

#include "kernels/table.h"
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
      put<T>(w + i, clipped.weights(w + i, l) - a * m1 / (vsqrt(v1) + e), l);
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
      put<T>(w + i, clipped.weights(w + i, l) - (m1 * of_m + g * of_g) / (vsqrt(v1 * of_v) + e), l);
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
      Vec<T> change = g * r / vsqrt(denominator);
      if (m) {
        change += get(m + i, l) * factor;
        put<T>(m + i, change, l);
      }
      put<T>(w + i, clipped.weights(w + i, l) - change, l);
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
T squares(dim_t n, const T* x) {
  constexpr int W = kLanes<T>;
  Vec<T> s[4] = {};
  dim_t i = 0;
  for (; i + 4 * W <= n; i += 4 * W)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) s[j] += load(x + i + j * W) * load(x + i + j * W);
  for_lanes<T>(n - i, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> v = get(x + i + j, l);
    s[0] += v * v;
  });
  return hsum<T>((s[0] + s[1]) + (s[2] + s[3]));
}

template <class T>
void accumulate(dim_t n, const T* g, T* sum, T divisor) {
  const Vec<T> d = splat(divisor);
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> s = get(sum + i, l);
    put<T>(sum + i, (g ? s + get(g + i, l) : s) / d, l);
  });
}

template <class T>
void fill(OptimizerKernels<T>& k) {
  enter<T, Sgd, Adam, Nadam, Rmsprop>(k);
  k.squares = squares<T>;
  k.accumulate = accumulate<T>;
}

}  // namespace

LAMINA_FILL(optimizer)

}  // namespace LAMINA_ISA
}  // namespace lamina
