#pragma once
#include "core/types.h"

namespace lamina {

template <class T>
struct ConvolutionKernels {};

}  // namespace lamina
