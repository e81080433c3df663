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

// N registers of the sum, `last` lanes of the last one.
template <int N, class T>
LAMINA_INLINE void sum_columns(const T* x, const dim_t* places, dim_t n, dim_t D, T* y, int last) {
  constexpr int W = kLanes<T>;
  Vec<T> s[N] = {};
  for (dim_t i = 0; i < n; i++)
#pragma GCC unroll 8
    for (int v = 0; v < N; v++) s[v] += get(x + places[i] * D + v * W, v + 1 < N ? W : last);
#pragma GCC unroll 8
  for (int v = 0; v < N; v++) put<T>(y + v * W, s[v], v + 1 < N ? W : last);
}

template <class T>
void sum_rows(const T* x, const dim_t* places, dim_t n, dim_t D, T* y) {
  constexpr int W = kLanes<T>;
  dim_t j = 0;
  for (; j + 8 * W <= D; j += 8 * W) sum_columns<8>(x + j, places, n, D, y + j, W);
  for (; j + 2 * W <= D; j += 2 * W) sum_columns<2>(x + j, places, n, D, y + j, W);
  for (; j < D; j += W) sum_columns<1>(x + j, places, n, D, y + j, int(D - j < W ? D - j : W));
}

template <class T>
void fill(EmbeddingKernels<T>& k) {
  k.add_row = add_row<T>;
  k.sum_rows = sum_rows<T>;
}

}  // namespace

void fill_embedding(Kernels<float>& f, Kernels<double>& d) {
  fill(f.embedding);
  fill(d.embedding);
}

}  // namespace LAMINA_ISA
}  // namespace lamina
