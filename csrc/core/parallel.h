// The only place that names OpenMP. parallel_for cuts [0, n) into one contiguous range a thread.
#pragma once
#include <omp.h>

#include <algorithm>
#include <atomic>

#include "core/types.h"

namespace lamina {

void set_num_threads(int n);
int get_num_threads();       // what parallel_for may use now: 1 in a forked child or inside another parallel region
void after_fork_in_child();  // libgomp hangs in a forked child, so it stays on one thread

// Denormals are flushed to zero while kernels run; the caller's mode comes back.
class FlushDenormals {
 public:
  FlushDenormals() : saved_(get()) { set(saved_ | kBits); }
  ~FlushDenormals() { set(saved_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr unsigned kBits = 0x8040;  // FTZ, DAZ
  static unsigned get() { return __builtin_ia32_stmxcsr(); }
  static void set(unsigned v) { __builtin_ia32_ldmxcsr(v); }
  unsigned saved_;
#elif defined(__aarch64__)
  static constexpr unsigned long kBits = 1ul << 24;  // FZ
  static unsigned long get() {
    unsigned long v;
    asm volatile("mrs %0, fpcr" : "=r"(v));
    return v;
  }
  static void set(unsigned long v) { asm volatile("msr fpcr, %0" ::"r"(v)); }
  unsigned long saved_;
#else
  static constexpr int kBits = 0;
  static int get() { return 0; }
  static void set(int) {}
  int saved_;
#endif
};

// Calls f(begin, end) on disjoint ranges that cover [0, n). A range has at least `grain` items, so that small work
// stays on the calling thread. f must not throw. What f computes for item i must not depend on the range it is in.
template <class F>
void parallel_for(dim_t n, dim_t grain, F&& f) {
  if (n <= 0) return;
  const dim_t most = n / std::max<dim_t>(grain, 1);
  const int threads = most <= 1 ? 1 : static_cast<int>(std::min<dim_t>(get_num_threads(), most));
  if (threads <= 1) {
    f(dim_t(0), n);
    return;
  }
#pragma omp parallel num_threads(threads)
  {
    FlushDenormals flush;
    const dim_t t = omp_get_thread_num(), team = omp_get_num_threads();
    const dim_t begin = n * t / team, end = n * (t + 1) / team;
    if (begin < end) f(begin, end);
  }
}

// As parallel_for, but items are handed out one by one: for tasks of unequal cost.
template <class F>
void parallel_tasks(dim_t n, bool worth_it, F&& f) {
  const int threads = worth_it ? static_cast<int>(std::min<dim_t>(get_num_threads(), n)) : 1;
  if (threads <= 1) {
    for (dim_t i = 0; i < n; i++) f(i);
    return;
  }
  std::atomic<dim_t> next{0};
#pragma omp parallel num_threads(threads)
  {
    FlushDenormals flush;
    for (dim_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) f(i);
  }
}

// As parallel_tasks; each thread makes itself a worker first (its scratch), and f(worker, i) does task i with it.
template <class Make, class F>
void parallel_workers(dim_t n, bool worth_it, Make&& make, F&& f) {
  const int threads = worth_it ? static_cast<int>(std::min<dim_t>(get_num_threads(), n)) : 1;
  if (n <= 0) return;
  if (threads <= 1) {
    auto worker = make();
    for (dim_t i = 0; i < n; i++) f(worker, i);
    return;
  }
  std::atomic<dim_t> next{0};
#pragma omp parallel num_threads(threads)
  {
    FlushDenormals flush;
    auto worker = make();
    for (dim_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) f(worker, i);
  }
}

// Elements of streaming work that a thread must have before another one helps (a region costs about a microsecond).
constexpr dim_t kGrain = 16384;

}  // namespace lamina
