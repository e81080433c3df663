// Integers that pick rows or classes, and the error that names a wrong one.
#pragma once
#include <cstdint>
#include <string>

#include "core/types.h"

namespace lamina {

constexpr int kMaxIndexRank = 8;

// Integers of one of two widths, with the shape that messages name positions in.
struct Indices {
  const void* data;
  bool wide;  // int64, else int32
  dim_t n;
  int rank;
  dim_t shape[kMaxIndexRank];
  std::int64_t operator[](dim_t i) const {
    return wide ? static_cast<const std::int64_t*>(data)[i] : static_cast<const std::int32_t*>(data)[i];
  }
};

// The place of the first integer outside 0..limit-1, or -1.
dim_t first_outside(const Indices& indices, dim_t limit);
// " at [3, 5]"
std::string describe_place(const Indices& indices, dim_t place);
// "index 70 at [3, 5] is outside 0..64"
std::string describe_outside(const Indices& indices, dim_t place, dim_t limit, const char* what);

}  // namespace lamina
