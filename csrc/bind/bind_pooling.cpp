#include <cmath>

#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/indices.h"
#include "bind/window.h"
#include "ops/pooling.h"
#include "ops/unpooling.h"

namespace lamina {
namespace {

// The arguments of a pooling, checked: its windows over images x, or over dx, which has x's shape.
struct Pooling {
  Window window;
  std::vector<dim_t> shape;  // of y

  double work() const {
    const Window& v = window;
    return 4.0 * double(v.N) * double(v.C) * (double(product(v.in)) + double(product(v.out)));
  }
};

struct Options {
  py::handle pool_size, strides, padding, dilation_rate;
  bool ceil_mode;
};

void check_pixels(const Window& v, const View& x, const char* op) {
  for (int i = 0; i < kAxes; i++) check(v.in[i] > 0 || v.out[i] == 0, op, ": x is ", x.sizes(), " and has no pixels");
}

Pooling parse(const char* op, const View& x, const Options& o) {
  const int rank = parse_rank(x.sizes(), op);
  const Triple size = parse_sizes(o.pool_size, rank, 1, op, "pool_size");
  const Window v = parse_window(x.sizes(), size, o.strides.is_none() ? o.pool_size : o.strides, o.padding,
                                o.dilation_rate, o.ceil_mode, op);
  check_pixels(v, x, op);
  for (int i = 0; i < kAxes; i++) {
    const dim_t extent = (v.taps[i] - 1) * v.dilation[i] + 1;
    check(v.before[i] < extent && v.after[i] < extent, op, ": padding (", v.before[i], ", ", v.after[i],
          ") must be smaller than the window's ", extent);
    const Axis axis = forward_axis(v.out[i], v.taps[i], v.stride[i], v.dilation[i], v.before[i]);
    for (dim_t j = 0; j < v.out[i] && v.dilation[i] > 1; j++) {  // else every window holds a pixel
      dim_t begin, end;
      axis.valid(j, v.in[i], begin, end);
      check(begin < end, op, ": window ", j, " of size ", v.taps[i], " and dilation ", v.dilation[i],
            " holds no pixel of x, ", x.sizes(), "; pad less");
    }
  }
  return {v, images(v.N, v.out, v.C, rank)};
}

// Windows that divide x evenly; None: the whole image is one, and y is (N, C).
Pooling parse_adaptive(const char* op, const View& x, py::handle output_size) {
  const int rank = parse_rank(x.sizes(), op);
  Window v{};
  v.N = x.dim(0);
  v.C = x.dim(-1);
  v.in = v.out = {1, 1, 1};
  for (int i = 0; i < rank; i++) v.in[kAxes - rank + i] = x.dim(i + 1);
  const bool global = output_size.is_none();
  if (!global) v.out = parse_sizes(output_size, rank, 1, op, "output_size");
  check_pixels(v, x, op);
  for (int i = 0; i < kAxes; i++) {
    v.adaptive = v.adaptive || v.in[i] % v.out[i] != 0;
    v.taps[i] = v.stride[i] = std::max<dim_t>(v.in[i] / v.out[i], 1);
    v.dilation[i] = 1;
  }
  for (int i = 0; i < kAxes && v.adaptive; i++)
    for (const Axis& a : adaptive_axis(v.out[i], v.in[i])) v.taps[i] = std::max(v.taps[i], a.taps);
  return {v, global ? std::vector<dim_t>{v.N, v.C} : images(v.N, v.out, v.C, rank)};
}

Dtype index_dtype(const Window& v) { return wide_index(v) ? Dtype::i32 : Dtype::u8; }

py::object maximum(const Call& call, const Pooling& p, const View& x, bool save) {
  const Result y = call.result(p.shape);
  std::optional<Result> index;
  if (save) index.emplace(call.result(p.shape, index_dtype(p.window)));
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const MaxPoolForward<T> a{
        .x = x.as<T>(), .y = y.as<T>(), .index = save ? data_of(index->array) : nullptr, .window = p.window};
    run<max_pool_forward<T>>("max_pool_forward", p.work(), a);
  });
  return save ? py::object(py::make_tuple(y.array, index->array)) : py::object(y.array);
}

