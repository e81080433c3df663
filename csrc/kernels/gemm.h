// Register tiles and packing: the arithmetic of dense layers, convolutions, recurrences and matrix products.
#pragma once
#include "core/types.h"

namespace lamina {

// One register tile: c[i][j] = act(bias[j] + sum over (k3, k2, k1) of a[i][k] * b[k][j]),   i < rows, j < cols.
//
//   a   element (i, k3, k2, k1) stands at a[i * row + k3 * s3 + k2 * s2 + k1 * s1]: a matrix, its transpose, a packed
//       panel, or the pixels under a convolution's kernel in place
//   b   a panel of `vectors` registers a row, rows at distance ldb, k running through (k3, k2, k1) in order;
//       whole vectors are read, so that a panel's last one must be padded:      b(0, 0..NR) b(1, 0..NR) ...
//       With no vectors it is a single column; then row or s1 is 1, and in the latter case so is ldb.
//   c   rows at distance ldc; `cols` of them are written, never read unless `accumulate`
//
// Each element is one chain of FMAs over k: its bits do not depend on the tile it falls into. In a single column whose
// terms stand next to each other (s1 == 1) it is a register of such chains, whose lanes are then added.
template <class T>
struct Tile {
  const T* a;
  dim_t row, k3, s3, k2, s2, k1, s1;
  const T* b;
  dim_t ldb;
  T* c;
  dim_t ldc;
  int rows, cols, vectors;
  const T* bias;  // null: none
  Activation act;
  bool accumulate;
  T* copy;      // not null: b's rows are whole registers, and are left here as a packed panel
  bool stream;  // past the caches: c's rows are aligned, nothing is added and no tanh or sigmoid follows; then fence()
};

constexpr int kMaxVectors = 4;  // registers a panel row may have

template <class T>
struct GemmKernels {
  int lanes;                      // elements a register
  int max_rows[kMaxVectors + 1];  // of a tile with so many vectors, first of a single column; 0: no such tile
  dim_t depth;                    // KC: how much of a sum one tile adds up before it visits C
  void (*tile)(const Tile<T>&);
  void (*fence)();  // after tiles that stream
  // out[k * width + j] = src[k * stride_k + j * stride_j], j < n <= width, zeros up to width. One stride is 1.
  void (*pack)(const T* src, dim_t stride_k, dim_t stride_j, dim_t k, dim_t n, T* out, dim_t width);
  // y[j] = act(bias[j] + sum_k x[k * incx] b[k * ldb + j]), or += without bias and act.
  void (*axpy_rows)(dim_t k, dim_t n, const T* x, dim_t incx, const T* b, dim_t ldb, T* y, const T* bias,
                    bool accumulate);
  // y[j] = bias[j] + dot(x, b + j * ldb) over k contiguous elements, or += without bias, j < n.
  void (*dot_rows)(dim_t k, dim_t n, const T* x, const T* b, dim_t ldb, T* y, const T* bias, bool accumulate);
  // y = act(y);  dz = dy * act'(y), from the output alone.
  void (*activate)(T* y, dim_t n, Activation act);
  void (*activation_gradient)(const T* y, const T* dy, T* dz, dim_t n, Activation act);
};

}  // namespace lamina
