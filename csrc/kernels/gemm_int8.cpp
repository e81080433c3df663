// Sums of products of bytes, by what the instruction set has:
//
//   v4 with VNNI   vpdpbusd, four products a lane; its left bytes have no sign, so that 128 is added to them and 128
//                  times the sum of the column taken off
//   v4, v3         vpmaddubsw and vpmaddwd: |b| times a with the sign of b; two such products fit into 16 bits
//   others         plain loops
#include "kernels/gemm_int8.h"

#include "simd/math.h"

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
void quantize_row(const float* x, dim_t n, dim_t padded, float epsilon, std::uint8_t* q, float* step) {
  const float most = largest(x, n) + epsilon, scale = kLargest / most;
  *step = 1 / scale;
  for_lanes<float>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    store_bytes(q + i, (nearest(get(x + i, l) * scale) + offset) & 255, l);
  });
  for (dim_t i = n; i < padded; i++) q[i] = offset;
}

// Integer sums, rows of `strips` times 16 columns, become results.
void deliver(const Int8Tile& t, const std::int32_t* sums) {
  constexpr int W = kLanes<float>;
  for (int i = 0; i < t.rows; i++, sums += t.strips * kStrip) {
    float* c = t.c + i * t.ldc;
    const float row_step = t.row_step[i];
    for_lanes<float>(t.cols, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      IntVec<float> s;
      __builtin_memcpy(&s, sums + j, W * 4);  // whole strips are there
      Vec<float> v = __builtin_convertvector(s, Vec<float>) * (row_step * get(t.column_step + j, l));
      // Nothing is added before this is rounded: not everybody has fused additions.
#if defined(__aarch64__)
      asm("" : "+w"(v));
#else
      asm("" : "+x"(v));
#endif
      if (t.bias) v += get(t.bias + j, l);
      if (t.accumulate) v += get(c + j, l);
      if (t.relu) v = vmax<float>(v, Vec<float>{});
      put<float>(c + j, v, l);
    });
  }
}

#if defined(__AVX512F__)

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
    case 1: return vnni_rows<1, kMostInt8Rows>(t);
    case 2: return vnni_rows<2, kMostInt8Rows>(t);
    case 4: return vnni_rows<4, kMostInt8Rows>(t);
    case 8: return vnni_rows<8, 2>(t);
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

#if defined(__AVX512F__)
constexpr Int8Kernels kVnni{kMostInt8Rows, {8, 8, 8, 4, 4, 4, 4}, quantize_row<128>, vnni};
#endif
constexpr Int8Kernels kPairs{kPairRows, {1, 1, 1, 1, 1, 1, 1}, quantize_row<0>, pairs};

}  // namespace

const Int8Kernels& int8_kernels([[maybe_unused]] bool vnni) {
#if defined(__AVX512F__)
  if (vnni) return kVnni;
#endif
  return kPairs;
}

}  // namespace LAMINA_ISA
}  // namespace lamina