void maximum_gradient(Call& call, const Pooling& p, py::handle index_, py::handle dy_, const View& dx) {
  const View index = call.input(index_, "index", p.shape, index_dtype(p.window)), dy = call.input(dy_, "dy", p.shape);
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const MaxPoolBackward<T> a{
        .index = index.data(), .dy = dy.as<T>(), .dx = {dx.as<T>(), call.mode(0)}, .window = p.window};
    run<max_pool_backward<T>>("max_pool_backward", p.work(), a);
  });
}

py::array indices_of_maxima(Call& call, const Pooling& p, py::handle index_) {
  const View index = call.input(index_, "index", p.shape, index_dtype(p.window));
  check(product(p.window.in) <= INT32_MAX, call.op(), ": images of ", product(p.window.in),
        " pixels have places beyond int32");
  const Result indices = call.result(p.shape, Dtype::i32);
  const MaxPoolIndices a{.index = index.data(), .indices = indices.as<std::int32_t>(), .window = p.window};
  run<max_pool_indices>("max_pool_indices", 2.0 * double(index.size()), a);
  return indices;
}

Divisor parse_divisor(const std::string& name, const char* op) {
  if (name == "valid") return Divisor::valid;
  if (name == "padded") return Divisor::padded;
  check(name == "window", op, ": divisor is '", name, "', expected 'valid', 'padded' or 'window'");
  return Divisor::window;
}

py::array average(const Call& call, const Pooling& p, const View& x, Divisor divisor) {
  const Result y = call.result(p.shape);
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const AveragePoolForward<T> a{.x = x.as<T>(), .y = y.as<T>(), .window = p.window, .divisor = divisor};
    run<average_pool_forward<T>>("average_pool_forward", p.work(), a);
  });
  return y;
}

void average_gradient(Call& call, const Pooling& p, py::handle dy_, const View& dx, Divisor divisor) {
  const View dy = call.input(dy_, "dy", p.shape);
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const AveragePoolBackward<T> a{
        .dy = dy.as<T>(), .dx = {dx.as<T>(), call.mode(0)}, .window = p.window, .divisor = divisor};
    run<average_pool_backward<T>>("average_pool_backward", p.work(), a);
  });
}

constexpr const char *kMax = "max_pool", *kAverage = "average_pool", *kAdaptiveMax = "adaptive_max_pool",
                     *kAdaptiveAverage = "adaptive_average_pool", *kLp = "lp_pool", *kUnpool = "max_unpool";

py::object max_pool_forward_py(py::handle x_, py::handle pool_size, py::handle strides, py::handle padding,
                               py::handle dilation_rate, bool ceil_mode, bool save) {
  Call call(kMax);
  const View x = call.first(x_, "x");
  return maximum(call, parse(kMax, x, {pool_size, strides, padding, dilation_rate, ceil_mode}), x, save);
}

void max_pool_backward_py(py::handle index, py::handle dy, py::handle pool_size, py::handle strides, py::handle padding,
                          py::handle dilation_rate, bool ceil_mode, py::handle dx_, int accumulate) {
  if (dx_.is_none()) return;
  Call call(kMax, accumulate);
  const View dx = call.first_destination(dx_, "dx");
  maximum_gradient(call, parse(kMax, dx, {pool_size, strides, padding, dilation_rate, ceil_mode}), index, dy, dx);
}

py::array max_pool_indices_py(py::handle x_, py::handle index, py::handle pool_size, py::handle strides,
                              py::handle padding, py::handle dilation_rate, bool ceil_mode) {
  Call call(kMax);
  const View x = call.first(x_, "x");
  return indices_of_maxima(call, parse(kMax, x, {pool_size, strides, padding, dilation_rate, ceil_mode}), index);
}

