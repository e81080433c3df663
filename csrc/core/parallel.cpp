#include "core/parallel.h"

#include <omp.h>
#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string_view>
#include <system_error>
#include <thread>
#ifdef __linux__
#include <sched.h>
#endif

#include "core/cpu.h"
#include "core/this_thread.h"

namespace lamina {

namespace {

constexpr int kMostThreads = 1024;

// Two cores, µs a training step, median, one thread / two: libgomp's fork and join; a region that lives on whose
// workers only pause for 200 µs; that also offer their processor after 20 µs; after 50 µs (this one).
//
//   quiet              gpt 46,500 / 25,000   24,600   24,600   24,400     mlp 4,430 / 2,310   2,300   2,340   2,330
//   busy: core 0           46,400 / 50,900   73,100   47,800   48,100         4,450 / 6,400   7,600   4,410   4,130
//   busy: both cores       95,500 / 143,500  74,100   96,600   66,700         8,720 / 6,430   6,490   8,910   8,890
//
// Workers that yield every 1.5 ms of work, so that they lose their processor between chunks, gain where one core is
// busy (gpt 37,300 to 63,900) and scatter more. Passive waiting costs a third where nobody is busy.
constexpr std::chrono::microseconds kWorkerSpin{200}, kCallerSpin{50}, kAlone{50};

std::atomic<int> requested{0};
thread_local bool inside = false;  // of a region: what it calls runs on this thread alone
thread_local bool skipping = false;

// A region that is skipped: what its threads would call, and how many of them have not yet taken their scratch.
struct Skipped {
  void (*work)(const void*, Share&) = nullptr;
  const void* context = nullptr;
  int threads = 0;
};
thread_local Skipped skipped;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

// Waits until ready() or for about `limit`; whether it was ready. After kAlone the processor is offered to others: the
// one that is waited for may want it.
template <class Ready>
bool spin(std::chrono::microseconds limit, Ready&& ready) {
  constexpr int kPausesPerLook = 16;  // at the clock
  using Clock = std::chrono::steady_clock;
  if (ready()) return true;
  if (limit.count() == 0) return false;
  const auto start = Clock::now();
  for (auto now = start; now < start + limit; now = Clock::now()) {
    if (now > start + kAlone) std::this_thread::yield();
    for (int i = 0; i < kPausesPerLook; i++) {
      relax();
      if (ready()) return true;
    }
  }
  return false;
}

// [begin, end) in one word.
std::uint64_t pack(dim_t begin, dim_t end) {
  return static_cast<std::uint64_t>(begin) | static_cast<std::uint64_t>(end) << 32;
}
dim_t begin_of(std::uint64_t part) { return static_cast<dim_t>(part & 0xffffffffu); }
dim_t end_of(std::uint64_t part) { return static_cast<dim_t>(part >> 32); }

}  // namespace

// A place for a region, used again and again. Memory order: the owner writes the plain fields, then each part of the
// chunks with release; a thread that takes a chunk acquires (every exchange of a part continues the owner's release),
// and only then reads the fields, so that what a late worker took to be an older region does not matter. It subtracts
// from `unfinished` with release after its last read; the owner writes the fields again only after it has acquired the
// zero.
struct Region {
  std::atomic<bool> owned{false};
  std::atomic<int> threads{0};  // that may take part; 0 where nothing is left to take
  std::atomic<int> unfinished{0}, waiting{0};
  std::atomic<bool> failed{false};
  void (*work)(const void*, Share&) = nullptr;
  const void* context = nullptr;
  std::exception_ptr error;
  alignas(64) std::array<std::atomic<std::uint64_t>, kMostThreads> parts{};  // what nobody has taken

  bool has_chunks(int count) const {
    return std::any_of(parts.begin(), parts.begin() + count, [](const std::atomic<std::uint64_t>& part) {
      const std::uint64_t p = part.load(std::memory_order_relaxed);
      return begin_of(p) < end_of(p);
    });
  }

