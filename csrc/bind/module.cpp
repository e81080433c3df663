#include "bind/families.h"

PYBIND11_MODULE(_native, m) {
  m.doc() = "Lamina's kernels on NumPy arrays; lamina.ops is the documented way to them.";
  lamina::bind_core(m);
  lamina::bind_plan(m);
  lamina::bind_attention(m);
  lamina::bind_dense(m);
  lamina::bind_embedding(m);
  lamina::bind_dropout(m);
  lamina::bind_elementwise(m);
  lamina::bind_loss(m);
  lamina::bind_reduction(m);
  lamina::bind_reshape(m);
  lamina::bind_resize(m);
  lamina::bind_convolution(m);
  lamina::bind_probe(m);
  lamina::bind_activation(m);
  lamina::bind_recurrent(m);
  lamina::bind_optimizer(m);
  lamina::bind_pooling(m);
  lamina::bind_normalization(m);
}
