// Arithmetic on elements: one enum of operations a kind, one generic vector loop a kind.
#pragma once
#include "core/types.h"

namespace lamina {

enum class UnaryOp : int {
  negative,
  reciprocal,
  square,
  sqrt,
  rsqrt,
  abs,
  sign,
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  erf,
  floor,
  ceil,
  round,
  clip,
  saturate,  // as clip, but at the bounds themselves the gradient is zero, too
};
enum class BinaryOp : int { add, subtract, multiply, divide, power, maximum, minimum, floor_divide, mod, hypot };

// rows x cols elements, row steps in elements. `x_runs`: x advances along a row; else one element serves the whole row.
// Where a row is longer than one element, x or y runs (or both); g and out always do, at out_row.
template <class T>
struct BinaryRows {
  const T *x, *y, *g;  // g: of gradients only
  T* out;
  dim_t rows, cols, x_row, y_row, out_row;
  bool x_runs, y_runs;
};

template <class T>
struct ElementwiseKernels {
  // y = op(x).  a, b: the bounds of clip and saturate.
  void (*unary)(UnaryOp op, const T* x, T* y, dim_t n, T a, T b);
  // dx (+)= g * op'(s). s is y for reciprocal, sqrt, rsqrt and exp, whose slopes follow from the result to all digits,
  // so that x need not be kept; else x. (Near -1 the result of expm1 has no digits left for e^x.)
  void (*unary_gradient)(UnaryOp op, const T* s, const T* g, T* dx, dim_t n, T a, T b, bool accumulate);
  // out = op(x, y), then relu where asked.
  void (*binary)(BinaryOp op, bool relu, const BinaryRows<T>& r);
  // out (+)= g * d op(x, y) / dx, or / dy where `second`.  Equal operands of maximum and minimum share g.
  void (*binary_gradient)(BinaryOp op, bool second, bool accumulate, const BinaryRows<T>& r);
};

}  // namespace lamina
