// Rows of a table to which very many rows are added: their float sums are kept in parts, and those in double, so that
// they keep their digits (one row used 10^6 times lost half of them).
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/pool.h"
#include "core/types.h"
#include "ops/indices.h"

namespace lamina {

// Which rows the indices name often, found by looking at every 16th: a row that is used a thousand times or more is in
// the set, one that is used less than a hundred times hardly ever. Empty for few indices. Depends on the indices alone.
class FrequentRows {
 public:
  // Negative indices count from the end of `limit` rows.
  FrequentRows(const Indices& indices, dim_t limit);
  dim_t count() const { return count_; }
  // The number of a row in the set, or -1.
  dim_t find(dim_t row) const {
    if (direct_) return std::max(places_[row], -1);
    if (!(seen_[row >> 6 & words_] >> (row & 63) & 1)) return -1;
    for (dim_t at = slot(row);; at = (at + 1) & mask_) {
      if (keys_[at] == row) return places_[at];
      if (keys_[at] < 0) return -1;
    }
  }
  // Before find(row): the address that it gives is known in time.
  void prefetch(dim_t row) const {
    if (direct_) __builtin_prefetch(places_ + row);
  }
  // The row of number i.
  dim_t operator[](dim_t i) const { return rows_[i]; }

 private:
  dim_t slot(dim_t row) const { return static_cast<dim_t>(static_cast<std::uint64_t>(row) * kGolden >> shift_); }
  void enter(dim_t number);

  static constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15u;
  // Of a table that is not much larger than the indices are many, each row has its place (or, below zero, how often it
  // was met); of others a hash table has, before which stands a map of bits.
  const dim_t samples_, slots_;
  const bool direct_;
  dim_t count_ = 0, mask_ = 0, words_ = 0;
  int shift_ = 63;
  Scratch<dim_t> rows_, keys_;
  Scratch<std::int32_t> places_;
  Scratch<std::uint64_t> seen_;
};

// The sums of the rows of such a set, of n elements each: in float for some rows, then in double.
template <class T>
class FrequentSums {
 public:
  FrequentSums(dim_t rows, dim_t n)
      : n_(n),
        parts_memory_(rows * n),
        sums_memory_(rows * n),
        added_memory_(rows + 1),
        parts_(parts_memory_),
        sums_(sums_memory_),
        added_(added_memory_) {
    std::fill_n(parts_, rows * n, T(0));
    std::fill_n(sums_, rows * n, 0.0);
    std::fill_n(added_, rows + 1, dim_t(0));
    added_[0] = std::numeric_limits<dim_t>::min();  // never full
  }
  // Where the next row is added: to the part of number i, or, where i is -1, to `other`. Without a branch: which of
  // both it is can't be foreseen.
  T* part(dim_t i, T* other) {
    if (++added_[i + 1] > kPart) [[unlikely]]
      flush(i);
    T* const mine = parts_ + i * n_;
    return i < 0 ? other : mine;
  }
  // y += the sum of number i.
  void add_to(dim_t i, T* y) {
    flush(i);
    for (dim_t j = 0; j < n_; j++) y[j] = T(double(y[j]) + sums_[i * n_ + j]);
  }

 private:
  static constexpr dim_t kPart = 128;
  void flush(dim_t i) {
    added_[i + 1] = 1;
    T* const part = parts_ + i * n_;
    double* const sum = sums_ + i * n_;
    for (dim_t j = 0; j < n_; j++) sum[j] += double(part[j]);
    std::fill_n(part, n_, T(0));
  }
  const dim_t n_;
  Scratch<T> parts_memory_;
  Scratch<double> sums_memory_;
  Scratch<dim_t> added_memory_;  // how many rows each part has; before them one for all other rows
  T* const parts_;
  double* const sums_;
  dim_t* const added_;
};

}  // namespace lamina
