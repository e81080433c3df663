// A block of an image with zeros around it.
#pragma once
#include <algorithm>

#include "ops/activation_gradient.h"

namespace lamina {

// out[(h1 - h0) x (w1 - w0) x C] = rows [h0, h1) and columns [w0, w1) of the image x (H, W, C); zeros outside of it.
template <class T>
void copy_padded(const LazyActGrad<T>& x, dim_t H, dim_t W, dim_t C, dim_t h0, dim_t h1, dim_t w0, dim_t w1, T* out) {
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
