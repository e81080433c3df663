#include "kernels/reduction.h"

#include "kernels/table.h"
#include "simd/math.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// Reductions: where they start, what they do to an element, how two results join.
template <class T>
struct Sum {
  static constexpr T start = 0;
  static LAMINA_INLINE Vec<T> map(Vec<T> v) { return v; }
  static LAMINA_INLINE Vec<T> join(Vec<T> a, Vec<T> b) { return a + b; }
};
template <class T>
struct SumSquares : Sum<T> {
  static LAMINA_INLINE Vec<T> map(Vec<T> v) { return v * v; }
};
template <class T>
struct Product {
  static constexpr T start = 1;
  static LAMINA_INLINE Vec<T> map(Vec<T> v) { return v; }
  static LAMINA_INLINE Vec<T> join(Vec<T> a, Vec<T> b) { return a * b; }
};
template <class T>
struct Max {  // NaN if any is
  static constexpr T start = -T(__builtin_inf());
  static LAMINA_INLINE Vec<T> map(Vec<T> v) { return v; }
  static LAMINA_INLINE Vec<T> join(Vec<T> a, Vec<T> b) { return select<T>(b != b, b, vmax<T>(a, b)); }
};
template <class T>
struct Min {
  static constexpr T start = T(__builtin_inf());
  static LAMINA_INLINE Vec<T> map(Vec<T> v) { return v; }
  static LAMINA_INLINE Vec<T> join(Vec<T> a, Vec<T> b) { return select<T>(b != b, b, vmin<T>(a, b)); }
};
template <class T>
struct MaxAbs : Max<T> {
  static LAMINA_INLINE Vec<T> map(Vec<T> v) { return vabs<T>(v); }
};

// The first n lanes of p as the reduction sees them, others neutral.
template <class T, class Op>
LAMINA_INLINE Vec<T> take(const T* p, int n) {
  if (n == kLanes<T>) return Op::map(load(p));
  return select<T>(first_lanes<T>(n), Op::map(load_part(p, n)), splat(Op::start));
}

// A short run over eight registers.
template <class T, class Op>
LAMINA_INLINE Vec<T> reduce_block(const T* x, dim_t n) {
  constexpr int W = kLanes<T>, U = 8;
  Vec<T> s[U];
  for (int u = 0; u < U; u++) s[u] = splat(Op::start);
  dim_t i = 0;
  for (; i + U * W <= n; i += U * W)
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) s[u] = Op::join(s[u], Op::map(load(x + i + u * W)));
  for (; i + W <= n; i += W) s[0] = Op::join(s[0], Op::map(load(x + i)));
  if (i < n) s[1] = Op::join(s[1], take<T, Op>(x + i, int(n - i)));
  for (int u = U / 2; u; u /= 2)
    for (int v = 0; v < u; v++) s[v] = Op::join(s[v], s[v + u]);
  return s[0];
}

constexpr dim_t kBlock = 4096;

// Halved at multiples of the block until one block is left.
template <class T, class Op>
Vec<T> reduce_long(const T* x, dim_t n) {
  if (n <= kBlock) return reduce_block<T, Op>(x, n);
  const dim_t half = (n / 2 + kBlock - 1) / kBlock * kBlock;
  const Vec<T> a = reduce_long<T, Op>(x, half);
  return Op::join(a, reduce_long<T, Op>(x + half, n - half));
}

template <class T, class Op>
void rows_of(const T* x, dim_t rows, dim_t n, T* out) {
  constexpr int W = kLanes<T>;
  if (n <= W) {
    for (dim_t r = 0; r < rows; r++, x += n) out[r] = join_lanes<T>(take<T, Op>(x, int(n)), Op::join);
    return;
  }
  for (dim_t r = 0; r < rows; r++, x += n) out[r] = join_lanes<T>(reduce_long<T, Op>(x, n), Op::join);
}

