// Threads, instruction sets, memory pool, and arrays as such.
#include <cstdlib>
#include <cstring>
#include <limits>

#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "core/cpu.h"
#include "core/fork.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "core/pool_peak.h"
#include "core/this_thread.h"
#include "kernels/table.h"
#include "ops/bfloat16.h"
#include "ops/copy.h"

namespace lamina {
namespace {

Isa parse_isa(const std::string& name) {
  for (Isa i : {Isa::v2, Isa::v3, Isa::v4, Isa::neon})
    if (name == isa_name(i)) return i;
  throw py::value_error("use_isa: unknown instruction set '" + name + "'; expected v2, v3, v4 or neon");
}

py::array empty_py(const std::vector<dim_t>& shape, py::handle dtype) {
  return empty(shape, parse_dtype(dtype, "empty"));
}

py::array full_py(const std::vector<dim_t>& shape, double value, py::handle dtype) {
  const Result a(shape, parse_dtype(dtype, "full"));
  auto fill_as = [&]<class T>(T) {
    const Fill<T> args{.y = a.as<T>(), .n = a.size(), .value = T(value)};
    run<fill<T>>("fill", double(args.n), args);
  };
  auto fill_integers = [&]<class T>(T t) {
    constexpr double low = double(std::numeric_limits<T>::min()), high = double(std::numeric_limits<T>::max());
    check(value >= low && (high < 0x1p62 ? value <= high : value < high), "full: ", value, " is no ",
          dtype_name(a.dtype));
    fill_as(t);
  };
  switch (a.dtype) {
    case Dtype::i32: fill_integers(std::int32_t{}); break;
    case Dtype::i64: fill_integers(std::int64_t{}); break;
    case Dtype::u8:
    case Dtype::boolean: fill_integers(std::uint8_t{}); break;
    default: with_float(a.dtype, "full", fill_as);
  }
  return a;
}

void copy_into_py(py::handle from, py::handle to, bool accumulate) {
  Call call("copy_into");
  const View y = call.first_destination(to, "y"), x = call.input_in_place(from, "x");
  check(x.size() == y.size() && x.dtype() == y.dtype(), "copy_into: x is ", x.sizes(), " ", dtype_name(x.dtype()),
        ", y is ", y.sizes(), " ", dtype_name(y.dtype()));
  with_float(x.dtype(), "copy_into", [&]<class T>(T) {
    const Copy<T> args{.x = x.as<T>(), .y = y.as<T>(), .n = x.size(), .accumulate = accumulate};
    run<copy<T>>("copy", 4.0 * double(args.n), args);
  });
}

py::array copy_py(py::handle from) {
  Call call("copy");
  const View x = call.first(from, "x");
  const Result y = call.result(x.sizes());
  with_float(x.dtype(), "copy", [&]<class T>(T) {
    const Copy<T> args{.x = x.as<T>(), .y = y.as<T>(), .n = x.size(), .accumulate = false};
    run<copy<T>>("copy", 4.0 * double(args.n), args);
  });
  return y;
}

py::dict pool_stats_py() {
  const PoolStats s = pool_stats();
  py::dict d;
  d["in_use"] = s.in_use, d["cached"] = s.cached, d["allocations"] = s.allocations, d["reuses"] = s.reuses;
  d["peak"] = pool_peak();
  return d;
}

std::string isa_py() { return isa_name(active_isa()); }
void use_isa_py(const std::string& name) { use_isa(parse_isa(name)); }
py::list host_isas_py() {
  py::list names;
  for (Isa i : {Isa::v2, Isa::v3, Isa::v4, Isa::neon})
    if (host_has(i)) names.append(py::str(isa_name(i)));
  return names;
}
std::string compiler_py() { return LAMINA_COMPILER; }
py::tuple caches_py() { return py::make_tuple(caches().l1d, caches().l2, caches().l3); }
void set_num_threads_py(dim_t n) {
  check(n >= 1 && n <= 1024, "set_num_threads: expected 1 to 1024, got ", n);
  set_num_threads(static_cast<int>(n));
}
std::uintptr_t address_py(py::handle a) {
  if (!py::isinstance<py::array>(a)) throw py::type_error(concat("address: expected an array, got ", describe(a)));
  return reinterpret_cast<std::uintptr_t>(py::detail::array_proxy(a.ptr())->data);
}

// Whether the list or dict holds the very objects of the tuple.
bool holds_items(PyObject* container, PyObject* items) {
  if (!PyTuple_Check(items))
    throw py::type_error(concat("hold_same: contents: expected a tuple, got ", describe(items)));
  const Py_ssize_t n = PyTuple_GET_SIZE(items);
  Py_ssize_t i = 0;
  if (PyDict_Check(container)) {
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(container, &at, &key, &value);)
      if (i >= n || value != PyTuple_GET_ITEM(items, i++)) return false;
    return i == n;
  }
  if (!PyList_Check(container))
    throw py::type_error(concat("hold_same: contents: expected a list or dict, got ", describe(container)));
  if (PyList_GET_SIZE(container) != n) return false;
  for (; i < n; i++)
    if (PyList_GET_ITEM(container, i) != PyTuple_GET_ITEM(items, i)) return false;
  return true;
}

bool hold_same_py(const py::tuple& containers, const py::tuple& items) {
  check(containers.size() == items.size(), "hold_same: ", containers.size(), " containers, ", items.size(), " tuples");
  for (py::ssize_t i = 0; i < py::ssize_t(items.size()); i++)
    if (!holds_items(PyTuple_GET_ITEM(containers.ptr(), i), PyTuple_GET_ITEM(items.ptr(), i))) return false;
  return true;
}

}  // namespace

