#include "core/pool.h"

#include "core/pool_peak.h"

#ifndef _WIN32
#include <sys/mman.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <mutex>
#include <new>

namespace lamina {
namespace {

[[maybe_unused]] constexpr std::size_t kHuge = std::size_t(4) << 20, kPage = std::size_t(2) << 20;

// Size classes: 64, 80, 96, 112, 128, 160, ... : four a power of two, multiples of 64 from 256 on.
std::size_t round_up(std::size_t bytes) {
  if (bytes <= 64) return 64;
  const std::size_t step = std::max<std::size_t>(64, std::bit_floor(bytes - 1) / 4);
  return (bytes + step - 1) / step * step;
}

#ifdef _WIN32
void* system_allocate(std::size_t bytes) {
  void* p = _aligned_malloc(bytes, 64);
  if (!p) throw std::bad_alloc();
  return p;
}

void system_free(void* p, std::size_t) { _aligned_free(p); }
#else
void* system_allocate(std::size_t bytes) {
  if (bytes < kHuge) {
    void* p = std::aligned_alloc(64, bytes);
    if (!p) throw std::bad_alloc();
    return p;
  }
  // A 2 MiB aligned region: map more, cut off both ends.
  const std::size_t span = bytes + kPage;
  void* raw = mmap(nullptr, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) throw std::bad_alloc();
  const auto start = reinterpret_cast<std::uintptr_t>(raw), aligned = (start + kPage - 1) / kPage * kPage;
  if (aligned > start) munmap(raw, aligned - start);
  const std::size_t tail = start + span - (aligned + bytes);
  const std::size_t whole = (bytes + 4095) / 4096 * 4096;
  if (tail > whole - bytes) munmap(reinterpret_cast<void*>(aligned + whole), tail - (whole - bytes));
#ifdef MADV_HUGEPAGE
  madvise(reinterpret_cast<void*>(aligned), whole, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<void*>(aligned);
}

void system_free(void* p, std::size_t bytes) {
  if (bytes < kHuge)
    std::free(p);
  else
    munmap(p, (bytes + 4095) / 4096 * 4096);
}
#endif

// The list a class's blocks stand in: 64, 128, 192, 256, then four a power of two.
constexpr int kClasses = 4 + 4 * 56;

int class_of(std::size_t rounded) {
  if (rounded <= 256) return static_cast<int>(rounded / 64) - 1;
  const int power = std::bit_width(rounded - 1) - 1;  // 8 for 257 to 512
  return 4 * (power - 7) + static_cast<int>((rounded - 1) >> (power - 2)) - 4;
}

std::size_t bytes_of(int kind) {
  if (kind < 4) return std::size_t(kind + 1) * 64;
  return std::size_t(5 + kind % 4) << (kind / 4 + 5);
}

// Free blocks of some threads, and what these took and gave back. A block that is free holds the address of the next
// one.
struct alignas(64) Shard {
  std::mutex mutex;
  std::size_t allocations = 0, reuses = 0;
  std::ptrdiff_t in_use = 0, unreported = 0;  // bytes; of `cached` those that Pool::cached does not have yet
  std::array<void*, kClasses> free{};

  void* take(int kind) {
    void* block = free[kind];
    if (block) std::memcpy(&free[kind], block, sizeof block);
    return block;
  }
  void give(int kind, void* block) {
    std::memcpy(block, &free[kind], sizeof block);
    free[kind] = block;
  }
};

constexpr int kShards = 64;
constexpr std::ptrdiff_t kReport = std::ptrdiff_t(1) << 20;

// What all threads write would go from core to core with every block: with each block counted here, two small networks
// on two threads lost a tenth of their speed. So shards count, and report now and then.
struct Pool {
  std::mutex arenas;  // of all of them, taken before any shard's
  std::array<Shard, kShards> shards;
  std::atomic<unsigned> threads{0};
  std::atomic<std::ptrdiff_t> cached{0}, limit{std::ptrdiff_t(512) << 20};  // cached: what shards reported
  std::atomic<bool> poison{false}, watched{false};                          // watched: the peak is asked for,
  std::atomic<std::size_t> now{0}, peak{0};                                 // and these are kept

  // Bytes that became free blocks of a shard, whose lock is held, or stopped being that.
  void note(Shard& s, std::ptrdiff_t bytes) {
    s.unreported += bytes;
    if (s.unreported > kReport || s.unreported < -kReport) report(s);
  }
  void report(Shard& s) {
    cached.fetch_add(s.unreported, std::memory_order_relaxed);
    s.unreported = 0;
  }
  int used_shards() const { return static_cast<int>(std::min<unsigned>(threads.load(), kShards)); }
};

// Never destroyed: arrays may outlive the module at interpreter exit.
Pool& pool() {
  static Pool* p = new Pool;
  return *p;
}

// Threads have shards in turn, so that the first kShards of them never wait for each other.
Shard& shard_of_this_thread(Pool& p) {
  thread_local const unsigned mine = p.threads.fetch_add(1) % kShards;
  return p.shards[mine];
}

// A block that another thread left behind.
void* take_elsewhere(Pool& p, std::size_t bytes) {
  const int kind = class_of(bytes);
  for (int i = 0; i < p.used_shards(); i++) {
    Shard& s = p.shards[static_cast<std::size_t>(i)];
    std::lock_guard lock(s.mutex);
    if (void* block = s.take(kind)) {
      p.note(s, -static_cast<std::ptrdiff_t>(bytes));
      return block;
    }
  }
  return nullptr;
}

void* allocate_anew(std::size_t bytes) {
  try {
    return system_allocate(bytes);
  } catch (const std::bad_alloc&) {
    pool_clear();
    return system_allocate(bytes);
  }
}

}  // namespace

void* pool_allocate(std::size_t bytes) {
  bytes = round_up(bytes);
  const auto count = static_cast<std::ptrdiff_t>(bytes);
  Pool& p = pool();
  Shard& mine = shard_of_this_thread(p);
  void* block;
  {
    std::lock_guard lock(mine.mutex);
    block = mine.take(class_of(bytes));
    if (block) {
      mine.reuses++;
      mine.in_use += count;
      p.note(mine, -count);
    }
  }
  if (!block) {
    void* const left = take_elsewhere(p, bytes);
    block = left ? left : allocate_anew(bytes);
    std::lock_guard lock(mine.mutex);
    (left ? mine.reuses : mine.allocations)++;
    mine.in_use += count;
  }
  if (p.watched.load(std::memory_order_relaxed)) {
    const std::size_t now = p.now.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    std::size_t most = p.peak.load(std::memory_order_relaxed);
    while (most < now && !p.peak.compare_exchange_weak(most, now, std::memory_order_relaxed)) continue;
  }
  if (p.poison.load(std::memory_order_relaxed)) std::memset(block, 0xff, bytes);
  return block;
}

void pool_release(void* block, std::size_t bytes) {
  bytes = round_up(bytes);
  const auto count = static_cast<std::ptrdiff_t>(bytes);
  Pool& p = pool();
  if (p.watched.load(std::memory_order_relaxed)) p.now.fetch_sub(bytes, std::memory_order_relaxed);
  Shard& mine = shard_of_this_thread(p);
  {
    std::lock_guard lock(mine.mutex);
    mine.in_use -= count;
    if (p.cached.load(std::memory_order_relaxed) + mine.unreported + count <= p.limit.load(std::memory_order_relaxed)) {
      p.note(mine, count);
      return mine.give(class_of(bytes), block);
    }
  }
  system_free(block, bytes);
}

void pool_clear() {
  Pool& p = pool();
  for (Shard& s : p.shards) {
    for (int kind = 0; kind < kClasses; kind++)
      for (;;) {
        void* block;
        {
          std::lock_guard lock(s.mutex);
          block = s.take(kind);
          if (block) p.note(s, -static_cast<std::ptrdiff_t>(bytes_of(kind)));
        }
        if (!block) break;
        system_free(block, bytes_of(kind));
      }
    std::lock_guard lock(s.mutex);
    p.report(s);
  }
}

void pool_set_limit(std::size_t max) {
  pool().limit = static_cast<std::ptrdiff_t>(std::min(max, std::size_t(PTRDIFF_MAX)));
  if (pool_stats().cached > max) pool_clear();
}

void pool_set_poison(bool on) { pool().poison = on; }

PoolStats pool_stats() {
  Pool& p = pool();
  PoolStats stats{};
  std::ptrdiff_t in_use = 0, cached = 0;
  for (Shard& s : p.shards) {
    std::lock_guard lock(s.mutex);
    stats.allocations += s.allocations;
    stats.reuses += s.reuses;
    in_use += s.in_use;
    cached += s.unreported;
  }
  cached += p.cached.load();
  stats.in_use = static_cast<std::size_t>(std::max<std::ptrdiff_t>(in_use, 0));  // others go on meanwhile
  stats.cached = static_cast<std::size_t>(std::max<std::ptrdiff_t>(cached, 0));
  return stats;
}

void pool_reset_peak() {
  Pool& p = pool();
  p.watched = true;
  p.now = p.peak = pool_stats().in_use;
}

std::size_t pool_peak() { return pool().watched ? pool().peak.load() : pool_stats().in_use; }

void pool_end_peak() { pool().watched = false; }

void pool_lock() {
  pool().arenas.lock();
  for (Shard& s : pool().shards) s.mutex.lock();
}

void pool_unlock() {
  for (Shard& s : pool().shards) s.mutex.unlock();
  pool().arenas.unlock();
}

Arena::~Arena() {
  for (auto& [p, bytes] : blocks_) pool_release(const_cast<char*>(p), bytes);
}

void* Arena::allocate(std::size_t bytes) {
  bytes = round_up(bytes);
  std::lock_guard lock(pool().arenas);
  auto it = free_.lower_bound(bytes);  // the tightest block that fits, at most twice the size
  if (it != free_.end() && it->first <= 2 * bytes) {
    it = std::prev(free_.upper_bound(it->first));  // of equal ones that freed last: it may still be in cache
    void* p = it->second;
    free_.erase(it);
    return p;
  }
  void* p = pool_allocate(bytes);
  blocks_.emplace(static_cast<const char*>(p), bytes);
  total_ += bytes;
  return p;
}

void Arena::release(void* p, std::size_t) {
  std::lock_guard lock(pool().arenas);
  free_.emplace(blocks_.at(static_cast<const char*>(p)), p);
}

bool Arena::owns(const void* p) const {
  std::lock_guard lock(pool().arenas);
  auto it = blocks_.upper_bound(static_cast<const char*>(p));
  if (it == blocks_.begin()) return false;
  --it;
  return static_cast<const char*>(p) < it->first + it->second;
}

}  // namespace lamina
