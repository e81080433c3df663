// The high-water mark of the pool.
#pragma once
#include <cstddef>

namespace lamina {

std::size_t pool_peak();  // most bytes in use since pool_reset_peak
void pool_reset_peak();   // from now on the peak is watched, which costs threads time,
void pool_end_peak();     // until now

}  // namespace lamina
