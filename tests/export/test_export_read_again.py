"""What was exported is read by lamina.onnx: every layer gives the same numbers after the way out and in."""

from __future__ import annotations

import numpy as np
import pytest
from exported_layers import CALLS, inputs_of, model_of
from test_export_layers import CHECKS

import lamina
from lamina.core.tree import flatten
from lamina.export import to_onnx


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.name)
def test_a_layer_is_read_again(check):
    model = model_of(check, False)
    again = lamina.onnx.load(to_onnx(model, verify=False))
    for batch, _ in CALLS:
        inputs = inputs_of(check, batch, None, batch)
        x = inputs if len(inputs) > 1 else inputs[0]
        for a, b in zip(flatten(model(x, training=False)), flatten(again(x)), strict=True):
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            scale = max(1.0, float(np.abs(a.numpy()).max())) if a.size else 1.0
            np.testing.assert_allclose(b.numpy(), a.numpy(), atol=1e-5 * scale)
