"""Residual against blocks written in PyTorch with the same weights: values, the input's gradient and the weights'."""

from __future__ import annotations

from typing import Any

import numpy as np
from compare import close, many, normal, torch
from hypothesis import given
from hypothesis import strategies as st

from lamina import Tensor, activations, layers

ACTIVATIONS = {"linear": lambda x: x, "relu": torch.relu, "tanh": torch.tanh, "gelu": torch.nn.functional.gelu}


@many
@given(
    st.integers(0, 999), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 9),
    st.integers(1, 3), st.sampled_from(sorted(ACTIVATIONS)), st.sampled_from(["none", "before", "behind"]),
)  # fmt: skip
def test_of_convolutions(seed, rank, channels, filters, stride, size, batch, activation, norm):
    """A convolution of kernel size 3 and the projection that "auto" makes, in 1 to 3 dimensions."""
    kind = (layers.Conv1D, layers.Conv2D, layers.Conv3D)[rank - 1]
    block = kind(filters, 3, stride, padding=1, dtype="float64")
    normalization = None if norm == "none" else layers.LayerNormalization(epsilon=1e-3, dtype="float64")
    ours = layers.Residual(
        block, activation=activation, normalization=normalization, normalize_first=norm == "before"
    )  # fmt: skip
    x = normal(seed, batch, *(size,) * rank, channels)
    mine, other = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    ours(x)
    rng = np.random.default_rng(seed)
    weights = {}
    for v in ours.weights:
        v.assign(rng.standard_normal(v.shape) * 0.5)
        weights[v.path] = torch.tensor(v.numpy(), requires_grad=True)
    got = ours(mine)
    convolve = (torch.conv1d, torch.conv2d, torch.conv3d)[rank - 1]

    def convolved(x: Any, layer: Any, padding: int) -> Any:
        kernel = weights[layer.kernel.path].movedim((-1, -2), (0, 1)).contiguous()
        bias = None if layer.bias is None else weights[layer.bias.path]
        return convolve(x.movedim(-1, 1), kernel, bias, stride=stride, padding=padding).movedim(1, -1)

    def normalized(x: Any) -> Any:
        if ours.normalization is None:
            return x
        gamma, beta = (weights[v.path] for v in (ours.normalization.gamma, ours.normalization.beta))
        return torch.nn.functional.layer_norm(x, x.shape[-1:], gamma, beta, 1e-3)

    y = convolved(normalized(other) if norm == "before" else other, block, 1)
    same = channels == filters and y.shape == other.shape
    assert (ours.projection is None) == same
    y = (other if same else convolved(other, ours.projection, 0)) + y
    want = ACTIVATIONS[activation](normalized(y) if norm == "behind" else y)
    assert activations.get(activation) is ours.activation
    close(got.numpy(), want.detach().numpy(), 1e-9, "value")
    dy = rng.standard_normal(want.shape)
    got.backward(dy)
    want.backward(torch.tensor(dy))
    close(mine.grad.numpy(), other.grad.numpy(), 1e-9, "gradient of x")
    for v in ours.trainable_weights:
        close(v.grad.numpy(), weights[v.path].grad.numpy(), 1e-9, v.path)
