#include "ops/dense.h"

#include <algorithm>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/activation_gradient.h"
#include "ops/gemm.h"

namespace lamina {

template <class T>
void dense_forward(const DenseForward<T>& a) {
  gemm(Gemm<T>{a.M, a.N, a.K, a.x, a.K, 1, a.w, a.N, 1, a.y, a.N, a.b, a.act, false, a.bfloat16});
}

template <class T>
void dense_backward(const DenseBackward<T>& a) {
  const bool linear = a.act == Activation::linear;
  Scratch<T> scratch(linear ? 0 : a.M * a.N);
  const T* dz = a.dy;
  if (!linear) {
    activation_gradient(a.M * a.N, a.y, a.dy, scratch.get(), a.act);
    dz = scratch;
  }
  if (a.dx.wanted())
    gemm(Gemm<T>{a.M, a.K, a.N, dz, a.N, 1, a.w, 1, a.N, a.dx, a.K, nullptr, Activation::linear, a.dx.adds(),
                 a.bfloat16});
  if (a.dw.wanted())
    gemm(Gemm<T>{a.K, a.N, a.M, a.x, 1, a.K, dz, a.N, 1, a.dw, a.N, nullptr, Activation::linear, a.dw.adds(),
                 a.bfloat16});
  if (a.db.wanted()) column_sums(a.M, a.N, dz, a.N, a.db.to, a.db.adds());
}

template <class T>
void matmul(const Matmul<T>& a) {
  Gemm<T> g{a.M, a.N, a.K, a.a, a.K, 1, a.b, a.N, 1, a.c, a.N};
  if (a.a_transposed) g.a_row = 1, g.a_col = a.M;
  if (a.b_transposed) g.b_row = 1, g.b_col = a.K;
  g.accumulate = a.accumulate;
  g.bfloat16 = a.bfloat16;
  batched_gemm(BatchedGemm<T>{g, a.batch, a.a_step, a.b_step, a.M * a.N});
}

LAMINA_FOR_FLOATS(dense_forward, DenseForward);
LAMINA_FOR_FLOATS(dense_backward, DenseBackward);
LAMINA_FOR_FLOATS(matmul, Matmul);

}  // namespace lamina
