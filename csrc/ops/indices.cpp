#include "ops/indices.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <type_traits>

#include "core/check.h"
#include "core/parallel.h"

namespace lamina {

namespace {

// Whether all of n integers are in 0..last: v and last - v have no sign then, which the compiler tests many at a time.
template <class I>
bool all_within(const I* v, dim_t n, dim_t last) {
  using U = std::make_unsigned_t<I>;
  const U top = static_cast<U>(std::min<dim_t>(last, std::numeric_limits<I>::max()));
  std::atomic<bool> within{true};
  parallel_for(n, 2 * kGrain, [&](dim_t begin, dim_t end) {
    U signs = 0;
    for (dim_t i = begin; i < end; i++) signs |= static_cast<U>(v[i]) | (top - static_cast<U>(v[i]));
    if (static_cast<I>(signs) < 0) within.store(false, std::memory_order_relaxed);
  });
  return within.load(std::memory_order_relaxed);
}

}  // namespace

dim_t first_outside(const Indices& indices, dim_t limit) {
  const bool within = indices.wide ? all_within(static_cast<const std::int64_t*>(indices.data), indices.n, limit - 1)
                                   : all_within(static_cast<const std::int32_t*>(indices.data), indices.n, limit - 1);
  for (dim_t i = 0; !within && i < indices.n; i++)
    if (indices[i] < 0 || indices[i] >= limit) return i;
  return -1;
}

std::string describe_place(const Indices& indices, dim_t place) {
  std::string position;
  dim_t rest = place;
  for (int axis = indices.rank - 1; axis >= 0; rest /= indices.shape[axis--])
    position = std::to_string(rest % indices.shape[axis]) + (position.empty() ? "" : ", ") + position;
  return " at [" + position + "]";
}

std::string describe_outside(const Indices& indices, dim_t place, dim_t limit, const char* what) {
  return concat(what, " ", indices[place], describe_place(indices, place), " is outside 0..", limit - 1);
}

}  // namespace lamina
