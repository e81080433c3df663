#include "bind/array.h"
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
  const View x = input(x_, "activation", "x");
  const int entry = parse_entry(name);
  py::array y = empty_like(x);
  with_float(x.dtype(), name.c_str(), [&](auto t) {
    using T = decltype(t);
    const ActivationForward<T> a{x.as<T>(), static_cast<T*>(data_of(y)), x.size(), entry, T(parameter)};
    run<activation_forward<T>>("activation_forward", 16.0 * double(a.n), a);
  });
  return y;
}

void activation_backward_py(py::handle v_, py::handle dy_, const std::string& name, double parameter, py::handle dx_,
                            int accumulate) {
  const View v = input(v_, "activation", "x_or_y"), dy = input(dy_, "activation", "dy");
  expect_like(dy, "activation", "dy", v);
  const int entry = parse_entry(name);
  const auto dx = gradient(dx_, "activation", "dx", v, accumulate, 0);
  with_float(v.dtype(), name.c_str(), [&](auto t) {
    using T = decltype(t);
    const ActivationBackward<T> a{v.as<T>(), dy.as<T>(), dx.as<T>(), dx.mode, v.size(), entry, T(parameter)};
    run<activation_backward<T>>("activation_backward", 16.0 * double(a.n), a);
  });
}

py::array softmax_forward_any(py::handle x_, bool log) {
  const char* op = log ? "log_softmax" : "softmax";
  const View x = input(x_, op, "x");
  check(x.ndim() >= 1, op, ": x is a single number; expected at least one axis");
  py::array y = empty_like(x);
  with_float(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const SoftmaxForward<T> a{x.as<T>(), static_cast<T*>(data_of(y)), x.rows(), x.dim(-1), log};
    run<softmax_forward<T>>("softmax_forward", 24.0 * double(x.size()), a);
  });
  return y;
}

void softmax_backward_any(py::handle y_, py::handle dy_, py::handle dx_, int accumulate, bool log) {
  const char* op = log ? "log_softmax" : "softmax";
  const View y = input(y_, op, "y"), dy = input(dy_, op, "dy");
  check(y.ndim() >= 1, op, ": y is a single number; expected at least one axis");
  expect_like(dy, op, "dy", y);
  const auto dx = gradient(dx_, op, "dx", y, accumulate, 0);
  with_float(y.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const SoftmaxBackward<T> a{y.as<T>(), dy.as<T>(), dx.as<T>(), dx.mode, y.rows(), y.dim(-1), log};
    run<softmax_backward<T>>("softmax_backward", 16.0 * double(y.size()), a);
  });
}

}  // namespace

void bind_activation(py::module_& m) {
  m.def("activations", activations_py,
        "The elementwise activations: name -> whether the gradient follows from the output (else from the input).");
  m.def("activation_forward", activation_forward_py, py::arg("x"), py::arg("name"), py::arg("parameter") = 0.0,
        "y = name(x), elementwise; parameter is the negative slope of leaky_relu, the alpha of elu.");
  m.def("activation_backward", activation_backward_py, py::arg("x_or_y"), py::arg("dy"), py::arg("name"),
        py::arg("parameter"), py::arg("dx"), py::arg("accumulate") = 0,
        "Gradient of activation_forward into dx, from y or x as activations() says.");
  m.def(
      "softmax_forward", [](py::handle x) { return softmax_forward_any(x, false); }, py::arg("x"),
      "exp(x) / sum(exp(x)) over the last axis; a row of -inf alone gives zeros.");
  m.def(
      "softmax_backward",
      [](py::handle y, py::handle dy, py::handle dx, int accumulate) {
        softmax_backward_any(y, dy, dx, accumulate, false);
      },
      py::arg("y"), py::arg("dy"), py::arg("dx"), py::arg("accumulate") = 0, "Gradient of softmax_forward into dx.");
  m.def(
      "log_softmax_forward", [](py::handle x) { return softmax_forward_any(x, true); }, py::arg("x"),
      "x - log(sum(exp(x))) over the last axis; a row of -inf alone stays -inf.");
  m.def(
      "log_softmax_backward",
      [](py::handle y, py::handle dy, py::handle dx, int accumulate) {
        softmax_backward_any(y, dy, dx, accumulate, true);
      },
      py::arg("y"), py::arg("dy"), py::arg("dx"), py::arg("accumulate") = 0,
      "Gradient of log_softmax_forward into dx.");
}

}  // namespace lamina
