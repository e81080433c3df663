// Connectionist temporal classification: the loss of one sequence and its gradient.
#pragma once
#include "core/types.h"

namespace lamina {

// States are padded to whole registers of any instruction set; kCtcPad more stand before and behind them.
constexpr dim_t kCtcPad = 16;

// steps x classes logits, and the labels that they spell: each at least once, blanks between them at will, which equal
// neighbours need.  steps > 0.
template <class T>
struct CtcSequence {
  const T* x;
  const dim_t* labels;
  T* gradient;      // steps x classes, of the loss; or null
  T* scratch;       // ctc_scratch(steps, count)
  double* offsets;  // steps
  dim_t steps, classes, count, blank;
};

constexpr dim_t ctc_width(dim_t count) { return (count + kCtcPad) / kCtcPad * kCtcPad; }  // of count + 1 states
constexpr dim_t ctc_row(dim_t count) { return 2 * ctc_width(count) + 3 * kCtcPad; }
constexpr dim_t ctc_scratch(dim_t steps, dim_t count) {
  return steps * (ctc_row(count) + ctc_width(count) + 1) + 2 * ctc_row(count) + 2 * ctc_width(count) + kCtcPad;
}

template <class T>
struct CtcKernels {
  // -log of the sum over all ways to spell the labels; infinity where logits of minus infinity leave none, NaN where a
  // step has no softmax.  The gradient is NaN in both.
  T (*sequence)(const CtcSequence<T>& s);
};

}  // namespace lamina
