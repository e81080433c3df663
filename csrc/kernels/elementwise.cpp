#include "kernels/elementwise.h"

#include "kernels/table.h"
#include "simd/power.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T, class F>
LAMINA_INLINE void map(const T* x, T* y, dim_t n, F f) {
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(y + i, f(get(x + i, l)), l); });
}

template <class T>
void unary(UnaryOp op, const T* x, T* y, dim_t n, T a, T b) {
  using V = Vec<T>;
  const V low = splat(a), high = splat(b);
  switch (op) {
    case UnaryOp::negative: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return -v; });
    case UnaryOp::reciprocal: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return T(1) / v; });
    case UnaryOp::square: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return v * v; });
    case UnaryOp::sqrt: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vsqrt(v); });
    case UnaryOp::rsqrt: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return T(1) / vsqrt(v); });
    case UnaryOp::abs: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vabs<T>(v); });
    case UnaryOp::sign: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vsign<T>(v); });
    case UnaryOp::exp: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vexp<T>(v); });
    case UnaryOp::expm1: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vexpm1<T>(v); });
    case UnaryOp::log: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vlog<T>(v); });
    case UnaryOp::log1p: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vlog1p<T>(v); });
    case UnaryOp::sin: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vsin(v); });
    case UnaryOp::cos: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vcos(v); });
    case UnaryOp::erf: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return verf<T>(v); });
    case UnaryOp::floor: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vfloor(v); });
    case UnaryOp::ceil: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return -vfloor(-v); });
    case UnaryOp::round: return map(x, y, n, [](V v) LAMINA_INLINE_LAMBDA { return vround<T>(v); });
    case UnaryOp::clip:
    case UnaryOp::saturate:
      return map(x, y, n, [=](V v) LAMINA_INLINE_LAMBDA { return vmin<T>(vmax<T>(v, low), high); });
  }
}

// dx (+)= f(s, g)
template <class T, class F>
LAMINA_INLINE void map_gradient(const T* s, const T* g, T* dx, dim_t n, bool accumulate, F f) {
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    Vec<T> v = f(get(s + i, l), get(g + i, l));
    if (accumulate) v += get(dx + i, l);
    put<T>(dx + i, v, l);
  });
}

template <class T>
void unary_gradient(UnaryOp op, const T* s, const T* g, T* dx, dim_t n, T a, T b, bool accumulate) {
  using V = Vec<T>;
  const V low = splat(a), high = splat(b);
  auto run = [&](auto f) LAMINA_INLINE_LAMBDA { map_gradient<T>(s, g, dx, n, accumulate, f); };
  switch (op) {
    case UnaryOp::negative: return run([](V, V d) LAMINA_INLINE_LAMBDA { return -d; });
    case UnaryOp::reciprocal: return run([](V y, V d) LAMINA_INLINE_LAMBDA { return -d * y * y; });
    case UnaryOp::square: return run([](V x, V d) LAMINA_INLINE_LAMBDA { return T(2) * d * x; });
    case UnaryOp::sqrt: return run([](V y, V d) LAMINA_INLINE_LAMBDA { return T(0.5) * d / y; });
    case UnaryOp::rsqrt: return run([](V y, V d) LAMINA_INLINE_LAMBDA { return T(-0.5) * d * y * y * y; });
    case UnaryOp::abs: return run([](V x, V d) LAMINA_INLINE_LAMBDA { return d * vsign<T>(x); });
    case UnaryOp::exp: return run([](V y, V d) LAMINA_INLINE_LAMBDA { return d * y; });
    case UnaryOp::expm1: return run([](V x, V d) LAMINA_INLINE_LAMBDA { return d * vexp<T>(x); });
    case UnaryOp::log: return run([](V x, V d) LAMINA_INLINE_LAMBDA { return d / x; });
    case UnaryOp::log1p: return run([](V x, V d) LAMINA_INLINE_LAMBDA { return d / (x + T(1)); });
    case UnaryOp::sin: return run([](V x, V d) LAMINA_INLINE_LAMBDA { return d * vcos(x); });
    case UnaryOp::cos: return run([](V x, V d) LAMINA_INLINE_LAMBDA { return -d * vsin(x); });
    case UnaryOp::erf:  // 2 / sqrt(pi) exp(-x^2)
      return run([](V x, V d) LAMINA_INLINE_LAMBDA { return T(1.1283791670955126) * d * vexp<T>(-x * x); });
    case UnaryOp::sign:
    case UnaryOp::floor:
    case UnaryOp::ceil:
    case UnaryOp::round: return run([](V, V) LAMINA_INLINE_LAMBDA { return V{}; });
    case UnaryOp::clip:
      return run([=](V x, V d) LAMINA_INLINE_LAMBDA { return select<T>((x < low) | (x > high), V{}, d); });
    case UnaryOp::saturate:
      return run([=](V x, V d) LAMINA_INLINE_LAMBDA { return select<T>((x <= low) | (x >= high), V{}, d); });
  }
}

