"""What masks and weights of 0 leave out reaches no loss, metric, result or gradient: not even a NaN."""

import numpy as np
import pytest

import lamina
from lamina import Tensor, layers, losses, metrics, ops, optimizers
from lamina.core.masked_tensor import attach
from lamina.losses.reduction import REDUCTIONS
from lamina.reference import attention as twin

KEPT = np.array([[1, 1, 0, 0], [1, 0, 1, 1]], bool)


def squared(y_true, y_pred):
    """A loss of which nothing is known."""
    return ops.mean(ops.square(y_pred - y_true), axis=-1)


class Ratio(lamina.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.divide(y_pred, y_true), axis=-1)


INDICES = {"SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy", "MultiMargin"}  # of classes
# Losses without a value for each step by itself: of whole batches, of pairs, of sequences, of means with variances.
OTHERS = {
    "CTC", "Circle", "CosineEmbedding", "Dice", "GaussianNLL", "InfoNCE", "MarginRanking", "Triplet", "Tversky",
}  # fmt: skip
NAMES = sorted({cls.__name__ for cls in losses.BUILT_IN} - OTHERS)


def loss_of(name, reduction):
    if name == "squared":
        return losses.FunctionLoss(squared, reduction=reduction)
    if name == "Ratio":
        return Ratio(reduction=reduction)
    return losses.get({"class_name": name, "config": {"reduction": reduction}})


