#include "kernels/embedding.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T>
void add_row(const T* x, T* y, dim_t n) {
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(y + i, get(y + i, l) + get(x + i, l), l); });
}

template <class T>
void fill(EmbeddingKernels<T>& k) {
  k.add_row = add_row<T>;
}

}  // namespace

LAMINA_FILL(embedding)

}  // namespace LAMINA_ISA
}  // namespace lamina
