#include <algorithm>

#include "bind/array.h"
#include "bind/families.h"
#include "bind/indices.h"
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

void embedding_backward_py(py::handle indices_, py::handle dy_, py::handle dtable_, int accumulate) {
  const View indices = input(indices_, "embedding", "indices"), dy = input(dy_, "embedding", "dy");
  if (dtable_.is_none()) return;
  const View dtable = output(dtable_, "embedding", "dtable");
  const Indices parsed = parse_indices(indices, "embedding", "indices");
  check(dtable.ndim() == 2 && dy.dtype() == dtable.dtype() && dy.size() == parsed.n * dtable.dim(1),
        "embedding: dy is ", dy.shape_string(), ", dtable ", dtable.shape_string(), ", indices ",
        indices.shape_string());
  with_float(dy.dtype(), "embedding", [&](auto t) {
    using T = decltype(t);
    const EmbeddingBackward<T> a{parsed,         dy.as<T>(),
                                 dtable.as<T>(), accumulate & 1 ? Grad::accumulate : Grad::write,
                                 dtable.dim(0),  dtable.dim(1)};
    run<embedding_backward<T>>("embedding_backward", 4.0 * double(parsed.n + a.V) * double(a.D), a);
  });
}

py::tuple embedding_rows_backward_py(py::handle indices_, py::handle dy_, dim_t table_rows) {
  const View indices = input(indices_, "embedding", "indices"), dy = input(dy_, "embedding", "dy");
  const Indices parsed = parse_indices(indices, "embedding", "indices");
  check(table_rows >= 0, "embedding: table_rows is ", table_rows, ", expected 0 or more");
  check(dy.ndim() == indices.ndim() + 1 && dy.rows() == parsed.n, "embedding: dy is ", dy.shape_string(), ", indices ",
        indices.shape_string(), "; expected one more axis");
  const dim_t D = dy.dim(-1), room = std::min(parsed.n, table_rows);
  py::array rows = empty({room}, Dtype::i64), values = empty({room, D}, dy.dtype()), count = empty({1}, Dtype::i64);
  with_float(dy.dtype(), "embedding", [&](auto t) {
    using T = decltype(t);
    const EmbeddingRowsBackward<T> a{parsed,
                                     dy.as<T>(),
                                     static_cast<dim_t*>(data_of(rows)),
                                     static_cast<T*>(data_of(values)),
                                     static_cast<dim_t*>(data_of(count)),
                                     table_rows,
                                     D};
    run<embedding_rows_backward<T>>("embedding_rows_backward", 4.0 * double(parsed.n) * double(D + 1), a);
  });
  return py::make_tuple(rows, values, count);
}

}  // namespace

void bind_embedding(py::module_& m) {
  m.def("embedding_forward", embedding_forward_py, py::arg("indices"), py::arg("table"),
        "table[indices]; an index out of range is an IndexError that names it.");
  m.def("embedding_backward", embedding_backward_py, py::arg("indices"), py::arg("dy"), py::arg("dtable"),
        py::arg("accumulate") = 0, "The gradient of the table.");
  m.def("embedding_rows_backward", embedding_rows_backward_py, py::arg("indices"), py::arg("dy"), py::arg("table_rows"),
        "The gradient of the rows that occur alone: (rows, values, count). The first count[0] of rows (int64, "
        "ascending) and of values (their gradients) are valid; there is room for as many as could occur.");
}

}  // namespace lamina
