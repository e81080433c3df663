"""The NumPy twin of every native function, same name and signature: the tests' oracle, the benchmarks' baseline.

Twins allocate and give results as the kernels do, and deliver gradients into the same destinations.
"""

from .dense import dense_backward, dense_forward, matmul_backward, matmul_forward
from .optimizer import ParameterGroup, adam_step, rmsprop_step, sgd_step

__all__ = [
    "ParameterGroup",
    "adam_step",
    "dense_backward",
    "dense_forward",
    "matmul_backward",
    "matmul_forward",
    "rmsprop_step",
    "sgd_step",
]
