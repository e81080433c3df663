#include "ops/reduction.h"

#include <atomic>
#include <cmath>
#include <type_traits>

#include "ops/copy.h"
#include "ops/squares.h"

namespace lamina {
namespace {

constexpr dim_t kPart = 65536;  // elements of a part of a divided reduction
constexpr dim_t kStrip = 2048;  // columns that one task takes

template <class T>
T start_of(ReduceOp op) {
  const T inf = T(HUGE_VAL);
  return op == ReduceOp::product ? T(1) : op == ReduceOp::max ? -inf : op == ReduceOp::min ? inf : T(0);
}

// (outer, n, inner) -> (outer, inner)
template <class T>
void reduce_axis(ReduceOp op, const T* x, dim_t outer, dim_t n, dim_t inner, T* out) {
  const auto& k = kernels<T>().reduction;
  if (outer * inner == 0) return;
  if (n == 0) {
    std::fill(out, out + outer * inner, start_of<T>(op));
    return;
  }
  // A part has eight rows or more, so that each round leaves far fewer; wide rows divide by columns alone.
  const dim_t most = inner >= kPart ? 1 : std::clamp<dim_t>(n / 8, 1, 256);
  const dim_t parts = std::clamp<dim_t>(n * inner / kPart, 1, most);
  Scratch<T> scratch(parts > 1 ? outer * parts * inner : 0);
  T* to = parts > 1 ? scratch.get() : out;
  const dim_t length = (n + parts - 1) / parts;
  if (inner == 1 && parts == 1) {
    parallel_for(outer, kGrain / n + 1,
                 [&](dim_t begin, dim_t end) { k.rows(op, x + begin * n, end - begin, n, to + begin); });
    return;
  }
  const dim_t strips = (inner + kStrip - 1) / kStrip, work = length * std::min(inner, kStrip);
  parallel_for(outer * parts * strips, kGrain / work + 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t s = i % strips, p = i / strips % parts, o = i / strips / parts;
      const dim_t first = n * p / parts, last = n * (p + 1) / parts, col = s * kStrip;
      const T* from = x + (o * n + first) * inner + col;
      T* result = to + (o * parts + p) * inner + col;
      if (inner == 1)
        k.rows(op, from, 1, last - first, result);
      else
        k.columns(op, from, last - first, std::min(kStrip, inner - col), inner, result);
    }
  });
  if (parts > 1) reduce_axis(joining(op), to, outer, parts, inner, out);
}

// Gradients of a reduction: each element of x beside the result y and the gradient g of its group. g null: 1.
template <class T>
struct GroupMapping {
  GroupMap m;
  const T *x, *y, *g;
  NdIterator<2> loops;
  T one = 1;

  GroupMapping(GroupMap map, const T* from, const T* of_group, const T* gradient, const Groups& groups)
      : m(map), x(from), y(of_group), g(gradient) {
    dim_t step = groups.product(false);
    for (int i = 0; i < groups.count; i++) {
      if (!groups.reduced[i]) step /= std::max<dim_t>(groups.size[i], 1);
      const dim_t s = groups.reduced[i] ? 0 : step;
      loops.append(groups.size[i], {s, g ? s : 0});
    }
    loops.finish();
  }
  // to[i - first] (+)= scale * map(element i), i in [first, first + n)
  void operator()(dim_t first, dim_t n, T* to, T scale, bool accumulate) const {
    const NdIterator<2>& l = loops;
    walk(l, first, first + n, [&](dim_t at, const dim_t(&offset)[2], dim_t rows, dim_t cols) {
      kernels<T>().reduction.map(
          m, GroupRows<T>{x + at, y + offset[0], g ? g + offset[1] : &one, to + at - first, rows, cols, l.row_step(0),
                          l.row_step(1), l.col_step(0) != 0, l.col_step(1) != 0, scale, accumulate});
    });
  }
  void all(T* out, T scale, bool accumulate) const {
    parallel_for(loops.total(), kGrain,
                 [&](dim_t begin, dim_t end) { (*this)(begin, end - begin, out + begin, scale, accumulate); });
  }
};

