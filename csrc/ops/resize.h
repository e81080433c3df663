// Images of another size, by the nearest pixel or between the nearest four; pixels are squares whose middle counts.
#pragma once
#include "core/types.h"

namespace lamina {

enum class Interpolation : int { nearest, bilinear };

// x (N, H, W, C) -> y (N, OH, OW, C).
template <class T>
struct ResizeForward {
  const T* x;
  T* y;
  dim_t N, H, W, C, OH, OW;
  Interpolation interpolation;
};
template <class T>
void resize_forward(const ResizeForward<T>& a);

// dx (N, H, W, C) from dy (N, OH, OW, C): the transposed weights.
template <class T>
struct ResizeBackward {
  const T* dy;
  Gradient<T> dx;
  dim_t N, H, W, C, OH, OW;
  Interpolation interpolation;
};
template <class T>
void resize_backward(const ResizeBackward<T>& a);

}  // namespace lamina
