// One line a family: bind_<family>(m), in its own bind_<family>.cpp, registers its functions.
#pragma once
#include <pybind11/pybind11.h>

// clang-format off
#define LAMINA_BOUND_FAMILIES(X) \
  X(activation) \
  X(affine) \
  X(attention) \
  X(conv_lstm) \
  X(convolution) \
  X(core) \
  X(ctc) \
  X(decoding) \
  X(dense) \
  X(dropout) \
  X(elementwise) \
  X(embedding) \
  X(exchange) \
  X(loss) \
  X(normalization) \
  X(optimizer) \
  X(plan) \
  X(pooling) \
  X(probe) \
  X(quantized) \
  X(recurrent) \
  X(reduction) \
  X(reshape) \
  X(resize)
// clang-format on

namespace lamina {

#define LAMINA_DECLARE(family) void bind_##family(pybind11::module_& m);
LAMINA_BOUND_FAMILIES(LAMINA_DECLARE)
#undef LAMINA_DECLARE

}  // namespace lamina
