#include "core/meeting.h"

#include <atomic>
#include <thread>

namespace lamina {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kBusy{2};
constexpr std::chrono::microseconds kNap{50};

bool all_came(std::int64_t* counters, dim_t ranks, std::int64_t number) {
  for (dim_t i = 0; i < ranks; i++)
    if (std::atomic_ref(counters[i * kCountersALine]).load(std::memory_order_acquire) < number) return false;
  return true;
}

}  // namespace

bool meet(std::int64_t* counters, dim_t ranks, dim_t rank, std::int64_t number, std::chrono::milliseconds most,
          bool busily) {
  std::atomic_ref(counters[rank * kCountersALine]).store(number, std::memory_order_release);
  const auto begin = Clock::now();
  while (!all_came(counters, ranks, number)) {
    const auto waited = Clock::now() - begin;
    if (waited > most) return false;
    if (busily && waited < kBusy)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(kNap);
  }
  return true;
}

}  // namespace lamina
