// Rows of a table to which very many rows are added: their float sums are kept in parts, and those in double, so that
// they keep their digits (one row used 10^6 times lost half of them).
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/pool.h"
#include "core/types.h"
#include "ops/indices.h"

namespace lamina {

// Which rows the indices name often, found by looking at every 64th: a row that is used some 4,000 times is in the set,
// one that is used 1,000 times hardly ever. Empty for few indices. Depends on the indices alone.
class FrequentRows {
 public:
  // Negative indices count from the end of `limit` rows.
  FrequentRows(const Indices& indices, dim_t limit);
  dim_t count() const { return count_; }
  // The number in the set of the row that index j names, or -1. Only where count() > 0.
  dim_t number(dim_t j) const { return (*numbers_)[j]; }
  // The row of number i.
  dim_t operator[](dim_t i) const { return rows_[i]; }

 private:
  dim_t samples_, count_ = 0;
  Scratch<dim_t> rows_;
  std::optional<Scratch<std::int32_t>> numbers_;
};

// The sums of the rows of such a set, of n elements each: in T for some rows, then in double.
template <class T>
class FrequentSums {
 public:
  // After so many rows, flush().
  static constexpr dim_t kPart = 4096;

  FrequentSums(dim_t rows, dim_t n) : size_(rows * n), n_(n), parts_(size_), sums_(size_) {
    std::fill_n(parts_.get(), size_, T(0));
    std::fill_n(sums_.get(), size_, 0.0);
  }
  // Where the next row is added: to the part of number i, or, where i is -1, to `other`. Without a branch,
  // since it cannot be predicted which of the two it is: with one, the sums took twice the time.
  T* part(dim_t i, T* other) {
    const auto mine = reinterpret_cast<std::uintptr_t>(parts_ + i * n_),
               theirs = reinterpret_cast<std::uintptr_t>(other);
    const auto none = static_cast<std::uintptr_t>(i >> 63);  // all bits of -1
    return reinterpret_cast<T*>((mine & ~none) | (theirs & none));
  }
  void flush() {
    for (dim_t j = 0; j < size_; j++) sums_[j] += double(parts_[j]), parts_[j] = T(0);
  }
  // y += the sum of number i, flushed.
  void add_to(dim_t i, T* y) const {
    for (dim_t j = 0; j < n_; j++) y[j] = T(double(y[j]) + sums_[i * n_ + j]);
  }

 private:
  const dim_t size_, n_;
  Scratch<T> parts_;
  Scratch<double> sums_;
};

}  // namespace lamina
