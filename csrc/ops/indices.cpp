#include "ops/indices.h"

#include "core/check.h"

namespace lamina {

dim_t first_outside(const Indices& indices, dim_t limit) {
  bool bad = false;
  for (dim_t i = 0; i < indices.n; i++)
    bad |= static_cast<std::uint64_t>(indices[i]) >= static_cast<std::uint64_t>(limit);
  for (dim_t i = 0; bad && i < indices.n; i++)
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
