// Losses of rows of predictions, and their gradients in the same pass.
#pragma once
#include "core/types.h"

namespace lamina {

// Cross-entropy of rows x cols predictions: logits, or probabilities that are first scaled to sum 1 and clipped to
// [1e-7, 1 - 1e-7].
template <class T>
struct CrossEntropyRows {
  const T* x;
  const dim_t* labels;  // one a row, negative: this row has no loss; or null and
  const T* targets;     // rows x cols probabilities
  const T* weights;     // one a row, or null; where it is 0, the row has no loss either
  T smoothing;          // s: targets become t (1 - s) + s / cols
  T* losses;            // one a row: weight * loss
  T* gradient;          // rows x cols: scale * weight * d loss / dx; or null
  T scale;
  dim_t rows, cols;
};

// Losses of single predictions x against targets t.
enum class PointLoss : int {
  squared,        // (x - t)^2
  absolute,       // |x - t|
  huber,          // e^2 / 2 within delta of t, delta (e - delta / 2) beyond
  log_cosh,       // log(cosh(x - t))
  binary_logits,  // -t log p - (1 - t) log(1 - p), p = sigmoid(x)
  binary,         // the same, p = x clipped to [1e-7, 1 - 1e-7]
  kl,             // t log(t / x), both clipped to [1e-7, 1]
  poisson,        // x - t log(x + 1e-7)
};

// rows x cols; dy is one a row, or one an element where it runs.
template <class T>
struct PointLossRows {
  const T *x, *t, *dy;
  T* out;
  dim_t rows, cols;
  T delta, scale;
  bool dy_runs, accumulate;
};

template <class T>
struct LossKernels {
  void (*softmax)(const CrossEntropyRows<T>& r);
  void (*probabilities)(const CrossEntropyRows<T>& r);
  // out[i, j] = loss(x[i, j], t[i, j])
  void (*points)(PointLoss loss, const PointLossRows<T>& r);
  // out[i] = scale * sum over j of loss(x[i, j], t[i, j])
  void (*point_sums)(PointLoss loss, const PointLossRows<T>& r);
  // out[i, j] (+)= scale * dy * d loss / dx, or / dt where `of_target`; 0 where dy is 0, whatever x and t hold: weights
  // and masks leave values out that way.
  void (*point_gradient)(PointLoss loss, bool of_target, const PointLossRows<T>& r);
};

}  // namespace lamina