py::array adaptive_max_pool_indices_py(py::handle x_, py::handle index, py::handle output_size) {
  Call call(kAdaptiveMax);
  const View x = call.first(x_, "x");
  return indices_of_maxima(call, parse_adaptive(kAdaptiveMax, x, output_size), index);
}

// Values of some places, put back into images of N x outputs x C.
struct Unpooling {
  Indices indices;
  dim_t N, C, pixels;
};

Unpooling parse_unpooling(const View& x, const View& indices, const char* name) {
  parse_rank(x.sizes(), kUnpool);
  check(indices.sizes().fit(x.sizes()), kUnpool, ": ", name, " is ", x.sizes(), " but indices are ", indices.sizes());
  const dim_t N = x.dim(0), C = x.dim(-1);
  dim_t pixels = 1;
  for (int i = 1; i + 1 < x.ndim(); i++) pixels *= x.dim(i);
  return {parse_indices(indices, kUnpool, "indices"), N, C, pixels};
}

// The sizes of the images that pooling made x of, as given or the smallest that fit.
Triple parse_output_shape(const View& x, const Options& o, py::handle output_shape) {
  const int rank = parse_rank(x.sizes(), kUnpool);
  const Triple taps = parse_sizes(o.pool_size, rank, 1, kUnpool, "pool_size");
  const bool valid = py::isinstance<py::str>(o.padding) && to_text(o.padding, kUnpool, "padding") == "valid";
  const py::int_ none(0), one(1);
  const Window v = parse_transposed_window(x.sizes(), x.dim(-1), taps, o.strides.is_none() ? o.pool_size : o.strides,
                                           valid ? none : o.padding, py::none(), one, kUnpool);
  if (output_shape.is_none()) return v.in;
  const Triple size = parse_sizes(output_shape, rank, 1, kUnpool, "output_shape");
  for (int i = 0; i < kAxes; i++)
    check(std::abs(size[i] - v.in[i]) < v.stride[i], kUnpool, ": output_shape is ", Repr{output_shape}, ", x is ",
          x.sizes(), ", which pooling makes of ", v.in[i],
          " or of sizes that differ by less than strides=", v.stride[i], ", not of ", size[i]);
  return size;
}

py::array max_unpool_forward_py(py::handle x_, py::handle indices_, py::handle pool_size, py::handle strides,
                                py::handle padding, py::handle output_shape) {
  Call call(kUnpool);
  const View x = call.first(x_, "x"), indices = call.input_of_any(indices_, "indices");
  const Unpooling u = parse_unpooling(x, indices, "x");
  const int rank = parse_rank(x.sizes(), kUnpool);
  const Triple size = parse_output_shape(x, {pool_size, strides, padding, {}, false}, output_shape);
  checked_product({std::max<dim_t>(u.N, 1), size[0], size[1], size[2], std::max<dim_t>(u.C, 1)});
  const Result y = call.result(images(u.N, size, u.C, rank));
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const MaxUnpoolForward<T> a{.x = x.as<T>(),
                                .indices = u.indices,
                                .y = y.as<T>(),
                                .N = u.N,
                                .C = u.C,
                                .pixels = u.pixels,
                                .outputs = product(size)};
    run<max_unpool_forward<T>>("max_unpool_forward", 4.0 * double(y.size()), a);
  });
  return y;
}

void max_unpool_backward_py(py::handle indices_, py::handle dy_, py::handle dx_, int accumulate) {
  if (dx_.is_none()) return;
  Call call(kUnpool, accumulate);
  const View dx = call.first_destination(dx_, "dx"), indices = call.input_of_any(indices_, "indices");
  const Unpooling u = parse_unpooling(dx, indices, "dx");
  const View dy = call.input_of_any_shape(dy_, "dy");
  check(dy.ndim() == dx.ndim() && dy.dim(0) == u.N && dy.dim(-1) == u.C, kUnpool, ": dx is ", dx.sizes(), ", dy ",
        dy.sizes());
  dim_t outputs = 1;
  for (int i = 1; i + 1 < dy.ndim(); i++) outputs *= dy.dim(i);
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const MaxUnpoolBackward<T> a{.indices = u.indices,
                                 .dy = dy.as<T>(),
                                 .dx = {dx.as<T>(), call.mode(0)},
                                 .N = u.N,
                                 .C = u.C,
                                 .pixels = u.pixels,
                                 .outputs = outputs};
    run<max_unpool_backward<T>>("max_unpool_backward", 4.0 * double(dy.size()), a);
  });
}

