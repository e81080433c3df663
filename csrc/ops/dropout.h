// Dropout (Srivastava et al., JMLR 15, 2014), scaled in training; the mask is drawn anew in backward, never stored.
#pragma once
#include <cstdint>

#include "core/types.h"

namespace lamina {

// state: [key, counter]; the counter grows by one. used: the pair that this call drew with, for backward.
template <class T>
struct DropoutForward {
  const T* x;
  T* y;
  std::uint64_t *state, *used;
  dim_t n;
  double rate;
};
template <class T>
void dropout_forward(const DropoutForward<T>& a);

template <class T>
struct DropoutBackward {
  const T* dy;
  Gradient<T> dx;
  const std::uint64_t* used;
  dim_t n;
  double rate;
};
template <class T>
void dropout_backward(const DropoutBackward<T>& a);

}  // namespace lamina
