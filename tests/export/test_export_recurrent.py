"""Recurrent layers in onnxruntime: every option, masks and lengths, cells that ONNX does not know."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.export import to_onnx

KINDS = (layers.SimpleRNN, layers.GRU, layers.LSTM)
OPTIONS = {
    "plain": {},
    "sequences": {"return_sequences": True},
    "backwards": {"go_backwards": True, "return_sequences": True},
    "states": {"return_state": True, "go_backwards": True},
    "relu": {"activation": "relu", "return_sequences": True},
    "no bias": {"use_bias": False},
    "normalized": {"use_layer_norm": True, "return_sequences": True},
    "normalized backwards": {"use_layer_norm": True, "go_backwards": True, "return_sequences": True},
    "zeros": {"zero_output_for_mask": True, "return_sequences": True},
    "zeros backwards": {"zero_output_for_mask": True, "go_backwards": True, "return_sequences": True},
    "softsign": {"activation": "softsign", "return_sequences": True},
    "softsign backwards": {"activation": "softsign", "go_backwards": True, "return_sequences": True},
    "softsign, zeros": {"activation": "softsign", "zero_output_for_mask": True},
}
OWN = [
    (layers.GRU, {"reset_after": False}),
    (layers.GRU, {"reset_after": False, "use_layer_norm": True}),
    (layers.GRU, {"reset_after": False, "activation": "softsign"}),
    (layers.LSTM, {"proj_size": 2, "return_sequences": True}),
    (layers.LSTM, {"recurrent_activation": "hard_sigmoid", "activation": "linear"}),
]


def exported(model):
    """Weights that are not zeros and ones, then an export that onnxruntime tries at two sizes; its kinds of nodes."""
    draw = np.random.default_rng(0)
    model.set_weights([0.7 * draw.standard_normal(w.shape) for w in model.get_weights()])
    return {n.op_type for n in to_onnx(model, verify=True).graph.node}


def sequences(mask):
    """Symbols for sequences of letters, some of which do not count, and for their lengths."""
    letters, lengths = lamina.Input((None,), dtype="int32"), lamina.Input((), dtype="int32")
    x = layers.Embedding(4, 3, mask_zero=mask == "mask")(letters)
    return x, {"lengths": lengths} if mask == "lengths" else {}, letters


@pytest.mark.parametrize("mask", ["none", "mask", "lengths"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [*((k, o) for k, o in itertools.product(KINDS, OPTIONS.values())), *OWN],
    ids=lambda v: getattr(v, "__name__", None) or "-".join(map(str, v)) or "plain",
)
def test_every_option_with_masks_and_lengths(kind, options, mask):
    x, more, letters = sequences(mask)
    y = kind(4, **options)(x, **more)
    kinds = exported(lamina.Model([letters, *more.values()], y))
    scanned = "use_layer_norm" in options or "proj_size" in options or options.get("activation") == "softsign"
    assert ("Scan" in kinds) == scanned
    assert ({"LSTM", "GRU", "RNN"} & kinds == set()) == scanned


@pytest.mark.parametrize("merge", ["concat", "sum", None])
@pytest.mark.parametrize("mask", ["none", "mask", "lengths"])
def test_both_directions(merge, mask):
    x, more, letters = sequences(mask)
    first = layers.Bidirectional(layers.LSTM(4, return_sequences=True), merge_mode="concat")(x, **more)
    y = layers.Bidirectional(layers.GRU(3), merge_mode=merge)(first, **more)
    exported(lamina.Model([letters, *more.values()], y))


class Counting(lamina.Layer):
    """A cell of one's own, whose output is not its state."""

    state_size = (3, 1)
    output_size = 3

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1], 3), name="w")

    def call(self, x, states):
        total, count = states
        total, count = total + ops.tanh(ops.matmul(x, self.w)), count + 1
        return total / count, [total, count]


@pytest.mark.parametrize("options", [{"return_sequences": True}, {"return_state": True, "go_backwards": True}])
@pytest.mark.parametrize("mask", ["none", "mask", "lengths"])
def test_cells_of_ones_own_are_scanned(options, mask):
    x, more, letters = sequences(mask)
    assert "Scan" in exported(lamina.Model([letters, *more.values()], layers.RNN(Counting(), **options)(x, **more)))


def test_states_are_inputs_and_outputs():
    x, h, c = lamina.Input((None, 3)), lamina.Input((4,)), lamina.Input((4,))
    y = layers.LSTM(4, return_sequences=True, return_state=True)(x, initial_state=[h, c])
    proto = to_onnx(lamina.Model([x, h, c], y), verify=True)
    assert [n.op_type for n in proto.graph.node].count("LSTM") == 1
    assert len(proto.graph.output) == 3


def test_layers_behind_each_other_are_turned_once():
    model = lamina.Sequential([lamina.Input((None, 3)), *(layers.GRU(4, return_sequences=True) for _ in range(3))])
    kinds = [n.op_type for n in to_onnx(model).graph.node]
    assert kinds.count("Transpose") == 2


def test_stateful_layers_are_refused():
    model = lamina.Sequential([lamina.Input((5, 3), batch_size=2), layers.LSTM(4, stateful=True)])
    with pytest.raises(ValueError, match=r"lstm.*stateful"):
        to_onnx(model)


def test_a_mask_that_ends_between_ones_keeps_the_state():
    """Steps that do not count stand anywhere, not behind the others alone."""
    x, m = lamina.Input((None, 3)), lamina.Input((None,), dtype="bool")
    for kind in KINDS:
        exported(lamina.Model([x, m], kind(4, return_sequences=True)(x, mask=m)))


class Cells(lamina.Model):
    """Two cells, one step each."""

    def __init__(self):
        super().__init__()
        self.first = layers.LSTMCell(3)
        self.second = layers.LSTMCell(3, recurrent_activation="hard_sigmoid")

    def call(self, x):
        zeros = lamina.ops.zeros_like(x[:, :3])
        y, states = self.first(x, [zeros, zeros])
        return y, *self.second(x, states)[1]


def test_cells_alone():
    model = Cells()
    model(np.ones((2, 5), "f4"))
    proto = to_onnx(model, [layers.InputSpec(shape=(None, 5))], verify=True)
    assert [n.op_type for n in proto.graph.node].count("LSTM") == 2


def test_a_scan_with_hard_sigmoid():
    made = layers.LSTM(3, use_layer_norm=True, recurrent_activation="hard_sigmoid")
    proto = to_onnx(lamina.Sequential([lamina.Input((4, 2)), made]), verify=True)
    assert "Scan" in [n.op_type for n in proto.graph.node]
