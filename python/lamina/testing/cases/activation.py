"""Cases of the activation family."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import _native
from . import Array, Case

_PARAMETER = {"leaky_relu": 0.3, "elu": 1.5}


# PyTorch has another softplus, and takes a sixth in float32 for the slope of its hardsigmoid, of doubles too.
_NOT_TORCHS = ("softplus", "hard_sigmoid")


def _torch_activation(name: str) -> Any:
    """A function in PyTorch."""
    theirs = {"gelu_tanh": "gelu", "hard_silu": "hardswish"}.get(name, name)
    options = {"approximate": "tanh"} if name == "gelu_tanh" else {}

    def function(torch: Any, x: Any, _name: str, parameter: float) -> Any:
        f = getattr(torch.nn.functional, theirs)
        return f(x, parameter, **options) if name in _PARAMETER else f(x, **options)

    return function


def _activation(name: str, *shape: int) -> Case:
    parameter = _PARAMETER.get(name, 0.0)

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return (rng.standard_normal(shape) * 3).astype(dtype), name, parameter

    def saved(args: tuple[Any, ...], y: Array, dy: Array) -> tuple[Any, ...]:
        return y if _native.activations()[name] else args[0], dy, name, parameter

    n = math.prod(shape)
    return Case(
        "activation", f"{name} {'x'.join(map(str, shape))}", "activation_forward", inputs, "activation_backward", (0,),
        saved,
        bytes=8.0 * n, backward_bytes=12.0 * n, torch=None if name in _NOT_TORCHS else _torch_activation(name),
    )  # fmt: skip


def _with_slope(name: str, *shape: int) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return (rng.standard_normal(shape) * 3).astype(dtype), name, 0.0

    n = math.prod(shape)
    return Case(
        "activation", f"{name} and slope {'x'.join(map(str, shape))}", "activation_forward_and_slope", inputs,
        "activation_slope_backward", (0,), lambda args, result, dy: (result[1], dy),
        bytes=12.0 * n, backward_bytes=12.0 * n, torch=_torch_activation(name),
    )  # fmt: skip


def _softmax(name: str, *shape: int) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return ((rng.standard_normal(shape) * 3).astype(dtype),)

    n = math.prod(shape)
    return Case(
        "activation", f"{name} {'x'.join(map(str, shape))}", f"{name}_forward", inputs, f"{name}_backward", (0,),
        lambda args, y, dy: (y, dy),
        bytes=8.0 * n, backward_bytes=12.0 * n, reduction=shape[-1],
    )  # fmt: skip


def test_cases() -> list[Case]:
    cases = [_activation(name, 3, 37) for name in _native.activations()]
    cases += [_activation("relu", *s) for s in ((0, 5), (1,), (16,), (50001,))] + [_activation("gelu", 33001)]
    cases += [_with_slope(name, 5, 67) for name in _native.activations_with_slope()]
    cases += [_with_slope("silu", *s) for s in ((0, 5), (1,), (33001,))]
    for name in ("softmax", "log_softmax"):
        cases += [_softmax(name, *s) for s in ((1,), (5, 1), (0, 4), (4, 0), (7, 3), (3, 16), (2, 5, 65), (2, 2100))]
        cases.append(_softmax(name, 900, 100))
    return cases


def bench_cases() -> list[Case]:
    cases = [_activation(name, 128, 512) for name in _native.activations()]
    cases += [_activation("relu", 64, 56, 56, 64), _activation("gelu", 8192, 1024)]
    cases += [_with_slope(name, *s) for name in _native.activations_with_slope() for s in ((128, 512), (1024, 1024))]
    cases += [_softmax(name, *s) for name in ("softmax", "log_softmax") for s in ((128, 10), (768, 65), (4096, 1000))]
    return cases
