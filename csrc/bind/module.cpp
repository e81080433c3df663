#include "bind/families.h"

PYBIND11_MODULE(_native, m) {
  m.doc() = "Lamina's kernels on NumPy arrays; lamina.ops is the documented way to them.";
#define LAMINA_BIND(family) lamina::bind_##family(m);
  LAMINA_BOUND_FAMILIES(LAMINA_BIND)
#undef LAMINA_BIND
}
