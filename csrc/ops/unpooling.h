// Where in the image the maxima of pooling stood, and values put back to such places.
#pragma once
#include "ops/indices.h"
#include "ops/window.h"

namespace lamina {

// indices (N, out, C) = the pixel of its image, counted row by row, that each number of max_pool_forward's index means;
// -1 for what is no number of the window.
struct MaxPoolIndices {
  const void* index;
  std::int32_t* indices;
  Window window;
};
void max_pool_indices(const MaxPoolIndices& a);

// y (N, outputs, C) = x (N, pixels, C), each at the pixel of its image that the indices, (N, pixels, C), name, and 0
// elsewhere; of several with one place the last one stays. Throws std::out_of_range naming the first index outside.
template <class T>
struct MaxUnpoolForward {
  const T* x;
  Indices indices;
  T* y;
  dim_t N, C, pixels, outputs;
};
template <class T>
void max_unpool_forward(const MaxUnpoolForward<T>& a);

// dx (+)= dy at the place of each value that stayed.
template <class T>
struct MaxUnpoolBackward {
  Indices indices;
  const T* dy;
  Gradient<T> dx;
  dim_t N, C, pixels, outputs;
};
template <class T>
void max_unpool_backward(const MaxUnpoolBackward<T>& a);

}  // namespace lamina
