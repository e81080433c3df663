"""The semantic traps between libraries, as one test for each of them."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")


@pytest.fixture(params=["lamina", "keras", "torch"])
def told(request):
    """``told(lamina=(f, number), torch=(g, another))``: what each library, given to its function, computes.

    The numbers are literal: Lamina's are checked without the others. ``like_keras=(f, number)`` is one function and
    one number for Lamina and Keras.
    """
    name = request.param

    def tell(rtol: float = 1e-5, **cases: Any) -> None:
        if "like_keras" in cases:
            cases["lamina"] = cases["keras"] = cases["like_keras"]
        if name not in cases:
            pytest.skip(f"{name} has no such thing, or another test compares it")
        module = pytest.importorskip(name, reason=f"{name} is not installed; the number stands in the test")
        function, want = cases[name]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)  # Keras's torch backend under NumPy 2
            got = function(module)
        got = got.detach().numpy() if hasattr(got, "detach") else np.asarray(got)
        np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-6)

    return tell
