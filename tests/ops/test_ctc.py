"""CTC: closed values, every alignment summed up, gradients, long sequences, decoding, bad input, capture."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import lamina
from lamina import losses, ops
from lamina.core.autograd import Tensor
from lamina.core.masked_tensor import attach
from lamina.testing import check_gradients


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def spelled(path, blank, merge=True):
    kept = [c for i, c in enumerate(path) if not merge or i == 0 or c != path[i - 1]]
    return tuple(c for c in kept if c != blank)


def probabilities(x, blank):
    """{labels: probability} over all paths of one sequence."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(x.shape[1]), repeat=len(x)):
        labels = spelled(path, blank)
        found[labels] = found.get(labels, 0.0) + float(np.prod(softmax(x)[np.arange(len(x)), path]))
    return found


@pytest.mark.parametrize("blank", [0, 2])
def test_all_alignments(blank):
    x = np.random.default_rng(0).standard_normal((1, 4, 3))
    for labels, p in probabilities(x[0], blank).items():
        target = np.array([[*labels, blank]])  # what stands behind the labels does not count
        assert float(ops.ctc_loss(target, x, [len(labels)], [4], blank)[0]) == pytest.approx(-np.log(p), rel=1e-10)


def test_closed_values():
    zeros = np.zeros((1, 2, 2))
    assert float(ops.ctc_loss([[1]], zeros, [1], [2])[0]) == pytest.approx(np.log(4 / 3))
    assert float(ops.ctc_loss([[1]], zeros, [0], [2])[0]) == pytest.approx(np.log(4))
    assert float(ops.ctc_loss([[1]], zeros, [0], [0])[0]) == 0.0
    assert float(losses.CTC()(np.array([[1, 0]]), zeros)) == pytest.approx(np.log(4 / 3))
    assert losses.ctc(np.array([[1.0, 0.0]]), zeros.astype(np.float32)).dtype == np.float32


def test_gradients():
    rng = np.random.default_rng(1)
    x, target = rng.standard_normal((3, 6, 4)), np.array([[1, 1, 2], [3, 1, 0], [2, 0, 0]])
    check_gradients(lambda x: ops.ctc_loss(target, x, [3, 2, 0], [6, 4, 5]), x)
    t = Tensor(x, requires_grad=True)
    ops.ctc_loss(target, t, [3, 2, 0], [6, 4, 0]).backward(np.ones(3))
    assert not t.grad.numpy()[1, 4:].any()
    assert not t.grad.numpy()[2].any()
    np.testing.assert_allclose(t.grad.numpy().sum(-1), 0, atol=1e-12)


def test_long_sequences_keep_their_digits():
    rng = np.random.default_rng(2)
    x, target = 3 * rng.standard_normal((1, 3000, 20)), rng.integers(1, 20, (1, 600))
    found = []
    for dtype in (np.float32, np.float64):
        t = Tensor(x.astype(dtype), requires_grad=True)
        loss = ops.ctc_loss(target, t, [600], [3000])
        loss.backward(np.ones(1, dtype))
        found.append((float(loss[0]), t.grad.numpy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=2e-7)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-4)


def test_logits_of_infinity():
    """No way left: the loss is infinite, as PyTorch's; a NaN is one in the loss of its own sequence alone."""
    x = np.zeros((3, 3, 3))
    x[0, :, 1], x[1, 1, 0] = -np.inf, np.nan
    got = ops.ctc_loss(np.ones((3, 1), int), x, [1, 1, 1], [3, 3, 3]).numpy()
    assert got[0] == np.inf
    assert np.isnan(got[1])
    assert np.isfinite(got[2])


def test_masks_and_weights():
    rng = np.random.default_rng(3)
    x, target = rng.standard_normal((2, 5, 3)), np.array([[1, 2], [2, 0]])
    mask = np.arange(5) < np.array([[4], [5]])
    each = ops.ctc_loss(target, x, [2, 1], [4, 5]).numpy()
    assert float(losses.CTC()(target, attach(Tensor(x), Tensor(mask)))) == pytest.approx(each.mean())
    assert float(losses.CTC(reduction="sum")(target, attach(Tensor(x), Tensor(mask)), [2.0, 0.0])) == 2 * each[0]


def test_captured_steps_give_the_same_bits():
    rng = np.random.default_rng(4)
    logits = Tensor(rng.standard_normal((3, 7, 5)).astype(np.float32), requires_grad=True)

    def step(y):
        logits.zero_grad()
        value = losses.CTC()(y, logits)
        value.backward()
        return value

    captured = lamina.capture(step)
    for labels in ([[1, 2], [3, 0], [4, 4]], [[1, 0], [3, 3], [0, 0]], [[2, 1], [1, 4], [3, 2]]):
        eager, gradient = float(step(np.array(labels))), logits.grad.numpy().copy()
        assert float(captured(np.array(labels))) == eager
        np.testing.assert_array_equal(logits.grad.numpy(), gradient)


