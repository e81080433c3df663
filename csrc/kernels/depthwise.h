// Depthwise convolution, where every channel has its own kernel, so that lanes are channels and nothing is shared by a
// product; and convolution of few channels, whose lanes are several groups or pixels.
#pragma once
#include "core/types.h"

namespace lamina {

// Neighbouring output pixels of one row, all of whose taps lie inside the source:
//
//   y[p * y_pixel + c] = bias[c] + sum over (i, j) of x[p * x_pixel + i * x_h + j * x_w + c] * w[i * w_h + j * w_w + c]
//
// for p < pixels, c < channels; += instead where `accumulate`. Weight strides may be negative: a flipped kernel.
template <class T>
struct DepthwiseRow {
  const T* x;
  dim_t x_pixel, x_h, x_w;
  const T* w;
  dim_t w_h, w_w;
  dim_t kh, kw;
  T* y;
  dim_t y_pixel;
  dim_t pixels, channels;
  const T* bias;  // null: none
  bool accumulate;
};

// Rows [row, row + rows) of outputs that stand one pixel apart, as all their taps do: K x K of them, K 3 or 5.
//
//   y[(i * width + p) * channels + c] = bias[c] + sum over (a, b) of x[((i + top + a) * x_width + p + left + b) *
//                                       channels + c] * w[a * w_h + b * w_w + c]
//
// as above, without the taps that fall beside the x_height x x_width pixels of x.
template <class T>
struct DepthwiseRows {
  const T* x;
  dim_t x_height, x_width, top, left;
  const T* w;
  dim_t w_h, w_w, taps;
  T* y;
  dim_t row, rows, width, channels;
  const T* bias;  // null: none
  bool accumulate;
  bool stream;  // write y past the caches, where it is aligned (the caller fences)
};
constexpr dim_t kDepthwiseRows = 4;  // to be given at once: inputs are read once for all of them

// The weight gradient of one row of taps over a row of pixels: dw[j * dw_w + c] += sum over p of
// x[p * x_pixel + j * x_w + c] * dz[p * channels + c], j < taps.
template <class T>
struct DepthwiseTaps {
  const T* x;
  dim_t x_pixel, x_w;
  const T* dz;
  T* dw;
  dim_t dw_w;
  dim_t taps, pixels, channels;
};

// Few channels, so that a register holds several cells: neighbouring groups of one pixel, or neighbouring pixels of one
// group. A cell meets `inputs` channels of the source, which stand behind those of the cell before it, and makes
// `outputs` of the result, so too. With lanes l = g * outputs + k of cell g < cells:
//
//   y[p * y_step + l] = bias[l] + sum over (i, j, c) of x[p * x_step + i * x_h + j * x_w + g * inputs + c] *
//                                 w[i * w_h + j * w_w + c * lanes + l]
//
// for p < steps, c < inputs; += instead where `accumulate`. Every row of w is a whole register.
template <class T>
struct CellRow {
  const T* x;
  dim_t x_step, x_h, x_w;
  const T* w;
  dim_t w_h, w_w;
  dim_t kh, kw;
  T* y;
  dim_t y_step, steps;
  int cells, inputs, outputs;
  const T* first;  // of each lane l: l / outputs * inputs
  const T* bias;   // null: none
  bool accumulate;
};

// The weight gradient of one row of taps: dw[(j * inputs + c) * lanes + l] += sum over p < steps of
// x[p * x_step + j * x_w + g * inputs + c] * dz[p * z_step + l], j < taps.
template <class T>
struct CellTaps {
  const T* x;
  dim_t x_step, x_w;
  const T* dz;
  dim_t z_step;
  T* dw;
  dim_t taps, steps;
  int cells, inputs, outputs;
  const T* first;
};

template <class T>
struct DepthwiseKernels {
  void (*row)(const DepthwiseRow<T>&);
  void (*rows)(const DepthwiseRows<T>&);
  void (*weights)(const DepthwiseTaps<T>&);
  void (*cell_row)(const CellRow<T>&);
  void (*cell_weights)(const CellTaps<T>&);
  // out[i * m + j] = x[i], j < m;   out[i] (+)= sum over j of x[i * m + j].
  void (*repeat)(const T* x, dim_t n, dim_t m, T* out);
  void (*fold)(const T* x, dim_t n, dim_t m, T* out, bool accumulate);
};

}  // namespace lamina
