#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/window.h"
#include "ops/convolution.h"

namespace lamina {
namespace {

enum class Kind { plain, depthwise, transposed };

// The arguments of a convolution, checked. A depthwise one is a convolution with as many groups as channels: its
// weights (taps, C, m) lie as (taps, 1, C m) do. A transposed one is described by the convolution whose data gradient
// it is.
struct Convolution {
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

const char* name_of(Kind kind) {
  return kind == Kind::plain ? "conv" : kind == Kind::depthwise ? "depthwise_conv" : "conv_transpose";
}

Convolution parse(Call& call, Kind kind, py::handle x_, py::handle w_, const Options& o) {
  const char* op = call.op();
  const View x = call.first(x_, "x"), w = call.input_of_any_shape(w_, "w");
  const int rank = parse_rank(x.sizes(), op);
  check(w.ndim() == rank + 2, op, ": w must be (",
        rank == 1   ? "k"
        : rank == 2 ? "kh, kw"
                    : "kd, kh, kw",
        kind == Kind::plain       ? ", C / groups, K)"
        : kind == Kind::depthwise ? ", C, m)"
                                  : ", K / groups, C)",
        " for x ", x.sizes(), ", got shape ", w.sizes());
  Triple taps{1, 1, 1};
  for (int i = 0; i < rank; i++) taps[kAxes - rank + i] = w.dim(i);
  const dim_t inner = w.dim(-2), outer = w.dim(-1), C = x.dim(-1), groups = o.groups;
  dim_t all = 0;  // of w's channels
  check(groups >= 1 && !__builtin_mul_overflow(inner, groups, &all), op,
        ": groups must be at least 1 and fit the channels, got ", groups);
  const char* first = x.dim(1) == (kind == Kind::transposed ? outer : all)
                          ? "; images stored channels first need data_format=\"channels_first\""
                          : "";
  if (kind == Kind::transposed) {
    check(outer == C, op, ": x is ", x.sizes(), " but w takes ", outer, " channels on the last axis, w is ", w.sizes(),
          first);
    check(C % groups == 0, op, ": groups=", groups, " must divide the ", C, " channels of x");
    const Window v =
        parse_transposed_window(x.sizes(), all, taps, o.strides, o.padding, o.output_padding, o.dilation_rate, op);
    return {.x = x, .w = w, .rank = rank, .window = v, .groups = groups, .K = C, .transposed = true};
  }
  const Window v = parse_window(x.sizes(), taps, o.strides, o.padding, o.dilation_rate, false, op);
  if (kind == Kind::depthwise) {
    check(inner == C, op, ": x is ", x.sizes(), " but w takes ", inner, " channels on the last axis, w is ", w.sizes(),
          first);
    return {.x = x,
            .w = w,
            .rank = rank,
            .window = v,
            .groups = std::max<dim_t>(C, 1),
            .K = checked_product({C, outer}),
            .transposed = false};
  }
  check(C % groups == 0 && outer % groups == 0, op, ": groups=", groups, " must divide both the ", C,
        " channels of x and the ", outer, " filters of w");
  check(inner == C / groups, op, ": x is ", x.sizes(), " but w takes ",
        groups > 1 ? concat(inner, " channels in each of ", groups, " groups") : concat(inner, " channels"),
        " on the last axis, w is ", w.sizes(), first);
  return {.x = x, .w = w, .rank = rank, .window = v, .groups = groups, .K = outer, .transposed = false};
}

py::array forward(Kind kind, py::handle x_, py::handle w_, py::handle b_, const Options& o,
                  const std::string& activation, bool bfloat16) {
  Call call(name_of(kind));
  const Convolution c = parse(call, kind, x_, w_, o);
  const auto b = call.optional(b_, "b", {c.channels()});
  const Activation act = parse_activation(activation, call.op());
  const Result y = call.result(c.y_shape());
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const ConvolutionForward<T> a{.x = c.x.as<T>(),
                                  .w = c.w.as<T>(),
                                  .b = data_or_null<T>(b),
                                  .y = y.as<T>(),
                                  .window = c.window,
                                  .K = c.K,
                                  .groups = c.groups,
                                  .act = act,
                                  .transposed = c.transposed,
                                  .bfloat16 = bfloat16};
    run<convolution_forward<T>>("convolution_forward", c.flops(), a);
  });
  return y;
}

// What the padding stands for: so many zeros in front of each axis of x, and behind it.
using Sides = std::pair<std::vector<dim_t>, std::vector<dim_t>>;
Sides padding_of(Kind kind, py::handle x_, py::handle w_, const Options& o) {
  Call call(name_of(kind));
  const Convolution c = parse(call, kind, x_, w_, o);
  return {images(0, c.window.before, 0, c.rank), images(0, c.window.after, 0, c.rank)};
}

// Where the gradients go, and bit i of `accumulate` for the i-th.
struct Destinations {
  py::handle dx, dw, db;
  int accumulate;
  bool bfloat16;
};

void backward(Kind kind, py::handle x_, py::handle w_, py::handle y_, py::handle dy_, const Options& o,
              const std::string& activation, const Destinations& to) {
  Call call(name_of(kind), to.accumulate);
  const Convolution c = parse(call, kind, x_, w_, o);
  const std::vector<dim_t> shape = c.y_shape();
  const View y = call.input(y_, "y", shape), dy = call.input(dy_, "dy", shape);
  const auto dx = call.gradient(to.dx, "dx", c.x.sizes(), 0), dw = call.gradient(to.dw, "dw", c.w.sizes(), 1),
             db = call.gradient(to.db, "db", {c.channels()}, 2);
  const Activation act = parse_activation(activation, call.op());
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const ConvolutionBackward<T> a{.x = c.x.as<T>(),
                                   .w = c.w.as<T>(),
                                   .y = y.as<T>(),
                                   .dy = dy.as<T>(),
                                   .dx = dx.as<T>(),
                                   .dw = dw.as<T>(),
                                   .db = db.as<T>(),
                                   .window = c.window,
                                   .K = c.K,
                                   .groups = c.groups,
                                   .act = act,
                                   .transposed = c.transposed,
                                   .bfloat16 = to.bfloat16};
    const double products = double(bool(dx.v)) + double(bool(dw.v));
    run<convolution_backward<T>>("convolution_backward", products * c.flops(), a);
  });
}

