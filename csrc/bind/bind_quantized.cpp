#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/window.h"
#include "kernels/gemm_int8.h"
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

py::array quantized_conv_forward_py(py::handle x_, QuantizedMatrix& w, py::handle gain_, py::handle b_,
                                    py::handle kernel_size, py::handle strides, py::handle padding,
                                    py::handle dilation_rate, dim_t groups, const std::string& activation) {
  Call call("quantized_conv");
  const View x = call.first(x_, "x");
  const int rank = parse_rank(x.sizes(), call.op());
  const Triple taps = parse_sizes(kernel_size, rank, 1, call.op(), "kernel_size");
  const dim_t C = x.dim(-1), K = w.columns();
  check(groups >= 1 && C % groups == 0 && K % groups == 0, call.op(), ": groups=", groups, " must divide both the ", C,
        " channels of x and the ", K, " columns of w");
  check(groups == 1 || K / groups % kStrip == 0, call.op(), ": each of ", groups, " groups has ", K / groups,
        " columns, expected a multiple of ", int(kStrip));
  check(checked_product({taps[0], taps[1], taps[2], C / groups}) == w.rows(), call.op(), ": x is ", x.sizes(),
        ", so that ", product(taps), " taps and ", groups, " groups take ", product(taps) * (C / groups),
        " rows of w, which has ", w.rows());
  const auto gain = call.optional(gain_, "gain", {K}), b = call.optional(b_, "b", {K});
  const Activation act = parse_activation(activation, call.op());
  const Window v = parse_window(x.sizes(), taps, strides, padding, dilation_rate, false, call.op());
  const Result y = call.result(images(v.N, v.out, K, rank));
  const QuantizedConvolution a{.x = x.as<float>(),
                               .w = &w,
                               .gain = data_or_null<float>(gain),
                               .b = data_or_null<float>(b),
                               .y = y.as<float>(),
                               .window = v,
                               .groups = groups,
                               .act = act};
  keep_for_plan(py::cast(&w));
  run<quantized_convolution>("quantized_conv",
                             2.0 * double(v.N) * double(product(v.out)) * double(w.rows()) * double(K), a);
  return y;
}

}  // namespace

void bind_quantized(py::module_& m) {
  py::class_<QuantizedMatrix> matrix(m, "QuantizedMatrix",
                                     "An int8 matrix (in, out) with a scale for each column, packed.");
  define_constructor(matrix, make_matrix, with_defaults("kernel, scale"));
  define(m, "quantized_dense_forward", quantized_dense_forward_py, "x, w, b, activation",
         "y = act(x w + b), the rows of x quantized to int8; x (..., in), w a QuantizedMatrix, b (out,) or None.");
  define(
      m, "quantized_conv_forward", quantized_conv_forward_py,
      "x, w, gain, b, kernel_size, strides, padding, dilation_rate, groups, activation",
      "y = act(gain (x * w) + b), each image quantized to int8; x (N, ..., C), w a QuantizedMatrix (taps C / groups, "
      "K), gain and b (K,) or None.");
}

}  // namespace lamina
