#include "ops/integer_matmul.h"

#include <algorithm>

#include "core/parallel.h"

namespace lamina {

void integer_matmul(const IntegerMatmul& p) {
  parallel_for(p.batch * p.M, kGrain / std::max<dim_t>(1, p.N * p.K) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const std::uint64_t *a = p.a + i / p.M * p.a_step + i % p.M * p.K, *b = p.b + i / p.M * p.b_step;
      std::uint64_t* y = p.y + i * p.N;
      std::fill_n(y, p.N, std::uint64_t(0));
      for (dim_t k = 0; k < p.K; k++)
        for (dim_t j = 0; j < p.N; j++) y[j] += a[k] * b[k * p.N + j];
    }
  });
}

}  // namespace lamina
