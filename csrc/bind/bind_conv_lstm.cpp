#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/recurrent_arguments.h"
#include "bind/window.h"
#include "ops/conv_lstm.h"

namespace lamina {
namespace {

// Arguments that forward and backward share, checked. x (B, S, in, C), kernel (taps, C, 4 F), states (B, out, F).
struct ImageSequences {
  View x, kernel, recurrent;
  std::optional<View> bias, h0, c0, lengths, mask;
  CellActivation act, recurrent_act;
  bool go_backwards, in_time_order, zero_output;
  Window input, hidden;
  dim_t F, groups;
  int rank;

  dim_t B() const { return x.dim(0); }
  dim_t S() const { return x.dim(1); }
  std::vector<dim_t> state(dim_t channels) const { return images(B(), input.out, channels, rank); }
  std::vector<dim_t> states(dim_t channels) const {  // of all steps
    std::vector<dim_t> shape = state(channels);
    shape.insert(shape.begin() + 1, S());
    return shape;
  }
  double work() const {
    return 8.0 * double(B() * S()) * double(product(input.out) * product(input.taps)) * double(F) *
           double(input.C / groups + F);
  }
};

// How a kernel goes over images, and how the steps are gone through.
struct ImageOptions {
  py::handle lengths, mask, strides, padding, dilation_rate;
  const std::string &activation, &recurrent_activation;
  bool go_backwards, in_time_order, zero_output;
};

ImageSequences parse(Call& call, py::handle x_, py::handle kernel_, py::handle recurrent_, py::handle bias_,
                     py::handle h0_, py::handle c0_, const ImageOptions& o) {
  const char* op = call.op();
  const View x = call.first(x_, "x");
  check(x.ndim() >= 4 && x.ndim() <= kAxes + 3, op, ": x is ", x.sizes(),
        ", expected (batch, time, T, C), (batch, time, H, W, C) or (batch, time, D, H, W, C)");
  const int rank = x.ndim() - 3;
  const dim_t B = x.dim(0), S = x.dim(1);
  const View kernel = call.input_of_any_shape(kernel_, "kernel"),
             recurrent = call.input_of_any_shape(recurrent_, "recurrent_kernel");
  check(kernel.ndim() == rank + 2 && kernel.dim(-1) > 0 && kernel.dim(-1) % 4 == 0, op,
        ": kernel must be (sizes of the window, C, 4 filters) for x ", x.sizes(), ", got shape ", kernel.sizes());
  const dim_t F = kernel.dim(-1) / 4, C = kernel.dim(-2);
  std::vector<dim_t> like = kernel.sizes().vector(), step = x.sizes().vector();
  like[rank] = F;
  expect(recurrent, op, "recurrent_kernel", like, x.dtype());
  dim_t each = 0;
  const bool overflow = __builtin_mul_overflow(C, 4, &each);
  check(x.dim(-1) == C || (!overflow && x.dim(-1) == each), op, ": x is ", x.sizes(), " but kernel takes ", C,
        " channels on the last axis, or as many for each of four gates; kernel is ", kernel.sizes());
  check(o.lengths.is_none() || o.mask.is_none(), op, ": give lengths or mask, not both");
  check(S < (dim_t(1) << 31), op, ": too many steps: ", S);
  step.erase(step.begin());
  step[0] = checked_product({B, S});
  Triple taps{1, 1, 1};
  for (int i = 0; i < rank; i++) taps[kAxes - rank + i] = kernel.dim(i);
  const Window input = parse_window(step, taps, o.strides, o.padding, o.dilation_rate, false, op);
  Window hidden{.N = 0,
                .C = F,
                .in = input.out,
                .out = input.out,
                .taps = taps,
                .stride = {1, 1, 1},
                .dilation = {1, 1, 1},
                .before = {},
                .after = {}};
  for (int i = 0; i < kAxes; i++) {
    hidden.before[i] = (taps[i] - 1) / 2;
    hidden.after[i] = taps[i] / 2;
  }
  checked_product({step[0], product(input.out), 4 * F});
  const std::vector<dim_t> state = images(B, input.out, F, rank);
  return {.x = x,
          .kernel = kernel,
          .recurrent = recurrent,
          .bias = call.optional(bias_, "bias", {4 * F}),
          .h0 = call.optional(h0_, "the initial state h", state),
          .c0 = call.optional(c0_, "the initial state c", state),
          .lengths = call.optional_lengths(o.lengths, B),
          .mask = call.optional(o.mask, "mask", {B, S}, Dtype::boolean),
          .act = parse_cell_activation(o.activation, op, "activation"),
          .recurrent_act = parse_cell_activation(o.recurrent_activation, op, "recurrent_activation"),
          .go_backwards = o.go_backwards,
          .in_time_order = o.in_time_order,
          .zero_output = o.zero_output,
          .input = input,
          .hidden = hidden,
          .F = F,
          .groups = x.dim(-1) == C ? 1 : 4,
          .rank = rank};
}

template <class T>
ConvLstm<T> arguments(const ImageSequences& s) {
  return {.steps = {.x = s.x.as<T>(),
                    .kernel = s.kernel.as<T>(),
                    .recurrent = s.recurrent.as<T>(),
                    .bias = data_or_null<T>(s.bias),
                    .h0 = data_or_null<T>(s.h0),
                    .c0 = data_or_null<T>(s.c0),
                    .projection = nullptr,
                    .recurrent_gamma = nullptr,
                    .state_gamma = nullptr,
                    .state_beta = nullptr,
                    .epsilon = 0,
                    .lengths = s.lengths ? s.lengths->data() : nullptr,
                    .mask = data_or_null<bool>(s.mask),
                    .B = s.B(),
                    .S = s.S(),
                    .I = s.input.source(),
                    .U = product(s.input.out) * s.F,
                    .H = product(s.input.out) * s.F,
                    .cell = Cell::lstm,
                    .act = s.act,
                    .recurrent_act = s.recurrent_act,
                    .wide_lengths = s.lengths && s.lengths->dtype() == Dtype::i64,
                    .go_backwards = s.go_backwards,
                    .in_time_order = s.in_time_order,
                    .zero_output = s.zero_output,
                    .bfloat16 = false},
          .input = s.input,
          .recurrent = s.hidden,
          .F = s.F,
          .groups = s.groups};
}

py::tuple conv_lstm_forward_py(py::handle x, py::handle kernel, py::handle recurrent, py::handle bias, py::handle h0,
                               py::handle c0, py::handle lengths, py::handle mask, const std::string& activation,
                               const std::string& recurrent_activation, py::handle strides, py::handle padding,
                               py::handle dilation_rate, bool go_backwards, bool in_time_order, bool zero_output,
                               bool sequences, bool save) {
  Call call("conv_lstm");
  const ImageSequences s = parse(call, x, kernel, recurrent, bias, h0, c0,
                                 {lengths, mask, strides, padding, dilation_rate, activation, recurrent_activation,
                                  go_backwards, in_time_order, zero_output});
  const Wanted y = result_if(call, sequences, s.states(s.F)), h = result_if(call, true, s.state(s.F)),
               c = result_if(call, true, s.state(s.F)), gates = result_if(call, save, s.states(4 * s.F)),
               h_prev = result_if(call, save, s.states(s.F)), c_all = result_if(call, save, s.states(s.F));
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const ConvLstmForward<T> a{.r = arguments<T>(s),
                               .y = y.as<T>(),
                               .h = h.as<T>(),
                               .c = c.as<T>(),
                               .gates = gates.as<T>(),
                               .h_prev = h_prev.as<T>(),
                               .c_all = c_all.as<T>()};
    run<conv_lstm_forward<T>>("conv_lstm_forward", s.work(), a);
  });
  return py::make_tuple(y.object(), h.object(), c.object(), gates.object(), h_prev.object(), c_all.object());
}

