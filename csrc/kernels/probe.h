// Loops that measure the machine: what kernels are compared with.
#pragma once
#include "core/types.h"

namespace lamina {

enum class Stream : int { add, copy, triad };

template <class T>
struct ProbeKernels {
  int flops_per_round;
  // `rounds` of multiply-adds on independent registers, as many as hide the latency; the sum keeps the compiler honest.
  T (*multiply_add)(dim_t rounds);
  // add y += x, copy y = x, triad y = x + s z; ordinary stores.
  void (*stream)(dim_t n, const T* x, const T* z, T* y, Stream kind);
};

}  // namespace lamina
