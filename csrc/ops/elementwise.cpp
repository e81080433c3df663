#include "ops/elementwise.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/dtype.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

// The axes of the result along which operand k does not run.
template <int K>
Groups broadcast_axes(const NdIterator<K>& l, int k) {
  Groups g;
  for (int i = 0; i < l.rank; i++) g.append(l.size[i], l.step[k][i] == 0);
  return g;
}

// Delivers one gradient: f(first, n, to, accumulate) computes elements of it in the result's shape, then broadcast axes
// are summed.
template <class T, int K, class F>
void give(const NdIterator<K>& l, int k, const Gradient<T>& gradient, F&& f) {
  if (!gradient.wanted()) return;
  const Groups axes = broadcast_axes(l, k);
  if (axes.product(true) == 1)
    parallel_for(l.total(), kGrain,
                 [&](dim_t begin, dim_t end) { f(begin, end - begin, gradient + begin, gradient.adds()); });
  else
    reduce_produced(ReduceOp::sum, axes, gradient.to, T(1), gradient.adds(),
                    [&](dim_t first, dim_t n, T* to) { f(first, n, to, false); });
}

// Where a binary operation reads x and y: an operand that is null is the number beside it.
template <class T>
struct Operands {
  T x_number, y_number;
  const T *x, *y;
  template <class A>
  explicit Operands(const A& a)
      : x_number(a.x_scalar.template as<T>()),
        y_number(a.y_scalar.template as<T>()),
        x(a.x ? a.x : &x_number),
        y(a.y ? a.y : &y_number) {}
};

template <class T>
BinaryRows<T> rows_at(const Operands<T>& o, const NdIterator<2>& l, const dim_t (&offset)[2], const T* g, T* out,
                      dim_t rows, dim_t cols) {
  return {o.x + offset[0],    o.y + offset[1],   g, out, rows, cols, l.row_step(0), l.row_step(1), l.cols(),
          l.col_step(0) != 0, l.col_step(1) != 0};
}

}  // namespace

template <class T>
void unary(const Unary<T>& a) {
  const auto& k = kernels<T>().elementwise;
  parallel_for(a.n, kGrain,
               [&](dim_t begin, dim_t end) { k.unary(a.op, a.x + begin, a.y + begin, end - begin, T(a.a), T(a.b)); });
}

template <class T>
void unary_backward(const UnaryBackward<T>& a) {
  const auto& k = kernels<T>().elementwise;
  parallel_for(a.n, kGrain, [&](dim_t begin, dim_t end) {
    k.unary_gradient(a.op, a.saved + begin, a.dy + begin, a.dx + begin, end - begin, T(a.a), T(a.b), a.accumulate);
  });
}

template <class T>
void binary(const Binary<T>& a) {
  const auto& k = kernels<T>().elementwise;
  const Operands<T> o(a);
  parallel_for(a.loops.total(), kGrain, [&](dim_t begin, dim_t end) {
    walk(a.loops, begin, end, [&](dim_t at, const dim_t(&offset)[2], dim_t rows, dim_t cols) {
      k.binary(a.op, a.relu, rows_at<T>(o, a.loops, offset, nullptr, a.out + at, rows, cols));
    });
  });
}

template <class T>
void binary_backward(const BinaryBackward<T>& a) {
  const auto& k = kernels<T>().elementwise;
  const Operands<T> o(a);
  auto contribution = [&](bool second) {
    return [&, second](dim_t first, dim_t n, T* to, bool accumulate) {
      walk(a.loops, first, first + n, [&](dim_t at, const dim_t(&offset)[2], dim_t rows, dim_t cols) {
        k.binary_gradient(a.op, second, accumulate,
                          rows_at<T>(o, a.loops, offset, a.dy + at, to + at - first, rows, cols));
      });
    };
  };
  if (a.op == BinaryOp::add) {  // dy itself, without a pass of its own
    for (int i = 0; i < 2; i++) {
      const Gradient<T>& d = i ? a.dy_ : a.dx;
      if (d.wanted()) reduce(ReduceOp::sum, a.dy, broadcast_axes(a.loops, i), d.to, T(1), d.adds());
    }
    return;
  }
  give(a.loops, 0, a.dx, contribution(false));
  give(a.loops, 1, a.dy_, contribution(true));
}

template <class T>
void unbroadcast(const Unbroadcast<T>& a) {
  reduce(ReduceOp::sum, a.dy, a.groups, a.dx, T(a.scale), a.accumulate);
}

