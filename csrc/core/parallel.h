// Work divided among threads. A region is a number of chunks, cut by the sizes of the work, which running threads take:
//
//   the caller     posts the region, takes chunks like everyone, and waits only for those that others have begun
//   a worker       takes chunks of posted regions; it spins for a moment without work, then sleeps
//   home           thread t of T first takes the t-th part of the chunks, in order, so that its cache holds the rows
//                  of the region before; then it takes the last chunks of others
//
// The workers are the threads of one long-lived OpenMP region (parallel.cpp, the only file that names OpenMP).
#pragma once
#include <algorithm>

#include "core/types.h"

namespace lamina {

void set_num_threads(int n);
int get_num_threads();            // what a region may use now: 1 inside of another one
void forget_threads_of_parent();  // in a forked child, where none of them runs

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

struct Region;

// One thread's part in a region: the chunks that it takes.
class Share {
 public:
  explicit Share(dim_t chunks) : next_(0), end_(chunks) {}  // all of them, for a region of one thread
  Share(Region& region, int thread, int threads)
      : region_(&region), thread_(thread), victim_(thread), threads_(threads) {}
  bool next(dim_t& chunk) {
    if (region_) return take(chunk);
    chunk = next_;
    return next_++ < end_;
  }

 private:
  friend struct Region;
  bool take(dim_t& chunk);

  Region* region_ = nullptr;
  dim_t next_ = 0, end_ = 0;
  int thread_ = 0, victim_ = 0, threads_ = 1;
  bool has_first_ = false;
  dim_t first_ = 0;  // taken before the work was called
  int taken_ = 0;
};

// Calls work(context, share) on up to `threads` threads, which call share.next until it is false. What they throw, the
// caller throws: the first of it; chunks that nobody has begun by then are left out.
void run_region(int threads, dim_t chunks, void (*work)(const void* context, Share& share), const void* context);

template <class F>
void run_shared(int threads, dim_t chunks, F&& f) {
  if (threads <= 1) {
    Share all(chunks);
    return f(all);
  }
  run_region(threads, chunks, [](const void* context, Share& share) { (*static_cast<const F*>(context))(share); }, &f);
}

// How many chunks there are for each thread where a region may be cut at will. More than one, since a thread may come
// late or be held up.
constexpr dim_t kChunksPerThread = 4;

// Calls f(begin, end) on disjoint ranges that cover [0, n). A range has at least `grain` items, so that small work
// stays on the calling thread. What f computes for item i must not depend on the range it is in.
template <class F>
void parallel_for(dim_t n, dim_t grain, F&& f) {
  if (n <= 0) return;
  const dim_t most = n / std::max<dim_t>(grain, 1);
  const int threads = most <= 1 ? 1 : static_cast<int>(std::min<dim_t>(get_num_threads(), most));
  if (threads <= 1) {
    f(dim_t(0), n);
    return;
  }
  const dim_t chunks = std::min(most, threads * kChunksPerThread);
  run_shared(threads, chunks, [&](Share& share) {
    for (dim_t i; share.next(i);) f(n * i / chunks, n * (i + 1) / chunks);
  });
}

// As parallel_for, item by item: for tasks of unequal cost. Each thread makes itself a worker first (its scratch), and
// f(worker, i) does task i with it.
template <class Make, class F>
void parallel_workers(dim_t n, bool worth_it, Make&& make, F&& f) {
  if (n <= 0) return;
  constexpr dim_t most = dim_t(1) << 20;
  const int threads = worth_it ? static_cast<int>(std::min<dim_t>(get_num_threads(), n)) : 1;
  const dim_t chunks = std::min(n, most);
  run_shared(threads, chunks, [&](Share& share) {
    auto worker = make();
    for (dim_t c; share.next(c);)
      for (dim_t i = n * c / chunks; i < n * (c + 1) / chunks; i++) f(worker, i);
  });
}

template <class F>
void parallel_tasks(dim_t n, bool worth_it, F&& f) {
  struct Nothing {};
  parallel_workers(n, worth_it, [] { return Nothing(); }, [&](Nothing, dim_t i) { f(i); });
}

// Elements of streaming work that a thread must have before another one helps (a region costs about a microsecond).
constexpr dim_t kGrain = 16384;

}  // namespace lamina
