// Integer arguments as Indices.
#pragma once
#include "bind/array.h"
#include "ops/indices.h"

namespace lamina {

inline Indices parse_indices(const View& v, const char* op, const char* name) {
  if (v.dtype() != Dtype::i32 && v.dtype() != Dtype::i64)
    throw py::type_error(concat(op, ": ", name, " are ", dtype_name(v.dtype()), ", expected int32 or int64"));
  check(v.ndim() <= kMaxIndexRank, op, ": ", name, " have ", v.ndim(), " axes, at most ", kMaxIndexRank);
  Indices i{v.data(), v.dtype() == Dtype::i64, v.size(), v.ndim(), {}};
  for (int axis = 0; axis < v.ndim(); axis++) i.shape[axis] = v.dim(axis);
  return i;
}

}  // namespace lamina
