"""Attention: gradients by central differences, masks and limits, memory, errors, agreement with PyTorch."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina import _native
from lamina.core.autograd import Tensor
from lamina.ops.attention import attention_with_scores, dot_product_attention


def stream(key=1):
    return SimpleNamespace(state=np.array([key, 0], np.uint64))


def arrays(B=2, Tq=5, Tk=7, H=2, D=4, Hkv=None, Dv=None, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(B, Tq, H, D), (B, Tk, Hkv or H, D), (B, Tk, Hkv or H, Dv or D)]
    return [rng.standard_normal(s).astype(dtype) for s in shapes]


def gradients(f, values, dy):
    tensors = [Tensor(v, requires_grad=True) for v in values]
    f(*tensors).backward(dy)
    return [t.grad.numpy() for t in tensors]


def numeric(f, values, dy, h=1e-6):
    result = []
    for n, x in enumerate(values):
        g = np.zeros_like(x)
        for i in np.ndindex(x.shape):
            sides = []
            for step in (h, -h):
                moved = x.copy()
                moved[i] += step
                sides.append(f(*values[:n], moved, *values[n + 1 :]).numpy())
            g[i] = ((sides[0] - sides[1]) * dy).sum() / (2 * h)
        result.append(g)
    return result


RULES = {
    "plain": {},
    "scale": {"scale": 0.7},
    "causal": {"is_causal": True},
    "bottom right": {"is_causal": True, "causal_alignment": "bottom_right"},
    "mask": {"mask": np.random.default_rng(3).random((2, 1, 5, 7)) > 0.5},
    "lengths": {"lengths": np.array([3, 0])},
    "dropout": {"dropout": 0.3},
    "capped": {"attn_logits_soft_cap": 0.6},
    "alibi": {"alibi_slopes": np.array([0.5, 0.1, 0.0, 1.0])},
    "capped, alibi": {"attn_logits_soft_cap": 2.0, "alibi_slopes": np.array([0.5, 0.1, 0.0, 1.0]), "is_causal": True},
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES.keys())
@pytest.mark.parametrize("heads", [(2, 2), (4, 2)], ids=["", "grouped"])
def test_gradient_by_central_differences(rules, heads):
    values = arrays(H=heads[0], Hkv=heads[1], Dv=3)
    dy = np.random.default_rng(1).standard_normal((2, 5, heads[0], 3))

    given = {k: v[: heads[0]] if k == "alibi_slopes" else v for k, v in rules.items()}

    def f(*args):
        return dot_product_attention(*args, **given, generator=stream())

    for got, want in zip(gradients(f, values, dy), numeric(f, values, dy), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("shape", [(2, 2, 5, 7), (1, 2, 5, 7), (2, 1, 1, 7), (5, 1), (1,)])
def test_gradient_of_bias(shape):
    values = [*arrays(), np.random.default_rng(2).standard_normal(shape)]
    dy = np.random.default_rng(1).standard_normal((2, 5, 2, 4))

    def f(q, k, v, bias):
        return dot_product_attention(q, k, v, bias=bias, is_causal=True)

    for got, want in zip(gradients(f, values, dy), numeric(f, values, dy), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-8)


def test_gradient_of_scores():
    q, k, v = arrays()
    dy = np.random.default_rng(1).standard_normal((2, 2, 5, 7))

    def f(q, k):
        return attention_with_scores(q, k, v, is_causal=True)[1]

    for got, want in zip(gradients(f, [q, k], dy), numeric(f, [q, k], dy), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-8)


def test_scores_are_the_weights_of_the_output():
    q, k, v = arrays(Tq=70, Tk=150)
    out, scores = attention_with_scores(q, k, v, is_causal=True, lengths=np.array([150, 20]))
    np.testing.assert_allclose(scores.numpy() @ v.transpose(0, 2, 1, 3), out.numpy().transpose(0, 2, 1, 3), atol=1e-12)
    np.testing.assert_allclose(scores.numpy().sum(axis=-1), 1, atol=1e-12)


def test_one_tensor_as_query_key_and_value():
    (x, *_), dy = arrays(Tq=70), np.random.default_rng(1).standard_normal((2, 70, 2, 4))
    apart = gradients(dot_product_attention, [x, x, x], dy)
    (together,) = gradients(lambda t: dot_product_attention(t, t, t), [x], dy)
    np.testing.assert_allclose(together, sum(apart), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_of_a_fused_projection_are_read_in_place(dtype):
    qkv = np.random.default_rng(0).standard_normal((2, 70, 3, 2, 20)).astype(dtype)
    parts = [qkv[:, :, i] for i in range(3)]
    got = dot_product_attention(*parts).numpy()
    np.testing.assert_array_equal(got, dot_product_attention(*[p.copy() for p in parts]).numpy())
    backwards = [p[:, ::-1] for p in parts]
    np.testing.assert_array_equal(
        dot_product_attention(*backwards).numpy(), dot_product_attention(*[p.copy() for p in backwards]).numpy()
    )
    every_other = [p[..., ::2] for p in parts]
    np.testing.assert_array_equal(
        dot_product_attention(*every_other).numpy(), dot_product_attention(*[p.copy() for p in every_other]).numpy()
    )


HIDDEN = {
    "mask": {"mask": np.arange(6)[:, None] != 2},
    "bias": {"bias": np.where(np.arange(6) == 2, -np.inf, 0.0)[:, None]},
    "causal": {"is_causal": True, "causal_alignment": "bottom_right"},  # 6 queries, 3 keys: the first three see none
}


@pytest.mark.parametrize("rules", HIDDEN.values(), ids=HIDDEN.keys())
def test_a_query_that_sees_nothing_gives_zero_and_gets_zero(rules):
    values = arrays(Tq=6, Tk=3)
    values[2][0, 1] = np.inf  # what is excluded does not matter to it
    dy = np.ones((2, 6, 2, 4))
    hidden = [2] if "causal" not in str(rules) else [0, 1, 2]
    tensors = [Tensor(v, requires_grad=True) for v in values]
    out = dot_product_attention(*tensors, **rules)
    assert (out.numpy()[:, hidden] == 0).all()
    out.backward(dy)
    finite = gradients(lambda *t: dot_product_attention(*t, **rules), arrays(Tq=6, Tk=3), dy)
    assert (finite[0][:, hidden] == 0).all()
    assert np.isfinite(finite[1]).all()
    assert np.isfinite(finite[2]).all()


def test_all_hidden():
    values = arrays(Tq=70, Tk=140)
    for rules in ({"mask": np.zeros((1, 1, 1, 1), bool)}, {"lengths": np.zeros(2, np.int32)}):
        out, scores = attention_with_scores(*values, **rules)
        assert not out.numpy().any()
        assert not scores.numpy().any()
        for g in gradients(lambda *t, r=rules: dot_product_attention(*t, **r), values, np.ones((2, 70, 2, 4))):
            assert not g.any()


def test_keys_beyond_lengths_are_not_read():
    q, k, v = arrays(Tk=140)
    lengths = np.array([100, 3], np.int32)
    want = [dot_product_attention(q[[i]], k[[i], :n], v[[i], :n]).numpy() for i, n in enumerate(lengths)]
    for b, n in enumerate(lengths):
        k[b, n:], v[b, n:] = np.nan, np.nan
    out = dot_product_attention(q, k, v, lengths=lengths).numpy()
    np.testing.assert_allclose(out, np.concatenate(want), atol=1e-14)
    dq, dk, dv = gradients(lambda *t: dot_product_attention(*t, lengths=lengths), [q, k, v], np.ones((2, 5, 2, 4)))
    assert np.isfinite(dq).all()
    for b, n in enumerate(lengths):
        assert not dk[b, n:].any()
        assert not dv[b, n:].any()


@pytest.mark.parametrize("where", [0, 1, 2])
def test_nan_propagates(where):
    values = arrays(Tq=70, Tk=140)
    values[where][1, 6, 1, 2] = np.nan
    out = dot_product_attention(*values).numpy()
    assert np.isfinite(out[0]).all()
    assert np.isfinite(out[1, :, 0]).all()
    assert np.isnan(out[1, 6, 1, 2])
    assert np.isnan(out[1, :, 1, 2]).all() == (where > 0)
    dq, dk, dv = gradients(dot_product_attention, values, np.ones((2, 70, 2, 4)))
    assert np.isnan([dq, dk, dv][where][1, 6, 1] if where < 2 else dq[1, :, 1]).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_do_not_overflow(dtype):
    q, k, v = arrays(Tq=70, Tk=300, dtype=dtype)
    q, k = 30 * q, 30 * k  # scores of some thousands: exp overflows at 89
    out, scores = attention_with_scores(q, k, v)
    assert np.isfinite(out.numpy()).all()
    np.testing.assert_allclose(scores.numpy().sum(axis=-1), 1, rtol=1e-3 if dtype == np.float32 else 1e-9)
    for g in gradients(dot_product_attention, [q, k, v], np.ones_like(out.numpy())):
        assert np.isfinite(g).all()


def test_dropout_is_drawn_from_the_generator():
    q, k = np.zeros((2, 64, 2, 4)), np.zeros((2, 64, 2, 4))
    v = np.broadcast_to(np.eye(64)[None, :, None, :], (2, 64, 2, 64)).copy()  # the output is the weights
    generator = stream()
    first, second = (dot_product_attention(q, k, v, dropout=0.25, generator=generator).numpy() for _ in range(2))
    assert generator.state.tolist() == [1, 2]
    again = dot_product_attention(q, k, v, dropout=0.25, generator=stream()).numpy()
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    np.testing.assert_allclose(np.unique(first), [0, 1 / 64 / 0.75], rtol=1e-12)
    assert abs((first == 0).mean() - 0.25) < 0.02
    per_column = (first == 0).mean(axis=(0, 1, 2))
    assert abs(per_column - 0.25).max() < 0.12


@pytest.mark.parametrize("is_causal", [False, True])
def test_memory_grows_with_the_times_and_not_with_their_product(is_causal):
    threads = _native.get_num_threads()
    _native.set_num_threads(1)
    try:
        peaks = []
        for T in (2048, 8192):
            values = arrays(B=1, Tq=T, Tk=T, H=1, D=16, dtype=np.float32)
            before = _native.pool_stats()["in_use"]
            _native.pool_clear()
            gradients(lambda *t: dot_product_attention(*t, is_causal=is_causal), values, np.ones((1, T, 1, 16)))
            stats = _native.pool_stats()
            peaks.append(stats["in_use"] - before + stats["cached"])  # every block that the step has asked for
        assert peaks[1] < 5 * peaks[0]
        assert peaks[1] < 0.02 * 4 * 8192**2  # of the scores
    finally:
        _native.set_num_threads(threads)


@pytest.mark.parametrize("T", [2, 70, 300])
def test_heads_or_blocks_as_tasks_give_the_same_bits(T):
    """Backward runs by heads or, if they are too few for the threads, by blocks of queries and then of keys."""
    threads = _native.get_num_threads()
    values, dy = arrays(B=1, Tq=T, Tk=T + 30, H=2, Hkv=1, D=64, dtype=np.float32), np.ones((1, T, 2, 64), np.float32)
    seen = []
    try:
        for n in (1, 2, 3, 4):
            _native.set_num_threads(n)
            rules = {"is_causal": True, "causal_alignment": "bottom_right", "dropout": 0.1}
            grads = gradients(lambda *t, r=rules: dot_product_attention(*t, **r, generator=stream()), values, dy)
            seen.append([g.tobytes() for g in grads])
    finally:
        _native.set_num_threads(threads)
    assert all(s == seen[0] for s in seen)


ERRORS = [
    ({"query": np.ones((2, 5, 8))}, ValueError, "query must be .batch, time, heads, head size., got shape .2, 5, 8."),
    ({"key": np.ones((2, 7, 2, 3))}, ValueError, "query has head size 4, key 3"),
    ({"key": np.ones((3, 7, 2, 4))}, ValueError, "batch sizes differ"),
    ({"value": np.ones((2, 6, 2, 4))}, ValueError, "same times and heads"),
    ({"key": np.ones((2, 7, 3, 4)), "value": np.ones((2, 7, 3, 4))}, ValueError, "2 heads, key and value have 3"),
    ({"value": np.ones((2, 7, 2, 4), np.float32)}, TypeError, "query is float64, value is float32"),
    ({"mask": np.ones((5, 6), bool)}, ValueError, r"mask is \(5, 6\), which does not broadcast to .* \(2, 2, 5, 7\)"),
    ({"mask": np.ones((5, 7))}, TypeError, "mask is float64, expected bool"),
    ({"bias": np.ones((3, 1, 5, 7))}, ValueError, r"bias is \(3, 1, 5, 7\), which does not broadcast"),
    ({"lengths": np.array([3, 8])}, ValueError, r"lengths\[1\] is 8, expected 0 to 7"),
    ({"lengths": np.array([-1, 3])}, ValueError, r"lengths\[0\] is -1"),
    ({"lengths": np.array([1, 2, 3])}, ValueError, "lengths has shape"),
    ({"lengths": np.array([1.0, 2.0])}, TypeError, "lengths is float64, expected int32 or int64"),
    ({"dropout": 0.5}, ValueError, "needs generator="),
    ({"dropout": 1.0, "generator": stream()}, ValueError, "dropout is 1, expected"),
    ({"causal_alignment": "right"}, ValueError, "expected 'top_left' or 'bottom_right'"),
    ({"attn_logits_soft_cap": -3.0}, ValueError, "attn_logits_soft_cap"),
    ({"attn_logits_soft_cap": 0.0}, ValueError, "attn_logits_soft_cap is 0.0"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), ERRORS, ids=[m[:30] for *_, m in ERRORS])
def test_errors(wrong, error, message):
    arguments = dict(zip(("query", "key", "value"), arrays(), strict=True)) | wrong
    with pytest.raises(error, match=message):
        dot_product_attention(**arguments)


@st.composite
def configurations(draw):
    H = draw(st.sampled_from([1, 2, 4]))
    Tq, Tk = draw(st.integers(1, 150)), draw(st.integers(1, 300))
    return {
        "B": draw(st.integers(1, 3)),
        "Tq": Tq,
        "Tk": draw(st.sampled_from([Tq, Tk])),
        "H": H,
        "Hkv": draw(st.sampled_from([h for h in (1, 2, 4) if H % h == 0])),
        "D": draw(st.integers(1, 70)),
        "Dv": draw(st.integers(1, 70)),
        "causal": draw(st.booleans()),
        "mask": draw(st.sampled_from([None, (1, 1, 1, 1), (1, 0, 1, 1), (0, 0, 1, 1), (0, 0, 0, 1), (1, 0, 0, 1)])),
        "bias": draw(st.sampled_from([None, (1, 1, 1, 1), (0, 1, 1, 1), (0, 0, 0, 1)])),
        "seed": draw(st.integers(0, 1000)),
        "dtype": draw(st.sampled_from([np.float32, np.float64])),
    }


@settings(max_examples=200, deadline=None)
@given(c=configurations())
def test_against_torch(c):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    rng = np.random.default_rng(c["seed"])
    B, Tq, Tk, H, dtype = c["B"], c["Tq"], c["Tk"], c["H"], c["dtype"]
    values = arrays(B, Tq, Tk, H, c["D"], c["Hkv"], c["Dv"], dtype, c["seed"])
    part = lambda flags: tuple(n if f else 1 for f, n in zip(flags, (B, H, Tq, Tk), strict=True))  # noqa: E731
    mask = rng.random(part(c["mask"])) > 0.4 if c["mask"] else None
    if mask is not None:
        mask[..., 0] = True  # torch's rows without a key are another matter
    bias = rng.standard_normal(part(c["bias"])).astype(dtype) if c["bias"] else None
    dy = rng.standard_normal((B, Tq, H, c["Dv"])).astype(dtype)

    leaves = [torch.tensor(x.transpose(0, 2, 1, 3), dtype=torch.float64).requires_grad_() for x in values]
    leaf_bias = None if bias is None else torch.tensor(bias, dtype=torch.float64).requires_grad_()
    total = torch.zeros(B, H, Tq, Tk, dtype=torch.float64)
    if leaf_bias is not None:
        total = total + leaf_bias
    if mask is not None:
        total = total.masked_fill(~torch.tensor(mask), -torch.inf)
    if c["causal"]:
        total = total.masked_fill(~torch.ones(Tq, Tk, dtype=torch.bool).tril(), -torch.inf)
    want = torch.nn.functional.scaled_dot_product_attention(*leaves, attn_mask=total, enable_gqa=True)
    want.backward(torch.tensor(dy.transpose(0, 2, 1, 3), dtype=torch.float64))
    wanted = [x.grad.numpy().transpose(0, 2, 1, 3) for x in leaves]

    tensors = [Tensor(x, requires_grad=True) for x in values]
    bias_tensor = None if bias is None else Tensor(bias, requires_grad=True)
    got = dot_product_attention(*tensors, bias=bias_tensor, mask=mask, is_causal=c["causal"])
    got.backward(dy)
    pairs = [(got.numpy(), want.detach().numpy().transpose(0, 2, 1, 3))]
    pairs += [(t.grad.numpy(), w) for t, w in zip(tensors, wanted, strict=True)]
    if bias_tensor is not None:
        pairs.append((bias_tensor.grad.numpy(), leaf_bias.grad.numpy()))
    for g, w in pairs:
        scale = 1.0 + np.abs(w).max()
        np.testing.assert_allclose(g, w, rtol=0, atol=(1e-9 if dtype == np.float64 else 1e-4) * scale)
