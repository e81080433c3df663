#include "bind/direct.h"

#include <pybind11/numpy.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "bind/arguments.h"
#include "bind/define.h"
#include "bind/tensor.h"

namespace lamina {
namespace {

constexpr std::size_t kMostArguments = 8;

// An operation: a native function of arrays and constants, and the Python function that puts its result on the tape.
struct Direct {
  py::object forward;
  std::vector<py::object> constants;  // arguments behind the arrays,
  std::size_t numbers;                // and behind these so many that the caller gives
  std::size_t tensors;                // how many come first: one or two
  bool swapped, takes_number;         // the second one first; one of two may be a number
  py::object record;                  // (tensors, result, constants, numbers) -> tensor; None without a gradient
  TensorClass tensor;
};

const char* const kCapsule = "lamina.direct";

bool is_number(PyObject* o) { return PyFloat_CheckExact(o) || PyLong_CheckExact(o); }

bool is_float(const py::detail::PyArray_Proxy* a) {
  static PyObject* const types[] = {py::dtype::of<float>().release().ptr(), py::dtype::of<double>().release().ptr()};
  return a->descr == types[0] || a->descr == types[1];
}

bool same_shape(const py::detail::PyArray_Proxy* a, const py::detail::PyArray_Proxy* b) {
  return a->nd == b->nd && std::equal(a->dimensions, a->dimensions + a->nd, b->dimensions);
}

// The result, or nothing where the arguments are not tensors of floats of one type (and numbers, where they may be).
py::object call(const Direct& d, PyObject* const* args, std::size_t n) {
  if (n != d.tensors + d.numbers) return {};
  py::object arrays[2];
  const py::detail::PyArray_Proxy* first = nullptr;
  bool wants_grad = false, differ = false;
  for (std::size_t i = 0; i < d.tensors; i++) {
    if (!d.tensor.is(args[i])) {
      if (!d.takes_number || !is_number(args[i])) return {};
      arrays[i] = py::reinterpret_borrow<py::object>(args[i]);
      continue;
    }
    arrays[i] = d.tensor.array.get(args[i]);
    if (!arrays[i] || !py::isinstance<py::array>(arrays[i])) return {};
    const auto* a = py::detail::array_proxy(arrays[i].ptr());
    if (first ? a->descr != first->descr : !is_float(a)) return {};
    differ = first && !same_shape(first, a);
    first = a;
    wants_grad = wants_grad || d.tensor.requires_grad.is(args[i], Py_True);
  }
  // Gradients of operands that were broadcast take a way of their own.
  wants_grad = wants_grad && !d.record.is_none();
  if (!first || (wants_grad && differ)) return {};

  PyObject* stack[kMostArguments];
  std::size_t count = 0;
  for (std::size_t i = 0; i < d.tensors; i++) stack[count++] = arrays[d.swapped ? d.tensors - 1 - i : i].ptr();
  for (const py::object& o : d.constants) stack[count++] = o.ptr();
  for (std::size_t i = d.tensors; i < n; i++) {
    if (!is_number(args[i])) return {};
    stack[count++] = args[i];
  }
  auto result = py::reinterpret_steal<py::object>(PyObject_Vectorcall(d.forward.ptr(), stack, count, nullptr));
  if (!result) throw py::error_already_set();
  if (!wants_grad) return d.tensor.wrap(result);
  count = 0;
  for (std::size_t i = 0; i < d.tensors; i++) stack[count++] = args[i];
  stack[count++] = result.ptr();
  for (const py::object& o : d.constants) stack[count++] = o.ptr();
  for (std::size_t i = d.tensors; i < n; i++) stack[count++] = args[i];
  result = py::reinterpret_steal<py::object>(PyObject_Vectorcall(d.record.ptr(), stack, count, nullptr));
  if (!result) throw py::error_already_set();
  return result;
}

PyObject* entry(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  const auto* d = static_cast<const Direct*>(PyCapsule_GetPointer(self, kCapsule));
  if (!d) return nullptr;
  try {
    py::object result = call(*d, args, static_cast<std::size_t>(n));
    return (result ? std::move(result) : py::none()).release().ptr();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (...) {
    py::detail::try_translate_exceptions();
  }
  return nullptr;
}

PyMethodDef definition = {"direct", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(entry)), METH_FASTCALL,
                          "The result of the operation, or None where it must take its other way."};

py::object direct_py(py::handle forward, const py::tuple& constants, std::size_t tensors, std::size_t numbers,
                     bool swapped, bool takes_number, py::handle record, py::handle tensor) {
  check(tensors == 1 || tensors == 2, "direct: tensors: expected 1 or 2, got ", tensors);
  check(tensors + constants.size() + numbers < kMostArguments, "direct: more than ", kMostArguments - 1, " arguments");
  for (py::handle function : {forward, record})
    if (!PyCallable_Check(function.ptr()) && !function.is_none())
      throw py::type_error(concat("direct: expected a function, got ", describe(function)));
  if (forward.is_none()) throw py::type_error("direct: forward: expected a function, got None");
  auto d = std::make_unique<Direct>(Direct{.forward = py::reinterpret_borrow<py::object>(forward),
                                           .constants = {},
                                           .numbers = numbers,
                                           .tensors = tensors,
                                           .swapped = swapped,
                                           .takes_number = takes_number,
                                           .record = py::reinterpret_borrow<py::object>(record),
                                           .tensor = TensorClass(tensor)});
  for (py::handle o : constants) d->constants.push_back(py::reinterpret_borrow<py::object>(o));
  const py::capsule owner(d.release(), kCapsule, [](void* p) { delete static_cast<Direct*>(p); });
  PyObject* function = PyCFunction_New(&definition, owner.ptr());
  if (!function) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(function);
}

}  // namespace

void bind_direct(py::module_& m) {
  define(m, "direct", direct_py, "forward, constants, tensors, numbers, swapped, takes_number, record, tensor",
         "An operation on tensors by a native function of their arrays: called with what needs a conversion, it gives "
         "None.");
}

}  // namespace lamina