  bool take(Share& share, dim_t& chunk) {
    for (int i = 0; i < share.threads_; i++) {
      std::atomic<std::uint64_t>& part = parts[static_cast<std::size_t>(share.victim_)];
      const bool own = share.victim_ == share.thread_;
      std::uint64_t p = part.load(std::memory_order_relaxed);
      while (begin_of(p) < end_of(p)) {
        const std::uint64_t left = own ? pack(begin_of(p) + 1, end_of(p)) : pack(begin_of(p), end_of(p) - 1);
        if (!part.compare_exchange_weak(p, left, std::memory_order_acquire, std::memory_order_relaxed)) continue;
        chunk = own ? begin_of(p) : end_of(p) - 1;
        share.taken_++;
        return true;
      }
      share.victim_ = share.victim_ + 1 < share.threads_ ? share.victim_ + 1 : 0;
    }
    return false;
  }

  // One thread's part: as many chunks as it gets. Whether it got any.
  bool join(int thread, int count) {
    Share share(*this, thread, count);
    if (!take(share, share.first_)) return false;
    share.has_first_ = true;
    try {
      work(context, share);
    } catch (...) {
      if (!failed.exchange(true, std::memory_order_relaxed)) error = std::current_exception();
      for (dim_t chunk; take(share, chunk);) continue;
    }
    // Only now, so that the caller finds nothing of the work alive. Sequentially consistent, as is the caller's side.
    if (unfinished.fetch_sub(share.taken_) == share.taken_ && waiting.load()) unfinished.notify_all();
    return true;
  }

  void wait() {
    if (spin(kCallerSpin, [&] { return unfinished.load(std::memory_order_acquire) == 0; })) return;
    waiting.store(1);
    for (int left; (left = unfinished.load()) != 0;) unfinished.wait(left);
    waiting.store(0, std::memory_order_relaxed);
  }
};

namespace {

// Inside of a skipped region each thread takes its scratch while the ones before hold theirs, and no chunk.
void skip_next() {
  static Region nothing;
  if (skipped.threads-- <= 0) return;
  Share none(nothing, 0, 0);
  skipped.work(skipped.context, none);
}

}  // namespace

bool Share::take(dim_t& chunk) {
  if (threads_ == 0) {
    skip_next();
    return false;
  }
  if (!has_first_) return region_->take(*this, chunk);
  has_first_ = false;
  chunk = first_;
  return true;
}

namespace {

// While it lives, threads that start get no signals: these are for Python's own threads.
class NoSignals {
#ifndef _WIN32
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF}) sigdelset(&all, fault);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t before_;
#endif
};

// "passive", in letters of any size.
bool is_passive(std::string_view policy) {
  constexpr std::string_view word = "passive";
  return std::equal(policy.begin(), policy.end(), word.begin(), word.end(),
                    [](char a, char b) { return a == b || a == b - 'a' + 'A'; });
}

// The workers and the regions they look at. Never destroyed: workers sleep on it until the process ends.
class Team {
 public:
  // Starts the leader. Without one every region runs on its caller alone.
  void start(int threads) {
    size_.store(threads);
    const NoSignals block;
    try {
      std::thread([this] { lead(); }).detach();
    } catch (const std::system_error&) {
    }
  }

  void resize(int threads) {
    int size = size_.load(std::memory_order_relaxed);
    if (threads_of(size) == threads) return;
    const int wanted = (size / kResizes + 1) % kResizes * kResizes + threads;
    if (size_.compare_exchange_strong(size, wanted)) size_.notify_all();
  }

  void run(int threads, dim_t chunks, void (*work)(const void*, Share&), const void* context) {
    Region* r = claim();
    if (!r) {
      Share all(chunks);
      return work(context, all);
    }
    r->work = work;
    r->context = context;
    r->failed.store(false, std::memory_order_relaxed);
    r->unfinished.store(static_cast<int>(chunks), std::memory_order_relaxed);
    for (dim_t t = 0; t < threads; t++)
      r->parts[static_cast<std::size_t>(t)].store(pack(chunks * t / threads, chunks * (t + 1) / threads),
                                                  std::memory_order_release);
    // Either this sees who falls asleep, or that one sees the region: both sides are sequentially consistent.
    r->threads.store(threads);
    if (asleep_.load()) ring();
    r->join(0, threads);
    r->threads.store(0, std::memory_order_relaxed);
    r->wait();
    std::exception_ptr error;
    if (r->failed.load(std::memory_order_relaxed)) error = std::move(r->error);
    r->owned.store(false, std::memory_order_release);
    if (error) std::rethrow_exception(error);
  }

