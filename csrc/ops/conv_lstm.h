// LSTM over sequences of images of any rank, where both products are convolutions: a whole sequence in one call.
#pragma once
#include "ops/recurrent.h"
#include "ops/window.h"

namespace lamina {

// The steps are those of `steps`, whose I and U are the elements of an image of x (in, C) and of a state (out, F). With
// Q = out pixels, gates are (Q, 4 F): each pixel is a row of the cell. kernel (taps, C, 4 F), recurrent (taps, F, 4 F).
// groups is 1, or 4: then x has 4 C channels, the i-th C of them for the i-th gate alone.
template <class T>
struct ConvLstm {
  Recurrence<T> steps;
  Window input, recurrent;  // N is set for each pass
  dim_t F, groups;
};

// As RecurrentForward and RecurrentBackward.
template <class T>
struct ConvLstmForward {
  ConvLstm<T> r;
  T *y, *h, *c;
  T *gates, *h_prev, *c_all;
};
template <class T>
void conv_lstm_forward(const ConvLstmForward<T>& a);

template <class T>
struct ConvLstmBackward {
  ConvLstm<T> r;
  const T *gates, *h_prev, *c_all;
  const T *dy, *dh, *dc;
  Gradient<T> dx, dkernel, drecurrent, dbias, dh0, dc0;
};
template <class T>
void conv_lstm_backward(const ConvLstmBackward<T>& a);

}  // namespace lamina
