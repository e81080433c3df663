#pragma once
#include "core/types.h"

namespace lamina {

template <class T>
struct OptimizerKernels {};

}  // namespace lamina