void check_norm(double p) { check(p > 0 && std::isfinite(p), kLp, ": p must be positive and finite, got ", p); }

py::array lp_pool_forward_py(py::handle x_, double p, py::handle pool_size, py::handle strides, py::handle padding,
                             py::handle dilation_rate, bool ceil_mode) {
  Call call(kLp);
  const View x = call.first(x_, "x");
  const Pooling pooling = parse(kLp, x, {pool_size, strides, padding, dilation_rate, ceil_mode});
  check_norm(p);
  const Result y = call.result(pooling.shape);
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const LpPoolForward<T> a{.x = x.as<T>(), .y = y.as<T>(), .window = pooling.window, .p = T(p)};
    run<lp_pool_forward<T>>("lp_pool_forward", pooling.work(), a);
  });
  return y;
}

void lp_pool_backward_py(py::handle x_, py::handle y_, py::handle dy_, double p, py::handle pool_size,
                         py::handle strides, py::handle padding, py::handle dilation_rate, bool ceil_mode,
                         py::handle dx_, int accumulate) {
  Call call(kLp, accumulate);
  const View x = call.first(x_, "x");
  const Pooling pooling = parse(kLp, x, {pool_size, strides, padding, dilation_rate, ceil_mode});
  check_norm(p);
  const View y = call.input(y_, "y", pooling.shape), dy = call.input(dy_, "dy", pooling.shape);
  const auto dx = call.gradient(dx_, "dx", x.sizes(), 0);
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const LpPoolBackward<T> a{
        .x = x.as<T>(), .y = y.as<T>(), .dy = dy.as<T>(), .dx = dx.as<T>(), .window = pooling.window, .p = T(p)};
    run<lp_pool_backward<T>>("lp_pool_backward", pooling.work(), a);
  });
}

py::array average_pool_forward_py(py::handle x_, py::handle pool_size, py::handle strides, py::handle padding,
                                  py::handle dilation_rate, bool ceil_mode, const std::string& divisor) {
  Call call(kAverage);
  const View x = call.first(x_, "x");
  return average(call, parse(kAverage, x, {pool_size, strides, padding, dilation_rate, ceil_mode}), x,
                 parse_divisor(divisor, kAverage));
}

void average_pool_backward_py(py::handle dy, py::handle pool_size, py::handle strides, py::handle padding,
                              py::handle dilation_rate, bool ceil_mode, const std::string& divisor, py::handle dx_,
                              int accumulate) {
  if (dx_.is_none()) return;
  Call call(kAverage, accumulate);
  const View dx = call.first_destination(dx_, "dx");
  average_gradient(call, parse(kAverage, dx, {pool_size, strides, padding, dilation_rate, ceil_mode}), dy, dx,
                   parse_divisor(divisor, kAverage));
}

py::object adaptive_max_pool_forward_py(py::handle x_, py::handle output_size, bool save) {
  Call call(kAdaptiveMax);
  const View x = call.first(x_, "x");
  return maximum(call, parse_adaptive(kAdaptiveMax, x, output_size), x, save);
}

void adaptive_max_pool_backward_py(py::handle index, py::handle dy, py::handle output_size, py::handle dx_,
                                   int accumulate) {
  if (dx_.is_none()) return;
  Call call(kAdaptiveMax, accumulate);
  const View dx = call.first_destination(dx_, "dx");
  maximum_gradient(call, parse_adaptive(kAdaptiveMax, dx, output_size), index, dy, dx);
}

