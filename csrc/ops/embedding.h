// Rows of a table by index, and the gradient of the table.
#pragma once
#include "ops/indices.h"
#include "ops/touched_rows.h"

namespace lamina {

// y (n, D): row i is row indices[i] of table (V, D). An index outside 0..V-1 throws std::out_of_range, which names it
// and its position.
template <class T>
struct EmbeddingForward {
  Indices indices;
  const T* table;
  T* y;
  dim_t V, D;
};
template <class T>
void embedding_forward(const EmbeddingForward<T>& a);

// dtable (V, D): each row is the sum of dy's rows whose index names it, added in their order; a frequent row is summed
// in parts (frequent_rows.h). With `touched`, dtable is zero outside of the touched rows before and after, so that the
// work does not grow with the table: writing clears the rows touched before, then those of the indices are the touched
// ones.
template <class T>
struct EmbeddingBackward {
  Indices indices;
  const T* dy;
  Gradient<T> dtable;
  dim_t V, D;
  TouchedRows* touched;  // or null
};
template <class T>
void embedding_backward(const EmbeddingBackward<T>& a);

// Marks every row as touched, for a gradient that comes from elsewhere and may have reached any of them.
struct TouchAll {
  TouchedRows* touched;
};
void touch_all(const TouchAll& a);

}  // namespace lamina
