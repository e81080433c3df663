"""Losses: values and gradients against PyTorch and the formulas, reductions, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import losses, ops
from lamina.core.autograd import Tensor
from lamina.core.masked_tensor import attach

RNG = np.random.default_rng(0)


def predictions(shape, positive=False):
    x = RNG.standard_normal(shape)
    return Tensor(np.abs(x) + 0.1 if positive else x, requires_grad=True)


def check_against_torch(ours, theirs, y_pred):
    """Same value, and the same gradient at y_pred."""
    torch = pytest.importorskip("torch")
    ours.backward()
    t = torch.tensor(y_pred.numpy().copy(), requires_grad=True)
    value = theirs(t)
    value.backward()
    assert float(ours) == pytest.approx(value.item(), rel=1e-6)
    np.testing.assert_allclose(y_pred.grad.numpy(), t.grad.numpy(), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("steps", [(), (4,)])
def test_sparse_categorical_crossentropy_is_torchs(from_logits, steps):
    torch = pytest.importorskip("torch")
    y_pred = predictions((6, *steps, 5), positive=not from_logits)
    labels = RNG.integers(0, 5, (6, *steps))
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    flat = torch.tensor(labels.reshape(-1))
    with_logits = torch.nn.functional.cross_entropy
    log_p = (lambda t: t) if from_logits else torch.log  # softmax(log p) scales p to sum 1
    y = np.asarray(y_pred)
    if not from_logits:
        y_pred.data = y / y.sum(-1, keepdims=True)
    check_against_torch(loss(labels, y_pred), lambda t: with_logits(log_p(t).reshape(-1, 5), flat), y_pred)


def test_ignored_class_counts_neither_in_sum_nor_in_mean_as_in_torch():
    torch = pytest.importorskip("torch")
    y_pred = predictions((8, 5))
    labels = np.array([0, 1, -1, 3, 4, -1, 2, 0])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    theirs = lambda t: torch.nn.functional.cross_entropy(t, torch.tensor(labels), ignore_index=-1)  # noqa: E731
    check_against_torch(loss(labels, y_pred), theirs, y_pred)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
def test_an_ignored_class_does_not_count_in_a_weighted_mean(reduction):
    y_pred = predictions((2, 4, 5)).numpy()
    labels = np.array([[0, 1, -1, 3], [4, -1, -1, 0]])
    weight = np.array([[0.5, 2.0, 9.0, 1.0], [0.0, 1.0, 9.0, 3.0]], np.float32)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1, reduction=reduction)
    plain = float(loss(labels, y_pred))
    assert plain == pytest.approx(float(loss(labels, y_pred, np.ones((2, 4)))), rel=1e-6)
    assert plain == pytest.approx(float(loss(labels, y_pred, np.ones(2))), rel=1e-6)
    each = losses.sparse_categorical_crossentropy(labels, y_pred, from_logits=True, ignore_class=-1).numpy()
    valid = labels >= 0
    divisor = valid.sum() if reduction == "sum_over_batch_size" else weight[valid].sum()
    assert float(loss(labels, y_pred, weight)) == pytest.approx((each * weight).sum() / divisor, rel=1e-6)
    assert float(loss(np.full((2, 4), -1), y_pred, weight)) == 0.0


def test_label_smoothing_is_torchs():
    torch = pytest.importorskip("torch")
    y_pred = predictions((6, 5))
    labels = RNG.integers(0, 5, 6)
    loss = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    theirs = lambda t: torch.nn.functional.cross_entropy(t, torch.tensor(labels), label_smoothing=0.2)  # noqa: E731
    check_against_torch(loss(np.eye(5)[labels], y_pred), theirs, y_pred)


def test_binary_crossentropy_is_torchs():
    torch = pytest.importorskip("torch")
    y = RNG.integers(0, 2, (6, 3)).astype(float)
    y_pred = predictions((6, 3))
    theirs = lambda t: torch.nn.functional.binary_cross_entropy_with_logits(t, torch.tensor(y))  # noqa: E731
    check_against_torch(losses.BinaryCrossentropy(from_logits=True)(y, y_pred), theirs, y_pred)
    p = Tensor(RNG.uniform(0.1, 0.9, (6, 3)), requires_grad=True)
    smooth = torch.tensor(y * 0.9 + 0.05)
    check_against_torch(
        losses.BinaryCrossentropy(label_smoothing=0.1)(y, p),
        lambda t: torch.nn.functional.binary_cross_entropy(t, smooth),
        p,
    )


@pytest.mark.parametrize(
    ("name", "torch_name", "options"),
    [
        ("MeanSquaredError", "mse_loss", {}),
        ("MeanAbsoluteError", "l1_loss", {}),
        ("Huber", "huber_loss", {"delta": 0.5}),
    ],
)
def test_regression_losses_are_torchs(name, torch_name, options):
    torch = pytest.importorskip("torch")
    y = RNG.standard_normal((7, 3))
    y_pred = predictions((7, 3))
    theirs = getattr(torch.nn.functional, torch_name)
    check_against_torch(
        getattr(losses, name)(**options)(y, y_pred), lambda t: theirs(t, torch.tensor(y), **options), y_pred
    )


def test_formulas():
    y = np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 1.0]])
    p = np.array([[0.5, 0.25, 1.5], [1.0, 0.5, 2.0]])
    cosine = (y * p).sum(-1) / np.linalg.norm(y, axis=-1) / np.linalg.norm(p, axis=-1)
    wanted = {
        "mean_absolute_percentage_error": 100 * np.mean(np.abs(y - p) / np.maximum(np.abs(y), 1e-7), -1),
        "mean_squared_logarithmic_error": np.mean((np.log1p(p) - np.log1p(y)) ** 2, -1),
        "log_cosh": np.mean(np.log(np.cosh(p - y)), -1),
        "kl_divergence": (np.clip(y, 1e-7, 1) * np.log(np.clip(y, 1e-7, 1) / np.clip(p, 1e-7, 1))).sum(-1),
        "poisson": np.mean(p - y * np.log(p + 1e-7), -1),
        "cosine_similarity": -cosine,
    }
    for name, value in wanted.items():
        np.testing.assert_allclose(getattr(losses, name)(y, p), value, rtol=1e-5, atol=1e-7, err_msg=name)


def test_hinges_read_zeros_as_minus_one():
    p = np.array([[0.6, -0.4], [0.4, -2.0]])
    zeros, signs = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[1.0, -1.0], [-1.0, -1.0]])
    wanted = np.maximum(1 - signs * p, 0)
    np.testing.assert_allclose(losses.hinge(zeros, p), wanted.mean(-1))
    np.testing.assert_allclose(losses.hinge(signs, p), wanted.mean(-1))
    np.testing.assert_allclose(losses.squared_hinge(zeros, p), (wanted**2).mean(-1))
    one_hot = np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(losses.categorical_hinge(one_hot, p), [2.0, 0.6])


def test_contrastive_pulls_pairs_and_pushes_others_to_the_margin():
    y, d = np.array([[1.0], [1.0], [0.0], [0.0]]), np.array([[0.0], [2.0], [0.5], [3.0]])
    np.testing.assert_allclose(losses.contrastive(y, d, margin=1.5), [0.0, 4.0, 1.0, 0.0])
    assert float(losses.Contrastive(1.5)(y, d)) == pytest.approx(1.25)


def test_reductions():
    y, p = np.zeros((4, 2)), np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]])
    w = np.array([1.0, 0.0, 2.0, 1.0])
    each = np.array([1.0, 4.0, 9.0, 16.0])
    for reduction, plain, weighted in [
        ("sum_over_batch_size", each.mean(), (each * w).sum() / 4),
        ("mean", each.mean(), (each * w).sum() / 4),
        ("mean_with_sample_weight", each.mean(), (each * w).sum() / 4.0),
        ("sum", each.sum(), (each * w).sum()),
        ("none", each, each * w),
        (None, each, each * w),
    ]:
        loss = losses.MeanSquaredError(reduction=reduction)
        np.testing.assert_allclose(loss(y, p), plain)
        np.testing.assert_allclose(loss(y, p, w), weighted)
        np.testing.assert_allclose(loss(y, p, w[:, None]), weighted)
    half = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert float(half(y, p, w / 2)) == pytest.approx((each * w).sum() / 4)
    assert float(half(y, p, w * 0)) == 0.0


def test_weights_of_samples_spread_over_time_steps():
    y, p = np.zeros((2, 3, 1)), np.ones((2, 3, 1))
    loss = losses.MeanSquaredError(reduction="none")
    np.testing.assert_allclose(loss(y, p, np.array([1.0, 2.0])), [[1, 1, 1], [2, 2, 2]])
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\), the losses it weights \(2, 3\)"):
        loss(y, p, np.ones(3))


def test_weighted_crossentropy_is_torchs():
    torch = pytest.importorskip("torch")
    y_pred = predictions((6, 5))
    labels, w = RNG.integers(0, 5, 6), RNG.uniform(0, 2, 6)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    each = lambda t: torch.nn.functional.cross_entropy(t, torch.tensor(labels), reduction="none")  # noqa: E731
    check_against_torch(loss(labels, y_pred, w), lambda t: (each(t) * torch.tensor(w)).mean(), y_pred)


def test_a_missing_last_axis_of_one_is_no_mistake():
    p = np.array([[1.0], [2.0]])
    assert float(losses.MeanSquaredError()(np.array([0.0, 0.0]), p)) == 2.5
    assert float(losses.MeanSquaredError()(np.zeros((2, 1)), p[:, 0])) == 2.5
    logits = RNG.standard_normal((3, 4))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(loss(np.array([[0], [1], [2]]), logits)) == float(loss(np.array([0, 1, 2]), logits))
    assert float(loss(np.array([0.0, 1.0, 2.0]), logits)) == float(loss(np.array([0, 1, 2], np.uint8), logits))


def test_shapes_that_do_not_fit_are_explained():
    with pytest.raises(ValueError, match=r"y_true is \(3,\), y_pred \(4, 1\): the batch sizes differ"):
        losses.MeanSquaredError()(np.zeros(3), np.zeros((4, 1)))
    with pytest.raises(ValueError, match="class indices go with a sparse_categorical_crossentropy"):
        losses.CategoricalCrossentropy(from_logits=True)(np.zeros(3, int), np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"one-hot labels go with categorical_crossentropy, class indices \(y.argmax"):
        losses.SparseCategoricalCrossentropy(from_logits=True)(np.eye(5), np.zeros((5, 5)))
    with pytest.raises(ValueError, match=r"class indices must be \(4,\)"):
        losses.SparseCategoricalCrossentropy(from_logits=True)(np.zeros(3, int), np.zeros((4, 5)))


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("bad", [-1, 5])
def test_a_label_out_of_range_is_named_with_its_place(from_logits, bad):
    labels = np.array([0, 1, bad, 3])
    y_pred = np.full((4, 5), 0.2 if not from_logits else 2.0, np.float32)
    with pytest.raises((ValueError, IndexError), match=rf"label {bad} at .*2.*"):
        losses.SparseCategoricalCrossentropy(from_logits=from_logits, reduction="none")(labels, y_pred)


@pytest.mark.parametrize("bad", [1.5, np.nan])
def test_labels_that_are_no_whole_numbers_are_refused(bad):
    y_pred, labels = predictions((3, 5)), np.array([0.0, bad, 2.0])
    with pytest.raises(ValueError, match=f"y_true holds {bad}, expected class indices, whole numbers"):
        losses.SparseCategoricalCrossentropy(from_logits=True)(labels, y_pred)
    labels[1] = 1.0
    assert losses.SparseCategoricalCrossentropy(from_logits=True)(labels, y_pred).shape == ()


def test_logits_taken_for_probabilities_are_noticed_once():
    labels, logits = np.array([0, 1]), np.array([[2.0, -1.0], [0.5, 0.3]])
    loss = losses.SparseCategoricalCrossentropy()
    with pytest.warns(UserWarning, match="predictions reach from -1 to 2, so they are logits; pass from_logits=True"):
        loss(labels, logits)
    loss(labels, logits)
    probabilities = np.array([[0.25, 0.75], [0.5, 0.5]])
    with pytest.warns(UserWarning, match="every row of predictions sums to 1, so they are probabilities"):
        losses.CategoricalCrossentropy(from_logits=True)(np.eye(2), probabilities)
    losses.SparseCategoricalCrossentropy()(labels, probabilities)


def test_functions_of_ones_own():
    def distance(y_true, y_pred):
        return ops.sum(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)

    y_pred = predictions((4, 3))
    loss = losses.as_loss(distance)
    value = loss(np.zeros((4, 3)), y_pred)
    assert float(value) == pytest.approx(np.abs(y_pred.numpy()).sum(-1).mean())
    value.backward()
    np.testing.assert_allclose(y_pred.grad.numpy(), np.sign(y_pred.numpy()) / 4)


def test_names():
    assert losses.get("mse") is losses.mean_squared_error
    assert losses.get(None) is None
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.as_loss("sparse_categorical_crossentropy"), losses.SparseCategoricalCrossentropy)
    assert isinstance(losses.as_loss(losses.huber), losses.Huber)
    assert isinstance(losses.get(losses.Hinge), losses.Hinge)
    with pytest.raises(ValueError, match="unknown loss 'mean_sqared_error': did you mean 'mean_squared_error'"):
        losses.get("mean_sqared_error")
    with pytest.raises(ValueError, match="unknown reduction 'avg'"):
        losses.MeanSquaredError(reduction="avg")
    with pytest.raises(TypeError, match="expected a name, a Loss or a function"):
        losses.get(3)


def test_config_round_trip():
    for loss in (
        losses.Huber(0.3, reduction="sum"),
        losses.KLDivergence(name="kl"),
        losses.BinaryCrossentropy(True, 0.1),
    ):
        again = losses.deserialize(losses.serialize(loss))
        assert type(again) is type(loss)
        assert again.get_config() == loss.get_config()


def test_names_of_ones_own():
    def distance(y_true, y_pred):
        return ops.sum(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)

    class Far(losses.Loss):
        def call(self, y_true, y_pred):
            return distance(y_true, y_pred)

    assert losses.deserialize("distance", custom_objects={"distance": distance}) is distance
    described = losses.serialize(Far(reduction="sum"))
    assert losses.deserialize(described, {"Far": Far}).reduction == "sum"
    assert losses.deserialize(losses.serialize(losses.huber)) is losses.huber
    with pytest.raises(ValueError, match="Far"):
        losses.deserialize(described)


def test_a_mask_of_the_values_says_which_count():
    """As in Keras, where a loss sets the mask of what it returns."""

    class Hard(losses.Loss):
        def call(self, y_true, y_pred):
            values = ops.maximum(ops.subtract(y_pred, y_true), 0.0)
            return attach(values, ops.greater(values, 0.0))

    y = np.array([1.0, -1.0, 3.0])
    assert float(Hard()(np.zeros(3), y)) == 2.0
    assert float(Hard()(np.zeros(3), y, np.ones(3))) == 2.0
    assert float(Hard(reduction="sum")(np.zeros(3), y)) == 4.0


def test_dtype_of_predictions_decides():
    for dtype in (np.float32, np.float64):
        value = losses.MeanSquaredError()(np.zeros((2, 2), np.int64), np.ones((2, 2), dtype))
        assert value.dtype == dtype
    assert losses.MeanSquaredError(dtype="float64")(np.zeros((2, 2)), np.ones((2, 2), np.float32)).dtype == np.float64


@pytest.mark.parametrize("dtype", [None, "float32"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", "sum", "none"])
def test_the_mask_of_predictions_with_weights_and_an_ignored_class(reduction, dtype):
    labels = np.array([[0, 1, -1, 3], [4, -1, 2, 0]])
    mask = np.array([[True, True, True, False], [True, False, True, False]])
    y_pred = attach(predictions((2, 4, 5)), Tensor(mask))
    loss = losses.SparseCategoricalCrossentropy(True, ignore_class=-1, reduction=reduction, dtype=dtype)
    values = np.asarray(losses.sparse_categorical_crossentropy(labels, y_pred, True, -1)) * mask
    for weight in (None, np.array([[0.5, 2.0, 9.0, 1.0], [1.0, 1.0, 3.0, 3.0]])):
        used = np.ones((2, 4)) if weight is None else weight
        counted = mask & (labels >= 0)
        total = (values * used).sum()
        wanted = {"none": values * used, "sum": total, "sum_over_batch_size": total / counted.sum()}
        wanted["mean_with_sample_weight"] = total / (counted * used).sum()
        np.testing.assert_allclose(loss(labels, y_pred, weight).numpy(), wanted[reduction], rtol=1e-5)
    assert float(losses.MeanSquaredError()(np.zeros((2, 4, 5)), attach(y_pred, Tensor(mask & False)))) == 0
    picture = attach(predictions((2, 4, 3, 5)), Tensor(mask))  # an axis more than the mask has
    wanted = (np.asarray(picture) ** 2)[mask].mean()
    assert float(losses.MeanSquaredError()(np.zeros(picture.shape), picture)) == pytest.approx(wanted)


@pytest.mark.parametrize("kind", [losses.BinaryCrossentropy, losses.CategoricalCrossentropy])
def test_the_range_of_predictions_that_counts_as_probabilities(kind, recwarn):
    """From 0 to 1, both included, and what rounding adds; probabilities of classes sum to 1, logits do not."""
    y = np.array([[0.0, 1.0], [1.0, 0.0]])
    right = np.array([[0.0, 1.0], [0.25, 0.75]])
    for fits in (right, right * 1.0005, right / 2):
        kind()(y, fits)
    for logits in (right * 1.002, right * 0.99, right / 2, right - 0.01, right[:, :1], np.ones((2, 1))):
        kind(from_logits=True)(y[:, : logits.shape[1]], logits)
    assert not recwarn.list
    for wrong in (right - 0.01, right * 1.01):
        with pytest.warns(UserWarning, match="so they are logits"):
            kind()(y, wrong)
    with pytest.warns(UserWarning, match="sums to 1"):
        kind(from_logits=True)(y, right * 1.0005)


@pytest.mark.parametrize("shape", [(), (3,), (3, 1), (3, 4), (3, 4, 1), (1, 4), (3, 1, 1), (1,)])
def test_shapes_of_weights(shape):
    """A weight is one number, or goes with the first axes of the losses; a last axis of one may be too many."""
    y_pred = predictions((3, 4, 5)).numpy()
    weight = RNG.uniform(0.5, 2, shape)
    each = (y_pred**2).mean(-1)
    axes = (*shape[:2], *(1,) * (2 - len(shape)))
    factors = np.broadcast_to(weight.reshape(axes), each.shape)
    loss = losses.MeanSquaredError(reduction="none")
    np.testing.assert_allclose(loss(np.zeros(y_pred.shape), y_pred, weight), each * factors, rtol=1e-6)
    for reduction, divisor in (("sum_over_batch_size", each.size), ("mean_with_sample_weight", factors.sum())):
        loss = losses.MeanSquaredError(reduction=reduction)
        got = float(loss(np.zeros(y_pred.shape), y_pred, weight))
        assert got == pytest.approx((each * factors).sum() / divisor, rel=1e-6)


@pytest.mark.parametrize("shape", [(4,), (3, 5), (3, 4, 2), (2, 4), (3, 4, 1, 1)])
def test_weights_that_do_not_fit(shape):
    y_pred = predictions((3, 4, 5)).numpy()
    with pytest.raises(ValueError, match="sample_weight has shape"):
        losses.MeanSquaredError()(np.zeros(y_pred.shape), y_pred, np.ones(shape))


@pytest.mark.parametrize("name", ["MeanSquaredError", "CategoricalCrossentropy", "Hinge", "KLDivergence"])
@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 4), (3, 4, 1)])
def test_what_has_no_weight_may_be_anything(name, shape):
    """Neither the loss nor a gradient sees a NaN that has the weight 0, for losses of one's own as well."""
    loss = getattr(losses, name)()
    y_true, y_pred = (np.full((3, 4, 5), 0.2) for _ in range(2))
    weight = np.ones(shape)
    weight[1] = 0
    wanted = float(loss(y_true, y_pred, weight))
    y_pred[1] = np.nan
    for given in (loss, losses.as_loss(loss.call)):
        leaf = Tensor(y_pred, requires_grad=True)
        value = given(y_true, leaf, weight)
        value.backward()
        assert float(value) == pytest.approx(wanted, rel=1e-6)
        assert np.isfinite(leaf.grad.numpy()).all()
        assert not leaf.grad.numpy()[1].any()


