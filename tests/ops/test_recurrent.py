"""Recurrent layers: gradients by central differences, states, masks, steps, and what bad input says."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import _native
from lamina.core.autograd import Tensor, no_grad
from lamina.ops.recurrent import gru, lstm, lstm_cell, simple_rnn

B, S, F, U = 3, 4, 2, 3
ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid", "hard_sigmoid")


def arguments(seed=0, gates=4, dtype=np.float64):
    rng = np.random.default_rng(seed)
    shapes = [(B, S, F), (F, gates * U), (U, gates * U), (gates * U,), (B, U), (B, U)]
    return [rng.standard_normal(s).astype(dtype) for s in shapes]


def total(x, kernel, recurrent, bias, h0, c0, **options):
    """A scalar that every result enters with its own weights, and the results' gradients."""
    results = lstm(x, kernel, recurrent, bias, (h0, c0), **options)
    rng = np.random.default_rng(5)
    weights = [None if r is None else rng.standard_normal(r.shape) for r in results]
    value = sum(float((r.numpy() * w).sum()) for r, w in zip(results, weights, strict=True) if r is not None)
    return value, results, weights


def backward(results, weights):
    """One backward over all results."""
    from lamina.core.autograd import record_view

    last = [r for r in results if r is not None]
    seeds = [w for w in weights if w is not None]
    root = record_view(np.zeros(()), tuple(last), lambda dy: tuple(seeds))
    root.backward()


MASK = np.array([[1, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0]], bool)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lengths": np.array([2, 4, 0])},
        {"mask": MASK},
        {"mask": MASK, "zero_output_for_mask": True},
        {"mask": MASK, "go_backwards": True},
        {"lengths": np.array([2, 4, 0]), "go_backwards": True, "in_time_order": True},
        {"return_sequences": False},
        *({"activation": a, "recurrent_activation": b} for a, b in zip(ACTIVATIONS, ACTIVATIONS[::-1], strict=True)),
    ],
    ids=lambda o: " ".join(o) + str(o.get("activation", "")),
)
def test_gradients_by_central_differences(options):
    arrays = arguments()
    tensors = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    _, results, weights = total(*tensors, **options)
    backward(results, weights)
    step = 1e-6
    for n, (a, t) in enumerate(zip(arrays, tensors, strict=True)):
        got, want = t.grad.numpy(), np.zeros_like(a)
        for i in np.ndindex(a.shape):
            sides = []
            for sign in (1, -1):
                moved = [b.copy() for b in arrays]
                moved[n][i] += sign * step
                sides.append(total(*moved, **options)[0])
            want[i] = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7, err_msg=f"argument {n}")


def other_cell(kind):
    """A cell with one state, as a function of (x, kernel, recurrent, bias, h0)."""
    if kind == "simple_rnn":
        return simple_rnn, 1, (U,)
    return (
        (lambda *a, **o: gru(*a, reset_after=kind == "gru", **o)),
        3,
        (2, 3 * U) if kind == "gru" else (3 * U,),
    )


@pytest.mark.parametrize("kind", ["gru", "gru_reset_before", "simple_rnn"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lengths": np.array([2, 4, 0]), "go_backwards": True, "in_time_order": True},
        {"mask": MASK},
        {"return_sequences": False},
        {"activation": "sigmoid"},
    ],
    ids=lambda o: " ".join(o) or "plain",
)
def test_other_cells_by_central_differences(kind, options):
    function, gates, bias_shape = other_cell(kind)
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal(s) for s in ((B, S, F), (F, gates * U), (U, gates * U), bias_shape, (B, U))]
    weights = [rng.standard_normal((B, S, U)), rng.standard_normal((B, U))]

    def value(a):
        results = function(*a, **options)
        return sum(float((r.numpy() * w).sum()) for r, w in zip(results, weights, strict=True) if r is not None)

    tensors = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    results = function(*tensors, **options)
    backward(results, [None if r is None else w for r, w in zip(results, weights, strict=True)])
    step = 1e-6
    for n, (a, t) in enumerate(zip(arrays, tensors, strict=True)):
        got, want = t.grad.numpy(), np.zeros_like(a)
        for i in np.ndindex(a.shape):
            sides = []
            for sign in (1, -1):
                moved = [b.copy() for b in arrays]
                moved[n][i] += sign * step
                sides.append(value(moved))
            want[i] = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7, err_msg=f"argument {n}")


def test_other_cells_say_what_is_wrong():
    x, h = np.zeros((B, S, F)), np.zeros((B, U))
    with pytest.raises(ValueError, match=r"gru: bias has shape \(9,\), expected \(2, 9\)"):
        gru(x, np.zeros((F, 9)), np.zeros((U, 9)), np.zeros(9))
    with pytest.raises(ValueError, match=r"gru: bias has shape \(2, 9\), expected \(9,\)"):
        gru(x, np.zeros((F, 9)), np.zeros((U, 9)), np.zeros((2, 9)), reset_after=False)
    with pytest.raises(ValueError, match=r"gru: recurrent_kernel must be \(units, 3 units\), got shape \(3, 12\)"):
        gru(x, np.zeros((F, 12)), np.zeros((U, 12)))
    with pytest.raises(ValueError, match=r"simple_rnn: the initial state h has shape \(2, 3\), expected \(3, 3\)"):
        simple_rnn(x, np.zeros((F, U)), np.zeros((U, U)), None, h[:2])