// out = scale * sum over each group of map(x, y)
template <class T>
void sum_mapped(GroupMap m, const T* x, const T* y, const Groups& groups, T* out, T scale) {
  const GroupMapping<T> mapping(m, x, y, nullptr, groups);
  reduce_produced(ReduceOp::sum, groups, out, scale, false,
                  [&](dim_t first, dim_t n, T* to) { mapping(first, n, to, T(1), false); });
}

// Where a group's sum of squares is not exact, once more with its elements scaled.
template <class T>
void norm(const Reduce<T>& a) {
  const dim_t kept = a.groups.product(false), n = a.groups.product(true);
  reduce(ReduceOp::sum_squares, a.x, a.groups, a.y);
  bool exact = true;
  for (dim_t i = 0; i < kept; i++) exact &= is_exact(a.y[i], n);
  Scratch<T> largest(exact ? 0 : kept), scale(exact ? 0 : kept), sums(exact ? 0 : kept);
  if (!exact) {
    reduce(ReduceOp::max_abs, a.x, a.groups, largest.get());
    exact = true;
    for (dim_t i = 0; i < kept; i++) {
      exact &= largest[i] == T(0) || is_exact(a.y[i], n);  // zeros are
      scale[i] = scale_of(largest[i]);
    }
    if (!exact) sum_mapped<T>(GroupMap::scaled_square, a.x, scale, a.groups, sums, T(1));
  }
  for (dim_t i = 0; i < kept; i++) {
    if (exact || is_exact(a.y[i], n))
      a.y[i] = std::sqrt(a.y[i]);
    else
      a.y[i] = std::isfinite(largest[i]) ? std::sqrt(sums[i]) / scale[i] : largest[i];
  }
}

// The product of all other elements of the group, element by element: right where some are zero.
template <class T>
void product_gradient(const ReduceBackward<T>& a) {
  // Groups are gathered by walking x with the group's number beside it, twice: products without zeros and their count.
  const dim_t kept = a.groups.product(false);
  Scratch<double> product(kept);  // of floats, more of them than their own type could hold
  Scratch<dim_t> zeros(kept);
  std::fill(product.get(), product.get() + kept, 1.0);
  std::fill(zeros.get(), zeros.get() + kept, dim_t(0));
  NdIterator<1> l;
  dim_t step = kept;
  for (int i = 0; i < a.groups.count; i++) {
    if (!a.groups.reduced[i]) step /= a.groups.size[i];
    l.append(a.groups.size[i], {a.groups.reduced[i] ? 0 : step});
  }
  l.finish();
  auto each = [&](auto f) {
    walk(l, 0, l.total(), [&](dim_t at, const dim_t(&offset)[1], dim_t rows, dim_t cols) {
      for (dim_t r = 0; r < rows; r++)
        for (dim_t c = 0; c < cols; c++) f(at + r * cols + c, offset[0] + r * l.row_step(0) + c * l.col_step(0));
    });
  };
  each([&](dim_t i, dim_t group) {
    if (a.x[i] == T(0))
      zeros[group]++;
    else
      product[group] *= a.x[i];
  });
  each([&](dim_t i, dim_t group) {
    const double others = zeros[group] > 1    ? 0.0
                          : zeros[group] == 1 ? (a.x[i] == T(0) ? product[group] : 0.0)
                                              : product[group] / a.x[i];
    a.dx[i] = T(others) * a.dy[group] + (a.accumulate ? a.dx[i] : T(0));
  });
}

}  // namespace

