// Connectionist temporal classification. Its gradient is computed in the forward pass, which keeps it for a backward of
// one scaled copy (CrossEntropyBackward, a sequence being a row).
#pragma once
#include "core/types.h"
#include "ops/indices.h"

namespace lamina {

// x (N, T, C) logits, labels (N, L), of which sequence n has label_lengths[n] in input_lengths[n] steps. losses (N),
// gradient (N, T, C) or null. Throws std::invalid_argument where a length is out of its range, a label is no class or
// the blank, or the labels of a sequence need more steps than it has.
template <class T>
struct Ctc {
  const T* x;
  Indices labels, label_lengths, input_lengths;
  T *losses, *gradient;
  dim_t N, steps, C, L, blank;
};
template <class T>
void ctc(const Ctc<T>& a);

}  // namespace lamina
