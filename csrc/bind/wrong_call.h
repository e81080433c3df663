// Calls with too many, too few or unknown arguments, in the words of the other errors.
#pragma once
#include <pybind11/pybind11.h>

namespace lamina {

// To be called last: from then on every function, method and constructor of the module tells such a call by its own
// name and the names of its parameters, where pybind11 speaks of incompatible function arguments.
void name_wrong_calls(pybind11::module_& m);

}  // namespace lamina
