// What this machine offers: instruction sets, caches, and how many processors this process may use.
#pragma once
#include <string>

#include "core/types.h"

namespace lamina {

enum class Isa : int { v2, v3, v4, neon };

const char* isa_name(Isa isa);
Isa best_isa();          // of this host
bool host_has(Isa isa);  // can run kernels compiled for isa

struct Caches {
  dim_t l1d, l2, l3;  // bytes; of one core, l3 shared
};
const Caches& caches();

// Whether a result of this size is better written past the caches: with an input of the same size it does not fit, and
// a plain store would first read what it overwrites.
bool past_caches(dim_t bytes);

// OMP_NUM_THREADS if set, else min(affinity mask, cgroup CPU quota rounded down but at least 1, physical cores).
int default_threads();
// The parts of the rule, with the root of the file system as an argument so that tests can fake /sys and /proc.
int cgroup_quota(const std::string& root);    // 0: no limit
int physical_cores(const std::string& root);  // 0: unknown
int affinity_count();                         // 0: unknown

}  // namespace lamina
