#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "ops/normalization.h"

namespace lamina {
namespace {

Activation parse_relu(const std::string& name) {
  if (name == "linear") return Activation::linear;
  if (name == "relu") return Activation::relu;
  throw py::value_error(concat("batch_norm: activation '", name, "' cannot be fused; expected linear or relu"));
}

void expect_channels(const View& x, const char* op, const char* name = "x") {
  check(x.ndim() >= 1, op, ": ", name, " is a single number; expected channels on its last axis");
}

py::tuple batch_norm_forward_py(py::handle x_, py::handle gamma_, py::handle beta_, py::handle moving_mean_,
                                py::handle moving_variance_, bool training, double momentum, double epsilon,
                                const std::string& activation) {
  Call call("batch_norm");
  const View x = call.first(x_, "x");
  expect_channels(x, call.op());
  const dim_t C = x.dim(-1);
  const auto gamma = call.optional(gamma_, "gamma", {C}), beta = call.optional(beta_, "beta", {C});
  const View mean0 = call.destination(moving_mean_, "moving_mean", {C}),
             variance0 = call.destination(moving_variance_, "moving_variance", {C});
  check(epsilon >= 0, "batch_norm: epsilon is ", epsilon, ", expected 0 or more");
  const Activation act = parse_relu(activation);
  const Result y = call.result(x.sizes()), mean = call.result({C}), rstd = call.result({C});
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const BatchNormForward<T> a{.x = x.as<T>(),
                                .gamma = data_or_null<T>(gamma),
                                .beta = data_or_null<T>(beta),
                                .moving_mean = mean0.as<T>(),
                                .moving_variance = variance0.as<T>(),
                                .y = y.as<T>(),
                                .mean = mean.as<T>(),
                                .rstd = rstd.as<T>(),
                                .M = x.rows(),
                                .C = C,
                                .training = training,
                                .momentum = T(momentum),
                                .epsilon = T(epsilon),
                                .act = act};
    run<batch_norm_forward<T>>("batch_norm_forward", 8.0 * double(x.size()), a);
  });
  return py::make_tuple(y.array, mean.array, rstd.array);
}

py::tuple batch_norm_fold_py(py::handle w_, py::handle b_, py::handle gamma_, py::handle beta_, py::handle moving_mean_,
                             py::handle moving_variance_, double epsilon) {
  Call call("batch_norm");
  const View w = call.first(w_, "w");
  expect_channels(w, call.op(), "w");
  const dim_t C = w.dim(-1);
  const auto b = call.optional(b_, "b", {C}), gamma = call.optional(gamma_, "gamma", {C}),
             beta = call.optional(beta_, "beta", {C});
  const View mean = call.input(moving_mean_, "moving_mean", {C}),
             variance = call.input(moving_variance_, "moving_variance", {C});
  const Result folded = call.result(w.sizes()), shift = call.result({C});
  with_float(w.dtype(), call.op(), [&]<class T>(T) {
    const BatchNormFold<T> a{.w = w.as<T>(),
                             .b = data_or_null<T>(b),
                             .gamma = data_or_null<T>(gamma),
                             .beta = data_or_null<T>(beta),
                             .moving_mean = mean.as<T>(),
                             .moving_variance = variance.as<T>(),
                             .folded = folded.as<T>(),
                             .shift = shift.as<T>(),
                             .rows = w.rows(),
                             .C = C,
                             .epsilon = T(epsilon)};
    run<batch_norm_fold<T>>("batch_norm_fold", 2.0 * double(w.size()), a);
  });
  return py::make_tuple(folded.array, shift.array);
}