template <class T>
void relu_gradient(const ReluGradient<T>& a) {
  const auto& k = kernels<T>().gemm;
  parallel_for(a.n, kGrain, [&](dim_t begin, dim_t end) {
    k.activation_gradient(a.y + begin, a.dy + begin, a.dz + begin, end - begin, Activation::relu);
  });
}

namespace {

// A block of rows of any type: to[i] = f(x, y), plain loops that the compiler vectorises.
template <class T, class Out>
struct Block {
  const T *x, *y;
  Out* to;
  dim_t rows, cols, x_row, y_row;
  bool x_runs, y_runs;
};
template <class F, class T, class Out>
void map_block(Block<T, Out> b) {  // a copy: results that are bytes may stand anywhere else
  const F f;
  for (dim_t r = 0; r < b.rows; r++) {
    const T *x = b.x + r * b.x_row, *y = b.y + r * b.y_row;
    Out* to = b.to + r * b.cols;
    if (b.x_runs && b.y_runs)
      for (dim_t i = 0; i < b.cols; i++) to[i] = f(x[i], y[i]);
    else if (const T number = b.x_runs ? *y : *x; b.x_runs)
      for (dim_t i = 0; i < b.cols; i++) to[i] = f(x[i], number);
    else
      for (dim_t i = 0; i < b.cols; i++) to[i] = f(number, y[i]);
  }
}

// The walk over the blocks is compiled once a type, not once an operation: most of the code was its copies.
template <class T, class Out, class A>
void map_blocks(const A& a, Out* out, void (*block)(Block<T, Out>)) {
  using Own = std::remove_cvref_t<decltype(*a.x)>;  // T, or the same bits with a sign
  const Operands<Own> o(a);
  const T *x0 = reinterpret_cast<const T*>(o.x), *y0 = reinterpret_cast<const T*>(o.y);
  parallel_for(a.loops.total(), kGrain, [&](dim_t begin, dim_t end) {
    walk(a.loops, begin, end, [&](dim_t at, const dim_t(&offset)[2], dim_t rows, dim_t cols) {
      block({x0 + offset[0], y0 + offset[1], out + at, rows, cols, a.loops.row_step(0), a.loops.row_step(1),
             a.loops.col_step(0) != 0, a.loops.col_step(1) != 0});
    });
  });
}
template <class T, class Out, class A, class F>
void map_operands(const A& a, Out* out, F) {
  map_blocks<T, Out>(a, out, map_block<F, T, Out>);
}

// Integers without their sign, for what is the same to both: one function for two types.
template <class T, bool = std::is_integral_v<T> && !std::is_same_v<T, bool>>
struct WithoutSign {
  using type = T;
};
template <class T>
struct WithoutSign<T, true> {
  using type = std::make_unsigned_t<T>;
};
template <class T>
using Bits = typename WithoutSign<T>::type;

template <class T>
T floor_quotient(T x, T y) {
  if (y == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    using U = std::make_unsigned_t<T>;
    if (y == -1) return static_cast<T>(U(0) - U(x));  // the smallest number has no opposite
    const T q = static_cast<T>(x / y);
    return q * y != x && (x < 0) != (y < 0) ? static_cast<T>(q - 1) : q;
  }
  return static_cast<T>(x / y);
}

// U: an unsigned type of 32 or 64 bits, in which shorter ones do not promote to a signed one.
template <class U>
U unsigned_power(U x, U y) {
  U r = 1;
  for (; y; y >>= 1, x *= x)
    if (y & 1) r *= x;
  return r;
}

template <class T>
bool any_negative(const Binary<T>& a) {
  std::atomic<bool> found{false};
  const Operands<T> o(a);
  parallel_for(a.loops.total(), kGrain, [&](dim_t begin, dim_t end) {
    T least = 0;
    walk(a.loops, begin, end, [&](dim_t, const dim_t(&offset)[2], dim_t rows, dim_t cols) {
      for (dim_t r = 0; r < rows; r++)
        for (dim_t i = 0; i < cols; i++)
          least = std::min(least, o.y[offset[1] + r * a.loops.row_step(1) + i * a.loops.col_step(1)]);
    });
    if (least < 0) found.store(true, std::memory_order_relaxed);
  });
  return found;
}

}  // namespace

