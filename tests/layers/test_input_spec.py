"""InputSpec: which inputs a layer takes."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.layers import InputSpec


class Passes(layers.Layer):
    def __init__(self, spec, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = spec

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(("spec", "good", "bad", "message"), [
    (InputSpec(ndim=2), (3, 4), (3, 4, 5), r"input 0: expected 2 axes, got 3: its shape is \(3, 4, 5\)"),
    (InputSpec(max_ndim=2), (3,), (3, 4, 5), "expected at most 2 axes, got 3"),
    (InputSpec(min_ndim=2), (3, 4, 5), (3,), "expected at least 2 axes, got 1"),
    (InputSpec(axes={-1: 4, 1: None}), (2, 7, 4), (2, 7, 5), r"expected size 4 in axis -1, got shape \(2, 7, 5\)"),
    (InputSpec(axes={2: 4}), (2, 7, 4), (2, 4), "expected size 4 in axis 2"),
    (InputSpec(shape=(None, 3)), (5, 3), (5, 4), r"expected shape \(None, 3\), got \(5, 4\)"),
    (InputSpec(shape=(None, 28, 28, 1), allow_last_axis_squeeze=True), (2, 28, 28), (2, 28, 27),
     r"expected shape \(None, 28, 28, 1\), got \(2, 28, 27\)"),
    (InputSpec(shape=(None, 28), allow_last_axis_squeeze=True), (2, 28, 1), (2, 28, 2), "expected shape"),
])  # fmt: skip
def test_what_fits_and_what_does_not(spec, good, bad, message):
    layer = Passes(spec)
    for shape in (good, bad, good):  # the check stays once the layer is built
        x = np.zeros(shape, np.float32)
        if shape == bad:
            with pytest.raises(ValueError, match=rf"Passes '{layer.name}': .*{message}"):
                layer(x)
        else:
            np.testing.assert_array_equal(layer(x), x)
    assert Passes(spec)(lamina.Input(good[1:])).shape[1:] == good[1:]
    with pytest.raises(ValueError, match="expected"):
        Passes(spec)(lamina.Input(bad[1:]))
    again = InputSpec.from_config(spec.get_config())
    assert again.get_config() == spec.get_config()
    assert repr(again) == repr(spec)


def test_dtypes():
    layer = Passes(InputSpec(dtype="int32"))
    layer(np.zeros((2, 3), np.int32))
    with pytest.raises(ValueError, match="expected int32, got float32"):
        layer(np.zeros((2, 3), np.float32))


def test_nests_of_inputs():
    a, b = np.zeros((2, 3), np.float32), np.zeros((2, 3, 4), np.float32)
    pair = Passes([InputSpec(ndim=2), InputSpec(ndim=3)])
    pair([a, b])
    with pytest.raises(ValueError, match="input 1: expected 3 axes, got 2"):
        pair([a, a])
    with pytest.raises(ValueError, match="expected 2 inputs, got 1"):
        pair(a)
    some = Passes([None, InputSpec(ndim=3)])
    some([b, b])
    named = Passes([InputSpec(ndim=2, name="left"), InputSpec(ndim=3, name="right")])
    named({"right": b, "left": a})
    with pytest.raises(ValueError, match="no input 'right': expected the keys"):
        named({"left": a, "wrong": b})
    with pytest.raises(ValueError, match="input 'left': expected 2 axes, got 3"):
        named({"right": b, "left": b})


def test_build_may_set_it():
    class Fixed(layers.Layer):
        def build(self, input_shape):
            self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

        def call(self, inputs):
            return inputs * 2

    layer = Fixed(name="fixed")
    model = lamina.Sequential([layers.Input((3,)), layer])
    model.predict(np.zeros((2, 3)), verbose=0)
    with pytest.raises(ValueError, match=r"Fixed 'fixed': input 0: expected size 3 in axis -1, got shape \(2, 4\)"):
        layer(np.zeros((2, 4), np.float32))


def test_wrong_arguments():
    for options, error, message in (
        ({"ndim": 2.5}, TypeError, "ndim must be an integer from 0 or None, got 2.5"),
        ({"max_ndim": -1}, TypeError, "max_ndim must be"),
        ({"axes": {"a": 3}}, TypeError, "axes must be a dict of axis and size"),
        ({"axes": {2: 3}, "ndim": 2}, ValueError, "axis 2 of axes is beyond the 2 axes"),
        ({"shape": 3}, TypeError, "shape must be a tuple of sizes, got 3"),
        ({"dtype": "float33"}, (TypeError, ValueError), "float33"),
    ):
        with pytest.raises(error, match=message):
            InputSpec(**options)
    with pytest.raises(TypeError, match="input_spec must be an InputSpec or a nest of them, got"):
        Passes(["ndim"])(np.zeros((2, 3), np.float32))


def test_numbers_of_inputs_name_the_keys():
    class Two(layers.Layer):
        def __init__(self, *names):
            super().__init__()
            self.input_spec = [layers.InputSpec(ndim=2, name=n) for n in names]

        def call(self, inputs):
            return inputs["a"] if isinstance(inputs, dict) else inputs[0]

    x = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"expected 2 inputs, got 3; give a dict with the keys \['a', 'b'\]"):
        Two("a", "b")([x, x, x])
    with pytest.raises(ValueError, match=r"expected 2 inputs, got 1$"):
        Two("a", None)([x])
    assert Two("a", "b")({"b": 2 * x, "a": x}).numpy().max() == 1
