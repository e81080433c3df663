// Reductions over any axes.
#pragma once
#include "core/types.h"
#include "kernels/reduction.h"
#include "ops/loops.h"

namespace lamina {

// A contiguous array's axes, neighbours of one kind merged.
struct Groups {
  int count = 0;
  dim_t size[kMaxRank + 1];
  bool reduced[kMaxRank + 1];

  void append(dim_t n, bool is_reduced) {
    if (n == 1) return;
    if (count > 0 && reduced[count - 1] == is_reduced) {
      size[count - 1] *= n;
      return;
    }
    check(count < kMaxRank, "a reduction over more than ", kMaxRank, " separate groups of axes");
    size[count] = n;
    reduced[count++] = is_reduced;
  }
  dim_t product(bool of_reduced) const {
    dim_t n = 1;
    for (int i = 0; i < count; i++)
      if (reduced[i] == of_reduced) n *= size[i];
    return n;
  }
};

// out (+)= scale * reduction of x. Deterministic: parts depend on the sizes alone.
template <class T>
void reduce(ReduceOp op, const T* x, const Groups& g, T* out, T scale = T(1), bool accumulate = false);

enum class Reduction : int { sum, mean, product, max, min, norm, logsumexp, variance };

// y = reduction of x; mean: of variance only.
template <class T>
struct Reduce {
  const T* x;
  T *y, *mean;
  Groups groups;
  Reduction op;
};
template <class T>
void reduction_forward(const Reduce<T>& a);

// dx (+)= dy dy/dx.  saved: y, for variance the mean. Ties of max and min share dy equally.
template <class T>
struct ReduceBackward {
  const T *x, *saved, *dy;
  T* dx;
  Groups groups;
  Reduction op;
  bool accumulate;
};
template <class T>
void reduction_backward(const ReduceBackward<T>& a);

// y[o, j, i] = sum of x[o, 0..j, i]; from the end where `reverse`.
template <class T>
struct CumulativeSum {
  const T* x;
  T* y;
  dim_t outer, n, inner;
  bool reverse, accumulate;
};
template <class T>
void cumulative_sum(const CumulativeSum<T>& a);

// y[o, i] = place of the largest (smallest) of x[o, :, i], the first of equals, the first NaN if there is one.
template <class T>
struct ArgExtreme {
  const T* x;
  std::int32_t* y;
  dim_t outer, n, inner;
  bool largest;
};
template <class T>
void arg_extreme(const ArgExtreme<T>& a);

}  // namespace lamina
