// One registration function a family, each in its own bind_<family>.cpp.
#pragma once
#include <pybind11/pybind11.h>

namespace lamina {

void bind_core(pybind11::module_& m);
void bind_plan(pybind11::module_& m);
void bind_attention(pybind11::module_& m);
void bind_dense(pybind11::module_& m);
void bind_embedding(pybind11::module_& m);
void bind_dropout(pybind11::module_& m);
void bind_elementwise(pybind11::module_& m);
void bind_loss(pybind11::module_& m);
void bind_reduction(pybind11::module_& m);
void bind_reshape(pybind11::module_& m);
void bind_resize(pybind11::module_& m);
void bind_convolution(pybind11::module_& m);
void bind_probe(pybind11::module_& m);
void bind_activation(pybind11::module_& m);
void bind_recurrent(pybind11::module_& m);
void bind_optimizer(pybind11::module_& m);
void bind_pooling(pybind11::module_& m);
void bind_normalization(pybind11::module_& m);

}  // namespace lamina
