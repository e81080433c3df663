#include "ops/embedding.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/check.h"
#include "core/parallel.h"
#include "core/prefetch.h"
#include "kernels/table.h"
#include "ops/frequent_rows.h"

namespace lamina {

namespace {

void check_rows(const Indices& indices, dim_t rows) {
  const dim_t place = first_outside(indices, rows);
  if (place >= 0) check_index(false, "embedding: ", describe_outside(indices, place, rows, "index"));
}

// Makes all of dtable zero, and the set of its touched rows empty.
template <class T>
void clear(const EmbeddingBackward<T>& a) {
  const dim_t grain = kGrain / std::max<dim_t>(1, a.D) + 1;
  if (!a.touched || a.touched->all())
    parallel_for(a.V, grain,
                 [&](dim_t begin, dim_t end) { std::fill(a.dtable + begin * a.D, a.dtable + end * a.D, T(0)); });
  else
    parallel_for(a.touched->count(), grain, [&](dim_t begin, dim_t end) {
      for (dim_t i = begin; i < end; i++) std::fill_n(a.dtable + (*a.touched)[i] * a.D, a.D, T(0));
    });
  if (a.touched) a.touched->clear();
}

}  // namespace

template <class T>
void embedding_forward(const EmbeddingForward<T>& a) {
  check_rows(a.indices, a.V);
  parallel_for(a.indices.n, kGrain / std::max<dim_t>(1, a.D) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++)
      std::memcpy(a.y + i * a.D, a.table + a.indices[i] * a.D, static_cast<std::size_t>(a.D) * sizeof(T));
  });
}

template <class T>
void embedding_backward(const EmbeddingBackward<T>& a) {
  if (!a.dtable.wanted()) return;
  check_rows(a.indices, a.V);
  const auto& k = kernels<T>().embedding;
  if (!a.dtable.adds()) clear(a);
  if (a.touched)
    for (dim_t i = 0; i < a.indices.n; i++) a.touched->mark(a.indices[i]);
  const FrequentRows frequent(std::is_same_v<T, float> ? a.indices : Indices{}, a.V);
  // Threads take columns, so that every row adds up in the order of its positions.
  constexpr dim_t kColumns = 32;
  const dim_t strips = (a.D + kColumns - 1) / kColumns;
  const dim_t grain = kGrain / (kColumns * std::max<dim_t>(1, a.indices.n)) + 1;
  parallel_for(strips, grain, [&](dim_t begin, dim_t end) {
    const dim_t first = begin * kColumns, width = std::min(a.D, end * kColumns) - first;
    const dim_t bytes = width * dim_t(sizeof(T)), ahead = rows_ahead(bytes);
    // Rows from..to-1 of dy, each to its destination.
    const auto add_rows = [&](dim_t from, dim_t to, auto destination) {
      for (dim_t i = from; i < to; i++) {
        if (i + ahead < a.indices.n) prefetch_row(a.dtable + a.indices[i + ahead] * a.D + first, bytes);
        k.add_row(a.dy + i * a.D + first, destination(i), width);
      }
    };
    const auto of_table = [&](dim_t i) { return a.dtable + a.indices[i] * a.D + first; };
    if (!frequent.count()) return add_rows(0, a.indices.n, of_table);
    FrequentSums<T> sums(frequent.count(), width);
    for (dim_t i = 0; i < a.indices.n; i += sums.kPart) {
      add_rows(i, std::min(i + sums.kPart, a.indices.n),
               [&](dim_t j) { return sums.part(frequent.number(j), of_table(j)); });
      sums.flush();
    }
    for (dim_t i = 0; i < frequent.count(); i++) sums.add_to(i, a.dtable + frequent[i] * a.D + first);
  });
}

void touch_all(const TouchAll& a) { a.touched->mark_all(); }

LAMINA_FOR_FLOATS(embedding_forward, EmbeddingForward);
LAMINA_FOR_FLOATS(embedding_backward, EmbeddingBackward);

}  // namespace lamina