void batch_norm_backward_py(py::handle x_, py::handle gamma_, py::handle mean_, py::handle rstd_, py::handle y_,
                            py::handle dy_, bool training, const std::string& activation, py::handle dx_,
                            py::handle dgamma_, py::handle dbeta_, int accumulate) {
  Call call("batch_norm", accumulate);
  const View x = call.first(x_, "x");
  expect_channels(x, call.op());
  const dim_t C = x.dim(-1);
  const auto gamma = call.optional(gamma_, "gamma", {C});
  const View mean = call.input(mean_, "mean", {C}), rstd = call.input(rstd_, "rstd", {C}),
             y = call.input(y_, "y", x.sizes()), dy = call.input(dy_, "dy", x.sizes());
  const auto dx = call.gradient(dx_, "dx", x.sizes(), 0), dgamma = call.gradient(dgamma_, "dgamma", {C}, 1),
             dbeta = call.gradient(dbeta_, "dbeta", {C}, 2);
  const Activation act = parse_relu(activation);
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const BatchNormBackward<T> a{.x = x.as<T>(),
                                 .gamma = data_or_null<T>(gamma),
                                 .mean = mean.as<T>(),
                                 .rstd = rstd.as<T>(),
                                 .y = y.as<T>(),
                                 .dy = dy.as<T>(),
                                 .dx = dx.as<T>(),
                                 .dgamma = dgamma.as<T>(),
                                 .dbeta = dbeta.as<T>(),
                                 .M = x.rows(),
                                 .C = C,
                                 .training = training,
                                 .act = act};
    run<batch_norm_backward<T>>("batch_norm_backward", 12.0 * double(x.size()), a);
  });
}

py::tuple layer_norm_forward_py(py::handle x_, py::handle gamma_, py::handle beta_, double epsilon) {
  Call call("layer_norm");
  const View x = call.first(x_, "x");
  expect_channels(x, call.op());
  const dim_t C = x.dim(-1);
  const auto gamma = call.optional(gamma_, "gamma", {C}), beta = call.optional(beta_, "beta", {C});
  check(epsilon >= 0, "layer_norm: epsilon is ", epsilon, ", expected 0 or more");
  const Sizes rows{x.shape(), x.ndim() - 1};
  const Result y = call.result(x.sizes()), mean = call.result(rows), rstd = call.result(rows);
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const LayerNormForward<T> a{.x = x.as<T>(),
                                .gamma = data_or_null<T>(gamma),
                                .beta = data_or_null<T>(beta),
                                .y = y.as<T>(),
                                .mean = mean.as<T>(),
                                .rstd = rstd.as<T>(),
                                .rows = x.rows(),
                                .C = C,
                                .epsilon = T(epsilon)};
    run<layer_norm_forward<T>>("layer_norm_forward", 8.0 * double(x.size()), a);
  });
  return py::make_tuple(y.array, mean.array, rstd.array);
}

void layer_norm_backward_py(py::handle x_, py::handle gamma_, py::handle mean_, py::handle rstd_, py::handle dy_,
                            py::handle dx_, py::handle dgamma_, py::handle dbeta_, int accumulate) {
  Call call("layer_norm", accumulate);
  const View x = call.first(x_, "x");
  expect_channels(x, call.op());
  const dim_t C = x.dim(-1);
  const Sizes rows{x.shape(), x.ndim() - 1};
  const auto gamma = call.optional(gamma_, "gamma", {C});
  const View mean = call.input(mean_, "mean", rows), rstd = call.input(rstd_, "rstd", rows),
             dy = call.input(dy_, "dy", x.sizes());
  const auto dx = call.gradient(dx_, "dx", x.sizes(), 0), dgamma = call.gradient(dgamma_, "dgamma", {C}, 1),
             dbeta = call.gradient(dbeta_, "dbeta", {C}, 2);
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const LayerNormBackward<T> a{.x = x.as<T>(),
                                 .gamma = data_or_null<T>(gamma),
                                 .mean = mean.as<T>(),
                                 .rstd = rstd.as<T>(),
                                 .dy = dy.as<T>(),
                                 .dx = dx.as<T>(),
                                 .dgamma = dgamma.as<T>(),
                                 .dbeta = dbeta.as<T>(),
                                 .rows = x.rows(),
                                 .C = C};
    run<layer_norm_backward<T>>("layer_norm_backward", 12.0 * double(x.size()), a);
  });
}

