"""Metrics: values, weights, running state, how "accuracy" is settled, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Sequential, Tensor, layers, losses, metrics, ops
from lamina.core.masked_tensor import attach


def test_accuracies():
    scores = np.array([[0.1, 0.9, 0.0], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.3, 0.4, 0.3]])
    labels = np.array([1, 1, 2, 0])
    assert metrics.SparseCategoricalAccuracy()(labels, scores) == 0.5
    assert metrics.SparseCategoricalAccuracy()(labels[:, None], scores) == 0.5
    assert metrics.CategoricalAccuracy()(np.eye(3)[labels], scores) == 0.5
    assert metrics.BinaryAccuracy()(np.array([1, 0, 1]), np.array([[0.9], [0.2], [0.5]])) == pytest.approx(2 / 3)
    assert metrics.BinaryAccuracy(threshold=0.0)(np.array([1, 0]), np.array([0.1, -0.1])) == 1.0
    assert metrics.Accuracy()(np.array([1, 2, 3]), np.array([1, 2, 4])) == pytest.approx(2 / 3)


def test_top_k_counts_ties_as_right_and_nan_as_wrong():
    scores = np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0.5, 0.5, 0.5, 0.5], [0.1, np.nan, 0.2, 0.3]])
    labels = np.array([2, 2, 3, 1])
    np.testing.assert_array_equal(metrics.sparse_top_k_categorical_accuracy(labels, scores, 2), [1, 0, 1, 0])
    assert metrics.SparseTopKCategoricalAccuracy(2)(labels, scores) == 0.5
    assert metrics.TopKCategoricalAccuracy(2)(np.eye(4)[labels], scores) == 0.5
    assert metrics.TopKCategoricalAccuracy().get_config()["k"] == 5


def test_errors_and_their_root():
    y, p = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[1.0, 3.0], [1.0, 2.0]])
    assert metrics.MeanSquaredError()(y, p) == pytest.approx((5 + 0.5) / 2)
    assert metrics.MeanAbsoluteError()(y, p) == pytest.approx((2 + 0.5) / 2)
    assert metrics.RootMeanSquaredError()(y, p) == pytest.approx(2.75**0.5)


def test_state_runs_over_batches_and_starts_again():
    m = metrics.SparseCategoricalAccuracy()
    assert m.result() == 0.0
    m.update_state(np.array([0, 0, 0]), np.eye(2)[[0, 0, 1]])
    m.update_state(np.array([0]), np.eye(2)[[1]])
    assert m.result() == 0.5
    m.reset_state()
    assert m.result() == 0.0


def test_weights():
    m = metrics.SparseCategoricalAccuracy()
    m.update_state(np.array([0, 0]), np.eye(2)[[0, 1]], sample_weight=np.array([3.0, 1.0]))
    assert m.result() == 0.75
    steps = metrics.SparseCategoricalAccuracy()
    steps.update_state(np.zeros((2, 3), int), np.eye(2)[np.array([[0, 0, 0], [1, 1, 1]])], np.array([3.0, 1.0]))
    assert steps.result() == 0.75
    mean = metrics.Mean()
    mean.update_state([1.0, 5.0], [1.0, 3.0])
    assert mean.result() == 4.0
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\), the values \(2,\)"):
        mean.update_state([1.0, 5.0], [1.0, 3.0, 1.0])


def test_accuracy_is_settled_by_shapes():
    def kind(y_true, y_pred):
        return metrics.get("accuracy", y_true, y_pred).fn.__name__

    assert kind((8, 1), (8, 1)) == "binary_accuracy"
    assert kind((8,), (8, 1)) == "binary_accuracy"
    assert kind((8,), (8, 10)) == "sparse_categorical_accuracy"
    assert kind((8, 1), (8, 10)) == "sparse_categorical_accuracy"
    assert kind((8, 10), (8, 10)) == "categorical_accuracy"
    assert metrics.get("acc", (8,), (8, 10)).name == "acc"
    cross = metrics.get("crossentropy", (2,), (2, 2))
    assert cross(np.array([0, 1]), np.array([[0.5, 0.5], [0.25, 0.75]])) == pytest.approx(-np.log([0.5, 0.75]).mean())


def test_names_functions_and_losses():
    assert metrics.get("mae").name == "mae"
    assert metrics.get(metrics.BinaryAccuracy).name == "binary_accuracy"
    assert metrics.get("huber")(np.zeros((2, 1)), np.ones((2, 1))) == 0.5

    def error(y_true, y_pred):
        return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)

    own = metrics.get(error)
    assert own.name == "error"
    assert own(np.zeros((2, 1)), np.full((2, 1), 2.0)) == 4.0
    with pytest.raises(ValueError, match="unknown metric 'acuracy': did you mean 'accuracy'"):
        metrics.get("acuracy")
    with pytest.raises(TypeError, match="expected a name, a Metric or a function"):
        metrics.get(1)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"categorical_accuracy: y_true is \(3,\), y_pred \(3, 4\)"):
        metrics.CategoricalAccuracy()(np.zeros(3), np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"sparse_categorical_accuracy: y_true is \(2,\), y_pred \(3, 4\)"):
        metrics.SparseCategoricalAccuracy()(np.zeros(2), np.zeros((3, 4)))


class Missed(metrics.Metric):
    """How many labels the predictions miss, kept in variables, as one writes it for Keras."""

    def __init__(self, name="missed", **options):
        super().__init__(name=name, **options)
        self.wrong = self.add_variable(shape=(), initializer="zeros", name="wrong")
        self.seen = self.add_weight(shape=(2,), initializer="ones", name="seen")

    def update_state(self, y_true, y_pred, sample_weight=None):
        missed = ops.not_equal(ops.argmax(y_pred, axis=-1), y_true)
        weight = np.ones(len(missed)) if sample_weight is None else np.asarray(sample_weight)
        self.wrong.assign_add(ops.sum(ops.multiply(ops.cast(missed, "float32"), weight.astype("float32"))))
        self.seen.assign(self.seen + 1)

    def result(self):
        return self.wrong


def test_a_metric_may_keep_its_state_in_variables():
    metric = Missed()
    assert metric.variables == [metric.wrong, metric.seen]
    for _ in range(2):
        metric.reset_state()
        np.testing.assert_array_equal(metric.seen.numpy(), [0, 0])
        metric.update_state([0, 1, 2], np.eye(3))
        metric.update_state([0, 2, 2], np.eye(3), [1.0, 3.0, 1.0])
        assert float(metric.result()) == 3.0
    x, y = 2 * np.eye(3, dtype=np.float32), np.array([0, 2, 2])
    model = Sequential([Input((3,)), layers.Dense(3, kernel_initializer="identity")])
    model.compile(
        "sgd",
        losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[Missed()],
        weighted_metrics=[Missed("w")],
    )
    logs = model.evaluate(x, y, sample_weight=np.full(3, 2.0), verbose=0, return_dict=True)
    assert (logs["missed"], logs["w"]) == (1.0, 2.0)
    assert len(model.weights) == 2
    stateless = type("Stateless", (metrics.Metric,), {})
    with pytest.raises(NotImplementedError, match="Stateless must define reset_state"):
        stateless().reset_state()


class Harmonic(metrics.Metric):
    """A metric made of metrics, one of them in a list."""

    def __init__(self, name=None):
        super().__init__(name=name)
        self.precision = metrics.Precision()
        self.others = [metrics.Recall(), Missed("inside")]

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.precision.update_state(y_true, y_pred, sample_weight)
        self.others[0].update_state(y_true, y_pred, sample_weight)

    def result(self):
        p, r = self.precision.result(), self.others[0].result()
        return 2 * p * r / max(p + r, 1e-9)


def test_a_metric_may_be_made_of_metrics():
    metric = Harmonic()
    assert metric.name.startswith("harmonic")
    assert metric.variables[2:] == metric.others[1].variables
    assert [v.path for v in metric.variables[:2]] == [f"{m.name}/counts" for m in (metric.precision, metric.others[0])]
    model = Sequential([Input((2,)), layers.Dense(1, "sigmoid")])
    model.compile("sgd", "mse", metrics=[metric])
    x = np.array([[9.0, 0], [0, 9], [9, 9]], np.float32)
    model.layers[0].set_weights([np.array([[1.0], [-2.0]], np.float32), np.zeros(1, np.float32)])
    for _ in range(2):
        logs = model.evaluate(x, np.array([1, 0, 1]), verbose=0, return_dict=True)
        assert logs[metric.name] == pytest.approx(2 / 3)  # precision 1, recall 1 / 2
    metric.reset_state()
    assert metric.result() == 0.0
    aggregated = metrics.Metric(name="x").add_variable((2,), "zeros", "float32", "sum", "total")
    assert (aggregated.shape, aggregated.name) == ((2,), "total")


class PerClass(metrics.Metric):
    """How many labels there were of each of three classes, and all since the beginning in a variable."""

    def __init__(self):
        super().__init__(name="per_class")
        self.seen = self.add_variable((3,))

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign_add(np.bincount(y_true, minlength=3).astype("f"))

    def result(self):
        return self.seen


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_a_metric_may_have_several_numbers(verbose, capsys):
    class Own(Sequential):
        def train_step(self, data):
            return {**super().train_step(data), "own": np.array([1.0, 3.0])}

    x, y = np.eye(3, dtype=np.float32), np.array([0, 2, 2])
    for cls in (Sequential, Own):
        model = cls([Input((3,)), layers.Dense(3)])
        model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=[PerClass()])
        history = model.fit(x, y, epochs=2, validation_data=(x[:1], y[:1]), verbose=verbose).history
        np.testing.assert_array_equal(history["per_class"], [[1, 0, 2]] * 2)
        np.testing.assert_array_equal(history["val_per_class"], [[1, 0, 0]] * 2)
        printed = capsys.readouterr().out
        assert ("per_class: 1.0000" in printed) == (verbose > 0)
    np.testing.assert_array_equal(history["own"], [[1, 3]] * 2)
    assert ("own: 2.0000" in printed) == (verbose > 0)


def test_cosine_similarity_is_the_cosine_and_the_loss_minus_that():
    a, b = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]]), np.array([[6.0, 8.0], [-2.0, 0.0], [5.0, 0.0]])
    for metric in (metrics.get("cosine_similarity"), metrics.get("CosineSimilarity"), metrics.CosineSimilarity()):
        assert metric._direction == "up"
        metric.update_state(a, b, np.array([1.0, 0.5, 2.0]))
        assert metric.result() == pytest.approx((1 - 0.5 + 0) / 3.5)
    assert float(losses.CosineSimilarity()(a, b)) == pytest.approx(0.0)
    by_column = metrics.CosineSimilarity(axis=0)
    by_column.update_state(a, b)
    assert by_column.result() == pytest.approx(
        (a * b / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0)).sum(0).mean()
    )
    assert metrics.get(losses.cosine_similarity)._direction == "down"  # who gives the loss means the loss


FUNCTIONS = {
    "accuracy": lambda y, p: (y == p).mean(-1),
    "binary_accuracy": lambda y, p: (y == (p > 0.5)).mean(-1),
    "categorical_accuracy": lambda y, p: y.argmax(-1) == p.argmax(-1),
    "mean_squared_error": lambda y, p: ((y - p) ** 2).mean(-1),
    "mean_absolute_error": lambda y, p: np.abs(y - p).mean(-1),
    "cosine_similarity": lambda y, p: (y * p).sum(-1) / np.linalg.norm(y, axis=-1) / np.linalg.norm(p, axis=-1),
    "top_k_categorical_accuracy": lambda y, p: (np.argsort(-p, -1)[..., :5] == y.argmax(-1)[..., None]).any(-1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_gives_one_value_per_sample(name):
    rng = np.random.default_rng(0)
    for shape in ((5, 7), (2, 3, 9), (2, 7)):
        y, p = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])], rng.random(shape)
        p.flat[::3] = y.flat[::3]
        p.flat[1] = 0.5
        wanted = FUNCTIONS[name](y, p)
        metric = metrics.Accuracy() if name == "accuracy" else metrics.get(name)
        np.testing.assert_allclose(metric.fn(y, p), wanted, rtol=1e-6)
        metric.update_state(y, p)
        assert metric.result() == pytest.approx(wanted.mean(), rel=1e-6)
        if "categorical" in name:
            labels = y.argmax(-1)
            for given in (labels, labels[..., None], labels.astype(float)):
                np.testing.assert_array_equal(getattr(metrics, f"sparse_{name}")(given, p), wanted)


@pytest.mark.parametrize("name", ["accuracy", "binary_accuracy", "mean_squared_error", "mean_absolute_error"])
def test_a_last_axis_of_one_may_be_missing(name):
    y, p = np.array([0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0])
    function = getattr(metrics, name)
    for a, b in ((y, p[:, None]), (y[:, None], p[:, None])):
        assert function(a, b).tolist() == (function(y[:, None], p[:, None])).tolist()
    assert float(function(y[:, None], p)) == pytest.approx(1 / 3 if "error" in name else 2 / 3)
    for wrong in (np.zeros((3, 2)), np.zeros((3, 1, 1)), np.zeros(2)):
        with pytest.raises(ValueError, match=f"{name}: y_true is .* they must have the same shape"):
            function(wrong, p)


@pytest.mark.parametrize("shape", [(), (3,), (3, 1), (3, 4), (3, 4, 1), (1, 4)])
@pytest.mark.parametrize("missing", [False, True])
def test_the_mean_of_weighted_values(shape, missing):
    """Weights go with the first axes; what has a weight of 0 is left out, even a NaN."""
    rng = np.random.default_rng(0)
    values, weight = rng.random((3, 4)), rng.uniform(0.5, 2, shape)
    if missing and shape:
        weight[0] = 0.0
        weight.flat[-1] = 1.0
    factors = np.broadcast_to(weight.reshape((*shape[:2], *(1,) * (2 - len(shape)))), (3, 4))
    if missing:
        values[factors == 0] = np.nan
    mean = metrics.Mean()
    for _ in range(2):
        mean.update_state(values, weight)
    assert mean.result() == pytest.approx(np.average(np.nan_to_num(values), weights=factors))
    mean.reset_state()
    assert (mean.total, mean.count) == (0.0, 0.0)
    mean.update_state(values[:0], np.ones(0))
    assert mean.result() == 0.0
    for wrong in ((4,), (3, 5), (3, 4, 2), (2, 4), (3, 4, 1, 1)):
        with pytest.raises(ValueError, match="sample_weight has shape"):
            mean.update_state(values, np.ones(wrong))


@pytest.mark.parametrize("shape", [(), (2,), (2, 1), (2, 3), (2, 3, 1)])
def test_a_mask_and_weights_together(shape):
    mask = np.array([[True, True, False], [True, False, False]])
    y_true, y_pred = np.zeros((2, 3, 2)), np.arange(12.0).reshape(2, 3, 2)
    weight = np.random.default_rng(0).uniform(0.5, 2, shape)
    factors = np.broadcast_to(weight.reshape((*shape[:2], *(1,) * (2 - len(shape)))), (2, 3)) * mask
    metric = metrics.MeanSquaredError()
    metric.update_state(y_true, attach(Tensor(y_pred), Tensor(mask)), weight)
    assert metric.result() == pytest.approx(np.average((y_pred**2).mean(-1), weights=factors))


@pytest.mark.parametrize("of", [metrics.MeanMetricWrapper, losses.as_loss])
def test_the_function_stands_in_the_configuration_of_ones_own(of):
    def distance(y_true, y_pred):
        return ops.sum(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)

    assert of(distance).get_config()["fn"] is distance
    assert "fn" not in metrics.BinaryAccuracy().get_config()
    assert "fn" not in losses.Huber().get_config()
    assert metrics.MeanMetricWrapper(metrics.binary_accuracy)._direction == "up"
    assert metrics.MeanMetricWrapper(losses.huber)._direction == "down"
    assert metrics.MeanMetricWrapper(distance)._direction is None


def test_the_type_of_one_s_own_is_known():
    """Metrics and losses of one's own cast to ``self.dtype``, as in Keras."""

    class Seen(metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.seen = ops.cast(y_true, self.dtype).dtype

    metric = Seen()
    metric.update_state(np.array([1, 2]), None)
    assert (metric.dtype, str(metric.seen)) == ("float32", "float32")
    assert Seen(dtype="float64").dtype == "float64"
    assert (losses.MeanSquaredError().dtype, losses.MeanSquaredError(dtype="float64").dtype) == ("float32", "float64")
