// Sums of rows.
#pragma once
#include "core/types.h"

namespace lamina {

template <class T>
struct EmbeddingKernels {
  void (*add_row)(const T* x, T* y, dim_t n);  // y += x
  // y = x[places[0]] + x[places[1]] + ..., n > 0 rows of D, added in this order.
  void (*sum_rows)(const T* x, const dim_t* places, dim_t n, dim_t D, T* y);
};

}  // namespace lamina
