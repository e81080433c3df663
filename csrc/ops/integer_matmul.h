// Products of integer matrices.
#pragma once
#include <cstdint>

#include "core/types.h"

namespace lamina {

// y[i] (M, N) = a[i] (M, K) b[i] (K, N) for `batch` matrices, a_step and b_step elements apart (0: one for all). Sums
// wrap, so that signed and unsigned integers are treated alike.
struct IntegerMatmul {
  const std::uint64_t *a, *b;
  std::uint64_t* y;
  dim_t batch, M, N, K, a_step, b_step;
};
void integer_matmul(const IntegerMatmul& a);

}  // namespace lamina
