#include "bind/array.h"
#include "bind/families.h"
#include "ops/recurrent.h"

namespace lamina {
namespace {

CellActivation parse_cell_activation(const std::string& name, const char* op, const char* argument) {
  constexpr const char* names[] = {"linear", "relu", "tanh", "sigmoid", "hard_sigmoid"};
  for (int i = 0; i < 5; i++)
    if (name == names[i]) return static_cast<CellActivation>(i);
  throw py::value_error(
      concat(op, ": ", argument, " '", name, "' is not native; expected linear, relu, tanh, sigmoid or hard_sigmoid"));
}

// Arguments that forward and backward share, checked.
struct Sequences {
  const char* op;
  Cell cell;
  dim_t G;
  View x, kernel, recurrent;
  std::optional<View> bias, h0, c0, lengths, mask;
  CellActivation act, recurrent_act;
  bool go_backwards, in_time_order, zero_output;
  dim_t B() const { return x.dim(0); }
  dim_t S() const { return x.dim(1); }
  dim_t U() const { return recurrent.dim(0); }
  double work() const { return 2.0 * double(B() * S()) * double(kernel.dim(1)) * double(x.dim(2) + U()); }
};

Sequences parse(const char* op, Cell cell, dim_t G, py::handle x, py::handle kernel, py::handle recurrent,
                py::handle bias, py::handle h0, py::handle c0, py::handle lengths, py::handle mask,
                const std::string& activation, const std::string& recurrent_activation, bool go_backwards,
                bool in_time_order, bool zero_output) {
  Sequences s{op,
              cell,
              G,
              input(x, op, "x"),
              input(kernel, op, "kernel"),
              input(recurrent, op, "recurrent_kernel"),
              optional_input(bias, op, "bias"),
              optional_input(h0, op, "the initial state h"),
              optional_input(c0, op, "the initial state c"),
              optional_input(lengths, op, "lengths"),
              optional_input(mask, op, "mask"),
              parse_cell_activation(activation, op, "activation"),
              parse_cell_activation(recurrent_activation, op, "recurrent_activation"),
              go_backwards,
              in_time_order,
              zero_output};
  const Dtype d = s.x.dtype();
  check(s.x.ndim() == 3, op, ": x must be (batch, time, features), got shape ", s.x.shape_string());
  check(s.recurrent.ndim() == 2 && s.U() > 0 && s.recurrent.dim(1) == G * s.U(), op,
        ": recurrent_kernel must be (units, ", G, " units), got shape ", s.recurrent.shape_string());
  check(s.kernel.ndim() == 2 && s.kernel.dim(0) == s.x.dim(2), op, ": x is ", s.x.shape_string(), " but kernel takes ",
        s.kernel.ndim() == 2 ? s.kernel.dim(0) : 0, " features on the last axis, kernel is ", s.kernel.shape_string());
  expect(s.kernel, op, "kernel", {s.x.dim(2), G * s.U()}, d);
  expect(s.recurrent, op, "recurrent_kernel", {s.U(), G * s.U()}, d);
  if (s.bias) expect(*s.bias, op, "bias", {G * s.U()}, d);
  if (s.h0) expect(*s.h0, op, "the initial state h", {s.B(), s.U()}, d);
  if (s.c0) expect(*s.c0, op, "the initial state c", {s.B(), s.U()}, d);
  check(!s.lengths || !s.mask, op, ": give lengths or mask, not both");
  if (s.lengths) {
    const Dtype l = s.lengths->dtype();
    if (l != Dtype::i32 && l != Dtype::i64)
      throw py::type_error(concat(op, ": lengths is ", dtype_name(l), ", expected int32 or int64"));
    expect(*s.lengths, op, "lengths", {s.B()}, l);
  }
  if (s.mask) expect(*s.mask, op, "mask", {s.B(), s.S()}, Dtype::boolean);
  check(s.S() < (dim_t(1) << 31), op, ": too many steps: ", s.S());
  return s;
}

template <class T>
const T* data_or_null(const std::optional<View>& v) {
  return v ? v->as<T>() : nullptr;
}

template <class T>
Recurrence<T> arguments(const Sequences& s) {
  return {s.x.as<T>(),
          s.kernel.as<T>(),
          s.recurrent.as<T>(),
          data_or_null<T>(s.bias),
          data_or_null<T>(s.h0),
          data_or_null<T>(s.c0),
          s.lengths ? s.lengths->data() : nullptr,
          data_or_null<bool>(s.mask),
          s.B(),
          s.S(),
          s.x.dim(2),
          s.U(),
          s.cell,
          s.act,
          s.recurrent_act,
          s.lengths && s.lengths->dtype() == Dtype::i64,
          s.go_backwards,
          s.in_time_order,
          s.zero_output};
}

// An array, or None where it is not wanted.
py::object empty_if(bool wanted, const std::vector<dim_t>& shape, Dtype d) {
  return wanted ? py::object(empty(shape, d)) : py::object(py::none());
}
template <class T>
T* data_if(const py::object& o) {
  return o.is_none() ? nullptr : static_cast<T*>(data_of(py::reinterpret_borrow<py::array>(o)));
}

py::tuple lstm_forward_py(py::handle x, py::handle kernel, py::handle recurrent, py::handle bias, py::handle h0,
                          py::handle c0, py::handle lengths, py::handle mask, const std::string& activation,
                          const std::string& recurrent_activation, bool go_backwards, bool in_time_order,
                          bool zero_output, bool sequences, bool save) {
  const Sequences s = parse("lstm", Cell::lstm, 4, x, kernel, recurrent, bias, h0, c0, lengths, mask, activation,
                            recurrent_activation, go_backwards, in_time_order, zero_output);
  const Dtype d = s.x.dtype();
  const std::vector<dim_t> all = {s.B(), s.S(), s.U()}, state = {s.B(), s.U()};
  const py::object y = empty_if(sequences, all, d);
  const py::array h = empty(state, d), c = empty(state, d);
  const py::object gates = empty_if(save, {s.B(), s.S(), 4 * s.U()}, d), h_prev = empty_if(save, all, d),
                   c_all = empty_if(save, all, d);
  with_float(d, "lstm", [&](auto t) {
    using T = decltype(t);
    const RecurrentForward<T> a{arguments<T>(s),   data_if<T>(y),      data_if<T>(h),    data_if<T>(c),
                                data_if<T>(gates), data_if<T>(h_prev), data_if<T>(c_all)};
    run<recurrent_forward<T>>("lstm_forward", s.work(), a);
  });
  return py::make_tuple(y, h, c, gates, h_prev, c_all);
}

void lstm_backward_py(py::handle x, py::handle kernel, py::handle recurrent, py::handle bias, py::handle h0,
                      py::handle c0, py::handle lengths, py::handle mask, const std::string& activation,
                      const std::string& recurrent_activation, bool go_backwards, bool in_time_order, bool zero_output,
                      py::handle gates_, py::handle h_prev_, py::handle c_all_, py::handle dy_, py::handle dh_,
                      py::handle dc_, py::handle dx_, py::handle dkernel_, py::handle drecurrent_, py::handle dbias_,
                      py::handle dh0_, py::handle dc0_, int accumulate) {
  const char* op = "lstm";
  const Sequences s = parse(op, Cell::lstm, 4, x, kernel, recurrent, bias, h0, c0, lengths, mask, activation,
                            recurrent_activation, go_backwards, in_time_order, zero_output);
  const Dtype d = s.x.dtype();
  const View gates = input(gates_, op, "gates"), h_prev = input(h_prev_, op, "h_prev"),
             c_all = input(c_all_, op, "c_all");
  expect(gates, op, "gates", {s.B(), s.S(), 4 * s.U()}, d);
  expect(h_prev, op, "h_prev", {s.B(), s.S(), s.U()}, d);
  expect(c_all, op, "c_all", {s.B(), s.S(), s.U()}, d);
  const auto dy = optional_input(dy_, op, "dy"), dh = optional_input(dh_, op, "dh"), dc = optional_input(dc_, op, "dc");
  if (dy) expect(*dy, op, "dy", {s.B(), s.S(), s.U()}, d);
  if (dh) expect(*dh, op, "dh", {s.B(), s.U()}, d);
  if (dc) expect(*dc, op, "dc", {s.B(), s.U()}, d);
  auto destination = [&](py::handle h, const char* name, std::initializer_list<dim_t> shape, int bit) {
    GradientArray g{optional_output(h, op, name), Grad::skip};
    if (!g.v) return g;
    expect(*g.v, op, name, shape, d);
    g.mode = (accumulate >> bit) & 1 ? Grad::accumulate : Grad::write;
    return g;
  };
  const auto dx = destination(dx_, "dx", {s.B(), s.S(), s.x.dim(2)}, 0),
             dkernel = destination(dkernel_, "dkernel", {s.x.dim(2), 4 * s.U()}, 1),
             drecurrent = destination(drecurrent_, "drecurrent_kernel", {s.U(), 4 * s.U()}, 2),
             dbias = destination(dbias_, "dbias", {4 * s.U()}, 3), dh0 = destination(dh0_, "dh0", {s.B(), s.U()}, 4),
             dc0 = destination(dc0_, "dc0", {s.B(), s.U()}, 5);
  with_float(d, op, [&](auto t) {
    using T = decltype(t);
    const RecurrentBackward<T> a{
        arguments<T>(s),     gates.as<T>(),       h_prev.as<T>(), c_all.as<T>(),   data_or_null<T>(dy),
        data_or_null<T>(dh), data_or_null<T>(dc), dx.as<T>(),     dkernel.as<T>(), drecurrent.as<T>(),
        dbias.as<T>(),       dh0.as<T>(),         dc0.as<T>(),    dx.mode,         dkernel.mode,
        drecurrent.mode,     dbias.mode,          dh0.mode,       dc0.mode};
    run<recurrent_backward<T>>("lstm_backward", 2 * s.work(), a);
  });
}

}  // namespace

void bind_recurrent(py::module_& m) {
  m.def("lstm_forward", lstm_forward_py, py::arg("x"), py::arg("kernel"), py::arg("recurrent_kernel"), py::arg("bias"),
        py::arg("h0"), py::arg("c0"), py::arg("lengths"), py::arg("mask"), py::arg("activation"),
        py::arg("recurrent_activation"), py::arg("go_backwards"), py::arg("in_time_order"), py::arg("zero_output"),
        py::arg("sequences"), py::arg("save"),
        "(y or None, h, c, and for backward, if save: gates, h_prev, c_all) of a whole sequence.");
  m.def("lstm_backward", lstm_backward_py, py::arg("x"), py::arg("kernel"), py::arg("recurrent_kernel"),
        py::arg("bias"), py::arg("h0"), py::arg("c0"), py::arg("lengths"), py::arg("mask"), py::arg("activation"),
        py::arg("recurrent_activation"), py::arg("go_backwards"), py::arg("in_time_order"), py::arg("zero_output"),
        py::arg("gates"), py::arg("h_prev"), py::arg("c_all"), py::arg("dy"), py::arg("dh"), py::arg("dc"),
        py::arg("dx"), py::arg("dkernel"), py::arg("drecurrent_kernel"), py::arg("dbias"), py::arg("dh0"),
        py::arg("dc0"), py::arg("accumulate") = 0, "Gradients of lstm_forward from those of y, h and c (None: zero).");
}

}  // namespace lamina
