// Errors are raised once, at the boundary of an op, before any work; bind/ turns them into Python's.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

#include "core/types.h"

namespace lamina {

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream s;
  (s << ... << parts);
  return s.str();
}

// ValueError in Python.
template <class... Parts>
void check(bool ok, const Parts&... message) {
  if (!ok) [[unlikely]]
    throw std::invalid_argument(concat(message...));
}

// IndexError in Python.
template <class... Parts>
void check_index(bool ok, const Parts&... message) {
  if (!ok) [[unlikely]]
    throw std::out_of_range(concat(message...));
}

// Products of sizes that would not fit into memory, let alone dim_t.
inline dim_t checked_product(std::initializer_list<dim_t> sizes) {
  dim_t n = 1;
  for (dim_t s : sizes)
    check(!__builtin_mul_overflow(n, s, &n) && n < (dim_t(1) << 46), "the product of sizes overflows");
  return n;
}

}  // namespace lamina