template <class T>
void integer_binary(const Binary<T>& a) {
  using B = Bits<T>;
  using U = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;  // wraps instead of overflowing
  auto bits = [&](auto f) { map_operands<B>(a, reinterpret_cast<B*>(a.out), f); };
  switch (a.op) {
    case BinaryOp::add: return bits([](B x, B y) { return B(U(x) + U(y)); });
    case BinaryOp::subtract: return bits([](B x, B y) { return B(U(x) - U(y)); });
    case BinaryOp::multiply: return bits([](B x, B y) { return B(U(x) * U(y)); });
    case BinaryOp::maximum: return map_operands<T>(a, a.out, [](T x, T y) { return x > y ? x : y; });
    case BinaryOp::minimum: return map_operands<T>(a, a.out, [](T x, T y) { return x < y ? x : y; });
    case BinaryOp::floor_divide: return map_operands<T>(a, a.out, [](T x, T y) { return floor_quotient(x, y); });
    case BinaryOp::mod:
      return map_operands<T>(a, a.out,
                             [](T x, T y) { return y == 0 ? T(0) : T(U(x) - U(y) * U(floor_quotient(x, y))); });
    case BinaryOp::power:
      if constexpr (std::is_signed_v<T>)
        check(!any_negative(a), "power: integers have no negative powers; cast x to float32");
      return bits([](B x, B y) { return B(unsigned_power<U>(U(x), U(y))); });
    case BinaryOp::divide:
    case BinaryOp::hypot: return;  // done in floats
  }
}

template <class T>
void compare(const Compare<T>& a) {
  using B = Bits<T>;
  using Flag = unsigned char;
  auto bits = [&](auto f) { map_operands<B>(a, a.out, f); };
  switch (a.op) {
    case Comparison::equal: return bits([](B x, B y) { return Flag(x == y); });
    case Comparison::not_equal: return bits([](B x, B y) { return Flag(x != y); });
    case Comparison::less: return map_operands<T>(a, a.out, [](T x, T y) { return Flag(x < y); });
    case Comparison::less_equal: return map_operands<T>(a, a.out, [](T x, T y) { return Flag(x <= y); });
    case Comparison::logical_and: return bits([](B x, B y) { return Flag((x != 0) & (y != 0)); });
    case Comparison::logical_or: return bits([](B x, B y) { return Flag((x != 0) | (y != 0)); });
    case Comparison::logical_xor: return bits([](B x, B y) { return Flag((x != 0) ^ (y != 0)); });
  }
}

namespace {

template <class T>
void choose(const NdIterator<3>& l, const unsigned char* condition, const T* x0, const T* y0, T* out) {
  const dim_t cs = l.col_step(0), xs = l.col_step(1), ys = l.col_step(2);
  parallel_for(l.total(), kGrain, [&](dim_t begin, dim_t end) {
    walk(l, begin, end, [&](dim_t at, const dim_t(&offset)[3], dim_t rows, dim_t cols) {
      for (dim_t r = 0; r < rows; r++) {
        const unsigned char* c = condition + offset[0] + r * l.row_step(0);
        const T* x = x0 + offset[1] + r * l.row_step(1);
        const T* y = y0 + offset[2] + r * l.row_step(2);
        T* to = out + at + r * cols;
        if (cs && xs && ys)
          for (dim_t i = 0; i < cols; i++) to[i] = c[i] ? x[i] : y[i];
        else
          for (dim_t i = 0; i < cols; i++) to[i] = c[i * cs] ? x[i * xs] : y[i * ys];
      }
    });
  });
}

}  // namespace

template <class T>
void where(const Where<T>& a) {
  using B = Bits<T>;
  const Operands<T> o(a);
  choose(a.loops, a.condition, reinterpret_cast<const B*>(o.x), reinterpret_cast<const B*>(o.y),
         reinterpret_cast<B*>(a.out));
}

template <class T>
void where_backward(const WhereBackward<T>& a) {
  const auto& l = a.loops;
  const dim_t cs = l.col_step(0);
  auto contribution = [&](bool wanted) {
    return [&, wanted](dim_t first, dim_t n, T* out, bool accumulate) {
      walk(l, first, first + n, [&](dim_t at, const dim_t(&offset)[3], dim_t rows, dim_t cols) {
        for (dim_t r = 0; r < rows; r++) {
          const unsigned char* c = a.condition + offset[0] + r * l.row_step(0);
          const T* g = a.dy + at + r * cols;
          T* to = out + at - first + r * cols;
          for (dim_t i = 0; i < cols; i++) {
            const T v = (c[i * cs] != 0) == wanted ? g[i] : T(0);
            to[i] = accumulate ? to[i] + v : v;
          }
        }
      });
    };
  };
  give(l, 1, a.dx, contribution(true));
  give(l, 2, a.dy_, contribution(false));
}

