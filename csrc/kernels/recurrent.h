// Gates of recurrent cells: one step of one sequence, between two products with the recurrent weights.
#pragma once
#include "core/types.h"

namespace lamina {

// Activations of a cell: all gradients follow from the output.
enum class CellActivation : int { linear, relu, tanh, sigmoid, hard_sigmoid };

// U units. Gates stand one after the other, U elements each, in Keras's order:
//
//   lstm     i f c o     c = f c_prev + i g,  h = o act(c)          gates out: the four activated
//   gru      z r h       h = z h_prev + (1 - z) hh                  gates out: z r hh q, q = recurrent part of hh
//   simple   h           h = act(z)                                 gates out: h
template <class T>
struct CellForward {
  dim_t U;
  CellActivation act, recurrent_act;
  T* gates;         // in: x . W + b;  out: activated
  const T* z;       // h_prev . R, or null for zeros
  const T* bias;    // of the recurrent part (gru), or null
  const T* h_prev;  // null: zeros (gru)
  const T* c_prev;  // null: zeros (lstm)
  T *h, *c;         // out; h may be h_prev, c may be c_prev
  T *y, *next;      // out: further copies of h, or null
  dim_t ahead;      // rows from gates to those of the sequence\'s next step, which are fetched into the cache
};

// dz is the gradient of x . W + b, gate by gate; every destination is overwritten.
template <class T>
struct CellBackward {
  dim_t U;
  CellActivation act, recurrent_act;
  const T* gates;            // as the forward left them
  const T *h_prev, *c_prev;  // null: zeros
  const T* c;
  const T* dy;  // gradient of this step's output, or null
  T* dh;        // in: gradient of h from later steps;  out (gru): its direct part for h_prev
  T* dc;        // in: gradient of c from later steps;  out: of c_prev (lstm)
  T *dz, *dr;   // out: two copies, of the input's and of the recurrent part (they differ for gru)
  dim_t ahead;  // rows from gates, c and dz to those of the step that is next to be computed
};

template <class T>
struct RecurrentKernels {
  void (*lstm_forward)(const CellForward<T>&);
  void (*lstm_backward)(const CellBackward<T>&);
};

}  // namespace lamina
