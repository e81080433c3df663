// Batch, layer, RMS and group normalization. Statistics are biased (they divide by their count), as in Keras.
#pragma once
#include "core/types.h"

namespace lamina {

// Each of C columns of x (M, C): y = act((x - mean) * rstd * gamma + beta), rstd = 1 / sqrt(variance + epsilon).
// Training: mean and variance are the batch's, and moving = moving * momentum + batch * (1 - momentum) in place (an
// empty batch leaves them). Inference: they are the moving ones. mean and rstd (C) are saved for backward.
template <class T>
struct BatchNormForward {
  const T *x, *gamma, *beta;  // gamma, beta: null is 1, 0
  T *moving_mean, *moving_variance, *y, *mean, *rstd;
  dim_t M, C;
  bool training;
  T momentum, epsilon;
  Activation act;  // linear or relu
};
template <class T>
void batch_norm_forward(const BatchNormForward<T>& a);

// What inference by a convolution or dense layer with weights w (rows, C) and bias b (C, or null is 0) followed by
// batch normalization computes as one layer: with scale = gamma / sqrt(moving_variance + epsilon), folded = w * scale
// and shift = beta + (b - moving_mean) * scale.
template <class T>
struct BatchNormFold {
  const T *w, *b, *gamma, *beta, *moving_mean, *moving_variance;
  T *folded, *shift;
  dim_t rows, C;
  T epsilon;
};
template <class T>
void batch_norm_fold(const BatchNormFold<T>& a);

// Needs x, mean, rstd and, with relu, y. With dz = dy * act'(y) and h = (x - mean) * rstd:
//   dgamma = sum of dz * h,   dbeta = sum of dz
//   dx = gamma * rstd * (dz - dbeta / M - h * dgamma / M)   in training
//   dx = gamma * rstd * dz                                  where mean and rstd were constants
template <class T>
struct BatchNormBackward {
  const T *x, *gamma, *mean, *rstd, *y, *dy;
  Gradient<T> dx, dgamma, dbeta;
  dim_t M, C;
  bool training;
  Activation act;
};
template <class T>
void batch_norm_backward(const BatchNormBackward<T>& a);

// Each of `rows` rows of C: y = (x - mean) * rstd * gamma + beta; mean and rstd (rows) are saved.
// RMS normalization: mean is null and counts as 0, so that rstd = 1 / sqrt(mean of x^2 + epsilon).
template <class T>
struct LayerNormForward {
  const T *x, *gamma, *beta;
  T *y, *mean, *rstd;
  dim_t rows, C;
  T epsilon;
};
template <class T>
void layer_norm_forward(const LayerNormForward<T>& a);

// Needs x, mean (null as in forward; there is no dbeta then), rstd.
template <class T>
struct LayerNormBackward {
  const T *x, *gamma, *mean, *rstd, *dy;
  Gradient<T> dx, dgamma, dbeta;
  dim_t rows, C;
};
template <class T>
void layer_norm_backward(const LayerNormBackward<T>& a);

// Each sample of x (N, S, C), whose C channels are cut into groups: y = (x - mean) * rstd * gamma + beta. mean and rstd
// (N, groups), over the S rows and the channels of a group, are saved.
template <class T>
struct GroupNormForward {
  const T *x, *gamma, *beta;
  T *y, *mean, *rstd;
  dim_t N, S, C, groups;
  T epsilon;
};
template <class T>
void group_norm_forward(const GroupNormForward<T>& a);

// Needs x, mean, rstd. With u = dy * gamma and h = (x - mean) * rstd, means over a group:
//   dx = rstd * (u - mean of u - h * mean of u * h),   dgamma = sum of dy * h,   dbeta = sum of dy
template <class T>
struct GroupNormBackward {
  const T *x, *gamma, *mean, *rstd, *dy;
  Gradient<T> dx, dgamma, dbeta;
  dim_t N, S, C, groups;
};
template <class T>
void group_norm_backward(const GroupNormBackward<T>& a);

}  // namespace lamina