def test_results_one_by_one_and_unused():
    tensors = [Tensor(a, requires_grad=True) for a in arguments()]
    y, h, _ = lstm(*tensors[:4], tuple(tensors[4:]))
    h.backward(np.ones(h.shape))
    by_state = [t.grad.numpy().copy() for t in tensors]
    for t in tensors:
        t.zero_grad()
    y, h, _ = lstm(*tensors[:4], tuple(tensors[4:]))
    dy = np.zeros(y.shape)
    dy[:, -1] = 1
    y.backward(dy)
    for t, want in zip(tensors, by_state, strict=True):
        np.testing.assert_allclose(t.grad.numpy(), want, atol=1e-14)


def test_steps_one_by_one_are_the_sequence():
    x, kernel, recurrent, bias, h, c = arguments(dtype=np.float32)
    y, h_last, c_last = lstm(x, kernel, recurrent, bias, (h, c))
    for t in range(S):
        h, c = lstm_cell(x[:, t], (h, c), kernel, recurrent, bias)
        np.testing.assert_allclose(h.numpy(), y.numpy()[:, t], atol=1e-6)
    np.testing.assert_allclose(h.numpy(), h_last.numpy(), atol=1e-6)
    np.testing.assert_allclose(c.numpy(), c_last.numpy(), atol=1e-6)


def test_cell_gradients_reach_every_argument():
    x, *rest = [Tensor(a, requires_grad=True) for a in arguments()]
    first = Tensor(x.numpy()[:, 0].copy(), requires_grad=True)
    h, c = lstm_cell(first, (rest[3], rest[4]), *rest[:3])
    h, c = lstm_cell(first, (h, c), *rest[:3])
    h.backward(np.ones(h.shape), retain_graph=True)
    c.backward(np.ones(c.shape))
    assert first.grad.shape == (B, F)
    assert all(np.abs(t.grad.numpy()).max() > 0 for t in rest)


@pytest.mark.parametrize("lengths", [np.array([2, 4, 0]), np.array([2, 4, 0], np.int32), np.array([0, 0, 0])])
@pytest.mark.parametrize("backwards", [False, True])
def test_lengths_are_the_sequences_alone(lengths, backwards):
    x, kernel, recurrent, bias, h, c = arguments()
    x[np.arange(S) >= lengths[:, None]] = np.nan  # never looked at
    y, h_last, c_last = lstm(x, kernel, recurrent, bias, (h, c), lengths, go_backwards=backwards)
    for b, n in enumerate(lengths):
        alone = lstm(x[b : b + 1, :n], kernel, recurrent, bias, (h[b : b + 1], c[b : b + 1]), go_backwards=backwards)
        np.testing.assert_allclose(y.numpy()[b, :n], alone[0].numpy()[0], atol=1e-14)
        np.testing.assert_allclose(h_last.numpy()[b], alone[1].numpy()[0], atol=1e-14)
        np.testing.assert_allclose(c_last.numpy()[b], alone[2].numpy()[0], atol=1e-14)
        assert not y.numpy()[b, n:].any()


def test_padding_gets_no_gradient_and_gives_none():
    arrays = arguments()
    lengths = np.array([2, 4, 1])
    arrays[0][np.arange(S) >= lengths[:, None]] = np.nan
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    y, _, _ = lstm(*tensors[:4], tuple(tensors[4:]), lengths)
    y.backward(np.ones(y.shape))
    dx = tensors[0].grad.numpy()
    assert not dx[np.arange(S) >= lengths[:, None]].any()
    assert all(np.isfinite(t.grad.numpy()).all() for t in tensors)


def test_a_mask_repeats_the_output_before():
    x, kernel, recurrent, bias, *_ = arguments()
    y, h, _ = (r.numpy() for r in lstm(x, kernel, recurrent, bias, mask=MASK))
    np.testing.assert_array_equal(y[0, 1], y[0, 0])
    np.testing.assert_array_equal(y[1, 3], y[1, 2])
    np.testing.assert_array_equal(y[1, :2], 0)
    np.testing.assert_array_equal(y[:2, 3], h[:2])
    np.testing.assert_array_equal(h[2], 0)
    zero, _, _ = lstm(x, kernel, recurrent, bias, mask=MASK, zero_output_for_mask=True)
    np.testing.assert_array_equal(zero.numpy(), np.where(MASK[:, :, None], y, 0))


