// An optional argument: the rows of a table that have a gradient.
#pragma once
#include "bind/array.h"
#include "ops/touched_rows.h"

namespace lamina {

extern thread_local std::vector<py::object>* kept_objects;  // array.cpp: what the plan under record must keep alive

inline TouchedRows* parse_touched(py::handle h, const char* op, const View& table) {
  if (h.is_none()) return nullptr;
  if (!py::isinstance<TouchedRows>(h)) throw py::type_error(concat(op, ": touched must be a TouchedRows or None"));
  auto* touched = h.cast<TouchedRows*>();
  check(table.ndim() > 0 && touched->table_rows() == table.dim(0), op, ": touched is of ", touched->table_rows(),
        " rows, the table ", table.shape_string());
  if (recording && kept_objects) kept_objects->push_back(py::reinterpret_borrow<py::object>(h));
  return touched;
}

}  // namespace lamina
