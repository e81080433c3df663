// Copies between strides (transpose, slice, concatenate, broadcast, pad, flip, tile), and selection by index.
#pragma once
#include "core/types.h"
#include "ops/indices.h"
#include "ops/nd_iterator.h"

namespace lamina {

// y (+)= x over one shape; loops: steps of x, then of y. T stands for any type of its size unless accumulating.
template <class T>
struct StridedCopy {
  const T* x;
  T* y;
  NdIterator<2> loops;
  bool accumulate;
};
template <class T>
void strided_copy(const StridedCopy<T>& a);

// y[o, j, :] = x[o, indices[j], :] for x (outer, n, inner) and any number of indices; negative ones count from the end.
// Throws std::out_of_range naming the first index outside -n..n-1.
template <class T>
struct Take {
  const T* x;
  Indices indices;
  T* y;
  dim_t outer, n, inner;
};
template <class T>
void take(const Take<T>& a);

// dx[o, indices[j], :] (+)= dy[o, j, :], in the order of j, of frequent rows in double; write starts from zeros.
// Integers wrap.
template <class T>
struct TakeBackward {
  Indices indices;
  const T* dy;
  T* dx;
  dim_t outer, n, inner;
  bool accumulate;
};
template <class T>
void take_backward(const TakeBackward<T>& a);

// y[i, c] = 1 where c == indices[i], else 0; an index outside 0..classes-1 gives zeros.
template <class T>
struct OneHot {
  Indices indices;
  T* y;
  dim_t classes;
};
template <class T>
void one_hot(const OneHot<T>& a);

}  // namespace lamina
