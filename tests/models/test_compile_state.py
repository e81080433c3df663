"""Losses, weights and metrics matched with outputs: by name, by place, and what they are called in logs."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, Variable, layers, losses, ops, optimizers
from lamina.models import compile_state

X = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
Y = np.random.default_rng(1).standard_normal((6, 2)).astype(np.float32)


def two(*args, cls=Model, **options):
    """Outputs p and q, the same values."""
    a = Input((3,))
    p = layers.Dense(2, name="p", kernel_initializer="ones")(a)
    model = cls(a, [p, layers.Activation("linear", name="q")(p)])
    model.compile(optimizers.SGD(0.0), *args, **options)
    return model


def one(*args, **options):
    model = lamina.Sequential([Input((3,)), layers.Dense(2, name="p", kernel_initializer="ones")])
    model.compile(optimizers.SGD(0.0), *args, **options)
    return model


def logs(model, y, **options):
    return model.evaluate(X, y, verbose=0, return_dict=True, **options)


ERROR = float(np.mean((X.sum(-1, keepdims=True) - Y) ** 2))
ABSOLUTE = float(np.mean(abs(X.sum(-1, keepdims=True) - Y)))


@pytest.mark.parametrize(
    ("weights", "total"),
    [
        (None, ERROR + ABSOLUTE),
        ([1.0, 1.0], ERROR + ABSOLUTE),
        ([1.5, 1.501], 1.5 * ERROR + 1.501 * ABSOLUTE),
        ([0.0, 2], 2 * ABSOLUTE),
        ([None, 0.5], ERROR + 0.5 * ABSOLUTE),
        ({"q": 3.0}, ERROR + 3 * ABSOLUTE),
        ([np.float32(2), np.array(0.25)], 2 * ERROR + 0.25 * ABSOLUTE),
        ([Variable(np.array(2.0, np.float32)), 1], 2 * ERROR + ABSOLUTE),
    ],
)
def test_weights_of_losses(weights, total):
    found = logs(two(["mse", "mae"], weights), [Y, Y])
    assert found["loss"] == pytest.approx(total, rel=1e-5)
    assert (found["p_loss"], found["q_loss"]) == pytest.approx((ERROR, ABSOLUTE), rel=1e-5)


@pytest.mark.parametrize("weights", ["ab", ["a", "b"], [np.ones(2), 1.0]])
def test_weights_of_losses_are_numbers(weights):
    with pytest.raises((TypeError, ValueError), match="loss_weights: "):
        logs(two("mse", weights), [Y, Y])


LOSSES = [  # losses; the names in logs, and the total
    ("mse", ["loss", "p_loss", "q_loss"], 2 * ERROR),
    (["mse", "mae"], ["loss", "p_loss", "q_loss"], ERROR + ABSOLUTE),
    ({"q": "mae", "p": "mse"}, ["loss", "p_loss", "q_loss"], ERROR + ABSOLUTE),
    ({"q": "mae"}, ["loss"], ABSOLUTE),  # a single one has no name of its own, as in Keras
    ([None, "mae"], ["loss"], ABSOLUTE),
    (["mse", None], ["loss"], ERROR),
]


@pytest.mark.parametrize(("given", "names", "total"), LOSSES)
def test_losses_of_outputs(given, names, total):
    for y in ([Y, Y], {"q": Y, "p": Y}):
        found = logs(two(given), y)
        assert list(found) == names
        assert found["loss"] == pytest.approx(total, rel=1e-5)


def test_one_output_has_no_loss_of_its_own():
    for given in ("mse", ["mse"], {"p": "mse"}):
        for y in (Y, [Y], {"p": Y}):
            found = logs(one(given), y)
            assert list(found) == ["loss"]
            assert found["loss"] == pytest.approx(ERROR, rel=1e-5)
    with pytest.raises(ValueError, match="unknown output in loss 'q'"):
        logs(one({"q": "mse"}), Y)
    with pytest.raises(TypeError, match="loss: expected a name"):
        logs(one(["mse", "mae"]), Y)


METRICS = [  # metrics, weighted metrics; the names in logs
    ([["mae"], ["mse"]], None, ["p_mae", "q_mse"]),
    ([["mae", "mse"], []], None, ["p_mae", "p_mse"]),
    ([None, "mse"], None, ["q_mse"]),
    ({"q": ["mae"]}, None, ["q_mae"]),
    ({"q": ["mae"]}, {"q": "mae", "p": "mae"}, ["p_mae", "q_mae", "q_weighted_mae"]),
    ([["mae", "mae", "mae"], ["mae"]], None, ["p_mae", "p_mae_1", "p_mae_2", "q_mae"]),
]


@pytest.mark.parametrize(("plain", "weighted", "names"), METRICS)
def test_metrics_of_outputs(plain, weighted, names):
    found = logs(two("mse", metrics=plain, weighted_metrics=weighted), [Y, Y])
    assert sorted(set(found) - {"loss", "p_loss", "q_loss"}) == names
    for name in names:
        assert found[name] == pytest.approx(ERROR if "mse" in name else ABSOLUTE, rel=1e-5)


@pytest.mark.parametrize("given", ["mae", ["mae"], [["mae"]], {"p": "mae"}, {"p": ["mae"]}])
def test_metrics_of_one_output(given):
    weight = np.array([0.0, 1, 0, 0, 3, 0])
    found = logs(one("mse", metrics=given, weighted_metrics=given), Y, sample_weight=weight)
    assert list(found) == ["loss", "mae", "weighted_mae"]
    assert found["mae"] == pytest.approx(ABSOLUTE, rel=1e-5)
    rows = abs(X.sum(-1, keepdims=True) - Y).mean(-1)
    assert found["weighted_mae"] == pytest.approx((rows * weight).sum() / weight.sum(), rel=1e-5)


def test_metrics_begin_again_with_each_pass():
    model = one("mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=3, batch_size=2, verbose=0, validation_data=(X, Y)).history
    for name in ("mae", "val_mae"):
        assert history[name] == pytest.approx([ABSOLUTE] * 3, rel=1e-5)


@pytest.mark.parametrize("eagerly", [False, True])
def test_what_a_metric_of_ones_own_keeps_is_not_overwritten(eagerly):
    class Keep(lamina.Metric):
        def __init__(self):
            super().__init__(name="keep")
            self.kept = []

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.kept.append((y_true, y_pred))

        def reset_state(self):
            self.kept = []

        def result(self):
            return len(self.kept)

    keep = Keep()
    model = one("mse", metrics=[keep], run_eagerly=eagerly)
    assert model.fit(X, Y, batch_size=1, shuffle=False, verbose=0).history["keep"] == [6]
    np.testing.assert_array_equal(np.concatenate([y for y, _ in keep.kept]), Y)
    np.testing.assert_allclose(np.concatenate([p for _, p in keep.kept]), model.predict(X, verbose=0), rtol=1e-6)


def test_arrays_as_predictions_go_into_the_metrics():
    part = X[:, :2]
    single, double = one("mse", metrics=["mae"]), two("mse", metrics=[["mae"], []])
    for model, y, outputs, name in ((single, Y, part, "mae"), (double, [Y, Y], [part, part], "p_mae")):
        model.evaluate(X, y, verbose=0)
        model.reset_metrics()
        assert dict(model.compute_metrics(X, y, outputs))[name] == pytest.approx(abs(part - Y).mean(), rel=1e-5)


def test_classes_stay_integers_and_targets_of_numbers_become_floats():
    seen = []

    def own(y_true, y_pred):
        seen.append(y_true.dtype.name)
        return ops.mean(y_pred, axis=-1)

    class Watch(losses.MeanSquaredError):
        def call(self, y_true, y_pred):
            seen.append(y_true.dtype.name)
            return super().call(y_true, y_pred)

    for y, wanted in ((np.ones((6, 2), np.int64), "int64"), (np.ones((6, 2)), "float32")):
        for loss in (own, Watch()):
            seen.clear()
            one(loss, run_eagerly=True).evaluate(X, y, verbose=0)
            assert set(seen) == {wanted}
    model = lamina.Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert np.isfinite(model.evaluate(X, np.arange(6), verbose=0))


def test_names_of_outputs():
    tensor = lamina.Tensor(X)
    for outputs, declared, names in (
        (tensor, None, ["output"]),
        ([tensor], None, ["output"]),
        ([tensor, tensor], None, ["output_1", "output_2"]),
        ([tensor, tensor], ["a", "b"], ["a", "b"]),
        ([tensor, tensor], ["a"], ["output_1", "output_2"]),
        ({"a": tensor, 2: tensor}, ["c", "d"], ["a", "2"]),
    ):
        assert compile_state.output_names(outputs, declared) == names


def test_one_thing_an_output_in_the_structure_that_was_given():
    for given, each, names, wanted in (
        ("x", [1], ["p"], 1),
        (["x"], [1], ["p"], [1]),
        (("x",), [1], ["p"], [1]),
        (["x", "y"], [1, 2], ["p", "q"], [1, 2]),
        (None, [None, None], ["p", "q"], [None, None]),
        ({"q": "x"}, [1, 2], ["p", "q"], {"q": 2}),
        (None, [], [], None),
    ):
        assert compile_state.as_given(given, each, names) == wanted


def test_results_as_numbers():
    array = np.ones(2, np.float32)
    found = compile_state.plain({"a": np.float32(0.5), "b": array, "c": True, "d": {"e": 3}})
    assert found == {"a": 0.5, "b": pytest.approx([1, 1]), "c": True, "d": {"e": 3}}
    assert type(found["a"]) is float
    array[0] = 7
    assert found["b"].tolist() == [1, 1]
    for wrong in ("text", None, 1j):
        with pytest.raises(TypeError, match=r"metric 'm': its result is .*, expected a number"):
            compile_state.plain(wrong, "metric 'm'")


def test_a_metric_by_the_name_of_its_class_is_logged_under_it():
    """As in Keras; not under a numbered name of its own, which would be another one in the next model."""
    for _ in range(2):
        model = Sequential([Input((2,)), layers.Dense(1, "sigmoid")])
        model.compile("sgd", "mse", metrics=["AUC", "MeanAbsoluteError", "mae", "Huber"])
        logs = model.evaluate(np.zeros((4, 2)), np.zeros((4, 1)), verbose=0, return_dict=True)
        assert set(logs) == {"loss", "AUC", "MeanAbsoluteError", "mae", "Huber"}
