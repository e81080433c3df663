#include "kernels/reshape.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T>
LAMINA_INLINE void deliver(T* y, Vec<T> v, int l, bool accumulate) {
  if (accumulate) v += get(y, l);
  put<T>(y, v, l);
}

// One W x W tile at a time, tiles in squares that stay in L1 on both sides.
template <class T>
void transpose_block(const CopyBlock<T>& b) {
  constexpr int W = kLanes<T>;
  constexpr dim_t S = 64;
  for (dim_t i0 = 0; i0 < b.rows; i0 += S)
    for (dim_t j0 = 0; j0 < b.cols; j0 += S) {
      const dim_t i1 = b.rows - i0 < S ? b.rows : i0 + S, j1 = b.cols - j0 < S ? b.cols : j0 + S;
      for (dim_t j = j0; j < j1; j += W) {
        const int width = int(j1 - j < W ? j1 - j : W);
        for (dim_t i = i0; i < i1; i += W) {
          const int height = int(i1 - i < W ? i1 - i : W);
          Vec<T> v[W];
#pragma GCC unroll 16
          for (int p = 0; p < W; p++) v[p] = p < width ? get(b.x + i + (j + p) * b.x_col, height) : Vec<T>{};
          transpose_round<T, 1>(v);
#pragma GCC unroll 16
          for (int p = 0; p < W; p++)
            if (p < height) deliver<T>(b.y + (i + p) * b.y_row + j, v[p], width, b.accumulate);
        }
      }
    }
}

template <class T>
void copy_block(const CopyBlock<T>& b) {
  const bool runs = b.y_col == 1 && (b.x_col == 1 || b.x_col == 0);
  if (!runs && b.y_col == 1 && b.x_row == 1 && b.rows > 1) return transpose_block(b);
  for (dim_t i = 0; i < b.rows; i++) {
    const T* x = b.x + i * b.x_row;
    T* y = b.y + i * b.y_row;
    if (runs && b.x_col) {
      for_lanes<T>(b.cols,
                   [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { deliver<T>(y + j, get(x + j, l), l, b.accumulate); });
    } else if (runs) {
      const Vec<T> s = splat(*x);
      for_lanes<T>(b.cols, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA { deliver<T>(y + j, s, l, b.accumulate); });
    } else if (b.accumulate) {
      for (dim_t j = 0; j < b.cols; j++) y[j * b.y_col] += x[j * b.x_col];
    } else {
      for (dim_t j = 0; j < b.cols; j++) y[j * b.y_col] = x[j * b.x_col];
    }
  }
}

template <class T>
void fill(ReshapeKernels<T>& k) {
  k.copy_block = copy_block<T>;
}

}  // namespace

LAMINA_FILL(reshape)

}  // namespace LAMINA_ISA
}  // namespace lamina
