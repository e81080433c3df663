#include "bind/array.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/window.h"
#include "ops/convolution.h"

namespace lamina {
namespace {

// The arguments of a convolution, checked. A depthwise one is a convolution with as many groups as channels: its
// weights (kh, kw, C, m) lie as (kh, kw, 1, C m) do.
struct Convolution {
  const char* op;
  View x, w;
  Window window;
  dim_t groups, K;
};

Convolution parse(const char* op, bool depthwise, py::handle x_, py::handle w_, py::handle strides, py::handle padding,
                  py::handle dilation, dim_t groups) {
  Convolution c{op, input(x_, op, "x"), input(w_, op, "w"), {}, groups, 0};
  const View &x = c.x, &w = c.w;
  check(w.ndim() == 4, op, ": w must be ", depthwise ? "(kh, kw, C, m)" : "(kh, kw, C / groups, K)", ", got shape ",
        w.shape_string());
  c.window = parse_window(x, {w.dim(0), w.dim(1)}, strides, padding, parse_pair(dilation, op, "dilation_rate"), op);
  if (w.dtype() != x.dtype()) expect(w, op, "w", {w.dim(0), w.dim(1), w.dim(2), w.dim(3)}, x.dtype());
  const dim_t C = c.window.C;
  if (depthwise) {
    check(w.dim(2) == C, op, ": x is ", x.shape_string(), " but w takes ", w.dim(2),
          " channels on the last axis, w is ", w.shape_string());
    c.groups = C;
    c.K = checked_product({C, w.dim(3)});
    return c;
  }
  c.K = w.dim(3);
  check(groups >= 1, op, ": groups must be at least 1, got ", groups);
  check(C % groups == 0 && c.K % groups == 0, op, ": groups=", groups, " must divide both the ", C,
        " channels of x and the ", c.K, " filters of w");
  check(w.dim(2) == C / groups, op, ": x is ", x.shape_string(), " but w takes ",
        groups > 1 ? concat(w.dim(2), " channels in each of ", groups, " groups") : concat(w.dim(2), " channels"),
        " on the last axis, w is ", w.shape_string(),
        x.dim(1) == w.dim(2) * groups ? "; images stored channels first need data_format=\"channels_first\"" : "");
  return c;
}

double flops(const Convolution& c) {
  const Window& v = c.window;
  return 2.0 * double(v.N) * double(v.OH) * double(v.OW) * double(v.kh) * double(v.kw) * double(c.K) *
         double(v.C / std::max<dim_t>(c.groups, 1));
}

py::array forward(const Convolution& c, py::handle b_, const std::string& activation) {
  const Window& v = c.window;
  const auto b = optional_input(b_, c.op, "b");
  if (b) expect(*b, c.op, "b", {c.K}, c.x.dtype());
  const Activation act = parse_activation(activation, c.op);
  py::array y = empty({v.N, v.OH, v.OW, c.K}, c.x.dtype());
  with_float(c.x.dtype(), c.op, [&](auto t) {
    using T = decltype(t);
    const ConvolutionForward<T> a{
        c.x.as<T>(), c.w.as<T>(), b ? b->as<T>() : nullptr, static_cast<T*>(data_of(y)), v, c.K, c.groups, act};
    run<convolution_forward<T>>("convolution_forward", flops(c), a);
  });
  return y;
}

void backward(const Convolution& c, py::handle y_, py::handle dy_, const std::string& activation, py::handle dx_,
              py::handle dw_, py::handle db_, int accumulate) {
  const Window& v = c.window;
  const View y = input(y_, c.op, "y"), dy = input(dy_, c.op, "dy");
  expect(y, c.op, "y", {v.N, v.OH, v.OW, c.K}, c.x.dtype());
  expect_like(dy, c.op, "dy", y);
  const auto dx = gradient(dx_, c.op, "dx", c.x, accumulate, 0), dw = gradient(dw_, c.op, "dw", c.w, accumulate, 1);
  const auto db = optional_output(db_, c.op, "db");
  if (db) expect(*db, c.op, "db", {c.K}, c.x.dtype());
  const Activation act = parse_activation(activation, c.op);
  with_float(c.x.dtype(), c.op, [&](auto t) {
    using T = decltype(t);
    const ConvolutionBackward<T> a{c.x.as<T>(),
                                   c.w.as<T>(),
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
                                   v,
                                   c.K,
                                   c.groups,
                                   act};
    run<convolution_backward<T>>("convolution_backward", 2 * flops(c), a);
  });
}

py::array conv2d_forward_py(py::handle x, py::handle w, py::handle b, py::handle strides, py::handle padding,
                            py::handle dilation_rate, dim_t groups, const std::string& activation) {
  return forward(parse("conv2d", false, x, w, strides, padding, dilation_rate, groups), b, activation);
}

void conv2d_backward_py(py::handle x, py::handle w, py::handle y, py::handle dy, py::handle strides, py::handle padding,
                        py::handle dilation_rate, dim_t groups, const std::string& activation, py::handle dx,
                        py::handle dw, py::handle db, int accumulate) {
  backward(parse("conv2d", false, x, w, strides, padding, dilation_rate, groups), y, dy, activation, dx, dw, db,
           accumulate);
}

py::array depthwise_conv2d_forward_py(py::handle x, py::handle w, py::handle b, py::handle strides, py::handle padding,
                                      py::handle dilation_rate, const std::string& activation) {
  return forward(parse("depthwise_conv2d", true, x, w, strides, padding, dilation_rate, 1), b, activation);
}

void depthwise_conv2d_backward_py(py::handle x, py::handle w, py::handle y, py::handle dy, py::handle strides,
                                  py::handle padding, py::handle dilation_rate, const std::string& activation,
                                  py::handle dx, py::handle dw, py::handle db, int accumulate) {
  backward(parse("depthwise_conv2d", true, x, w, strides, padding, dilation_rate, 1), y, dy, activation, dx, dw, db,
           accumulate);
}

}  // namespace

void bind_convolution(py::module_& m) {
  using py::arg;
  define(m, "conv2d_forward", conv2d_forward_py, arg("x"), arg("w"), arg("b"), arg("strides"), arg("padding"),
         arg("dilation_rate"), arg("groups"), arg("activation"),
         "y = act(x * w + b); x (N, H, W, C), w (kh, kw, C / groups, K), b (K,) or None, y (N, OH, OW, K).");
  define(m, "conv2d_backward", conv2d_backward_py, arg("x"), arg("w"), arg("y"), arg("dy"), arg("strides"),
         arg("padding"), arg("dilation_rate"), arg("groups"), arg("activation"), arg("dx"), arg("dw"), arg("db"),
         arg("accumulate") = 0,
         "Gradients of conv2d_forward into dx, dw, db; None skips one, bit i of accumulate adds to the i-th.");
  define(m, "depthwise_conv2d_forward", depthwise_conv2d_forward_py, arg("x"), arg("w"), arg("b"), arg("strides"),
         arg("padding"), arg("dilation_rate"), arg("activation"),
         "Each channel with its own kernels: w (kh, kw, C, m), y (N, OH, OW, C m), channel c m + j from channel c.");
  define(m, "depthwise_conv2d_backward", depthwise_conv2d_backward_py, arg("x"), arg("w"), arg("y"), arg("dy"),
         arg("strides"), arg("padding"), arg("dilation_rate"), arg("activation"), arg("dx"), arg("dw"), arg("db"),
         arg("accumulate") = 0, "Gradients of depthwise_conv2d_forward.");
}

}  // namespace lamina
