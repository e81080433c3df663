#include "bind/array.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/window.h"
#include "ops/convolution.h"

namespace lamina {
namespace {

enum class Kind { plain, depthwise, transposed };

// The arguments of a convolution, checked. A depthwise one is a convolution with as many groups as channels: its
// weights (taps, C, m) lie as (taps, 1, C m) do. A transposed one is that whose data gradient it is.
struct Convolution {
  const char* op;
  View x, w;
  int rank;
  Window window;
  dim_t groups, K;
  bool transposed;

  dim_t channels() const { return transposed ? window.C : K; }  // of y
  std::vector<dim_t> y_shape() const { return images(window.N, transposed ? window.in : window.out, channels(), rank); }
  double flops() const {
    const Window& v = window;
    return 2.0 * double(v.N) * double(product(v.out)) * double(product(v.taps)) * double(K) * double(v.C / groups);
  }
};

struct Options {
  py::handle strides, padding, output_padding, dilation_rate;
  dim_t groups;
};

Convolution parse(Kind kind, py::handle x_, py::handle w_, const Options& o) {
  const char* op = kind == Kind::plain ? "conv" : kind == Kind::depthwise ? "depthwise_conv" : "conv_transpose";
  const View x = input(x_, op, "x"), w = input(w_, op, "w");
  const int rank = parse_rank(x, op);
  check(w.ndim() == rank + 2, op, ": w must be (",
        rank == 1   ? "k"
        : rank == 2 ? "kh, kw"
                    : "kd, kh, kw",
        kind == Kind::plain       ? ", C / groups, K)"
        : kind == Kind::depthwise ? ", C, m)"
                                  : ", K / groups, C)",
        " for x ", x, ", got shape ", w);
  const std::vector<dim_t> w_shape(w.shape(), w.shape() + w.ndim());
  if (w.dtype() != x.dtype()) expect(w, op, "w", w_shape, x.dtype());
  Triple taps{1, 1, 1};
  for (int i = 0; i < rank; i++) taps[kAxes - rank + i] = w.dim(i);
  const dim_t inner = w.dim(-2), outer = w.dim(-1), C = x.dim(-1), groups = o.groups;
  check(groups >= 1, op, ": groups must be at least 1, got ", groups);
  const char* first = x.dim(1) == (kind == Kind::transposed ? outer : inner * groups)
                          ? "; images stored channels first need data_format=\"channels_first\""
                          : "";
  if (kind == Kind::transposed) {
    const dim_t filters = checked_product({inner, groups});
    check(outer == C, op, ": x is ", x, " but w takes ", outer, " channels on the last axis, w is ", w, first);
    check(C % groups == 0, op, ": groups=", groups, " must divide the ", C, " channels of x");
    const Window v =
        parse_transposed_window(x, filters, taps, o.strides, o.padding, o.output_padding, o.dilation_rate, op);
    return {op, x, w, rank, v, groups, C, true};
  }
  const Window v = parse_window(x, taps, o.strides, o.padding, o.dilation_rate, false, op);
  if (kind == Kind::depthwise) {
    check(inner == C, op, ": x is ", x, " but w takes ", inner, " channels on the last axis, w is ", w, first);
    return {op, x, w, rank, v, std::max<dim_t>(C, 1), checked_product({C, outer}), false};
  }
  check(C % groups == 0 && outer % groups == 0, op, ": groups=", groups, " must divide both the ", C,
        " channels of x and the ", outer, " filters of w");
  check(inner == C / groups, op, ": x is ", x, " but w takes ",
        groups > 1 ? concat(inner, " channels in each of ", groups, " groups") : concat(inner, " channels"),
        " on the last axis, w is ", w, first);
  return {op, x, w, rank, v, groups, outer, false};
}

py::array forward(const Convolution& c, py::handle b_, const std::string& activation) {
  const auto b = optional_input(b_, c.op, "b");
  if (b) expect(*b, c.op, "b", {c.channels()}, c.x.dtype());
  const Activation act = parse_activation(activation, c.op);
  py::array y = empty(c.y_shape(), c.x.dtype());
  with_float(c.x.dtype(), c.op, [&](auto t) {
    using T = decltype(t);
    const ConvolutionForward<T> a{.x = c.x.as<T>(),
                                  .w = c.w.as<T>(),
                                  .b = b ? b->as<T>() : nullptr,
                                  .y = static_cast<T*>(data_of(y)),
                                  .window = c.window,
                                  .K = c.K,
                                  .groups = c.groups,
                                  .act = act,
                                  .transposed = c.transposed};
    run<convolution_forward<T>>("convolution_forward", c.flops(), a);
  });
  return y;
}

// Where the gradients go, and bit i of `accumulate` for the i-th.
struct Destinations {
  py::handle dx, dw, db;
  int accumulate;
};

void backward(const Convolution& c, py::handle y_, py::handle dy_, const std::string& activation,
              const Destinations& to) {
  const View y = input(y_, c.op, "y"), dy = input(dy_, c.op, "dy");
  expect(y, c.op, "y", c.y_shape(), c.x.dtype());
  expect_like(dy, c.op, "dy", y);
  const auto dx = gradient(to.dx, c.op, "dx", c.x, to.accumulate, 0);
  const auto dw = gradient(to.dw, c.op, "dw", c.w, to.accumulate, 1);
  const auto db = optional_output(to.db, c.op, "db");
  if (db) expect(*db, c.op, "db", {c.channels()}, c.x.dtype());
  const Activation act = parse_activation(activation, c.op);
  with_float(c.x.dtype(), c.op, [&](auto t) {
    using T = decltype(t);
    const ConvolutionBackward<T> a{.x = c.x.as<T>(),
                                   .w = c.w.as<T>(),
                                   .y = y.as<T>(),
                                   .dy = dy.as<T>(),
                                   .dx = dx.as<T>(),
                                   .dw = dw.as<T>(),
                                   .db = db ? db->as<T>() : nullptr,
                                   .dx_mode = dx.mode,
                                   .dw_mode = dw.mode,
                                   .db_mode = !db                        ? Grad::skip
                                              : (to.accumulate >> 2) & 1 ? Grad::accumulate
                                                                         : Grad::write,
                                   .window = c.window,
                                   .K = c.K,
                                   .groups = c.groups,
                                   .act = act,
                                   .transposed = c.transposed};
    run<convolution_backward<T>>("convolution_backward", 2 * c.flops(), a);
  });
}

py::array conv_forward_py(py::handle x, py::handle w, py::handle b, py::handle strides, py::handle padding,
                          py::handle dilation_rate, dim_t groups, const std::string& activation) {
  return forward(parse(Kind::plain, x, w, {strides, padding, {}, dilation_rate, groups}), b, activation);
}

void conv_backward_py(py::handle x, py::handle w, py::handle y, py::handle dy, py::handle strides, py::handle padding,
                      py::handle dilation_rate, dim_t groups, const std::string& activation, py::handle dx,
                      py::handle dw, py::handle db, int accumulate) {
  backward(parse(Kind::plain, x, w, {strides, padding, {}, dilation_rate, groups}), y, dy, activation,
           {dx, dw, db, accumulate});
}

py::array conv_transpose_forward_py(py::handle x, py::handle w, py::handle b, py::handle strides, py::handle padding,
                                    py::handle output_padding, py::handle dilation_rate, dim_t groups,
                                    const std::string& activation) {
  return forward(parse(Kind::transposed, x, w, {strides, padding, output_padding, dilation_rate, groups}), b,
                 activation);
}

void conv_transpose_backward_py(py::handle x, py::handle w, py::handle y, py::handle dy, py::handle strides,
                                py::handle padding, py::handle output_padding, py::handle dilation_rate, dim_t groups,
                                const std::string& activation, py::handle dx, py::handle dw, py::handle db,
                                int accumulate) {
  backward(parse(Kind::transposed, x, w, {strides, padding, output_padding, dilation_rate, groups}), y, dy, activation,
           {dx, dw, db, accumulate});
}

py::array depthwise_conv_forward_py(py::handle x, py::handle w, py::handle b, py::handle strides, py::handle padding,
                                    py::handle dilation_rate, const std::string& activation) {
  return forward(parse(Kind::depthwise, x, w, {strides, padding, {}, dilation_rate, 1}), b, activation);
}

void depthwise_conv_backward_py(py::handle x, py::handle w, py::handle y, py::handle dy, py::handle strides,
                                py::handle padding, py::handle dilation_rate, const std::string& activation,
                                py::handle dx, py::handle dw, py::handle db, int accumulate) {
  backward(parse(Kind::depthwise, x, w, {strides, padding, {}, dilation_rate, 1}), y, dy, activation,
           {dx, dw, db, accumulate});
}

}  // namespace

void bind_convolution(py::module_& m) {
  using py::arg;
  define(m, "conv_forward", conv_forward_py, arg("x"), arg("w"), arg("b"), arg("strides"), arg("padding"),
         arg("dilation_rate"), arg("groups"), arg("activation"),
         "y = act(x * w + b); x (N, ..., C) of one to three axes, w (taps..., C / groups, K), b (K,) or None.");
  define(m, "conv_backward", conv_backward_py, arg("x"), arg("w"), arg("y"), arg("dy"), arg("strides"), arg("padding"),
         arg("dilation_rate"), arg("groups"), arg("activation"), arg("dx"), arg("dw"), arg("db"), arg("accumulate") = 0,
         "Gradients of conv_forward into dx, dw, db; None skips one, bit i of accumulate adds to the i-th.");
  define(m, "conv_transpose_forward", conv_transpose_forward_py, arg("x"), arg("w"), arg("b"), arg("strides"),
         arg("padding"), arg("output_padding"), arg("dilation_rate"), arg("groups"), arg("activation"),
         "The data gradient of a convolution, run forward: x (N, ..., C), w (taps..., K / groups, C), b (K,) or None.");
  define(m, "conv_transpose_backward", conv_transpose_backward_py, arg("x"), arg("w"), arg("y"), arg("dy"),
         arg("strides"), arg("padding"), arg("output_padding"), arg("dilation_rate"), arg("groups"), arg("activation"),
         arg("dx"), arg("dw"), arg("db"), arg("accumulate") = 0, "Gradients of conv_transpose_forward.");
  define(m, "depthwise_conv_forward", depthwise_conv_forward_py, arg("x"), arg("w"), arg("b"), arg("strides"),
         arg("padding"), arg("dilation_rate"), arg("activation"),
         "Each channel with its own kernels: w (taps..., C, m), y (N, ..., C m), channel c m + j from channel c.");
  define(m, "depthwise_conv_backward", depthwise_conv_backward_py, arg("x"), arg("w"), arg("y"), arg("dy"),
         arg("strides"), arg("padding"), arg("dilation_rate"), arg("activation"), arg("dx"), arg("dw"), arg("db"),
         arg("accumulate") = 0, "Gradients of depthwise_conv_forward.");
}

}  // namespace lamina
