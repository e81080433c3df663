// All kernels of one instruction set. kernels<T>() is the table in use: the best that the host has, or LAMINA_ISA's.
#pragma once
#include "core/cpu.h"
#include "core/types.h"
#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/ctc.h"
#include "kernels/decoding.h"
#include "kernels/depthwise.h"
#include "kernels/dropout.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/gemm.h"
#include "kernels/loss.h"
#include "kernels/normalization.h"
#include "kernels/optimizer.h"
#include "kernels/pooling.h"
#include "kernels/probe.h"
#include "kernels/recurrent.h"
#include "kernels/reduction.h"
#include "kernels/reshape.h"
#include "kernels/resize.h"
#include "kernels/winograd.h"

namespace lamina {

// One line a family: its header has the struct <Family>Kernels<T>, kernels/<family>.cpp ends with
// LAMINA_FILL(<family>).
// clang-format off
#define LAMINA_KERNEL_FAMILIES(X) \
  X(activation, Activation) \
  X(attention, Attention) \
  X(ctc, Ctc) \
  X(decoding, Decoding) \
  X(depthwise, Depthwise) \
  X(dropout, Dropout) \
  X(elementwise, Elementwise) \
  X(embedding, Embedding) \
  X(gemm, Gemm) \
  X(loss, Loss) \
  X(normalization, Normalization) \
  X(optimizer, Optimizer) \
  X(pooling, Pooling) \
  X(probe, Probe) \
  X(recurrent, Recurrent) \
  X(reduction, Reduction) \
  X(reshape, Reshape) \
  X(resize, Resize) \
  X(winograd, Winograd)
// clang-format on

template <class T>
struct Kernels {
#define LAMINA_MEMBER(family, Family) Family##Kernels<T> family;
  LAMINA_KERNEL_FAMILIES(LAMINA_MEMBER)
#undef LAMINA_MEMBER
};

extern const Kernels<float>* active_f32;
extern const Kernels<double>* active_f64;

template <class T>
const Kernels<T>& kernels();
template <>
inline const Kernels<float>& kernels<float>() {
  return *active_f32;
}
template <>
inline const Kernels<double>& kernels<double>() {
  return *active_f64;
}

Isa active_isa();
void use_isa(Isa isa);  // throws if the host lacks it

#define LAMINA_DECLARE_FILL(family, Family) void fill_##family(Kernels<float>&, Kernels<double>&);

#ifdef LAMINA_ISA
namespace LAMINA_ISA {
LAMINA_KERNEL_FAMILIES(LAMINA_DECLARE_FILL)
}  // namespace LAMINA_ISA

// The end of kernels/<family>.cpp, whose fill(k) sets the kernels of one type.
#define LAMINA_FILL(family)                                   \
  void fill_##family(Kernels<float>& f, Kernels<double>& d) { \
    fill(f.family);                                           \
    fill(d.family);                                           \
  }
#endif

}  // namespace lamina
