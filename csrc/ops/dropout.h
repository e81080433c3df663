// Dropout (Srivastava et al., JMLR 15, 2014), scaled in training; the mask is drawn anew in backward, never stored.
#pragma once
#include <cstdint>

#include "core/types.h"

namespace lamina {

// state: [key, counter]; the counter grows by one. used: what this call drew with, for backward: key, counter and the
// place of the first element. Of a shard of a larger batch that is first[0], the number of its first sample, times the
// elements of a sample, so that each sample gets the numbers that it has in the whole batch; first may be null.
template <class T>
struct DropoutForward {
  const T* x;
  T* y;
  std::uint64_t *state, *used;
  const std::uint64_t* first;
  dim_t n, per_sample;
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
