// Sums of products of bytes, by what the instruction set has:
//
//   v4 with AMX    tdpbusd, of tile registers: the same bytes as
//   v4 with VNNI   vpdpbusd, four products a lane; its left bytes have no sign, so that 128 is added to them and 128
//                  times the sum of the column taken off
//   v4, v3         vpmaddubsw and vpmaddwd: |b| times a with the sign of b; two such products fit into 16 bits
//   others         plain loops
#include "kernels/gemm_int8.h"

#include "simd/math.h"
#if defined(__AVX512F__)
#include "kernels/amx.h"
#endif

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr float kLargest = 127;

LAMINA_INLINE IntVec<float> nearest(Vec<float> v) {
#if defined(__AVX512F__)
  return (IntVec<float>)_mm512_maskz_cvtps_epi32(__mmask16(-1), (__m512)v);
#elif defined(__AVX2__)
  return (IntVec<float>)_mm256_cvtps_epi32((__m256)v);
#elif defined(__x86_64__)
  return (IntVec<float>)_mm_cvtps_epi32((__m128)v);
#else
  IntVec<float> n;
  for (int i = 0; i < kLanes<float>; i++) n[i] = static_cast<std::int32_t>(__builtin_nearbyintf(v[i]));
  return n;
#endif
}

// The bits of |x| as integers are ordered as |x| is, and those of NaN are the largest.
float largest(const float* x, dim_t n) {
  IntVec<float> most[4] = {};
  constexpr int W = kLanes<float>;
  auto take = [](IntVec<float>& m, Vec<float> v) LAMINA_INLINE_LAMBDA {
    const IntVec<float> bits = (IntVec<float>)vabs<float>(v);
    m = bits > m ? bits : m;
  };
  dim_t i = 0;
  for (; i + 4 * W <= n; i += 4 * W)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) take(most[j], load(x + i + j * W));
  for_lanes<float>(n - i, [&](dim_t k, int l) LAMINA_INLINE_LAMBDA { take(most[0], get(x + i + k, l)); });
  std::int32_t all = 0;
  for (auto& m : most)
    for (int j = 0; j < W; j++) all = m[j] > all ? m[j] : all;
  float value;
  __builtin_memcpy(&value, &all, sizeof value);
  return value;
}

template <int offset>
void quantize(const float* x, dim_t n, float scale, std::uint8_t* q) {
  dim_t done = 0;
#if defined(__AVX512F__)  // 64 at once: 0.6 of the time of bytes made 16 by 16
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  for (; done + 64 <= n; done += 64) {
    __m512i v[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) v[j] = (__m512i)nearest(load(x + done + 16 * j) * scale);
    const __m512i low = _mm512_packs_epi32(v[0], v[1]), high = _mm512_packs_epi32(v[2], v[3]);
    const __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high));
    _mm512_storeu_si512(q + done, _mm512_xor_si512(bytes, _mm512_set1_epi8(char(offset))));  // + offset, without carry
  }
#endif
  for_lanes<float>(n - done, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    store_bytes(q + done + i, (nearest(get(x + done + i, l) * scale) + offset) & 255, l);
  });
}

template <int offset>
void quantize_row(const float* x, dim_t n, dim_t padded, float epsilon, std::uint8_t* q, float* step) {
  const float most = largest(x, n) + epsilon, scale = kLargest / most;
  *step = 1 / scale;
  quantize<offset>(x, n, scale, q);
  for (dim_t i = n; i < padded; i++) q[i] = offset;
}

void gather(const Int8Windows& w) {
  constexpr dim_t kLine = kOvershoot + 1;
  const dim_t bytes = w.bytes, pieces = w.pieces, rows = w.rows, step = w.step, row = w.row;
  for (dim_t p = 0; p < pieces; p++)
    for (dim_t k = 0; k < bytes; k += kLine) {
      const std::uint8_t* x = w.x + w.offset[p] + k;
      std::uint8_t* q = w.q + p * bytes + k;
      for (dim_t i = 0; i < rows; i++, x += step, q += row) __builtin_memcpy(q, x, kLine);
    }
}

// Integer sums, rows of `strips` times 16 columns, become results. `plain`: nothing is added, nothing cut off.
// `raised`: 128 times the sums of columns are still to be taken off.
template <bool plain, bool raised>
LAMINA_INLINE void deliver_rows(const Int8Tile& t, const std::int32_t* sums) {
  constexpr int W = kLanes<float>;
  const float *column_step = t.column_step, *bias = t.bias;
  [[maybe_unused]] const std::int32_t* column_sums = t.column_sums;
  const bool accumulate = t.accumulate, relu = t.relu;
  const dim_t cols = t.cols, width = t.strips * kStrip, ldc = t.ldc;
  float* c = t.c;
  for (int i = 0; i < t.rows; i++, sums += width, c += ldc) {
    const float row_step = t.row_step[i];
    for_lanes<float>(cols, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      IntVec<float> s;
      __builtin_memcpy(&s, sums + j, W * 4);  // whole strips are there
      if constexpr (raised) {
        IntVec<float> column;
        __builtin_memcpy(&column, column_sums + j, W * 4);
        s -= column << 7;
      }
      Vec<float> v = __builtin_convertvector(s, Vec<float>) * (row_step * get(column_step + j, l));
      // Nothing is added before this is rounded: not everybody has fused additions.
#if defined(__aarch64__)
      asm("" : "+w"(v));
#else
      asm("" : "+x"(v));
#endif
      if constexpr (!plain) {
        if (bias) v += get(bias + j, l);
        if (accumulate) v += get(c + j, l);
        if (relu) v = vmax<float>(v, Vec<float>{});
      }
      put<float>(c + j, v, l);
    });
  }
}

