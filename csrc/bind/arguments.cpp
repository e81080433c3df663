#include "bind/arguments.h"

#include <pybind11/numpy.h>

#include <cstring>

namespace lamina {
namespace {

// To be called after a call into Python has failed. A TypeError, OverflowError or ValueError says that the object does
// not convert: it is cleared, and the caller raises one in its own words. Any other error comes from the object's own
// code and is thrown on.
void clear_or_rethrow() {
  if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_OverflowError) &&
      !PyErr_ExceptionMatches(PyExc_ValueError))
    throw py::error_already_set();
  PyErr_Clear();
}

[[noreturn]] void wrong_type(const char* op, const char* name, const char* wanted, py::handle h) {
  throw py::type_error(concat(op, ": ", name, ": expected ", wanted, ", got ", describe(h)));
}

bool is_numpy_bool(py::handle h) {
  const char* type = Py_TYPE(h.ptr())->tp_name;
  return std::strcmp(type, "numpy.bool") == 0 || std::strcmp(type, "numpy.bool_") == 0;
}

bool has_axes(py::handle h) { return py::isinstance<py::array>(h) && py::reinterpret_borrow<py::array>(h).ndim() > 0; }

}  // namespace

std::string describe(py::handle h) {
  if (h.is_none()) return "None";
  const char* full = Py_TYPE(h.ptr())->tp_name;
  const char* dot = std::strrchr(full, '.');
  const std::string type = dot ? dot + 1 : full;
  if (py::isinstance<py::array>(h)) {
    const auto a = py::reinterpret_borrow<py::array>(h);
    std::string shape;
    for (py::ssize_t i = 0; i < a.ndim(); i++) shape += concat(i ? ", " : "", a.shape(i));
    return concat(type, " of shape (", shape, a.ndim() == 1 ? ",)" : ")");
  }
  const bool plain = PyUnicode_CheckExact(h.ptr()) || PyFloat_CheckExact(h.ptr()) || PyBool_Check(h.ptr());
  if (!plain) return type;
  std::string text = py::repr(h);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return type + " " + text;
}

dim_t to_integer(py::handle h, const char* op, const char* name, dim_t least, dim_t most) {
  py::object number = py::reinterpret_borrow<py::object>(h);
  if (!PyLong_CheckExact(h.ptr())) {
    if (!PyIndex_Check(h.ptr()) || has_axes(h)) wrong_type(op, name, "an integer", h);
    number = py::reinterpret_steal<py::object>(PyNumber_Index(h.ptr()));
    if (!number) {
      clear_or_rethrow();
      wrong_type(op, name, "an integer", h);
    }
  }
  int overflow = 0;
  const long long n = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  check(!overflow, op, ": ", name, ": the integer does not fit into 64 bits");
  check(n >= least, op, ": ", name, ": ", n, " is too small, expected ", least, " or more");
  check(n <= most, op, ": ", name, ": ", n, " is too large, expected ", most, " or less");
  return n;
}

double to_number(py::handle h, const char* op, const char* name) {
  if (PyFloat_CheckExact(h.ptr())) return PyFloat_AS_DOUBLE(h.ptr());
  if (has_axes(h)) wrong_type(op, name, "a number", h);
  const double value = PyFloat_AsDouble(h.ptr());
  if (value == -1.0 && PyErr_Occurred()) {
    const bool too_large = PyErr_ExceptionMatches(PyExc_OverflowError);
    clear_or_rethrow();
    check(!too_large, op, ": ", name, ": the number is too large for a float");
    wrong_type(op, name, "a number", h);
  }
  return value;
}

bool to_bool(py::handle h, const char* op, const char* name) {
  if (h.ptr() == Py_True) return true;
  if (h.ptr() == Py_False) return false;
  if (is_numpy_bool(h)) return PyObject_IsTrue(h.ptr()) == 1;
  if (!PyIndex_Check(h.ptr()) || has_axes(h)) wrong_type(op, name, "True or False", h);
  return to_integer(h, op, name) != 0;
}

std::string to_text(py::handle h, const char* op, const char* name) {
  if (!PyUnicode_Check(h.ptr())) wrong_type(op, name, "a name (str)", h);
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(h.ptr(), &size);
  if (!text) {  // a lone surrogate
    PyErr_Clear();
    throw py::value_error(concat(op, ": ", name, ": a name of characters that are no valid Unicode"));
  }
  return {text, static_cast<std::size_t>(size)};
}

py::tuple to_items(py::handle h, const char* op, const char* name, const char* of) {
  if (PyTuple_CheckExact(h.ptr())) return py::reinterpret_borrow<py::tuple>(h);
  const std::string wanted = concat("a sequence of ", of);
  if (!PySequence_Check(h.ptr()) || PyUnicode_Check(h.ptr()) || PyBytes_Check(h.ptr()))
    wrong_type(op, name, wanted.c_str(), h);
  auto items = py::reinterpret_steal<py::tuple>(PySequence_Tuple(h.ptr()));
  if (!items) {
    clear_or_rethrow();
    wrong_type(op, name, wanted.c_str(), h);
  }
  return items;
}

}  // namespace lamina
