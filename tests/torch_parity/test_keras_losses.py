"""Losses beside Keras's of the same name: values, reductions and gradients on random arrays and options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compare import many, torch
from hypothesis import assume, given
from hypothesis import strategies as st
from keras_live import keras

from lamina import Tensor, losses
from lamina.core.masked_tensor import attach

SEED = st.integers(0, 2**31)
REDUCTION = st.sampled_from(["sum_over_batch_size", "sum", "none", "mean_with_sample_weight"])


def softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def agree(name: str, y_true: Any, y_pred: Any, weight: Any = None, rtol: float = 2e-5, **options: Any) -> None:
    """The class of that name gives the same loss and gradient; Keras computes parts of float64 in float32."""
    ours = Tensor(y_pred.copy(), requires_grad=True)
    theirs = torch.tensor(y_pred, requires_grad=True)
    got = getattr(losses, name)(dtype="float64", **options)(y_true, ours, weight)
    want = getattr(keras.losses, name)(dtype="float64", **options)(
        torch.tensor(y_true), theirs, None if weight is None else torch.tensor(weight)
    )
    np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=rtol, atol=rtol)
    dy = np.random.default_rng(0).standard_normal(got.shape)
    got.backward(dy)
    try:
        want.backward(torch.tensor(dy, dtype=want.dtype))
    except RuntimeError as error:
        assume("must be contiguous" not in str(error))  # a fault of PyTorch's, of some classes not on the last axis
        raise
    wanted = theirs.grad.numpy()
    np.testing.assert_allclose(ours.grad.numpy(), wanted, rtol=10 * rtol, atol=10 * rtol * np.abs(wanted).max())


def of_classes(data: Any, seed: int) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Targets, predictions (batch, ..., classes, ...), weights and options of a loss of classes."""
    rng = np.random.default_rng(seed)
    inner = data.draw(st.lists(st.integers(2, 4), max_size=2))
    logits = data.draw(st.booleans())
    axis = data.draw(st.integers(1, len(inner) + 1))
    shape = [3, *inner]
    shape.insert(axis, 5)
    x = rng.standard_normal(shape)
    y_pred = x if logits else softmax(x, axis)
    y_true = softmax(3 * rng.standard_normal(shape), axis)
    weight = rng.uniform(0.5, 2, (3, *inner)) if data.draw(st.booleans()) else None
    options = {"from_logits": logits, "axis": data.draw(st.sampled_from([axis, axis - len(shape)]))}
    return y_true, y_pred, weight, {**options, "reduction": data.draw(REDUCTION)}


@many
@given(st.data(), SEED, st.sampled_from([0.0, 0.2]))
@pytest.mark.parametrize("name", ["CategoricalCrossentropy", "CategoricalFocalCrossentropy"])
def test_of_classes_on_any_axis(name, data, seed, smoothing):
    y_true, y_pred, weight, options = of_classes(data, seed)
    if options["axis"] in (-1, y_pred.ndim - 1):  # elsewhere Keras divides by the length of the last axis
        options["label_smoothing"] = smoothing
    if "Focal" in name:
        options["gamma"] = data.draw(st.sampled_from([0.0, 0.5, 2.0, 3.0]))
        if options["axis"] in (-1, y_pred.ndim - 1) and data.draw(st.booleans()):
            options["alpha"] = np.random.default_rng(seed).uniform(0, 1, 5).tolist()
    agree(name, y_true, y_pred, weight, **options)


@many
@given(st.data(), SEED)
def test_of_class_indices_on_any_axis(data, seed):
    y_true, y_pred, weight, options = of_classes(data, seed)
    labels = y_true.argmax(options["axis"])
    if data.draw(st.booleans()):
        labels = np.expand_dims(labels, options["axis"])
    if data.draw(st.booleans()) and options["reduction"] != "mean_with_sample_weight":
        options["ignore_class"] = 2  # Keras's mean with weights divides by those of ignored labels, too
    weight = None if "ignore_class" in options else weight
    if labels.ndim == y_pred.ndim and options["axis"] not in (-1, y_pred.ndim - 1):
        options.pop("ignore_class", None)  # Keras fails
    agree("SparseCategoricalCrossentropy", labels, y_pred, weight, **options)


@many
@given(st.data(), SEED, st.sampled_from([0.0, 0.3]), st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]))
def test_binary_focal(data, seed, smoothing, balanced, gamma):
    rng = np.random.default_rng(seed)
    shape = (3, *data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=2)))
    logits = data.draw(st.booleans())
    x = rng.standard_normal(shape)
    axis = data.draw(st.sampled_from([-1, 1]))
    weight = rng.uniform(0.5, 2, np.delete(shape, axis))  # Keras takes (3,) beside (3, n) for the last axis
    agree(
        "BinaryFocalCrossentropy", rng.integers(0, 2, shape).astype(float), x if logits else 1 / (1 + np.exp(-x)),
        weight if data.draw(st.booleans()) else None, from_logits=logits, label_smoothing=smoothing,
        apply_class_balancing=balanced, alpha=data.draw(st.floats(0, 1)), gamma=gamma, reduction=data.draw(REDUCTION),
        axis=axis,
    )  # fmt: skip


