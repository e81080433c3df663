"""A student that learns from a teacher."""

from __future__ import annotations

import os

import numpy as np
import pytest

import lamina
from lamina import distillation, layers, losses, ops, saving

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(24, 4)).astype("f4"), rng.integers(0, 3, 24)


def net(k=lamina, scale=1.0, outputs=3):
    model = k.Sequential([k.layers.Input((4,)), k.layers.Dense(5, "tanh", name="h"), k.layers.Dense(outputs)])
    drawn = np.random.default_rng(1)
    model.set_weights([(drawn.normal(size=v.shape) * 0.5 * scale).astype("f4") for v in model.weights])
    return model


KINDS = {
    "logits": lambda d, k: d.LogitsDistillation(2.0),
    "probabilities": lambda d, k: d.LogitsDistillation(3.0, k.losses.KLDivergence()),
    "outputs": lambda d, k: [d.FeatureDistillation("mae")],
    "a layer": lambda d, k: [d.LogitsDistillation(loss="mse"), d.FeatureDistillation("mse", "h", "h")],
}


def history(k, kind, weights=None):
    teacher, student = net(k), net(k, 0.5)
    model = k.distillation.Distiller(teacher, student, KINDS[kind](k.distillation, k), weights, 0.3)
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    return model, model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0, validation_data=(X, Y)).history


@pytest.mark.parametrize("kind", KINDS)
def test_distillation_agrees_with_keras(kind):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    weights = [1.0, 0.5] if kind == "a layer" else None
    (_, ours), (_, theirs) = history(lamina, kind, weights), history(keras, kind, weights)
    assert list(ours) == list(theirs)
    for name, values in ours.items():
        np.testing.assert_allclose(values, theirs[name], rtol=1e-4, atol=1e-6)


def test_the_student_alone_learns():
    model, logs = history(lamina, "a layer")
    teacher, student = net(), net(scale=0.5)
    np.testing.assert_array_equal(model.teacher.get_weights()[0], teacher.get_weights()[0])
    assert not np.array_equal(model.student.get_weights()[0], student.get_weights()[0])
    assert not model.teacher.trainable_weights
    np.testing.assert_array_equal(model.predict(X, verbose=0), model.student.predict(X, verbose=0))
    expected = 0.3 * np.array(logs["student_loss"]) + 0.7 * np.array(logs["distillation_loss"])
    np.testing.assert_allclose(logs["total_loss"], expected, rtol=1e-5)


def test_the_formula_of_probabilities():
    t, s = rng.normal(size=(2, 5, 3))

    def softmax(x):
        return np.exp(x) / np.exp(x).sum(-1, keepdims=True)

    p, q = softmax(t / 2), softmax(s / 2)
    found = distillation.LogitsDistillation(2.0, losses.KLDivergence()).compute_loss(t, s)
    assert float(found) == pytest.approx(4 * np.mean(np.sum(p * np.log(p / q), -1)))


def test_outputs_that_do_not_count():
    loss = distillation.FeatureDistillation(["mse", None])
    ones, zeros = np.ones((2, 3)), np.zeros((2, 3))
    assert float(loss.compute_loss([ones, ones], [zeros, zeros])) == 1.0
    with pytest.raises(ValueError, match="other structures"):
        loss.validate_outputs(ones, zeros)


def test_a_model_goes_into_files_and_back(tmp_path):
    model, _ = history(lamina, "a layer", [1.0, 0.5])
    model.save(tmp_path / "m.lamina", include_optimizer=False)
    again = saving.load_model(tmp_path / "m.lamina")
    assert (again.student_loss_weight, again.distillation_loss_weights) == (0.3, [1.0, 0.5])
    assert again.distillation_losses[1].teacher_layer_name == "h"
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


class Several(distillation.DistillationLoss):
    def compute_loss(self, teacher_outputs, student_outputs):
        return ops.mean(ops.abs(teacher_outputs - student_outputs), axis=-1)


def made(**options):
    given = {"teacher": net(), "student": net(), "distillation_losses": distillation.LogitsDistillation()} | options
    return distillation.Distiller(**given)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: made(teacher=layers.Dense(3)), TypeError, "teacher must be a model"),
        (lambda: made(student=net(outputs=2)), ValueError, r"outputs are \(None, 3\)"),
        (lambda: made(student_loss_weight=1.5), ValueError, "from 0 to 1"),
        (lambda: made(distillation_losses="mse"), TypeError, "must be DistillationLoss objects"),
        (lambda: made(distillation_loss_weights=[1.0, 2.0]), ValueError, "2 distillation_loss_weights for 1"),
        (
            lambda: made(distillation_losses=distillation.FeatureDistillation("mse", "none")),
            ValueError,
            "in the teacher: .*none",
        ),
        (lambda: made().compile("sgd"), ValueError, "loss is missing"),
        (lambda: distillation.LogitsDistillation(0), ValueError, "temperature must be positive"),
        (lambda: distillation.FeatureDistillation(None), ValueError, "at least one loss"),
        (lambda: distillation.DistillationLoss().compute_loss(0, 0), NotImplementedError, "must define compute_loss"),
    ],
)
def test_what_does_not_fit_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_loss_of_several_numbers_is_named():
    model = made(distillation_losses=[Several()])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"Several.compute_loss gave shape \(8,\), expected one number"):
        model.fit(X[:8], np.zeros((8, 3)), verbose=0)