py::array adaptive_average_pool_forward_py(py::handle x_, py::handle output_size) {
  Call call(kAdaptiveAverage);
  const View x = call.first(x_, "x");
  return average(call, parse_adaptive(kAdaptiveAverage, x, output_size), x, Divisor::valid);
}

void adaptive_average_pool_backward_py(py::handle dy, py::handle output_size, py::handle dx_, int accumulate) {
  if (dx_.is_none()) return;
  Call call(kAdaptiveAverage, accumulate);
  const View dx = call.first_destination(dx_, "dx");
  average_gradient(call, parse_adaptive(kAdaptiveAverage, dx, output_size), dy, dx, Divisor::valid);
}

}  // namespace

void bind_pooling(py::module_& m) {
  define(m, "max_pool_forward", max_pool_forward_py, "x, pool_size, strides, padding, dilation_rate, ceil_mode, save",
         "Maxima over windows of x (N, ..., C); with save also the number of the tap that won, for the backward.");
  define(m, "max_pool_backward", max_pool_backward_py,
         with_defaults("index, dy, pool_size, strides, padding, dilation_rate, ceil_mode, dx, accumulate", 0),
         "Gradient of max_pool_forward into dx (N, ..., C).");
  define(m, "max_pool_indices", max_pool_indices_py, "x, index, pool_size, strides, padding, dilation_rate, ceil_mode",
         "The pixel of its image, counted row by row, where each maximum of max_pool_forward with save stood.");
  define(m, "adaptive_max_pool_indices", adaptive_max_pool_indices_py, "x, index, output_size",
         "The pixel of its image, counted row by row, where each maximum of adaptive_max_pool_forward stood.");
  define(m, "max_unpool_forward", max_unpool_forward_py, "x, indices, pool_size, strides, padding, output_shape",
         "Images of zeros with x (N, ..., C) at the pixels that the indices name; of several in one place the last.");
  define(m, "max_unpool_backward", max_unpool_backward_py, with_defaults("indices, dy, dx, accumulate", 0),
         "Gradient of max_unpool_forward into dx (N, ..., C).");
  define(m, "lp_pool_forward", lp_pool_forward_py, "x, p, pool_size, strides, padding, dilation_rate, ceil_mode",
         "p-th roots of the sums of x^p over windows of x (N, ..., C).");
  define(m, "lp_pool_backward", lp_pool_backward_py,
         with_defaults("x, y, dy, p, pool_size, strides, padding, dilation_rate, ceil_mode, dx, accumulate", 0),
         "Gradient of lp_pool_forward into dx (N, ..., C).");
  define(m, "average_pool_forward", average_pool_forward_py,
         "x, pool_size, strides, padding, dilation_rate, ceil_mode, divisor",
         "Sums over windows of x (N, ..., C) by the pixels that count: 'valid', 'padded' or 'window'.");
  define(m, "average_pool_backward", average_pool_backward_py,
         with_defaults("dy, pool_size, strides, padding, dilation_rate, ceil_mode, divisor, dx, accumulate", 0),
         "Gradient of average_pool_forward into dx (N, ..., C).");
  define(m, "adaptive_max_pool_forward", adaptive_max_pool_forward_py, "x, output_size, save",
         "Maxima over as many windows of x (N, ..., C); None: over the whole image, (N, C).");
  define(m, "adaptive_max_pool_backward", adaptive_max_pool_backward_py,
         with_defaults("index, dy, output_size, dx, accumulate", 0),
         "Gradient of adaptive_max_pool_forward into dx (N, ..., C).");
  define(m, "adaptive_average_pool_forward", adaptive_average_pool_forward_py, "x, output_size",
         "Means over as many windows of x (N, ..., C); None: over the whole image, (N, C).");
  define(m, "adaptive_average_pool_backward", adaptive_average_pool_backward_py,
         with_defaults("dy, output_size, dx, accumulate", 0),
         "Gradient of adaptive_average_pool_forward into dx (N, ..., C).");
}

}  // namespace lamina
