"""Limits at their borders: the last number that is taken, and the first that is not."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

import lamina
from lamina import layers, ops, optimizers, quantizers
from lamina.config import _size as size_of_cache
from lamina.core.explain import show
from lamina.core.suggest import unknown
from lamina.core.tensor_html import tensor_html
from lamina.layers.variable import check_shape
from lamina.models.memory_table import _bytes
from lamina.models.profile_table import _number, _rate, _size
from lamina.ops.conversion import check_sizes, place_dtype


@pytest.mark.parametrize(("length", "read"), [(63, True), (64, True), (65, False)])
def test_integers_of_pytorchs_files(length, read, tmp_path):
    """LONG1 of a pickle: so many bytes, little-endian."""
    number = bytes(length - 1) + b"\1"
    weight = b"X\x01\0\0\0w"
    pickled = b"\x80\x02}" + weight + b"\x8a" + bytes([length]) + number + b"s."
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as made:
        made.writestr("archive/data.pkl", pickled)
    message = "'w' is a int|'w' is an int" if read else "an integer of more than 64 bytes"
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(1)])
    with pytest.raises((TypeError, ValueError), match=message):
        lamina.torch.load_state_dict(model, tmp_path / "m.pt")


@pytest.mark.parametrize(("n", "dtype"), [(2**31 - 1, np.int32), (2**31, np.int32), (2**31 + 1, np.int64)])
def test_places_are_short_while_they_can_be(n, dtype):
    """The largest place among n is n - 1."""
    assert place_dtype(n) is dtype


def test_sizes_of_arrays():
    largest = np.iinfo(np.intp).max
    for shape in ((2**40, 3), (0, 2**40), (0,), ()):
        assert check_sizes("f", shape) == shape
    for shape in ((2**62, 4), (0, 2**62, 4), (largest, 2)):
        with pytest.raises(ValueError, match="larger than any array can be"):
            check_sizes("f", shape)


@pytest.mark.parametrize(("seed", "taken"), [(-1, False), (0, True), (2**64 - 1, True), (2**64, False)])
def test_seeds(seed, taken):
    if taken:
        assert lamina.random.Generator(seed).state.tolist() == [seed, 0]
        return
    with pytest.raises(ValueError, match="seed must be between 0 and"):
        lamina.random.Generator(seed)


@pytest.mark.parametrize(
    ("token", "taken"), [(-(2**63) - 1, False), (-(2**63), True), (2**63 - 1, True), (2**63, False)]
)
def test_tokens_have_64_bits(token, taken):
    if taken:
        assert layers.IntegerLookup(vocabulary=[token, 3])(np.array([3, token])).tolist() == [2, 1]
        return
    with pytest.raises(ValueError, match="has more than 64 bits"):
        layers.IntegerLookup(vocabulary=[token, 3])


@pytest.mark.parametrize(
    ("scale", "steps", "taken"),
    [(1.0, 0, True), (2.0**-40, 0, True), (0.0, 0, False), (-1.0, 0, False), (np.inf, 0, False), (1.0, -1, False),
     (1.0, 2**53 - 1, True), (1.0, 2**53, False)],
)  # fmt: skip
def test_states_of_loss_scales(scale, steps, taken):
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.1))
    state = optimizer.get_state() | {"loss_scale": np.array([scale, steps])}
    if taken:
        optimizer.set_state(state)
        assert optimizer.get_state()["loss_scale"].tolist() == [scale, steps]
        return
    with pytest.raises(ValueError, match="steps are damaged"):
        optimizer.set_state(state)


@pytest.mark.parametrize(
    ("rate", "steps", "taken"),
    [(0.0, 0, True), (3.0, 2**62, True), (-0.1, 0, False), (np.inf, 0, False), (np.nan, 0, False), (0.1, -1, False)],
)
def test_states_of_optimizers(rate, steps, taken):
    optimizer = optimizers.SGD(0.1)
    optimizer.build([lamina.Variable(np.zeros(2, "f4"))])
    state = optimizer.get_state() | {"learning_rate": np.array([rate]), "iterations": np.array([steps])}
    if taken:
        optimizer.set_state(state)
        assert (float(optimizer.learning_rate), int(optimizer.iterations)) == (rate, steps)
        return
    with pytest.raises(ValueError, match="are damaged"):
        optimizer.set_state(state)


@pytest.mark.parametrize(
    ("value_range", "taken"),
    [((-128, 127), True), ((-127, 127), True), ((-1, 0), True), ((-129, 127), False), ((-128, 128), False),
     ((3, 3), False), ((0, 1, 2), False), ((4, 3), False)],
)  # fmt: skip
def test_ranges_of_quantized_numbers(value_range, taken):
    x = np.array([[-2.0, 1.0, 2.0]], "f4")
    if taken:
        values, _ = quantizers.abs_max_quantize(x, -1, value_range)
        assert value_range[0] <= values.numpy().min() <= values.numpy().max() <= value_range[1]
        return
    with pytest.raises(ValueError, match="value_range must be within -128 and 127"):
        quantizers.AbsMaxQuantizer(axis=-1, value_range=value_range)


def test_shapes_of_weights():
    assert check_shape("w", (2**20, 2**20)) == (2**20, 2**20)
    assert check_shape("w", (0, 2**50)) == (0, 2**50)
    with pytest.raises(ValueError, match="more than can be held in memory"):
        check_shape("w", (2**20, 2**20 + 1))


@pytest.mark.parametrize(("version", "read"), [(0, False), (1, True), (28, True), (29, False)])
def test_versions_of_onnxs_operators(version, read):
    onnx = pytest.importorskip("onnx")
    value = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2]) for n in "xy"]
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", value[:1], value[1:]))
    model.opset_import[0].version = version
    if read:
        assert lamina.onnx.load(model)(np.array([-1.0, 2.0], "f4")).tolist() == [0.0, 2.0]
        return
    with pytest.raises(ValueError, match=f"uses version {version} of ONNX's operators, versions up to 28 can be read"):
        lamina.onnx.load(model)


@pytest.mark.parametrize(
    ("function", "n", "text"),
    [
        (_bytes, 1023, "1023 B"), (_bytes, 1024, "1.0 KiB"), (_bytes, 1024**2 - 52, "1023.9 KiB"),
        (_bytes, 1024**2, "1.0 MiB"), (_bytes, 1024**3, "1.00 GiB"), (_bytes, 3 * 1024**3, "3.00 GiB"),
        (_size, 1023, "1023 B"), (_size, 1024, "1 KiB"), (_size, 1024**2, "1 MiB"), (_size, 2 * 1024**3, "2 GiB"),
        (_number, 99.9, "99.900"), (_number, 100, "100.0"), (_number, 1234.5, "1,234.5"),
        (_rate, None, ""), (_rate, 99.94, "99.9"), (_rate, 100, "100"), (_rate, 12345, "12,345"),
        (size_of_cache, 2**20 - 1, "1023 KiB"), (size_of_cache, 2**20, "1 MiB"), (size_of_cache, 2**15, "32 KiB"),
    ],
)  # fmt: skip
def test_sizes_as_text(function, n, text):
    assert function(n) == text


def test_long_values_in_messages():
    assert show("a" * 78) == repr("a" * 78)
    assert show("a" * 79) == f"'{'a' * 59}... (str)"
    assert show([1, 2]) == "[1, 2]"
    assert show([np.zeros(2)]) == "a list of 1: an array of shape (2,) and dtype float64"
    assert show(["b" * 18]) == f"['{'b' * 18}']"
    assert show(["b" * 19]) == f"a list of 1: '{'b' * 19}'"


def test_long_lists_of_names_are_cut():
    from lamina.core import suggest

    few, many = ([f"name{i:03}" for i in range(suggest._LISTED + more)] for more in (0, 1))
    assert f"known are {', '.join(few)}" in str(unknown("thing", "xyz", few))
    assert f"{len(many)} are known, such as " in str(unknown("thing", "xyz", many))


@pytest.mark.parametrize(
    ("shape", "cut"), [((1, 24, 1), False), ((24, 1), False), ((25, 1), True), ((4, 5, 4, 1), True)]
)
def test_long_pictures_of_tensors_are_cut(shape, cut):
    text = tensor_html(np.arange(np.prod(shape)).reshape(shape), "Tensor", False)
    assert ("\n...\n" in text) is cut
    assert text.count("\n") <= 23


@pytest.mark.parametrize(
    ("limits", "dtype"),
    [((-(2**31), 2**31 - 1), "int32"), ((0, 2**31), "int64"), ((-(2**31) - 1, 0), "int64"), ((-1, 2**31 - 1), "int32")],
)
def test_integers_of_where(limits, dtype):
    assert ops.where(np.array([True, False]), *limits).dtype == dtype


def test_the_axes_of_a_quantizer():
    """Those of the call before those of the constructor; the last one where neither says any."""
    x = np.array([[1.0, -4.0], [2.0, 8.0]], "f4")
    for made, called, axes in (
        (None, None, (-1,)),
        (0, None, (0,)),
        (None, 0, (0,)),
        (0, -1, (-1,)),
        ((0, 1), None, (0, 1)),
    ):
        values, scale = quantizers.AbsMaxQuantizer(made)(x, called)
        want = 127 / np.abs(x).max(axes, keepdims=True)
        np.testing.assert_allclose(scale, want, rtol=1e-5)
        np.testing.assert_array_equal(values, np.round(x * want))
