#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "kernels/table.h"
#include "ops/activation.h"

namespace lamina {
namespace {

int parse_entry(const std::string& name) {
  const int entry = find_activation(name.c_str());
  if (entry >= 0) return entry;
  std::string known;
  const auto& k = kernels<float>().activation;
  for (int i = 0; i < k.count; i++) known += concat(i ? ", " : "", k.entries[i].name);
  throw py::value_error(concat("activation: unknown name '", name, "'; expected one of ", known));
}

py::dict activations_py() {
  py::dict d;
  const auto& k = kernels<float>().activation;
  for (int i = 0; i < k.count; i++) d[k.entries[i].name] = k.entries[i].from_output;
  return d;
}

py::array activation_forward_py(py::handle x_, const std::string& name, double parameter) {
  Call call("activation");
  const View x = call.first(x_, "x");
  const int entry = parse_entry(name);
  const Result y = call.result(x.sizes());
  with_float(x.dtype(), name.c_str(), [&]<class T>(T) {
    const ActivationForward<T> a{
        .x = x.as<T>(), .y = y.as<T>(), .slope = nullptr, .n = x.size(), .entry = entry, .parameter = T(parameter)};
    run<activation_forward<T>>("activation_forward", 16.0 * double(a.n), a);
  });
  return y;
}

py::list slope_names() {
  py::list names;
  const auto& k = kernels<float>().activation;
  for (int i = 0; i < k.count; i++)
    if (k.entries[i].forward_and_slope) names.append(k.entries[i].name);
  return names;
}

py::tuple activation_forward_and_slope_py(py::handle x_, const std::string& name, double parameter) {
  Call call("activation");
  const View x = call.first(x_, "x");
  const int entry = parse_entry(name);
  check(kernels<float>().activation.entries[entry].forward_and_slope, "activation: '", name,
        "' keeps no slope; expected one of ", std::string(py::str(slope_names())));
  const Result y = call.result(x.sizes()), slope = call.result(x.sizes());
  with_float(x.dtype(), name.c_str(), [&]<class T>(T) {
    const ActivationForward<T> a{.x = x.as<T>(),
                                 .y = y.as<T>(),
                                 .slope = slope.as<T>(),
                                 .n = x.size(),
                                 .entry = entry,
                                 .parameter = T(parameter)};
    run<activation_forward<T>>("activation_forward", 16.0 * double(a.n), a);
  });
  return py::make_tuple(y.array, slope.array);
}

void activation_slope_backward_py(py::handle slope_, py::handle dy_, py::handle dx_, int accumulate) {
  Call call("activation", accumulate);
  const View slope = call.first(slope_, "slope"), dy = call.input(dy_, "dy", slope.sizes());
  const auto dx = call.gradient(dx_, "dx", slope.sizes(), 0);
  with_float(slope.dtype(), call.op(), [&]<class T>(T) {
    const SlopeBackward<T> a{.slope = slope.as<T>(), .dy = dy.as<T>(), .dx = dx.as<T>(), .n = slope.size()};
    run<slope_backward<T>>("slope_backward", 3.0 * double(a.n), a);
  });
}

void activation_backward_py(py::handle v_, py::handle dy_, const std::string& name, double parameter, py::handle dx_,
                            int accumulate) {
  Call call("activation", accumulate);
  const View v = call.first(v_, "x_or_y"), dy = call.input(dy_, "dy", v.sizes());
  const int entry = parse_entry(name);
  const auto dx = call.gradient(dx_, "dx", v.sizes(), 0);
  with_float(v.dtype(), name.c_str(), [&]<class T>(T) {
    const ActivationBackward<T> a{
        .v = v.as<T>(), .dy = dy.as<T>(), .dx = dx.as<T>(), .n = v.size(), .entry = entry, .parameter = T(parameter)};
    run<activation_backward<T>>("activation_backward", 16.0 * double(a.n), a);
  });
}

template <bool log>
py::array softmax_forward_py(py::handle x_) {
  Call call(log ? "log_softmax" : "softmax");
  const View x = call.first(x_, "x");
  check(x.ndim() >= 1, call.op(), ": x is a single number; expected at least one axis");
  const Result y = call.result(x.sizes());
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const SoftmaxForward<T> a{.x = x.as<T>(), .y = y.as<T>(), .rows = x.rows(), .C = x.dim(-1), .log = log};
    run<softmax_forward<T>>("softmax_forward", 24.0 * double(x.size()), a);
  });
  return y;
}

template <bool log>
void softmax_backward_py(py::handle y_, py::handle dy_, py::handle dx_, int accumulate) {
  Call call(log ? "log_softmax" : "softmax", accumulate);
  const View y = call.first(y_, "y"), dy = call.input(dy_, "dy", y.sizes());
  check(y.ndim() >= 1, call.op(), ": y is a single number; expected at least one axis");
  const auto dx = call.gradient(dx_, "dx", y.sizes(), 0);
  with_float(y.dtype(), call.op(), [&]<class T>(T) {
    const SoftmaxBackward<T> a{
        .y = y.as<T>(), .dy = dy.as<T>(), .dx = dx.as<T>(), .rows = y.rows(), .C = y.dim(-1), .log = log};
    run<softmax_backward<T>>("softmax_backward", 16.0 * double(y.size()), a);
  });
}

}  // namespace

void bind_activation(py::module_& m) {
  define(m, "activations", activations_py, "",
         "The elementwise activations: name -> whether the gradient follows from the output (else from the input).");
  define(m, "activation_forward", activation_forward_py, with_defaults("x, name, parameter", 0.0),
         "y = name(x), elementwise; parameter is the negative slope of leaky_relu, the alpha of elu.");
  define(m, "activation_backward", activation_backward_py,
         with_defaults("x_or_y, dy, name, parameter, dx, accumulate", 0),
         "Gradient of activation_forward into dx, from y or x as activations() says.");
  define(m, "activations_with_slope", slope_names, "", "The activations that activation_forward_and_slope takes.");
  define(m, "activation_forward_and_slope", activation_forward_and_slope_py, with_defaults("x, name, parameter", 0.0),
         "activation_forward, and the slope at x: (y, slope), of those named by activations_with_slope().");
  define(m, "activation_slope_backward", activation_slope_backward_py, with_defaults("slope, dy, dx, accumulate", 0),
         "Gradient of activation_forward into dx, from the slope.");
  define(m, "softmax_forward", softmax_forward_py<false>, "x",
         "exp(x) / sum(exp(x)) over the last axis; a row of -inf alone gives zeros.");
  define(m, "softmax_backward", softmax_backward_py<false>, with_defaults("y, dy, dx, accumulate", 0),
         "Gradient of softmax_forward into dx.");
  define(m, "log_softmax_forward", softmax_forward_py<true>, "x",
         "x - log(sum(exp(x))) over the last axis; a row of -inf alone stays -inf.");
  define(m, "log_softmax_backward", softmax_backward_py<true>, with_defaults("y, dy, dx, accumulate", 0),
         "Gradient of log_softmax_forward into dx.");
}

}  // namespace lamina
