#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/indices.h"
#include "ops/ctc.h"
#include "ops/loss.h"

namespace lamina {
namespace {

py::tuple ctc_loss_forward_py(py::handle x_, py::handle labels_, py::handle label_lengths_, py::handle input_lengths_,
                              dim_t blank, bool want_gradient) {
  Call call("ctc_loss");
  const View x = call.first(x_, "output"), labels = call.input_of_any(labels_, "target");
  const View label_lengths = call.input_of_any(label_lengths_, "target_length");
  const View input_lengths = call.input_of_any(input_lengths_, "output_length");
  check(x.ndim() == 3 && x.dim(2) > 0, "ctc_loss: output must be (batch, steps, classes), got ", x.sizes());
  const dim_t N = x.dim(0);
  check(labels.ndim() == 2 && labels.dim(0) == N, "ctc_loss: target: the labels are ", labels.sizes(), ", expected (",
        N, ", labels)");
  check(label_lengths.sizes().fit({x.shape(), 1}), "ctc_loss: target_length: the label_lengths are ",
        label_lengths.sizes(), ", expected (", N, ",)");
  check(input_lengths.sizes().fit({x.shape(), 1}), "ctc_loss: output_length: the input_lengths are ",
        input_lengths.sizes(), ", expected (", N, ",)");
  check(blank >= 0 && blank < x.dim(2), "ctc_loss: mask_index: the blank must be one of ", x.dim(2), " classes, got ",
        blank);
  const Result losses = call.result({x.shape(), 1});
  const auto gradient = want_gradient ? std::optional(call.result(x.sizes())) : std::nullopt;
  with_float(x.dtype(), "ctc_loss", [&]<class T>(T) {
    const Ctc<T> a{.x = x.as<T>(),
                   .labels = parse_indices(labels, "ctc_loss", "target"),
                   .label_lengths = parse_indices(label_lengths, "ctc_loss", "target_length"),
                   .input_lengths = parse_indices(input_lengths, "ctc_loss", "output_length"),
                   .losses = losses.as<T>(),
                   .gradient = gradient ? gradient->as<T>() : nullptr,
                   .N = N,
                   .steps = x.dim(1),
                   .C = x.dim(2),
                   .L = labels.dim(1),
                   .blank = blank};
    run<ctc<T>>("ctc_loss_forward", 20.0 * double(x.size() + N * x.dim(1) * labels.dim(1)), a);
  });
  return py::make_tuple(losses.array, gradient ? py::object(gradient->array) : py::none());
}

void ctc_loss_backward_py(py::handle gradient_, py::handle dy_, py::handle dx_, int accumulate) {
  Call call("ctc_loss", accumulate);
  const View g = call.first(gradient_, "gradient");
  check(g.ndim() == 3, "ctc_loss: the gradient must be (batch, steps, classes), got ", g.sizes());
  const View dy = call.input(dy_, "dy", {g.shape(), 1});
  const auto dx = call.gradient(dx_, "dx", g.sizes(), 0);
  if (dx.mode == Grad::skip) return;
  with_float(g.dtype(), "ctc_loss", [&]<class T>(T) {
    const CrossEntropyBackward<T> a{.gradient = g.as<T>(),
                                    .dy = dy.as<T>(),
                                    .dx = dx.as<T>(),
                                    .N = g.dim(0),
                                    .C = g.dim(1) * g.dim(2),
                                    .mean = false,
                                    .accumulate = dx.mode == Grad::accumulate};
    run<cross_entropy_backward<T>>("ctc_loss_backward", 4.0 * double(g.size()), a);
  });
}

}  // namespace

void bind_ctc(py::module_& m) {
  define(m, "ctc_loss_forward", ctc_loss_forward_py,
         "output, target, target_length, output_length, mask_index, want_gradient",
         "(losses, gradient or None) of logits (N, T, C) that spell labels (N, L), of which and of the steps as many "
         "count as their lengths say.");
  define(m, "ctc_loss_backward", ctc_loss_backward_py, with_defaults("gradient, dy, dx, accumulate", 0),
         "dx = gradient * dy, dy one a sequence.");
}

}  // namespace lamina
