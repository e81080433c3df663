// Gates of recurrent cells: one step of one sequence, between two products with the recurrent weights.
#pragma once
#include "core/types.h"

namespace lamina {

// Activations of a cell: all gradients follow from the output.
enum class CellActivation : int { linear, relu, tanh, sigmoid, hard_sigmoid };

// U units. Gates stand one after the other, U elements each, in Keras's order:
//
//   lstm     i f c o    c = f c_prev + i g,  h = o act(c)                             saved: i f g o
//   gru      z r h      h = z h_prev + (1 - z) hh,  hh = act(x + r q),  q = recurrent    saved: z r hh q
//   reset    z r h      as gru, but hh = act(x + (r h_prev) . R)                      saved: z r hh, r h_prev
//   simple   h          h = act(x + z)                                                saved: h
template <class T>
struct CellForward {
  dim_t U;
  CellActivation act, recurrent_act;
  T* gates;         // in: x . W + b;  out: what is saved
  bool keep;        // whether a cell of one kernel writes it
  const T* z;       // h_prev . R, or null for zeros
  const T* bias;    // of the recurrent part (gru), or null
  const T* c_prev;  // null: zeros (lstm)
  T *h, *c;         // in (gru) and out: the state;  out: c, which may be c_prev (lstm)
  T *y, *next;      // out: further copies of h, or null
  T* product;       // out: r h_prev (reset)
  dim_t ahead;      // rows from gates to those of the sequence's next step, which are fetched into the cache
  const T* normal;  // c after its normalization (lstm_output)
};

// dz is the gradient of x . W + b, gate by gate; gru adds that of q. Every destination but dh and dc is only written.
template <class T>
struct CellBackward {
  dim_t U;
  CellActivation act, recurrent_act;
  const T* gates;            // as the forward left them
  const T *h_prev, *c_prev;  // c_prev null: zeros
  const T* c;
  const T* dy;        // gradient of this step's output, or null
  T* dh;              // in: gradient of h from later steps;  out (gru, reset): of h_prev, but for the products
  T* dc;              // in: gradient of c from later steps;  out: of c_prev (lstm)
  T* dz;              // out
  T* dr;              // out: gradient of h_prev . R, gate by gate; between reset's halves that of (r h_prev) . R
  const T* dproduct;  // gradient of r h_prev (reset)
  dim_t ahead;        // rows from gates, c and dz to those of the step that is next to be computed
  const T* normal;    // c after its normalization (lstm_output)
  T* dnormal;         // out: its gradient
};

// Reset has two halves, with a product between them: gates, then the state; backward the other way round.
// So has an lstm whose c is normalized before the output: lstm_state leaves c, lstm_output makes h from its normal
// form; backward the other way round, where lstm_state finds in dc all that h has to add.
template <class T>
struct RecurrentKernels {
  void (*lstm_forward)(const CellForward<T>&);
  void (*lstm_backward)(const CellBackward<T>&);
  void (*lstm_state_forward)(const CellForward<T>&);
  void (*lstm_state_backward)(const CellBackward<T>&);
  void (*lstm_output_forward)(const CellForward<T>&);
  void (*lstm_output_backward)(const CellBackward<T>&);
  void (*gru_forward)(const CellForward<T>&);
  void (*gru_backward)(const CellBackward<T>&);
  void (*reset_gates_forward)(const CellForward<T>&);
  void (*reset_gates_backward)(const CellBackward<T>&);
  void (*reset_state_forward)(const CellForward<T>&);
  void (*reset_state_backward)(const CellBackward<T>&);
  void (*simple_forward)(const CellForward<T>&);
  void (*simple_backward)(const CellBackward<T>&);
};

}  // namespace lamina
