"""State dicts of random networks: any order of modules and any options load, compute the same and go back."""

from __future__ import annotations

from compare import many, torch
from hypothesis import given
from hypothesis import strategies as st
from state_dicts import check, images, norm, same

from lamina import Input, Sequential, layers

nn = torch.nn
yes = st.booleans()


@st.composite
def image_networks(draw):
    """(PyTorch's modules, layers, sizes of the input)."""
    channels, size = draw(st.integers(1, 4)), [draw(st.integers(5, 9)), draw(st.integers(5, 9))]
    theirs, ours, first = [], [Input((*size, channels))], (channels, *size)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "depthwise", "transpose", "batch", "group", "prelu", "relu", "pool"]))
        if kind == "conv":
            groups = draw(st.sampled_from([g for g in (1, 2, 3, 4) if channels % g == 0]))
            filters, bias, k = groups * draw(st.integers(1, 3)), draw(yes), draw(st.integers(1, min(3, *size)))
            theirs.append(nn.Conv2d(channels, filters, k, groups=groups, bias=bias))
            ours.append(layers.Conv2D(filters, k, groups=groups, use_bias=bias))
            channels, size = filters, [n - k + 1 for n in size]
        elif kind == "depthwise":
            times, k = draw(st.integers(1, 2)), draw(st.integers(1, min(3, *size)))
            theirs.append(nn.Conv2d(channels, channels * times, k, groups=channels))
            ours.append(layers.DepthwiseConv2D(k, depth_multiplier=times))
            channels, size = channels * times, [n - k + 1 for n in size]
        elif kind == "transpose":
            filters, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
            theirs.append(nn.ConvTranspose2d(channels, filters, 2, stride))
            ours.append(layers.Conv2DTranspose(filters, 2, stride))
            channels, size = filters, [(n - 1) * stride + 2 for n in size]
        elif kind == "batch":
            affine = draw(yes)
            theirs.append(nn.BatchNorm2d(channels, affine=affine))
            ours.append(norm() if affine else layers.BatchNormalization(epsilon=1e-5, center=False, scale=False))
        elif kind == "group":
            groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
            theirs.append(nn.GroupNorm(groups, channels))
            ours.append(layers.GroupNormalization(groups, epsilon=1e-5))
        elif kind == "prelu":
            theirs.append(nn.PReLU(channels))
            ours.append(layers.PReLU(shared_axes=[1, 2]))
        elif kind == "relu":
            theirs.append(nn.ReLU())
            ours.append(layers.ReLU())
        elif min(size) >= 2:
            theirs.append(nn.MaxPool2d(2))
            ours.append(layers.MaxPooling2D(2))
            size = [n // 2 for n in size]
    theirs.append(nn.Flatten())
    ours.append(layers.Flatten())
    features = channels * size[0] * size[1]
    for _ in range(draw(st.integers(1, 2))):
        if draw(yes):
            theirs.append(nn.BatchNorm1d(features))
            ours.append(norm())
        units = draw(st.integers(1, 5))
        theirs.append(nn.Linear(features, units))
        ours.append(layers.Dense(units))
        features = units
    return theirs, ours, first


@many
@given(image_networks())
def test_image_networks(network):
    theirs, ours, (channels, *sizes) = network
    check(nn.Sequential(*theirs), Sequential(ours), *images(channels, *sizes), like=True)


class Outputs(nn.Module):
    def __init__(self, modules):
        super().__init__()
        self.inner = nn.ModuleList(modules)

    def forward(self, x):
        for module in self.inner:
            x = module(x)
            x = x[0] if isinstance(x, tuple) else x
        return x


@many
@given(st.data())
def test_sequence_networks(data):
    draw = data.draw
    features = first = 4
    theirs, ours = [], [Input((None, features))]
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["rnn", "gru", "lstm", "linear", "norm", "encoder"]))
        if kind == "linear":
            units = 2 * draw(st.integers(1, 3))
            theirs.append(nn.Linear(features, units))
            ours.append(layers.Dense(units))
            features = units
        elif kind == "norm":
            theirs.append(nn.LayerNorm(features))
            ours.append(layers.LayerNormalization(epsilon=1e-5))
        elif kind == "encoder":
            before = draw(yes)
            theirs.append(nn.TransformerEncoderLayer(features, 2, 6, batch_first=True, norm_first=before))
            ours.append(layers.TransformerEncoder(6, 2, normalize_first=before))
        else:
            units, both, depth, bias = 2 * draw(st.integers(1, 2)), draw(yes), draw(st.integers(1, 2)), draw(yes)
            theirs_kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind]
            ours_kind = {"rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}[kind]
            theirs.append(theirs_kind(features, units, depth, bias=bias, bidirectional=both, batch_first=True))
            for _ in range(depth):
                layer = ours_kind(units, return_sequences=True, use_bias=bias)
                ours.append(layers.Bidirectional(layer) if both else layer)
            features = units * (2 if both else 1)
    theirs.append(nn.Linear(features, 3))
    ours.append(layers.Dense(3))
    # Normalizations of two features that are nearly equal make rounding visible.
    check(Outputs(theirs), Sequential(ours), *same(2, 5, first), like=True, last=False, tolerance=2e-5)
