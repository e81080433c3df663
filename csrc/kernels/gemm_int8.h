// Products with int8 weights: rows of floats are quantized to bytes, sums are exact integers, results floats again.
#pragma once
#include "core/cpu.h"
#include "core/types.h"

namespace lamina {

constexpr int kQuad = 4;                      // terms of the sum that stand together, the bytes of a 32-bit lane
constexpr int kStrip = 16;                    // columns of a packed strip, the 32-bit lanes of the widest register
constexpr int kMostInt8Rows = 64;             // of a tile: four tile registers
constexpr int kMostInt8Strips = 8;            // of a tile of one or two rows, else half as many
constexpr dim_t kStripQuad = kStrip * kQuad;  // bytes

// One tile: c[i][j] (+)= bias[j] + row_step[i] * column_step[j] * (sum over k of q[i][k] * b[k][j]); relu.
//
//   a   rows of bytes as quantize_row leaves them, `quads` times four
//   b   strips of 16 columns, `strip` bytes apart; element (k, j) of a strip at  k / 4 * 64 + 4 j + k % 4
//
// All sums are exact, whatever the instruction set; what follows is rounded in one order: the same bits everywhere.
struct Int8Tile {
  const std::uint8_t* a;
  dim_t row, quads;
  const std::int8_t* b;
  dim_t strip;
  const std::int32_t* column_sums;  // of b, whole strips
  const float *row_step, *column_step;
  const float* bias;  // null: none
  float* c;
  dim_t ldc;
  int rows, strips, cols;  // cols: of c, at most 16 * strips
  bool accumulate, relu;
};

// Windows as rows: row i of q is the `pieces` of `bytes` bytes at x + i * step + offset[...], one behind the other. Up
// to kOvershoot bytes are read behind each piece, and written.
constexpr dim_t kOvershoot = 63;
struct Int8Windows {
  const std::uint8_t* x;
  dim_t step;
  const dim_t* offset;
  dim_t pieces, bytes;
  std::uint8_t* q;
  dim_t row, rows;
};

// Not in Kernels<T>: there is no form of them for doubles.
struct Int8Kernels {
  int most_rows;                  // of a tile
  int strips[kMostInt8Rows + 1];  // that a tile of so many rows may have
  // q[k] = round(x[k] * s) + an offset of the instruction set's own, s = 127 / (max |x| + epsilon), halves to even;
  // *step = 1 / s. Bytes up to `padded` stand for zeros.
  void (*quantize_row)(const float* x, dim_t n, dim_t padded, float epsilon, std::uint8_t* q, float* step);
  void (*tile)(const Int8Tile&);
  // The parts of quantize_row, for what shares one scale and stands in pieces: max |x|, NaN where there is one; and
  // bytes by a given s. `zero` is the byte of a zero.
  float (*largest)(const float* x, dim_t n);
  void (*quantize)(const float* x, dim_t n, float s, std::uint8_t* q);
  std::uint8_t zero;
  void (*gather)(const Int8Windows&);
  void (*release)();  // after the last tile of a thread's part: gives back what tiles occupy
};

// What is no part of an instruction set, but the host has.
#define LAMINA_DECLARE_INT8(isa)                          \
  namespace isa {                                         \
  const Int8Kernels& int8_kernels(bool vnni, bool tiles); \
  }
#if defined(__x86_64__)
LAMINA_DECLARE_INT8(v2)
LAMINA_DECLARE_INT8(v3)
LAMINA_DECLARE_INT8(v4)
#else
LAMINA_DECLARE_INT8(neon)
#endif

// Those of the instruction set in use.
const Int8Kernels& int8_kernels();

}  // namespace lamina
