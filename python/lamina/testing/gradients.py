"""Gradients of operations and layers checked by central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.autograd import Array, Tensor, no_grad


def numeric_gradient(
    function: Callable[..., Any], inputs: list[Array], which: int, dy: Array, step: float = 1e-6
) -> Array:
    """Gradient of a weighted sum of a function's values by central differences, one element at a time.

    Args:
        function: takes the inputs, gives a tensor or an array.
        inputs: float64 arrays.
        which: the place of the input to differentiate by.
        dy: weights of the function's values, of their shape.
        step: half the distance of the two values compared.

    Returns: an array of the input's shape.

    Example:
        >>> testing.numeric_gradient(ops.square, [np.array([1.0, 2.0])], which=0, dy=np.ones(2)).round(3)
        array([2., 4.])
    """
    x = inputs[which]
    gradient = np.zeros_like(x)
    with no_grad():
        for i in np.ndindex(x.shape):
            values = []
            for h in (step, -step):
                moved = x.copy()
                moved[i] += h
                args = [moved if j == which else a for j, a in enumerate(inputs)]
                values.append((np.asarray(function(*args)) * dy).sum())
            gradient[i] = (values[0] - values[1]) / (2 * step)
    return gradient


def check_gradients(
    function: Callable[..., Any],
    *inputs: Any,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    step: float = 1e-6,
    seed: int = 0,
) -> None:
    """Raise AssertionError unless the gradients of a function are those of its values.

    Args:
        function: takes tensors, gives a tensor; made of ``lamina.ops``.
        *inputs: float64 arrays at which the function is smooth within ``step``; each gets a gradient.
        rtol: relative tolerance.
        atol: absolute tolerance.
        step: half the distance of the two values compared.
        seed: seed of the weights that the function's values are summed with.

    Raises:
        AssertionError: a gradient differs.

    Example:
        >>> testing.check_gradients(ops.tanh, np.array([-1.0, 0.5]))
    """
    arrays = [np.array(x, dtype=np.float64) for x in inputs]
    tensors = [Tensor(x.copy(), requires_grad=True) for x in arrays]
    result = function(*tensors)
    dy = np.random.default_rng(seed).standard_normal(result.shape)
    result.backward(dy)
    for i, t in enumerate(tensors):
        want = numeric_gradient(function, arrays, i, dy, step)
        got = np.zeros_like(want) if t.grad is None else t.grad.numpy()
        np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, err_msg=f"gradient of input {i}")


__all__ = ["check_gradients", "numeric_gradient"]
