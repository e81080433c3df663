// Whether products take operands rounded to bfloat16.
#pragma once
#include "kernels/gemm_bfloat16.h"

namespace lamina {

// The instruction set in use and the host can.
bool has_bfloat16();

// They can, and are faster at it than at float32 by a good third: one tile is timed both ways, once in a process.
// LAMINA_BFLOAT16=0 or 1 in the environment answers instead.
bool fast_bfloat16();

// An operation that was asked for it does so.
template <class T>
bool in_bfloat16(bool wanted) {
  return wanted && bfloat16_kernels<T>().cells.tile && has_bfloat16();
}

}  // namespace lamina
