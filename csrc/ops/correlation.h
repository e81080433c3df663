// The implicit matrix product under a convolution and under its data gradient.
#pragma once
#include <vector>

#include "ops/border.h"
#include "ops/window.h"

namespace lamina {

// y(n, p, q, k) = act(bias[k] + sum over taps (i, j) and channels c of x(n, p', q', c) * w(i, j, c, k)), where the axes
// say which source row p' and column q' a tap reads; outside the source it reads 0. Every pair of a row axis and a
// column axis is a phase that fills its own pixels of y; together they fill all of them.
template <class T>
struct Correlation {
  Gated<T> x;
  dim_t N, H, W, C;  // source images
  T* y;
  dim_t OH, OW, K;  // destination images
  dim_t groups;     // channels c of group g meet channels k of group g alone
  std::vector<Axis> rows{}, columns{};
  const T* w = nullptr;  // tap (i, j) at w + (i * kw + j) * w_tap; in it, group g's element (c, k) at g * w_group + c *
                         // w_row + k * w_col
  dim_t kw = 1, w_tap = 0, w_group = 0, w_row = 0, w_col = 0;
  const T* bias = nullptr;
  Activation act = Activation::linear;
  bool accumulate = false;  // y += ; neither bias nor act
};

template <class T>
void correlate(const Correlation<T>& c);

}  // namespace lamina
