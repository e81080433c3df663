// Sums, products and extremes of rows or columns of a matrix, and the slopes with which they go back.
#pragma once
#include "core/types.h"

namespace lamina {

enum class ReduceOp : int { sum, product, max, min, sum_squares, max_abs };

// What is done to each element with the y of its group, before a reduction or as its gradient.
enum class GroupMap : int {
  gradient,            // g
  norm_gradient,       // x / y g, 0 where y is 0
  exp_gradient,        // exp(x - y) g, 0 where x is -inf
  deviation_gradient,  // (x - y) g
  equal,               // g where x equals y (or both are NaN), else 0
  deviation,           // (x - y)^2
  exp_difference,      // exp(x - y), 0 where x is -inf
  scaled_square,       // (x y)^2
};

// rows x cols elements, x and out contiguous. y_runs: y has one element a column (and y_row from row to row), else one
// a row; likewise g.
template <class T>
struct GroupRows {
  const T *x, *y, *g;
  T* out;
  dim_t rows, cols, y_row, g_row;
  bool y_runs, g_runs;
  T scale;
  bool accumulate;
};

template <class T>
struct ReductionKernels {
  // out[r] = reduction of the n contiguous elements at x + r * n, r < rows. Long sums are halved until their parts are
  // short, so that the error grows with log n.
  void (*rows)(ReduceOp op, const T* x, dim_t rows, dim_t n, T* out);
  // out[j] = reduction of x[i * ldx + j] over i < n, j < cols.
  void (*columns)(ReduceOp op, const T* x, dim_t n, dim_t cols, dim_t ldx, T* out);
  // Running sums of columns, in double: for each of some rows `step` apart, sum += x, then y = sum, or y += sum.
  void (*running_sums)(dim_t rows, dim_t cols, dim_t step, const T* x, double* sum, T* y, bool accumulate);
  // out (+)= scale * map(x, y, g)
  void (*map)(GroupMap m, const GroupRows<T>& r);
};

}  // namespace lamina
