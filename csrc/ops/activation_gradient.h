// The gradient through an activation, from its output: as an array, or made where it is read.
#pragma once
#include <algorithm>

#include "core/parallel.h"
#include "core/types.h"
#include "kernels/table.h"

namespace lamina {

// dz = dy * act'(y), elementwise over n.
template <class T>
void activation_gradient(dim_t n, const T* y, const T* dy, T* dz, Activation act) {
  const auto& k = kernels<T>().gemm;
  parallel_for(n, kGrain, [&](dim_t begin, dim_t end) {
    k.activation_gradient(y + begin, dy + begin, dz + begin, end - begin, act);
  });
}

// An array, or the gradient dy * act'(y) of one, which is made block by block where it is read.
template <class T>
struct LazyActGrad {
  const T* x;            // the array, or dy
  const T* y = nullptr;  // null: the array itself
  Activation act = Activation::linear;

  LazyActGrad at(dim_t offset) const { return {x + offset, y ? y + offset : nullptr, act}; }
  void copy(dim_t n, T* out) const {
    y ? kernels<T>().gemm.activation_gradient(y, x, out, n, act) : void(std::copy(x, x + n, out));
  }
};

}  // namespace lamina
