// Elementwise activations, softmax and log-softmax, each with its gradient.
#pragma once
#include "core/types.h"

namespace lamina {

// One elementwise activation, made of an entry of activation.cpp. `parameter` is what the function takes beside x
// (a negative slope, alpha); most ignore it.
template <class T>
struct ActivationEntry {
  const char* name;
  bool from_output;  // the gradient follows from y alone, which then is what to keep
  // `stream` writes the result past the caches, if it is aligned.
  void (*forward)(dim_t n, const T* x, T* y, T parameter, bool stream);
  // The same y, and the slope at x, from which from_slope makes the gradient; null where it would save nothing.
  void (*forward_and_slope)(dim_t n, const T* x, T* y, T* slope, T parameter, bool stream);
  // dx = dy * slope(v), or dx += ...; v is y or x, as from_output says.
  void (*backward)(dim_t n, const T* v, const T* dy, T* dx, T parameter, bool accumulate, bool stream);
};

constexpr int kMaxActivations = 32;

template <class T>
struct ActivationKernels {
  int count;
  ActivationEntry<T> entries[kMaxActivations];
  // dx = dy * slope, or dx += ...; `stream` as above.
  void (*from_slope)(dim_t n, const T* slope, const T* dy, T* dx, bool accumulate, bool stream);
  // Of each of `rows` rows of C elements. A row of -inf alone (everything masked) gives zeros; NaN fills its row.
  void (*softmax)(dim_t rows, dim_t C, const T* x, T* y);
  void (*log_softmax)(dim_t rows, dim_t C, const T* x, T* y);
  // dx = y * (dy - sum(y * dy)),   dx = dy - exp(y) * sum(dy).
  void (*softmax_gradient)(dim_t rows, dim_t C, const T* y, const T* dy, T* dx, bool accumulate);
  void (*log_softmax_gradient)(dim_t rows, dim_t C, const T* y, const T* dy, T* dx, bool accumulate);
};

}  // namespace lamina
