#include "bind/array.h"
#include "bind/families.h"
#include "ops/dense.h"
#include "ops/integer_matmul.h"

namespace lamina {
namespace {

py::array dense_forward_py(py::handle x_, py::handle w_, py::handle b_, const std::string& activation) {
  const View x = input(x_, "dense", "x"), w = input(w_, "dense", "w");
  const auto b = optional_input(b_, "dense", "b");
  check(w.ndim() == 2, "dense: w must be (in, out), got shape ", w.shape_string());
  check(x.ndim() >= 1 && x.dim(-1) == w.dim(0), "dense: x is ", x.shape_string(), " but w takes ", w.dim(0),
        " features on the last axis, w is ", w.shape_string());
  if (w.dtype() != x.dtype()) expect(w, "dense", "w", {w.dim(0), w.dim(1)}, x.dtype());
  if (b) expect(*b, "dense", "b", {w.dim(1)}, x.dtype());
  std::vector<dim_t> shape(x.shape(), x.shape() + x.ndim());
  shape.back() = w.dim(1);
  py::array y = empty(shape, x.dtype());
  with_float(x.dtype(), "dense", [&](auto t) {
    using T = decltype(t);
    const DenseForward<T> a{x.as<T>(),
                            w.as<T>(),
                            b ? b->as<T>() : nullptr,
                            static_cast<T*>(data_of(y)),
                            x.rows(),
                            w.dim(1),
                            w.dim(0),
                            parse_activation(activation, "dense")};
    run<dense_forward<T>>("dense_forward", 2.0 * double(a.M) * double(a.N) * double(a.K), a);
  });
  return y;
}

void dense_backward_py(py::handle x_, py::handle w_, py::handle y_, py::handle dy_, const std::string& activation,
                       py::handle dx_, py::handle dw_, py::handle db_, int accumulate) {
  const View x = input(x_, "dense", "x"), w = input(w_, "dense", "w"), y = input(y_, "dense", "y"),
             dy = input(dy_, "dense", "dy");
  check(w.ndim() == 2 && x.ndim() >= 1 && x.dim(-1) == w.dim(0), "dense: x is ", x.shape_string(), ", w is ",
        w.shape_string());
  expect_like(w, "dense", "w", w);
  expect_like(dy, "dense", "dy", y);
  check(y.dim(-1) == w.dim(1) && y.rows() == x.rows(), "dense: y is ", y.shape_string(), ", x is ", x.shape_string());
  const auto dx = gradient(dx_, "dense", "dx", x, accumulate, 0), dw = gradient(dw_, "dense", "dw", w, accumulate, 1);
  const auto db = optional_output(db_, "dense", "db");
  if (db) expect(*db, "dense", "db", {w.dim(1)}, w.dtype());
  with_float(x.dtype(), "dense", [&](auto t) {
    using T = decltype(t);
    const DenseBackward<T> a{x.as<T>(),
                             w.as<T>(),
                             y.as<T>(),
                             dy.as<T>(),
                             dx.as<T>(),
                             dw.as<T>(),
                             db ? db->as<T>() : nullptr,
                             dx.mode,
                             dw.mode,
                             !db                     ? Grad::skip
                             : (accumulate >> 2) & 1 ? Grad::accumulate
                                                     : Grad::write,
                             x.rows(),
                             w.dim(1),
                             w.dim(0),
                             parse_activation(activation, "dense")};
    run<dense_backward<T>>("dense_backward", 4.0 * double(a.M) * double(a.N) * double(a.K), a);
  });
}

// Operands of a product as a batch of matrices. Batch axes are equal, or one operand has none (is shared); what is
// broadcast in part is expanded by lamina.ops before.
struct Product {
  View a, b;
  dim_t batch, M, N, K;
  bool a_shared, b_shared;
  std::vector<dim_t> shape;  // of the result
};

Product parse_product(py::handle a_, py::handle b_) {
  Product p{input(a_, "matmul", "a"), input(b_, "matmul", "b"), 1, 1, 1, 1, false, false, {}};
  const View &a = p.a, &b = p.b;
  check(a.ndim() >= 2 && b.ndim() >= 2, "matmul: a is ", a.shape_string(), ", b is ", b.shape_string(),
        "; both need two axes or more");
  if (a.dtype() != b.dtype())
    throw py::type_error(concat("matmul: a is ", dtype_name(a.dtype()), ", b is ", dtype_name(b.dtype())));
  p.M = a.dim(-2), p.K = a.dim(-1), p.N = b.dim(-1);
  check(b.dim(-2) == p.K, "matmul: a is ", a.shape_string(), ", b is ", b.shape_string(), "; a's last axis (", p.K,
        ") must equal b's second last (", b.dim(-2), ")");
  p.a_shared = a.ndim() == 2 && b.ndim() > 2;
  p.b_shared = b.ndim() == 2;
  const View& batched = p.a_shared ? b : a;
  for (int i = 0; i < batched.ndim() - 2; i++) {
    check(p.a_shared || p.b_shared || (a.ndim() == b.ndim() && a.dim(i) == b.dim(i)), "matmul: a is ", a.shape_string(),
          ", b is ", b.shape_string(), "; their leading axes differ");
    p.batch *= batched.dim(i);
    p.shape.push_back(batched.dim(i));
  }
  check(p.a_shared || p.b_shared || a.ndim() == b.ndim(), "matmul: a is ", a.shape_string(), ", b is ",
        b.shape_string(), "; their leading axes differ");
  p.shape.push_back(p.M);
  p.shape.push_back(p.N);
  if (p.b_shared) p.M *= p.batch, p.batch = 1;  // one tall product
  return p;
}

template <class T>
void run_matmul(const T* a, const T* b, T* c, dim_t batch, dim_t M, dim_t N, dim_t K, dim_t a_step, dim_t b_step,
                bool a_transposed, bool b_transposed, bool accumulate) {
  const Matmul<T> args{a, b, c, batch, M, N, K, a_step, b_step, a_transposed, b_transposed, accumulate};
  run<matmul<T>>("matmul", 2.0 * double(batch) * double(M) * double(N) * double(K), args);
}

py::array matmul_forward_py(py::handle a_, py::handle b_) {
  const Product p = parse_product(a_, b_);
  py::array c = empty(p.shape, p.a.dtype());
  const dim_t a_step = p.a_shared ? 0 : p.M * p.K, b_step = p.b_shared ? 0 : p.K * p.N;
  if (p.a.dtype() == Dtype::i64 || p.a.dtype() == Dtype::u64) {
    using U = std::uint64_t;
    const IntegerMatmul args{.a = p.a.as<U>(),
                             .b = p.b.as<U>(),
                             .y = static_cast<U*>(data_of(c)),
                             .batch = p.batch,
                             .M = p.M,
                             .N = p.N,
                             .K = p.K,
                             .a_step = a_step,
                             .b_step = b_step};
    run<integer_matmul>("matmul", 2.0 * double(p.batch * p.M) * double(p.N * p.K), args);
    return c;
  }
  with_float(p.a.dtype(), "matmul", [&](auto t) {
    using T = decltype(t);
    run_matmul<T>(p.a.as<T>(), p.b.as<T>(), static_cast<T*>(data_of(c)), p.batch, p.M, p.N, p.K, a_step, b_step, false,
                  false, false);
  });
  return c;
}

void matmul_backward_py(py::handle a_, py::handle b_, py::handle dy_, py::handle da_, py::handle db_, int accumulate) {
  const Product p = parse_product(a_, b_);
  const View dy = input(dy_, "matmul", "dy");
  check(dy.size() == p.batch * p.M * p.N && dy.dtype() == p.a.dtype(), "matmul: dy is ", dy.shape_string());
  const auto da = gradient(da_, "matmul", "da", p.a, accumulate, 0),
             db = gradient(db_, "matmul", "db", p.b, accumulate, 1);
  const dim_t M = p.M, N = p.N, K = p.K;
  with_float(p.a.dtype(), "matmul", [&](auto t) {
    using T = decltype(t);
    // da = dy . b^T, db = a^T . dy; a shared operand sums over the batch, one product after the other.
    if (da.mode != Grad::skip) {
      const dim_t runs = p.a_shared ? p.batch : 1;
      for (dim_t i = 0; i < runs; i++)
        run_matmul<T>(dy.as<T>() + i * M * N, p.b.as<T>() + i * K * N, da.as<T>(), p.batch / runs, M, K, N, M * N,
                      p.b_shared ? 0 : K * N, false, true, i > 0 || da.mode == Grad::accumulate);
    }
    if (db.mode != Grad::skip)
      run_matmul<T>(p.a.as<T>(), dy.as<T>(), db.as<T>(), p.batch, K, N, M, p.a_shared ? 0 : M * K, M * N, true, false,
                    db.mode == Grad::accumulate);
  });
}

}  // namespace

void bind_dense(py::module_& m) {
  m.def("dense_forward", dense_forward_py, py::arg("x"), py::arg("w"), py::arg("b"), py::arg("activation"),
        "y = act(x w + b); x (..., in), w (in, out), b (out,) or None.");
  m.def("dense_backward", dense_backward_py, py::arg("x"), py::arg("w"), py::arg("y"), py::arg("dy"),
        py::arg("activation"), py::arg("dx"), py::arg("dw"), py::arg("db"), py::arg("accumulate") = 0,
        "Gradients of dense_forward into dx, dw, db; None skips one, bit i of accumulate adds to the i-th.");
  m.def("matmul_forward", matmul_forward_py, py::arg("a"), py::arg("b"),
        "a b over the last two axes; leading axes equal, or one operand without them.");
  m.def("matmul_backward", matmul_backward_py, py::arg("a"), py::arg("b"), py::arg("dy"), py::arg("da"), py::arg("db"),
        py::arg("accumulate") = 0, "Gradients of matmul_forward.");
}

}  // namespace lamina
