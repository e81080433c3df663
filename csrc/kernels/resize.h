// Weighted sums of neighbouring pixels: what resizing does along one axis.
#pragma once
#include "core/types.h"

namespace lamina {

// y pixel p = sum over k < count[p] of weight[p * taps + k] * (x pixel first[p] + k), p < pixels; += where accumulate.
// A pixel is `channels` numbers in a row: of an image's row its channels, of an image a whole row.
template <class T>
struct ResizePixels {
  const T* x;
  T* y;
  dim_t pixels, channels;
  const dim_t *first, *count;
  const T* weight;
  dim_t taps;
  bool accumulate;
};

template <class T>
struct ResizeKernels {
  void (*pixels)(const ResizePixels<T>&);
};

}  // namespace lamina
