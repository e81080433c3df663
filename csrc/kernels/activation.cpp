#include "kernels/activation.h"

#include "kernels/table.h"
#include "simd/rows.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// An entry is a name, whether the gradient follows from the output y or needs the input x, value(x, p), and
// gradient(v, g, p) = g * slope, where v is y or x as said and p the function's parameter. In place of these two an
// entry may have both(x, p, slope), value and slope at once, for what they share. The slope is formed from y
// where y has its digits everywhere, or where a fused layer keeps nothing else (tanh and sigmoid, which lose digits
// where y rounds to 1, as PyTorch's do). Infinities give the limits, which is why some entries clamp x where the
// function has become linear or constant.

template <class T>
struct Relu {
  static constexpr const char* name = "relu";
  static constexpr bool from_output = true;
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T) { return vmax<T>(x, Vec<T>{}); }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> y, Vec<T> g, T) { return select<T>(y > T(0), g, Vec<T>{}); }
};

template <class T>
struct LeakyRelu {  // p: the slope below zero, of either sign, so that x is needed
  static constexpr const char* name = "leaky_relu";
  static constexpr bool from_output = false;
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T p) { return select<T>(x > T(0), x, x * p); }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> x, Vec<T> g, T p) { return select<T>(x > T(0), g, g * p); }
};

template <class T>
struct Elu {  // p: alpha
  static constexpr const char* name = "elu";
  static constexpr bool from_output = false;
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T p) { return select<T>(x > T(0), x, vexpm1<T>(x) * p); }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> x, Vec<T> g, T p) {
    return select<T>(x > T(0), g, g * vexp<T>(vmin<T>(x, Vec<T>{})) * p);
  }
};

template <class T>
struct Selu {  // Klambauer et al., "Self-normalizing neural networks", 2017
  static constexpr const char* name = "selu";
  static constexpr bool from_output = false;
  static constexpr T scale = T(1.0507009873554805), scaled_alpha = T(1.7580993408473766);
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T) { return select<T>(x > T(0), x * scale, vexpm1<T>(x) * scaled_alpha); }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> x, Vec<T> g, T) {
    return g * select<T>(x > T(0), splat(scale), vexp_negative<T>(vmin<T>(x, Vec<T>{})) * scaled_alpha);
  }
};

// The standard normal distribution at x: its value, and its density. In float P(t) fits erfc(z) e^(z^2) / (2t) with
// t = 1 / (1 + 0.375 z) to 6e-9 over z < 9.6, so that small values keep their digits and the exponential is shared.
// Beyond kNormal the density is no normal number.
template <class T>
constexpr T kNormal = sizeof(T) == 4 ? T(13.2) : T(37.64);
template <class T>
LAMINA_INLINE Vec<T> normal_distribution(Vec<T> x, Vec<T>& density) {
  const Vec<T> a = vmin<T>(vabs<T>(x), splat(kNormal<T>)), e = exp_normal<T>(a * a * T(-0.5));
  density = e * T(0.3989422804014327);
  if constexpr (sizeof(T) == 8) {
    return T(0.5) + T(0.5) * verf<T>(x * T(0.7071067811865476));
  } else {
    const Vec<T> t = reciprocal<T>(T(1) + a * T(0.265165043));
    const Vec<T> half_erfc =
        e * t *
        polynomial<T>(t, 0.105807207715f, 0.10531674912f, 0.102715214565f, 0.060519473155f, 0.13742207169f,
                      -0.11553822014f, 0.21694689258f, -0.14403769029f, 0.030848307255f);
    return select<T>(x > T(0), T(1) - half_erfc, half_erfc);
  }
}

template <class T>
struct Gelu {  // x times the normal distribution function
  static constexpr const char* name = "gelu";
  static constexpr bool from_output = false;
  static LAMINA_INLINE Vec<T> both(Vec<T> x, T, Vec<T>& slope) {
    Vec<T> density;
    const Vec<T> c = vmax<T>(x, splat(-kNormal<T>)), distribution = normal_distribution<T>(c, density);
    slope = distribution + vmin<T>(c, splat(kNormal<T>)) * density;
    return c * distribution;
  }
};

