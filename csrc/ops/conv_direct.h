// Direct convolution and its data gradient, as a matrix product without im2col.
#pragma once
#include "ops/activation_gradient.h"
#include "ops/window.h"

namespace lamina {

// y(n, p, k) = act(bias[k] + sum over taps t and channels c of x(n, p', c) * w(t, c, k)), where the axes say which
// source pixel p' a tap of the destination pixel p reads; outside the source it reads 0. Every choice of one axis each
// for depth, height and width is a phase that fills its own pixels of y; together they fill all of them.
template <class T>
struct Correlation {
  LazyActGrad<T> x;
  dim_t N;
  Triple in;  // source images
  dim_t C;
  T* y;
  Triple out;  // destination images
  dim_t K;
  dim_t groups;  // channels c of group g meet channels k of group g alone
  Axes axes{};
  const T* w = nullptr;  // tap (a, i, j) at w + ((a * kh + i) * kw + j) * w_tap; in it, group g's element (c, k) at
                         // g * w_group + c * w_row + k * w_col
  dim_t kh = 1, kw = 1, w_tap = 0, w_group = 0, w_row = 0, w_col = 0;
  const T* bias = nullptr;
  Activation act = Activation::linear;
  bool accumulate = false;  // y += ; neither b nor act
  bool bfloat16 = false;    // x and w are rounded, where that is faster
};

template <class T>
void correlate(const Correlation<T>& c);

}  // namespace lamina
