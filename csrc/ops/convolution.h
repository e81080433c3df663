// 2-D convolution (cross-correlation, as everywhere in this field) over channels-last images, and its gradients.
#pragma once
#include "ops/border.h"
#include "ops/window.h"

namespace lamina {

// x (N, H, W, C), w (kh, kw, C / groups, K), b (K) or null, y (N, OH, OW, K): y = act(x * w + b).
// groups == C is the depthwise convolution with K / C outputs a channel: channel c makes y's channels c K/C ...
template <class T>
struct ConvolutionForward {
  const T *x, *w, *b;
  T* y;
  Window window;
  dim_t K, groups;
  Activation act;
};
template <class T>
void convolution_forward(const ConvolutionForward<T>& a);

// Needs x, w and, unless linear, y. dz = dy * act'(y); dx is a correlation of dz with the flipped kernel, dw one of x
// with dz, db the sums of dz.
template <class T>
struct ConvolutionBackward {
  const T *x, *w, *y, *dy;
  T *dx, *dw, *db;
  Grad dx_mode, dw_mode, db_mode;
  Window window;
  dim_t K, groups;
  Activation act;
};
template <class T>
void convolution_backward(const ConvolutionBackward<T>& a);

// The parts of convolution_backward that fill a file each.
template <class T>
struct WeightGradient {
  const T* x;
  Gated<T> dz;
  T *dw, *db;  // db: null where it is not wanted or is summed elsewhere
  Window window;
  dim_t K, groups;
  bool accumulate, db_accumulate;
};
template <class T>
void convolution_weight_gradient(const WeightGradient<T>& a);
// Whether the weight gradient takes dz from y and dy as it goes, and db with it.
bool fuses_weight_gradient(const Window& v, dim_t weights);

template <class T>
void depthwise_forward(const ConvolutionForward<T>& a);
template <class T>
void depthwise_data_gradient(const ConvolutionBackward<T>& a, const T* dz);
template <class T>
void depthwise_weight_gradient(const WeightGradient<T>& a);

}  // namespace lamina
