#include "bind/array.h"
#include "bind/families.h"
#include "bind/indices.h"
#include "bind/touched_rows.h"
#include "ops/embedding.h"

namespace lamina {
namespace {

py::array embedding_forward_py(py::handle indices_, py::handle table_) {
  const View indices = input(indices_, "embedding", "indices"), table = input(table_, "embedding", "table");
  check(table.ndim() == 2, "embedding: table must be (rows, features), got ", table.shape_string());
  std::vector<dim_t> shape(indices.shape(), indices.shape() + indices.ndim());
  shape.push_back(table.dim(1));
  const Indices parsed = parse_indices(indices, "embedding", "indices");
  py::array y = empty(shape, table.dtype());
  with_float(table.dtype(), "embedding", [&](auto t) {
    using T = decltype(t);
    const EmbeddingForward<T> a{parsed, table.as<T>(), static_cast<T*>(data_of(y)), table.dim(0), table.dim(1)};
    run<embedding_forward<T>>("embedding_forward", 4.0 * double(parsed.n) * double(a.D), a);
  });
  return y;
}

void embedding_backward_py(py::handle indices_, py::handle dy_, py::handle dtable_, int accumulate,
                           py::handle touched_) {
  const View indices = input(indices_, "embedding", "indices"), dy = input(dy_, "embedding", "dy");
  if (dtable_.is_none()) return;
  const View dtable = output(dtable_, "embedding", "dtable");
  const Indices parsed = parse_indices(indices, "embedding", "indices");
  check(dtable.ndim() == 2 && dy.dtype() == dtable.dtype() && dy.size() == parsed.n * dtable.dim(1),
        "embedding: dy is ", dy.shape_string(), ", dtable ", dtable.shape_string(), ", indices ",
        indices.shape_string());
  TouchedRows* touched = parse_touched(touched_, "embedding", dtable);
  with_float(dy.dtype(), "embedding", [&](auto t) {
    using T = decltype(t);
    const EmbeddingBackward<T> a{
        parsed,        dy.as<T>(),    dtable.as<T>(), accumulate & 1 ? Grad::accumulate : Grad::write,
        dtable.dim(0), dtable.dim(1), touched};
    const dim_t cleared = touched && !touched->all() ? touched->count() : a.V;
    run<embedding_backward<T>>("embedding_backward", 4.0 * double(parsed.n + cleared) * double(a.D), a);
  });
}

void touch_all_py(TouchedRows& touched) {
  if (recording && kept_objects) kept_objects->push_back(py::cast(&touched));
  run<touch_all>("touch_all", 0.0, TouchAll{&touched});
}

py::array rows_py(const TouchedRows& touched) {
  check(!touched.all(), "TouchedRows: all rows are touched, there is no list of them");
  py::array rows = empty({touched.count()}, Dtype::i64);
  for (dim_t i = 0; i < touched.count(); i++) static_cast<std::int64_t*>(data_of(rows))[i] = touched[i];
  return rows;
}

}  // namespace

void bind_embedding(py::module_& m) {
  py::class_<TouchedRows>(m, "TouchedRows", "The rows of a table whose gradient may not be zero; none at first.")
      .def(py::init([](dim_t table_rows) {
             check(table_rows >= 0, "TouchedRows: table_rows is ", table_rows, ", expected 0 or more");
             return TouchedRows(table_rows);
           }),
           py::arg("table_rows"))
      .def_property_readonly("all", &TouchedRows::all, "Whether every row may have a gradient.")
      .def_property_readonly("rows", rows_py, "The touched rows (int64) in the order of their first occurrence.")
      .def("__deepcopy__", [](const TouchedRows& t, py::handle) { return TouchedRows(t); }, py::arg("memo"));
  m.def("embedding_forward", embedding_forward_py, py::arg("indices"), py::arg("table"),
        "table[indices]; an index out of range is an IndexError that names it.");
  m.def("embedding_backward", embedding_backward_py, py::arg("indices"), py::arg("dy"), py::arg("dtable"),
        py::arg("accumulate") = 0, py::arg("touched") = py::none(),
        "The gradient of the table; with touched (TouchedRows), which says where dtable is not zero, only those rows "
        "are cleared, and the indices' rows become the touched ones.");
  m.def("touch_all", touch_all_py, py::arg("touched"), "Note that every row may have a gradient.");
}

}  // namespace lamina