template <bool raised = false>
void deliver(const Int8Tile& t, const std::int32_t* sums) {
  !t.bias && !t.accumulate && !t.relu ? deliver_rows<true, raised>(t, sums) : deliver_rows<false, raised>(t, sums);
}

#if defined(__AVX512F__)

constexpr int kVnniRows = 6;  // 24 sums, 4 registers of b and one of a fit into 32

// VNNI is no part of x86-64-v4.
#define LAMINA_VNNI __attribute__((target("avx512vnni")))

template <int R, int S>
LAMINA_VNNI void vnni_of(const Int8Tile& t) {
  constexpr int kBases = (R + 3) / 4;
  __m512i r[R][S];
#pragma GCC unroll 8
  for (int j = 0; j < S; j++) {
    r[0][j] = (__m512i)((IntVec<float>)_mm512_loadu_si512(t.column_sums + j * kStrip) * -128);
#pragma GCC unroll 8
    for (int i = 1; i < R; i++) r[i][j] = r[0][j];
  }
  const dim_t row = t.row, strip = t.strip;
  dim_t row3 = 3 * row, strip3 = 3 * strip;
  asm("" : "+r"(row3), "+r"(strip3));
  const std::uint8_t* a[kBases];
#pragma GCC unroll 4
  for (int i = 0; i < kBases; i++) a[i] = t.a + 4 * i * row;
  const std::int8_t *b = t.b, *b4 = t.b + 4 * strip;
  for (dim_t k = 0; k < t.quads; k++, b += kStripQuad, b4 += kStripQuad) {
    __m512i bv[S];
#pragma GCC unroll 8
    for (int j = 0; j < S; j++) bv[j] = _mm512_loadu_si512((j < 4 ? b : b4) + (j % 4 == 3 ? strip3 : j % 4 * strip));
#pragma GCC unroll 8
    for (int i = 0; i < R; i++) {
      std::int32_t four;
      __builtin_memcpy(&four, a[i / 4] + (i % 4 == 3 ? row3 : i % 4 * row), 4);
      const __m512i av = _mm512_set1_epi32(four);
#pragma GCC unroll 8
      for (int j = 0; j < S; j++) r[i][j] = _mm512_dpbusd_epi32(r[i][j], av, bv[j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < kBases; i++) a[i] += kQuad;
  }
  alignas(64) std::int32_t sums[R * S * kStrip];
#pragma GCC unroll 8
  for (int i = 0; i < R; i++)
#pragma GCC unroll 8
    for (int j = 0; j < S; j++) _mm512_store_si512(sums + (i * S + j) * kStrip, r[i][j]);
  deliver(t, sums);
}

template <int S, int R>
LAMINA_VNNI void vnni_rows(const Int8Tile& t) {
  if constexpr (R > 0) t.rows == R ? vnni_of<R, S>(t) : vnni_rows<S, R - 1>(t);
}

void vnni(const Int8Tile& t) {
  switch (t.strips) {
    case 1: return vnni_rows<1, kVnniRows>(t);
    case 2: return vnni_rows<2, kVnniRows>(t);
    case 4: return vnni_rows<4, kVnniRows>(t);
    case 8: return vnni_rows<8, 2>(t);
  }
}

struct ByteProduct {
  template <int To, int Left, int Right>
  static LAMINA_INLINE void add() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"n"(To), "n"(Left), "n"(Right));
  }
};

// I times `rows` rows from `row` on, the second `next` below the first; J strips from `strip` on. The first `done` rows
// are there already.
template <int I, int J>
void large_sums(const Int8Tile& t, int row, int rows, int next, int done, int strip) {
  const char *a = reinterpret_cast<const char*>(t.a) + row * t.row,
             *b = reinterpret_cast<const char*>(t.b) + strip * t.strip;
  const dim_t whole = t.quads / kTileRows, last = t.quads % kTileRows, a_next = next * t.row;
  alignas(64) std::int32_t sums[I * kTileRows * J * kStrip];
  shape_tiles(rows, int(last));
  clear_tiles<I * J>();
  for (dim_t k = 0; k < whole; k++, a += kTileRow, b += kTileRows * kStripQuad)
    multiply_tiles<ByteProduct, I, J, kLeft, kRight>(a, t.row, a_next, b, kStripQuad, t.strip);
  if (last) multiply_tiles<ByteProduct, I, J, kLastLeft, kLastRight>(a, t.row, a_next, b, kStripQuad, t.strip);
  store_tiles<I, J>(sums);
  Int8Tile part = t;
  const int column = strip * kStrip;
  part.column_sums += column;
  part.column_step += column;
  if (t.bias) part.bias += column;
  part.strips = J;
  part.cols = t.cols - column < J * kStrip ? t.cols - column : J * kStrip;
  for (int i = 0; i < I; i++) {
    const int first = i == 0 ? done : rows - next, from = row + i * next + first;
    const std::int32_t* s = sums + (i * kTileRows + first) * J * kStrip;
    part.rows = rows - first;
    part.c = t.c + from * t.ldc + column;
    part.row_step = t.row_step + from;
    deliver<true>(part, s);
  }
}

