#include <exception>
#include <new>

#include "bind/families.h"
#include "bind/wrong_call.h"

// Without a GIL: what all threads share is the pool, the arenas, the team (locks, atomics) and what is made at import.
PYBIND11_MODULE(_native, m, pybind11::mod_gil_not_used()) {
  pybind11::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::bad_alloc&) {
      PyErr_SetString(PyExc_MemoryError, "not enough memory for a result, or for what an operation needs besides");
    }
  });
  m.doc() = "Lamina's kernels on NumPy arrays; lamina.ops is the documented way to them.";
#define LAMINA_BIND(family) lamina::bind_##family(m);
  LAMINA_BOUND_FAMILIES(LAMINA_BIND)
#undef LAMINA_BIND
  lamina::name_wrong_calls(m);
}
