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
LAMINA_INLINE void clear_tile() {
  asm volatile("tilezero %%tmm%c0" ::"n"(R));
}
template <int R>
LAMINA_INLINE void load_tile(const void* p, dim_t row) {  // row: bytes from one to the next
  asm volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"n"(R), "r"(p), "r"(row) : "memory");
}
template <int R>
LAMINA_INLINE void store_tile(void* p, dim_t row) {
  asm volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"n"(R), "r"(p), "r"(row) : "memory");
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
