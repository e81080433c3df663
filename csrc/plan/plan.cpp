#include "plan/plan.h"

namespace lamina {

thread_local Plan* recording = nullptr;

void Plan::append(const char* name, Run run, const void* args, std::size_t bytes) {
  steps_.push_back({name, run, args_.size()});
  args_.resize(args_.size() + (bytes + sizeof(Unit) - 1) / sizeof(Unit));
  std::memcpy(args_.data() + steps_.back().offset, args, bytes);
}

void Plan::run() const {
  FlushDenormals flush;
  for (const Step& s : steps_) s.run(args_of(s));
}

}  // namespace lamina
