// A block of an image with zeros around it.
#pragma once
#include <algorithm>

#include "core/types.h"
#include "kernels/table.h"

namespace lamina {

// An image-like array, or the gradient dy * act'(y) of one, made where it is read.
template <class T>
struct Gated {
  const T* x;            // the array, or dy
  const T* y = nullptr;  // null: the array itself
  Activation act = Activation::linear;

  Gated at(dim_t offset) const { return {x + offset, y ? y + offset : nullptr, act}; }
  void copy(dim_t n, T* out) const {
    y ? kernels<T>().gemm.activation_gradient(y, x, out, n, act) : void(std::copy(x, x + n, out));
  }
};

// out[(h1 - h0) x (w1 - w0) x C] = rows [h0, h1) and columns [w0, w1) of the image x (H, W, C); zeros outside of it.
template <class T>
void copy_with_border(const Gated<T>& x, dim_t H, dim_t W, dim_t C, dim_t h0, dim_t h1, dim_t w0, dim_t w1, T* out) {
  const dim_t from = std::clamp(w0, dim_t(0), W), to = std::clamp(w1, from, W);
  for (dim_t h = h0; h < h1; h++) {
    T* const end = out + (w1 - w0) * C;
    if (h >= 0 && h < H && to > from) {
      T* const inside = out + (from - w0) * C;
      std::fill(out, inside, T(0));
      x.at((h * W + from) * C).copy((to - from) * C, inside);
      std::fill(inside + (to - from) * C, end, T(0));
    } else {
      std::fill(out, end, T(0));
    }
    out = end;
  }
}

}  // namespace lamina
