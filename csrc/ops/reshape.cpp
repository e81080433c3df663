#include "ops/reshape.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/parallel.h"
#include "kernels/table.h"
#include "ops/frequent_rows.h"

namespace lamina {
namespace {

// Brings the loops into the kernel's order: y's nearest elements innermost, x's next to them. Copies may be done in any
// order, for no two of them write one element.
void arrange(NdIterator<2>& l) {
  auto distance = [&](int k, int i) { return l.step[k][i] < 0 ? -l.step[k][i] : l.step[k][i]; };
  auto move_to = [&](int from, int to) {
    for (; from < to; from++) {
      std::swap(l.size[from], l.size[from + 1]);
      for (auto& step : l.step) std::swap(step[from], step[from + 1]);
    }
  };
  for (int i = 0; i + 1 < l.rank; i++)
    if (distance(1, i) < distance(1, l.rank - 1)) move_to(i, l.rank - 1);
  if (l.rank < 2 || distance(0, l.rank - 1) <= 1) return;
  for (int i = 0; i + 1 < l.rank; i++)
    if (l.step[0][i] == 1) return move_to(i, l.rank - 2);
}

template <class T>
void copy_rows(const CopyBlock<T>& b) {
  if constexpr (sizeof(T) >= 4) {
    kernels<T>().reshape.copy_block(b);
  } else {
    for (dim_t i = 0; i < b.rows; i++)
      for (dim_t j = 0; j < b.cols; j++) b.y[i * b.y_row + j * b.y_col] = b.x[i * b.x_row + j * b.x_col];
  }
}

void check_indices(const Indices& indices, dim_t n) {
  for (dim_t j = 0; j < indices.n; j++)
    if (indices[j] < -n || indices[j] >= n) check_index(false, describe_outside(indices, j, n, "take: index"));
}

dim_t place(dim_t index, dim_t n) { return index < 0 ? index + n : index; }

// y += x
template <class T>
void add(const T* x, T* y, dim_t n) {
  if constexpr (std::is_integral_v<T>) {
    for (dim_t i = 0; i < n; i++) y[i] += x[i];
  } else if (n == 1) {
    *y += *x;
  } else {
    kernels<T>().embedding.add_row(x, y, n);
  }
}

}  // namespace

template <class T>
void strided_copy(const StridedCopy<T>& a) {
  NdIterator<2> l = a.loops;
  arrange(l);
  parallel_for(l.total(), kGrain, [&](dim_t begin, dim_t end) {
    walk(l, begin, end, [&](dim_t, const dim_t(&offset)[2], dim_t rows, dim_t cols) {
      copy_rows(CopyBlock<T>{a.x + offset[0], a.y + offset[1], rows, cols, l.row_step(0), l.col_step(0), l.row_step(1),
                             l.col_step(1), a.accumulate});
    });
  });
}

template <class T>
void take(const Take<T>& a) {
  check_indices(a.indices, a.n);
  const dim_t m = a.indices.n;
  const dim_t bytes = a.inner * dim_t(sizeof(T));
  parallel_for(a.outer * m, kGrain / std::max<dim_t>(1, a.inner) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t o = i / m, from = place(a.indices[i % m], a.n);
      if (a.inner == 1)
        a.y[i] = a.x[o * a.n + from];
      else
        std::memcpy(a.y + i * a.inner, a.x + (o * a.n + from) * a.inner, static_cast<std::size_t>(bytes));
    }
  });
}

template <class T>
void take_backward(const TakeBackward<T>& a) {
  check_indices(a.indices, a.n);
  const dim_t m = a.indices.n, rows = a.outer * a.n;
  const FrequentRows frequent(std::is_same_v<T, float> ? a.indices : Indices{}, a.n);
  // Threads own rows of dx; each looks through all indices and adds what is its own.
  parallel_for(rows, kGrain / std::max<dim_t>(1, a.inner) + 1, [&](dim_t begin, dim_t end) {
    if (!a.accumulate) std::fill(a.dx + begin * a.inner, a.dx + end * a.inner, T(0));
    for (dim_t o = begin / a.n; o <= (end - 1) / a.n; o++) {
      const auto mine = [&](dim_t row) { return row >= begin && row < end; };
      // Rows from..to-1 of dy, those that are added here, each to its destination.
      const auto add_rows = [&](dim_t from, dim_t to, auto destination) {
        for (dim_t j = from; j < to; j++) {
          const dim_t row = o * a.n + place(a.indices[j], a.n);
          if (mine(row)) add(a.dy + (o * m + j) * a.inner, destination(j, a.dx + row * a.inner), a.inner);
        }
      };
      if (!frequent.count()) {
        add_rows(0, m, [](dim_t, T* row) { return row; });
        continue;
      }
      FrequentSums<T> sums(frequent.count(), a.inner);
      for (dim_t j = 0; j < m; j += sums.kPart) {
        add_rows(j, std::min(j + sums.kPart, m), [&](dim_t i, T* row) { return sums.part(frequent.number(i), row); });
        sums.flush();
      }
      for (dim_t i = 0; i < frequent.count(); i++) {
        const dim_t row = o * a.n + frequent[i];
        if (mine(row)) sums.add_to(i, a.dx + row * a.inner);
      }
    }
  });
}

template <class T>
void one_hot(const OneHot<T>& a) {
  parallel_for(a.indices.n, kGrain / std::max<dim_t>(1, a.classes) + 1, [&](dim_t begin, dim_t end) {
    std::fill(a.y + begin * a.classes, a.y + end * a.classes, T(0));
    for (dim_t i = begin; i < end; i++)
      if (a.indices[i] >= 0 && a.indices[i] < a.classes) a.y[i * a.classes + a.indices[i]] = T(1);
  });
}

LAMINA_FOR_FLOATS(strided_copy, StridedCopy);
template void strided_copy(const StridedCopy<std::uint8_t>&);
template void strided_copy(const StridedCopy<std::uint16_t>&);
LAMINA_FOR_FLOATS(take, Take);
template void take(const Take<std::uint8_t>&);
template void take(const Take<std::uint16_t>&);
LAMINA_FOR_FLOATS(take_backward, TakeBackward);
template void take_backward(const TakeBackward<std::uint64_t>&);
LAMINA_FOR_FLOATS(one_hot, OneHot);

}  // namespace lamina
