#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/recurrent_arguments.h"
#include "ops/recurrent.h"
#include "ops/recurrent_norm.h"

namespace lamina {
namespace {

// What a cell is called, and how many times U columns its weights and its saved rows have.
struct CellKind {
  const char* op;
  Cell cell;
  dim_t gates, saved;
};
constexpr CellKind kLstm{"lstm", Cell::lstm, 4, 4}, kGru{"gru", Cell::gru, 3, 4},
    kGruResetBefore{"gru", Cell::gru_reset_before, 3, 4}, kSimpleRnn{"simple_rnn", Cell::simple_rnn, 1, 1};

// Arguments that forward and backward share, checked.
struct Sequences {
  CellKind kind;
  View x;
  Weight kernel, recurrent, projection;
  std::optional<View> bias, h0, c0, recurrent_gamma, state_gamma, state_beta, lengths, mask;
  CellActivation act, recurrent_act;
  bool go_backwards, in_time_order, zero_output;
  double epsilon;
  bool bfloat16;
  dim_t B() const { return x.dim(0); }
  dim_t S() const { return x.dim(1); }
  dim_t U() const { return recurrent.columns() / kind.gates; }
  dim_t H() const { return recurrent.rows(); }
  bool int8() const { return kernel.int8 || recurrent.int8 || projection.int8; }
  double work() const { return 2.0 * double(B() * S()) * double(recurrent.columns()) * double(x.dim(2) + H()); }
};

// What a call gives: arrays (or int8 weights), then options.
struct Given {
  py::handle x, kernel, recurrent, bias, h0, c0, projection, recurrent_gamma, state_gamma, state_beta, lengths, mask;
  const std::string &activation, &recurrent_activation;
  bool go_backwards, in_time_order, zero_output;
  double epsilon;
  bool bfloat16;
};

Sequences parse(Call& call, const CellKind& kind, const Given& given) {
  const char* op = kind.op;
  const dim_t G = kind.gates;
  const View x = call.first(given.x, "x");
  check(x.ndim() == 3, op, ": x must be (batch, time, features), got shape ", x.sizes());
  const dim_t B = x.dim(0), S = x.dim(1), I = x.dim(2);
  Weight recurrent = weight(call, given.recurrent, "recurrent_kernel");
  if (!recurrent) recurrent.floats = call.input_of_any(given.recurrent, "recurrent_kernel");  // which throws
  const bool projected = !given.projection.is_none(), is_lstm = kind.cell == Cell::lstm;
  check(!projected || is_lstm, op, ": has no projection");
  check(given.state_gamma.is_none() == given.state_beta.is_none() &&
            given.state_gamma.is_none() == (!is_lstm || given.recurrent_gamma.is_none()),
        op, ": state_gamma and state_beta belong to an lstm's recurrent_gamma");
  check(recurrent.shape.size() == 2 && recurrent.rows() > 0 && recurrent.columns() > 0 &&
            (projected ? recurrent.columns() % G == 0 : recurrent.columns() == G * recurrent.rows()),
        op, ": recurrent_kernel must be (", projected ? "proj_size" : "units", ", ", G, " units), got shape ",
        recurrent.sizes());
  const dim_t H = recurrent.rows(), U = recurrent.columns() / G;
  recurrent.expect_sizes(op, "recurrent_kernel", H, G * U, x.dtype());
  const Weight kernel = weight(call, given.kernel, "kernel");
  if (kernel) {
    const bool matrix = kernel.shape.size() == 2;
    check(matrix && kernel.rows() == I, op, ": x is ", x.sizes(), " but kernel takes ", matrix ? kernel.rows() : 0,
          " features on the last axis, kernel is ", kernel.sizes());
    kernel.expect_sizes(op, "kernel", I, G * U, x.dtype());
  }
  const Weight projection = weight(call, given.projection, "projection_kernel");
  if (projection) {
    check(projection.shape.size() == 2, op, ": projection_kernel must be (units, proj_size), got shape ",
          projection.sizes());
    projection.expect_sizes(op, "projection_kernel", U, H, x.dtype());
  }
  check(!given.bfloat16 || (!kernel.int8 && !recurrent.int8 && !projection.int8), op,
        ": bfloat16 and int8 weights exclude each other");
  check(kernel || I == G * U, op, ": x without a kernel must have the ", G * U, " columns of the gates, got shape ",
        x.sizes());
  check(given.c0.is_none() || kind.cell == Cell::lstm, op, ": has one state, not two");
  check(given.lengths.is_none() || given.mask.is_none(), op, ": give lengths or mask, not both");
  check(S < (dim_t(1) << 31), op, ": too many steps: ", S);
  return {.kind = kind,
          .x = x,
          .kernel = kernel,
          .recurrent = recurrent,
          .projection = projection,
          .bias = kind.cell == Cell::gru ? call.optional(given.bias, "bias", {2, G * U})
                                         : call.optional(given.bias, "bias", {G * U}),
          .h0 = call.optional(given.h0, "the initial state h", {B, H}),
          .c0 = call.optional(given.c0, "the initial state c", {B, U}),
          .recurrent_gamma = call.optional(given.recurrent_gamma, "recurrent_gamma", {G * U}),
          .state_gamma = call.optional(given.state_gamma, "state_gamma", {U}),
          .state_beta = call.optional(given.state_beta, "state_beta", {U}),
          .lengths = call.optional_lengths(given.lengths, B),
          .mask = call.optional(given.mask, "mask", {B, S}, Dtype::boolean),
          .act = parse_cell_activation(given.activation, op, "activation"),
          .recurrent_act = parse_cell_activation(given.recurrent_activation, op, "recurrent_activation"),
          .go_backwards = given.go_backwards,
          .in_time_order = given.in_time_order,
          .zero_output = given.zero_output,
          .epsilon = given.epsilon,
          .bfloat16 = given.bfloat16};
}

template <class T>
Recurrence<T> arguments(const Sequences& s) {
  return {.x = s.x.as<T>(),
          .kernel = data_or_null<T>(s.kernel.floats),
          .recurrent = data_or_null<T>(s.recurrent.floats),
          .bias = data_or_null<T>(s.bias),
          .h0 = data_or_null<T>(s.h0),
          .c0 = data_or_null<T>(s.c0),
          .projection = data_or_null<T>(s.projection.floats),
          .recurrent_gamma = data_or_null<T>(s.recurrent_gamma),
          .state_gamma = data_or_null<T>(s.state_gamma),
          .state_beta = data_or_null<T>(s.state_beta),
          .epsilon = static_cast<T>(s.epsilon),
          .lengths = s.lengths ? s.lengths->data() : nullptr,
          .mask = data_or_null<bool>(s.mask),
          .B = s.B(),
          .S = s.S(),
          .I = s.x.dim(2),
          .U = s.U(),
          .H = s.H(),
          .cell = s.kind.cell,
          .act = s.act,
          .recurrent_act = s.recurrent_act,
          .wide_lengths = s.lengths && s.lengths->dtype() == Dtype::i64,
          .go_backwards = s.go_backwards,
          .in_time_order = s.in_time_order,
          .zero_output = s.zero_output,
          .bfloat16 = s.bfloat16,
          .int8_kernel = s.kernel.int8,
          .int8_recurrent = s.recurrent.int8,
          .int8_projection = s.projection.int8};
}

template <const CellKind& kind>
py::tuple forward_py(py::handle x, py::handle kernel, py::handle recurrent, py::handle bias, py::handle h0,
                     py::handle c0, py::handle projection, py::handle recurrent_gamma, py::handle state_gamma,
                     py::handle state_beta, py::handle lengths, py::handle mask, const std::string& activation,
                     const std::string& recurrent_activation, bool go_backwards, bool in_time_order, bool zero_output,
                     double epsilon, bool sequences, bool save, bool bfloat16) {
  Call call(kind.op);
  const Sequences s =
      parse(call, kind,
            {x, kernel, recurrent, bias, h0, c0, projection, recurrent_gamma, state_gamma, state_beta, lengths, mask,
             activation, recurrent_activation, go_backwards, in_time_order, zero_output, epsilon, bfloat16});
  check(!save || !s.int8(), kind.op, ": int8 weights have no gradient, nothing is saved for it");
  const dim_t B = s.B(), S = s.S(), U = s.U(), H = s.H();
  const bool has_c = kind.cell == Cell::lstm;
  const Wanted y = result_if(call, sequences, {B, S, H}), h = result_if(call, true, {B, H}),
               c = result_if(call, has_c, {B, U}), gates = result_if(call, save, {B, S, kind.saved * U}),
               h_prev = result_if(call, save, {B, S, H}), c_all = result_if(call, save && has_c, {B, S, U}),
               projected = result_if(call, save && s.projection, {B, S, U}),
               raw = result_if(call, save && s.recurrent_gamma, {B, S, kind.gates * U}),
               stats = result_if(call, save && s.recurrent_gamma, {B, S, kStats});
  with_float(call.dtype(), kind.op, [&]<class T>(T) {
    const RecurrentForward<T> a{.r = arguments<T>(s),
                                .y = y.as<T>(),
                                .h = h.as<T>(),
                                .c = c.as<T>(),
                                .gates = gates.as<T>(),
                                .h_prev = h_prev.as<T>(),
                                .c_all = c_all.as<T>(),
                                .projected = projected.as<T>(),
                                .raw = raw.as<T>(),
                                .stats = stats.as<T>()};
    run<recurrent_forward<T>>("recurrent_forward", s.work(), a);
  });
  return py::make_tuple(y.object(), h.object(), c.object(), gates.object(), h_prev.object(), c_all.object(),
                        projected.object(), raw.object(), stats.object());
}

template <const CellKind& kind>
void backward_py(py::handle x, py::handle kernel, py::handle recurrent, py::handle bias, py::handle h0, py::handle c0,
                 py::handle projection, py::handle recurrent_gamma, py::handle state_gamma, py::handle state_beta,
                 py::handle lengths, py::handle mask, const std::string& activation,
                 const std::string& recurrent_activation, bool go_backwards, bool in_time_order, bool zero_output,
                 double epsilon, py::handle gates_, py::handle h_prev_, py::handle c_all_, py::handle projected_,
                 py::handle raw_, py::handle stats_, py::handle dy_, py::handle dh_, py::handle dc_, py::handle dx_,
                 py::handle dkernel_, py::handle drecurrent_, py::handle dbias_, py::handle dh0_, py::handle dc0_,
                 py::handle dprojection_, py::handle drecurrent_gamma_, py::handle dstate_gamma_,
                 py::handle dstate_beta_, int accumulate, bool bfloat16) {
  const char* op = kind.op;
  Call call(op, accumulate);
  const Sequences s =
      parse(call, kind,
            {x, kernel, recurrent, bias, h0, c0, projection, recurrent_gamma, state_gamma, state_beta, lengths, mask,
             activation, recurrent_activation, go_backwards, in_time_order, zero_output, epsilon, bfloat16});
  check(!s.int8(), op, ": int8 weights have no gradient");
  const dim_t B = s.B(), S = s.S(), U = s.U(), H = s.H(), G = kind.gates;
  const View gates = call.input(gates_, "gates", {B, S, kind.saved * U}),
             h_prev = call.input(h_prev_, "h_prev", {B, S, H});
  const auto c_all = call.optional(c_all_, "c_all", {B, S, U}),
             projected = call.optional(projected_, "projected", {B, S, U}), dy = call.optional(dy_, "dy", {B, S, H}),
             dh = call.optional(dh_, "dh", {B, H}), dc = call.optional(dc_, "dc", {B, U});
  check(c_all.has_value() == (kind.cell == Cell::lstm), op, ": c_all belongs to lstm");
  check(projected.has_value() == bool(s.projection), op, ": projected belongs to a projection");
  const auto raw = call.optional(raw_, "raw", {B, S, G * U}), stats = call.optional(stats_, "stats", {B, S, kStats});
  check(raw.has_value() == s.recurrent_gamma.has_value() && stats.has_value() == raw.has_value(), op,
        ": raw and stats belong to recurrent_gamma");
  check(s.kernel || dkernel_.is_none(), op, ": dkernel belongs to a kernel");
  const auto dx = call.gradient(dx_, "dx", s.x.sizes(), 0),
             dkernel = call.gradient(dkernel_, "dkernel", {s.x.dim(2), G * U}, 1),
             drecurrent = call.gradient(drecurrent_, "drecurrent_kernel", s.recurrent.sizes(), 2),
             dbias = kind.cell == Cell::gru ? call.gradient(dbias_, "dbias", {2, G * U}, 3)
                                            : call.gradient(dbias_, "dbias", {G * U}, 3),
             dh0 = call.gradient(dh0_, "dh0", {B, H}, 4), dc0 = call.gradient(dc0_, "dc0", {B, U}, 5),
             dprojection = call.gradient(dprojection_, "dprojection_kernel", {U, H}, 6),
             drecurrent_gamma = call.gradient(drecurrent_gamma_, "drecurrent_gamma", {G * U}, 7),
             dstate_gamma = call.gradient(dstate_gamma_, "dstate_gamma", {U}, 8),
             dstate_beta = call.gradient(dstate_beta_, "dstate_beta", {U}, 9);
  check((!dprojection.v || s.projection) && (!drecurrent_gamma.v || s.recurrent_gamma) &&
            ((!dstate_gamma.v && !dstate_beta.v) || s.state_gamma),
        op, ": gradients of weights that are not given");
  with_float(call.dtype(), op, [&]<class T>(T) {
    const RecurrentBackward<T> a{
        .r = arguments<T>(s),
        .gates = gates.as<T>(),
        .h_prev = h_prev.as<T>(),
        .c_all = data_or_null<T>(c_all),
        .projected = data_or_null<T>(projected),
        .raw = data_or_null<T>(raw),
        .stats = data_or_null<T>(stats),
        .dy = data_or_null<T>(dy),
        .dh = data_or_null<T>(dh),
        .dc = data_or_null<T>(dc),
        .dx = dx.as<T>(),
        .dkernel = dkernel.as<T>(),
        .drecurrent = drecurrent.as<T>(),
        .dbias = dbias.as<T>(),
        .dh0 = dh0.as<T>(),
        .dc0 = dc0.as<T>(),
        .dprojection = dprojection.as<T>(),
        .drecurrent_gamma = drecurrent_gamma.as<T>(),
        .dstate_gamma = dstate_gamma.as<T>(),
        .dstate_beta = dstate_beta.as<T>(),
    };
    run<recurrent_backward<T>>("recurrent_backward", 2 * s.work(), a);
  });
}

template <const CellKind& kind>
void define_cell(py::module_& m, const std::string& name, const char* results) {
  define(m, (name + "_forward").c_str(), forward_py<kind>,
         with_defaults("x, kernel, recurrent_kernel, bias, h0, c0, projection_kernel, recurrent_gamma, state_gamma, "
                       "state_beta, lengths, mask, activation, recurrent_activation, go_backwards, in_time_order, "
                       "zero_output, epsilon, sequences, save, bfloat16",
                       false),
         results);
  define(m, (name + "_backward").c_str(), backward_py<kind>,
         with_defaults("x, kernel, recurrent_kernel, bias, h0, c0, projection_kernel, recurrent_gamma, state_gamma, "
                       "state_beta, lengths, mask, activation, recurrent_activation, go_backwards, in_time_order, "
                       "zero_output, epsilon, gates, h_prev, c_all, projected, raw, stats, dy, dh, dc, dx, dkernel, "
                       "drecurrent_kernel, dbias, dh0, dc0, dprojection_kernel, drecurrent_gamma, dstate_gamma, "
                       "dstate_beta, accumulate, bfloat16",
                       0, false),
         "Gradients of the forward from those of y, h and c (None: zero).");
}

}  // namespace

void bind_recurrent(py::module_& m) {
  constexpr const char* two =
      "(y or None, h, c, and for backward, if save: gates, h_prev, c_all, and projected, raw, stats or None) of "
      "whole sequences.";
  constexpr const char* one =
      "(y or None, h, None, and for backward, if save: gates, h_prev, None, None, and raw, stats or None) of whole "
      "sequences.";
  define_cell<kLstm>(m, "lstm", two);
  define_cell<kGru>(m, "gru", one);
  define_cell<kGruResetBefore>(m, "gru_reset_before", one);
  define_cell<kSimpleRnn>(m, "simple_rnn", one);
}

}  // namespace lamina
