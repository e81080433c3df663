// Sums, products and extremes of integers of any type, exact in 64 bits.
#pragma once
#include "core/types.h"
#include "ops/reduction.h"

namespace lamina {

// y = reduction (sum, product, max or min) of x. y: int64, of unsigned x uint64. Sums and products wrap there.
struct IntegerReduce {
  const void* x;
  Dtype dtype;  // of x
  void* y;
  Groups groups;
  ReduceOp op;
};
void integer_reduction(const IntegerReduce& a);

}  // namespace lamina