def test_a_gradient_of_what_has_no_weight_is_zero_for_losses_with_roots():
    """The square root has an infinite slope at 0: only what ``kept`` puts there keeps the NaN away."""
    own = losses.as_loss(lambda t, p: ops.sum(ops.sqrt(ops.abs(ops.subtract(p, t))), axis=-1))
    y_pred = Tensor(np.array([[1.0, 4.0], [2.0, 0.0]]), requires_grad=True)
    own(np.array([[0.0, 0.0], [2.0, 0.0]]), y_pred, np.array([1.0, 0.0])).backward()
    np.testing.assert_allclose(y_pred.grad.numpy(), [[0.25, 0.125], [0, 0]])


def test_a_loss_of_ones_own_gives_one_value_per_sample_or_one_for_all():
    y = np.ones((3, 2))
    for values in (2.0, np.full(3, 2.0), np.full((3, 2), 2.0)):
        loss = losses.as_loss(lambda t, p, values=values: values)
        assert float(loss(y, y)) == 2.0
        loss.reduction = "none"
        assert loss(y, y).shape == np.shape(values)
    for values in (np.ones(2), np.ones((2, 3)), np.ones((1, 2))):
        with pytest.raises(ValueError, match="expected one value per sample"):
            losses.as_loss(lambda t, p, values=values: values)(y, y)


