// Max, average and Lp pooling over channels-last images, and their gradients. Every window holds a pixel of the input.
#pragma once
#include "ops/window.h"

namespace lamina {

// Windows of more taps keep the number of the winning one in four bytes instead of one.
constexpr dim_t kByteTaps = 256;
inline bool wide_index(const Window& v) { return product(v.adaptive ? v.in : v.taps) > kByteTaps; }

// Pixels from the first one under a window to that of each number; in adaptive windows numbers are pixels.
inline void fill_places(const Window& v, dim_t* places) {
  const dim_t numbers = product(v.adaptive ? v.in : v.taps);
  for (dim_t t = 0; t < numbers; t++) {
    const dim_t d = t / v.taps[2] / v.taps[1] * v.dilation[0], h = t / v.taps[2] % v.taps[1] * v.dilation[1];
    places[t] = v.adaptive ? t : (d * v.in[1] + h) * v.in[2] + t % v.taps[2] * v.dilation[2];
  }
}
// The pixel under the first tap of the window of an output, which may lie outside of the image; 0 in adaptive windows.
inline dim_t first_pixel(const Window& v, dim_t d, dim_t h, dim_t w) {
  if (v.adaptive) return 0;
  const dim_t depth = d * v.stride[0] - v.before[0], height = h * v.stride[1] - v.before[1];
  return (depth * v.in[1] + height) * v.in[2] + w * v.stride[2] - v.before[2];
}

// y (N, out, C) = max of x (N, in, C) over the window. index, of y's shape, is the number of the tap that won (the
// first of equals, the first NaN), or null: its place in the window, of adaptive windows in the whole image.
template <class T>
struct MaxPoolForward {
  const T* x;
  T* y;
  void* index;
  Window window;
};
template <class T>
void max_pool_forward(const MaxPoolForward<T>& a);

// dx = dy where the index says so.
template <class T>
struct MaxPoolBackward {
  const void* index;
  const T* dy;
  Gradient<T> dx;
  Window window;
};
template <class T>
void max_pool_backward(const MaxPoolBackward<T>& a);

// What an average divides by: the window's pixels inside the input, those inside the padded input, or all its taps.
enum class Divisor : int { valid, padded, window };

// y = sum of x over the window's pixels / divisor.
template <class T>
struct AveragePoolForward {
  const T* x;
  T* y;
  Window window;
  Divisor divisor;
};
template <class T>
void average_pool_forward(const AveragePoolForward<T>& a);

template <class T>
struct AveragePoolBackward {
  const T* dy;
  Gradient<T> dx;
  Window window;
  Divisor divisor;
};
template <class T>
void average_pool_backward(const AveragePoolBackward<T>& a);

// y = (sum of x^p over the window's pixels inside the input)^(1 / p); p > 0, finite.
template <class T>
struct LpPoolForward {
  const T* x;
  T* y;
  Window window;
  T p;
};
template <class T>
void lp_pool_forward(const LpPoolForward<T>& a);

// dx = x^(p - 1) * the sum of dy * y^(1 - p) over the windows; those of y = 0 count nothing, unless p = 1.
template <class T>
struct LpPoolBackward {
  const T *x, *y, *dy;
  Gradient<T> dx;
  Window window;
  T p;
};
template <class T>
void lp_pool_backward(const LpPoolBackward<T>& a);

}  // namespace lamina
