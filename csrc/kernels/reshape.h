// Copies between arrays of different strides.
#pragma once
#include "core/types.h"

namespace lamina {

// y[i * y_row + j * y_col] (+)= x[i * x_row + j * x_col], i < rows, j < cols; steps in elements, of any sign.
template <class T>
struct CopyBlock {
  const T* x;
  T* y;
  dim_t rows, cols, x_row, x_col, y_row, y_col;
  bool accumulate;
};

template <class T>
struct ReshapeKernels {
  // Fast where rows are contiguous in both, where x repeats one element a row, and where it is a transposition
  // (x_row == 1 and y_col == 1).
  void (*copy_block)(const CopyBlock<T>& b);
};

}  // namespace lamina