py::array conv_forward_py(py::handle x, py::handle w, py::handle b, py::handle strides, py::handle padding,
                          py::handle dilation_rate, dim_t groups, const std::string& activation, bool bfloat16) {
  return forward(Kind::plain, x, w, b, {strides, padding, {}, dilation_rate, groups}, activation, bfloat16);
}

void conv_backward_py(py::handle x, py::handle w, py::handle y, py::handle dy, py::handle strides, py::handle padding,
                      py::handle dilation_rate, dim_t groups, const std::string& activation, py::handle dx,
                      py::handle dw, py::handle db, int accumulate, bool bfloat16) {
  backward(Kind::plain, x, w, y, dy, {strides, padding, {}, dilation_rate, groups}, activation,
           {dx, dw, db, accumulate, bfloat16});
}

py::array conv_transpose_forward_py(py::handle x, py::handle w, py::handle b, py::handle strides, py::handle padding,
                                    py::handle output_padding, py::handle dilation_rate, dim_t groups,
                                    const std::string& activation, bool bfloat16) {
  return forward(Kind::transposed, x, w, b, {strides, padding, output_padding, dilation_rate, groups}, activation,
                 bfloat16);
}

void conv_transpose_backward_py(py::handle x, py::handle w, py::handle y, py::handle dy, py::handle strides,
                                py::handle padding, py::handle output_padding, py::handle dilation_rate, dim_t groups,
                                const std::string& activation, py::handle dx, py::handle dw, py::handle db,
                                int accumulate, bool bfloat16) {
  backward(Kind::transposed, x, w, y, dy, {strides, padding, output_padding, dilation_rate, groups}, activation,
           {dx, dw, db, accumulate, bfloat16});
}

Sides conv_padding_py(py::handle x, py::handle w, py::handle strides, py::handle padding, py::handle dilation_rate,
                      dim_t groups) {
  return padding_of(Kind::plain, x, w, {strides, padding, {}, dilation_rate, groups});
}

Sides depthwise_conv_padding_py(py::handle x, py::handle w, py::handle strides, py::handle padding,
                                py::handle dilation_rate) {
  return padding_of(Kind::depthwise, x, w, {strides, padding, {}, dilation_rate, 1});
}

py::array depthwise_conv_forward_py(py::handle x, py::handle w, py::handle b, py::handle strides, py::handle padding,
                                    py::handle dilation_rate, const std::string& activation) {
  return forward(Kind::depthwise, x, w, b, {strides, padding, {}, dilation_rate, 1}, activation, false);
}

void depthwise_conv_backward_py(py::handle x, py::handle w, py::handle y, py::handle dy, py::handle strides,
                                py::handle padding, py::handle dilation_rate, const std::string& activation,
                                py::handle dx, py::handle dw, py::handle db, int accumulate) {
  backward(Kind::depthwise, x, w, y, dy, {strides, padding, {}, dilation_rate, 1}, activation,
           {dx, dw, db, accumulate, false});
}

}  // namespace

void bind_convolution(py::module_& m) {
  define(m, "conv_forward", conv_forward_py,
         with_defaults("x, w, b, strides, padding, dilation_rate, groups, activation, bfloat16", false),
         "y = act(x * w + b); x (N, ..., C) of one to three axes, w (taps..., C / groups, K), b (K,) or None.");
  define(m, "conv_backward", conv_backward_py,
         with_defaults("x, w, y, dy, strides, padding, dilation_rate, groups, activation, dx, dw, db, accumulate, "
                       "bfloat16",
                       0, false),
         "Gradients of conv_forward into dx, dw, db; None skips one, bit i of accumulate adds to the i-th.");
  define(m, "conv_padding", conv_padding_py, "x, w, strides, padding, dilation_rate, groups",
         "How many zeros conv_forward would put before each axis of x, and after it.");
  define(m, "depthwise_conv_padding", depthwise_conv_padding_py, "x, w, strides, padding, dilation_rate",
         "How many zeros depthwise_conv_forward would put before each axis of x, and after it.");
  define(m, "conv_transpose_forward", conv_transpose_forward_py,
         with_defaults("x, w, b, strides, padding, output_padding, dilation_rate, groups, activation, bfloat16", false),
         "The data gradient of a convolution, run forward: x (N, ..., C), w (taps..., K / groups, C), b (K,) or None.");
  define(
      m, "conv_transpose_backward", conv_transpose_backward_py,
      with_defaults(
          "x, w, y, dy, strides, padding, output_padding, dilation_rate, groups, activation, dx, dw, db, accumulate, "
          "bfloat16",
          0, false),
      "Gradients of conv_transpose_forward.");
  define(m, "depthwise_conv_forward", depthwise_conv_forward_py, "x, w, b, strides, padding, dilation_rate, activation",
         "Each channel with its own kernels: w (taps..., C, m), y (N, ..., C m), channel c m + j from channel c.");
  define(m, "depthwise_conv_backward", depthwise_conv_backward_py,
         with_defaults("x, w, y, dy, strides, padding, dilation_rate, activation, dx, dw, db, accumulate", 0),
         "Gradients of depthwise_conv_forward.");
}

}  // namespace lamina
