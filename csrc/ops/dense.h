// Dense layer: y = act(x . w + b) and its gradients.
#pragma once
#include "core/types.h"

namespace lamina {

// x (M, K), w (K, N), b (N) or null, y (M, N).
template <class T>
struct DenseForward {
  const T *x, *w, *b;
  T* y;
  dim_t M, N, K;
  Activation act;
  bool bfloat16;  // the operands of the product are rounded
};
template <class T>
void dense_forward(const DenseForward<T>& a);

// Needs x, w and, unless linear, y.   dz = dy * act'(y);  dx = dz . w^T,  dw = x^T . dz,  db = column sums of dz.
template <class T>
struct DenseBackward {
  const T *x, *w, *y, *dy;
  Gradient<T> dx, dw, db;
  dim_t M, N, K;
  Activation act;
  bool bfloat16;
};
template <class T>
void dense_backward(const DenseBackward<T>& a);

// Products of a batch of matrices: c[i] = op(a[i]) . op(b[i]), steps 0 for a matrix that all share.
template <class T>
struct Matmul {
  const T *a, *b;
  T* c;
  dim_t batch, M, N, K, a_step, b_step;
  bool a_transposed, b_transposed, accumulate, bfloat16;
};
template <class T>
void matmul(const Matmul<T>& a);

}  // namespace lamina
