"""Dense layers and matrix products against PyTorch."""

from __future__ import annotations

from compare import compare, many, normal, torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.ops.dense import dense, matmul

size = st.integers(1, 70)
ACT = {"linear": lambda z: z, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


@many
@given(
    st.lists(st.integers(0, 9), min_size=0, max_size=3),
    size,
    size,
    st.sampled_from(sorted(ACT)),
    st.booleans(),
    st.data(),
)
def test_dense(batch, K, N, activation, bias, data):
    seed = data.draw(st.integers(0, 99))
    arrays = [normal(seed, *batch, K), normal(seed + 1, K, N) / K**0.5, normal(seed + 2, N) if bias else None]
    compare(
        lambda x, w, b: dense(x, w, b, activation),
        lambda x, w, b: ACT[activation](x @ w if b is None else x @ w + b),
        arrays,
        reduction=max(K, N, 1),
    )


@many
@given(st.lists(st.integers(1, 4), max_size=2), size, size, size, st.sampled_from(["", "a", "b"]), st.integers(0, 99))
def test_matmul(batch, M, N, K, shared, seed):
    a = normal(seed, *([] if shared == "a" else batch), M, K)
    b = normal(seed + 1, *([] if shared == "b" else batch), K, N)
    compare(matmul, torch.matmul, [a, b], reduction=K * 4)