py::tuple rms_norm_forward_py(py::handle x_, py::handle scale_, double epsilon) {
  Call call("rms_norm");
  const View x = call.first(x_, "x");
  expect_channels(x, call.op());
  const auto scale = call.optional(scale_, "scale", {x.dim(-1)});
  check(epsilon >= 0, "rms_norm: epsilon is ", epsilon, ", expected 0 or more");
  const Result y = call.result(x.sizes()), rstd = call.result({x.shape(), x.ndim() - 1});
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const LayerNormForward<T> a{.x = x.as<T>(),
                                .gamma = data_or_null<T>(scale),
                                .beta = nullptr,
                                .y = y.as<T>(),
                                .mean = nullptr,
                                .rstd = rstd.as<T>(),
                                .rows = x.rows(),
                                .C = x.dim(-1),
                                .epsilon = T(epsilon)};
    run<layer_norm_forward<T>>("rms_norm_forward", 6.0 * double(x.size()), a);
  });
  return py::make_tuple(y.array, rstd.array);
}

void rms_norm_backward_py(py::handle x_, py::handle scale_, py::handle rstd_, py::handle dy_, py::handle dx_,
                          py::handle dscale_, int accumulate) {
  Call call("rms_norm", accumulate);
  const View x = call.first(x_, "x");
  expect_channels(x, call.op());
  const auto scale = call.optional(scale_, "scale", {x.dim(-1)});
  const View rstd = call.input(rstd_, "rstd", {x.shape(), x.ndim() - 1}), dy = call.input(dy_, "dy", x.sizes());
  const auto dx = call.gradient(dx_, "dx", x.sizes(), 0), dscale = call.gradient(dscale_, "dscale", {x.dim(-1)}, 1);
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const LayerNormBackward<T> a{.x = x.as<T>(),
                                 .gamma = data_or_null<T>(scale),
                                 .mean = nullptr,
                                 .rstd = rstd.as<T>(),
                                 .dy = dy.as<T>(),
                                 .dx = dx.as<T>(),
                                 .dgamma = dscale.as<T>(),
                                 .dbeta = {},
                                 .rows = x.rows(),
                                 .C = x.dim(-1)};
    run<layer_norm_backward<T>>("rms_norm_backward", 10.0 * double(x.size()), a);
  });
}

// x (N, ..., C) as N samples of S rows.
struct Samples {
  dim_t N, S, C;

  Samples(const View& x, const char* op, dim_t groups) {
    check(x.ndim() >= 2, op, ": x is ", x.sizes(), ", expected (batch, ..., channels)");
    N = x.dim(0), C = x.dim(-1), S = 1;
    for (int i = 1; i + 1 < x.ndim(); i++) S *= x.dim(i);
    check(groups >= 1 && C % groups == 0, op, ": groups is ", groups, ", expected a divisor of the ", C, " channels");
  }
};

py::tuple group_norm_forward_py(py::handle x_, py::handle gamma_, py::handle beta_, dim_t groups, double epsilon) {
  Call call("group_norm");
  const View x = call.first(x_, "x");
  const Samples s(x, call.op(), groups);
  const auto gamma = call.optional(gamma_, "gamma", {s.C}), beta = call.optional(beta_, "beta", {s.C});
  check(epsilon >= 0, "group_norm: epsilon is ", epsilon, ", expected 0 or more");
  const Result y = call.result(x.sizes()), mean = call.result({s.N, groups}), rstd = call.result({s.N, groups});
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const GroupNormForward<T> a{.x = x.as<T>(),
                                .gamma = data_or_null<T>(gamma),
                                .beta = data_or_null<T>(beta),
                                .y = y.as<T>(),
                                .mean = mean.as<T>(),
                                .rstd = rstd.as<T>(),
                                .N = s.N,
                                .S = s.S,
                                .C = s.C,
                                .groups = groups,
                                .epsilon = T(epsilon)};
    run<group_norm_forward<T>>("group_norm_forward", 8.0 * double(x.size()), a);
  });
  return py::make_tuple(y.array, mean.array, rstd.array);
}

