// Losses: cross-entropy of rows of scores, and losses between pairs of numbers, per row, per element or averaged.
#pragma once
#include "kernels/loss.h"
#include "ops/indices.h"

namespace lamina {

// x (N, C); targets (N, C) or, where null, labels (N); loss (N), or (1) the mean over N.
// slopes (N, C), may be null: d loss / d x of each row, for backward. A label outside 0..C-1 throws.
template <class T>
struct CrossEntropy {
  const T *x, *targets;
  Indices labels;
  T *loss, *slopes;
  dim_t N, C;
  double smoothing;
  bool from_logits, mean;
};
template <class T>
void cross_entropy_forward(const CrossEntropy<T>& a);

// dx = slopes * dy of the row, or dy / N for the mean.
template <class T>
struct CrossEntropyBackward {
  const T *slopes, *dy;
  T* dx;
  Grad mode;
  dim_t N, C;
  bool mean;
};
template <class T>
void cross_entropy_backward(const CrossEntropyBackward<T>& a);

enum class Reduction : int { none, rows, mean };  // every element, the mean of each row, the mean of all

// x, t (N, C); loss (N, C), (N) or (1).
template <class T>
struct PairLossForward {
  const T *x, *t;
  T* loss;
  dim_t N, C;
  PairLoss kind;
  double parameter;
  Reduction reduction;
};
template <class T>
void pair_loss_forward(const PairLossForward<T>& a);

template <class T>
struct PairLossBackward {
  const T *x, *t, *dy;
  T* dx;
  Grad mode;
  dim_t N, C;
  PairLoss kind;
  double parameter;
  Reduction reduction;
};
template <class T>
void pair_loss_backward(const PairLossBackward<T>& a);

}  // namespace lamina
