// Copies and constants.
#pragma once
#include "core/types.h"

namespace lamina {

template <class T>
struct Copy {
  const T* x;
  T* y;
  dim_t n;
  bool accumulate;  // y += x
};
template <class T>
void copy(const Copy<T>& a);

template <class T>
struct Fill {
  T* y;
  dim_t n;
  T value;
};
template <class T>
void fill(const Fill<T>& a);

}  // namespace lamina
