// What recurrent layers take besides plain arrays: the activations of cells, weights of floats or of int8, and results
// that may not be wanted.
#pragma once
#include "bind/arguments.h"
#include "bind/call.h"
#include "ops/quantized.h"
#include "ops/recurrent.h"

namespace lamina {

inline CellActivation parse_cell_activation(const std::string& name, const char* op, const char* argument) {
  constexpr const char* names[] = {"linear", "relu", "tanh", "sigmoid", "hard_sigmoid"};
  for (int i = 0; i < 5; i++)
    if (name == names[i]) return static_cast<CellActivation>(i);
  throw py::value_error(
      concat(op, ": ", argument, " '", name, "' is not native; expected linear, relu, tanh, sigmoid or hard_sigmoid"));
}

// A matrix of floats, of int8, or none.
struct Weight {
  std::optional<View> floats;
  const QuantizedMatrix* int8;
  std::vector<dim_t> shape;
  explicit operator bool() const { return floats || int8; }
  Sizes sizes() const { return shape; }
  dim_t rows() const { return shape[0]; }
  dim_t columns() const { return shape[1]; }
  // As expect() of a view.
  void expect_sizes(const char* op, const char* name, dim_t rows, dim_t columns, Dtype dtype) const {
    if (floats) return expect(*floats, op, name, {rows, columns}, dtype);
    check(shape[0] == rows && shape[1] == columns, op, ": ", name, " is ", sizes(), ", expected ",
          Sizes({rows, columns}));
    if (dtype != Dtype::f32)
      throw py::type_error(concat(op, ": ", name, " is int8, which goes with float32, x is ", dtype_name(dtype)));
  }
};

inline Weight weight(Call& call, py::handle h, const char* name) {
  if (py::isinstance<QuantizedMatrix>(h)) {
    const QuantizedMatrix& w = to_bound<QuantizedMatrix>(h, call.op(), name);
    keep_for_plan(py::reinterpret_borrow<py::object>(h));
    return {std::nullopt, &w, {w.rows(), w.columns()}};
  }
  const auto floats = call.optional_of_any(h, name);
  if (!floats) return {};
  return {floats, nullptr, std::vector<dim_t>(floats->shape(), floats->shape() + floats->ndim())};
}

// A result that may not be wanted: None, and null for the operation.
struct Wanted {
  std::optional<Result> result;
  template <class T>
  T* as() const {
    return result ? result->as<T>() : nullptr;
  }
  py::object object() const { return result ? py::object(result->array) : py::none(); }
};
inline Wanted result_if(const Call& call, bool wanted, Sizes shape) {
  return wanted ? Wanted{call.result(shape)} : Wanted{std::nullopt};
}

}  // namespace lamina