void group_norm_backward_py(py::handle x_, py::handle gamma_, py::handle mean_, py::handle rstd_, py::handle dy_,
                            dim_t groups, py::handle dx_, py::handle dgamma_, py::handle dbeta_, int accumulate) {
  Call call("group_norm", accumulate);
  const View x = call.first(x_, "x");
  const Samples s(x, call.op(), groups);
  const auto gamma = call.optional(gamma_, "gamma", {s.C});
  const View mean = call.input(mean_, "mean", {s.N, groups}), rstd = call.input(rstd_, "rstd", {s.N, groups}),
             dy = call.input(dy_, "dy", x.sizes());
  const auto dx = call.gradient(dx_, "dx", x.sizes(), 0), dgamma = call.gradient(dgamma_, "dgamma", {s.C}, 1),
             dbeta = call.gradient(dbeta_, "dbeta", {s.C}, 2);
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const GroupNormBackward<T> a{.x = x.as<T>(),
                                 .gamma = data_or_null<T>(gamma),
                                 .mean = mean.as<T>(),
                                 .rstd = rstd.as<T>(),
                                 .dy = dy.as<T>(),
                                 .dx = dx.as<T>(),
                                 .dgamma = dgamma.as<T>(),
                                 .dbeta = dbeta.as<T>(),
                                 .N = s.N,
                                 .S = s.S,
                                 .C = s.C,
                                 .groups = groups};
    run<group_norm_backward<T>>("group_norm_backward", 12.0 * double(x.size()), a);
  });
}

}  // namespace

void bind_normalization(py::module_& m) {
  define(m, "batch_norm_forward", batch_norm_forward_py,
         "x, gamma, beta, moving_mean, moving_variance, training, momentum, epsilon, activation",
         "(y, mean, rstd) of x (..., C), gamma and beta (C,) or None; training uses the batch's statistics and moves "
         "moving_mean and moving_variance in place, else these are used.");
  define(m, "batch_norm_fold", batch_norm_fold_py, "w, b, gamma, beta, moving_mean, moving_variance, epsilon",
         "Weights (..., C) and bias (C) of a layer that does in inference what the layer and batch normalization do.");
  define(m, "batch_norm_backward", batch_norm_backward_py,
         with_defaults("x, gamma, mean, rstd, y, dy, training, activation, dx, dgamma, dbeta, accumulate", 0),
         "Gradients of batch_norm_forward.");
  define(m, "layer_norm_forward", layer_norm_forward_py, "x, gamma, beta, epsilon",
         "(y, mean, rstd) of x (..., C), gamma and beta (C,) or None; mean and rstd are (...).");
  define(m, "layer_norm_backward", layer_norm_backward_py,
         with_defaults("x, gamma, mean, rstd, dy, dx, dgamma, dbeta, accumulate", 0),
         "Gradients of layer_norm_forward.");
  define(m, "rms_norm_forward", rms_norm_forward_py, "x, scale, epsilon",
         "(y, rstd) of x (..., C), scale (C,) or None; rstd is (...).");
  define(m, "rms_norm_backward", rms_norm_backward_py, with_defaults("x, scale, rstd, dy, dx, dscale, accumulate", 0),
         "Gradients of rms_norm_forward.");
  define(m, "group_norm_forward", group_norm_forward_py, "x, gamma, beta, groups, epsilon",
         "(y, mean, rstd) of x (N, ..., C), gamma and beta (C,) or None; mean and rstd are (N, groups).");
  define(m, "group_norm_backward", group_norm_backward_py,
         with_defaults("x, gamma, mean, rstd, dy, groups, dx, dgamma, dbeta, accumulate", 0),
         "Gradients of group_norm_forward.");
}

}  // namespace lamina