void bind_core(py::module_& m) {
  watch_forks();
  make_dtypes();
  if (const char* wanted = std::getenv("LAMINA_ISA"))
    if (*wanted && std::strcmp(wanted, isa_name(active_isa())) != 0)
      throw py::import_error(
          concat("LAMINA_ISA=", wanted, " is not an instruction set of this host; its best is ", isa_name(best_isa())));
  define(m, "isa", isa_py, "", "The instruction set in use.");
  define(m, "use_isa", use_isa_py, "name",
         "Switch the kernels' instruction set (tests); not while other threads compute.");
  define(m, "host_isas", host_isas_py, "", "The instruction sets that this host can run.");
  define(m, "has_bfloat16", has_bfloat16, "", "Whether products can take operands rounded to bfloat16.");
  define(m, "fast_bfloat16", fast_bfloat16, "", "Whether that is faster than float32, measured once in a process.");
  define(m, "compiler", compiler_py, "", "The compiler that built this module.");
  define(m, "caches", caches_py, "", "Bytes of L1d, L2, L3.");
  define(m, "set_num_threads", set_num_threads_py, "n", "Threads that an operation may use.");
  define(m, "get_num_threads", get_num_threads, "", "Threads that an operation may use now.");
  define(m, "work_alone", work_alone, "on", "Whether operations of the calling thread stay on it.");
  define(m, "default_threads", default_threads, "", "What the machine, its affinity mask and its cgroup allow.");
  define(m, "cgroup_quota", cgroup_quota, with_defaults("root", ""),
         "CPUs that the cgroup's quota allows; 0 without one.");
  define(m, "physical_cores", physical_cores, with_defaults("root", ""),
         "Cores without hyper-threads; 0 where unknown.");
  define(m, "affinity_count", affinity_count, "", "Processors in this process's affinity mask.");
  define(m, "pool_stats", pool_stats_py, "",
         "Bytes in use and cached, blocks allocated and reused, most bytes in use.");
  define(m, "pool_reset_peak", pool_reset_peak, "", "Let the most bytes in use be those in use now.");
  define(m, "pool_clear", pool_clear, "", "Give cached blocks back to the system.");
  define(m, "pool_set_limit", pool_set_limit, "bytes", "Bytes kept for reuse.");
  define(m, "pool_set_poison", pool_set_poison, "on", "Fill fresh blocks with NaN (tests).");
  define(m, "empty", empty_py, "shape, dtype", "An uninitialised array from the pool.");
  define(m, "full", full_py, "shape, value, dtype", "A constant array from the pool.");
  define(m, "copy", copy_py, "x", "A copy in the pool.");
  define(m, "copy_into", copy_into_py, with_defaults("x, y, accumulate", false),
         "y = x or y += x; equal sizes, shapes may differ.");
  define(m, "hold_same", hold_same_py, "containers, items",
         "Whether each list, or the values of a dict, are the very objects of its tuple, in their order.");
  define(m, "address", address_py, "x", "Where an array's data stands.");
}

}  // namespace lamina
