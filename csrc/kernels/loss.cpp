#include "kernels/loss.h"

#include "kernels/table.h"
#include "simd/rows.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T>
constexpr T kEpsilon = T(1e-7);  // Keras's

// Sum over a row of f(j, lanes), lanes beyond the row being dropped.
template <class T, class F>
LAMINA_INLINE T row_sum(dim_t n, F f) {
  Vec<T> s{};
  for_lanes<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> v = f(j, l);
    s += l == kLanes<T> ? v : select<T>(first_lanes<T>(l), v, Vec<T>{});
  });
  return hsum<T>(s);
}

// Whether a row has no loss, whatever it holds: a NaN times a weight of 0 would be NaN.
template <class T>
LAMINA_INLINE bool left_out(const CrossEntropyRows<T>& r, dim_t i) {
  return (r.labels && r.labels[i] < 0) || (r.weights && r.weights[i] == T(0));
}

template <class T>
LAMINA_INLINE void no_loss(const CrossEntropyRows<T>& r, dim_t i) {
  r.losses[i] = 0;
  if (r.gradient)
    for_lanes<T>(r.cols,
                 [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { put<T>(r.gradient + i * r.cols + j, Vec<T>{}, l); });
}

// With m the largest logit and s = sum exp(x - m):
//   loss = sum t (m - x) + log(s) sum t,   d/dx = exp(x - m) / s sum t - t
// of row i, whose gradient holds exp(x - m); of a row of one register that stands in `e`, since what was just stored
// with a mask is slow to read.
template <class T>
LAMINA_INLINE void softmax_row(const CrossEntropyRows<T>& r, dim_t i, T m, T s, T log_s, const Vec<T>* e) {
  const dim_t n = r.cols;
  const T keep = T(1) - r.smoothing, spread = r.smoothing / T(n);
  const T* x = r.x + i * n;
  T* g = r.gradient ? r.gradient + i * n : nullptr;
  const T weight = r.weights ? r.weights[i] : T(1), k = r.scale * weight;
  if (r.labels) {
    T loss = log_s + keep * (m - x[r.labels[i]]);
    if (r.smoothing != 0)
      loss += spread * row_sum<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { return m - get(x + j, l); });
    r.losses[i] = weight * loss;
    if (!g) return;
    const T by = k / s, less = k * spread;
    if (e) {
      const Vec<T> v = *e * by - less;
      T lanes[kLanes<T>];
      store(lanes, v);
      put<T>(g, v, int(n));
      g[r.labels[i]] = lanes[r.labels[i]] - k * keep;
      return;
    }
    for_lanes<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { put<T>(g + j, get(g + j, l) * by - less, l); });
    g[r.labels[i]] -= k * keep;
    return;
  }
  const T* t = r.targets + i * n;
  auto target = [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { return keep * get(t + j, l) + spread; };
  const T total = row_sum<T>(n, target);
  const T distance = row_sum<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> v = target(j, l);
    return select<T>(v == T(0), Vec<T>{}, v * (m - get(x + j, l)));  // 0 where a logit of -inf is not wanted
  });
  r.losses[i] = weight * (distance + log_s * total);
  if (!g) return;
  const T by = k / s * total;
  for_lanes<T>(n,
               [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { put<T>(g + j, get(g + j, l) * by - k * target(j, l), l); });
}

template <class T>
void softmax(const CrossEntropyRows<T>& r) {
  constexpr int W = kLanes<T>;
  const dim_t n = r.cols;
  for_rows<T>(r.rows, n, [&](dim_t first, int count) LAMINA_INLINE_LAMBDA {
    T most[W], sum[W] = {}, log_sum[W];
    max_rows(count, n, r.x + first * n, most);
    Vec<T> sums[W] = {}, kept[W];
    const bool keeps = n <= W && r.labels;
    for (int q = 0; q < count; q++) {
      const T *x = r.x + (first + q) * n, m = most[q];
      T* g = r.gradient ? r.gradient + (first + q) * n : nullptr;
      Vec<T> s{};
      for_lanes<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
        const Vec<T> e = exp_below<T>(get_or_minus_inf(x + j, l) - m);
        s += e;
        if (keeps)
          kept[q] = e;
        else if (g)
          put<T>(g + j, e, l);
      });
      sums[q] = s;
    }
    sum_rows<T>(sums, count, sum);
    store(log_sum, vlog<T>(load(sum)));
    for (int q = 0; q < count; q++) {
      const dim_t i = first + q;
      left_out(r, i) ? no_loss(r, i) : softmax_row(r, i, most[q], sum[q], log_sum[q], keeps ? kept + q : nullptr);
    }
  });
}

