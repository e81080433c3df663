#include "kernels/gemm_bfloat16.h"

#if defined(__AVX512F__)
#include "kernels/amx.h"
#include "kernels/tile.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// 24 accumulators + 4 of the panel + 1 broadcast; as memory operands broadcasts take twice the time on Zen 4.
constexpr int kPairRows[kMaxVectors + 1] = {0, 16, 13, 8, 6};

// The two instructions of AVX512_BF16, as text: intrinsics would ask for it of the whole file.
struct PairProduct {
  static constexpr bool kCopies = false;
  static LAMINA_INLINE Vec<float> broadcast(const float* s) { return (Vec<float>)_mm512_set1_ps(*s); }
  static LAMINA_INLINE void add(Vec<float>& r, Vec<float> s, Vec<float> b) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(r) : "v"(b), "v"(s));
  }
};
LAMINA_INLINE __m512i rounded(Vec<float> low, Vec<float> high) {  // to nearest, ties to even; 16 + 16 lanes
  __m512i both;
  asm("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both) : "v"(high), "v"(low));
  return both;
}

// The cells of two neighbouring rows, even and odd terms.
LAMINA_INLINE Vec<float> interleaved(Vec<float> even, Vec<float> odd) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (Vec<float>)_mm512_permutexvar_epi16(order, rounded(even, odd));
}
// The cells of up to 32 terms in a row.
LAMINA_INLINE Vec<float> row_cells(const float* src, dim_t terms) {
  constexpr int W = kLanes<float>;
  if (terms >= 2 * W) return (Vec<float>)rounded(load(src), load(src + W));
  const int low = terms < W ? int(terms) : W, high = int(terms) - low;
  return (Vec<float>)rounded(load_part(src, low), high ? load_part(src + W, high) : Vec<float>{});
}

void tile(const Tile<float>& t) {
  switch (t.vectors) {
    case 1: return tile_rows<PairProduct, float, 1, 1, kPairRows[1]>(t);
    case 2: return tile_rows<PairProduct, float, 2, 1, kPairRows[2]>(t);
    case 3: return tile_rows<PairProduct, float, 3, 1, kPairRows[3]>(t);
    case 4: return tile_rows<PairProduct, float, 4, 1, kPairRows[4]>(t);
  }
}

void pack(const float* src, dim_t stride_k, dim_t stride_j, dim_t k, dim_t n, float* out, dim_t width) {
  constexpr int W = kLanes<float>;
  if (stride_j == 1) {
    for (dim_t p = 0; p < k; p += 2, src += 2 * stride_k, out += width)
      for (dim_t j = 0; j < width; j += W) {
        const int room = int(width - j < W ? width - j : W), l = n - j < room ? (n > j ? int(n - j) : 0) : room;
        __builtin_prefetch(src + kAhead * stride_k + j);
        __builtin_prefetch(src + (kAhead + 1) * stride_k + j);
        const Vec<float> even = get(src + j, l), odd = p + 1 < k ? get(src + stride_k + j, l) : Vec<float>{};
        put<float>(out + j, interleaved(even, odd), room);
      }
    return;
  }
  for (dim_t j = 0; j < width; j += W) {
    const int columns = int(n - j < W ? (n - j < 0 ? 0 : n - j) : W), room = int(width - j < W ? width - j : W);
    for (dim_t p = 0; p < k; p += 2 * W) {
      const int cells = int(k - p < 2 * W ? (k - p + 1) / 2 : W);
      Vec<float> v[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; i++) v[i] = i < columns ? row_cells(src + (j + i) * stride_j + p, k - p) : Vec<float>{};
      transpose_round<float, 1>(v);
#pragma GCC unroll 16
      for (int i = 0; i < W; i++)
        if (i < cells) put<float>(out + (p / 2 + i) * width + j, v[i], room);
    }
  }
}

void round_rows(dim_t rows, dim_t k, const float* src, dim_t ld, float* out, dim_t ldo) {
  constexpr int W = kLanes<float>;
  for (dim_t i = 0; i < rows; i++, src += ld, out += ldo) {
    dim_t p = 0;
    for (; p + 2 * W <= k; p += 2 * W) store(out + p / 2, row_cells(src + p, 2 * W));
    if (p < k) store_part(out + p / 2, row_cells(src + p, k - p), int(k - p + 1) / 2);
  }
}

void round_columns(dim_t rows, dim_t lines, dim_t n, const float* src, dim_t line, dim_t ld, float* out, dim_t ldo) {
  constexpr int W = kLanes<float>;
  const dim_t all = lines * ((n + 1) / 2);
  for (dim_t i = 0; i < rows; i += W) {
    const int most = int(rows - i < W ? rows - i : W);
    const float *first = src + i, *even = first;
    dim_t left = n;
    for (dim_t p = 0; p < all; p += W) {
      const int cells = int(all - p < W ? all - p : W);
      Vec<float> v[W];
#pragma GCC unroll 16
      for (int c = 0; c < W; c++) {
        if (c >= cells) {
          v[c] = Vec<float>{};
          continue;
        }
        v[c] = interleaved(get(even, most), left > 1 ? get(even + ld, most) : Vec<float>{});
        even += 2 * ld;
        left -= 2;
        if (left <= 0) {
          left = n;
          even = first += line;
        }
      }
      transpose_round<float, 1>(v);
#pragma GCC unroll 16
      for (int r = 0; r < W; r++)
        if (r < most) put<float>(out + (i + r) * ldo + p, v[r], cells);
    }
  }
}

// ---- tile registers: 16 rows of 16 cells ----

