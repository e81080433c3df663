// Software prefetches. The hardware prefetcher follows sequences of lines; rows picked out of a large table, as an
// embedding's are, form none.
#pragma once
#include <algorithm>

#include "core/types.h"

namespace lamina {

// A loop over picked rows asks for row i + rows_ahead while it works on row i.
inline dim_t rows_ahead(dim_t bytes) { return std::clamp<dim_t>(1024 / std::max<dim_t>(bytes, 1), 1, 16); }

// To L2, which can have more misses outstanding than L1.
inline void prefetch_row(const void* row, dim_t bytes) {
  for (dim_t b = 0; b < std::min<dim_t>(bytes, 1024); b += 64)
    __builtin_prefetch(static_cast<const char*>(row) + b, 1, 2);
}

// For sequential reads, some kilobytes ahead: the hardware prefetcher runs less far ahead and stops at the end of a
// page.
inline __attribute__((always_inline)) void prefetch_ahead(const void* p, dim_t bytes) {
  __builtin_prefetch(static_cast<const char*>(p) + bytes, 0, 2);
}

}  // namespace lamina
