// An optional argument: the rows of a table that have a gradient.
#pragma once
#include "bind/array.h"
#include "ops/touched_rows.h"

namespace lamina {

inline TouchedRows* parse_touched(py::handle h, const char* op, const View& table) {
  if (h.is_none()) return nullptr;
  auto* touched = &to_bound<TouchedRows>(h, op, "touched");
  check(table.ndim() > 0 && touched->table_rows() == table.dim(0), op, ": touched is of ", touched->table_rows(),
        " rows, the table ", table.sizes());
  keep_for_plan(py::reinterpret_borrow<py::object>(h));
  return touched;
}

}  // namespace lamina