template <class T>
void reduce(ReduceOp op, const T* x, const Groups& g, T* out, T scale, bool accumulate) {
  int last = -1, reduced = 0;
  for (int i = 0; i < g.count; i++)
    if (g.reduced[i]) last = i, reduced++;
  const dim_t kept = g.product(false);
  const bool as_is = reduced == 0 && joining(op) == op;
  if (as_is && scale == T(1)) return copy(Copy<T>{x, out, kept, accumulate});
  const bool plain = scale == T(1) && !accumulate;
  Scratch<T> result(plain || as_is ? 0 : kept);
  T* to = plain ? out : result.get();
  const T* from = as_is ? x : to;
  if (!as_is && reduced == 0) {
    reduce_axis(op, x, kept, 1, 1, to);
  } else if (!as_is) {
    dim_t outer = 1, inner = 1;
    for (int i = 0; i < last; i++) outer *= g.size[i];
    for (int i = last + 1; i < g.count; i++) inner *= g.size[i];
    if (reduced == 1) {
      reduce_axis(op, x, outer, g.size[last], inner, to);
    } else {  // the last group now, the others from its results
      Scratch<T> part(outer * inner);
      reduce_axis(op, x, outer, g.size[last], inner, part.get());
      Groups rest;
      for (int i = 0; i < g.count; i++)
        if (i != last) rest.append(g.size[i], g.reduced[i]);
      reduce(joining(op), part.get(), rest, to);
    }
  }
  if (plain) return;
  parallel_for(kept, kGrain, [&](dim_t begin, dim_t end) {
    if (accumulate)
      for (dim_t i = begin; i < end; i++) out[i] += scale * from[i];
    else
      for (dim_t i = begin; i < end; i++) out[i] = scale * from[i];
  });
}

template <class T>
void reduction_forward(const Reduce<T>& a) {
  const dim_t kept = a.groups.product(false), n = a.groups.product(true);
  const T share = T(1) / T(n);
  switch (a.op) {
    case Reduction::sum: return reduce(ReduceOp::sum, a.x, a.groups, a.y);
    case Reduction::mean: return reduce(ReduceOp::sum, a.x, a.groups, a.y, share);
    case Reduction::product: return reduce(ReduceOp::product, a.x, a.groups, a.y);
    case Reduction::max: return reduce(ReduceOp::max, a.x, a.groups, a.y);
    case Reduction::min: return reduce(ReduceOp::min, a.x, a.groups, a.y);
    case Reduction::norm: return norm(a);
    case Reduction::logsumexp: {
      Scratch<T> top(kept);
      reduce(ReduceOp::max, a.x, a.groups, top.get());
      sum_mapped<T>(GroupMap::exp_difference, a.x, top, a.groups, a.y, T(1));
      for (dim_t i = 0; i < kept; i++) a.y[i] = top[i] + std::log(a.y[i]);
      return;
    }
    case Reduction::variance: {
      reduce(ReduceOp::sum, a.x, a.groups, a.mean, share);
      return sum_mapped<T>(GroupMap::deviation, a.x, a.mean, a.groups, a.y, share);
    }
  }
}

template <class T>
void reduction_backward(const ReduceBackward<T>& a) {
  const dim_t kept = a.groups.product(false), n = a.groups.product(true);
  auto back = [&](GroupMap m, T scale) {
    GroupMapping<T>(m, a.x, a.saved, a.dy, a.groups).all(a.dx, scale, a.accumulate);
  };
  if (kept * n == 0) return;
  switch (a.op) {
    case Reduction::sum: return back(GroupMap::gradient, T(1));
    case Reduction::mean: return back(GroupMap::gradient, T(1) / T(n));
    case Reduction::norm: return back(GroupMap::norm_gradient, T(1));
    case Reduction::logsumexp: return back(GroupMap::exp_gradient, T(1));
    case Reduction::variance: return back(GroupMap::deviation_gradient, T(2) / T(n));
    case Reduction::product: return product_gradient(a);
    case Reduction::max:
    case Reduction::min: {
      Scratch<T> share(kept);  // first how many are equal, then what each of them gets
      sum_mapped<T>(GroupMap::equal, a.x, a.saved, a.groups, share.get(), T(1));
      for (dim_t i = 0; i < kept; i++) share[i] = a.dy[i] / share[i];
      return GroupMapping<T>(GroupMap::equal, a.x, a.saved, share, a.groups).all(a.dx, T(1), a.accumulate);
    }
  }
}

