"""State dicts of single modules of PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from compare import torch
from state_dicts import OwnAttention, check, images, randomized, same

import lamina
from lamina import Input, Model, Sequential, layers

nn = torch.nn
pytestmark = [pytest.mark.filterwarnings(f"ignore:.*{text}") for text in ("LSTM with projections", "is deprecated")]


# ---- single modules ----

SINGLE = {
    "linear": (nn.Linear(5, 3), lambda: layers.Dense(3), same(2, 5)),
    "linear without bias": (nn.Linear(5, 3, bias=False), lambda: layers.Dense(3, use_bias=False), same(2, 4, 5)),
    "conv1d": (nn.Conv1d(3, 5, 3, stride=2), lambda: layers.Conv1D(5, 3, strides=2), images(3, 9)),
    "conv2d": (nn.Conv2d(3, 4, (3, 2)), lambda: layers.Conv2D(4, (3, 2)), images(3, 7, 6)),
    "conv3d": (nn.Conv3d(2, 3, 2), lambda: layers.Conv3D(3, 2), images(2, 4, 5, 3)),
    "conv2d groups": (nn.Conv2d(4, 6, 3, groups=2), lambda: layers.Conv2D(6, 3, groups=2), images(4, 6, 5)),
    "depthwise": (
        nn.Conv2d(3, 6, 3, groups=3), lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), images(3, 6, 5)
    ),
    "depthwise 1d": (nn.Conv1d(3, 3, 3, groups=3), lambda: layers.DepthwiseConv1D(3), images(3, 6)),
    "transpose 1d": (nn.ConvTranspose1d(3, 4, 3, stride=2), lambda: layers.Conv1DTranspose(4, 3, 2), images(3, 5)),
    "transpose 2d": (
        nn.ConvTranspose2d(3, 4, (3, 2), 2), lambda: layers.Conv2DTranspose(4, (3, 2), 2), images(3, 4, 5)
    ),
    "transpose groups": (
        nn.ConvTranspose2d(4, 6, 3, groups=2), lambda: layers.Conv2DTranspose(6, 3, groups=2), images(4, 4, 5)
    ),
    "transpose 3d": (nn.ConvTranspose3d(2, 3, 2), lambda: layers.Conv3DTranspose(3, 2), images(2, 3, 3, 2)),
    "batch norm": (nn.BatchNorm2d(4), lambda: layers.BatchNormalization(epsilon=1e-5), images(4, 3, 5)),
    "batch norm without weights": (
        nn.BatchNorm1d(4, affine=False),
        lambda: layers.BatchNormalization(epsilon=1e-5, center=False, scale=False), same(3, 4),
    ),
    "layer norm": (nn.LayerNorm(5), lambda: layers.LayerNormalization(epsilon=1e-5), same(2, 3, 5)),
    "layer norm over two axes": (
        nn.LayerNorm((3, 5)), lambda: layers.LayerNormalization(axis=(-2, -1), epsilon=1e-5), same(2, 3, 5)
    ),
    "layer norm without bias": (
        nn.LayerNorm(5, bias=False), lambda: layers.LayerNormalization(epsilon=1e-5, center=False), same(2, 3, 5)
    ),
    "group norm": (nn.GroupNorm(2, 6), lambda: layers.GroupNormalization(2, epsilon=1e-5), images(6, 4, 3)),
    "instance norm": (
        nn.InstanceNorm2d(3, affine=True), lambda: layers.GroupNormalization(-1, epsilon=1e-5), images(3, 4, 3)
    ),
    "rms norm": (nn.RMSNorm(5, eps=1e-6), layers.RMSNormalization, same(2, 3, 5)),
    "prelu": (nn.PReLU(4), lambda: layers.PReLU(shared_axes=[1, 2]), images(4, 3, 3)),
    "prelu of one": (nn.PReLU(), lambda: layers.PReLU(shared_axes=[1]), same(3, 4)),
    "embedding": (
        nn.Embedding(7, 3), lambda: layers.Embedding(7, 3),
        (np.array([[1, 2], [6, 0]]), torch.tensor([[1, 2], [6, 0]])),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_modules(name):
    module, make, (x, t) = SINGLE[name]
    check(module, make(), x, t)


class First(nn.Module):
    """A recurrent module's outputs alone."""

    def __init__(self, module):
        super().__init__()
        self.inner = module

    def forward(self, x):
        return self.inner(x)[0]

    def state_dict(self, *args, **kwargs):
        return self.inner.state_dict(*args, **kwargs)

    def load_state_dict(self, state):
        return self.inner.load_state_dict(state)