template <class T>
struct GeluTanh {  // x/2 (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
  static constexpr const char* name = "gelu_tanh";
  static constexpr bool from_output = false;
  static constexpr T linear = T(1.5957691216057308), cubic = T(0.07135481627260025);  // of 2u
  static LAMINA_INLINE Vec<T> both(Vec<T> x, T, Vec<T>& slope) {
    const Vec<T> c = vmax<T>(x, splat(T(-40))), b = vmin<T>(c, splat(T(40)));
    const Vec<T> s = vsigmoid<T>(c * (linear + cubic * c * c));
    slope = s * (T(1) + (T(1) - s) * b * (linear + T(3) * cubic * b * b));
    return c * s;
  }
};

template <class T>
struct Silu {
  static constexpr const char* name = "silu";
  static constexpr bool from_output = false;
  static LAMINA_INLINE Vec<T> both(Vec<T> x, T, Vec<T>& slope) {
    const Vec<T> c = vmax<T>(x, splat(T(-1000))), s = vsigmoid<T>(c);
    slope = s * (T(1) + vmin<T>(c, splat(T(1000))) * (T(1) - s));
    return c * s;
  }
};

template <class T>
struct Tanh {
  static constexpr const char* name = "tanh";
  static constexpr bool from_output = true;
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T) { return vtanh<T>(x); }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> y, Vec<T> g, T) { return g * (T(1) - y * y); }
};

template <class T>
struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  static constexpr bool from_output = true;
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T) { return vsigmoid<T>(x); }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> y, Vec<T> g, T) { return g * y * (T(1) - y); }
};

template <class T>
struct Softplus {  // log(1 + e^x); its slope, sigmoid(x), is 1 - e^-y
  static constexpr const char* name = "softplus";
  static constexpr bool from_output = true;
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T) { return vmax<T>(x, Vec<T>{}) + vlog1p<T>(vexp<T>(-vabs<T>(x))); }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> y, Vec<T> g, T) { return -g * vexpm1<T>(-y); }
};

template <class T>
struct Softsign {  // x / (1 + |x|)
  static constexpr const char* name = "softsign";
  static constexpr bool from_output = false;
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T) {
    const Vec<T> a = vabs<T>(x);
    return select<T>(a == T(__builtin_inf()), copy_sign<T>(splat(T(1)), x), x / (T(1) + a));
  }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> x, Vec<T> g, T) {
    const Vec<T> root = T(1) / (T(1) + vabs<T>(x));
    return g * root * root;
  }
};

template <class T>
struct HardSigmoid {  // x/6 + 1/2 between 0 and 1
  static constexpr const char* name = "hard_sigmoid";
  static constexpr bool from_output = false;
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T) {
    return vmin<T>(vmax<T>((x + T(3)) * T(1.0 / 6), Vec<T>{}), splat(T(1)));
  }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> x, Vec<T> g, T) {
    return select<T>((x > T(-3)) & (x < T(3)), g * T(1.0 / 6), Vec<T>{});
  }
};

template <class T>
struct HardSilu {  // x hard_sigmoid(x)
  static constexpr const char* name = "hard_silu";
  static constexpr bool from_output = false;
  static LAMINA_INLINE Vec<T> value(Vec<T> x, T) {
    return vmax<T>(x, splat(T(-3))) * vmin<T>(vmax<T>((x + T(3)) * T(1.0 / 6), Vec<T>{}), splat(T(1)));
  }
  static LAMINA_INLINE Vec<T> gradient(Vec<T> x, Vec<T> g, T) {
    const Vec<T> inside = g * ((x + T(1.5)) * T(1.0 / 3));
    return select<T>(x <= T(-3), Vec<T>{}, select<T>(x >= T(3), g, inside));
  }
};

template <class T>
struct Mish {  // x tanh(softplus(x)): Misra 2019
  static constexpr const char* name = "mish";
  static constexpr bool from_output = false;
  static LAMINA_INLINE Vec<T> both(Vec<T> x, T, Vec<T>& slope) {
    const Vec<T> c = vmax<T>(x, splat(T(-1000))), b = vmin<T>(c, splat(T(1000)));
    const Vec<T> t = vtanh<T>(Softplus<T>::value(c, T(0)));
    slope = t + b * (T(1) - t * t) * vsigmoid<T>(c);
    return c * t;
  }
};