// Columns in strips of NV registers; 64 rows are joined before they join the rest.
template <class T, class Op, int NV>
LAMINA_INLINE void strip_of(const T* x, dim_t n, dim_t ldx, T* out, int last) {
  constexpr int W = kLanes<T>;
  Vec<T> all[NV];
  for (int j = 0; j < NV; j++) all[j] = splat(Op::start);
  for (dim_t i = 0; i < n; i += 64) {
    const dim_t end = n - i < 64 ? n : i + 64;
    Vec<T> s[NV];
    for (int j = 0; j < NV; j++) s[j] = splat(Op::start);
    for (dim_t p = i; p < end; p++)
#pragma GCC unroll 4
      for (int j = 0; j < NV; j++) s[j] = Op::join(s[j], Op::map(get(x + p * ldx + j * W, j == NV - 1 ? last : W)));
    for (int j = 0; j < NV; j++) all[j] = Op::join(all[j], s[j]);
  }
  for (int j = 0; j < NV; j++) put<T>(out + j * W, all[j], j == NV - 1 ? last : W);
}

template <class T, class Op>
void strips(const T* x, dim_t n, dim_t cols, dim_t ldx, T* out) {
  constexpr int W = kLanes<T>;
  dim_t j = 0;
  for (; j + 4 * W <= cols; j += 4 * W) strip_of<T, Op, 4>(x + j, n, ldx, out + j, W);
  for (; j + W <= cols; j += W) strip_of<T, Op, 1>(x + j, n, ldx, out + j, W);
  if (j < cols) strip_of<T, Op, 1>(x + j, n, ldx, out + j, int(cols - j));
}

template <class T, class Op>
struct Joined : Op {  // partial results: mapped already
  static LAMINA_INLINE Vec<T> map(Vec<T> v) { return v; }
};

// Rows narrower than a few registers are read as longer ones, several side by side.
template <class T, class Op>
void columns_of(const T* x, dim_t n, dim_t cols, dim_t ldx, T* out) {
  constexpr dim_t wide = 4 * kLanes<T>;
  const dim_t side = wide / cols;
  if (ldx != cols || side < 2 || n < 2 * side) return strips<T, Op>(x, n, cols, ldx, out);
  T folded[wide + 4 * kLanes<T>];
  const dim_t whole = n / side;
  strips<T, Op>(x, whole, side * cols, side * cols, folded);
  dim_t parts = side;
  if (n > whole * side) {
    strips<T, Op>(x + whole * side * cols, n - whole * side, cols, cols, folded + side * cols);
    parts++;
  }
  strips<T, Joined<T, Op>>(folded, parts, cols, cols, out);
}

// Calls run with a value of the reduction's type.
template <class T, class F>
LAMINA_INLINE void with_reduction(ReduceOp op, F run) {
  switch (op) {
    case ReduceOp::sum: return run(Sum<T>{});
    case ReduceOp::product: return run(Product<T>{});
    case ReduceOp::max: return run(Max<T>{});
    case ReduceOp::min: return run(Min<T>{});
    case ReduceOp::sum_squares: return run(SumSquares<T>{});
    case ReduceOp::max_abs: return run(MaxAbs<T>{});
  }
}

template <class T>
void rows(ReduceOp op, const T* x, dim_t rows, dim_t n, T* out) {
  with_reduction<T>(op, [&]<class Op>(Op) { rows_of<T, Op>(x, rows, n, out); });
}

template <class T>
void columns(ReduceOp op, const T* x, dim_t n, dim_t cols, dim_t ldx, T* out) {
  with_reduction<T>(op, [&]<class Op>(Op) { columns_of<T, Op>(x, n, cols, ldx, out); });
}

typedef float HalfOfFloats __attribute__((vector_size(kVectorBytes / 2)));
LAMINA_INLINE Vec<double> get_double(const float* p) {
  HalfOfFloats v;
  __builtin_memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, Vec<double>);
}
LAMINA_INLINE Vec<double> get_double(const double* p) { return load(p); }
LAMINA_INLINE void put_double(float* p, Vec<double> v) {
  const HalfOfFloats h = __builtin_convertvector(v, HalfOfFloats);
  __builtin_memcpy(p, &h, sizeof h);
}
LAMINA_INLINE void put_double(double* p, Vec<double> v) { store(p, v); }

