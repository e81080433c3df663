// Losses of one row of scores, and of pairs of numbers.
#pragma once
#include "core/types.h"

namespace lamina {

// Losses between a prediction x and its target t, element by element.
//   squared (x - t)^2   absolute |x - t|   huber with its delta   binary cross-entropy of a logit, or of a probability
//   clipped to [epsilon, 1 - epsilon]; the parameter is delta or epsilon
enum class PairLoss : int { squared, absolute, huber, binary_logit, binary_probability };

template <class T>
struct LossKernels {
  // Cross-entropy of one row of C logits against class `label`, or against the distribution t (label < 0), smoothed:
  // t (1 - smoothing) + smoothing / C. `slope` (may be null) gets d loss / d x.
  T (*softmax_row)(const T* x, dim_t C, dim_t label, const T* t, T smoothing, T* slope);
  // The same of a row of probabilities, scaled to sum 1 and clipped to [1e-7, 1 - 1e-7].
  T (*probability_row)(const T* x, dim_t C, dim_t label, const T* t, T smoothing, T* slope);
  void (*pairs)(const T* x, const T* t, T* out, dim_t n, PairLoss kind, T parameter);
  T (*pairs_sum)(const T* x, const T* t, dim_t n, PairLoss kind, T parameter);
  // dx = scale * dy * d loss / d x, or +=; dy null: 1.
  void (*pairs_slope)(const T* x, const T* t, const T* dy, T scale, T* dx, dim_t n, PairLoss kind, T parameter,
                      bool accumulate);
  // y = scale * x, or +=.
  void (*scale)(const T* x, T factor, T* y, dim_t n, bool accumulate);
};

}  // namespace lamina
