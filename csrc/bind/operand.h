// Operands of elementwise functions: arrays or Python numbers, broadcast by NumPy's rules.
#pragma once
#include "bind/call.h"
#include "ops/loops.h"

namespace lamina {

constexpr int kMaxOperandAxes = 64;  // NumPy's limit

struct Operand {
  std::optional<View> v;  // none: a number
  double number = 0;
  template <class T>
  const T* as() const {
    return v ? v->as<T>() : nullptr;
  }
  int ndim() const { return v ? v->ndim() : 0; }
  // The size of axis i of a result of so many axes.
  dim_t dim(int i, int rank) const { return i < rank - ndim() ? 1 : v->dim(i - rank + ndim()); }
  std::string text() const { return v ? v->shape_string() : "a number"; }
};

inline Operand operand(Call& call, py::handle h, const char* name) {
  if (PyFloat_Check(h.ptr()) || PyLong_Check(h.ptr())) return {std::nullopt, to_number(h, call.op(), name)};
  return {call.input_of_any(h, name), 0};
}

// The common shape of K operands, and loops over all of them.
template <int K>
std::vector<dim_t> broadcast(const char* op, const Operand (&o)[K], const char* const (&names)[K], Loops<K>& loops) {
  int rank = 0;
  for (const Operand& v : o) rank = std::max(rank, v.ndim());
  std::vector<dim_t> shape(rank, 1);
  for (int i = 0; i < rank; i++)
    for (int k = 0; k < K; k++) {
      const dim_t n = o[k].dim(i, rank);
      if (n == 1) continue;
      if (shape[i] != 1 && shape[i] != n) {
        std::string all;
        for (int j = 0; j < K; j++) all += concat(j ? ", " : "", names[j], " is ", o[j].text());
        throw py::value_error(concat(op, ": ", all, "; axis ", i - rank, " is ", shape[i], " in one and ", n,
                                     " in another, so the shapes don't broadcast"));
      }
      shape[i] = n;
    }
  dim_t steps[kMaxOperandAxes][K], next[K];
  check(rank <= kMaxOperandAxes, op, ": more than ", kMaxOperandAxes, " axes");
  for (int k = 0; k < K; k++) next[k] = 1;
  for (int i = rank - 1; i >= 0; i--)
    for (int k = 0; k < K; k++) {
      const dim_t n = o[k].dim(i, rank);
      steps[i][k] = n == 1 ? 0 : next[k];
      next[k] *= n;
    }
  loops = {};
  for (int i = 0; i < rank; i++) loops.append(shape[i], steps[i]);
  loops.finish();
  return shape;
}

}  // namespace lamina
