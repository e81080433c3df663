// All kernels of one instruction set. kernels<T>() is the table in use: the best that the host has, or LAMINA_ISA's.
#pragma once
#include "core/cpu.h"
#include "core/types.h"
#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/convolution.h"
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

template <class T>
struct Kernels {
  ActivationKernels<T> activation;
  AttentionKernels<T> attention;
  ConvolutionKernels<T> convolution;
  DropoutKernels<T> dropout;
  ElementwiseKernels<T> elementwise;
  EmbeddingKernels<T> embedding;
  GemmKernels<T> gemm;
  LossKernels<T> loss;
  NormalizationKernels<T> normalization;
  OptimizerKernels<T> optimizer;
  PoolingKernels<T> pooling;
  ProbeKernels<T> probe;
  RecurrentKernels<T> recurrent;
  ReductionKernels<T> reduction;
  ReshapeKernels<T> reshape;
  ResizeKernels<T> resize;
  WinogradKernels<T> winograd;
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

// clang-format off: one kernels/<family>.cpp each, with void fill_<family>(Kernels<float>&, Kernels<double>&)
#define LAMINA_KERNEL_FAMILIES(X) \
  X(activation) X(attention) X(convolution) X(dropout) X(elementwise) X(embedding) X(gemm) X(loss) X(normalization) \
  X(optimizer) X(pooling) X(probe) X(recurrent) X(reduction) X(reshape) X(resize) \
  X(winograd)
// clang-format on
#define LAMINA_DECLARE_FILL(family) void fill_##family(Kernels<float>&, Kernels<double>&);

#ifdef LAMINA_ISA
namespace LAMINA_ISA {
LAMINA_KERNEL_FAMILIES(LAMINA_DECLARE_FILL)
}  // namespace LAMINA_ISA
#endif

}  // namespace lamina
