// Sums of squares whose terms may overflow or underflow: when to take them once more, scaled.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/types.h"

namespace lamina {

// Whether a sum of n squares has all its digits: none of them overflowed, and those that underflowed count for nothing.
template <class T>
bool is_exact(T sum, dim_t n) {
  using L = std::numeric_limits<T>;
  return sum <= L::max() && sum >= T(n) * (L::min() / L::epsilon());
}

// The power of two that brings a largest element near one, so that its square is an ordinary number.
template <class T>
T scale_of(T largest) {
  if (!(largest > T(0) && largest <= std::numeric_limits<T>::max())) return T(1);
  return std::ldexp(T(1), -std::min(std::ilogb(largest), std::numeric_limits<T>::max_exponent - 2));
}

}  // namespace lamina
