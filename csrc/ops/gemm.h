// Matrix product with a fused bias and activation, and its batched form.
#pragma once
#include "core/types.h"
#include "ops/panels.h"

namespace lamina {

// C[M x N] = act(A . B + bias), or C += A . B.   Row-major; a transposed operand is given by its strides:
//   A element (m, k) at a[m * a_row + k * a_col], B element (k, n) at b[k * b_row + n * b_col]; one stride of each
//   is 1.
// C must not overlap A or B. `accumulate` goes with neither bias nor activation.
template <class T>
struct Gemm {
  dim_t M, N, K;
  const T* a;
  dim_t a_row, a_col;
  const T* b;
  dim_t b_row, b_col;
  T* c;
  dim_t ldc;
  const T* bias = nullptr;
  Activation act = Activation::linear;
  bool accumulate = false;
  bool bfloat16 = false;  // A and B are rounded to bfloat16, where that is faster for such sizes on this host
};

template <class T>
void gemm(const Gemm<T>& g);  // all threads

template <class T>
void gemm_serial(const Gemm<T>& g);  // the calling thread only: for ops that divide something else

// `batch` products of one shape, operands at the given distances.
template <class T>
struct BatchedGemm {
  Gemm<T> first;
  dim_t batch, a_step, b_step, c_step;
};
template <class T>
void batched_gemm(const BatchedGemm<T>& g);

// Column sums: out[n] (+)= sum_m x[m * ldx + n], in chunks that depend on the shape alone.
template <class T>
void column_sums(dim_t M, dim_t N, const T* x, dim_t ldx, T* out, bool accumulate);

}  // namespace lamina
