// Operands of elementwise functions: arrays or Python numbers, broadcast by NumPy's rules.
#pragma once
#include <utility>

#include "bind/call.h"
#include "ops/elementwise.h"
#include "ops/nd_iterator.h"

namespace lamina {

constexpr int kMaxOperandAxes = 64;  // NumPy's limit

struct Operand {
  std::optional<View> v;  // none: a number
  Number number;
  // A number is an integer of int64, one that only uint64 holds, or neither.
  enum class Kind { integer, unsigned_only, neither } kind = Kind::neither;
  template <class T>
  const T* as() const {
    return v ? v->as<T>() : nullptr;
  }
  int ndim() const { return v ? v->ndim() : 0; }
  // The size of axis i of a result of so many axes.
  dim_t dim(int i, int rank) const { return i < rank - ndim() ? 1 : v->dim(i - rank + ndim()); }
  std::string text() const { return v ? v->sizes().text() : "a number"; }
};

inline Operand operand(Call& call, py::handle h, const char* name) {
  if (PyLong_Check(h.ptr())) {
    int outside = 0;
    Operand o{std::nullopt, {0, PyLong_AsLongLongAndOverflow(h.ptr(), &outside)}, Operand::Kind::integer};
    if (!outside) {
      o.number.real = double(o.number.whole);
      return o;
    }
    o.number.real = to_number(h, call.op(), name);
    o.number.whole = static_cast<std::int64_t>(PyLong_AsUnsignedLongLong(h.ptr()));
    o.kind = PyErr_Occurred() ? Operand::Kind::neither : Operand::Kind::unsigned_only;
    PyErr_Clear();
    return o;
  }
  if (PyFloat_Check(h.ptr())) return {std::nullopt, {PyFloat_AS_DOUBLE(h.ptr()), 0}, Operand::Kind::neither};
  return {call.input_of_any(h, name), {}};
}

// A number beside integers must be one of theirs.
template <class T>
void expect_range(const Operand& o, const char* op, const char* name) {
  if constexpr (std::is_integral_v<T>) {
    const bool fits = o.kind == Operand::Kind::integer         ? std::in_range<T>(o.number.whole)
                      : o.kind == Operand::Kind::unsigned_only ? std::is_same_v<T, std::uint64_t>
                                                               : false;
    check(o.v || fits, op, ": ", name, " is ", o.number.real, ", which ", dtype_name(dtype_of<T>()),
          " cannot hold; cast the array to a wider type first");
  }
}

// The common shape of K operands, and loops over all of them.
template <int K>
std::vector<dim_t> broadcast(const char* op, const Operand (&o)[K], const char* const (&names)[K],
                             NdIterator<K>& loops) {
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
