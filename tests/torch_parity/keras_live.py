"""One function of an ``ops`` namespace in Lamina and in Keras (torch backend): values, types and gradients.

Keras computes some functions of float64 in float32; these are compared with its digits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from compare import torch

from lamina import Tensor
from lamina import ops as lamina_ops

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras", reason="the comparisons with Keras need keras")


def leaves(nest: Any) -> Iterator[Any]:
    if isinstance(nest, (tuple, list)):
        for part in nest:
            yield from leaves(part)
    else:
        yield nest


def agree(
    function: Callable[..., Any], *arrays: Any, gradients: bool = True, types: bool = True, rtol: float = 1e-9
) -> None:
    """``function(ops, *tensors)`` is the same in both; complex results of Keras are pairs here."""
    floats = [np.asarray(a).dtype.kind == "f" for a in arrays]
    ours = [Tensor(a.copy(), requires_grad=gradients and f) for a, f in zip(arrays, floats, strict=True)]
    theirs = [torch.tensor(a, requires_grad=gradients and f) for a, f in zip(arrays, floats, strict=True)]
    got = list(leaves(function(lamina_ops, *ours)))
    want: list[Any] = []
    for w in leaves(function(keras.ops, *theirs)):
        w = w if isinstance(w, torch.Tensor) else torch.as_tensor(w)
        want += [w.real, w.imag] if w.is_complex() else [w]
    assert len(got) == len(want)
    total: Any = 0
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        value = w.detach().numpy()
        assert g.shape == value.shape, f"result {i}: {g.shape}, Keras {value.shape}"
        if (g.dtype, value.dtype) == (np.float64, np.float32):
            rtol = max(rtol, 2e-5)
        elif types:
            assert g.dtype == value.dtype, f"result {i}: {g.dtype}, Keras {value.dtype}"
        scale = np.abs(value[np.isfinite(value)]).max(initial=1e-3) if value.dtype.kind == "f" else 0
        np.testing.assert_allclose(g.numpy(), value, rtol=rtol, atol=rtol * scale, err_msg=f"result {i}")
        if gradients and w.requires_grad:
            dy = np.random.default_rng(i).standard_normal(g.shape)
            total = total + (w * torch.tensor(dy, dtype=w.dtype)).sum()
            if g.requires_grad:
                g.backward(dy.astype(g.dtype), retain_graph=True)
    if isinstance(total, torch.Tensor):
        total.backward()
        for i, (x, t) in enumerate(zip(ours, theirs, strict=True)):
            if t.grad is not None:
                wanted = t.grad.numpy()
                assert x.grad is not None or not wanted.any(), f"no gradient of input {i}"
                if x.grad is None:
                    continue
                scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1e-3)
                np.testing.assert_allclose(
                    x.grad.numpy(), wanted, rtol=100 * rtol, atol=100 * rtol * scale, err_msg=f"gradient of input {i}"
                )
