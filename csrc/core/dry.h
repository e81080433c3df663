// What steps are measured with that are recorded for their memory alone.
#pragma once
#include <cstddef>

namespace lamina {

void skip_regions(bool on);  // of this thread, from now on: what only sizes decide goes on, and nothing is computed
std::size_t pool_peak();     // most bytes of the pool in use since pool_reset_peak
void pool_reset_peak();

}  // namespace lamina
