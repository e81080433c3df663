// A Step is an op with its resolved arguments; a Plan is a list of steps that runs in one call. Eager execution is a
// plan of length one: submit() runs the op and, while this thread records, keeps a copy of its arguments.
#pragma once
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "core/parallel.h"
#include "core/pool.h"
#include "core/types.h"

namespace lamina {

class Plan {
 public:
  Plan() : arena_(std::make_shared<Arena>()) {}

  using Run = void (*)(const void* args);
  // Notes a step; whether it shall run now.
  bool append(const char* name, Run run, const void* args, std::size_t bytes, double work);
  void run();  // every step in order; an exception leaves the later steps undone
  // As if recording what failed: steps that are appended do not run, and the one at the place of the step that failed
  // last throws that error, where the code that calls it can say more about it.
  void retrace(const Plan& failed);
  bool failed() const { return error_ != nullptr; }
  std::size_t size() const { return steps_.size(); }
  const char* name(std::size_t i) const { return steps_[i].name; }
  double work(std::size_t i) const { return steps_[i].work; }
  double traffic(std::size_t i) const { return steps_[i].traffic; }
  // What the next step reads or writes, in bytes.
  void touch(std::size_t bytes) { touched_ += double(bytes); }
  // Bytes of results that are held.
  void hold(std::ptrdiff_t bytes) { held_ += bytes; }
  std::ptrdiff_t held() const { return held_; }
  // As run(); adds to seconds[i] what step i took, and raises scratch[i] to the memory that it took for a while.
  void run_measured(double* seconds, std::size_t* scratch);
  void run_step(std::size_t i) const { steps_[i].run(args_of(steps_[i])); }
  const std::shared_ptr<Arena>& arena() const { return arena_; }
  // Why a replay would be wrong, empty if it would not; the first reason stays.
  void refuse(const std::string& why) {
    if (refusal_.empty()) refusal_ = why;
  }
  const std::string& refusal() const { return refusal_; }

 private:
  struct Step {
    const char* name;
    Run run;
    std::size_t offset;    // of its arguments in args_, in units of 16 bytes
    double work, traffic;  // as run() in bind/array.h has it; bytes of its arrays
  };
  struct alignas(16) Unit {
    unsigned char bytes[16];
  };
  const void* args_of(const Step& s) const { return args_.data() + s.offset; }

  std::shared_ptr<Arena> arena_;  // the results of its steps
  std::vector<Step> steps_;
  std::vector<Unit> args_;
  std::string refusal_;
  std::size_t failed_ = 0;    // the step that threw last,
  std::exception_ptr error_;  // and what
  bool retracing_ = false;
  double touched_ = 0;  // bytes of arrays since the last step
  std::ptrdiff_t held_ = 0;
  std::size_t passed_ = 0;  // steps appended while retracing
};

// The plan that this thread is recording, or null.
extern constinit thread_local Plan* recording;

template <auto op, class Args>
void run_erased(const void* args) {
  op(*static_cast<const Args*>(args));
}

// Runs op(args). Args is plain data: pointers into arrays that outlive the plan, sizes, constants.
template <auto op, class Args>
void submit(const char* name, const Args& args, double work = 0) {
  static_assert(std::is_trivially_copyable_v<Args>);
  if (recording && !recording->append(name, run_erased<op, Args>, &args, sizeof args, work)) return;
  FlushDenormals flush;
  op(args);
}

}  // namespace lamina
