#include "kernels/dropout.h"

#include "kernels/table.h"
#include "simd/random.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

LAMINA_INLINE void draw_block(dim_t block, std::uint64_t key, std::uint64_t counter, std::uint32_t* words) {
  const std::uint64_t first = std::uint64_t(block) * 16;
#pragma GCC unroll 4
  for (int l = 0; l < 16; l += kWords) {
    // 16 b + l never carries into the high word within a register
    const Words low = lane_numbers() + static_cast<std::uint32_t>(first + l);
    const Words high = Words{} + static_cast<std::uint32_t>(first >> 32);
    const PhiloxWords r = philox_words(key, counter, low, high);
    for (int w = 0; w < 4; w++) __builtin_memcpy(words + 16 * w + l, &r.v[w], sizeof(Words));
  }
}

template <class T>
void dropout(const T* x, T* y, dim_t block, dim_t n, std::uint64_t key, std::uint64_t counter, std::uint32_t threshold,
             T scale, bool accumulate) {
  alignas(64) std::uint32_t words[kDropoutBlock];
  for (dim_t i = 0; i < n; i += kDropoutBlock, block++) {
    draw_block(block, key, counter, words);
    const dim_t m = n - i < kDropoutBlock ? n - i : kDropoutBlock;
    if (accumulate)
      for (dim_t j = 0; j < m; j++) y[i + j] += words[j] >= threshold ? x[i + j] * scale : T(0);
    else
      for (dim_t j = 0; j < m; j++) y[i + j] = words[j] >= threshold ? x[i + j] * scale : T(0);
  }
}

template <class T>
void fill(DropoutKernels<T>& k) {
  k.dropout = dropout<T>;
}

}  // namespace

void fill_dropout(Kernels<float>& f, Kernels<double>& d) {
  fill(f.dropout);
  fill(d.dropout);
}

}  // namespace LAMINA_ISA
}  // namespace lamina
