// Sequences, images and volumes of another size; where an output stands and what it sums is resize_axis.h's.
#pragma once
#include "core/types.h"
#include "ops/resize_axis.h"

namespace lamina {

// Depth, height and width: images have depth 1, sequences depth and height 1.
struct ResizeSizes {
  dim_t N, in[3], out[3], C;
  double scale[3];  // outputs for each input, 0 where the sizes say so
};

// x (N, in.., C) -> y (N, out.., C).
template <class T>
struct ResizeForward {
  const T* x;
  T* y;
  ResizeSizes sizes;
  ResizeRule rule;
};
template <class T>
void resize_forward(const ResizeForward<T>& a);

// dx (N, in.., C) from dy (N, out.., C): the transposed weights.
template <class T>
struct ResizeBackward {
  const T* dy;
  Gradient<T> dx;
  ResizeSizes sizes;
  ResizeRule rule;
};
template <class T>
void resize_backward(const ResizeBackward<T>& a);

}  // namespace lamina
