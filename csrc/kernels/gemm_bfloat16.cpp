#include "kernels/gemm_bfloat16.h"

#include "kernels/tile.h"

#if defined(__AVX512F__)
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

constexpr GemmBfloat16Kernels<float> kKernels{
    .cells = {.lanes = kLanes<float>,
              .max_rows = {kPairRows[0], kPairRows[1], kPairRows[2], kPairRows[3], kPairRows[4]},
              .depth = 384,  // as gemm.cpp's: a panel is of the same bytes
              .tile = tile,
              .fence = [] { stream_fence(); },
              .pack = pack,
              .axpy_rows = nullptr,
              .dot_rows = nullptr,
              .activate = nullptr,
              .activation_gradient = nullptr},
    .round_rows = round_rows};

}  // namespace

const GemmBfloat16Kernels<float>& bfloat16_kernels() { return kKernels; }

}  // namespace LAMINA_ISA
}  // namespace lamina
#endif
