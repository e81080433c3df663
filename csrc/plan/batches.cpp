#include "plan/batches.h"

namespace lamina {

namespace {

void copy(char* to, const char* from, std::size_t bytes) {
  parallel_for(static_cast<dim_t>(bytes), 4 * kGrain, [&](dim_t begin, dim_t end) {
    std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin));
  });
}

}  // namespace

void run_batches(Plan& plan, dim_t batches, const std::vector<Moved>& before, const std::vector<Moved>& after,
                 std::chrono::milliseconds limit, dim_t& done) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + limit;
  for (done = 0; done < batches; done++) {
    if (done > 0 && Clock::now() > end) return;
    const auto i = static_cast<std::size_t>(done);
    for (const Moved& m : before) copy(m.to, m.from + i * m.bytes, m.bytes);
    plan.run();
    for (const Moved& m : after) copy(m.to + i * m.bytes, m.from, m.bytes);
  }
}

}  // namespace lamina
