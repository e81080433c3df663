// Rows are the last axis with a border: their inside is one copy, their ends go element by element.
#include "ops/border.h"

#include <algorithm>
#include <numeric>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

// The place on an axis of n from which position p, counted from the axis's first element, is taken.
dim_t source(BorderMode mode, dim_t p, dim_t n) {
  if (mode == BorderMode::edge || n == 1) return std::clamp<dim_t>(p, 0, n - 1);
  const dim_t period = mode == BorderMode::wrap ? n : mode == BorderMode::symmetric ? 2 * n : 2 * (n - 1);
  const dim_t at = (p % period + period) % period;
  return at < n ? at : (mode == BorderMode::symmetric ? 2 * n - 1 : period) - at;
}

// For each axis the source of every position, and the positions of every source.
class Places {
 public:
  explicit Places(const Borders& b) : numbers_(size(b)) {
    dim_t* next = numbers_.get();
    for (int i = 0; i < b.rank; i++) {
      const BorderAxis& axis = b.axis[i];
      const dim_t whole = axis.whole();
      dim_t *source = next, *position = source + whole, *begin = position + whole;
      next = begin + axis.n + 1;
      for (dim_t p = 0; p < whole; p++) source[p] = lamina::source(b.mode, p - axis.before, axis.n);
      // Counted, then filled from the end, so that each begin comes to stand at the first of its positions.
      std::fill_n(begin, axis.n + 1, dim_t(0));
      for (dim_t p = 0; p < whole; p++) begin[source[p]]++;
      std::partial_sum(begin, begin + axis.n + 1, begin);
      for (dim_t p = whole; p-- > 0;) position[--begin[source[p]]] = p;
      source_[i] = source, position_[i] = position, begin_[i] = begin;
    }
  }

  dim_t source_of(int axis, dim_t position) const { return source_[axis][position]; }
  // The positions of a source are number first(axis, s) to first(axis, s + 1), ascending.
  dim_t first(int axis, dim_t source) const { return begin_[axis][source]; }
  dim_t position(int axis, dim_t number) const { return position_[axis][number]; }

 private:
  static dim_t size(const Borders& b) {
    dim_t n = 0;
    for (int i = 0; i < b.rank; i++) n += 2 * b.axis[i].whole() + b.axis[i].n + 1;
    return n;
  }
  Scratch<dim_t> numbers_;
  const dim_t *source_[kMaxRank], *position_[kMaxRank], *begin_[kMaxRank];
};

// Rows of x, and of y.
dim_t rows(const Borders& b, bool whole) {
  dim_t n = 1;
  for (int i = 0; i + 1 < b.rank; i++) n *= whole ? b.axis[i].whole() : b.axis[i].n;
  return n;
}

dim_t grain(dim_t line) { return kGrain / std::max<dim_t>(line, 1) + 1; }

template <class T>
void add(const T* x, T* y, dim_t n) {
  if (n == 1) {
    *y += *x;
  } else {
    kernels<T>().embedding.add_row(x, y, n);
  }
}

// dx's row (+)= one of dy's.
template <class T>
void add_line(const T* dy, T* dx, const BorderAxis& last, dim_t inner, const Places& places, int axis,
              bool accumulate) {
  const T* inside = dy + last.before * inner;
  const dim_t n = last.n * inner;
  accumulate ? add(inside, dx, n) : void(std::copy_n(inside, n, dx));
  const auto add_end = [&](dim_t from, dim_t to) {
    for (dim_t p = from; p < to; p++) add(dy + p * inner, dx + places.source_of(axis, p) * inner, inner);
  };
  add_end(0, last.before);
  add_end(last.before + last.n, last.whole());
}

}  // namespace

template <class T>
void border_forward(const BorderForward<T>& a) {
  const Borders& b = a.borders;
  const int across = b.rank - 1;
  const BorderAxis& last = b.axis[across];
  const Places places(b);
  const dim_t inner = b.inner, from_line = last.n * inner, line = last.whole() * inner;
  if (line == 0) return;  // there may be more rows without elements than one can count to
  parallel_for(rows(b, true), grain(line), [&](dim_t begin, dim_t end) {
    for (dim_t row = begin; row < end; row++) {
      dim_t rest = row, from = 0, step = 1;
      for (int i = across - 1; i >= 0; i--) {
        from += places.source_of(i, rest % b.axis[i].whole()) * step;
        rest /= b.axis[i].whole();
        step *= b.axis[i].n;
      }
      const T* x = a.x + from * from_line;
      T* y = a.y + row * line;
      const auto copy_end = [&](dim_t first, dim_t after) {
        for (dim_t p = first; p < after; p++)
          std::copy_n(x + places.source_of(across, p) * inner, inner, y + p * inner);
      };
      copy_end(0, last.before);
      std::copy_n(x, from_line, y + last.before * inner);
      copy_end(last.before + last.n, last.whole());
    }
  });
}

template <class T>
void border_backward(const BorderBackward<T>& a) {
  if (!a.dx.wanted()) return;
  const Borders& b = a.borders;
  const int across = b.rank - 1;
  const BorderAxis& last = b.axis[across];
  const Places places(b);
  const dim_t line = last.n * b.inner, from_line = last.whole() * b.inner;
  if (line == 0) return;
  parallel_for(rows(b, false), grain(line), [&](dim_t begin, dim_t end) {
    dim_t first[kMaxRank], at[kMaxRank], after[kMaxRank];  // of each axis, numbers of positions
    for (dim_t row = begin; row < end; row++) {
      dim_t rest = row;
      for (int i = across - 1; i >= 0; i--) {
        const dim_t s = rest % b.axis[i].n;
        rest /= b.axis[i].n;
        first[i] = at[i] = places.first(i, s);
        after[i] = places.first(i, s + 1);
      }
      bool accumulate = a.dx.adds();
      for (;;) {
        dim_t from = 0;
        for (int i = 0; i < across; i++) from = from * b.axis[i].whole() + places.position(i, at[i]);
        add_line(a.dy + from * from_line, a.dx.to + row * line, last, b.inner, places, across, accumulate);
        accumulate = true;
        int i = across - 1;
        while (i >= 0 && ++at[i] == after[i]) at[i] = first[i], i--;
        if (i < 0) break;
      }
    }
  });
}

LAMINA_FOR_FLOATS(border_forward, BorderForward);
template void border_forward(const BorderForward<std::uint8_t>&);
template void border_forward(const BorderForward<std::uint16_t>&);
LAMINA_FOR_FLOATS(border_backward, BorderBackward);

}  // namespace lamina
