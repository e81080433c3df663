// Convolution (cross-correlation, as everywhere in this field) over channels-last images of any rank, its transpose,
// and the gradients of both.
#pragma once
#include "ops/activation_gradient.h"
#include "ops/window.h"

namespace lamina {

// x (N, in, C), w (taps, C / groups, K), b (K) or null, y (N, out, K): y = act(x * w + b).
// groups == C is the depthwise convolution with K / C outputs a channel: channel c makes y's channels c K/C ...
// Transposed: x (N, out, K), b (C), y (N, in, C), where `window` is that of the convolution whose data gradient this
// is.
template <class T>
struct ConvolutionForward {
  const T *x, *w, *b;
  T* y;
  Window window;
  dim_t K, groups;
  Activation act;
  bool transposed;
  bool bfloat16;  // the products' operands are rounded, where that is faster
};
template <class T>
void convolution_forward(const ConvolutionForward<T>& a);

// Needs x, w and, unless linear, y. dz = dy * act'(y); dx is a correlation of dz with the flipped kernel, dw one of x
// with dz, db the sums of dz. Transposed: dx is the convolution of dz, dw the correlation of dz with x.
template <class T>
struct ConvolutionBackward {
  const T *x, *w, *y, *dy;
  Gradient<T> dx, dw, db;
  Window window;
  dim_t K, groups;
  Activation act;
  bool transposed;
  bool bfloat16;
};
template <class T>
void convolution_backward(const ConvolutionBackward<T>& a);

// Rows are summed by chunks, whose number follows from the shape alone: at most so many, enough for as many cores.
constexpr dim_t kMaxGradientChunks = 64;

// One pass over a destination: from (N, in, C) to (N, out, K), or back.
template <class T>
struct ConvolutionPass {
  LazyActGrad<T> x;
  const T *w, *b;
  T* y;
  const Window& window;
  dim_t K, groups;
  Activation act = Activation::linear;
  bool accumulate = false;  // y += ; neither b nor act
  bool bfloat16 = false;
};
template <class T>
struct WeightGradient {
  const T* x;
  LazyActGrad<T> dz;
  T *dw, *db;  // db: null where it is not wanted or is summed elsewhere
  const Window& window;
  dim_t K, groups;
  bool accumulate, db_accumulate;
  bool bfloat16 = false;
};
template <class T>
void convolution_weight_gradient(const WeightGradient<T>& a);
// Whether its operands are rounded, and that even where Winograd's transforms would pay.
template <class T>
bool rounds_weight_gradient(const Window& v, dim_t K, dim_t groups, bool bfloat16);
// Whether the weight gradient computes dz from y and dy block by block, and sums db as well.
bool fuses_weight_gradient(const Window& v, dim_t weights);

// Whether results are made of several groups or pixels a register: few channels on both sides.
template <class T>
bool has_few_channels(const Window& v, dim_t K, dim_t groups);
template <class T>
void few_channels_pass(const ConvolutionPass<T>& a, bool back);
template <class T>
void few_channels_weight_gradient(const WeightGradient<T>& a);

template <class T>
void depthwise_pass(const ConvolutionPass<T>& a, bool back);
template <class T>
void depthwise_weight_gradient(const WeightGradient<T>& a);

}  // namespace lamina