// With q = clip(x / sum x): loss = -sum t log q,  d/dx = (sum of t not clipped - t / q) / sum x where not clipped.
template <class T>
void probabilities(const CrossEntropyRows<T>& r) {
  using V = Vec<T>;
  const dim_t n = r.cols;
  const T keep = T(1) - r.smoothing, spread = r.smoothing / T(n);
  const T low = kEpsilon<T>, high = T(1) - kEpsilon<T>;
  for (dim_t i = 0; i < r.rows; i++) {
    if (left_out(r, i)) {
      no_loss(r, i);
      continue;
    }
    const T* x = r.x + i * n;
    const T* t = r.labels ? nullptr : r.targets + i * n;
    const dim_t label = r.labels ? r.labels[i] : 0;
    const T weight = r.weights ? r.weights[i] : T(1);
    const T sum = row_sum<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { return get(x + j, l); });
    const V each = splat(T(1) / sum);
    auto clip = [&](V q) LAMINA_INLINE_LAMBDA { return vmin<T>(vmax<T>(q, splat(low)), splat(high)); };
    auto target = [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { return (t ? keep * get(t + j, l) : V{}) + spread; };
    const V at_label = splat(x[label]) * each;
    const bool counts = t == nullptr && at_label[0] >= low && at_label[0] <= high;
    T loss = t ? T(0) : -keep * vlog<T>(clip(at_label))[0], free = counts ? keep : T(0);
    if (t || r.smoothing != 0) {
      loss -= row_sum<T>(
          n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { return target(j, l) * vlog<T>(clip(get(x + j, l) * each)); });
      free += row_sum<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
        const V q = get(x + j, l) * each;
        return select<T>((q >= low) & (q <= high), target(j, l), V{});
      });
    }
    r.losses[i] = weight * loss;
    if (!r.gradient) continue;
    T* g = r.gradient + i * n;
    const T k = r.scale * weight / sum;
    for_lanes<T>(n, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      const V q = get(x + j, l) * each;
      put<T>(g + j, k * (free - select<T>((q >= low) & (q <= high), target(j, l) / q, V{})), l);
    });
    if (counts) g[label] -= k * keep / at_label[0];
  }
}

// Calls run(loss) with a function of (x, t).
template <class T, class F>
LAMINA_INLINE void with_loss(PointLoss loss, T delta, F run) {
  using V = Vec<T>;
  switch (loss) {
    case PointLoss::squared: return run([](V x, V t) LAMINA_INLINE_LAMBDA { return (x - t) * (x - t); });
    case PointLoss::absolute: return run([](V x, V t) LAMINA_INLINE_LAMBDA { return vabs<T>(x - t); });
    case PointLoss::huber:
      return run([=](V x, V t) LAMINA_INLINE_LAMBDA {
        const V e = vabs<T>(x - t), q = vmin<T>(e, splat(delta));
        return q * (e - T(0.5) * q);
      });
    case PointLoss::log_cosh:
      return run([](V x, V t) LAMINA_INLINE_LAMBDA {
        const V e = vabs<T>(x - t);
        return e + vlog1p<T>(vexp<T>(T(-2) * e)) - T(0.69314718055994530942);
      });
    case PointLoss::binary_logits:
      return run([](V x, V t)
                     LAMINA_INLINE_LAMBDA { return vmax<T>(x, V{}) - x * t + vlog1p<T>(vexp<T>(-vabs<T>(x))); });
    case PointLoss::binary:
      return run([](V x, V t) LAMINA_INLINE_LAMBDA {
        const V p = vmin<T>(vmax<T>(x, splat(kEpsilon<T>)), splat(T(1) - kEpsilon<T>));
        return -(t * vlog<T>(p) + (T(1) - t) * vlog<T>(T(1) - p));
      });
    case PointLoss::kl:
      return run([](V x, V t) LAMINA_INLINE_LAMBDA {
        const V p = vmin<T>(vmax<T>(x, splat(kEpsilon<T>)), splat(T(1)));
        const V q = vmin<T>(vmax<T>(t, splat(kEpsilon<T>)), splat(T(1)));
        return q * vlog<T>(q / p);
      });
    case PointLoss::poisson: return run([](V x, V t) LAMINA_INLINE_LAMBDA { return x - t * vlog<T>(x + kEpsilon<T>); });
  }
}