def test_bad_input():
    x = np.zeros((2, 3, 4))
    good = ([[1, 2], [1, 0]], x, [2, 1], [3, 3])
    for change, message in (
        ({0: [[1, 1], [2, 2]], 2: [2, 2], 3: [3, 2]}, "target 1 has 2 labels with repetitions, which need 3 steps; its "
         "output has 2"),
        ({3: [3, 0]}, "target 1 has 1 labels, which need 1 steps; its output has 0"),
        ({2: [3, 1]}, r"target_length at \[0\] is 3, the targets have places for 0 to 2"),
        ({3: [3, 4]}, r"output_length at \[1\] is 4, the outputs have 0 to 3 steps"),
        ({3: [3, -1]}, r"output_length at \[1\] is -1"),
        ({0: [[1, 4], [1, 0]]}, r"label 4 at \[0, 1\] is outside 0\.\.3"),
        ({2: [2, 2]}, r"the label at \[1, 1\] is 0, the blank"),
        ({2: [2]}, "label_lengths are"),
        ({1: x[0]}, r"output must be \(batch, steps, classes\)"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            ops.ctc_loss(*(change.get(i, a) for i, a in enumerate(good)))
    with pytest.raises(ValueError, match="the blank must be one of 4 classes, got 4"):
        ops.ctc_loss(*good, mask_index=4)
    with pytest.raises(TypeError, match="target_length must be integers, got float"):
        ops.ctc_loss(good[0], x, [1.5, 1.0], good[3])
    with pytest.raises(ValueError, match=r"y_true is \(2,\), y_pred \(2, 3, 4\)"):
        losses.ctc([1, 2], x)


def test_greedy_decoding():
    best = np.array([[1, 1, 0, 1, 2, 2], [0, 3, 3, 3, 0, 1]])
    x = np.where(np.arange(4) == best[..., None], 2.0, 0.5)
    labels, scores = ops.ctc_decode(x, [6, 4])
    np.testing.assert_array_equal(labels, [[[1, 1, 2, -1, -1, -1], [3, -1, -1, -1, -1, -1]]])
    np.testing.assert_array_equal(scores, [[-12.0], [-8.0]])
    labels, _ = ops.ctc_decode(x, [6, 4], merge_repeated=False, mask_index=2)
    np.testing.assert_array_equal(labels, [[[1, 1, 0, 1, -1, -1], [0, 3, 3, 3, -1, -1]]])


@pytest.mark.parametrize("blank", [0, 3])
def test_a_wide_beam_finds_the_most_likely_labels(blank):
    x = np.random.default_rng(5).standard_normal((2, 5, 4))
    labels, scores = ops.ctc_decode(x, [5, 3], "beam_search", beam_width=1000, top_paths=6, mask_index=blank)
    for n, steps in enumerate((5, 3)):
        best = sorted(probabilities(x[n, :steps], blank).items(), key=lambda kv: -kv[1])[:6]
        for i, (path, p) in enumerate(best):
            assert tuple(c for c in labels.numpy()[i, n] if c >= 0) == path
            assert float(scores[n, i]) == pytest.approx(np.log(p))


def test_beams_of_one_and_of_nothing():
    x = np.array([[[0.0, 5.0, 0.0], [0.0, 0.0, 5.0]]])
    labels, _ = ops.ctc_decode(x, [2], "beam_search", beam_width=1)
    np.testing.assert_array_equal(labels, [[[1, 2]]])
    labels, scores = ops.ctc_decode(x, [0], "beam_search", top_paths=2)
    np.testing.assert_array_equal(labels, np.full((2, 1, 2), -1))
    np.testing.assert_array_equal(scores, [[0.0, -np.inf]])


def test_bad_input_of_decoding():
    x = np.zeros((2, 3, 4))
    for arguments, message in (
        ((x[0], [3, 3]), "inputs must be"), ((x, [3]), "sequence_lengths are"), ((x, [3, 4]), "a sequence length is 4"),
        ((x, [-1, 3]), "a sequence length is -1"),
        ((x, [3, 3], "beam"), "unknown strategy 'beam'"), ((x, [3, 3], "greedy", 5, 2), "needs strategy="),
        ((x, [3, 3], "beam_search", 5, 6), "top_paths must be 1 to beam_width=5"),
        ((x, [3, 3], "beam_search", 5, 1, False), "always merges"),
        ((x, [3, 3], "greedy", 1, 1, True, 4), "mask_index"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            ops.ctc_decode(*arguments)


def test_a_layer_with_the_loss_is_drawn():
    class Loss(lamina.layers.Layer):
        def call(self, labels, logits):
            n = ops.shape(logits)[0]
            steps = ops.ones((n,), dtype="int32") * ops.shape(logits)[1]
            counts = ops.ones((n,), dtype="int32") * ops.shape(labels)[1]
            self.add_loss(ops.mean(ops.ctc_loss(labels, logits, counts, steps)))
            return logits

    x, labels = lamina.Input((12, 3)), lamina.Input((4,), dtype="int32")
    model = lamina.Model([x, labels], Loss()(labels, lamina.layers.Dense(6)(x)))
    model.compile("sgd")
    rng = np.random.default_rng(0)
    given = [rng.random((8, 12, 3)), rng.integers(1, 6, (8, 4))]
    found = model.fit(given, epochs=2, verbose=0).history["loss"]
    assert found[1] < found[0]
    with pytest.raises(ValueError, match="the blank; choose another mask_index"):
        model([given[0], np.zeros((8, 4), int)])
