// Products of operands that are rounded to bfloat16 (a float32 without its last 16 bits), summed in float32.
//
// A cell is a T that holds two bfloat16, terms k and k + 1 of a sum, the first in its lower half. Matrices of cells are
// matrices of T with half as many terms, so that the drivers of the register tile know nothing of pairs.
#pragma once
#include "kernels/gemm.h"

namespace lamina {

// Not in Kernels<T>: one instruction set has them, and there is no form of them for doubles.
template <class T>
struct GemmBfloat16Kernels {
  // lanes, max_rows, depth (in cells), fence; tile, whose a and b are cells, those of a row of a next to each other,
  // and c is T (without Tile::copy); and pack, which rounds: out[k / 2 * width + j] holds src's terms k and k + 1, a
  // zero behind an odd last one, j < n <= width. Null where the instruction set has no such product. Values below the
  // smallest normal float32 are zeros.
  GemmKernels<T> cells;
  // out[i * ldo + k / 2] = terms k and k + 1 of row i of src, whose k elements stand next to each other.
  void (*round_rows)(dim_t rows, dim_t k, const T* src, dim_t ld, T* out, dim_t ldo);
  // The same of src's columns, line by line: term k of line l of row i stands at src[i + l * line + k * ld], k < n.
  // Behind an odd n stands a zero.
  void (*round_columns)(dim_t rows, dim_t lines, dim_t n, const T* src, dim_t line, dim_t ld, T* out, dim_t ldo);
  // Whether registers are whole tiles: then no transform of the operands, such as Winograd's, saves time.
  bool tiles;
  // After a thread's tiles: nothing of them is left for the system to save.
  void (*release)();
};

#if defined(__x86_64__)
namespace v4 {
const GemmBfloat16Kernels<float>& bfloat16_kernels(bool tiles);  // with the tile registers of AMX
}
#endif

// Those of the instruction set in use.
template <class T>
const GemmBfloat16Kernels<T>& bfloat16_kernels();
template <>
const GemmBfloat16Kernels<float>& bfloat16_kernels();
template <>
const GemmBfloat16Kernels<double>& bfloat16_kernels();

}  // namespace lamina
