#include "plan/plan.h"

#include <algorithm>
#include <chrono>

#include "core/pool_peak.h"

namespace lamina {

constinit thread_local Plan* recording = nullptr;

bool Plan::append(const char* name, Run run, const void* args, std::size_t bytes, double work) {
  if (retracing_) {
    if (passed_++ == failed_) std::rethrow_exception(error_);
    return false;
  }
  steps_.push_back({name, run, args_.size(), work, touched_});
  touched_ = 0;
  args_.resize(args_.size() + (bytes + sizeof(Unit) - 1) / sizeof(Unit));
  std::memcpy(args_.data() + steps_.back().offset, args, bytes);
  return true;
}

void Plan::run() {
  FlushDenormals flush;
  std::size_t i = 0;
  try {
    for (; i < steps_.size(); i++) run_step(i);
  } catch (...) {
    failed_ = i;
    error_ = std::current_exception();
    throw;
  }
}

void Plan::run_measured(double* seconds, std::size_t* scratch) {
  using Clock = std::chrono::steady_clock;
  FlushDenormals flush;
  for (std::size_t i = 0; i < steps_.size(); i++) {
    pool_reset_peak();
    const std::size_t before = pool_stats().in_use;
    const auto start = Clock::now();
    run_step(i);
    seconds[i] = std::chrono::duration<double>(Clock::now() - start).count();
    scratch[i] = std::max(scratch[i], pool_peak() - before);
  }
  pool_end_peak();
}

void Plan::retrace(const Plan& failed) {
  failed_ = failed.failed_;
  error_ = failed.error_;
  retracing_ = true;
}

}  // namespace lamina
