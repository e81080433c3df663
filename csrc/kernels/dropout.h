// Dropout: y = x / (1 - rate) where a random word is large enough, else 0.
#pragma once
#include <cstdint>

#include "core/types.h"

namespace lamina {

// Element e of a tensor is decided by one word of philox(key, counter, index). 64 elements share 16 indices, so that
// registers of 4, 8 and 16 words draw the same numbers:   e = 64 b + 16 w + l   ->   word w of index 16 b + l
constexpr dim_t kDropoutBlock = 64;

template <class T>
struct DropoutKernels {
  // Elements [64 block, 64 block + n) of a tensor; x and y point at the first of them. An element stays if its word is
  // at least `threshold`. `stream` writes past the caches, if y is aligned.
  void (*dropout)(const T* x, T* y, dim_t block, dim_t n, std::uint64_t key, std::uint64_t counter,
                  std::uint32_t threshold, T scale, bool accumulate, bool stream);
};

}  // namespace lamina
