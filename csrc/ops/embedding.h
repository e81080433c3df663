// Rows of a table by index, and the gradient of the table.
#pragma once
#include "ops/indices.h"
#include "ops/touched_rows.h"

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

// dtable (V, D): each row the sum of dy over its index's positions, in their order, those of
// a frequent one in parts. With `touched`, dtable is zero
// outside of those rows before and after, and nothing costs what the table's size is: writing clears the rows that are
// touched, then only those of the indices are.
template <class T>
struct EmbeddingBackward {
  Indices indices;
  const T* dy;
  T* dtable;
  Grad mode;
  dim_t V, D;
  TouchedRows* touched;  // or null
};
template <class T>
void embedding_backward(const EmbeddingBackward<T>& a);

// For gradients from elsewhere, which may have reached every row.
struct TouchAll {
  TouchedRows* touched;
};
void touch_all(const TouchAll& a);

}  // namespace lamina
