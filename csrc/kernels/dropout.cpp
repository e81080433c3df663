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

// All bits of lane j set where words[j] >= threshold.
template <class T>
LAMINA_INLINE IntVec<T> kept(const std::uint32_t* words, std::uint32_t threshold) {
  typedef std::uint32_t Lanes __attribute__((vector_size(kLanes<T> * 4)));
  Lanes v;
  __builtin_memcpy(&v, words, sizeof v);
  return __builtin_convertvector(v >= threshold, IntVec<T>);
}

template <class T>
void dropout(const T* x, T* y, dim_t block, dim_t n, std::uint64_t key, std::uint64_t counter, std::uint32_t threshold,
             T scale, bool accumulate, bool stream) {
  stream = stream && !accumulate && vector_aligned(y);
  alignas(64) std::uint32_t words[kDropoutBlock];
  for (dim_t i = 0; i < n; i += kDropoutBlock, block++) {
    draw_block(block, key, counter, words);
    for_lanes<T>(n - i < kDropoutBlock ? n - i : kDropoutBlock, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      Vec<T> v = select<T>(kept<T>(words + j, threshold), get(x + i + j, l) * scale, Vec<T>{});
      if (accumulate) v += get(y + i + j, l);
      put<T>(y + i + j, v, l, stream);
    });
  }
  if (stream) stream_fence();
}

template <class T>
void fill(DropoutKernels<T>& k) {
  k.dropout = dropout<T>;
}

}  // namespace

LAMINA_FILL(dropout)

}  // namespace LAMINA_ISA
}  // namespace lamina
