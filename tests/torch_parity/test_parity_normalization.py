"""Batch and layer normalization against PyTorch."""

from __future__ import annotations

import numpy as np
from compare import close, compare, many, normal, torch
from hypothesis import given
from hypothesis import strategies as st

from lamina import Tensor
from lamina.ops.normalization import batch_norm, layer_norm

F = torch.nn.functional
size = st.integers(1, 70)


@many
@given(
    st.lists(st.integers(2, 7), min_size=1, max_size=3),
    size,
    st.sampled_from([1e-3, 1e-5]),
    st.booleans(),
    st.integers(0, 99),
)
def test_batch_norm(batch, channels, epsilon, training, seed):
    mean, variance = normal(seed, channels), normal(seed + 1, channels) ** 2 + 0.5
    arrays = [3 + 2 * normal(seed + 2, *batch, channels), normal(seed + 3, channels), normal(seed + 4, channels)]
    rows = int(np.prod(batch))
    moving = {}

    def ours(x, gamma, beta):
        own = [Tensor(a.astype(x.dtype)) for a in (mean, variance)]
        moving["ours"] = own
        return batch_norm(x, gamma, beta, *own, training, momentum=0.9, epsilon=epsilon)

    def theirs(x, gamma, beta):
        own = torch.tensor(mean), torch.tensor(variance)
        y = F.batch_norm(x.reshape(-1, channels), *own, gamma, beta, training, 0.1, epsilon).reshape(x.shape)
        if training:  # PyTorch's running variance divides by n - 1, Keras's by n
            before = 0.9 * torch.tensor(variance)
            own = own[0], before + (own[1] - before) * (rows - 1) / rows
        moving["theirs"] = own
        return y

    # With two rows of equal values the statistics cancel: float32 sees the mean's rounding over epsilon.
    compare(ours, theirs, arrays, reduction=rows, slack=100)
    for a, b in zip(moving["ours"], moving["theirs"], strict=True):
        close(a.numpy(), b.numpy(), 1e-5, "moving statistics")


@many
@given(
    st.lists(st.integers(1, 7), max_size=2),
    st.integers(2, 300),
    st.sampled_from([1e-3, 1e-5]),
    st.booleans(),
    st.integers(0, 99),
)
def test_layer_norm(batch, width, epsilon, affine, seed):
    arrays = [3 + 2 * normal(seed, *batch, width)]
    arrays += [normal(seed + 1, width), normal(seed + 2, width)] if affine else [None, None]
    compare(
        lambda x, gamma, beta: layer_norm(x, gamma, beta, epsilon=epsilon),
        lambda x, gamma, beta: F.layer_norm(x, (width,), gamma, beta, epsilon),
        arrays,
        reduction=width * 4,
        slack=20,
    )
