// Recurrent layers: a whole sequence in one call each way.
#pragma once
#include "core/types.h"
#include "kernels/recurrent.h"
#include "ops/quantized.h"

namespace lamina {

// gru multiplies with the reset gate after the product with R (Keras's reset_after), gru_reset_before before it.
enum class Cell : int { lstm, gru, gru_reset_before, simple_rnn };

// What forward and backward share. G gates of U units in Keras's order (lstm: i f c o, gru: z r h), kernel (I, G U),
// recurrent (H, G U), bias (G U), for gru (2, 3 U), or null, first states (B, H) and (B, U) or null for zeros; c0 for
// lstm only. H is U, but with a projection (U, H), which is lstm's too: h = (o act(c)) . projection. Without a kernel x
// is (B, S, G U), the input's part of the gates.
//
// With recurrent_gamma (G U) the rows of h . R are normalized, in gru's cells those of the gates and of the candidate
// apart; with state_gamma and state_beta (U) so is an lstm's c before the output: h = o act(norm(c)).
//
// Steps that do not count keep the state. With `lengths` (B) they are those from lengths[b] on, and their outputs are
// zero; with `mask` (B, S) those where it is false, and their outputs repeat the output before (zeros at first, or
// with zero_output). Going backwards, a sequence begins with its last step that counts, and y is in the order of the
// steps (reversed) unless in_time_order, where y[t] belongs to x[t].
template <class T>
struct Recurrence {
  const T *x, *kernel, *recurrent, *bias, *h0, *c0, *projection, *recurrent_gamma, *state_gamma, *state_beta;
  T epsilon;
  const void* lengths;
  const bool* mask;
  dim_t B, S, I, U, H;
  Cell cell;
  CellActivation act, recurrent_act;
  bool wide_lengths;  // int64, else int32
  bool go_backwards, in_time_order, zero_output;
  bool bfloat16;  // the operands of all products are rounded
  // In place of the weights of these names, of floats alone; forward alone.
  const QuantizedMatrix *int8_kernel = nullptr, *int8_recurrent = nullptr, *int8_projection = nullptr;
  bool has_kernel() const { return kernel || int8_kernel; }
  bool has_projection() const { return projection || int8_projection; }
};

// y (B, S, H) or null, h (B, H) and c (B, U). Saved for backward, all or none: the activated gates (B S, G U), the
// states h before (B S, H) and c after each step (B S, U), what is projected (B S, U), and with a normalization h . R
// before it (B S, G U) and its moments (B S, kStats). Their rows are the steps that count, in the order of x; the rest
// is zero.
template <class T>
struct RecurrentForward {
  Recurrence<T> r;
  T *y, *h, *c;
  T *gates, *h_prev, *c_all, *projected, *raw, *stats;
};
template <class T>
void recurrent_forward(const RecurrentForward<T>& a);

// From the gradients of y, h and c (null: zero) those of x, the weights and the first states.
template <class T>
struct RecurrentBackward {
  Recurrence<T> r;
  const T *gates, *h_prev, *c_all, *projected, *raw, *stats;
  const T *dy, *dh, *dc;
  Gradient<T> dx, dkernel, drecurrent, dbias, dh0, dc0, dprojection, drecurrent_gamma, dstate_gamma, dstate_beta;
};
template <class T>
void recurrent_backward(const RecurrentBackward<T>& a);

}  // namespace lamina
