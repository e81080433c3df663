#include "bind/wrong_call.h"

#include <string>

#include "core/check.h"

namespace lamina {

namespace py = pybind11;

namespace {

using Function = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

Function dispatch = nullptr;  // pybind11's: all its functions share one

// "(x: int, y: tuple[int, int]) -> None" as "x, y".
std::string parameters(const std::string& signature) {
  std::string names;
  int depth = 0;
  bool in_name = false;
  for (const char c : signature) {
    const bool opens = c == '(' || c == '[', closes = c == ')' || c == ']';
    if (opens && ++depth == 1) in_name = true;
    if (closes && --depth == 0) break;
    if (c == ':') in_name = false;
    if (depth == 1 && c == ',') {
      in_name = true;
      names += ", ";
    } else if (in_name && !opens && c != ' ') {
      names += c;
    }
  }
  return names;
}

std::string given(Py_ssize_t count, PyObject* keywords) {
  std::string text = concat(count, count == 1 ? " argument" : " arguments");
  for (Py_ssize_t i = 0; keywords && i < PyTuple_GET_SIZE(keywords); i++) {
    const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(keywords, i));
    if (!name) PyErr_Clear();
    text += concat(i ? ", " : count ? " and " : "; ", name ? name : "?", "=");
  }
  return text;
}

// The error that pybind11 left, replaced if it is about the number or the names of the arguments.
void tell(Py_ssize_t count, PyObject* keywords) {
  if (!PyErr_ExceptionMatches(PyExc_TypeError)) return;
  py::error_already_set error;
  const std::string text = py::str(error.value());
  const auto end = text.find("(): incompatible "), first = text.find("    1. ");
  if (end == std::string::npos || first == std::string::npos) return error.restore();
  const std::string signature = text.substr(first + 7, text.find('\n', first) - first - 7);
  std::string name = end ? text.substr(0, end) : "property";
  if (name == "__init__") {  // shown as "lamina._native.Plan(...)", the object itself being the first argument
    count--;
    name = signature.substr(0, signature.find('('));
    name = name.substr(name.rfind('.') + 1);
  }
  const std::string names = parameters(signature);
  const std::string wanted = names.empty() ? "no arguments" : concat("the arguments (", names, "), each of them once");
  const std::string message = concat(name, ": takes ", wanted, "; got ", given(count, keywords));
  PyErr_SetString(PyExc_TypeError, message.c_str());
}

PyObject* call_or_tell(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* keywords) {
  PyObject* result = dispatch(self, arguments, count, keywords);
  if (!result) [[unlikely]]
    tell(count, keywords);
  return result;
}

void rename_errors(py::handle h) {
  if (h && PyInstanceMethod_Check(h.ptr())) h = PyInstanceMethod_GET_FUNCTION(h.ptr());
  if (!h || !PyCFunction_Check(h.ptr())) return;
  PyMethodDef* definition = reinterpret_cast<PyCFunctionObject*>(h.ptr())->m_ml;
  if (definition->ml_flags != (METH_FASTCALL | METH_KEYWORDS)) return;
  const auto own = reinterpret_cast<Function>(reinterpret_cast<void (*)()>(definition->ml_meth));
  if (own == call_or_tell) return;
  if (!dispatch) dispatch = own;
  if (own == dispatch) definition->ml_meth = reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call_or_tell));
}

}  // namespace

void name_wrong_calls(py::module_& m) {
  for (auto [_, value] : py::dict(m.attr("__dict__"))) {
    rename_errors(value);
    if (!PyType_Check(value.ptr())) continue;
    for (py::handle member : py::list(value.attr("__dict__").attr("values")()))
      rename_errors(PyObject_TypeCheck(member.ptr(), &PyProperty_Type) ? member.attr("fget") : member);
  }
}

}  // namespace lamina
