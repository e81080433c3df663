// Which rows of a table have a gradient, so that what reads it need not go over the whole table.
#pragma once
#include <vector>

#include "core/types.h"

namespace lamina {

// Outside of these rows the gradient is zero; with all(), every row may have one and the list means nothing.
class TouchedRows {
 public:
  explicit TouchedRows(dim_t table_rows)
      : table_rows_(table_rows), seen_(static_cast<std::size_t>((table_rows + 63) / 64)) {}
  dim_t table_rows() const { return table_rows_; }
  bool all() const { return all_; }
  dim_t count() const { return static_cast<dim_t>(rows_.size()); }
  dim_t operator[](dim_t i) const { return rows_[static_cast<std::size_t>(i)]; }  // in the order of their first marks

  void mark(dim_t row) {
    std::uint64_t& word = seen_[static_cast<std::size_t>(row >> 6)];
    const std::uint64_t bit = std::uint64_t(1) << (row & 63);
    if (all_ || (word & bit)) return;
    rows_.push_back(row);
    word |= bit;
  }
  void mark_all() { all_ = true; }
  void clear() {
    for (const dim_t row : rows_) seen_[static_cast<std::size_t>(row >> 6)] = 0;
    rows_.clear();
    all_ = false;
  }

 private:
  dim_t table_rows_;
  std::vector<std::uint64_t> seen_;  // a bit a row: whether it is in the list
  std::vector<dim_t> rows_;
  bool all_ = false;
};

}  // namespace lamina
