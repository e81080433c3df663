// Statistics, normalization and gradients by columns (batch norm) and by rows (layer norm). A matrix x has rows at
// distance ld; `cols` of their elements are meant. y matters with relu only, which gates dz = y > 0 ? dy : 0.
#pragma once
#include "core/types.h"

namespace lamina {

template <class T>
struct NormalizationKernels {
  // Mean and 1 / sqrt(variance + epsilon) of the n elements `step` apart, whose squares may overflow or underflow; left
  // as they are where an element is not finite.
  void (*careful_moments)(dim_t n, dim_t step, const T* x, T epsilon, T* mean, T* rstd);
  // mean[j], m2[j] = mean and sum of squared deviations of column j. Tiles of rows in registers, each in two passes,
  // merged in order (Chan, Golub, LeVeque 1979), so that nothing is lost where the mean is large.
  void (*moments)(dim_t rows, dim_t cols, const T* x, dim_t ld, T* mean, T* m2);
  // y = (x - mean) * scale + shift, then relu. `stream` writes past the caches, if y and ld are aligned.
  void (*normalize)(dim_t rows, dim_t cols, const T* x, T* y, dim_t ld, const T* mean, const T* scale, const T* shift,
                    bool relu, bool stream);
  // sum[j] = sum of dz,   sum_x[j] = sum of dz * (x - mean). `near`: x and dy are in L2, where rows are best taken
  // eight at a time; from further away one after the other, since a page with several streams is not prefetched.
  void (*gradient_sums)(dim_t rows, dim_t cols, const T* x, const T* y, const T* dy, dim_t ld, const T* mean, T* sum,
                        T* sum_x, bool relu, bool near);
  // dx (+)= scale * (weight * dz - shift - (x - mean) * slope); a null weight is 1. With a weight there is no relu.
  void (*normalize_gradient)(dim_t rows, dim_t cols, const T* x, const T* y, const T* dy, T* dx, dim_t ld,
                             const T* mean, const T* scale, const T* shift, const T* slope, const T* weight, bool relu,
                             bool accumulate, bool stream);

  // y = (x - mean) * rstd * gamma + beta over rows of C; gamma, beta may be null. With a null mean rows are not
  // centered: it counts as 0, and rstd follows from the mean of the squares.
  void (*layer_norm)(dim_t rows, dim_t C, const T* x, const T* gamma, const T* beta, T epsilon, T* y, T* mean, T* rstd,
                     bool stream);
  // With u = dy * gamma and h = (x - mean) * rstd: dx (+)= rstd * (u - mean of u - h * mean of u * h) unless dx is
  // null; dgamma[j] = sum of dy * h unless dgamma is null, dbeta[j] = sum of dy unless dbeta is. Without a mean, mean
  // and mean of u count as 0.
  void (*layer_norm_gradient)(dim_t rows, dim_t C, const T* x, const T* gamma, const T* mean, const T* rstd,
                              const T* dy, T* dx, bool accumulate, T* dgamma, T* dbeta, bool stream);
};

}  // namespace lamina