constexpr int kMostTileRows = 64;  // of a Tile: four registers of rows

struct CellProduct {
  template <int To, int Left, int Right>
  static LAMINA_INLINE void add() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"n"(To), "n"(Left), "n"(Right));
  }
};
template <int I, int J, int Left, int Right>
LAMINA_INLINE void multiply(const float* a, dim_t a_row, dim_t a_next, const float* b, dim_t b_row) {
  constexpr dim_t size = sizeof(float);
  multiply_tiles<CellProduct, I, J, Left, Right>(reinterpret_cast<const char*>(a), a_row * size, a_next * size,
                                                 reinterpret_cast<const char*>(b), b_row * size, kTileRow);
}

// I x J registers of C: `rows` rows from `row` on and, `next` below them, as many again; columns from `column` on. The
// first `done` rows are there already.
template <int I, int J>
void sums_of(const Tile<float>& t, int row, int rows, int next, int done, int column) {
  constexpr int W = kTileLanes;
  const dim_t whole = t.k1 / W * W, last = t.k1 - whole;
  const float* b = t.b + column;
  alignas(64) float sums[I * kTileRows * J * W];
  shape_tiles(rows, int(last));
  clear_tiles<I * J>();
  for (dim_t i3 = 0; i3 < t.k3; i3++)
    for (dim_t i2 = 0; i2 < t.k2; i2++) {
      const float* a = t.a + i3 * t.s3 + i2 * t.s2 + row * t.row;
      const dim_t a_next = next * t.row;
      for (dim_t k = 0; k < whole; k += W, b += W * t.ldb)
        multiply<I, J, kLeft, kRight>(a + k, t.row, a_next, b, t.ldb);
      if (last) multiply<I, J, kLastLeft, kLastRight>(a + whole, t.row, a_next, b, t.ldb);
      b += last * t.ldb;
    }
  store_tiles<I, J>(sums);
  const int cols = t.cols - column < J * W ? t.cols - column : J * W;
  const bool relu = t.act == Activation::relu;
  for (int i = 0; i < I; i++)
    for (int r = i == 0 ? done : rows - next; r < rows; r++) {
      const float* s = sums + (i * kTileRows + r) * J * W;
      float* c = t.c + (row + i * next + r) * t.ldc + column;
      for (int j = 0; j < cols; j += W) {
        const int l = cols - j < W ? cols - j : W;
        Vec<float> v = load(s + j);
        if (t.bias) v += get(t.bias + column + j, l);
        if (t.accumulate) v += get(c + j, l);
        if (relu) v = vmax<float>(v, Vec<float>{});
        put<float>(c + j, v, l, t.stream);
      }
    }
}

// All rows, J registers of columns.
template <int J>
void sums_of_rows(const Tile<float>& t, int column) {
  for_row_tiles<J <= 2>(
      t.rows,
      [&](int row, int rows, int done) LAMINA_INLINE_LAMBDA { sums_of<1, J>(t, row, rows, rows, done, column); },
      [&](int row, int rows, int next, int done) LAMINA_INLINE_LAMBDA {
        if constexpr (J <= 2) sums_of<2, J>(t, row, rows, next, done, column);
      });
}

void large_tile(const Tile<float>& t) {
  const bool low = t.rows <= kTileRows;
  switch (t.vectors) {
    case 1: sums_of_rows<1>(t, 0); break;
    case 2: sums_of_rows<2>(t, 0); break;
    case 3:
      if (low) {
        sums_of_rows<3>(t, 0);
      } else {
        sums_of_rows<2>(t, 0);
        sums_of_rows<1>(t, 2 * kTileLanes);
      }
      break;
    case 4:
      if (low) {
        sums_of_rows<4>(t, 0);
      } else {
        sums_of_rows<2>(t, 0);
        sums_of_rows<2>(t, 2 * kTileLanes);
      }
  }
  if (t.act == Activation::tanh || t.act == Activation::sigmoid)
    for (int i = 0; i < t.rows; i++) activate(t.c + i * t.ldc, t.cols, t.act);
}

// The depths are of panels of some 100 KiB, as gemm.cpp's, and of half of that, which L1 holds beside rows of a.
constexpr GemmBfloat16Kernels<float> kernels_with(void (*tile)(const Tile<float>&), const int (&rows)[kMaxVectors + 1],
                                                  dim_t depth, void (*release)()) {
  return {.cells = {.lanes = kLanes<float>,
                    .max_rows = {rows[0], rows[1], rows[2], rows[3], rows[4]},
                    .depth = depth,
                    .tile = tile,
                    .fence = [] { stream_fence(); },
                    .pack = pack,
                    .axpy_rows = nullptr,
                    .dot_rows = nullptr,
                    .activate = nullptr,
                    .activation_gradient = nullptr},
          .round_rows = round_rows,
          .round_columns = round_columns,
          .tiles = tile == large_tile,
          .release = release};
}
constexpr int kLargeRows[kMaxVectors + 1] = {0, kMostTileRows, kMostTileRows, kMostTileRows, kMostTileRows};
constexpr GemmBfloat16Kernels<float> kRegisters = kernels_with(tile, kPairRows, 384, [] {});
constexpr GemmBfloat16Kernels<float> kTiles = kernels_with(large_tile, kLargeRows, 192, release_tiles);

}  // namespace

const GemmBfloat16Kernels<float>& bfloat16_kernels(bool tiles) { return tiles ? kTiles : kRegisters; }

}  // namespace LAMINA_ISA
}  // namespace lamina
#endif
