// Rows of a table by index, and the gradient of the table.
#pragma once
#include "ops/indices.h"

namespace lamina {

// An index outside 0..V-1 throws std::out_of_range, which names it and its position.

// indices (n), table (V, D), y (n, D).
template <class T>
struct EmbeddingForward {
  Indices indices;
  const T* table;
  T* y;
  dim_t V, D;
};
template <class T>
void embedding_forward(const EmbeddingForward<T>& a);

// dtable (V, D): each row the sum of dy over its index's positions, in their order.
template <class T>
struct EmbeddingBackward {
  Indices indices;
  const T* dy;
  T* dtable;
  Grad mode;
  dim_t V, D;
};
template <class T>
void embedding_backward(const EmbeddingBackward<T>& a);

// The same for the rows that occur alone: rows[u] ascending and values[u] (D) their sums, u < count[0]; there is room
// for min(n, V) of each. The rest of rows is -1, the rest of values stays as it is. Costs nothing of the table's size.
template <class T>
struct EmbeddingRowsBackward {
  Indices indices;
  const T* dy;
  dim_t* rows;
  T* values;
  dim_t* count;
  dim_t V, D;
};
template <class T>
void embedding_rows_backward(const EmbeddingRowsBackward<T>& a);

}  // namespace lamina
