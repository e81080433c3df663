// Operations on tensors without a line of Python, where nothing has to be converted first.
#pragma once
#include <pybind11/pybind11.h>

namespace lamina {

void bind_direct(pybind11::module_& m);

}  // namespace lamina
