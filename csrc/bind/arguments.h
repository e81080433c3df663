// Python objects as numbers, names and lists: one conversion for every argument, with Python's own kind of error, which
// names the function and the argument. No error indicator is left set.
#pragma once
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/types.h"

namespace lamina {

namespace py = pybind11;

// What came instead, for messages: "ndarray of shape (1,)", "str 'relu'", "None".
std::string describe(py::handle h);

// Whatever has __index__ (Python's and NumPy's integers, 0-d integer arrays); ValueError outside least..most.
dim_t to_integer(py::handle h, const char* op, const char* name, dim_t least = INT64_MIN, dim_t most = INT64_MAX);
// Whatever has __float__ or __index__, unless it is an array with axes.
double to_number(py::handle h, const char* op, const char* name);
// A Python or NumPy bool, or an integer.
bool to_bool(py::handle h, const char* op, const char* name);
std::string to_text(py::handle h, const char* op, const char* name);
// The items of a list, a tuple or any other sequence but text.
py::tuple to_items(py::handle h, const char* op, const char* name, const char* of);

// The value that a table of names gives to `name`.
template <class Value, std::size_t N>
Value value_named(const std::string& name, const std::pair<const char*, Value> (&table)[N], const char* what) {
  for (const auto& [key, value] : table)
    if (name == key) return value;
  std::string all;
  for (const auto& entry : table) all += concat(all.empty() ? "" : ", ", entry.first);
  throw py::value_error(concat("no ", what, " '", name, "'; there are ", all));
}

// The C++ object behind one of this module's classes; TypeError for other objects, and for one that was made without
// its constructor (Plan.__new__(Plan)).
template <class T>
T& to_bound(py::handle h, const char* op, const char* name) {
  if (!py::isinstance<T>(h)) {
    const auto wanted = py::str(py::type::of<T>().attr("__name__"));
    throw py::type_error(concat(op, ": ", name, ": expected a ", std::string(wanted), ", got ", describe(h)));
  }
  const auto made = reinterpret_cast<py::detail::instance*>(h.ptr())->get_value_and_holder();
  if (!made.value_ptr() || !made.holder_constructed())
    throw py::type_error(concat(op, ": ", name, ": this object was made without its constructor"));
  return *static_cast<T*>(made.value_ptr());
}

template <class T>
decltype(auto) convert(py::handle h, const char* op, const char* name) {
  if constexpr (std::is_same_v<T, bool>) {
    return to_bool(h, op, name);
  } else if constexpr (std::is_same_v<T, std::size_t>) {
    return static_cast<std::size_t>(to_integer(h, op, name, 0));
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(to_integer(h, op, name, std::numeric_limits<T>::min(), dim_t(std::numeric_limits<T>::max())));
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(to_number(h, op, name));
  } else if constexpr (std::is_same_v<T, std::string>) {
    return to_text(h, op, name);
  } else if constexpr (std::is_same_v<T, std::vector<dim_t>>) {
    T values;
    for (py::handle item : to_items(h, op, name, "integers")) values.push_back(to_integer(item, op, name));
    return values;
  } else if constexpr (std::is_same_v<T, py::tuple>) {
    return to_items(h, op, name, "arrays");
  } else {
    return to_bound<T>(h, op, name);
  }
}

}  // namespace lamina
