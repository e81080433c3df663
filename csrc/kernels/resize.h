// Weighted sums of neighbouring pixels: what resizing does along one axis.
#pragma once
#include "core/types.h"

namespace lamina {

// y[0..n) = sum over j < count of weight[j] * rows[j][0..n); += where accumulate. Nothing is 0.
template <class T>
struct ResizeRows {
  const T* const* rows;
  const T* weight;
  dim_t count;
  T* y;
  dim_t n;
  bool accumulate;
  bool stream;  // write y past the caches, where it is aligned (the caller fences)
};

// y pixel p = sum over k < count[p] of weight[p * taps + k] * (x pixel first[p] + k), p < pixels; += where accumulate.
template <class T>
struct ResizePixels {
  const T* x;
  T* y;
  dim_t pixels, channels;
  const dim_t *first, *count;
  const T* weight;
  dim_t taps;
  bool accumulate;
  bool stream;  // as above; not by few_channels
};

// The same for several lines of pixels with few channels: line q is x[q], `width` pixels, and becomes y + q * stride.
// Element e of all lines stands at columns[e * lines], so that registers are full of lines:
//   line 0: a0 a1 a2 ..           a0 b0 c0 ..
//   line 1: b0 b1 b2 ..    ->     a1 b1 c1 ..
//   line 2: c0 c1 c2 ..           a2 b2 c2 ..
template <class T>
struct ResizeLines {
  const T* const* x;  // as many as ResizeKernels::lines; those beyond `count` are read, too
  dim_t count, width;
  T* columns;  // width * channels * lines
  dim_t stride;
  ResizePixels<T> pixels;  // without its x
};

template <class T>
struct ResizeKernels {
  dim_t lines;          // that `few_channels` takes at once
  dim_t most_channels;  // for which it is the faster way
  void (*rows)(const ResizeRows<T>&);
  void (*pixels)(const ResizePixels<T>&);
  void (*few_channels)(const ResizeLines<T>&);
};

}  // namespace lamina
