// Arithmetic on elements with broadcasting, comparisons, choice, conversion.
#pragma once
#include "core/types.h"
#include "kernels/elementwise.h"
#include "ops/nd_iterator.h"
#include "ops/reduction.h"

namespace lamina {

template <class T>
struct Unary {
  const T* x;
  T* y;
  dim_t n;
  UnaryOp op;
  double a, b;  // bounds of clip
};
template <class T>
void unary(const Unary<T>& a);

// dx (+)= dy op'(saved); saved is y for reciprocal, sqrt, rsqrt and exp, else x.
template <class T>
struct UnaryBackward {
  const T *saved, *dy;
  T* dx;
  dim_t n;
  UnaryOp op;
  double a, b;
  bool accumulate;
};
template <class T>
void unary_backward(const UnaryBackward<T>& a);

// A Python number beside an array: its value as a real and, of integers, all digits (of those from 2^63 on the bits of
// an unsigned one).
struct Number {
  double real = 0;
  std::int64_t whole = 0;
  template <class T>
  T as() const {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(whole);
    return static_cast<T>(real);
  }
};

// out = op(x, y) over loops with x's and y's steps. A null operand is the number x_scalar or y_scalar.
template <class T>
struct Binary {
  const T *x, *y;
  T* out;
  Number x_scalar, y_scalar;
  NdIterator<2> loops;
  BinaryOp op;
  bool relu;  // of add: relu(x + y)
};
template <class T>
void binary(const Binary<T>& a);

// Gradients of op(x, y), summed over the axes along which an operand was broadcast.
template <class T>
struct BinaryBackward {
  const T *x, *y, *dy;
  Number x_scalar, y_scalar;
  Gradient<T> dx, dy_;
  NdIterator<2> loops;
  BinaryOp op;
};
template <class T>
void binary_backward(const BinaryBackward<T>& a);

// dx (+)= scale * dy summed over the axes along which dx's shape is broadcast to dy's.
template <class T>
struct Unbroadcast {
  const T* dy;
  T* dx;
  Groups groups;  // of dy
  double scale;
  bool accumulate;
};
template <class T>
void unbroadcast(const Unbroadcast<T>& a);

// dz = dy where y > 0, else 0: the gradient of relu(x + y) before it goes to x and y.
template <class T>
struct ReluGradient {
  const T *y, *dy;
  T* dz;
  dim_t n;
};
template <class T>
void relu_gradient(const ReluGradient<T>& a);

// As binary, on integers, which wrap: quotient and remainder rounded down; division by zero gives 0, a negative
// exponent is an error.
template <class T>
void integer_binary(const Binary<T>& a);

enum class Comparison : int { equal, not_equal, less, less_equal, logical_and, logical_or, logical_xor };

// out = x <op> y, as bytes 0 and 1.
template <class T>
struct Compare {
  const T *x, *y;
  unsigned char* out;
  Number x_scalar, y_scalar;
  NdIterator<2> loops;
  Comparison op;
};
template <class T>
void compare(const Compare<T>& a);

// out = condition ? x : y.
template <class T>
struct Where {
  const unsigned char* condition;
  const T *x, *y;
  T* out;
  Number x_scalar, y_scalar;
  NdIterator<3> loops;  // condition, x, y
};
template <class T>
void where(const Where<T>& a);

// dx = condition ? dy : 0, dy_ = condition ? 0 : dy, summed over the axes of broadcasting.
template <class T>
struct WhereBackward {
  const unsigned char* condition;
  const T* dy;
  Gradient<T> dx, dy_;
  NdIterator<3> loops;
};
template <class T>
void where_backward(const WhereBackward<T>& a);

enum class Test : int { finite, nan, inf };

template <class T>
struct Classify {
  const T* x;
  unsigned char* out;
  dim_t n;
  Test test;
};
template <class T>
void classify(const Classify<T>& a);

// y = x in another type; to bool: x != 0; float to integer: towards zero. With `op`, the name of an operation on
// integers, an integer that the other type cannot hold is an error.
struct Cast {
  const void* x;
  void* y;
  dim_t n;
  Dtype from, to;
  bool accumulate;  // y += x; floats only
  const char* op = nullptr;
};
void cast(const Cast& a);

}  // namespace lamina
