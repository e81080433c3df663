// Arguments that convolution and pooling share: strides, dilation, padding against an image.
#pragma once
#include "bind/array.h"
#include "ops/window.h"

namespace lamina {

struct Pair {
  dim_t h, w;
};
// One integer for both axes, or (height, width); at least 1.
Pair parse_pair(py::handle value, const char* op, const char* name);

// x must be (N, H, W, C). padding is "valid", "same" (Keras's rule: what is uneven goes to the end) or
// ((top, bottom), (left, right)).
Window parse_window(const View& x, Pair kernel, py::handle strides, py::handle padding, Pair dilation, const char* op);

}  // namespace lamina
