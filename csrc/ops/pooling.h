// Max and average pooling over channels-last images, and their gradients. Every window holds a pixel of the input.
#pragma once
#include "ops/window.h"

namespace lamina {

// Windows of more taps keep the number of the winning one in four bytes instead of one.
constexpr dim_t kByteTaps = 256;
inline bool wide_index(const Window& v) { return product(v.adaptive ? v.in : v.taps) > kByteTaps; }

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

}  // namespace lamina