// The sums of a strip of NV registers stay in them.
template <class T, int NV>
LAMINA_INLINE void running_strip(dim_t rows, dim_t step, const T* x, double* sum, T* y, bool accumulate) {
  constexpr int W = kLanes<double>;
  Vec<double> s[NV];
  for (int j = 0; j < NV; j++) s[j] = load(sum + j * W);
  for (dim_t r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int j = 0; j < NV; j++) {
      const dim_t at = r * step + j * W;
      s[j] += get_double(x + at);
      put_double(y + at, accumulate ? get_double(y + at) + s[j] : s[j]);
    }
  for (int j = 0; j < NV; j++) store(sum + j * W, s[j]);
}

template <class T>
void running_sums(dim_t rows, dim_t cols, dim_t step, const T* x, double* sum, T* y, bool accumulate) {
  constexpr int W = kLanes<double>;
  dim_t j = 0;
  for (; j + 8 * W <= cols; j += 8 * W) running_strip<T, 8>(rows, step, x + j, sum + j, y + j, accumulate);
  for (; j + W <= cols; j += W) running_strip<T, 1>(rows, step, x + j, sum + j, y + j, accumulate);
  for (; j < cols; j++)
    for (dim_t r = 0; r < rows; r++) {
      sum[j] += double(x[r * step + j]);
      y[r * step + j] = T(accumulate ? double(y[r * step + j]) + sum[j] : sum[j]);
    }
}

template <class T, class F>
LAMINA_INLINE void map_rows(const GroupRows<T>& r, F f) {
  using V = Vec<T>;
  for (dim_t i = 0; i < r.rows; i++) {
    const T *x = r.x + i * r.cols, *y = r.y + i * r.y_row, *g = r.g + i * r.g_row;
    T* out = r.out + i * r.cols;
    const V ys = splat(*y), gs = splat(*g);
    for_lanes<T>(r.cols, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      V v = r.scale * f(get(x + j, l), r.y_runs ? get(y + j, l) : ys, r.g_runs ? get(g + j, l) : gs);
      if (r.accumulate) v += get(out + j, l);
      put<T>(out + j, v, l);
    });
  }
}

// exp(x - y) where x may be y = -inf or +inf.
template <class T>
LAMINA_INLINE Vec<T> exp_difference(Vec<T> x, Vec<T> y) {
  const Vec<T> none = splat(-T(__builtin_inf()));
  return select<T>(x == none, Vec<T>{}, select<T>(x == y, splat(T(1)), vexp<T>(x - y)));
}

template <class T>
void map(GroupMap m, const GroupRows<T>& r) {
  using V = Vec<T>;
  switch (m) {
    case GroupMap::gradient: return map_rows(r, [](V, V, V g) LAMINA_INLINE_LAMBDA { return g; });
    case GroupMap::norm_gradient:
      return map_rows(r, [](V x, V y, V g) LAMINA_INLINE_LAMBDA { return select<T>(y == T(0), V{}, x / y * g); });
    case GroupMap::exp_gradient:
      return map_rows(r, [](V x, V y, V g) LAMINA_INLINE_LAMBDA { return exp_difference<T>(x, y) * g; });
    case GroupMap::deviation_gradient:
      return map_rows(r, [](V x, V y, V g) LAMINA_INLINE_LAMBDA { return (x - y) * g; });
    case GroupMap::equal:
      return map_rows(
          r, [](V x, V y, V g) LAMINA_INLINE_LAMBDA { return select<T>((x == y) | ((x != x) & (y != y)), g, V{}); });
    case GroupMap::deviation: return map_rows(r, [](V x, V y, V) LAMINA_INLINE_LAMBDA { return (x - y) * (x - y); });
    case GroupMap::exp_difference:
      return map_rows(r, [](V x, V y, V) LAMINA_INLINE_LAMBDA { return exp_difference<T>(x, y); });
    case GroupMap::scaled_square:
      return map_rows(r, [](V x, V y, V) LAMINA_INLINE_LAMBDA { return (x * y) * (x * y); });
  }
}

template <class T>
void fill(ReductionKernels<T>& k) {
  k.rows = rows<T>;
  k.columns = columns<T>;
  k.running_sums = running_sums<T>;
  k.map = map<T>;
}

}  // namespace

LAMINA_FILL(reduction)

}  // namespace LAMINA_ISA
}  // namespace lamina