def test_labels_of_all_types():
    """Any type of integers, whole floats and booleans are the same labels; with a last axis of one, too."""
    logits = predictions((2, 3, 4)).numpy()
    labels = np.array([[0, 1, 1], [1, 0, 0]])
    wanted = losses.sparse_categorical_crossentropy(labels, logits, True).numpy()
    for dtype in ("int8", "uint8", "int32", "uint64", "float32", "float64", "bool"):
        for given in (labels.astype(dtype), labels.astype(dtype)[..., None]):
            np.testing.assert_array_equal(losses.sparse_categorical_crossentropy(given, logits, True), wanted)
    ignoring = losses.SparseCategoricalCrossentropy(True, ignore_class=1, reduction="sum_over_batch_size")
    assert float(ignoring(labels[..., None], logits, np.ones(2))) == pytest.approx(wanted[labels == 0].mean())


def test_classes_on_the_last_axis_by_its_number():
    logits = predictions((2, 3, 4)).numpy()
    labels = np.array([[0, 1, 3], [1, 0, 2]])
    for axis in (-1, 2):
        for reduction in ("sum", "sum_over_batch_size"):
            loss = losses.SparseCategoricalCrossentropy(True, axis=axis, reduction=reduction)
            assert float(loss(labels, logits)) == float(
                losses.SparseCategoricalCrossentropy(True, reduction=reduction)(labels, logits)
            )
    for axis in (3, -4):
        with pytest.raises(ValueError, match=f"axis {axis} is out of range"):
            losses.CategoricalCrossentropy(True, axis=axis)(np.eye(4)[labels], logits)


