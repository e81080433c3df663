// Reductions over any axes.
#pragma once
#include <algorithm>

#include "core/parallel.h"
#include "core/pool.h"
#include "core/types.h"
#include "kernels/table.h"
#include "ops/nd_iterator.h"

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

// How partial results are reduced further.
inline ReduceOp joining(ReduceOp op) {
  if (op == ReduceOp::max_abs) return ReduceOp::max;
  return op == ReduceOp::sum_squares ? ReduceOp::sum : op;
}

// out (+)= scale * reduction of x. Deterministic: parts depend on the sizes alone.
template <class T>
void reduce(ReduceOp op, const T* x, const Groups& g, T* out, T scale = T(1), bool accumulate = false);

// The same of values that exist only block by block: produce(first, n, to) writes elements [first, first + n) of the
// groups' array to `to`.
template <class T, class F>
void reduce_produced(ReduceOp op, const Groups& g, T* out, T scale, bool accumulate, F&& produce);

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

// y[o, j, i] = sum of x[o, 0..j, i]; from the end where `reverse`. Floats are summed in double, integers in 64 bits:
// one that its type cannot hold is an error.
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
  void* y;  // int64 where `wide`, else int32
  dim_t outer, n, inner;
  bool largest, wide;
};
template <class T>
void arg_extreme(const ArgExtreme<T>& a);

constexpr dim_t kBlock = 8192;  // elements of a block that is produced and reduced in cache

template <class T, class F>
void reduce_produced(ReduceOp op, const Groups& g, T* out, T scale, bool accumulate, F&& produce) {
  const auto& k = kernels<T>().reduction;
  const dim_t total = g.product(false) * g.product(true);
  const bool columns = g.count <= 2 && g.count > 0 && g.reduced[0], rows = g.count == 2 && g.reduced[1];
  const dim_t length = columns ? (g.count == 2 ? g.size[1] : 1) : rows ? g.size[1] : 0;  // of a row
  if (total == 0 || !(columns || rows) || (rows && length > kBlock)) {
    Scratch<T> whole(total);
    parallel_for(total, kGrain, [&](dim_t begin, dim_t end) { produce(begin, end - begin, whole + begin); });
    return reduce(op, whole.get(), g, out, scale, accumulate);
  }
  // Whole rows to a block: all parts of one result, or a partial result of every column.
  const dim_t count = g.size[0], height = std::max<dim_t>(columns && length > 1 ? 8 : 1, kBlock / length);
  const dim_t blocks = (count + height - 1) / height;
  Scratch<T> results(columns ? blocks * length : count);
  parallel_for(blocks, kGrain / (height * length) + 1, [&](dim_t begin, dim_t end) {
    Scratch<T> block(height * length);
    for (dim_t b = begin; b < end; b++) {
      const dim_t first = b * height, n = std::min(height, count - first);
      produce(first * length, n * length, block.get());
      if (columns && length > 1)
        k.columns(op, block, n, length, length, results + b * length);
      else if (columns)
        k.rows(op, block, 1, n, results + b);
      else
        k.rows(op, block, n, length, results + first);
    }
  });
  Groups left;
  if (columns)
    left.append(blocks, true), left.append(length, false);
  else
    left.append(count, false);
  reduce(joining(op), results.get(), left, out, scale, accumulate);
}

}  // namespace lamina
