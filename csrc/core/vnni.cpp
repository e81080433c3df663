#include "core/vnni.h"

#include "core/cpu.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace lamina {

bool host_has_vnni() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return host_has(Isa::v4) && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 11 & 1);
#else
  return false;
#endif
}

}  // namespace lamina