// Calls run(slope) with d loss / dx as a function of (x, t).
template <class T, class F>
LAMINA_INLINE void with_slope(PointLoss loss, T delta, F run) {
  using V = Vec<T>;
  switch (loss) {
    case PointLoss::squared: return run([](V x, V t) LAMINA_INLINE_LAMBDA { return T(2) * (x - t); });
    case PointLoss::absolute: return run([](V x, V t) LAMINA_INLINE_LAMBDA { return vsign<T>(x - t); });
    case PointLoss::huber:
      return run([=](V x, V t) LAMINA_INLINE_LAMBDA { return vmin<T>(vmax<T>(x - t, splat(-delta)), splat(delta)); });
    case PointLoss::log_cosh: return run([](V x, V t) LAMINA_INLINE_LAMBDA { return vtanh<T>(x - t); });
    case PointLoss::binary_logits: return run([](V x, V t) LAMINA_INLINE_LAMBDA { return vsigmoid<T>(x) - t; });
    case PointLoss::binary:
      return run([](V x, V t) LAMINA_INLINE_LAMBDA {
        const IntVec<T> clipped = (x < kEpsilon<T>) | (x > T(1) - kEpsilon<T>);
        return select<T>(clipped, V{}, (x - t) / (x * (T(1) - x)));
      });
    case PointLoss::kl:
      return run([](V x, V t) LAMINA_INLINE_LAMBDA {
        const V q = vmin<T>(vmax<T>(t, splat(kEpsilon<T>)), splat(T(1)));
        return select<T>((x < kEpsilon<T>) | (x > T(1)), V{}, -q / x);
      });
    case PointLoss::poisson: return run([](V x, V t) LAMINA_INLINE_LAMBDA { return T(1) - t / (x + kEpsilon<T>); });
  }
}

// Calls run(slope) with d loss / dt as a function of (x, t).
template <class T, class F>
LAMINA_INLINE void with_target_slope(PointLoss loss, T delta, F run) {
  using V = Vec<T>;
  switch (loss) {
    case PointLoss::squared:
    case PointLoss::absolute:
    case PointLoss::huber:
    case PointLoss::log_cosh:  // functions of x - t
      return with_slope<T>(loss, delta, [&](auto slope) LAMINA_INLINE_LAMBDA {
        run([=](V x, V t) LAMINA_INLINE_LAMBDA { return -slope(x, t); });
      });
    case PointLoss::binary_logits: return run([](V x, V) LAMINA_INLINE_LAMBDA { return -x; });
    case PointLoss::binary:
      return run([](V x, V) LAMINA_INLINE_LAMBDA {
        const V p = vmin<T>(vmax<T>(x, splat(kEpsilon<T>)), splat(T(1) - kEpsilon<T>));
        return vlog<T>(T(1) - p) - vlog<T>(p);
      });
    case PointLoss::kl:
      return run([](V x, V t) LAMINA_INLINE_LAMBDA {
        const V p = vmin<T>(vmax<T>(x, splat(kEpsilon<T>)), splat(T(1)));
        return select<T>((t < kEpsilon<T>) | (t > T(1)), V{}, vlog<T>(t / p) + T(1));
      });
    case PointLoss::poisson: return run([](V x, V) LAMINA_INLINE_LAMBDA { return -vlog<T>(x + kEpsilon<T>); });
  }
}

template <class T>
void points(PointLoss loss, const PointLossRows<T>& r) {
  with_loss<T>(loss, r.delta, [&](auto f) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(r.rows * r.cols, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      put<T>(r.out + j, f(get(r.x + j, l), get(r.t + j, l)), l);
    });
  });
}

template <class T>
void point_sums(PointLoss loss, const PointLossRows<T>& r) {
  with_loss<T>(loss, r.delta, [&](auto f) LAMINA_INLINE_LAMBDA {
    for (dim_t i = 0; i < r.rows; i++) {
      const T *x = r.x + i * r.cols, *t = r.t + i * r.cols;
      r.out[i] = r.scale * row_sum<T>(r.cols, [&](dim_t j, int l)
                                                  LAMINA_INLINE_LAMBDA { return f(get(x + j, l), get(t + j, l)); });
    }
  });
}

template <class T>
void point_gradient(PointLoss loss, bool of_target, const PointLossRows<T>& r) {
  auto deliver = [&](auto slope) LAMINA_INLINE_LAMBDA {
    for (dim_t i = 0; i < r.rows; i++) {
      const T *x = r.x + i * r.cols, *t = r.t + i * r.cols, *dy = r.dy + (r.dy_runs ? i * r.cols : i);
      T* out = r.out + i * r.cols;
      const Vec<T> one = splat(*dy);
      for_lanes<T>(r.cols, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
        const Vec<T> d = r.dy_runs ? get(dy + j, l) : one;
        Vec<T> v = select<T>(d == T(0), Vec<T>{}, r.scale * d * slope(get(x + j, l), get(t + j, l)));
        if (r.accumulate) v += get(out + j, l);
        put<T>(out + j, v, l);
      });
    }
  };
  of_target ? with_target_slope<T>(loss, r.delta, deliver) : with_slope<T>(loss, r.delta, deliver);
}

template <class T>
void fill(LossKernels<T>& k) {
  k.softmax = softmax<T>;
  k.probabilities = probabilities<T>;
  k.points = points<T>;
  k.point_sums = point_sums<T>;
  k.point_gradient = point_gradient<T>;
}

}  // namespace

LAMINA_FILL(loss)

}  // namespace LAMINA_ISA
}  // namespace lamina
