#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "ops/copy.h"
#include "ops/dense.h"
#include "ops/integer_matmul.h"

namespace lamina {
namespace {

// x (..., in) and w (in, out).
struct Dense {
  View x, w;
};
Dense parse_dense(Call& call, py::handle x_, py::handle w_) {
  Dense d{.x = call.first(x_, "x"), .w = call.input_of_any_shape(w_, "w")};
  const View &x = d.x, &w = d.w;
  check(w.ndim() == 2, "dense: w must be (in, out), got shape ", w.sizes());
  check(x.ndim() >= 1 && x.dim(-1) == w.dim(0), "dense: x is ", x.sizes(), " but w takes ", w.dim(0),
        " features on the last axis, w is ", w.sizes());
  return d;
}

// y's shape: x's with the last size replaced.
class Outputs {
 public:
  explicit Outputs(const Dense& d) : rank_(d.x.ndim()) {
    std::copy_n(d.x.shape(), rank_, sizes_);
    sizes_[rank_ - 1] = d.w.dim(1);
  }
  operator Sizes() const { return {sizes_, rank_}; }

 private:
  int rank_;
  dim_t sizes_[64];  // NumPy's limit
};

py::array dense_forward_py(py::handle x_, py::handle w_, py::handle b_, const std::string& activation, bool bfloat16) {
  Call call("dense");
  const Dense d = parse_dense(call, x_, w_);
  const auto b = call.optional(b_, "b", {d.w.dim(1)});
  const Activation act = parse_activation(activation, "dense");
  const Result y = call.result(Outputs(d));
  with_float(call.dtype(), "dense", [&]<class T>(T) {
    const DenseForward<T> a{.x = d.x.as<T>(),
                            .w = d.w.as<T>(),
                            .b = data_or_null<T>(b),
                            .y = y.as<T>(),
                            .M = d.x.rows(),
                            .N = d.w.dim(1),
                            .K = d.w.dim(0),
                            .act = act,
                            .bfloat16 = bfloat16};
    run<dense_forward<T>>("dense_forward", 2.0 * double(a.M) * double(a.N) * double(a.K), a);
  });
  return y;
}

void dense_backward_py(py::handle x_, py::handle w_, py::handle y_, py::handle dy_, const std::string& activation,
                       py::handle dx_, py::handle dw_, py::handle db_, int accumulate, bool bfloat16) {
  Call call("dense", accumulate);
  const Dense d = parse_dense(call, x_, w_);
  const Outputs shape(d);
  const View y = call.input(y_, "y", shape), dy = call.input(dy_, "dy", shape);
  const auto dx = call.gradient(dx_, "dx", d.x.sizes(), 0), dw = call.gradient(dw_, "dw", d.w.sizes(), 1),
             db = call.gradient(db_, "db", {d.w.dim(1)}, 2);
  const Activation act = parse_activation(activation, "dense");
  with_float(call.dtype(), "dense", [&]<class T>(T) {
    const DenseBackward<T> a{.x = d.x.as<T>(),
                             .w = d.w.as<T>(),
                             .y = y.as<T>(),
                             .dy = dy.as<T>(),
                             .dx = dx.as<T>(),
                             .dw = dw.as<T>(),
                             .db = db.as<T>(),
                             .M = d.x.rows(),
                             .N = d.w.dim(1),
                             .K = d.w.dim(0),
                             .act = act,
                             .bfloat16 = bfloat16};
    const double products = double(bool(dx.v)) + double(bool(dw.v));
    run<dense_backward<T>>("dense_backward", 2.0 * products * double(a.M) * double(a.N) * double(a.K), a);
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

Product parse_product(Call& call, py::handle a_, py::handle b_) {
  const View first = call.first(a_, "a"), second = call.input_of_any(b_, "b");
  Product p{first, second, 1, 1, 1, 1, false, false, {}};
  const View &a = p.a, &b = p.b;
  check(a.ndim() >= 2 && b.ndim() >= 2, "matmul: a is ", a.sizes(), ", b is ", b.sizes(),
        "; both need two axes or more");
  if (a.dtype() != b.dtype())
    throw py::type_error(concat("matmul: a is ", dtype_name(a.dtype()), ", b is ", dtype_name(b.dtype())));
  p.M = a.dim(-2), p.K = a.dim(-1), p.N = b.dim(-1);
  check(b.dim(-2) == p.K, "matmul: a is ", a.sizes(), ", b is ", b.sizes(), "; a's last axis (", p.K,
        ") must equal b's second last (", b.dim(-2), ")");
  p.a_shared = a.ndim() == 2 && b.ndim() > 2;
  p.b_shared = b.ndim() == 2;
  const View& batched = p.a_shared ? b : a;
  for (int i = 0; i < batched.ndim() - 2; i++) {
    check(p.a_shared || p.b_shared || (a.ndim() == b.ndim() && a.dim(i) == b.dim(i)), "matmul: a is ", a.sizes(),
          ", b is ", b.sizes(), "; their leading axes differ");
    p.batch *= batched.dim(i);
    p.shape.push_back(batched.dim(i));
  }
  check(p.a_shared || p.b_shared || a.ndim() == b.ndim(), "matmul: a is ", a.sizes(), ", b is ", b.sizes(),
        "; their leading axes differ");
  p.shape.push_back(p.M);
  p.shape.push_back(p.N);
  if (p.b_shared) p.M *= p.batch, p.batch = 1;  // one tall product
  return p;
}

template <class T>
void run_matmul(const Matmul<T>& a) {
  run<matmul<T>>("matmul", 2.0 * double(a.batch) * double(a.M) * double(a.N) * double(a.K), a);
}

py::array matmul_forward_py(py::handle a_, py::handle b_, bool bfloat16) {
  Call call("matmul");
  const Product p = parse_product(call, a_, b_);
  const Result c = call.result(p.shape);
  const dim_t a_step = p.a_shared ? 0 : p.M * p.K, b_step = p.b_shared ? 0 : p.K * p.N;
  if (call.dtype() == Dtype::i64 || call.dtype() == Dtype::u64) {
    const IntegerMatmul args{.a = static_cast<const std::uint64_t*>(p.a.data()),
                             .b = static_cast<const std::uint64_t*>(p.b.data()),
                             .y = static_cast<std::uint64_t*>(data_of(c.array)),
                             .batch = p.batch,
                             .M = p.M,
                             .N = p.N,
                             .K = p.K,
                             .a_step = a_step,
                             .b_step = b_step};
    run<integer_matmul>("matmul", 2.0 * double(p.batch * p.M) * double(p.N * p.K), args);
    return c;
  }
  with_float(call.dtype(), "matmul", [&]<class T>(T) {
    run_matmul<T>({.a = p.a.as<T>(),
                   .b = p.b.as<T>(),
                   .c = c.as<T>(),
                   .batch = p.batch,
                   .M = p.M,
                   .N = p.N,
                   .K = p.K,
                   .a_step = a_step,
                   .b_step = b_step,
                   .a_transposed = false,
                   .b_transposed = false,
                   .accumulate = false,
                   .bfloat16 = bfloat16});
  });
  return c;
}

void matmul_backward_py(py::handle a_, py::handle b_, py::handle dy_, py::handle da_, py::handle db_, int accumulate,
                        bool bfloat16) {
  Call call("matmul", accumulate);
  const Product p = parse_product(call, a_, b_);
  const View dy = call.input(dy_, "dy", p.shape);
  const auto da = call.gradient(da_, "da", p.a.sizes(), 0), db = call.gradient(db_, "db", p.b.sizes(), 1);
  const dim_t M = p.M, N = p.N, K = p.K;
  with_float(call.dtype(), "matmul", [&]<class T>(T) {
    // da = dy . b^T, db = a^T . dy; a shared operand sums over the batch, one product after the other.
    if (da.mode != Grad::skip) {
      const dim_t runs = p.a_shared ? p.batch : 1;
      for (dim_t i = 0; i < runs; i++)
        run_matmul<T>({.a = dy.as<T>() + i * M * N,
                       .b = p.b.as<T>() + i * K * N,
                       .c = da.as<T>(),
                       .batch = p.batch / runs,
                       .M = M,
                       .N = K,
                       .K = N,
                       .a_step = M * N,
                       .b_step = p.b_shared ? 0 : K * N,
                       .a_transposed = false,
                       .b_transposed = true,
                       .accumulate = i > 0 || da.mode == Grad::accumulate,
                       .bfloat16 = bfloat16});
      if (runs == 0 && da.mode == Grad::write) {  // the sum over an empty batch
        const Fill<T> zeros{.y = da.as<T>(), .n = M * K, .value = T(0)};
        run<fill<T>>("fill", double(zeros.n), zeros);
      }
    }
    if (db.mode != Grad::skip)
      run_matmul<T>({.a = p.a.as<T>(),
                     .b = dy.as<T>(),
                     .c = db.as<T>(),
                     .batch = p.batch,
                     .M = K,
                     .N = N,
                     .K = M,
                     .a_step = p.a_shared ? 0 : M * K,
                     .b_step = M * N,
                     .a_transposed = true,
                     .b_transposed = false,
                     .accumulate = db.mode == Grad::accumulate,
                     .bfloat16 = bfloat16});
  });
}

}  // namespace

void bind_dense(py::module_& m) {
  define(m, "dense_forward", dense_forward_py, with_defaults("x, w, b, activation, bfloat16", false),
         "y = act(x w + b); x (..., in), w (in, out), b (out,) or None. bfloat16: the product's operands are rounded, "
         "where "
         "the processor multiplies such.");
  define(m, "dense_backward", dense_backward_py,
         with_defaults("x, w, y, dy, activation, dx, dw, db, accumulate, bfloat16", 0, false),
         "Gradients of dense_forward into dx, dw, db; None skips one, bit i of accumulate adds to the i-th.");
  define(m, "matmul_forward", matmul_forward_py, with_defaults("a, b, bfloat16", false),
         "a b over the last two axes; leading axes equal, or one operand without them.");
  define(m, "matmul_backward", matmul_backward_py, with_defaults("a, b, dy, da, db, accumulate, bfloat16", 0, false),
         "Gradients of matmul_forward.");
}

}  // namespace lamina
