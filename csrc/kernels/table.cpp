// Baseline code: asks cpuid once and lets that instruction set's objects fill the table.
#include "kernels/table.h"

#include <cstdlib>
#include <cstring>

#include "core/check.h"

namespace lamina {

#define LAMINA_CALL_FILL(family, Family) fill_##family(f, d);
#define LAMINA_FILL_ALL(isa)                                                                        \
  namespace isa {                                                                                   \
  LAMINA_KERNEL_FAMILIES(LAMINA_DECLARE_FILL)                                                       \
  void fill_all(Kernels<float>& f, Kernels<double>& d) { LAMINA_KERNEL_FAMILIES(LAMINA_CALL_FILL) } \
  }

#if defined(__x86_64__)
LAMINA_FILL_ALL(v2)
LAMINA_FILL_ALL(v3)
LAMINA_FILL_ALL(v4)
#else
LAMINA_FILL_ALL(neon)
#endif

const Kernels<float>* active_f32 = nullptr;
const Kernels<double>* active_f64 = nullptr;

namespace {

struct Table {
  Kernels<float> f32;
  Kernels<double> f64;
};
Isa active = Isa::v2;

Table* table_of(Isa isa) {
  static Table tables[4];
  Table& t = tables[static_cast<int>(isa)];
  switch (isa) {
#if defined(__x86_64__)
    case Isa::v2: v2::fill_all(t.f32, t.f64); break;
    case Isa::v3: v3::fill_all(t.f32, t.f64); break;
    case Isa::v4: v4::fill_all(t.f32, t.f64); break;
    case Isa::neon: return nullptr;
#else
    case Isa::neon: neon::fill_all(t.f32, t.f64); break;
    default: return nullptr;
#endif
  }
  return &t;
}

// Before anything can be called. A wrong LAMINA_ISA is reported by bind_core.cpp, which can raise an error.
const bool initialised = [] {
  Isa isa = best_isa();
  if (const char* wanted = std::getenv("LAMINA_ISA"))
    for (Isa i : {Isa::v2, Isa::v3, Isa::v4, Isa::neon})
      if (std::strcmp(wanted, isa_name(i)) == 0 && host_has(i)) isa = i;
  use_isa(isa);
  return true;
}();

}  // namespace

Isa active_isa() { return active; }

void use_isa(Isa isa) {
  check(host_has(isa), "this host cannot run instruction set ", isa_name(isa), "; its best is ", isa_name(best_isa()));
  const Table* t = table_of(isa);
  active_f32 = &t->f32;
  active_f64 = &t->f64;
  active = isa;
}

}  // namespace lamina