def test_nan_stays_in_its_sequence():
    x, kernel, recurrent, bias, *_ = arguments(dtype=np.float32)
    x[1, 2, 0] = np.nan
    y, h, c = (r.numpy() for r in lstm(x, kernel, recurrent, bias))
    assert np.isnan(y[1, 2:]).all()
    assert np.isnan(h[1]).all()
    assert np.isnan(c[1]).all()
    assert np.isfinite(y[1, :2]).all()
    assert np.isfinite(y[[0, 2]]).all()


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0)])
def test_nothing_to_do(shape):
    _, kernel, recurrent, bias, h, c = arguments()
    x = Tensor(np.zeros((*shape, F)), requires_grad=True)
    k = Tensor(kernel, requires_grad=True)
    y, h_last, c_last = lstm(x, k, recurrent, bias, (h[: shape[0]], c[: shape[0]]))
    assert y.shape == (*shape, U)
    np.testing.assert_array_equal(h_last.numpy(), h[: shape[0]])
    np.testing.assert_array_equal(c_last.numpy(), c[: shape[0]])
    c_last.backward(np.ones(c_last.shape))
    assert not k.grad.numpy().any()


@pytest.mark.parametrize(("run", "gates"), [(lstm, 4), (gru, 3), (simple_rnn, 1)])
def test_a_single_sequence_of_many_units_is_the_same_at_any_number_of_threads(run, gates, threads):
    """Threads divide the columns of its products; among others it is computed by one."""
    units, rng = 500, np.random.default_rng(2)
    x = rng.standard_normal((2, 5, 3)).astype(np.float32)
    shapes = [(3, gates * units), (units, gates * units), (2, 3 * units) if run is gru else (gates * units,)]
    weights = [(0.05 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]
    h0 = rng.standard_normal((2, units)).astype(np.float32)

    def results(n, rows):
        threads(n)
        states = (h0[rows], h0[rows]) if run is lstm else h0[rows]
        with no_grad():
            return [r.numpy() for r in run(x[rows], *weights, states)]

    one, two, among = results(1, slice(1)), results(2, slice(1)), results(2, slice(2))
    for a, b, c in zip(one, two, among, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c[:1], atol=1e-5)
        assert np.abs(a).max() > 0.01


def test_inference_keeps_nothing(threads):
    threads(1)
    arrays = arguments(dtype=np.float32)
    with no_grad():
        y, h, c = lstm(*(Tensor(a, requires_grad=True) for a in arrays[:4]))
    assert y.is_leaf
    assert h.is_leaf
    assert c.is_leaf


def test_bad_input():
    x, kernel, recurrent, bias, h, c = arguments()
    with pytest.raises(ValueError, match=r"x must be \(batch, time, features\), got shape \(3, 2\)"):
        lstm(x[:, 0], kernel, recurrent)
    with pytest.raises(ValueError, match=r"x is \(3, 4, 2\) but kernel takes 3 features"):
        lstm(x, np.zeros((3, 4 * U)), recurrent)
    with pytest.raises(ValueError, match=r"recurrent_kernel must be \(units, 4 units\), got shape \(3, 9\)"):
        lstm(x, kernel, recurrent[:, :9])
    with pytest.raises(ValueError, match=r"bias has shape \(11,\), expected \(12,\)"):
        lstm(x, kernel, recurrent, bias[:11])
    with pytest.raises(ValueError, match=r"the initial state c has shape \(2, 3\), expected \(3, 3\)"):
        lstm(x, kernel, recurrent, bias, (h, c[:2]))
    with pytest.raises(TypeError, match="kernel is float32, expected float64"):
        lstm(x, kernel.astype(np.float32), recurrent)
    with pytest.raises(ValueError, match="activation 'gelu' is not native"):
        lstm(x, kernel, recurrent, activation="gelu")
    with pytest.raises(ValueError, match="lengths or mask, not both"):
        lstm(x, kernel, recurrent, lengths=np.array([1, 2, 3]), mask=MASK)
    with pytest.raises(ValueError, match=r"mask has shape \(3, 3\), expected \(3, 4\)"):
        lstm(x, kernel, recurrent, mask=MASK[:, :3])
    with pytest.raises(ValueError, match=r"lengths has shape \(2,\), expected \(3,\)"):
        lstm(x, kernel, recurrent, lengths=np.array([1, 2]))
    with pytest.raises(ValueError, match=r"lengths\[1\] is 5, expected 0 to 4, the steps of x"):
        lstm(x, kernel, recurrent, lengths=np.array([1, 5, 2]))
    with pytest.raises(ValueError, match=r"lengths\[2\] is -1"):
        lstm(x, kernel, recurrent, lengths=np.array([1, 2, -1], np.int32))
    with pytest.raises(TypeError, match="lengths is float64, expected int32 or int64"):
        lstm(x, kernel, recurrent, lengths=np.array([1.0, 2, 3]))


@pytest.mark.parametrize("name", _native.host_isas())
def test_large_gates_saturate(name):
    before = _native.isa()
    _native.use_isa(name)
    try:
        x = np.array([[[1e30], [-1e30], [1e4]]], np.float32)
        y, _, c = lstm(x, np.ones((1, 4), np.float32), np.ones((1, 4), np.float32))
    finally:
        _native.use_isa(before)
    assert np.isfinite(y.numpy()).all()
    assert np.isfinite(c.numpy()).all()