template <int J>
void large_rows(const Int8Tile& t, int strip) {
  for_row_tiles<J <= 2>(
      t.rows,
      [&](int row, int rows, int done) LAMINA_INLINE_LAMBDA { large_sums<1, J>(t, row, rows, rows, done, strip); },
      [&](int row, int rows, int next, int done) LAMINA_INLINE_LAMBDA {
        if constexpr (J <= 2) large_sums<2, J>(t, row, rows, next, done, strip);
      });
}

void large_tile(const Int8Tile& t) {
  if (t.rows == 1) return vnni(t);  // which all that have tiles have: 3.4 us of 512 x 512 in place of 4.4
  const int most = t.rows <= kTileRows ? 4 : 2;
  for (int s = 0; s < t.strips; s += most) switch (t.strips - s < most ? t.strips - s : most) {
      case 1: large_rows<1>(t, s); break;
      case 2: large_rows<2>(t, s); break;
      case 4: large_rows<4>(t, s); break;
    }
}

#endif

#if defined(__AVX2__)

constexpr int kPairRows = 4;

template <int R>
void pairs_of(const Int8Tile& t) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i r[R][2] = {};
  const std::int8_t* b = t.b;
  const std::uint8_t* a = t.a;
  for (dim_t k = 0; k < t.quads; k++, b += kStripQuad, a += kQuad) {
    __m256i bv[2], size[2];
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
      bv[j] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + 32 * j));
      size[j] = _mm256_abs_epi8(bv[j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < R; i++) {
      std::int32_t four;
      __builtin_memcpy(&four, a + i * t.row, 4);
      const __m256i av = _mm256_set1_epi32(four);
#pragma GCC unroll 2
      for (int j = 0; j < 2; j++) {
        const __m256i two = _mm256_maddubs_epi16(size[j], _mm256_sign_epi8(av, bv[j]));
        r[i][j] = _mm256_add_epi32(r[i][j], _mm256_madd_epi16(two, ones));
      }
    }
  }
  alignas(64) std::int32_t sums[R * kStrip];
#pragma GCC unroll 4
  for (int i = 0; i < R; i++)
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) _mm256_store_si256(reinterpret_cast<__m256i*>(sums + i * kStrip + 8 * j), r[i][j]);
  deliver(t, sums);
}

void pairs(const Int8Tile& t) {
  switch (t.rows) {
    case 1: return pairs_of<1>(t);
    case 2: return pairs_of<2>(t);
    case 3: return pairs_of<3>(t);
    case 4: return pairs_of<4>(t);
  }
}

#else

constexpr int kPairRows = 2;

void pairs(const Int8Tile& t) {
  alignas(64) std::int32_t sums[kPairRows * kStrip] = {};
  for (int i = 0; i < t.rows; i++) {
    const std::int8_t* b = t.b;
    const auto* a = reinterpret_cast<const std::int8_t*>(t.a + i * t.row);
    std::int32_t* to = sums + i * kStrip;
    for (dim_t k = 0; k < t.quads; k++, b += kStripQuad, a += kQuad)
      for (int j = 0; j < kStrip; j++)
        for (int l = 0; l < kQuad; l++) to[j] += a[l] * b[kQuad * j + l];
  }
  deliver(t, sums);
}

#endif

void nothing() {}

template <int offset>
constexpr Int8Kernels with_rows(int most, int few, int few_strips, int strips, decltype(Int8Kernels::tile) tile,
                                void (*release)()) {
  Int8Kernels k{most, {}, quantize_row<offset>, tile, largest, quantize<offset>, offset, gather, release};
  for (int i = 0; i <= most; i++) k.strips[i] = i <= few ? few_strips : strips;
  return k;
}
#if defined(__AVX512F__)
constexpr Int8Kernels kTiles = with_rows<128>(kMostInt8Rows, 0, 8, 8, large_tile, release_tiles);
constexpr Int8Kernels kVnni = with_rows<128>(kVnniRows, 2, 8, 4, vnni, nothing);
#endif
constexpr Int8Kernels kPairs = with_rows<0>(kPairRows, 0, 1, 1, pairs, nothing);

}  // namespace

const Int8Kernels& int8_kernels([[maybe_unused]] bool vnni, [[maybe_unused]] bool tiles) {
#if defined(__AVX512F__)
  if (tiles) return kTiles;
  if (vnni) return kVnni;
#endif
  return kPairs;
}

}  // namespace LAMINA_ISA
}  // namespace lamina
