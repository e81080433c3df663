// Tile registers of AMX: eight of up to 16 rows of 64 bytes. Their instructions are text, as intrinsics would ask for
// AMX of the whole file.
#pragma once
#include <cstdint>

#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kTileRows = 16;   // of a register
constexpr int kTileLanes = 16;  // 32-bit lanes of a row of it
constexpr dim_t kTileRow = 64;  // bytes

// Registers 0 to 3 hold sums, 4 rows of a, 5 of b, 6 and 7 those of the last terms, where they are fewer.
constexpr int kLeft = 4, kRight = 5, kLastLeft = 6, kLastRight = 7;

// The shapes that this thread's registers have: rows of a in the lower half, lanes of the last terms in the upper.
constinit thread_local int shapes = 0;

// Gives registers their shapes, if they have others: that takes longer than many a product.
LAMINA_INLINE void shape_tiles(int rows, int last) {
  if (shapes == (rows | last << 16)) return;
  struct alignas(64) {
    std::uint8_t palette = 1, start = 0, reserved[14] = {};
    std::uint16_t bytes[16] = {};
    std::uint8_t rows[16] = {};
  } said;
  for (int i = 0; i < 8; i++) {
    said.bytes[i] = std::uint16_t(i == kLastLeft && last ? 4 * last : kTileRow);
    said.rows[i] = std::uint8_t(i == kRight ? kTileRows : i == kLastRight ? (last ? last : kTileRows) : rows);
  }
  asm volatile("ldtilecfg %0" ::"m"(said));
  shapes = rows | last << 16;
}
void release_tiles() {
  if (shapes) asm volatile("tilerelease");
  shapes = 0;
}

template <int R>
LAMINA_INLINE void load_tile(const void* p, dim_t row) {  // row: bytes from one to the next
  asm volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"n"(R), "r"(p), "r"(row) : "memory");
}

// Sums of I row by J column registers += a . b; a's rows stand a_row bytes apart, those of the next register a_next.
// b's row of registers, b_next apart, is read forth and back, so that one of them serves twice.
template <class Product, int I, int J, int Left, int Right, int n = 0>
LAMINA_INLINE void multiply_tiles(const char* a, dim_t a_row, dim_t a_next, const char* b, dim_t b_row, dim_t b_next) {
  if constexpr (n < I * J) {
    constexpr int i = n / J, j = i % 2 ? J - 1 - n % J : n % J;
    if constexpr (n % J == 0) load_tile<Left>(a + i * a_next, a_row);
    if constexpr (n == 0 || n % J != 0) load_tile<Right>(b + j * b_next, b_row);
    Product::template add<i * J + j, Left, Right>();
    multiply_tiles<Product, I, J, Left, Right, n + 1>(a, a_row, a_next, b, b_row, b_next);
  }
}
template <int I, int n = 0>
LAMINA_INLINE void clear_tiles() {
  if constexpr (n < I) {
    asm volatile("tilezero %%tmm%c0" ::"n"(n));
    clear_tiles<I, n + 1>();
  }
}
// To I times 16 rows of J registers.
template <int I, int J, int n = 0>
LAMINA_INLINE void store_tiles(void* sums) {
  if constexpr (n < I * J) {
    char* to = static_cast<char*>(sums) + (n / J * kTileRows * J + n % J) * kTileRow;
    asm volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"n"(n), "r"(to), "r"(J * kTileRow) : "memory");
    store_tiles<I, J, n + 1>(sums);
  }
}

// Rows in even parts of at most 16, of which the last one ends where the rows do: one(row, rows, done) for a part, or
// two(row, rows, next, done) for one and another, `next` rows below it. The first `done` rows were there before.
template <bool in_twos, class One, class Two>
LAMINA_INLINE void for_row_tiles(int all, One&& one, Two&& two) {
  const int parts = (all + kTileRows - 1) / kTileRows, rows = (all + parts - 1) / parts;
  auto start = [&](int part) LAMINA_INLINE_LAMBDA { return part + 1 < parts ? part * rows : all - rows; };
  for (int i = 0; i < parts; i++) {
    const int row = start(i), done = i * rows - row;
    if (in_twos && i + 1 < parts) {
      i++;
      two(row, rows, start(i) - row, done);
    } else {
      one(row, rows, done);
    }
  }
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