template <class T>
void classify(const Classify<T>& a) {
  parallel_for(a.n, kGrain, [&](dim_t begin, dim_t end) {
    const T inf = std::numeric_limits<T>::infinity();
    for (dim_t i = begin; i < end; i++) {
      const T m = std::abs(a.x[i]);
      a.out[i] = a.test == Test::finite ? m < inf : a.test == Test::nan ? m != m : m == inf;
    }
  });
}

namespace {

template <class From, class To>
void convert(const Cast& a) {
  const From* x = static_cast<const From*>(a.x);
  To* y = static_cast<To*>(a.y);
  parallel_for(a.n, kGrain, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      if constexpr (std::is_same_v<To, bool>) {
        y[i] = x[i] != From(0);
      } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
        // Out of range is undefined in C++; through the widest integer it is NumPy's usual result.
        constexpr From end = From(9223372036854775808.0);  // 2^63
        if (std::is_same_v<To, std::uint64_t> && x[i] >= end && x[i] < end * 2)
          y[i] = static_cast<To>(x[i]);
        else
          y[i] = static_cast<To>(std::abs(x[i]) < end ? static_cast<std::int64_t>(x[i])
                                                      : std::numeric_limits<std::int64_t>::min());
      } else {
        y[i] = static_cast<To>(x[i]);
      }
    }
  });
}

// The first integer that To cannot hold is named.
template <class From, class To>
void check_range(const Cast& a) {
  if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
    const From* x = static_cast<const From*>(a.x);
    for (dim_t i = 0; i < a.n; i++)
      check(std::in_range<To>(x[i]), a.op, ": the result ", x[i], " does not fit in ", 8 * sizeof(To),
            " bits; cast x to a wider integer or to a float first");
  }
}

template <class From, class To>
void convert_adding(const Cast& a) {
  const From* x = static_cast<const From*>(a.x);
  To* y = static_cast<To*>(a.y);
  parallel_for(a.n, kGrain, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) y[i] += static_cast<To>(x[i]);
  });
}

// Booleans as such: what becomes one is true or false.
template <class F>
void with_type(Dtype d, F&& f) {
  d == Dtype::boolean ? f(bool{}) : with_number(d, f);
}

}  // namespace

void cast(const Cast& a) {
  if (a.accumulate) {
    if (a.from == Dtype::f64 && a.to == Dtype::f32) return convert_adding<double, float>(a);
    if (a.from == Dtype::f32 && a.to == Dtype::f64) return convert_adding<float, double>(a);
  }
  with_type(a.from, [&](auto from) {
    with_type(a.to, [&](auto to) {
      if constexpr (!std::is_same_v<decltype(to), bool> && sizeof(from) == 8)
        if (a.op) check_range<decltype(from), decltype(to)>(a);
      // Integers need no sign where bits are kept or cut off; a float beyond the signed range becomes an unsigned one
      // of 64 bits, and of one type the compiler makes a copy that is slower.
      constexpr bool integer = std::is_integral_v<decltype(from)>;
      constexpr bool keeps = integer ? sizeof(from) != sizeof(to) : sizeof(to) < 8;
      convert<decltype(from), std::conditional_t<keeps, Bits<decltype(to)>, decltype(to)>>(a);
    });
  });
}

LAMINA_FOR_FLOATS(unary, Unary);
LAMINA_FOR_FLOATS(unary_backward, UnaryBackward);
LAMINA_FOR_FLOATS(binary, Binary);
LAMINA_FOR_FLOATS(binary_backward, BinaryBackward);
LAMINA_FOR_FLOATS(unbroadcast, Unbroadcast);
LAMINA_FOR_FLOATS(relu_gradient, ReluGradient);
LAMINA_FOR_INTEGERS(integer_binary, Binary);
LAMINA_FOR_FLOATS(where_backward, WhereBackward);
LAMINA_FOR_FLOATS(classify, Classify);
LAMINA_FOR_FLOATS(compare, Compare);
LAMINA_FOR_INTEGERS(compare, Compare);
LAMINA_FOR_FLOATS(where, Where);
LAMINA_FOR_INTEGERS(where, Where);

}  // namespace lamina
