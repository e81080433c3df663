// Sums of rows.
#pragma once
#include "core/types.h"

namespace lamina {

template <class T>
struct EmbeddingKernels {
  void (*add_row)(const T* x, T* y, dim_t n);  // y += x
};

}  // namespace lamina
