#include "core/parallel.h"

#include "core/cpu.h"

namespace lamina {
namespace {
std::atomic<int> requested{0};
std::atomic<bool> forked{false};
}  // namespace

void set_num_threads(int n) {
  requested.store(n, std::memory_order_relaxed);
  omp_set_num_threads(n);  // so that the limit below does not cut it
}

int get_num_threads() {
  if (forked.load(std::memory_order_relaxed) || omp_in_parallel()) return 1;
  int n = requested.load(std::memory_order_relaxed);
  if (n == 0) {
    n = default_threads();
    requested.store(n, std::memory_order_relaxed);
  }
  return std::min(n, omp_get_max_threads());  // threadpoolctl limits libgomp's number
}

void after_fork_in_child() { forked.store(true, std::memory_order_relaxed); }

}  // namespace lamina
