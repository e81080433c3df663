"""The NumPy twin of every native function, same name and signature: the tests' oracle, the benchmarks' baseline.

Twins allocate and give results as the kernels do, and deliver gradients into the same destinations.
"""

from .dense import dense_backward, dense_forward, matmul_backward, matmul_forward

__all__ = [
    "dense_backward",
    "dense_forward",
    "matmul_backward",
    "matmul_forward",
]
