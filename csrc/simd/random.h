// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) for a register of
// indices at once: random numbers as a function of (key, counter, element index), so that they depend on no order and
// no number of threads.
#pragma once
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

typedef std::uint32_t Words __attribute__((vector_size(kVectorBytes)));
typedef std::uint64_t WideWords __attribute__((vector_size(kVectorBytes)));
constexpr int kWords = kVectorBytes / 4;

struct PhiloxWords {
  Words v[4];
};

// 64-bit products of the even lanes.
LAMINA_INLINE WideWords multiply_even(Words a, std::uint32_t b) {
#if defined(__AVX512F__)
  return (WideWords)_mm512_maskz_mul_epu32(0xff, (__m512i)a, _mm512_set1_epi64(b));  // gcc 12 warns of the plain one
#elif defined(__AVX2__)
  return (WideWords)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
#elif defined(__x86_64__)
  return (WideWords)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(b));
#else
  return ((WideWords)a & 0xffffffffu) * std::uint64_t(b);
#endif
}

// Half of the lanes, each in 64 bits of which the low 32 count: a product's halves then need one shift and no shuffle.
struct PhiloxHalf {
  WideWords c0, c1, c2, c3;
  LAMINA_INLINE void round(std::uint32_t k0, std::uint32_t k1) {
    const WideWords p0 = multiply_even((Words)c0, 0xD2511F53u), p1 = multiply_even((Words)c2, 0xCD9E8D57u);
    c0 = (p1 >> 32) ^ c1 ^ std::uint64_t(k0);
    c2 = (p0 >> 32) ^ c3 ^ std::uint64_t(k1);
    c1 = p1;
    c3 = p0;
  }
};
LAMINA_INLINE Words interleave(WideWords even, WideWords odd) {
  return (Words)((even & (WideWords{} + 0xffffffffu)) | (odd << 32));
}

// philox(key, counter, index) of each lane; its index is high * 2^32 + low.
LAMINA_INLINE PhiloxWords philox_words(std::uint64_t key, std::uint64_t counter, Words low, Words high) {
  const WideWords c2 = WideWords{} + (counter & 0xffffffffu), c3 = WideWords{} + (counter >> 32);
  PhiloxHalf even{(WideWords)low, (WideWords)high, c2, c3}, odd{(WideWords)low >> 32, (WideWords)high >> 32, c2, c3};
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
#pragma GCC unroll 10
  for (int i = 0; i < 10; i++) {
    even.round(k0, k1);
    odd.round(k0, k1);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{interleave(even.c0, odd.c0), interleave(even.c1, odd.c1), interleave(even.c2, odd.c2),
           interleave(even.c3, odd.c3)}};
}

// 0, 1, 2 ... in the lanes, and the carry of adding to a low word.
LAMINA_INLINE Words lane_numbers() {
  Words v{};
  for (int i = 0; i < kWords; i++) v[i] = i;
  return v;
}
LAMINA_INLINE void add_index(Words& low, Words& high, std::uint32_t n) {
  low += n;
  high -= (Words)(low < n);  // a comparison gives -1
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
