#include "bind/array.h"
#include "bind/families.h"
#include "ops/dropout.h"

namespace lamina {
namespace {

void check_rate(double rate) { check(rate >= 0.0 && rate <= 1.0, "dropout: rate must be between 0 and 1, got ", rate); }

py::tuple dropout_forward_py(py::handle x_, double rate, py::handle state_) {
  const View x = input(x_, "dropout", "x"), state = output(state_, "dropout", "state");
  check_rate(rate);
  expect(state, "dropout", "state", {2}, Dtype::u64);
  py::array y = empty_like(x), used = empty({2}, Dtype::u64);
  with_float(x.dtype(), "dropout", [&](auto t) {
    using T = decltype(t);
    const DropoutForward<T> a{x.as<T>(),
                              static_cast<T*>(data_of(y)),
                              state.as<std::uint64_t>(),
                              static_cast<std::uint64_t*>(data_of(used)),
                              x.size(),
                              rate};
    run<dropout_forward<T>>("dropout_forward", 8.0 * double(a.n), a);
  });
  return py::make_tuple(y, used);
}

void dropout_backward_py(py::handle used_, py::handle dy_, double rate, py::handle dx_, int accumulate) {
  const View used = input(used_, "dropout", "used"), dy = input(dy_, "dropout", "dy");
  check_rate(rate);
  expect(used, "dropout", "used", {2}, Dtype::u64);
  const auto dx = gradient(dx_, "dropout", "dx", dy, accumulate, 0);
  with_float(dy.dtype(), "dropout", [&](auto t) {
    using T = decltype(t);
    const DropoutBackward<T> a{dy.as<T>(), dx.as<T>(), dx.mode, used.as<std::uint64_t>(), dy.size(), rate};
    run<dropout_backward<T>>("dropout_backward", 8.0 * double(a.n), a);
  });
}

}  // namespace

void bind_dropout(py::module_& m) {
  m.def("dropout_forward", dropout_forward_py, py::arg("x"), py::arg("rate"), py::arg("state"),
        "(y, used): x with a fraction rate of its elements zero, the rest scaled; state (2,) uint64 [key, counter].");
  m.def("dropout_backward", dropout_backward_py, py::arg("used"), py::arg("dy"), py::arg("rate"), py::arg("dx"),
        py::arg("accumulate") = 0, "The gradient of dropout_forward, the mask drawn again from used.");
}

}  // namespace lamina
