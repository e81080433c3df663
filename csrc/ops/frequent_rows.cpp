#include "ops/frequent_rows.h"

#include <bit>

namespace lamina {
namespace {

constexpr dim_t kFew = 1024;  // indices whose sums need no care
constexpr dim_t kEvery = 16;  // of so many indices one is looked at
constexpr int kOften = 16;    // times that a frequent row is met then

dim_t power_of_two(dim_t n) {
  return static_cast<dim_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max<dim_t>(n, 2))));
}
int shift_of(dim_t slots) { return 64 - std::countr_zero(static_cast<std::uint64_t>(slots)); }

}  // namespace

FrequentRows::FrequentRows(const Indices& indices, dim_t limit)
    : samples_(indices.n < kFew ? 0 : indices.n / kEvery),
      slots_(samples_ ? power_of_two(2 * (samples_ / kOften + 1)) : 0),  // a hash table is at most half full
      direct_(samples_ && limit <= 4 * indices.n),
      rows_(samples_ / kOften),
      keys_(direct_ ? 0 : slots_),
      places_(direct_ ? limit : slots_),
      seen_(direct_ || !samples_ ? 0 : power_of_two(std::min(limit, 64 * indices.n)) / 64 + 1) {
  if (!samples_) return;
  const dim_t met_slots = direct_ ? 0 : power_of_two(2 * samples_);
  Scratch<dim_t> met(met_slots);
  Scratch<std::int32_t> met_times(met_slots);
  if (direct_) {
    std::fill_n(places_.get(), limit, -1);
  } else {
    const dim_t words = std::max<dim_t>(power_of_two(std::min(limit, 64 * indices.n)) / 64, 1);
    std::fill_n(met.get(), met_slots, dim_t(-1));
    std::fill_n(met_times.get(), met_slots, -1);
    std::fill_n(keys_.get(), slots_, dim_t(-1));
    std::fill_n(seen_.get(), words, std::uint64_t(0));
    words_ = words - 1, mask_ = slots_ - 1, shift_ = shift_of(slots_);
  }
  for (dim_t i = 0; i < samples_; i++) {
    // Not at equal distances: tokens of padded sequences stand at such.
    const dim_t index = indices[i * kEvery + static_cast<dim_t>(static_cast<std::uint64_t>(i) * kGolden >> 60)];
    const dim_t row = index < 0 ? index + limit : index;
    std::int32_t* times = places_ + row;
    if (!direct_) {
      dim_t at = static_cast<dim_t>(static_cast<std::uint64_t>(row) * kGolden >> shift_of(met_slots));
      while (met[at] >= 0 && met[at] != row) at = (at + 1) & (met_slots - 1);
      met[at] = row;
      times = met_times + at;
    }
    if (--*times == -1 - kOften) rows_[count_++] = row;
  }
  for (dim_t i = 0; i < count_; i++) enter(i);
}

void FrequentRows::enter(dim_t number) {
  const dim_t row = rows_[number];
  dim_t at = row;
  if (!direct_) {
    at = slot(row);
    while (keys_[at] >= 0) at = (at + 1) & mask_;
    keys_[at] = row;
    seen_[row >> 6 & words_] |= std::uint64_t(1) << (row & 63);
  }
  places_[at] = static_cast<std::int32_t>(number);
}

}  // namespace lamina
