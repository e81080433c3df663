"""TransformerEncoder and TransformerDecoder against PyTorch's layers with the same weights: values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compare import close, many, normal, torch
from hypothesis import given
from hypothesis import strategies as st

from lamina import Tensor, layers

# The path without gradients, which is not taken here, warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")


def tensor(x: Any) -> Any:
    return torch.tensor(np.asarray(x))


def give_attention(ours: Any, theirs: Any) -> None:
    """Projections (D, heads, size) as the rows of one matrix."""
    parts = (ours._query_dense, ours._key_dense, ours._value_dense)
    kernels = [p.kernel.numpy().reshape(p.kernel.shape[0], -1).T for p in parts]
    if theirs.in_proj_weight is not None:
        theirs.in_proj_weight.data = tensor(np.concatenate(kernels))
    else:
        for name, kernel in zip("qkv", kernels, strict=True):
            getattr(theirs, f"{name}_proj_weight").data = tensor(kernel)
    theirs.in_proj_bias.data = tensor(np.concatenate([p.bias.numpy().ravel() for p in parts]))
    out = ours._output_dense
    theirs.out_proj.weight.data = tensor(out.kernel.numpy().reshape(-1, out.kernel.shape[-1]).T)
    theirs.out_proj.bias.data = tensor(out.bias.numpy())


def give_rest(ours: Any, theirs: Any, norms: list[str]) -> None:
    for mine, other in (
        (ours._feedforward_intermediate_dense, theirs.linear1), (ours._feedforward_output_dense, theirs.linear2),
    ):  # fmt: skip
        other.weight.data, other.bias.data = tensor(mine.kernel.numpy().T), tensor(mine.bias.numpy())
    for i, name in enumerate(norms):
        norm, _ = getattr(ours, f"_{name}_around")
        other = getattr(theirs, f"norm{i + 1}")
        other.weight.data, other.bias.data = tensor(norm.gamma.numpy()), tensor(norm.beta.numpy())


def randomized(layer: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for w in layer.weights:
        w.assign(rng.standard_normal(w.shape) * 0.5)


def agree(got: Any, want: Any, inputs: list[Any], others: list[Any], rows: Any) -> None:
    value = want.detach().numpy()
    close(got.numpy()[rows], value[rows], 1e-9, "value")
    dy = np.where(rows[..., None], np.random.default_rng(1).standard_normal(value.shape), 0.0)
    got.backward(dy)
    want.backward(tensor(dy))
    for x, t in zip(inputs, others, strict=True):
        close(x.grad.numpy(), t.grad.numpy(), 1e-9, "gradient")


blocks = given(
    st.integers(0, 999), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.booleans(),
    st.sampled_from(["relu", "gelu"]), st.booleans(),
)  # fmt: skip


@many
@blocks
def test_encoder(seed, n, t, size, heads, first, activation, padded):
    d = size * heads
    ours = layers.TransformerEncoder(5, heads, activation=activation, normalize_first=first, dtype="float64")
    x = normal(seed, n, t, d)
    ours(x)
    randomized(ours, seed)
    theirs = torch.nn.TransformerEncoderLayer(
        d, heads, 5, 0.0, activation, norm_first=first, batch_first=True, dtype=torch.float64
    )
    give_attention(ours._self_attention, theirs.self_attn)
    give_rest(ours, theirs, ["self_attention", "feedforward"])
    mask = np.random.default_rng(seed).random((n, t)) > 0.4 if padded else np.ones((n, t), bool)
    mask[:, 0] = True
    x = np.where(mask[..., None], x, 0.0)
    mine, other = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    want = theirs(other, src_key_padding_mask=torch.tensor(~mask) if padded else None)
    got = ours(mine, padding_mask=mask if padded else None)
    agree(got, want, [mine], [other], mask)


@many
@blocks
def test_decoder(seed, n, t, size, heads, first, activation, padded):
    d, s = size * heads, 4
    ours = layers.TransformerDecoder(5, heads, activation=activation, normalize_first=first, dtype="float64")
    x, memory = normal(seed, n, t, d), normal(seed + 1, n, s, d)
    ours(x, memory)
    randomized(ours, seed)
    theirs = torch.nn.TransformerDecoderLayer(
        d, heads, 5, 0.0, activation, norm_first=first, batch_first=True, dtype=torch.float64
    )
    give_attention(ours._self_attention, theirs.self_attn)
    give_attention(ours._cross_attention, theirs.multihead_attn)
    give_rest(ours, theirs, ["self_attention", "cross_attention", "feedforward"])
    mask = np.random.default_rng(seed).random((n, s)) > 0.4 if padded else np.ones((n, s), bool)
    mask[:, 0] = True
    mine, other = ([f(a) for a in (x, memory)] for f in (lambda a: Tensor(a, requires_grad=True),
                                                        lambda a: torch.tensor(a, requires_grad=True)))  # fmt: skip
    later = torch.tensor(~np.tri(t, dtype=bool))
    want = theirs(*other, tgt_mask=later, memory_key_padding_mask=torch.tensor(~mask) if padded else None)
    got = ours(*mine, encoder_padding_mask=mask if padded else None)
    agree(got, want, mine, other, np.ones((n, t), bool))
