// Processes that wait for each other, by counters in memory that all of them see.
//
//   counters   [ rank 0's  .  .  .  .  .  .  . ]    a line of the cache each: whoever comes to meeting n writes n into
//              [ rank 1's  .  .  .  .  .  .  . ]    its own, and goes on once no other is lower
#pragma once
#include <chrono>
#include <cstdint>

#include "core/types.h"

namespace lamina {

constexpr dim_t kCountersALine = 8;

// Whether all have come to meeting `number`, waited for so long at most. What they wrote before they came is seen then.
// busily: the processor is kept for the first milliseconds.
bool meet(std::int64_t* counters, dim_t ranks, dim_t rank, std::int64_t number, std::chrono::milliseconds most,
          bool busily);

}  // namespace lamina
