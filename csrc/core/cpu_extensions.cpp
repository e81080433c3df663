#include "core/cpu_extensions.h"

#include "core/cpu.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace lamina {

namespace {

struct Features {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

// Leaf 7 of CPUID, empty where the host does not run v4.
Features leaf_7([[maybe_unused]] unsigned subleaf) {
  Features f;
#if defined(__x86_64__)
  if (host_has(Isa::v4)) __get_cpuid_count(7, subleaf, &f.a, &f.b, &f.c, &f.d);
#endif
  return f;
}

}  // namespace

bool host_has_vnni() { return leaf_7(0).c >> 11 & 1; }

bool host_has_bfloat16() { return leaf_7(1).a >> 5 & 1; }

}  // namespace lamina
