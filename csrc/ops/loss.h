// Losses. Those of classes compute their gradient in the forward pass, which keeps it for a backward of one scaled
// copy.
#pragma once
#include "core/types.h"
#include "kernels/loss.h"
#include "ops/indices.h"

namespace lamina {

// x (N, C); labels (N), or targets (N, C). Throws std::invalid_argument naming the first label that is neither in
// 0..C-1 nor ignored. losses (N), or for the mean losses (1): the sum of weight * loss over the number of rows that are
// not ignored. gradient (N, C) or null: of each row's loss, or of the mean.
template <class T>
struct CrossEntropy {
  const T* x;
  Indices labels;
  const T *targets, *weights;
  T *losses, *gradient;
  dim_t N, C, ignored;
  double smoothing;
  bool logits, has_ignored, mean;
};
template <class T>
void cross_entropy(const CrossEntropy<T>& a);

// dx (+)= gradient * dy, dy one a row or one for all.
template <class T>
struct CrossEntropyBackward {
  const T *gradient, *dy;
  T* dx;
  dim_t N, C;
  bool mean, accumulate;
};
template <class T>
void cross_entropy_backward(const CrossEntropyBackward<T>& a);

// What becomes of the losses of single predictions, x and t (N, C).
enum class PointReduction : int {
  none,  // (N, C)
  rows,  // (N): scale * sum over C
  all,   // one: scale * sum over N and C
};
template <class T>
struct PointLosses {
  const T *x, *t;
  T* y;
  dim_t N, C;
  PointLoss loss;
  PointReduction reduction;
  double delta, scale;
};
template <class T>
void point_loss(const PointLosses<T>& a);

template <class T>
struct PointLossesBackward {
  const T *x, *t, *dy;
  Gradient<T> dx, dt;
  dim_t N, C;
  PointLoss loss;
  PointReduction reduction;
  double delta, scale;
};
template <class T>
void point_loss_backward(const PointLossesBackward<T>& a);

}  // namespace lamina