// A shared operand with short rows, such as a bias of few channels, is repeated in a buffer until it is long enough for
// whole registers; several rows of the other operand are then one. Calls run for the joined rows, then for the rest.
template <class T, class F>
LAMINA_INLINE void as_long_rows(const BinaryRows<T>& r, F run) {
  constexpr dim_t most = 16 * kLanes<T>;
  const bool x_repeats = r.x_runs && r.x_row == 0, y_repeats = r.y_runs && r.y_row == 0;
  const bool other_follows = y_repeats ? r.x_runs && r.x_row == r.cols : r.y_runs && r.y_row == r.cols;
  const dim_t side = r.cols ? most / r.cols : 0;
  if (side < 4 || r.rows < 2 * side || x_repeats == y_repeats || !other_follows || r.out_row != r.cols) return run(r);
  T repeated[most];
  const T* from = y_repeats ? r.y : r.x;
  for (dim_t i = 0; i < side; i++)
    for (dim_t j = 0; j < r.cols; j++) repeated[i * r.cols + j] = from[j];
  BinaryRows<T> wide = r, rest = r;
  wide.rows = r.rows / side;
  wide.cols = wide.out_row = side * r.cols;
  (y_repeats ? wide.y : wide.x) = repeated;
  (y_repeats ? wide.x_row : wide.y_row) = wide.cols;
  run(wide);
  const dim_t done = wide.rows * wide.cols;
  rest.rows = r.rows - wide.rows * side;
  (y_repeats ? rest.x : rest.y) += done;
  rest.out += done;
  if (r.g) rest.g += done;
  if (rest.rows) run(rest);
}

