#include "kernels/loss.h"

#include "kernels/table.h"
#include "simd/math.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// The first l lanes of v, `otherwise` in the rest.
template <class T>
LAMINA_INLINE Vec<T> keep(Vec<T> v, int l, T otherwise) {
  IntVec<T> lane{};
  for (int i = 0; i < kLanes<T>; i++) lane[i] = i;
  return l == kLanes<T> ? v : select<T>(lane < l, v, splat(otherwise));
}

// max(a, b) that keeps a NaN of either.
template <class T>
LAMINA_INLINE Vec<T> max_or_nan(Vec<T> a, Vec<T> b) {
  return select<T>(b != b, b, vmax<T>(a, b));
}

// sum of t v over a row, smoothed; what t leaves out (0) counts nothing, even where v is infinite.
template <class T>
LAMINA_INLINE T expected(const T* v, const T* t, dim_t C, dim_t label, T smoothing) {
  Vec<T> sum{};
  const T even = smoothing / T(C);
  if (label >= 0) {
    if (smoothing != 0) for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { sum += get(v + i, l); });
    return (smoothing != 0 ? even * hsum<T>(sum) : T(0)) + (T(1) - smoothing) * v[label];
  }
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> w = keep<T>(get(t + i, l) * (T(1) - smoothing) + even, l, T(0));
    sum += select<T>(w == T(0), Vec<T>{}, w * get(v + i, l));
  });
  return hsum<T>(sum);
}

template <class T>
LAMINA_INLINE T total(const T* t, dim_t C, dim_t label, T smoothing) {
  if (label >= 0) return T(1);
  Vec<T> sum{};
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { sum += get(t + i, l); });
  return hsum<T>(sum) * (T(1) - smoothing) + smoothing;
}

// slope -= target distribution
template <class T>
LAMINA_INLINE void subtract_target(const T* t, dim_t C, dim_t label, T smoothing, T* slope) {
  const T even = smoothing / T(C);
  if (label >= 0) {
    if (smoothing != 0)
      for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(slope + i, get(slope + i, l) - even, l); });
    slope[label] -= T(1) - smoothing;
    return;
  }
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    put<T>(slope + i, get(slope + i, l) - (get(t + i, l) * (T(1) - smoothing) + even), l);
  });
}

template <class T>
T softmax_row(const T* x, dim_t C, dim_t label, const T* t, T smoothing, T* slope) {
  const T low = -T(__builtin_inf());
  Vec<T> m = splat(low);
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { m = max_or_nan<T>(m, keep<T>(get(x + i, l), l, low)); });
  const T top = hmax<T>(m);
  Vec<T> sum{};
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> e = vexp<T>(get(x + i, l) - top);
    sum += keep<T>(e, l, T(0));
    if (slope) put<T>(slope + i, e, l);
  });
  const T s = hsum<T>(sum), weight = total(t, C, label, smoothing);
  const T lse = vlog<T>(splat(s))[0] + top;
  if (slope) {
    const T factor = weight / s;
    for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(slope + i, get(slope + i, l) * factor, l); });
    subtract_target(t, C, label, smoothing, slope);
  }
  return weight * lse - expected(x, t, C, label, smoothing);
}

template <class T>
T probability_row(const T* x, dim_t C, dim_t label, const T* t, T smoothing, T* slope) {
  const T least = T(1e-7), most = T(1) - T(1e-7), even = smoothing / T(C);
  Vec<T> sum{};
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { sum += get(x + i, l); });
  const T s = hsum<T>(sum);
  // loss = -sum w log clip(q), q = x / s;  g = d loss / d q = -w / q inside the clip;  dx = (g - sum g q) / s
  Vec<T> loss{}, gq{};
  IntVec<T> lane{};
  for (int i = 0; i < kLanes<T>; i++) lane[i] = i;
  for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> q = get(x + i, l) / s;
    Vec<T> w =
        label >= 0 ? select<T>(lane == typename VecOf<T>::int_t(label - i), splat(T(1)), Vec<T>{}) : get(t + i, l);
    w = keep<T>(w * (T(1) - smoothing) + even, l, T(0));
    const Vec<T> clipped = vmin<T>(vmax<T>(q, splat(least)), splat(most));
    loss -= select<T>(w == T(0), Vec<T>{}, w * vlog<T>(clipped));
    const Vec<T> g = select<T>((q < least) | (q > most), Vec<T>{}, -w / clipped);
    gq += keep<T>(g * q, l, T(0));
    if (slope) put<T>(slope + i, g, l);
  });
  if (slope) {
    const T shift = hsum<T>(gq);
    for_lanes<T>(C,
                 [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(slope + i, (get(slope + i, l) - shift) / s, l); });
  }
  return hsum<T>(loss);
}

