#include "core/cpu_extensions.h"

#include <cstdlib>
#include <cstring>

#include "core/cpu.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
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

// Whether this process may use tile registers: Linux gives room for them to those that ask, for all their threads and
// children, and says no where a signal's stack would be too small. Other systems are not asked, nor with LAMINA_AMX=0.
bool has_tiles() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr unsigned kTile = 1u << 24, kSaved = 3u << 17;  // CPUID's bit; XCR0's of their shapes and of what they hold
  constexpr long kRequest = 0x1023, kTileData = 18;        // ARCH_REQ_XCOMP_PERM, which older headers lack
  static const bool permitted = [] {
    const char* said = std::getenv("LAMINA_AMX");
    if ((said && std::strcmp(said, "0") == 0) || !(leaf_7(0).d & kTile)) return false;
    unsigned low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & kSaved) == kSaved && syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
  }();
  return permitted;
#else
  return false;
#endif
}

}  // namespace

bool host_has_vnni() { return leaf_7(0).c >> 11 & 1; }

bool host_has_bfloat16() { return leaf_7(1).a >> 5 & 1; }

bool host_has_bfloat16_tiles() { return (leaf_7(0).d >> 22 & 1) && has_tiles(); }

bool host_has_int8_tiles() { return (leaf_7(0).d >> 25 & 1) && has_tiles(); }

}  // namespace lamina
