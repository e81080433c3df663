#include "ops/embedding.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {

namespace {

void check_rows(const Indices& indices, dim_t rows) {
  const dim_t place = first_outside(indices, rows);
  if (place >= 0) check_index(false, "embedding: ", describe_outside(indices, place, rows, "index"));
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
  if (a.mode == Grad::skip) return;
  check_rows(a.indices, a.V);
  const auto& k = kernels<T>().embedding;
  if (a.mode == Grad::write)
    parallel_for(a.V, kGrain / std::max<dim_t>(1, a.D) + 1,
                 [&](dim_t begin, dim_t end) { std::fill(a.dtable + begin * a.D, a.dtable + end * a.D, T(0)); });
  // Threads take columns, so that every row adds up in the order of its positions.
  constexpr dim_t kColumns = 32;
  const dim_t strips = (a.D + kColumns - 1) / kColumns;
  const dim_t grain = kGrain / (kColumns * std::max<dim_t>(1, a.indices.n)) + 1;
  parallel_for(strips, grain, [&](dim_t begin, dim_t end) {
    const dim_t first = begin * kColumns, width = std::min(a.D, end * kColumns) - first;
    for (dim_t i = 0; i < a.indices.n; i++)
      k.add_row(a.dy + i * a.D + first, a.dtable + a.indices[i] * a.D + first, width);
  });
}

namespace {

// The places 0..n-1 ordered by their index, equal ones in order, and where in that order each index that occurs begins.
class Order {
 public:
  Scratch<dim_t> places, rows, begin;
  dim_t count = 0;

  Order(const Indices& x, dim_t V) : places(x.n), rows(x.n), begin(x.n + 1) {
    for (dim_t i = 0; i < x.n; i++) {
      places[i] = i;
      rows[i] = x[i];
    }
    sort(x.n, V);
    for (dim_t i = 0; i < x.n; i++)
      if (i == 0 || rows[i] != rows[count - 1]) {
        begin[count] = i;
        rows[count++] = rows[i];
      }
    begin[count] = x.n;
  }

 private:
  // Counting sorts by eleven bits at a time, the lowest first.
  void sort(dim_t n, dim_t V) {
    constexpr int kBits = 11, kBuckets = 1 << kBits;
    Scratch<dim_t> places2(n), rows2(n), at(kBuckets);
    dim_t *p = places, *r = rows, *p2 = places2, *r2 = rows2;
    for (int shift = 0; (V - 1) >> shift > 0; shift += kBits) {
      std::fill_n(at.get(), kBuckets, dim_t(0));
      for (dim_t i = 0; i < n; i++) at[(r[i] >> shift) & (kBuckets - 1)]++;
      for (dim_t b = 0, sum = 0; b < kBuckets; b++) sum += std::exchange(at[b], sum);
      for (dim_t i = 0; i < n; i++) {
        const dim_t to = at[(r[i] >> shift) & (kBuckets - 1)]++;
        p2[to] = p[i];
        r2[to] = r[i];
      }
      std::swap(p, p2);
      std::swap(r, r2);
    }
    if (p == places) return;
    std::copy_n(p, n, places.get());
    std::copy_n(r, n, rows.get());
  }
};

}  // namespace

template <class T>
void embedding_rows_backward(const EmbeddingRowsBackward<T>& a) {
  check_rows(a.indices, a.V);
  const auto& k = kernels<T>().embedding;
  const dim_t n = a.indices.n;
  const Order o(a.indices, a.V);
  a.count[0] = o.count;
  std::copy_n(o.rows.get(), o.count, a.rows);
  std::fill(a.rows + o.count, a.rows + std::min(n, a.V), dim_t(-1));
  if (n == 0 || a.D == 0) return;
  // Chunks of the ordered places, by the shape alone. What a chunk has of a row that began in an earlier one waits in
  // `carry` and is added afterwards, in order.
  const dim_t chunks = std::clamp<dim_t>(n * a.D / kGrain, 1, std::min<dim_t>(n, 256));
  Scratch<T> carry(chunks * a.D);
  Scratch<dim_t> carried(chunks);  // the row that it belongs to, or -1
  parallel_for(chunks, 1, [&](dim_t first, dim_t last) {
    for (dim_t c = first; c < last; c++) {
      dim_t i = n * c / chunks;
      const dim_t end = n * (c + 1) / chunks;
      dim_t u = std::upper_bound(o.begin.get(), o.begin + o.count, i) - o.begin.get() - 1;
      carried[c] = o.begin[u] < i ? u : -1;
      for (; i < end; u++) {
        const dim_t stop = std::min(end, o.begin[u + 1]);
        k.sum_rows(a.dy, o.places + i, stop - i, a.D, o.begin[u] == i ? a.values + u * a.D : carry + c * a.D);
        i = stop;
      }
    }
  });
  for (dim_t c = 0; c < chunks; c++)
    if (carried[c] >= 0) k.add_row(carry + c * a.D, a.values + carried[c] * a.D, a.D);
}

template void embedding_forward(const EmbeddingForward<float>&);
template void embedding_forward(const EmbeddingForward<double>&);
template void embedding_backward(const EmbeddingBackward<float>&);
template void embedding_backward(const EmbeddingBackward<double>&);
template void embedding_rows_backward(const EmbeddingRowsBackward<float>&);
template void embedding_rows_backward(const EmbeddingRowsBackward<double>&);

}  // namespace lamina
