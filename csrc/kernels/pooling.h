// Pooling: lanes are channels; neighbouring output pixels of a row whose valid taps are the same go to one call.
#pragma once
#include "core/types.h"

namespace lamina {

// Output p < pixels reads source elements x[p * x_pixel + k * x_d + i * x_h + j * x_w + c] for taps k < kd, i < kh,
// j < kw, channels c, and fills y[p * y_pixel + c].
template <class T>
struct PoolRow {
  const T* x;
  dim_t x_pixel, x_d, x_h, x_w;
  dim_t kd, kh, kw;
  T* y;
  dim_t y_pixel;
  dim_t pixels, channels;
  bool accumulate;  // y +=
  bool stream;      // write y past the caches, where it is aligned (the caller fences)
  bool ahead;       // x comes from memory
};

// Which tap won: the number tap0 + k * tap_d + i * tap_h + j * tap_w, kept for each output in one byte, or in four
// (`wide`) where a window has more than 256 taps. Laid out as the pooled images.
struct PoolIndex {
  void* data;  // of the first output of the row; null: not wanted
  bool wide;
  dim_t tap0, tap_d, tap_h, tap_w;
};

template <class T>
struct PoolingKernels {
  // y = max over taps of x, the first of equals; NaN wins over all.
  void (*max)(const PoolRow<T>&, const PoolIndex&);
  // y = sum over taps of x where the index, laid out as x, is the tap's number.
  void (*max_gradient)(const PoolRow<T>&, const PoolIndex&);
  // Backwards of windows side by side: input p < pixels, x[p * x_pixel + c], goes to all its taps of one plane,
  // y[p * y_pixel + i * x_h + j * x_w + c], times scale or where the index, laid out as x, is the tap's number;
  // elsewhere 0.
  void (*sum_tiles)(const PoolRow<T>&, T scale);
  void (*max_tiles)(const PoolRow<T>&, const PoolIndex&);
  // The same where the window is the whole image: y[p * channels + c] = x[c] where index[c] == tap0 + p, else 0.
  void (*max_spread)(const PoolRow<T>&, const PoolIndex&);
  // y = scale * sum over taps.
  void (*sum)(const PoolRow<T>&, T scale);
  // y = p-th root of the sum over taps of x^p.
  void (*power_sum)(const PoolRow<T>&, T p);
  // y = of^(p - 1) * sum over taps; `of` is laid out as y.
  void (*power_gradient)(const PoolRow<T>&, const T* of, T p);
  // shares = dy * y^(1 - p) of n elements, 0 where y is; p is not 1.
  void (*power_shares)(dim_t n, const T* y, const T* dy, T p, T* shares);
};

}  // namespace lamina
