// Streaming attention's work on a block of scores.
//
// A block is kept transposed: s[r * ld + c] belongs to key r and query c, so that a register holds as many queries and
// softmax needs no reduction across lanes. `cols` is a number of whole registers. Scores are in units of log 2: the
// weight is 2^s. Under causal masking key r counts for query c if r + diagonal <= c.
#pragma once
#include "core/types.h"

namespace lamina {

template <class T>
struct AttentionKernels {
  // y[i] = factor * x[i], where y may be x; returns whether all are finite.
  bool (*scale)(dim_t n, const T* x, T factor, T* y);
  // x[i] *= y[i].
  void (*multiply)(dim_t n, T* x, const T* y);
  // out[i] = bias[i * bias_step] where mask[i * mask_step] is true, else -inf; steps 0 or 1. Null: bias 0, mask true.
  void (*bias_row)(dim_t n, const T* bias, dim_t bias_step, const bool* mask, dim_t mask_step, T* out);
  // s += bias in units of log 2; -inf where bias is -inf, whatever s is, and in the lanes that the diagonal cuts off.
  // bias (rows, cols) at distance bias_ld, or with bias_ld = 0 one number a key, or null.
  void (*mask)(T* s, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, const T* bias, dim_t bias_ld);
  // s becomes cap * tanh(s / cap), and `slope`, unless it is null, the derivative of that, 1 - tanh^2, laid out as s.
  // Registers that are above the diagonal in whole are left as they are, with zeros in `slope`.
  void (*soft_cap)(T* s, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, T cap, T* slope);
  // One query's row of scores x: dx[i] *= 1 - tanh(x[i] * factor)^2.
  void (*soft_cap_gradient)(dim_t n, const T* x, T factor, T* dx);
  // s[r, c] -= slope * |distance + c - r|, in units of log 2 as s.
  void (*alibi)(T* s, dim_t ld, dim_t rows, dim_t cols, T slope, dim_t distance);
  // One step of the running softmax: of each column the maximum m and the sum l so far become those with this block,
  // s becomes its weights 2^(s - m), alpha the factor 2^(m before - m) of what was summed before. Entries above the
  // diagonal become 0, whatever they hold.
  void (*softmax)(T* s, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, T* m, T* l, T* alpha);
  // row i of o (rows, n) *= alpha[i].
  void (*rescale)(T* o, dim_t ld, dim_t rows, dim_t n, const T* alpha);
  // out row i = o row i / l[i], 0 where l is 0;  lse = m log 2 + log l. Returns whether all of out is finite.
  bool (*finish)(const T* o, dim_t ld, dim_t rows, dim_t n, const T* m, const T* l, T* out, dim_t out_ld, T* lse);
  // out = lse in units of log 2, +inf where lse is -inf and in [n, cols): no weight there.
  void (*prepare)(dim_t n, dim_t cols, const T* lse, T* out);
  // out[i] = x row i . y row i; zeros up to whole registers.
  void (*row_dots)(dim_t rows, dim_t n, const T* x, dim_t x_ld, const T* y, dim_t y_ld, T* out);
  // From the scores s, prepare's lse, the weights' gradient dp and delta: s becomes the weights p = 2^(s - lse), dp
  // becomes scale * p * (dp - delta). With dropout factors (laid out as s): s = p * factor,
  // dp = scale * p * (dp * factor - delta). Zeros above the diagonal.
  void (*gradient)(T* s, T* dp, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, const T* lse, const T* delta, T scale,
                   const T* factor);
  // s = 2^(s - lse), zeros above the diagonal.
  void (*weights)(T* s, dim_t ld, dim_t rows, dim_t cols, dim_t diagonal, const T* lse);
  // One query's row: out = scale * w * (dw - dot(w, dw)).
  void (*weights_gradient)(dim_t n, const T* w, const T* dw, T scale, T* out);
  // factor[r * ld + c] = keep, or 0 with probability threshold / 2^32: word r % 4 of
  // philox(key, counter, first + c * step + r / 4).
  void (*dropout)(T* factor, dim_t ld, dim_t rows, dim_t cols, std::uint64_t key, std::uint64_t counter,
                  std::uint64_t first, std::uint64_t step, std::uint32_t threshold, T keep);
  // Returns whether all rows of n numbers are finite.
  bool (*finite)(dim_t rows, dim_t n, const T* x, dim_t ld);
  // dst rows = src rows, or += ; n elements each.
  void (*deliver)(const T* src, dim_t ld, dim_t rows, dim_t n, T* dst, dim_t dst_ld, bool accumulate);
};

}  // namespace lamina