template <class T, class Entry>
concept HasBoth = requires(Vec<T> x) { Entry::both(x, T(0), x); };

template <class T, class Entry>
LAMINA_INLINE Vec<T> value(Vec<T> x, T p) {
  if constexpr (HasBoth<T, Entry>) {
    Vec<T> slope;
    return Entry::both(x, p, slope);
  } else {
    return Entry::value(x, p);
  }
}
template <class T, class Entry>
LAMINA_INLINE Vec<T> gradient(Vec<T> v, Vec<T> g, T p) {
  if constexpr (HasBoth<T, Entry>) {
    Vec<T> slope;
    Entry::both(v, p, slope);
    return g * slope;
  } else {
    return Entry::gradient(v, g, p);
  }
}

// Calls f(i, lanes) as for_lanes; where `stream`, whole registers begin at a vector's boundary of y.
template <class T, class F>
LAMINA_INLINE void for_aligned(dim_t n, const T* y, bool stream, F&& f) {
  const dim_t before = stream ? dim_t(-(reinterpret_cast<std::uintptr_t>(y) / sizeof(T)) % kLanes<T>) : 0;
  const dim_t head = before < n ? before : n;
  if (head) f(dim_t(0), int(head));
  for_lanes<T>(n - head, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { f(head + i, l); });
}

template <class T, class Entry>
void forward(dim_t n, const T* x, T* y, T p, bool stream) {
  for_aligned<T>(n, y, stream, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    put<T>(y + i, value<T, Entry>(get(x + i, l), p), l, stream);
  });
  if (stream) stream_fence();
}

template <class T, class Entry>
void forward_and_slope(dim_t n, const T* x, T* y, T* slope, T p, bool stream) {
  for_aligned<T>(n, y, stream, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    Vec<T> s;
    put<T>(y + i, Entry::both(get(x + i, l), p, s), l, stream);
    put<T>(slope + i, s, l, stream);
  });
  if (stream) stream_fence();
}

// dx = dy * slope, where the slope was kept.
template <class T>
void from_slope(dim_t n, const T* slope, const T* dy, T* dx, bool accumulate, bool stream) {
  stream = stream && !accumulate;
  for_aligned<T>(n, dx, stream, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    Vec<T> g = get(dy + i, l) * get(slope + i, l);
    if (accumulate) g += get(dx + i, l);
    put<T>(dx + i, g, l, stream);
  });
  if (stream) stream_fence();
}

// (Asking for v and dy ahead made relu's gradient of 12.8 million floats slower: 5.2 ms in place of 4.5.)
template <class T, class Entry>
void backward(dim_t n, const T* v, const T* dy, T* dx, T p, bool accumulate, bool stream) {
  stream = stream && !accumulate;
  for_aligned<T>(n, dx, stream, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    Vec<T> g = gradient<T, Entry>(get(v + i, l), get(dy + i, l), p);
    if (accumulate) g += get(dx + i, l);
    put<T>(dx + i, g, l, stream);
  });
  if (stream) stream_fence();
}

template <class T, template <class> class... Entry>
void enter(ActivationKernels<T>& k) {
  static_assert(sizeof...(Entry) <= kMaxActivations);
  k.count = 0;
  const auto kept = []<class E>(E) -> decltype(ActivationEntry<T>::forward_and_slope) {
    if constexpr (HasBoth<T, E>) return forward_and_slope<T, E>;
    return nullptr;
  };
  ((k.entries[k.count++] = {Entry<T>::name, Entry<T>::from_output, forward<T, Entry<T>>, kept(Entry<T>{}),
                            backward<T, Entry<T>>}),
   ...);
}

// What a softmax takes off each row: its maximum, or 0 if that is -inf. A NaN returns in the sum.
template <class T>
LAMINA_INLINE void row_shifts(int n, dim_t C, const T* x, T* shift) {
  max_rows(n, C, x, shift);
  for (int q = 0; q < n; q++) shift[q] = shift[q] == -T(__builtin_inf()) ? T(0) : shift[q];
}

