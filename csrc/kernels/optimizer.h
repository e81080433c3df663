// Updates of optimizers over a span of one parameter: memory-bound loops, each array read once and written once.
#pragma once
#include "core/types.h"

namespace lamina {

constexpr int kMaxSlots = 3;

// n elements of a parameter: weights w, gradient g, the rule's slots (null where it keeps none).
// Before its rule, every kernel clips and decays:   g' = clamp(scale (unit g), -limit, limit);   w' = w - decay w.
// limit is infinity and decay 0 where nothing is wanted; a NaN gradient stays NaN. unit is 1, or a power of two where a
// norm is so large that T could not hold the whole factor.
template <class T>
struct UpdateSpan {
  dim_t n;
  T* w;
  const T* g;
  T* slots[kMaxSlots];
  T scale, unit, limit, decay;
};

template <class T>
struct OptimizerKernels {
  // slots: m or null.   m = momentum m - rate g;   w += m, or w += momentum m - rate g if nesterov;   w -= rate g
  // alone.
  void (*sgd)(const UpdateSpan<T>&, T rate, T momentum, bool nesterov);
  // slots: m, v, largest v or null.   m += (g - m) gain_1;   v += (g^2 - v) gain_2;   w -= alpha m / (sqrt(v) +
  // epsilon).
  void (*adam)(const UpdateSpan<T>&, T alpha, T gain_1, T gain_2, T epsilon);
  // slots: v, m or null, mean or null.   v = rho v + (1 - rho) g^2;   mean = rho mean + (1 - rho) g;
  // d = rate g / sqrt(v + epsilon - mean^2);   w -= d, or m = momentum m + d;  w -= m.
  void (*rmsprop)(const UpdateSpan<T>&, T rate, T rho, T momentum, T epsilon);
  // Sum of squares.
  T (*squares)(dim_t n, const T* x);
};

}  // namespace lamina