@many
@given(st.data(), SEED, st.floats(0.05, 0.95), REDUCTION)
def test_generalized(data, seed, q, reduction):
    rng = np.random.default_rng(seed)
    y_pred = softmax(rng.standard_normal((4, 5)), -1)
    weight = rng.uniform(0.5, 2, 4) if data.draw(st.booleans()) else None
    agree("CategoricalGeneralizedCrossEntropy", rng.integers(0, 5, 4), y_pred, weight, q=q, reduction=reduction)


@many
@given(st.data(), SEED, REDUCTION, st.sampled_from([None, 1, (1, 2), (1, 2, 3), (0, 1, 2)]))
@pytest.mark.parametrize("name", ["Dice", "Tversky"])
def test_regions(name, data, seed, reduction, axis):
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.integers(0, 2, (3, 4, 5, 2)).astype(float), rng.uniform(0, 1, (3, 4, 5, 2))
    options = {"alpha": data.draw(st.floats(0.1, 1)), "beta": data.draw(st.floats(0.1, 1))} if name == "Tversky" else {}
    weight = rng.uniform(0.5, 2, 3) if axis == (1, 2, 3) and data.draw(st.booleans()) else None
    if axis == (0, 1, 2):  # one value for each channel, which Lamina refuses as one of a sample
        function = getattr(losses, name.lower())
        want = getattr(keras.losses, name.lower())(torch.tensor(y_true), torch.tensor(y_pred), axis=axis, **options)
        np.testing.assert_allclose(function(y_true, y_pred, axis=axis, **options), want, rtol=2e-5)
        return
    agree(name, y_true, y_pred, weight, reduction=reduction, axis=axis, **options)


@many
@given(st.data(), SEED, st.booleans(), st.floats(1, 80), st.floats(0.1, 0.5), REDUCTION)
def test_circle(data, seed, remove_diagonal, gamma, margin, reduction):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((6, 4))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    labels = np.array([0, 0, 1, 1, 2, 2])[rng.permutation(6)]
    options = {"remove_diagonal": remove_diagonal, "gamma": gamma, "margin": margin, "reduction": reduction}
    agree("Circle", labels, x, **options)
    refs, others = x[::-1][:5].copy(), rng.integers(0, 3, 5)
    got = losses.circle(labels, x, others, refs, False, gamma, margin).numpy()
    want = keras.losses.circle(
        torch.tensor(labels), torch.tensor(x), torch.tensor(others), torch.tensor(refs), False, gamma, margin
    )
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


@many
@given(SEED, REDUCTION, st.sampled_from([(4, 5, 3), (4, 3)]), st.booleans())
@pytest.mark.parametrize(
    "name",
    [
        "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
        "CategoricalHinge", "CosineSimilarity", "Hinge", "Huber", "KLDivergence", "LogCosh", "MeanAbsoluteError",
        "MeanSquaredError", "Poisson", "SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy",
    ],
)  # fmt: skip
def test_masks_and_weights(name, seed, reduction, shape, with_weights):
    rng = np.random.default_rng(seed)
    y_pred = softmax(rng.standard_normal(shape), -1)
    y_true = rng.integers(0, 3, shape[:-1])
    if "Sparse" not in name and "Generalized" not in name:
        y_true = np.eye(3)[y_true]
    mask = rng.random(shape[:-1]) < 0.6
    weight = rng.uniform(0, 2, shape[:-1]) * (rng.random(shape[:-1]) < 0.7) if with_weights else None
    other = torch.tensor(y_pred)
    keras.src.backend.set_keras_mask(other, torch.tensor(mask))
    want = getattr(keras.losses, name)(reduction=reduction, dtype="float64")(
        torch.tensor(y_true), other, None if weight is None else torch.tensor(weight)
    )
    got = getattr(losses, name)(reduction=reduction, dtype="float64")(
        y_true, attach(Tensor(y_pred), Tensor(mask)), weight
    )
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=2e-5, atol=1e-6)


def test_signatures_are_keras():
    """Names and order of the arguments; what Keras lacks comes behind them."""
    import inspect

    for name in losses.__all__:
        other, mine = getattr(keras.losses, name, None), getattr(losses, name)
        if other is not None:
            theirs, ours = (list(inspect.signature(f).parameters) for f in (other, mine))
            assert ours[: len(theirs)] == theirs, name