// out = f(x, y), a row at a time.
template <class T, class F>
LAMINA_INLINE void map_rows(const BinaryRows<T>& r, F f) {
  using V = Vec<T>;
  for (dim_t i = 0; i < r.rows; i++) {
    const T *x = r.x + i * r.x_row, *y = r.y + i * r.y_row;
    T* out = r.out + i * r.out_row;
    if (r.x_runs && r.y_runs) {
      for_lanes<T>(r.cols,
                   [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { put<T>(out + j, f(get(x + j, l), get(y + j, l)), l); });
    } else if (r.x_runs) {
      const V s = splat(*y);
      for_lanes<T>(r.cols, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { put<T>(out + j, f(get(x + j, l), s), l); });
    } else {
      const V s = splat(*x);
      for_lanes<T>(r.cols, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { put<T>(out + j, f(s, get(y + j, l)), l); });
    }
  }
}

// The larger of both, NaN if either is.
template <class T>
LAMINA_INLINE Vec<T> larger(Vec<T> x, Vec<T> y) {
  return select<T>(y != y, y, vmax<T>(x, y));
}
template <class T>
LAMINA_INLINE Vec<T> smaller(Vec<T> x, Vec<T> y) {
  return select<T>(y != y, y, vmin<T>(x, y));
}
// Remainder and quotient of the division that rounds down, as NumPy's. Of C's remainder, whose sign is x's, the
// quotient is (x - m) / y, finite beside an infinite y; where the signs differ it is one too large.
template <class T>
__attribute__((noinline)) Vec<T> remainders(Vec<T> x, Vec<T> y) {
  for (int i = 0; i < kLanes<T>; i++)
    x[i] = sizeof(T) == 4 ? T(__builtin_fmodf(float(x[i]), float(y[i]))) : T(__builtin_fmod(x[i], y[i]));
  return x;
}
template <class T>
LAMINA_INLINE Vec<T> floored_mod(Vec<T> x, Vec<T> y) {
  const Vec<T> m = remainders<T>(x, y);
  return select<T>(m == T(0), copy_sign<T>(Vec<T>{}, y), select<T>((m < T(0)) != (y < T(0)), m + y, m));
}
template <class T>
LAMINA_INLINE Vec<T> floored_quotient(Vec<T> x, Vec<T> y) {
  const Vec<T> m = remainders<T>(x, y), whole = vround<T>((x - m) / y), exact = x / y;
  const Vec<T> q = select<T>((m != T(0)) & ((m < T(0)) != (y < T(0))), whole - T(1), whole);
  return select<T>(y == T(0), exact, select<T>(q == T(0), copy_sign<T>(Vec<T>{}, exact), q));
}
// sqrt(x^2 + y^2) without overflow or underflow of the squares; infinite beside NaN if one operand is, as in C.
template <class T>
LAMINA_INLINE Vec<T> length(Vec<T> x, Vec<T> y) {
  const Vec<T> a = vabs<T>(x), b = vabs<T>(y), high = larger<T>(a, b), low = smaller<T>(a, b);
  const Vec<T> inf = splat(T(__builtin_inf())), ratio = low / high;
  const Vec<T> r = high * vsqrt(ratio * ratio + T(1));
  return select<T>((a == inf) | (b == inf), inf, select<T>(high == T(0), high, r));
}

template <class T>
void binary_rows(BinaryOp op, bool relu, const BinaryRows<T>& r) {
  using V = Vec<T>;
  switch (op) {
    case BinaryOp::add:
      if (relu) return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return vmax<T>(x + y, V{}); });
      return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return x + y; });
    case BinaryOp::subtract: return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return x - y; });
    case BinaryOp::multiply: return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return x * y; });
    case BinaryOp::divide: return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return x / y; });
    case BinaryOp::power: return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return vpow(x, y); });
    case BinaryOp::maximum: return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return larger<T>(x, y); });
    case BinaryOp::minimum: return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return smaller<T>(x, y); });
    case BinaryOp::floor_divide:
      return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return floored_quotient<T>(x, y); });
    case BinaryOp::mod: return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return floored_mod<T>(x, y); });
    case BinaryOp::hypot: return map_rows(r, [](V x, V y) LAMINA_INLINE_LAMBDA { return length<T>(x, y); });
  }
}

template <class T>
void binary(BinaryOp op, bool relu, const BinaryRows<T>& r) {
  as_long_rows<T>(r, [&](const BinaryRows<T>& rows) { binary_rows<T>(op, relu, rows); });
}

// out (+)= f(x, y, g), a row at a time.
template <class T, class F>
LAMINA_INLINE void gradient_rows(const BinaryRows<T>& r, bool accumulate, F f) {
  using V = Vec<T>;
  for (dim_t i = 0; i < r.rows; i++) {
    const T *x = r.x + i * r.x_row, *y = r.y + i * r.y_row, *g = r.g + i * r.out_row;
    T* out = r.out + i * r.out_row;
    const V xs = splat(*x), ys = splat(*y);
    for_lanes<T>(r.cols, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      V v = f(r.x_runs ? get(x + j, l) : xs, r.y_runs ? get(y + j, l) : ys, get(g + j, l));
      if (accumulate) v += get(out + j, l);
      put<T>(out + j, v, l);
    });
  }
}

// The share of g that an operand of maximum or minimum gets: all if `mine`, half of a tie.
template <class T>
LAMINA_INLINE Vec<T> share(IntVec<T> mine, IntVec<T> tie, Vec<T> g) {
  return select<T>(mine, g, select<T>(tie, T(0.5) * g, Vec<T>{}));
}

