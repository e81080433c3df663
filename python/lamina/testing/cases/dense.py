"""Cases of the dense family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def _dense(M: int, N: int, K: int, activation: str = "linear", bias: bool = True) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = rng.standard_normal((M, K)).astype(dtype)
        w = (rng.standard_normal((K, N)) / max(K, 1) ** 0.5).astype(dtype)
        b = rng.standard_normal(N).astype(dtype) if bias else None
        return x, w, b, activation

    def saved(args: tuple[Any, ...], y: Any, dy: Array) -> tuple[Any, ...]:
        return args[0], args[1], y, dy, activation

    flops = 2.0 * M * N * K
    return Case(
        "dense", f"{M}x{N}x{K} {activation}{'' if bias else ' no bias'}", "dense_forward", inputs, "dense_backward",
        (0, 1, 2), saved,
        flops=flops, bytes=4.0 * (M * K + K * N + M * N), backward_flops=2 * flops,
        backward_bytes=8.0 * (M * K + K * N + M * N), reduction=max(M, N, K, 1),
    )  # fmt: skip


def _matmul(batch: tuple[int, ...], M: int, N: int, K: int, shared: str = "") -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        a = rng.standard_normal((() if shared == "a" else batch) + (M, K)).astype(dtype)
        b = (rng.standard_normal((() if shared == "b" else batch) + (K, N)) / max(K, 1) ** 0.5).astype(dtype)
        return a, b

    n = int(np.prod(batch))
    flops = 2.0 * n * M * N * K
    return Case(
        "dense", f"matmul {batch} {M}x{N}x{K}{' shared ' + shared if shared else ''}", "matmul_forward", inputs,
        "matmul_backward", (0, 1), lambda args, y, dy: (args[0], args[1], dy),
        flops=flops, backward_flops=2 * flops, reduction=max(n * M, n * N, K, 1),
    )  # fmt: skip


def _transposed(M: int, N: int, K: int, form: str) -> Case:
    """One product of a backward alone: C (M, N) = dy b^T ("x wT") or a^T dy ("xT w"), reduced over K."""

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        def matrix(*shape: int) -> Array:
            return rng.standard_normal(shape).astype(dtype)

        c = np.empty((M, N), dtype)
        if form == "x wT":
            return matrix(M, N), matrix(N, K), matrix(M, K), c, None, 0
        return matrix(K, M), matrix(M, N), matrix(K, N), None, c, 0

    name = f"{M}x{N}x{K} {form}"
    return Case("dense", name, "matmul_backward", inputs, flops=2.0 * M * N * K, bytes=4.0 * (M * K + K * N + M * N))


def test_cases() -> list[Case]:
    shapes = [(1, 1, 1), (1, 7, 5), (3, 64, 20), (32, 2, 64), (7, 100, 300), (65, 129, 513), (1, 300, 1000)]
    shapes += [(300, 1, 1000), (0, 4, 3), (3, 4, 0), (33, 16, 17), (200, 48, 70), (129, 150, 600), (2, 2100, 9)]
    cases = [_dense(*s) for s in shapes]
    cases += [_dense(37, 50, 21, act) for act in ("relu", "tanh", "sigmoid")]
    cases += [_dense(37, 50, 21, "tanh", bias=False), _dense(1, 50, 21, "relu"), _dense(37, 1, 21, "sigmoid")]
    cases += [_dense(3, 2048, 1300)]  # a gradient of the weights past the caches
    cases += [_dense(*s) for s in ((2, 70, 90), (4, 131, 50), (5, 200, 37), (8, 300, 130))]  # few rows: dots
    # One column more than whole registers, by itself.
    cases += [_dense(37, 17, 1300, "relu"), _dense(70, 33, 100, "tanh"), _dense(9, 1, 70, "sigmoid"), _dense(5, 65, 40)]
    cases += [_matmul((3,), 40, 17, 70), _matmul((2,), 33, 49, 130, "a")]
    cases += [_matmul((), 5, 6, 7), _matmul((3,), 17, 9, 33), _matmul((2, 3), 4, 20, 1), _matmul((4,), 6, 5, 3, "a")]
    return cases + [_matmul((4,), 6, 5, 3, "b"), _matmul((0,), 6, 5, 3), _matmul((2, 2), 1, 70, 65)]


def bench_cases() -> list[Case]:
    shapes = [(32, 128, 784), (32, 784, 128), (128, 512, 512), (256, 1024, 1024), (512, 512, 512), (1024, 1024, 1024)]
    shapes += [(64, 4096, 1024), (1, 4096, 1024), (128, 128, 64), (3136, 64, 576), (768, 3072, 768)]
    cases = [_dense(*s, bias=False) for s in shapes]
    cases += [_transposed(*s, form) for s in shapes for form in ("x wT", "xT w")]
    cases += [_dense(128, 512, 784, act) for act in ("relu", "tanh", "sigmoid")]
    return cases + [_matmul((32,), 128, 128, 32), _matmul((32,), 128, 32, 128)]
