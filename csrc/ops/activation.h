// Activations as steps of their own (those fused into dense, convolution and normalization are in core/types.h).
#pragma once
#include "core/types.h"

namespace lamina {

// The place of an activation in ActivationKernels::entries, or -1.
int find_activation(const char* name);

// y = f(x), elementwise over n. `entry` is find_activation's.
template <class T>
struct ActivationForward {
  const T* x;
  T* y;
  T* slope;  // f'(x) as well, where the entry has forward_and_slope; or null
  dim_t n;
  int entry;
  T parameter;
};
template <class T>
void activation_forward(const ActivationForward<T>& a);

// dx = dy * f'; v is y where the entry says from_output, else x.
template <class T>
struct ActivationBackward {
  const T *v, *dy;
  Gradient<T> dx;
  dim_t n;
  int entry;
  T parameter;
};
template <class T>
void activation_backward(const ActivationBackward<T>& a);

// dx = dy * slope, of activation_forward.
template <class T>
struct SlopeBackward {
  const T *slope, *dy;
  Gradient<T> dx;
  dim_t n;
};
template <class T>
void slope_backward(const SlopeBackward<T>& a);

// Over the last axis: x, y (rows, C).
template <class T>
struct SoftmaxForward {
  const T* x;
  T* y;
  dim_t rows, C;
  bool log;  // log-softmax
};
template <class T>
void softmax_forward(const SoftmaxForward<T>& a);

// Needs y alone.
template <class T>
struct SoftmaxBackward {
  const T *y, *dy;
  Gradient<T> dx;
  dim_t rows, C;
  bool log;
};
template <class T>
void softmax_backward(const SoftmaxBackward<T>& a);

}  // namespace lamina
