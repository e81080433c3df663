#include "core/pool.h"

#include "core/pool_peak.h"

#ifndef _WIN32
#include <sys/mman.h>
#endif

#include <algorithm>
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

struct Pool {
  std::mutex mutex, arenas;  // arenas: of all of them, taken before the pool's own

  std::map<std::size_t, std::vector<void*>> free;
  PoolStats stats{};
  std::size_t peak = 0;
  std::size_t limit = std::size_t(512) << 20;
  std::atomic<bool> poison{false};
};

// Never destroyed: arrays may outlive the module at interpreter exit.
Pool& pool() {
  static Pool* p = new Pool;
  return *p;
}

}  // namespace

void* pool_allocate(std::size_t bytes) {
  bytes = round_up(bytes);
  Pool& p = pool();
  void* block = nullptr;
  {
    std::lock_guard lock(p.mutex);
    p.stats.in_use += bytes;
    p.peak = std::max(p.peak, p.stats.in_use);
    auto it = p.free.find(bytes);
    if (it != p.free.end() && !it->second.empty()) {
      block = it->second.back();
      it->second.pop_back();
      p.stats.cached -= bytes;
      p.stats.reuses++;
    } else {
      p.stats.allocations++;
    }
  }
  if (!block) {
    try {
      block = system_allocate(bytes);
    } catch (const std::bad_alloc&) {
      pool_clear();
      try {
        block = system_allocate(bytes);
      } catch (const std::bad_alloc&) {
        std::lock_guard lock(p.mutex);
        p.stats.in_use -= bytes;
        throw;
      }
    }
  }
  if (p.poison.load(std::memory_order_relaxed)) std::memset(block, 0xff, bytes);
  return block;
}

void pool_release(void* block, std::size_t bytes) {
  bytes = round_up(bytes);
  Pool& p = pool();
  {
    std::lock_guard lock(p.mutex);
    p.stats.in_use -= bytes;
    if (p.stats.cached + bytes <= p.limit) {
      p.free[bytes].push_back(block);
      p.stats.cached += bytes;
      return;
    }
  }
  system_free(block, bytes);
}

void pool_clear() {
  Pool& p = pool();
  std::map<std::size_t, std::vector<void*>> blocks;
  {
    std::lock_guard lock(p.mutex);
    blocks.swap(p.free);
    p.stats.cached = 0;
  }
  for (auto& [bytes, list] : blocks)
    for (void* b : list) system_free(b, bytes);
}

void pool_set_limit(std::size_t max) {
  {
    std::lock_guard lock(pool().mutex);
    pool().limit = max;
    if (pool().stats.cached <= max) return;
  }
  pool_clear();
}

void pool_set_poison(bool on) { pool().poison = on; }

PoolStats pool_stats() {
  std::lock_guard lock(pool().mutex);
  return pool().stats;
}

void pool_reset_peak() {
  std::lock_guard lock(pool().mutex);
  pool().peak = pool().stats.in_use;
}

std::size_t pool_peak() {
  std::lock_guard lock(pool().mutex);
  return pool().peak;
}

void pool_lock() {
  pool().arenas.lock();
  pool().mutex.lock();
}

void pool_unlock() {
  pool().mutex.unlock();
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
