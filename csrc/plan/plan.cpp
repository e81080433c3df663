#include "plan/plan.h"

namespace lamina {

constinit thread_local Plan* recording = nullptr;

bool Plan::append(const char* name, Run run, const void* args, std::size_t bytes) {
  if (retracing_) {
    if (passed_++ == failed_) std::rethrow_exception(error_);
    return false;
  }
  steps_.push_back({name, run, args_.size()});
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

void Plan::retrace(const Plan& failed) {
  failed_ = failed.failed_;
  error_ = failed.error_;
  retracing_ = true;
}

}  // namespace lamina
