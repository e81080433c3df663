// Images seen through an affine (or projective) map: each output pixel is the source's nearest pixel or the blend of
// the four around the place that the map names.
#pragma once
#include "core/types.h"

namespace lamina {

enum class FillMode : int { constant, nearest, wrap, mirror, reflect };

// x (N, H, W, C) -> y (N, H, W, C). transform (N, 8) holds a0 a1 a2 b0 b1 b2 c0 c1 of each image, or one row for all:
// the pixel (row y, column x) looks at column (a0 x + a1 y + a2) / k and row (b0 x + b1 y + b2) / k,
// k = c0 x + c1 y + 1. Beyond the image stands what `fill` says, for FillMode::constant `value`.
template <class T>
struct AffineForward {
  const T *x, *transform;
  T* y;
  dim_t N, H, W, C, transforms;
  bool bilinear;
  FillMode fill;
  T value;
};
template <class T>
void affine_forward(const AffineForward<T>& a);

// dx (N, H, W, C) from dy (N, H, W, C): the transposed weights; the map itself has no gradient.
template <class T>
struct AffineBackward {
  const T *dy, *transform;
  Gradient<T> dx;
  dim_t N, H, W, C, transforms;
  bool bilinear;
  FillMode fill;
};
template <class T>
void affine_backward(const AffineBackward<T>& a);

}  // namespace lamina
