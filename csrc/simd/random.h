// The random numbers of core/rng.h for a register of indices at once.
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
  return (WideWords)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(b));
#elif defined(__AVX2__)
  return (WideWords)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
#elif defined(__x86_64__)
  return (WideWords)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(b));
#else
  return ((WideWords)a & 0xffffffffu) * std::uint64_t(b);
#endif
}

LAMINA_INLINE void multiply_wide(Words a, std::uint32_t b, Words& low, Words& high) {
  const WideWords even = multiply_even(a, b), odd = multiply_even((Words)((WideWords)a >> 32), b);
  const WideWords upper = WideWords{} + 0xffffffff00000000u;
  low = (Words)((even & ~upper) | (odd << 32));
  high = (Words)((even >> 32) | (odd & upper));
}

// philox(key, counter, index) of each lane; its index is high * 2^32 + low.
LAMINA_INLINE PhiloxWords philox_words(std::uint64_t key, std::uint64_t counter, Words low, Words high) {
  Words c0 = low, c1 = high;
  Words c2 = Words{} + static_cast<std::uint32_t>(counter), c3 = Words{} + static_cast<std::uint32_t>(counter >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    Words low0, high0, low1, high1;
    multiply_wide(c0, 0xD2511F53u, low0, high0);
    multiply_wide(c2, 0xCD9E8D57u, low1, high1);
    c0 = high1 ^ c1 ^ k0;
    c2 = high0 ^ c3 ^ k1;
    c1 = low1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
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
