#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "ops/dropout.h"

namespace lamina {
namespace {

void check_rate(double rate) { check(rate >= 0.0 && rate <= 1.0, "dropout: rate must be between 0 and 1, got ", rate); }

py::tuple dropout_forward_py(py::handle x_, double rate, py::handle state_, py::handle first_, dim_t per_sample) {
  Call call("dropout");
  const View x = call.first(x_, "x"), state = call.destination(state_, "state", {2}, Dtype::u64);
  const auto first = call.optional(first_, "first", {1}, Dtype::u64);
  check_rate(rate);
  check(per_sample >= 0, "dropout: per_sample must not be negative, got ", per_sample);
  const Result y = call.result(x.sizes()), used = call.result({3}, Dtype::u64);
  with_float(x.dtype(), "dropout", [&]<class T>(T) {
    const DropoutForward<T> a{.x = x.as<T>(),
                              .y = y.as<T>(),
                              .state = state.as<std::uint64_t>(),
                              .used = used.as<std::uint64_t>(),
                              .first = data_or_null<const std::uint64_t>(first),
                              .n = x.size(),
                              .per_sample = per_sample,
                              .rate = rate};
    run<dropout_forward<T>>("dropout_forward", 8.0 * double(a.n), a);
  });
  return py::make_tuple(y.array, used.array);
}

void dropout_backward_py(py::handle used_, py::handle dy_, double rate, py::handle dx_, int accumulate) {
  Call call("dropout", accumulate);
  const View dy = call.first(dy_, "dy"), used = call.input(used_, "used", {3}, Dtype::u64);
  check_rate(rate);
  const auto dx = call.gradient(dx_, "dx", dy.sizes(), 0);
  with_float(dy.dtype(), "dropout", [&]<class T>(T) {
    const DropoutBackward<T> a{
        .dy = dy.as<T>(), .dx = dx.as<T>(), .used = used.as<std::uint64_t>(), .n = dy.size(), .rate = rate};
    run<dropout_backward<T>>("dropout_backward", 8.0 * double(a.n), a);
  });
}

}  // namespace

void bind_dropout(py::module_& m) {
  define(m, "dropout_forward", dropout_forward_py, "x, rate, state, first, per_sample",
         "(y, used): x with a fraction rate of its elements zero, the rest scaled; state (2,) uint64 [key, counter]. x "
         "begins "
         "with sample first[0], of per_sample elements, of a larger batch; None: with the first.");
  define(m, "dropout_backward", dropout_backward_py, with_defaults("used, dy, rate, dx, accumulate", 0),
         "The gradient of dropout_forward, the mask drawn again from used.");
}

}  // namespace lamina