def test_a_margin_that_is_kept_costs_nothing():
    assert losses.hinge([[1.0, 0.0]], [[3.0, -2.0]]).numpy().tolist() == [0.0]
    assert losses.squared_hinge([[1.0, -1.0]], [[3.0, -2.0]]).numpy().tolist() == [0.0]
    assert losses.categorical_hinge([[1.0, 0.0]], [[3.0, 1.0]]).numpy().tolist() == [0.0]
    np.testing.assert_allclose(losses.categorical_hinge([[1.0, 0.0]], [[3.0, 2.5]]), [0.5])


def test_integers_are_predictions_too():
    for name in ("mean_squared_error", "hinge", "huber"):
        function = getattr(losses, name)
        np.testing.assert_allclose(function([[1, 0]], [[3, 1]]), function([[1.0, 0.0]], [[3.0, 1.0]]))
        assert function([[1, 0]], [[3, 1]]).dtype == np.float32


def test_labels_are_looked_at_in_every_replay():
    """Floats are labels as long as they are whole; a captured step finds those that are not."""
    run = lamina.capture(losses.SparseCategoricalCrossentropy(from_logits=True))
    logits = Tensor(predictions((2, 4)).numpy())
    for labels in ([0.0, 3.0], [1.0, 2.0], [2.0, 0.0]):
        wanted = losses.SparseCategoricalCrossentropy(from_logits=True)(np.array(labels, int), logits)
        assert float(run(Tensor(np.array(labels)), logits)) == float(wanted)
    for wrong in ([0.5, 1.0], [1.0, np.nan], [4.0, 0.0]):
        with pytest.raises((ValueError, IndexError)):
            run(Tensor(np.array(wrong)), logits)