 private:
  static constexpr int kRegions = 8;     // at once: further callers work alone
  static constexpr int kResizes = 2048;  // above the number of threads `size_` counts how often it changed
  static int threads_of(int size) { return size % kResizes; }

  Region* claim() {
    for (Region& r : regions_)
      if (!r.owned.load(std::memory_order_relaxed) && !r.owned.exchange(true, std::memory_order_acquire)) return &r;
    return nullptr;
  }

  void ring() {
    bell_.fetch_add(1);
    bell_.notify_all();
  }

  // Thread 0 holds the caller's place (OMP_PROC_BIND gives it the first one) and sleeps; the others work. A change of
  // the number ends the region and opens another one.
  void lead() {
#ifdef __linux__
    cpu_set_t mask;  // the process's, not that of a pinned thread which happened to come first
    if (sched_getaffinity(getpid(), sizeof mask, &mask) == 0) sched_setaffinity(0, sizeof mask, &mask);
#endif
    for (;;) {
      const int size = size_.load();
      omp_set_dynamic(0);
#pragma omp parallel num_threads(threads_of(size))
      {
        if (omp_get_thread_num() == 0) {
          size_.wait(size);
          ring();
        } else {
          serve(omp_get_thread_num(), size);
        }
      }
    }
  }

  bool work_for(int thread) const {
    for (const Region& r : regions_)
      if (const int threads = r.threads.load(); threads > thread && r.has_chunks(threads)) return true;
    return false;
  }

  bool help(int thread) {
    for (Region& r : regions_)
      if (const int threads = r.threads.load(std::memory_order_acquire); threads > thread && r.join(thread, threads))
        return true;
    return false;
  }

  void serve(int thread, int size) {
    static const bool passive = [] {
      const char* policy = std::getenv("OMP_WAIT_POLICY");
      return policy && is_passive(policy);
    }();
    const auto limit = passive ? std::chrono::microseconds(0) : kWorkerSpin;
    inside = true;
    FlushDenormals flush;
    while (size_.load(std::memory_order_relaxed) == size) {
      if (spin(limit, [&] { return help(thread); })) continue;
      const int rung = bell_.load();
      asleep_.fetch_add(1);
      if (!work_for(thread) && size_.load() == size) bell_.wait(rung);
      asleep_.fetch_sub(1);
    }
  }

  alignas(64) std::atomic<int> size_{0};
  alignas(64) std::atomic<int> asleep_{0};
  std::atomic<int> bell_{0};
  std::array<Region, kRegions> regions_;
};

std::atomic<Team*> team{nullptr};

Team& current_team(int threads) {
  Team* t = team.load(std::memory_order_acquire);
  if (t) return *t;
  auto fresh = std::make_unique<Team>();
  if (!team.compare_exchange_strong(t, fresh.get(), std::memory_order_acq_rel)) return *t;
  fresh->start(threads);
  return *fresh.release();
}

}  // namespace

void set_num_threads(int n) {
  requested.store(n, std::memory_order_relaxed);
  omp_set_num_threads(n);  // so that the limit below does not cut it
}

int get_num_threads() {
  if (inside || omp_in_parallel()) return 1;
  int n = requested.load(std::memory_order_relaxed);
  if (n == 0) {
    n = default_threads();
    requested.store(n, std::memory_order_relaxed);
  }
  n = std::min(n, omp_get_max_threads());  // threadpoolctl limits libgomp's number
  return skipping ? std::max(n, 2) : n;    // what one thread does is no region
}

void work_alone(bool on) { inside = on; }

void skip_regions(bool on) { skipping = on; }

void forget_threads_of_parent() { team.store(nullptr, std::memory_order_relaxed); }

void run_region(int threads, dim_t chunks, void (*work)(const void*, Share&), const void* context) {
  if (skipping) {
    const Skipped outer = skipped;
    skipped = {work, context, threads};
    skip_next();
    skipped = outer;
    return;
  }
  struct Inside {
    Inside() { inside = true; }
    ~Inside() { inside = false; }
  };
  const int most = std::min(requested.load(std::memory_order_relaxed), kMostThreads);
  Team& t = current_team(most);
  t.resize(most);
  const Inside mark;
  t.run(threads, chunks, work, context);
}

}  // namespace lamina
