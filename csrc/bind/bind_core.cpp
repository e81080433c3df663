// Threads, instruction sets, memory pool, and arrays as such.
#include <cstdlib>
#include <cstring>
#include <map>

#include "bind/array.h"
#include "bind/families.h"
#include "core/cpu.h"
#include "core/fork.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/copy.h"

namespace lamina {
namespace {

Isa parse_isa(const std::string& name) {
  for (Isa i : {Isa::v2, Isa::v3, Isa::v4, Isa::neon})
    if (name == isa_name(i)) return i;
  throw py::value_error("unknown instruction set '" + name + "'; expected v2, v3, v4 or neon");
}

py::array empty_py(const std::vector<dim_t>& shape, py::handle dtype) {
  return empty(shape, parse_dtype(dtype, "empty"));
}

py::array full_py(const std::vector<dim_t>& shape, double value, py::handle dtype) {
  const Dtype d = parse_dtype(dtype, "full");
  py::array a = empty(shape, d);
  auto fill_as = [&](auto t) {
    using T = decltype(t);
    const Fill<T> args{static_cast<T*>(data_of(a)), static_cast<dim_t>(a.size()), T(value)};
    run<fill<T>>("fill", double(args.n), args);
  };
  switch (d) {
    case Dtype::i32:
      fill_as(std::int32_t{});
      break;
    case Dtype::i64:
      fill_as(std::int64_t{});
      break;
    case Dtype::u8:
    case Dtype::boolean:
      fill_as(std::uint8_t{});
      break;
    default:
      with_float(d, "full", fill_as);
  }
  return a;
}

void copy_into_py(py::handle from, py::handle to, bool accumulate) {
  const View x = input(from, "copy_into", "x"), y = output(to, "copy_into", "y");
  check(x.size() == y.size() && x.dtype() == y.dtype(), "copy_into: x is ", x.shape_string(), " ",
        dtype_name(x.dtype()), ", y is ", y.shape_string(), " ", dtype_name(y.dtype()));
  with_float(x.dtype(), "copy_into", [&](auto t) {
    using T = decltype(t);
    const Copy<T> args{x.as<T>(), y.as<T>(), x.size(), accumulate};
    run<copy<T>>("copy", 4.0 * double(args.n), args);
  });
}

py::array copy_py(py::handle from) {
  const View x = input(from, "copy", "x");
  py::array y = empty_like(x);
  copy_into_py(x.handle(), y, false);
  return y;
}

std::map<std::string, std::size_t> pool_stats_py() {
  const PoolStats s = pool_stats();
  return {{"in_use", s.in_use}, {"cached", s.cached}, {"allocations", s.allocations}, {"reuses", s.reuses}};
}

}  // namespace

void bind_core(py::module_& m) {
  watch_forks();
  if (const char* wanted = std::getenv("LAMINA_ISA"))
    if (*wanted && std::strcmp(wanted, isa_name(active_isa())) != 0)
      throw py::import_error(
          concat("LAMINA_ISA=", wanted, " is not an instruction set of this host; its best is ", isa_name(best_isa())));
  m.def("isa", [] { return std::string(isa_name(active_isa())); }, "The instruction set in use.");
  m.def(
      "use_isa", [](const std::string& name) { use_isa(parse_isa(name)); }, py::arg("name"),
      "Switch the kernels' instruction set (tests); not while other threads compute.");
  m.def(
      "host_isas",
      [] {
        std::vector<std::string> names;
        for (Isa i : {Isa::v2, Isa::v3, Isa::v4, Isa::neon})
          if (host_has(i)) names.emplace_back(isa_name(i));
        return names;
      },
      "The instruction sets that this host can run.");
  m.def("compiler", [] { return std::string(LAMINA_COMPILER); }, "The compiler that built this module.");
  m.def("caches", [] { return py::make_tuple(caches().l1d, caches().l2, caches().l3); }, "Bytes of L1d, L2, L3.");
  m.def(
      "set_num_threads",
      [](int n) {
        check(n >= 1 && n <= 1024, "set_num_threads: expected 1 to 1024, got ", n);
        set_num_threads(n);
      },
      py::arg("n"), "Threads that an operation may use.");
  m.def("get_num_threads", &get_num_threads, "Threads that an operation may use now.");
  m.def("default_threads", &default_threads, "What the machine, its affinity mask and its cgroup allow.");
  m.def("cgroup_quota", &cgroup_quota, py::arg("root") = "", "CPUs that the cgroup's quota allows; 0 without one.");
  m.def("physical_cores", &physical_cores, py::arg("root") = "", "Cores without hyper-threads; 0 where unknown.");
  m.def("affinity_count", &affinity_count, "Processors in this process's affinity mask.");
  m.def("pool_stats", &pool_stats_py, "Bytes in use and cached, blocks allocated and reused.");
  m.def("pool_clear", &pool_clear, "Give cached blocks back to the system.");
  m.def("pool_set_limit", &pool_set_limit, py::arg("bytes"), "Bytes kept for reuse.");
  m.def("pool_set_poison", &pool_set_poison, py::arg("on"), "Fill fresh blocks with NaN (tests).");
  m.def("empty", &empty_py, py::arg("shape"), py::arg("dtype"), "An uninitialised array from the pool.");
  m.def("full", &full_py, py::arg("shape"), py::arg("value"), py::arg("dtype"), "A constant array from the pool.");
  m.def("copy", &copy_py, py::arg("x"), "A copy in the pool.");
  m.def("copy_into", &copy_into_py, py::arg("x"), py::arg("y"), py::arg("accumulate") = false,
        "y = x or y += x; equal sizes, shapes may differ.");
  m.def(
      "address",
      [](py::handle a) {
        check(py::isinstance<py::array>(a), "address: expected an array");
        return reinterpret_cast<std::uintptr_t>(py::detail::array_proxy(a.ptr())->data);
      },
      py::arg("x"), "Where an array's data stands.");
}

}  // namespace lamina