template <class T>
void softmax(dim_t rows, dim_t C, const T* x, T* y) {
  for_rows<T>(rows, C, [&](dim_t first, int n) LAMINA_INLINE_LAMBDA {
    const T* xs = x + first * C;
    T *ys = y + first * C, shift[kLanes<T>], sum[kLanes<T>];
    row_shifts(n, C, xs, shift);
    Vec<T> sums[kLanes<T>] = {};
    for (int q = 0; q < n; q++) {
      Vec<T> s{};
      for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
        const Vec<T> e = exp_below<T>(get_or_minus_inf(xs + q * C + i, l) - shift[q]);
        s += e;
        put<T>(ys + q * C + i, e, l);
      });
      sums[q] = s;
    }
    sum_rows<T>(sums, n, sum);
    for (int q = 0; q < n; q++) {
      const T scale = sum[q] == T(0) ? T(0) : T(1) / sum[q];
      T* yq = ys + q * C;
      for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(yq + i, get(yq + i, l) * scale, l); });
    }
  });
}

template <class T>
void log_softmax(dim_t rows, dim_t C, const T* x, T* y) {
  for_rows<T>(rows, C, [&](dim_t first, int n) LAMINA_INLINE_LAMBDA {
    constexpr int W = kLanes<T>;
    const T* xs = x + first * C;
    T shift[W], sum[W] = {}, log_sum[W];
    row_shifts(n, C, xs, shift);
    Vec<T> sums[W] = {};
    for (int q = 0; q < n; q++) {
      Vec<T> s{};
      for_lanes<T>(C, [&](dim_t i, int l)
                          LAMINA_INLINE_LAMBDA { s += exp_below<T>(get_or_minus_inf(xs + q * C + i, l) - shift[q]); });
      sums[q] = s;
    }
    sum_rows<T>(sums, n, sum);
    const Vec<T> s = load(sum);
    store(log_sum, select<T>(s == T(0), Vec<T>{}, vlog<T>(s)));
    for (int q = 0; q < n; q++) {
      T* yq = y + (first + q) * C;
      for_lanes<T>(C, [&](dim_t i, int l)
                          LAMINA_INLINE_LAMBDA { put<T>(yq + i, get(xs + q * C + i, l) - shift[q] - log_sum[q], l); });
    }
  });
}

// (Row by row: the reads of many rows in one go waited for memory, 27 against 36 us for 3,072 rows of 64.)
template <class T>
void softmax_gradient(dim_t rows, dim_t C, const T* y, const T* dy, T* dx, bool accumulate) {
  for (dim_t r = 0; r < rows; r++, y += C, dy += C, dx += C) {
    Vec<T> products{};
    for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { products += get(y + i, l) * get(dy + i, l); });
    const T sum = hsum<T>(products);
    for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      Vec<T> g = get(y + i, l) * (get(dy + i, l) - sum);
      if (accumulate) g += get(dx + i, l);
      put<T>(dx + i, g, l);
    });
  }
}

template <class T>
void log_softmax_gradient(dim_t rows, dim_t C, const T* y, const T* dy, T* dx, bool accumulate) {
  for (dim_t r = 0; r < rows; r++, y += C, dy += C, dx += C) {
    Vec<T> sums{};
    for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { sums += get(dy + i, l); });
    const T sum = hsum<T>(sums);
    for_lanes<T>(C, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
      Vec<T> g = get(dy + i, l) - exp_below<T>(get(y + i, l)) * sum;
      if (accumulate) g += get(dx + i, l);
      put<T>(dx + i, g, l);
    });
  }
}

template <class T>
void fill(ActivationKernels<T>& k) {
  enter<T, Relu, LeakyRelu, Elu, Selu, Gelu, GeluTanh, Silu, Tanh, Sigmoid, Softplus, Softsign, HardSigmoid, HardSilu,
        Mish>(k);
  k.from_slope = from_slope<T>;
  k.softmax = softmax<T>;
  k.log_softmax = log_softmax<T>;
  k.softmax_gradient = softmax_gradient<T>;
  k.log_softmax_gradient = log_softmax_gradient<T>;
}

}  // namespace

LAMINA_FILL(activation)

}  // namespace LAMINA_ISA
}  // namespace lamina
