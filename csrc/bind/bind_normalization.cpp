#include "bind/array.h"
#include "bind/families.h"
#include "ops/normalization.h"

namespace lamina {
namespace {

Activation parse_relu(const std::string& name) {
  if (name == "linear") return Activation::linear;
  if (name == "relu") return Activation::relu;
  throw py::value_error(concat("batch_norm: activation '", name, "' cannot be fused; expected linear or relu"));
}

// gamma or beta: null, or (C,) of x's dtype.
std::optional<View> parameter(py::handle h, const char* op, const char* name, const View& x) {
  auto v = optional_input(h, op, name);
  if (v) expect(*v, op, name, {x.dim(-1)}, x.dtype());
  return v;
}

// The gradient of a parameter, which need not be given itself.
GradientArray parameter_gradient(py::handle h, const char* op, const char* name, const View& x, int accumulate,
                                 int bit) {
  GradientArray g{optional_output(h, op, name), (accumulate >> bit) & 1 ? Grad::accumulate : Grad::write};
  if (!g.v) return {std::nullopt, Grad::skip};
  expect(*g.v, op, name, {x.dim(-1)}, x.dtype());
  return g;
}

View moving(py::handle h, const char* name, const View& x) {
  const View v = output(h, "batch_norm", name);
  expect(v, "batch_norm", name, {x.dim(-1)}, x.dtype());
  return v;
}

py::tuple batch_norm_forward_py(py::handle x_, py::handle gamma_, py::handle beta_, py::handle moving_mean_,
                                py::handle moving_variance_, bool training, double momentum, double epsilon,
                                const std::string& activation) {
  const View x = input(x_, "batch_norm", "x");
  check(x.ndim() >= 1, "batch_norm: x is a single number; expected channels on its last axis");
  const auto gamma = parameter(gamma_, "batch_norm", "gamma", x), beta = parameter(beta_, "batch_norm", "beta", x);
  const View mean0 = moving(moving_mean_, "moving_mean", x), variance0 = moving(moving_variance_, "moving_variance", x);
  check(epsilon >= 0, "batch_norm: epsilon is ", epsilon, ", expected 0 or more");
  py::array y = empty_like(x), mean = empty({x.dim(-1)}, x.dtype()), rstd = empty({x.dim(-1)}, x.dtype());
  with_float(x.dtype(), "batch_norm", [&](auto t) {
    using T = decltype(t);
    const BatchNormForward<T> a{x.as<T>(),
                                gamma ? gamma->as<T>() : nullptr,
                                beta ? beta->as<T>() : nullptr,
                                mean0.as<T>(),
                                variance0.as<T>(),
                                static_cast<T*>(data_of(y)),
                                static_cast<T*>(data_of(mean)),
                                static_cast<T*>(data_of(rstd)),
                                x.rows(),
                                x.dim(-1),
                                training,
                                T(momentum),
                                T(epsilon),
                                parse_relu(activation)};
    run<batch_norm_forward<T>>("batch_norm_forward", 8.0 * double(x.size()), a);
  });
  return py::make_tuple(y, mean, rstd);
}

py::tuple batch_norm_fold_py(py::handle w_, py::handle b_, py::handle gamma_, py::handle beta_, py::handle moving_mean_,
                             py::handle moving_variance_, double epsilon) {
  const View w = input(w_, "batch_norm", "w");
  check(w.ndim() >= 1, "batch_norm: w is a single number; expected channels on its last axis");
  const auto b = parameter(b_, "batch_norm", "b", w), gamma = parameter(gamma_, "batch_norm", "gamma", w),
             beta = parameter(beta_, "batch_norm", "beta", w);
  const auto mean = parameter(moving_mean_, "batch_norm", "moving_mean", w),
             variance = parameter(moving_variance_, "batch_norm", "moving_variance", w);
  check(mean && variance, "batch_norm: moving_mean and moving_variance must be given");
  py::array folded = empty_like(w), shift = empty({w.dim(-1)}, w.dtype());
  with_float(w.dtype(), "batch_norm", [&](auto t) {
    using T = decltype(t);
    const BatchNormFold<T> a{w.as<T>(),
                             b ? b->as<T>() : nullptr,
                             gamma ? gamma->as<T>() : nullptr,
                             beta ? beta->as<T>() : nullptr,
                             mean->as<T>(),
                             variance->as<T>(),
                             static_cast<T*>(data_of(folded)),
                             static_cast<T*>(data_of(shift)),
                             w.rows(),
                             w.dim(-1),
                             T(epsilon)};
    run<batch_norm_fold<T>>("batch_norm_fold", 2.0 * double(w.size()), a);
  });
  return py::make_tuple(folded, shift);
}

void batch_norm_backward_py(py::handle x_, py::handle gamma_, py::handle mean_, py::handle rstd_, py::handle y_,
                            py::handle dy_, bool training, const std::string& activation, py::handle dx_,
                            py::handle dgamma_, py::handle dbeta_, int accumulate) {
  const View x = input(x_, "batch_norm", "x"), mean = input(mean_, "batch_norm", "mean"),
             rstd = input(rstd_, "batch_norm", "rstd"), y = input(y_, "batch_norm", "y"),
             dy = input(dy_, "batch_norm", "dy");
  check(x.ndim() >= 1, "batch_norm: x is a single number; expected channels on its last axis");
  const auto gamma = parameter(gamma_, "batch_norm", "gamma", x);
  expect(mean, "batch_norm", "mean", {x.dim(-1)}, x.dtype());
  expect(rstd, "batch_norm", "rstd", {x.dim(-1)}, x.dtype());
  expect_like(y, "batch_norm", "y", x);
  expect_like(dy, "batch_norm", "dy", x);
  const auto dx = gradient(dx_, "batch_norm", "dx", x, accumulate, 0);
  const auto dgamma = parameter_gradient(dgamma_, "batch_norm", "dgamma", x, accumulate, 1),
             dbeta = parameter_gradient(dbeta_, "batch_norm", "dbeta", x, accumulate, 2);
  with_float(x.dtype(), "batch_norm", [&](auto t) {
    using T = decltype(t);
    const BatchNormBackward<T> a{x.as<T>(),     gamma ? gamma->as<T>() : nullptr,
                                 mean.as<T>(),  rstd.as<T>(),
                                 y.as<T>(),     dy.as<T>(),
                                 dx.as<T>(),    dgamma.as<T>(),
                                 dbeta.as<T>(), dx.mode,
                                 dgamma.mode,   dbeta.mode,
                                 x.rows(),      x.dim(-1),
                                 training,      parse_relu(activation)};
    run<batch_norm_backward<T>>("batch_norm_backward", 12.0 * double(x.size()), a);
  });
}

py::tuple layer_norm_forward_py(py::handle x_, py::handle gamma_, py::handle beta_, double epsilon) {
  const View x = input(x_, "layer_norm", "x");
  check(x.ndim() >= 1, "layer_norm: x is a single number; expected features on its last axis");
  const auto gamma = parameter(gamma_, "layer_norm", "gamma", x), beta = parameter(beta_, "layer_norm", "beta", x);
  check(epsilon >= 0, "layer_norm: epsilon is ", epsilon, ", expected 0 or more");
  const std::vector<dim_t> rows(x.shape(), x.shape() + x.ndim() - 1);
  py::array y = empty_like(x), mean = empty(rows, x.dtype()), rstd = empty(rows, x.dtype());
  with_float(x.dtype(), "layer_norm", [&](auto t) {
    using T = decltype(t);
    const LayerNormForward<T> a{x.as<T>(),
                                gamma ? gamma->as<T>() : nullptr,
                                beta ? beta->as<T>() : nullptr,
                                static_cast<T*>(data_of(y)),
                                static_cast<T*>(data_of(mean)),
                                static_cast<T*>(data_of(rstd)),
                                x.rows(),
                                x.dim(-1),
                                T(epsilon)};
    run<layer_norm_forward<T>>("layer_norm_forward", 8.0 * double(x.size()), a);
  });
  return py::make_tuple(y, mean, rstd);
}

void layer_norm_backward_py(py::handle x_, py::handle gamma_, py::handle mean_, py::handle rstd_, py::handle dy_,
                            py::handle dx_, py::handle dgamma_, py::handle dbeta_, int accumulate) {
  const View x = input(x_, "layer_norm", "x"), mean = input(mean_, "layer_norm", "mean"),
             rstd = input(rstd_, "layer_norm", "rstd"), dy = input(dy_, "layer_norm", "dy");
  check(x.ndim() >= 1, "layer_norm: x is a single number; expected features on its last axis");
  const auto gamma = parameter(gamma_, "layer_norm", "gamma", x);
  check(mean.size() == x.rows() && rstd.size() == x.rows() && mean.dtype() == x.dtype() && rstd.dtype() == x.dtype(),
        "layer_norm: mean is ", mean.shape_string(), ", rstd is ", rstd.shape_string(), ", x is ", x.shape_string());
  expect_like(dy, "layer_norm", "dy", x);
  const auto dx = gradient(dx_, "layer_norm", "dx", x, accumulate, 0);
  const auto dgamma = parameter_gradient(dgamma_, "layer_norm", "dgamma", x, accumulate, 1),
             dbeta = parameter_gradient(dbeta_, "layer_norm", "dbeta", x, accumulate, 2);
  with_float(x.dtype(), "layer_norm", [&](auto t) {
    using T = decltype(t);
    const LayerNormBackward<T> a{x.as<T>(),      gamma ? gamma->as<T>() : nullptr,
                                 mean.as<T>(),   rstd.as<T>(),
                                 dy.as<T>(),     dx.as<T>(),
                                 dgamma.as<T>(), dbeta.as<T>(),
                                 dx.mode,        dgamma.mode,
                                 dbeta.mode,     x.rows(),
                                 x.dim(-1)};
    run<layer_norm_backward<T>>("layer_norm_backward", 12.0 * double(x.size()), a);
  });
}

}  // namespace

void bind_normalization(py::module_& m) {
  m.def("batch_norm_forward", batch_norm_forward_py, py::arg("x"), py::arg("gamma"), py::arg("beta"),
        py::arg("moving_mean"), py::arg("moving_variance"), py::arg("training"), py::arg("momentum"),
        py::arg("epsilon"), py::arg("activation"),
        "(y, mean, rstd) of x (..., C), gamma and beta (C,) or None; training uses the batch's statistics and moves "
        "moving_mean and moving_variance in place, else these are used.");
  m.def("batch_norm_fold", batch_norm_fold_py, py::arg("w"), py::arg("b"), py::arg("gamma"), py::arg("beta"),
        py::arg("moving_mean"), py::arg("moving_variance"), py::arg("epsilon"),
        "Weights (..., C) and bias (C) of a layer that does in inference what the layer and batch normalization do.");
  m.def("batch_norm_backward", batch_norm_backward_py, py::arg("x"), py::arg("gamma"), py::arg("mean"), py::arg("rstd"),
        py::arg("y"), py::arg("dy"), py::arg("training"), py::arg("activation"), py::arg("dx"), py::arg("dgamma"),
        py::arg("dbeta"), py::arg("accumulate") = 0, "Gradients of batch_norm_forward.");
  m.def("layer_norm_forward", layer_norm_forward_py, py::arg("x"), py::arg("gamma"), py::arg("beta"),
        py::arg("epsilon"), "(y, mean, rstd) of x (..., C), gamma and beta (C,) or None; mean and rstd are (...).");
  m.def("layer_norm_backward", layer_norm_backward_py, py::arg("x"), py::arg("gamma"), py::arg("mean"), py::arg("rstd"),
        py::arg("dy"), py::arg("dx"), py::arg("dgamma"), py::arg("dbeta"), py::arg("accumulate") = 0,
        "Gradients of layer_norm_forward.");
}

}  // namespace lamina