template <class T>
void binary_gradient_rows(BinaryOp op, bool second, bool accumulate, const BinaryRows<T>& r) {
  using V = Vec<T>;
  auto run = [&](auto f) LAMINA_INLINE_LAMBDA { gradient_rows<T>(r, accumulate, f); };
  auto either = [&](auto fx, auto fy) LAMINA_INLINE_LAMBDA { second ? run(fy) : run(fx); };
  switch (op) {
    case BinaryOp::add: return run([](V, V, V g) LAMINA_INLINE_LAMBDA { return g; });
    case BinaryOp::subtract:
      return either([](V, V, V g) LAMINA_INLINE_LAMBDA { return g; },
                    [](V, V, V g) LAMINA_INLINE_LAMBDA { return -g; });
    case BinaryOp::multiply:
      return either([](V, V y, V g) LAMINA_INLINE_LAMBDA { return g * y; },
                    [](V x, V, V g) LAMINA_INLINE_LAMBDA { return g * x; });
    case BinaryOp::divide:
      return either([](V, V y, V g) LAMINA_INLINE_LAMBDA { return g / y; },
                    [](V x, V y, V g) LAMINA_INLINE_LAMBDA { return -g * (x / y) / y; });
    case BinaryOp::power:
      // d/dx is 0 where y is 0 even at x = 0; d/dy is 0 where x is 0.
      return either(
          [](V x, V y, V g) LAMINA_INLINE_LAMBDA { return select<T>(y == T(0), V{}, g * y * vpow_less_one(x, y)); },
          [](V x, V y, V g)
              LAMINA_INLINE_LAMBDA { return select<T>((x == T(0)) & (y >= T(0)), V{}, g * vpow(x, y) * vlog<T>(x)); });
    case BinaryOp::maximum:
      return either([](V x, V y, V g) LAMINA_INLINE_LAMBDA { return share<T>((x > y) | (x != x), x == y, g); },
                    [](V x, V y, V g) LAMINA_INLINE_LAMBDA { return share<T>((y > x) | (y != y), x == y, g); });
    case BinaryOp::minimum:
      return either([](V x, V y, V g) LAMINA_INLINE_LAMBDA { return share<T>((x < y) | (x != x), x == y, g); },
                    [](V x, V y, V g) LAMINA_INLINE_LAMBDA { return share<T>((y < x) | (y != y), x == y, g); });
    case BinaryOp::floor_divide: return run([](V, V, V) LAMINA_INLINE_LAMBDA { return V{}; });
    case BinaryOp::mod:
      return either([](V, V, V g) LAMINA_INLINE_LAMBDA { return g; },
                    [](V x, V y, V g) LAMINA_INLINE_LAMBDA { return -g * floored_quotient<T>(x, y); });
    case BinaryOp::hypot: {  // 0 where both are
      auto part = [](V x, V r, V g) LAMINA_INLINE_LAMBDA { return select<T>(r == T(0), V{}, x / r * g); };
      return either([=](V x, V y, V g) LAMINA_INLINE_LAMBDA { return part(x, length<T>(x, y), g); },
                    [=](V x, V y, V g) LAMINA_INLINE_LAMBDA { return part(y, length<T>(x, y), g); });
    }
  }
}

template <class T>
void binary_gradient(BinaryOp op, bool second, bool accumulate, const BinaryRows<T>& r) {
  as_long_rows<T>(r, [&](const BinaryRows<T>& rows) { binary_gradient_rows<T>(op, second, accumulate, rows); });
}

template <class T>
void fill(ElementwiseKernels<T>& k) {
  k.unary = unary<T>;
  k.unary_gradient = unary_gradient<T>;
  k.binary = binary<T>;
  k.binary_gradient = binary_gradient<T>;
}

}  // namespace

LAMINA_FILL(elementwise)

}  // namespace LAMINA_ISA
}  // namespace lamina
