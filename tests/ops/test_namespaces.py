"""Keras's namespaces inside of ops hold the same functions."""

from __future__ import annotations

import importlib

import pytest

from lamina import ops


@pytest.mark.parametrize("name", ["linalg", "nn", "numpy"])
def test_namespaces(name):
    module = getattr(ops, name)
    assert importlib.import_module(f"lamina.ops.{name}") is module
    assert len(module.__all__) > 10
    assert sorted(n for n in dir(module) if n[0] != "_") == sorted(module.__all__)
    for n in module.__all__:
        assert getattr(module, n) is getattr(ops, n)
    with pytest.raises(AttributeError, match=f"lamina.ops.{name}.* no attribute 'solv'"):
        module.solv  # noqa: B018


def test_what_is_where():
    assert {"solve", "norm", "jvp"} <= set(ops.linalg.__all__)
    assert {"relu", "conv", "unfold", "polar"} <= set(ops.nn.__all__)
    assert {"add", "nanmean", "kaiser", "vectorize"} <= set(ops.numpy.__all__)
    assert "relu" not in ops.numpy.__all__
