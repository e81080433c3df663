#include "ops/integer_reduction.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "core/dtype.h"

namespace lamina {
namespace {

constexpr dim_t kPart = 65536;  // elements of a part of a divided reduction

template <class W>
W start_of(ReduceOp op) {
  using L = std::numeric_limits<W>;
  return op == ReduceOp::product ? W(1) : op == ReduceOp::max ? L::min() : op == ReduceOp::min ? L::max() : W(0);
}

template <ReduceOp op, class W>
W join(W a, W b) {
  using U = std::make_unsigned_t<W>;  // wraps instead of overflowing
  if constexpr (op == ReduceOp::sum) return static_cast<W>(U(a) + U(b));
  if constexpr (op == ReduceOp::product) return static_cast<W>(U(a) * U(b));
  return (op == ReduceOp::max) == (a > b) ? a : b;
}

// (outer, n, inner) of S -> (outer, inner) of W
template <ReduceOp op, class W, class S>
void reduce_axis(const S* x, dim_t outer, dim_t n, dim_t inner, W* out) {
  const dim_t parts = std::clamp<dim_t>(n * inner / kPart, 1, std::clamp<dim_t>(n / 8, 1, 256));
  Scratch<W> scratch(parts > 1 ? outer * parts * inner : 0);
  W* to = parts > 1 ? scratch.get() : out;
  parallel_for(outer * parts, kGrain / std::max<dim_t>(1, n * inner / parts) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t first = n * (i % parts) / parts, last = n * (i % parts + 1) / parts;
      const S* from = x + i / parts * n * inner;
      W* result = to + i * inner;
      if (inner == 1) {
        W all = start_of<W>(op);
        for (dim_t j = first; j < last; j++) all = join<op>(all, static_cast<W>(from[j]));
        *result = all;
      } else {
        std::fill_n(result, inner, start_of<W>(op));
        dim_t j = first;
        for (; j + 2 <= last; j += 2) {  // two rows at a time: half the reads and writes of the result
          const S *a = from + j * inner, *b = a + inner;
          for (dim_t k = 0; k < inner; k++)
            result[k] = join<op>(result[k], join<op>(static_cast<W>(a[k]), static_cast<W>(b[k])));
        }
        for (; j < last; j++)
          for (dim_t k = 0; k < inner; k++) result[k] = join<op>(result[k], static_cast<W>(from[j * inner + k]));
      }
    }
  });
  if (parts > 1) reduce_axis<op, W, W>(to, outer, parts, inner, out);
}

template <ReduceOp op, class W, class S>
void reduce_groups(const S* x, const Groups& g, W* out) {
  int last = g.count - 1;
  while (last > 0 && !g.reduced[last]) last--;
  dim_t outer = 1, inner = 1;
  for (int i = 0; i < last; i++) outer *= g.size[i];
  for (int i = last + 1; i < g.count; i++) inner *= g.size[i];
  Groups rest;
  bool done = true;
  for (int i = 0; i < last; i++) {
    rest.append(g.size[i], g.reduced[i]);
    done = done && !g.reduced[i];
  }
  if (last + 1 < g.count) rest.append(inner, false);
  if (g.count == 0 || !g.reduced[last]) return reduce_axis<op, W, S>(x, g.product(false), 1, 1, out);
  if (done) return reduce_axis<op, W, S>(x, outer, g.size[last], inner, out);
  Scratch<W> part(outer * inner);
  reduce_axis<op, W, S>(x, outer, g.size[last], inner, part.get());
  reduce_groups<op, W, W>(part.get(), rest, out);
}

// Extremes of short integers in their own type, of which a register holds more.
template <ReduceOp op, class W, class S>
void find_extremes(const S* x, const Groups& g, W* y) {
  const dim_t kept = g.product(false);
  Scratch<S> found(kept);
  reduce_groups<op, S, S>(x, g, found.get());
  for (dim_t i = 0; i < kept; i++) y[i] = static_cast<W>(found[i]);
}

template <class S>
void reduce_integers(const IntegerReduce& a) {
  using W = std::conditional_t<std::is_signed_v<S>, std::int64_t, std::uint64_t>;
  const S* x = static_cast<const S*>(a.x);
  W* y = static_cast<W*>(a.y);
  switch (a.op) {
    case ReduceOp::sum: return reduce_groups<ReduceOp::sum, W>(x, a.groups, y);
    case ReduceOp::product: return reduce_groups<ReduceOp::product, W>(x, a.groups, y);
    case ReduceOp::max: return find_extremes<ReduceOp::max, W>(x, a.groups, y);
    default: return find_extremes<ReduceOp::min, W>(x, a.groups, y);
  }
}

}  // namespace

void integer_reduction(const IntegerReduce& a) {
  with_integer(a.dtype, [&]<class S>(S) { reduce_integers<S>(a); });
}

}  // namespace lamina