@pytest.mark.parametrize("how", ["mask", "weight", "both", "captured"])
@pytest.mark.parametrize("name", [*NAMES, "squared", "Ratio"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.filterwarnings("ignore:.*predictions:UserWarning")
def test_in_every_loss_and_reduction(name, how, dtype):
    rng = np.random.default_rng(0)
    n = 1 if name == "Contrastive" else 3
    p = (rng.random((2, 4, n)) * 0.8 + 0.1).astype(dtype)
    t = (rng.random((2, 4, n)) * 0.8 + 0.1).astype(dtype)
    clean, holed = t.copy(), t.copy()
    holed[0, 2:], holed[1, 1] = np.nan, np.inf
    if name in INDICES:
        clean, holed = np.array([[0, 1, 0, 0], [2, 0, 0, 1]]), np.array([[0, 1, np.nan, -7], [2, 99, 0, 1]])
    weight = np.where(KEPT, rng.random((2, 4)) + 0.5, 0).astype(dtype)

    def run(loss, y_true, y_pred):
        def step(y_pred, y_true, weight):
            masked = attach(y_pred, Tensor(KEPT)) if how in ("mask", "both") else y_pred
            value = loss(y_true, masked, None if how == "mask" else weight)
            ops.sum(value).backward()
            return value

        x = Tensor(y_pred, requires_grad=True)
        if how == "captured":
            captured = lamina.capture(step, strict=True)
            captured(x, Tensor(y_true), Tensor(weight))
            x.zero_grad()
            value = captured(x, Tensor(y_true), Tensor(weight))
        else:
            value = step(x, Tensor(y_true), Tensor(weight))
        return value.numpy(), x.grad.numpy()

    for reduction in REDUCTIONS:
        loss = loss_of(name, reduction)
        wanted = run(loss, clean, np.where(KEPT[..., None], p, 1).astype(dtype))
        for predictions in (p, np.where(KEPT[..., None], p, np.nan).astype(dtype)):
            for value, want in zip(run(loss, holed, predictions), wanted, strict=True):
                np.testing.assert_array_equal(value, want)
        assert not wanted[1][~KEPT].any()
        assert wanted[1][KEPT].any()


@pytest.mark.parametrize("label", [-1, 3, np.nan])
def test_labels_that_are_left_out_may_be_anything(label):
    x = np.random.default_rng(1).standard_normal((6, 4)).astype("f")
    y = np.array([0, 1, 2, label, 1, label])
    weight = np.array([1, 2, 1, 0, 1, 0])
    net = lamina.Sequential([layers.Dense(3)])
    net.compile(optimizers.SGD(0.1), losses.SparseCategoricalCrossentropy(from_logits=True))
    history = net.fit(x, y, sample_weight=weight, verbose=0, batch_size=3)
    assert np.isfinite(history.history["loss"]).all()
    with pytest.raises(ValueError, match=r"is no class for the loss|whole numbers"):
        net.fit(x, y, verbose=0)


@pytest.mark.parametrize("eagerly", [False, True])
def test_in_fit_evaluate_and_metrics(eagerly):
    x = np.arange(24).reshape(4, 6) % 6 + 1
    x[:, 3:] = 0
    y = np.random.default_rng(0).standard_normal((4, 6, 1)).astype("f")
    holed = y.copy()
    holed[:, 3:] = np.nan

    def model():
        net = lamina.Sequential([layers.Embedding(7, 4, mask_zero=True), layers.Dense(1)])
        net(x)
        net.compile(optimizers.SGD(0.1), "mse", metrics=["mae"], weighted_metrics=["mae"], run_eagerly=eagerly)
        return net

    a, b = model(), model()
    b.set_weights(a.get_weights())
    for net, target in ((a, y), (b, holed)):
        net.fit(x, target, epochs=2, shuffle=False, verbose=0)
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    result = b.evaluate(x, holed, verbose=0, return_dict=True)
    error = abs(np.asarray(b(x)) - holed)[:, :3].mean()
    assert result["mae"] == result["weighted_mae"] == pytest.approx(error, rel=1e-5)  # as in Keras 3.15
    weight = np.array([1.0, 0.0, 2.0, 0.0])
    holed[1], holed[3] = np.nan, np.inf
    result = b.evaluate(x, holed, sample_weight=weight, verbose=0, return_dict=True)
    assert np.isfinite([result["loss"], result["weighted_mae"]]).all()


def test_metrics_leave_out_what_has_no_weight():
    mse = metrics.MeanSquaredError()
    mse.update_state(np.array([[1.0], [np.nan], [np.inf]]), np.zeros((3, 1)), np.array([2.0, 0.0, 0.0]))
    assert mse.result() == 1.0
    mean = metrics.Mean()
    mean.update_state([3.0, np.nan], [1.0, 0.0])
    assert mean.result() == 3.0
    mean.update_state([np.nan], [1.0])
    assert np.isnan(mean.result())


def attend(q, k, v, dy, **options):
    leaves = [Tensor(a.copy(), requires_grad=True) for a in (q, k, v)]
    y = ops.dot_product_attention(*leaves, **options)
    y.backward(dy)
    return [y.numpy(), *(t.grad.numpy() for t in leaves)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["keys", "queries", "pairs", "bias", "causal", "causal keys"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("isa")
def test_in_attention(dtype, kind, bad):
    rng = np.random.default_rng(0)
    for B, T, S, H, heads, D in (
        (1, 5, 5, 1, 1, 4),
        (2, 70, 70, 2, 1, 16),
        (1, 130, 300, 2, 2, 32),
        (8, 20, 20, 4, 4, 8),
    ):
        q, k, v, dy = (
            rng.standard_normal(s).astype(dtype)
            for s in ((B, T, H, D), (B, S, heads, D), (B, S, heads, D), (B, T, H, D))
        )
        seen, options = T, {}
        holed = [a.copy() for a in (q, k, v, dy)]
        if kind in ("keys", "causal keys", "bias"):
            kept = np.ones((B, S), bool)
            kept[:, S // 3 : S // 3 + 2] = kept[:, -1] = False
            holed[1][~kept] = holed[2][~kept] = bad
            mask = kept[:, None, None, :]
            options = {"bias": np.where(mask, 0, -np.inf).astype(dtype)} if kind == "bias" else {"mask": mask}
            options["is_causal"] = kind == "causal keys"
        elif kind == "queries":  # of a sequence with itself: padding is all that
            kept = np.ones((B, T), bool)
            kept[:, 2:4] = kept[:, -1] = False
            mask = np.broadcast_to(kept[:, None, :, None], (B, 1, T, S)).copy()
            holed[0][~kept] = holed[3][~kept] = bad
            if S == T:
                mask &= kept[:, None, None, :]
                holed[1][~kept] = holed[2][~kept] = bad
            options = {"mask": mask}
        elif kind == "pairs":
            mask = rng.random((B, H, T, S)) < 0.5
            mask[..., 1] = mask[..., S - 1] = False
            holed[1][:, 1], holed[2][:, S - 1] = bad, bad
            options = {"mask": mask}
        else:  # a loss that doesn't look at later steps
            seen = min(T, S) // 2
            for a in holed[:3]:
                a[:, seen:] = bad
            dy[:, seen:] = holed[3][:, seen:] = 0
            options = {"is_causal": True}
        wanted, found = attend(q, k, v, dy, **options), attend(*holed, **options)
        np.testing.assert_array_equal(found[0][:, :seen], wanted[0][:, :seen])
        for g, want in zip(found[1:], wanted[1:], strict=True):
            np.testing.assert_array_equal(g, want)


def test_attention_does_not_hide_what_is_seen():
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, 6, 2, 4)) for _ in range(3))
    v[0, 3, 1, 2], k[1, 4, 0], v[1, 5, 0, 1] = np.nan, np.nan, np.inf
    for options in ({"is_causal": True}, {"mask": rng.random((2, 2, 6, 6)) < 0.7}):
        y = ops.dot_product_attention(q, k, v, **options).numpy()
        causal = "top_left" if "is_causal" in options else "none"
        wanted, _, _ = twin.attention_forward(q, k, v, options.get("mask"), None, None, causal, 0.5)
        np.testing.assert_allclose(y, wanted, rtol=1e-9)
        assert 0 < np.isnan(y).sum() < y.size
    assert np.isnan(ops.dot_product_attention(q, k, v).numpy()[0, :, 1, 2]).all()


def test_the_scores_of_attention():
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, 6, 2, 4)) for _ in range(3))
    mask = np.ones((2, 1, 1, 6), bool)
    mask[..., -1] = False
    k[:, -1] = np.nan
    leaves = [Tensor(q, requires_grad=True), Tensor(k, requires_grad=True)]
    y, scores = ops.attention_with_scores(*leaves, v, mask=mask)
    (ops.sum(scores * rng.random(scores.shape)) + ops.sum(y)).backward()
    for t in leaves:
        assert np.isfinite(t.grad.numpy()).all()


def test_the_projections_of_multi_head_attention():
    layer = layers.MultiHeadAttention(2, 3)
    x = np.random.default_rng(0).standard_normal((2, 4, 6)).astype("f")

    def gradients(x):
        x = attach(Tensor(x), Tensor(KEPT))
        y = layer(x, x)
        for w in layer.weights:
            w.zero_grad()
        losses.MeanSquaredError()(np.zeros(y.shape, "f"), y).backward()
        return [w.grad.numpy().copy() for w in layer.weights]

    wanted = gradients(np.where(KEPT[..., None], x, 0).astype("f"))
    for g, want in zip(gradients(np.where(KEPT[..., None], x, np.nan).astype("f")), wanted, strict=True):
        np.testing.assert_array_equal(g, want)
