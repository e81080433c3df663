"""What weights and masks do to metrics: one rule for all, and what a loss counts, its metric counts."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Sequential, Tensor, layers, losses, metrics, models
from lamina.core.masked_tensor import attach

RNG = np.random.default_rng(0)


def masked(values, mask):
    return attach(Tensor(values), Tensor(mask))


@pytest.mark.parametrize("name", ["Accuracy", "BinaryAccuracy", "RootMeanSquaredError"])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3), (4, 3, 2)])
def test_each_element_may_have_a_weight(name, shape):
    """As in Keras, also where predictions have no axis but that of samples."""
    y, p = RNG.integers(0, 2, shape).astype("f"), RNG.random(shape).astype("f").round(1)
    p[0] = y[0]
    values = {"Accuracy": y == p, "BinaryAccuracy": y == (p > 0.5), "RootMeanSquaredError": np.square(y - p)}[name]
    for sizes in {shape[:n] for n in range(1, len(shape) + 1)}:
        weight = RNG.uniform(0.5, 2, sizes)
        metric = getattr(metrics, name)()
        for n in (slice(0, 3), slice(3, 4)):  # batches of different sizes
            metric.update_state(y[n], p[n], weight[n])
        factors = np.broadcast_to(weight.reshape(sizes + (1,) * (len(shape) - len(sizes))), shape)
        wanted = np.average(values, weights=factors)
        assert metric.result() == pytest.approx(wanted**0.5 if name == "RootMeanSquaredError" else wanted, rel=1e-5)


def test_flat_predictions_of_batches_of_different_sizes():
    metric = metrics.BinaryAccuracy()
    metric.update_state([1, 1, 0, 0], [0.9, 0.1, 0.9, 0.9])
    metric.update_state([1], [0.9])
    assert metric.result() == pytest.approx(2 / 5)


@pytest.mark.parametrize("sizes", [(2,), (2, 1)])
def test_a_mask_of_samples_beside_weights_of_steps(sizes):
    y, p, weight = np.zeros((2, 3, 4)), RNG.random((2, 3, 4)), RNG.uniform(0.5, 2, (2, 3))
    mask = np.array([True, False]).reshape(sizes)
    values = np.square(p).mean(-1)
    metric = metrics.MeanSquaredError()
    metric.update_state(y, masked(p, mask), weight)
    assert metric.result() == pytest.approx(np.average(values[0], weights=weight[0]))
    loss = losses.MeanSquaredError()(y, masked(p, mask), weight)
    assert float(loss) == pytest.approx((values[0] * weight[0]).mean())


UNIT = RNG.standard_normal((6, 4))
UNIT /= np.linalg.norm(UNIT, axis=1, keepdims=True)
LABELS = np.array([0, 0, 1, 1, 2, 3])
LOGITS = RNG.standard_normal((3, 5, 4))
SPELLED = np.array([[1, 0], [2, 3], [1, 1]])
STEPS = np.array([[True] * 5, [True, True, True, False, False], [True] * 3 + [False] * 2])


@pytest.mark.parametrize(
    ("given", "y", "p"),
    [
        ("circle", LABELS, UNIT),  # of which those without a partner do not count
        ("info_nce", LABELS, UNIT),
        (losses.Triplet(), LABELS, UNIT),
        ("Huber", UNIT, UNIT[::-1]),
        (losses.SparseCategoricalCrossentropy(True, ignore_class=0), LABELS[:4], UNIT[:4]),
        (losses.CTC(), SPELLED, masked(LOGITS, STEPS)),
        ("ctc", SPELLED, masked(LOGITS, STEPS)),
        ("dice", (LOGITS > 0) * 1.0, masked(LOGITS**2, STEPS)),
    ],
    ids=str,
)
def test_the_metric_of_a_loss_counts_what_the_loss_counts(given, y, p):
    metric = metrics.get(given)
    metric.update_state(y, p)
    loss = losses.as_loss(given)
    assert metric.result() == pytest.approx(float(loss(y, p)), rel=1e-6)
    assert metric._direction == "down"
    again = metrics.deserialize(metrics.serialize(metric))
    again.update_state(y, p)
    assert (again.result(), again.name) == (metric.result(), metric.name)


def test_the_metric_of_a_loss_by_its_class_is_the_mean_over_samples():
    y, p, weight = np.zeros((5, 2)), RNG.random((5, 2)), RNG.uniform(0.5, 2, 5)
    metric = metrics.get("Huber")
    for n in (slice(0, 4), slice(4, 5)):
        metric.update_state(y[n], p[n], weight[n])
    assert metric.result() == pytest.approx(np.average(np.square(p).mean(-1) / 2, weights=weight), rel=1e-6)


def test_losses_and_wrapped_functions_among_the_metrics_are_loaded(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(3, "sigmoid")])
    given = ["dice", "Tversky", losses.Huber(delta=0.5), metrics.MeanMetricWrapper(metrics.huber, delta=2.0)]
    model.compile("sgd", "mse", metrics=given, weighted_metrics=[losses.MeanSquaredError(name="error")])
    x, y = RNG.random((6, 3)), RNG.random((6, 3)).round()
    wanted = model.evaluate(x, y, sample_weight=np.arange(6.0), verbose=0, return_dict=True)
    model.save(tmp_path / "model.lamina")
    again = models.load_model(tmp_path / "model.lamina")
    found = again.evaluate(x, y, sample_weight=np.arange(6.0), verbose=0, return_dict=True)
    assert found == wanted
    assert {"dice", "Tversky", "huber_loss", "huber", "error"} < set(found)
