// Memory for results and scratch: 64-byte aligned blocks in size classes, cached after use.
//
//   size class     4 steps a power of two from 64 B; at most 25 % of a block is unused
//   below 4 MiB    aligned_alloc
//   from 4 MiB     an own mmap region with MADV_HUGEPAGE: fresh pages cost several times the arithmetic
//
// An Arena is a private pool: while one is active, results come from it and go back to it, so that addresses seen by a
// recorded plan stay the plan's own. Scratch always comes from the common pool.
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "core/types.h"

namespace lamina {

struct PoolStats {
  std::size_t in_use, cached, allocations, reuses;  // bytes, bytes, counts
};

class Arena;

// A block of at least `bytes`. Blocks have no header, so the caller passes the same size to pool_release.
void* pool_allocate(std::size_t bytes);
void pool_release(void* p, std::size_t bytes);
void pool_clear();                     // give cached blocks back to the system
void pool_set_limit(std::size_t max);  // bytes kept for reuse
void pool_set_poison(bool on);         // fill fresh blocks with NaN bytes: tests of "never reads what it writes"
PoolStats pool_stats();
void pool_lock();  // no thread is inside of the pool or an arena until pool_unlock: while the process forks
void pool_unlock();

// Free-list allocator over blocks that stay its own until it is destroyed.
class Arena : public std::enable_shared_from_this<Arena> {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  void* allocate(std::size_t bytes);
  void release(void* p, std::size_t bytes);
  bool owns(const void* p) const;
  std::size_t bytes() const { return total_; }

 private:
  std::multimap<std::size_t, void*> free_;     // by size
  std::map<const char*, std::size_t> blocks_;  // every block, by address
  std::size_t total_ = 0;
};

// Scratch of an op: freed at the end of its scope, contents undefined.
template <class T>
class Scratch {
 public:
  explicit Scratch(dim_t n)
      : bytes_(static_cast<std::size_t>(n) * sizeof(T)), p_(n ? pool_allocate(bytes_) : nullptr) {}
  ~Scratch() {
    if (p_) pool_release(p_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* get() const { return static_cast<T*>(p_); }
  operator T*() const { return get(); }

 private:
  std::size_t bytes_;
  void* p_;
};

}  // namespace lamina
