// Python's tensors as they stand in memory: classes with __slots__, whose values are read and set where the class's
// member descriptors say, also those of its subclasses. Everything here runs with the GIL.
#pragma once
#include <pybind11/pybind11.h>
// After Python.h:
#include <structmember.h>

#include "bind/arguments.h"

namespace lamina {

// One slot of a class.
class Member {
 public:
  Member() = default;
  Member(py::handle cls, const char* name) {
    const py::object descriptor = py::getattr(cls, name, py::none());
    if (!PyObject_TypeCheck(descriptor.ptr(), &PyMemberDescr_Type))
      throw py::type_error(concat(describe(cls), " is no class with a slot ", name));
    member_ = reinterpret_cast<PyMemberDescrObject*>(descriptor.ptr())->d_member;
  }
  // The value; nothing where it was never set.
  py::object get(PyObject* o) const {
    PyObject* value = PyMember_GetOne(reinterpret_cast<const char*>(o), member_);
    if (!value) PyErr_Clear();
    return py::reinterpret_steal<py::object>(value);
  }
  bool is(PyObject* o, PyObject* wanted) const { return get(o).ptr() == wanted; }
  void set(PyObject* o, PyObject* value) const {
    if (PyMember_SetOne(reinterpret_cast<char*>(o), member_, value) != 0) throw py::error_already_set();
  }

 private:
  PyMemberDef* member_ = nullptr;
};

// The class Tensor.
class TensorClass {
 public:
  TensorClass() = default;
  explicit TensorClass(py::handle cls)
      : array(cls, "_array"),
        node(cls, "_node"),
        grad(cls, "_grad"),
        grad_is_set(cls, "_grad_is_set"),
        requires_grad(cls, "requires_grad"),
        class_(py::reinterpret_borrow<py::object>(cls)) {}

  Member array, node, grad, grad_is_set, requires_grad;

  bool is_known() const { return bool(class_); }
  bool is_exactly(PyObject* o) const { return reinterpret_cast<PyObject*>(Py_TYPE(o)) == class_.ptr(); }
  bool is(PyObject* o) const { return PyObject_TypeCheck(o, reinterpret_cast<PyTypeObject*>(class_.ptr())); }
  // A leaf around an array, as autograd.wrap makes it.
  py::object wrap(const py::handle& values) const {
    auto* type = reinterpret_cast<PyTypeObject*>(class_.ptr());
    auto t = py::reinterpret_steal<py::object>(type->tp_alloc(type, 0));
    if (!t) throw py::error_already_set();
    array.set(t.ptr(), values.ptr());
    node.set(t.ptr(), Py_None);
    grad.set(t.ptr(), Py_None);
    grad_is_set.set(t.ptr(), Py_False);
    requires_grad.set(t.ptr(), Py_False);
    return t;
  }

 private:
  py::object class_;
};

}  // namespace lamina
