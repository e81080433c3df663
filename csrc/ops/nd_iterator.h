// Nested loops over K arrays of one shape, each with its own steps (0: broadcast), axes that run on merged into one.
#pragma once
#include <algorithm>
#include <initializer_list>

#include "core/check.h"
#include "core/types.h"

namespace lamina {

constexpr int kMaxRank = 8;  // after merging

template <int K>
struct NdIterator {
  int rank = 0;  // at least 1 once made
  dim_t size[kMaxRank];
  dim_t step[K][kMaxRank];  // in elements

  dim_t total() const {
    dim_t n = 1;
    for (int i = 0; i < rank; i++) n *= size[i];
    return n;
  }
  dim_t cols() const { return size[rank - 1]; }
  // Steps along a row, and from row to row.
  dim_t col_step(int k) const { return step[k][rank - 1]; }
  dim_t row_step(int k) const { return rank > 1 ? step[k][rank - 2] : 0; }

  // The next inner axis: merged with the last one where every array runs on, left out where its size is 1.
  void append(dim_t n, const dim_t (&steps)[K]) {
    if (n == 1) return;
    if (rank > 0) {
      bool on = true;
      for (int k = 0; k < K; k++) on = on && step[k][rank - 1] == steps[k] * n;
      if (on) {
        size[rank - 1] *= n;
        for (int k = 0; k < K; k++) step[k][rank - 1] = steps[k];
        return;
      }
    }
    check(rank < kMaxRank, "arrays of more than ", kMaxRank, " axes that cannot be merged");
    size[rank] = n;
    for (int k = 0; k < K; k++) step[k][rank] = steps[k];
    rank++;
  }
  // After the last axis: a shape of ones is one loop of one element.
  void finish() {
    if (rank > 0) return;
    rank = 1;
    size[0] = 1;
    for (int k = 0; k < K; k++) step[k][0] = 1;
  }
};

// Elements [begin, end) of the loops in C order as blocks of whole rows, or pieces of one: f(position, offsets, rows,
// cols). Position is the number of the block's first element, offsets[k] its place in array k.
template <int K, class F>
void walk(const NdIterator<K>& l, dim_t begin, dim_t end, F&& f) {
  const dim_t cols = l.cols(), height = l.rank > 1 ? l.size[l.rank - 2] : 1;
  while (begin < end) {
    dim_t offset[K] = {}, at[kMaxRank] = {}, rest = begin;
    for (int i = l.rank - 1; i >= 0; i--) {
      at[i] = rest % l.size[i];
      rest /= l.size[i];
      for (int k = 0; k < K; k++) offset[k] += at[i] * l.step[k][i];
    }
    const dim_t col = at[l.rank - 1], row = l.rank > 1 ? at[l.rank - 2] : 0;
    dim_t rows = 1, width = std::min(cols - col, end - begin);
    if (col == 0 && end - begin >= cols) rows = std::min(height - row, (end - begin) / cols), width = cols;
    f(begin, offset, rows, width);
    begin += rows * width;
  }
}

}  // namespace lamina
