#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "ops/quantized.h"

namespace lamina {
namespace {

std::unique_ptr<QuantizedMatrix> make_matrix(py::handle kernel_, py::handle scale_) {
  Call call("QuantizedMatrix");
  const View kernel = call.first(kernel_, "kernel");
  check(kernel.ndim() == 2, "QuantizedMatrix: kernel must be (in, out), got shape ", kernel.sizes());
  const View scale = call.input(scale_, "scale", {kernel.dim(1)}, Dtype::f32);
  const auto* w = kernel.as<std::int8_t>();
  const auto* s = scale.as<float>();
  auto matrix = std::make_unique<QuantizedMatrix>(kernel.dim(0), kernel.dim(1));
  py::gil_scoped_release release;
  matrix->fill(w, s);
  return matrix;
}

py::array quantized_dense_forward_py(py::handle x_, QuantizedMatrix& w, py::handle b_, const std::string& activation) {
  Call call("quantized_dense");
  const View x = call.first(x_, "x");
  check(x.ndim() >= 1 && x.dim(-1) == w.rows(), "quantized_dense: x is ", x.sizes(), " but w takes ", w.rows(),
        " features on the last axis");
  const auto b = call.optional(b_, "b", {w.columns()});
  const Activation act = parse_activation(activation, "quantized_dense");
  std::vector<dim_t> shape(x.shape(), x.shape() + x.ndim());
  shape.back() = w.columns();
  const Result y = call.result(shape);
  const QuantizedDense a{.x = x.as<float>(),
                         .w = &w,
                         .b = data_or_null<float>(b),
                         .y = y.as<float>(),
                         .M = x.rows(),
                         .ldy = w.columns(),
                         .act = act};
  keep_for_plan(py::cast(&w));
  run<quantized_dense>("quantized_dense", 2.0 * double(a.M) * double(w.rows()) * double(w.columns()), a);
  return y;
}

}  // namespace

void bind_quantized(py::module_& m) {
  py::class_<QuantizedMatrix> matrix(m, "QuantizedMatrix",
                                     "An int8 matrix (in, out) with a scale for each column, packed.");
  define_constructor(matrix, make_matrix, with_defaults("kernel, scale"));
  define(m, "quantized_dense_forward", quantized_dense_forward_py, "x, w, b, activation",
         "y = act(x w + b), the rows of x quantized to int8; x (..., in), w a QuantizedMatrix, b (out,) or None.");
}

}  // namespace lamina
