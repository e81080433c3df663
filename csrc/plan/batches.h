// Many runs of a plan in one call, each on a batch of its own.
#pragma once
#include <chrono>
#include <vector>

#include "plan/plan.h"

namespace lamina {

// Bytes that each run moves: run i reads what stands i times as far behind `from`, or leaves it so far behind `to`.
struct Moved {
  const char* from;
  char* to;
  std::size_t bytes;
};

// So many runs, each between its copies; none but the first begins once `limit` has passed. `done` counts those that
// are done, also where an exception ends them.
void run_batches(Plan& plan, dim_t batches, const std::vector<Moved>& before, const std::vector<Moved>& after,
                 std::chrono::milliseconds limit, dim_t& done);

}  // namespace lamina
