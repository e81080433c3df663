#include "ops/reduction.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/copy.h"

namespace lamina {
namespace {

constexpr dim_t kPart = 65536;  // elements of a part of a divided reduction
constexpr dim_t kStrip = 2048;  // columns that one task takes

// How partial results are reduced further.
ReduceOp joining(ReduceOp op) { return op == ReduceOp::sum_squares || op == ReduceOp::sum_abs ? ReduceOp::sum : op; }

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
  const dim_t parts = std::clamp<dim_t>(n * inner / kPart, 1, std::min<dim_t>(n, 256));
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

// y and g of each group laid over x: map(x, y, g), in parallel.
template <class T>
void map_groups(GroupMap m, const T* x, const T* y, const T* g, bool g_is_one, T* out, const Groups& groups, T scale,
                bool accumulate) {
  Loops<2> l;
  dim_t step = groups.product(false);
  if (step * groups.product(true) == 0) return;
  for (int i = 0; i < groups.count; i++) {
    if (!groups.reduced[i]) step /= groups.size[i];
    const dim_t s = groups.reduced[i] ? 0 : step;
    l.append(groups.size[i], {s, g_is_one ? 0 : s});
  }
  l.finish();
  const auto& k = kernels<T>().reduction;
  parallel_for(l.total(), kGrain, [&](dim_t begin, dim_t end) {
    walk(l, begin, end, [&](dim_t at, const dim_t(&offset)[2], dim_t rows, dim_t cols) {
      k.map(m, GroupRows<T>{x + at, y + offset[0], g + offset[1], out + at, rows, cols, l.row_step(0), l.row_step(1),
                            l.col_step(0) != 0, l.col_step(1) != 0, scale, accumulate});
    });
  });
}

// The product of all other elements of the group, element by element: right where some are zero.
template <class T>
void product_gradient(const ReduceBackward<T>& a) {
  // Groups are gathered by walking x with the group's number beside it, twice: products without zeros and their count.
  const dim_t kept = a.groups.product(false);
  Scratch<T> product(kept);
  Scratch<dim_t> zeros(kept);
  std::fill(product.get(), product.get() + kept, T(1));
  std::fill(zeros.get(), zeros.get() + kept, dim_t(0));
  Loops<1> l;
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
    const T others = zeros[group] > 1    ? T(0)
                     : zeros[group] == 1 ? (a.x[i] == T(0) ? product[group] : T(0))
                                         : product[group] / a.x[i];
    a.dx[i] = others * a.dy[group] + (a.accumulate ? a.dx[i] : T(0));
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
  const T one = 1, share = T(1) / T(n);
  switch (a.op) {
    case Reduction::sum:
      return reduce(ReduceOp::sum, a.x, a.groups, a.y);
    case Reduction::mean:
      return reduce(ReduceOp::sum, a.x, a.groups, a.y, share);
    case Reduction::product:
      return reduce(ReduceOp::product, a.x, a.groups, a.y);
    case Reduction::max:
      return reduce(ReduceOp::max, a.x, a.groups, a.y);
    case Reduction::min:
      return reduce(ReduceOp::min, a.x, a.groups, a.y);
    case Reduction::norm:
      reduce(ReduceOp::sum_squares, a.x, a.groups, a.y);
      for (dim_t i = 0; i < kept; i++) a.y[i] = std::sqrt(a.y[i]);
      return;
    case Reduction::logsumexp: {
      Scratch<T> top(kept), terms(kept * n);
      reduce(ReduceOp::max, a.x, a.groups, top.get());
      map_groups<T>(GroupMap::exp_difference, a.x, top, &one, true, terms, a.groups, T(1), false);
      reduce(ReduceOp::sum, terms.get(), a.groups, a.y);
      for (dim_t i = 0; i < kept; i++) a.y[i] = top[i] + std::log(a.y[i]);
      return;
    }
    case Reduction::variance: {
      Scratch<T> squares(kept * n);
      reduce(ReduceOp::sum, a.x, a.groups, a.mean, share);
      map_groups<T>(GroupMap::deviation, a.x, a.mean, &one, true, squares, a.groups, T(1), false);
      return reduce(ReduceOp::sum, squares.get(), a.groups, a.y, share);
    }
  }
}

template <class T>
void reduction_backward(const ReduceBackward<T>& a) {
  const dim_t kept = a.groups.product(false), n = a.groups.product(true);
  const T one = 1;
  auto back = [&](GroupMap m, T scale) {
    map_groups<T>(m, a.x, a.saved, a.dy, false, a.dx, a.groups, scale, a.accumulate);
  };
  if (kept * n == 0) return;
  switch (a.op) {
    case Reduction::sum:
      return back(GroupMap::gradient, T(1));
    case Reduction::mean:
      return back(GroupMap::gradient, T(1) / T(n));
    case Reduction::norm:
      return back(GroupMap::norm_gradient, T(1));
    case Reduction::logsumexp:
      return back(GroupMap::exp_gradient, T(1));
    case Reduction::variance:
      return back(GroupMap::deviation_gradient, T(2) / T(n));
    case Reduction::product:
      return product_gradient(a);
    case Reduction::max:
    case Reduction::min: {
      Scratch<T> equal(kept * n), share(kept);
      map_groups<T>(GroupMap::equal, a.x, a.saved, &one, true, equal, a.groups, T(1), false);
      reduce(ReduceOp::sum, equal.get(), a.groups, share.get());
      for (dim_t i = 0; i < kept; i++) share[i] = a.dy[i] / share[i];
      return map_groups<T>(GroupMap::equal, a.x, a.saved, share, false, a.dx, a.groups, T(1), a.accumulate);
    }
  }
}

template <class T>
void cumulative_sum(const CumulativeSum<T>& a) {
  parallel_for(a.outer, kGrain / std::max<dim_t>(1, a.n * a.inner) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t o = begin; o < end; o++)
      for (dim_t i = 0; i < a.inner; i++) {
        T sum = 0;
        for (dim_t j = 0; j < a.n; j++) {
          const dim_t at = (o * a.n + (a.reverse ? a.n - 1 - j : j)) * a.inner + i;
          sum += a.x[at];
          a.y[at] = a.accumulate ? a.y[at] + sum : sum;
        }
      }
  });
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
        a.y[o * a.inner + i] = static_cast<std::int32_t>(best);
      }
  });
}

template void reduce(ReduceOp, const float*, const Groups&, float*, float, bool);
template void reduce(ReduceOp, const double*, const Groups&, double*, double, bool);
template void reduction_forward(const Reduce<float>&);
template void reduction_forward(const Reduce<double>&);
template void reduction_backward(const ReduceBackward<float>&);
template void reduction_backward(const ReduceBackward<double>&);
template void cumulative_sum(const CumulativeSum<float>&);
template void cumulative_sum(const CumulativeSum<double>&);
template void cumulative_sum(const CumulativeSum<std::int32_t>&);
template void cumulative_sum(const CumulativeSum<std::int64_t>&);
template void arg_extreme(const ArgExtreme<float>&);
template void arg_extreme(const ArgExtreme<double>&);
template void arg_extreme(const ArgExtreme<std::int32_t>&);
template void arg_extreme(const ArgExtreme<std::int64_t>&);

}  // namespace lamina
