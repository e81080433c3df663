// Arguments that convolution and pooling share: strides, dilation, padding against images of one to three axes.
#pragma once
#include "bind/array.h"
#include "ops/window.h"

namespace lamina {

// Parts of messages that are made only where one is thrown.
struct Repr {
  py::handle h;
};
inline std::ostream& operator<<(std::ostream& s, Repr r) { return s << std::string(py::repr(r.h)); }

// How many axes x has between batch and channels: 1, 2 or 3.
int parse_rank(Sizes x, const char* op);

// One integer for all of so many axes, or one for each, at least `least`; 1 for the axes that a lower rank lacks.
Triple parse_sizes(py::handle value, int rank, dim_t least, const char* op, const char* name);

// The shape of N images of so many axes.
std::vector<dim_t> images(dim_t N, const Triple& sizes, dim_t C, int rank);

// Windows of so many taps over x (N, ..., C). padding is "valid", "same" (Keras's rule: what is uneven goes to the
// end), "same_lower" (to the start), "causal" (one axis: all zeros before), or numbers: one for all sides, or for each
// axis one or (before, after).
// With `ceil`, a last window may reach beyond the padded input if it begins inside of the input or before.
Window parse_window(Sizes x, const Triple& taps, py::handle strides, py::handle padding, py::handle dilation, bool ceil,
                    const char* op);

// The window of the convolution whose data gradient takes x (N, ..., K) to (N, ..., C). `output_padding` more pixels
// stand at the end; None: as many as make "same" yield in * strides, and "valid" no less.
Window parse_transposed_window(Sizes x, dim_t C, const Triple& taps, py::handle strides, py::handle padding,
                               py::handle output_padding, py::handle dilation, const char* op);

}  // namespace lamina