namespace {

// What running sums are kept in.
template <class T>
using Total = std::conditional_t<std::is_floating_point_v<T>, double,
                                 std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;

// Running sums of integers over rows `step` apart; whether one of them does not fit in T.
template <class T>
bool add_rows(dim_t rows, dim_t cols, dim_t step, const T* x, Total<T>* sum, T* y) {
  using U = std::make_unsigned_t<Total<T>>;  // wraps instead of overflowing
  bool outside = false;
  for (dim_t r = 0; r < rows; r++)
    for (dim_t i = 0; i < cols; i++) {
      sum[i] = static_cast<Total<T>>(U(sum[i]) + U(Total<T>(x[r * step + i])));
      outside |= Total<T>(T(sum[i])) != sum[i];
      y[r * step + i] = T(sum[i]);
    }
  return outside;
}

}  // namespace

template <class T>
void cumulative_sum(const CumulativeSum<T>& a) {
  constexpr dim_t kRows = 8;  // taken together, strip by strip
  std::atomic<bool> outside{false};
  parallel_for(a.outer, kGrain / std::max<dim_t>(1, a.n * a.inner) + 1, [&](dim_t begin, dim_t end) {
    Scratch<Total<T>> sums(a.inner);
    bool bad = false;
    for (dim_t o = begin; o < end; o++) {
      std::fill_n(sums.get(), a.inner, Total<T>(0));
      const dim_t step = a.reverse ? -a.inner : a.inner, height = a.inner == 1 ? a.n : kRows;
      for (dim_t j = 0; j < a.n; j += height) {
        const dim_t rows = std::min(height, a.n - j), at = (o * a.n + (a.reverse ? a.n - 1 - j : j)) * a.inner;
        if constexpr (std::is_integral_v<T>)
          bad |= add_rows(rows, a.inner, step, a.x + at, sums.get(), a.y + at);
        else
          kernels<T>().reduction.running_sums(rows, a.inner, step, a.x + at, sums, a.y + at, a.accumulate);
      }
    }
    if (bad) outside.store(true, std::memory_order_relaxed);
  });
  check(!outside, "cumsum: a sum does not fit in x's integer type; ask for a wider one, dtype=\"int64\"");
}

template <class T>
void arg_extreme(const ArgExtreme<T>& a) {
  parallel_for(a.outer, kGrain / std::max<dim_t>(1, a.n * a.inner) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t o = begin; o < end; o++)
      for (dim_t i = 0; i < a.inner; i++) {
        const T* x = a.x + o * a.n * a.inner + i;
        dim_t best = 0;
        for (dim_t j = 1; j < a.n && x[best * a.inner] == x[best * a.inner]; j++) {
          const T v = x[j * a.inner], b = x[best * a.inner];
          if (v != v || (a.largest ? v > b : v < b)) best = j;
        }
        const dim_t at = o * a.inner + i;
        if (a.wide)
          static_cast<std::int64_t*>(a.y)[at] = best;
        else
          static_cast<std::int32_t*>(a.y)[at] = static_cast<std::int32_t>(best);
      }
  });
}

template void reduce(ReduceOp, const float*, const Groups&, float*, float, bool);
template void reduce(ReduceOp, const double*, const Groups&, double*, double, bool);
LAMINA_FOR_FLOATS(reduction_forward, Reduce);
LAMINA_FOR_FLOATS(reduction_backward, ReduceBackward);
LAMINA_FOR_FLOATS(cumulative_sum, CumulativeSum);
LAMINA_FOR_INTEGERS(cumulative_sum, CumulativeSum);
LAMINA_FOR_FLOATS(arg_extreme, ArgExtreme);
LAMINA_FOR_INTEGERS(arg_extreme, ArgExtreme);

}  // namespace lamina
