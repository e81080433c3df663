#include "ops/frequent_rows.h"

#include <bit>

#include "core/parallel.h"

namespace lamina {
namespace {

constexpr dim_t kFew = 8192;  // indices whose sums need no care
constexpr dim_t kEvery = 64;  // of so many indices one is looked at
constexpr int kOften = 32;    // times that a frequent row is met then
constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15u;

// A hash table of rows, at most half full.
struct Table {
  explicit Table(dim_t rows)
      : slots(static_cast<dim_t>(std::bit_ceil(static_cast<std::uint64_t>(2 * rows)))), keys(slots), values(slots) {
    std::fill_n(keys.get(), slots, dim_t(-1));
    std::fill_n(values.get(), slots, 0);
  }
  // Where the row stands, or could.
  dim_t slot(dim_t row) const {
    auto at = static_cast<dim_t>(static_cast<std::uint64_t>(row) * kGolden >> 32) & (slots - 1);
    while (keys[at] >= 0 && keys[at] != row) at = (at + 1) & (slots - 1);
    return at;
  }
  const dim_t slots;
  Scratch<dim_t> keys;
  Scratch<std::int32_t> values;
};

}  // namespace

FrequentRows::FrequentRows(const Indices& indices, dim_t limit)
    : samples_(indices.n < kFew ? 0 : indices.n / kEvery), rows_(samples_ / kOften) {
  if (!samples_) return;
  const auto row_of = [&](dim_t j) {
    const dim_t index = indices[j];
    return index < 0 ? index + limit : index;
  };
  Table met(samples_);  // how often, as a number below zero; in the end a frequent row's number plus one
  for (dim_t i = 0; i < samples_; i++) {
    // Not at equal distances: tokens of padded sequences stand at such.
    const dim_t row = row_of(i * kEvery + static_cast<dim_t>(static_cast<std::uint64_t>(i) * kGolden >> 58));
    const dim_t at = met.slot(row);
    met.keys[at] = row;
    if (--met.values[at] == -kOften) rows_[count_++] = row;
  }
  if (!count_) return;
  for (dim_t at = 0; at < met.slots; at++) met.values[at] = 0;
  for (dim_t i = 0; i < count_; i++) met.values[met.slot(rows_[i])] = static_cast<std::int32_t>(i + 1);
  numbers_.emplace(indices.n);
  parallel_for(indices.n, kGrain / 4, [&](dim_t begin, dim_t end) {
    for (dim_t j = begin; j < end; j++) (*numbers_)[j] = met.values[met.slot(row_of(j))] - 1;
  });
}

}  // namespace lamina