def test_weights_of_a_single_loss():
    """One number for the whole batch has no samples to weight: the message says what gives them."""
    whole = losses.as_loss(lambda t, p: ops.mean(ops.square(ops.subtract(t, p))))
    y = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"give y_true and y_pred a last axis, \(batch, 1\)$"):
        whole(y, 2 * y, np.ones(3))
    assert float(whole(y, 2 * y, 3.0)) == 3.0
    with pytest.raises(ValueError, match=r"the losses it weights \(3,\)$"):
        losses.MeanSquaredError()(y, 2 * y, np.ones(2))


@pytest.mark.parametrize("name", ["mean_squared_error", "hinge", "poisson"])
def test_targets_that_fit_but_for_an_axis_of_one(name):
    function = getattr(losses, name)
    y, p = np.array([0.0, 1.0, 1.0]), np.array([0.5, 1.0, 0.25])
    wanted = function(y[:, None], p[:, None]).numpy()
    np.testing.assert_array_equal(function(y, p[:, None]).numpy(), wanted)
    assert float(function(y[:, None], p)) == pytest.approx(wanted.mean(), rel=1e-6)
    for shape, message in (((3, 2), "must have the shape of y_pred$"), ((2, 1), "the batch sizes differ"),
                           ((3, 1, 1), "must have the shape of y_pred$")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            function(np.ones(shape), p)


def test_a_label_without_weight_may_be_anything_of_one_class():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    y_pred = Tensor(np.zeros((2, 1)), requires_grad=True)
    assert float(loss(np.array([0, 99]), y_pred, np.array([1.0, 0.0]))) == 0.0
    with pytest.raises((ValueError, IndexError), match="99"):
        loss(np.array([0, 99]), y_pred, np.array([1.0, 0.5]))
