#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/indices.h"
#include "bind/touched_rows.h"
#include "ops/embedding.h"

namespace lamina {
namespace {

py::array embedding_forward_py(py::handle indices_, py::handle table_) {
  Call call("embedding");
  const View table = call.first(table_, "table"), indices = call.input_of_any(indices_, "indices");
  check(table.ndim() == 2, "embedding: table must be (rows, features), got ", table.sizes());
  std::vector<dim_t> shape = indices.sizes().vector();
  shape.push_back(table.dim(1));
  const Indices parsed = parse_indices(indices, "embedding", "indices");
  const Result y = call.result(shape);
  with_float(table.dtype(), "embedding", [&]<class T>(T) {
    const EmbeddingForward<T> a{
        .indices = parsed, .table = table.as<T>(), .y = y.as<T>(), .V = table.dim(0), .D = table.dim(1)};
    run<embedding_forward<T>>("embedding_forward", 4.0 * double(parsed.n) * double(a.D), a);
  });
  return y;
}

void embedding_backward_py(py::handle indices_, py::handle dy_, py::handle dtable_, int accumulate,
                           py::handle touched_) {
  Call call("embedding", accumulate);
  const View dy = call.first(dy_, "dy"), indices = call.input_of_any(indices_, "indices");
  const Indices parsed = parse_indices(indices, "embedding", "indices");
  check(dy.ndim() == indices.ndim() + 1 && indices.sizes().fit({dy.shape(), dy.ndim() - 1}), "embedding: dy is ",
        dy.sizes(), ", indices ", indices.sizes());
  const auto dtable = call.gradient(dtable_, "dtable", {kAny, dy.dim(-1)}, 0);
  if (!dtable.v) return;
  TouchedRows* touched = parse_touched(touched_, "embedding", *dtable.v);
  with_float(dy.dtype(), "embedding", [&]<class T>(T) {
    const EmbeddingBackward<T> a{.indices = parsed,
                                 .dy = dy.as<T>(),
                                 .dtable = dtable.as<T>(),
                                 .V = dtable.v->dim(0),
                                 .D = dtable.v->dim(1),
                                 .touched = touched};
    const dim_t cleared = touched && !touched->all() ? touched->count() : a.V;
    run<embedding_backward<T>>("embedding_backward", 4.0 * double(parsed.n + cleared) * double(a.D), a);
  });
}

constexpr dim_t kMostRows = dim_t(1) << 34;  // a bit each: 2 GiB

TouchedRows make_touched_rows(dim_t table_rows) {
  check(table_rows >= 0 && table_rows <= kMostRows, "TouchedRows: table_rows is ", table_rows, ", expected 0 to ",
        kMostRows);
  return TouchedRows(table_rows);
}

void touch_all_py(TouchedRows& touched) {
  keep_for_plan(py::cast(&touched));
  run<touch_all>("touch_all", 0.0, TouchAll{.touched = &touched});
}

py::array rows_py(TouchedRows& touched) {
  check(!touched.all(), "TouchedRows: all rows are touched, there is no list of them");
  const Result rows({touched.count()}, Dtype::i64);
  for (dim_t i = 0; i < touched.count(); i++) rows.as<std::int64_t>()[i] = touched[i];
  return rows;
}

void mark_py(TouchedRows& touched, py::handle rows_) {
  Call call("TouchedRows.mark");
  const View rows = call.first(rows_, "rows");
  const auto* r = rows.as<const std::int64_t>();
  for (dim_t i = 0; i < rows.size(); i++)
    check_index(r[i] >= 0 && r[i] < touched.table_rows(), "TouchedRows.mark: there is no row ", r[i], " among ",
                touched.table_rows());
  for (dim_t i = 0; i < rows.size(); i++) touched.mark(r[i]);
}

bool all_py(TouchedRows& touched) { return touched.all(); }
TouchedRows copy_of(TouchedRows& touched, py::handle) { return touched; }

}  // namespace

void bind_embedding(py::module_& m) {
  py::class_<TouchedRows> rows(m, "TouchedRows", "The rows of a table whose gradient may not be zero; none at first.");
  define_constructor(rows, make_touched_rows, with_defaults("table_rows"));
  define_property(rows, "all", all_py, "Whether every row may have a gradient.");
  define_property(rows, "rows", rows_py, "The touched rows (int64) in the order of their first occurrence.");
  define(rows, "mark", mark_py, "rows", "Note that these rows (int64) may have a gradient, too.");
  define(rows, "__deepcopy__", copy_of, "memo");
  define(m, "embedding_forward", embedding_forward_py, "indices, table",
         "table[indices]; an index out of range is an IndexError that names it.");
  define(m, "embedding_backward", embedding_backward_py,
         with_defaults("indices, dy, dtable, accumulate, touched", 0, py::none()),
         "The gradient of the table; with touched (TouchedRows), which says where dtable is not zero, only those rows "
         "are cleared, and the indices' rows become the touched ones.");
  define(m, "touch_all", touch_all_py, "touched", "Note that every row may have a gradient.");
}

}  // namespace lamina