void conv_lstm_backward_py(py::handle x, py::handle kernel, py::handle recurrent, py::handle bias, py::handle h0,
                           py::handle c0, py::handle lengths, py::handle mask, const std::string& activation,
                           const std::string& recurrent_activation, py::handle strides, py::handle padding,
                           py::handle dilation_rate, bool go_backwards, bool in_time_order, bool zero_output,
                           py::handle gates_, py::handle h_prev_, py::handle c_all_, py::handle dy_, py::handle dh_,
                           py::handle dc_, py::handle dx_, py::handle dkernel_, py::handle drecurrent_,
                           py::handle dbias_, py::handle dh0_, py::handle dc0_, int accumulate) {
  Call call("conv_lstm", accumulate);
  const ImageSequences s = parse(call, x, kernel, recurrent, bias, h0, c0,
                                 {lengths, mask, strides, padding, dilation_rate, activation, recurrent_activation,
                                  go_backwards, in_time_order, zero_output});
  const std::vector<dim_t> state = s.state(s.F), states = s.states(s.F);
  const View gates = call.input(gates_, "gates", s.states(4 * s.F)), h_prev = call.input(h_prev_, "h_prev", states),
             c_all = call.input(c_all_, "c_all", states);
  const auto dy = call.optional(dy_, "dy", states), dh = call.optional(dh_, "dh", state),
             dc = call.optional(dc_, "dc", state);
  const auto dx = call.gradient(dx_, "dx", s.x.sizes(), 0),
             dkernel = call.gradient(dkernel_, "dkernel", s.kernel.sizes(), 1),
             drecurrent = call.gradient(drecurrent_, "drecurrent_kernel", s.recurrent.sizes(), 2),
             dbias = call.gradient(dbias_, "dbias", {4 * s.F}, 3), dh0 = call.gradient(dh0_, "dh0", state, 4),
             dc0 = call.gradient(dc0_, "dc0", state, 5);
  with_float(call.dtype(), call.op(), [&]<class T>(T) {
    const ConvLstmBackward<T> a{.r = arguments<T>(s),
                                .gates = gates.as<T>(),
                                .h_prev = h_prev.as<T>(),
                                .c_all = c_all.as<T>(),
                                .dy = data_or_null<T>(dy),
                                .dh = data_or_null<T>(dh),
                                .dc = data_or_null<T>(dc),
                                .dx = dx.as<T>(),
                                .dkernel = dkernel.as<T>(),
                                .drecurrent = drecurrent.as<T>(),
                                .dbias = dbias.as<T>(),
                                .dh0 = dh0.as<T>(),
                                .dc0 = dc0.as<T>()};
    run<conv_lstm_backward<T>>("conv_lstm_backward", 2 * s.work(), a);
  });
}

}  // namespace

void bind_conv_lstm(py::module_& m) {
  define(
      m, "conv_lstm_forward", conv_lstm_forward_py,
      "x, kernel, recurrent_kernel, bias, h0, c0, lengths, mask, activation, recurrent_activation, strides, padding, "
      "dilation_rate, go_backwards, in_time_order, zero_output, sequences, save",
      "(y or None, h, c, and for backward, if save: gates, h_prev, c_all) of whole sequences of images.");
  define(m, "conv_lstm_backward", conv_lstm_backward_py,
         with_defaults("x, kernel, recurrent_kernel, bias, h0, c0, lengths, mask, activation, recurrent_activation, "
                       "strides, padding, dilation_rate, go_backwards, in_time_order, zero_output, gates, h_prev, "
                       "c_all, dy, dh, dc, dx, dkernel, drecurrent_kernel, dbias, dh0, dc0, accumulate",
                       0),
         "Gradients of the forward from those of y, h and c (None: zero).");
}

}  // namespace lamina
