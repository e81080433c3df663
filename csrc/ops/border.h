// Tensors with a border made of their own elements, and the gradient of it.
#pragma once
#include "core/types.h"
#include "ops/nd_iterator.h"

namespace lamina {

// What continues an axis abcd beyond its ends:
//
//   reflect    dcb|abcd|cba      symmetric  cba|abcd|dcb
//   edge       aaa|abcd|ddd      wrap       bcd|abcd|abc
enum class BorderMode : int { reflect, symmetric, edge, wrap };

// An axis of n >= 1 elements, and how many stand around them.
struct BorderAxis {
  dim_t n, before, after;
  dim_t whole() const { return before + n + after; }
};

// x (axis[0].n, ..., axis[rank - 1].n, inner); neighbouring axes without a border are one.
struct Borders {
  int rank = 0;  // at least 1
  BorderAxis axis[kMaxRank];
  dim_t inner = 1;
  BorderMode mode;
};

// y (axis[0].whole(), ..., inner). T stands for any type of its size.
template <class T>
struct BorderForward {
  const T* x;
  T* y;
  Borders borders;
};
template <class T>
void border_forward(const BorderForward<T>& a);

// dx (+)= the sums of dy over all places where an element stands, in their order.
template <class T>
struct BorderBackward {
  const T* dy;
  Gradient<T> dx;
  Borders borders;
};
template <class T>
void border_backward(const BorderBackward<T>& a);

}  // namespace lamina
