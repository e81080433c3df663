"""Masks on their way through exported graphs: every layer of sequences behind Masking."""

from __future__ import annotations

import warnings

import numpy as np
import onnxruntime
import pytest
from exported_layers import inputs_of, symbols

import lamina
from lamina import layers
from lamina.core.tree import flatten, pack_as
from lamina.export import to_onnx
from lamina.testing.layer_table import layer_checks

# Layers of images over time take a mask of steps, which Masking does not make of images.
CHECKS = [c for c in layer_checks() if c.time and not c.integers and not c.name.startswith("ConvLSTM")]


def masked(check, time):
    args = symbols(check, time)
    inputs = flatten(args)
    return lamina.Model(inputs, check.make()(*pack_as(args, [layers.Masking()(x) for x in inputs])))


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.name)
@pytest.mark.filterwarnings("ignore:.*does not support masks")
def test_a_layer_behind_a_mask_gives_the_same_numbers(check):
    for time in (True, False):
        try:
            model = masked(check, time)
            proto = to_onnx(model, verify=False)
            break
        except ValueError:  # its weights or windows follow the length
            if not time:
                raise
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch, steps in ((1, 4), (3, 7)):
        arrays = inputs_of(check, batch, steps if time else None, batch)
        draw = np.random.default_rng(batch)
        for x in arrays:
            x[draw.random(x.shape[:2]) < 0.4] = 0  # steps that do not count
        try:
            want = flatten(model(arrays if len(arrays) > 1 else arrays[0], training=False))
        except ValueError:  # more steps than the layer has
            continue
        got = session.run(None, dict(zip([i.name for i in session.get_inputs()], arrays, strict=True)))
        for a, b in zip(want, got, strict=True):
            np.testing.assert_allclose(b, a.numpy(), atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("kind", [layers.ConvLSTM1D, layers.ConvLSTM2D])
@pytest.mark.parametrize("backwards", [False, True])
def test_films_with_masks(kind, backwards):
    rank = 1 + (kind is layers.ConvLSTM2D)
    film, mask = lamina.Input((None, *(4,) * rank, 2)), lamina.Input((None,), dtype="bool")
    y = kind(3, 2, padding="same", return_sequences=True, go_backwards=backwards)(film, mask=mask)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_onnx(lamina.Model([film, mask], y), verify=True)