template <class T>
struct Squared {
  static LAMINA_INLINE Vec<T> value(Vec<T> x, Vec<T> t, T) { return (x - t) * (x - t); }
  static LAMINA_INLINE Vec<T> slope(Vec<T> x, Vec<T> t, T) { return T(2) * (x - t); }
};
template <class T>
struct Absolute {
  static LAMINA_INLINE Vec<T> value(Vec<T> x, Vec<T> t, T) { return vabs<T>(x - t); }
  static LAMINA_INLINE Vec<T> slope(Vec<T> x, Vec<T> t, T) {
    const Vec<T> d = x - t;
    return select<T>(d > T(0), splat(T(1)), select<T>(d < T(0), splat(T(-1)), d));  // 0 at 0, NaN stays
  }
};
template <class T>
struct Huber {
  static LAMINA_INLINE Vec<T> value(Vec<T> x, Vec<T> t, T delta) {
    const Vec<T> a = vabs<T>(x - t);
    return select<T>(a > delta, delta * (a - T(0.5) * delta), T(0.5) * a * a);
  }
  static LAMINA_INLINE Vec<T> slope(Vec<T> x, Vec<T> t, T delta) {
    return vmin<T>(vmax<T>(x - t, splat(-delta)), splat(delta));
  }
};
template <class T>
struct BinaryLogit {  // max(x, 0) - x t + log(1 + e^-|x|)
  static LAMINA_INLINE Vec<T> value(Vec<T> x, Vec<T> t, T) {
    return vmax<T>(x, Vec<T>{}) - x * t + vlog1p<T>(vexp<T>(-vabs<T>(x)));
  }
  static LAMINA_INLINE Vec<T> slope(Vec<T> x, Vec<T> t, T) { return vsigmoid<T>(x) - t; }
};
template <class T>
struct BinaryProbability {
  static LAMINA_INLINE Vec<T> clip(Vec<T> x, T e) { return vmin<T>(vmax<T>(x, splat(e)), splat(T(1) - e)); }
  static LAMINA_INLINE Vec<T> value(Vec<T> x, Vec<T> t, T e) {
    const Vec<T> p = clip(x, e);
    return -(t * vlog<T>(p) + (T(1) - t) * vlog1p<T>(-p));
  }
  static LAMINA_INLINE Vec<T> slope(Vec<T> x, Vec<T> t, T e) {
    const Vec<T> p = clip(x, e);
    return select<T>((x < e) | (x > T(1) - e), Vec<T>{}, (p - t) / (p * (T(1) - p)));
  }
};

// Calls f with the loss as a type.
template <class T, class F>
LAMINA_INLINE void with_loss(PairLoss kind, F f) {
  switch (kind) {
    case PairLoss::squared:
      return f(Squared<T>{});
    case PairLoss::absolute:
      return f(Absolute<T>{});
    case PairLoss::huber:
      return f(Huber<T>{});
    case PairLoss::binary_logit:
      return f(BinaryLogit<T>{});
    case PairLoss::binary_probability:
      return f(BinaryProbability<T>{});
  }
}

template <class T>
void pairs(const T* x, const T* t, T* out, dim_t n, PairLoss kind, T parameter) {
  with_loss<T>(kind, [&](auto loss) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      put<T>(out + i, loss.value(get(x + i, l), get(t + i, l), parameter), l);
    });
  });
}

template <class T>
T pairs_sum(const T* x, const T* t, dim_t n, PairLoss kind, T parameter) {
  Vec<T> sum{};
  with_loss<T>(kind, [&](auto loss) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      sum += keep<T>(loss.value(get(x + i, l), get(t + i, l), parameter), l, T(0));
    });
  });
  return hsum<T>(sum);
}

template <class T>
void pairs_slope(const T* x, const T* t, const T* dy, T scale, T* dx, dim_t n, PairLoss kind, T parameter,
                 bool accumulate) {
  with_loss<T>(kind, [&](auto loss) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      Vec<T> g = scale * loss.slope(get(x + i, l), get(t + i, l), parameter);
      if (dy) g *= get(dy + i, l);
      if (accumulate) g += get(dx + i, l);
      put<T>(dx + i, g, l);
    });
  });
}

template <class T>
void scale(const T* x, T factor, T* y, dim_t n, bool accumulate) {
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    Vec<T> v = factor * get(x + i, l);
    if (accumulate) v += get(y + i, l);
    put<T>(y + i, v, l);
  });
}

template <class T>
void fill(LossKernels<T>& k) {
  k.softmax_row = softmax_row<T>;
  k.probability_row = probability_row<T>;
  k.pairs = pairs<T>;
  k.pairs_sum = pairs_sum<T>;
  k.pairs_slope = pairs_slope<T>;
  k.scale = scale<T>;
}

}  // namespace

void fill_loss(Kernels<float>& f, Kernels<double>& d) {
  fill(f.loss);
  fill(d.loss);
}

}  // namespace LAMINA_ISA
}  // namespace lamina