KINDS = {"rnn": (nn.RNN, layers.SimpleRNN), "gru": (nn.GRU, layers.GRU), "lstm": (nn.LSTM, layers.LSTM)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("bias", [False, True])
def test_recurrent_modules(kind, bidirectional, depth, bias):
    theirs, ours = KINDS[kind]
    module = First(theirs(4, 3, depth, bias=bias, bidirectional=bidirectional, batch_first=True))

    def layer():
        one = ours(3, return_sequences=True, use_bias=bias)
        return layers.Bidirectional(one) if bidirectional else one

    model = Sequential([Input((None, 4)), *(layer() for _ in range(depth))])
    names = {"": [one.name for one in model.layers]}
    check(module, model, *same(2, 5, 4), names=names)
    check(module, model, *same(2, 5, 4), like=True)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_projected_lstm(bidirectional):
    module = First(nn.LSTM(4, 5, 1, proj_size=3, bidirectional=bidirectional, batch_first=True))
    layer = layers.LSTM(5, return_sequences=True, proj_size=3)
    check(module, layers.Bidirectional(layer) if bidirectional else layer, *same(2, 5, 4))


@pytest.mark.parametrize(
    ("module", "cell"),
    [
        (nn.RNNCell(4, 3, nonlinearity="relu"), lambda: layers.SimpleRNNCell(3, activation="relu")),
        (nn.GRUCell(4, 3), lambda: layers.GRUCell(3)),
        (nn.LSTMCell(4, 3), lambda: layers.LSTMCell(3)),
    ],
)
def test_cells(module, cell):
    x, t = same(2, 4)
    ours = cell()
    states = [np.zeros((2, 3), "float32") for _ in ours._states]
    ours(x, states)
    module = randomized(module)
    lamina.torch.load_state_dict(ours, module.state_dict())
    want = module(t)
    want = want[0] if isinstance(want, tuple) else want
    np.testing.assert_allclose(ours(x, states)[0].numpy(), want.detach().numpy(), atol=1e-6)
    module.load_state_dict({k: torch.tensor(v) for k, v in lamina.torch.state_dict(ours).items()})
    again = module(t)
    again = again[0] if isinstance(again, tuple) else again
    np.testing.assert_allclose(again.detach().numpy(), want.detach().numpy(), atol=1e-6)


def test_stacked_cells_are_one_module():
    module = First(nn.LSTM(4, 3, 2, batch_first=True))
    check(module, layers.RNN([layers.LSTMCell(3), layers.LSTMCell(3)], return_sequences=True), *same(2, 5, 4))


# ---- attention ----


class Attend(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.inner = nn.MultiheadAttention(8, 2, batch_first=True, **options)

    def forward(self, q, k, v):
        return self.inner(q, k, v)[0]

    def state_dict(self, *args, **kwargs):
        return self.inner.state_dict(*args, **kwargs)

    def load_state_dict(self, state):
        return self.inner.load_state_dict(state)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [{}, {"kdim": 5}, {"vdim": 6}, {"kdim": 5, "vdim": 6}])
def test_attention(bias, sizes):
    module = Attend(bias=bias, **sizes)
    layer = layers.MultiHeadAttention(2, 4, use_bias=bias)
    q, tq = same(2, 3, 8)
    v, tv = same(2, 5, sizes.get("vdim", 8))
    k, tk = same(2, 5, sizes.get("kdim", 8))
    check(module, layer, (q, v, k), (tq, tk, tv), many=True)


def test_biases_of_keys_have_no_counterpart():
    layer = layers.MultiHeadAttention(2, 4)
    layer(np.zeros((1, 2, 8)), np.zeros((1, 2, 8)))
    state = nn.MultiheadAttention(8, 2, add_bias_kv=True).state_dict()
    with pytest.raises(ValueError, match="left over: 'bias_k'"):
        lamina.torch.load_state_dict(layer, state)


class OwnThree(nn.Module):
    """As minGPT writes it, the key first."""

    def __init__(self):
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(8, 8) for _ in range(3))
        self.proj = nn.Linear(8, 8)

    def forward(self, x):
        q, k, v = (f(x).reshape(*x.shape[:2], 2, 4).transpose(1, 2) for f in (self.query, self.key, self.value))
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("kind", [OwnAttention, OwnThree])
def test_attention_in_linear_modules(kind):
    inputs = Input((None, 8))
    model = Model(inputs, layers.MultiHeadAttention(2, 4)(inputs, inputs, use_causal_mask=True))
    check(kind(), model, *same(2, 5, 8), like=True)


# ---- transformers ----


@pytest.mark.parametrize("first", [False, True])
def test_transformer_encoder_layer(first):
    module = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=first)
    check(module, layers.TransformerEncoder(16, 2, normalize_first=first), *same(2, 5, 8))


@pytest.mark.parametrize("first", [False, True])
def test_transformer_encoder(first):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=first)
    module = nn.TransformerEncoder(layer, 3, norm=nn.LayerNorm(8), enable_nested_tensor=False)
    ours = [layers.TransformerEncoder(16, 2, normalize_first=first) for _ in range(3)]
    model = Sequential([Input((None, 8)), *ours, layers.LayerNormalization(epsilon=1e-5)])
    check(module, model, *same(2, 5, 8), like=True)


@pytest.mark.parametrize("first", [False, True])
def test_transformer_decoder_layer(first):
    module = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True, norm_first=first)

    class Causal(nn.Module):
        def forward(self, x, m):
            mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
            return module(x, m, tgt_mask=mask, tgt_is_causal=True)

        def state_dict(self):
            return module.state_dict()

        def load_state_dict(self, state):
            module.load_state_dict(state)

        def parameters(self):
            return module.parameters()

        def eval(self):
            module.eval()
            return self

    x, t = same(2, 5, 8)
    m, tm = same(2, 4, 8)
    check(Causal(), layers.TransformerDecoder(16, 2, normalize_first=first), (x, m), (t, tm), many=True)
