"""Beside other libraries that bring an OpenMP of their own, imported before and after."""

from __future__ import annotations

import importlib.util

import pytest

WORK = """
import numpy as np
from lamina import _native
def work():
    _native.set_num_threads(2)
    x, w = np.ones((300, 400), np.float32), np.ones((400, 500), np.float32)
    assert (_native.dense_forward(x, w, None, "linear") == 400).all()
def other():
    {use}
"""
USES = {
    "torch": "import torch; t = torch.ones(300, 400) @ torch.ones(400, 500); assert bool((t == 400).all())",
    "sklearn": (
        "from sklearn.cluster import KMeans; "
        "KMeans(3, n_init=1, random_state=0).fit(np.random.default_rng(0).random((500, 4)))"
    ),
}


@pytest.mark.parametrize("order", ["work(); other(); work()", "other(); work(); other()"])
@pytest.mark.parametrize("library", USES)
def test_both_work_in_either_order(python, library, order):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    before = f"import {library}\n" if order.startswith("other") else "import lamina\n"
    python(before + WORK.format(use=USES[library]) + order)


def test_arrays_of_torch_are_taken(python):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    python("""
import torch, numpy as np, lamina
t = lamina.Tensor(torch.arange(6.0).reshape(2, 3))
assert t.shape == (2, 3) and t.dtype == np.float32
assert (torch.from_numpy(t.numpy()) == torch.arange(6.0).reshape(2, 3)).all()
""")
