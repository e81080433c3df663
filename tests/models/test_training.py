"""compile, fit, evaluate, predict: what they compute, what they log, how they fail."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
from small_net import Net, TwoHeads, blobs

from lamina import Input, Model, callbacks, data, layers, losses, metrics, ops, optimizers, random, utils

X, Y = blobs()
CROSS = losses.SparseCategoricalCrossentropy(from_logits=True)


def compiled(*sizes, loss=CROSS, optimizer=None, net=None, **options):
    model = net or Net(*(sizes or (4, 3)))
    model.compile(optimizer or optimizers.Adam(0.05), loss, **options)
    return model


def fit(model, *args, **options):
    return model.fit(*args, verbose=0, **options)


def test_fit_learns_and_logs():
    model = compiled(metrics=["accuracy"])
    history = fit(model, X, Y, epochs=8, validation_split=0.25)
    assert history is model.history
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.epoch == list(range(8))
    assert history.history["loss"][-1] < history.history["loss"][0] / 2
    assert history.history["val_accuracy"][-1] > 0.9
    result = model.evaluate(X, Y, verbose=0, return_dict=True)
    wanted = float(CROSS(Y, model(X)))
    assert result["loss"] == pytest.approx(wanted, rel=1e-5)
    assert result["accuracy"] == pytest.approx((model.predict(X, verbose=0).argmax(-1) == Y).mean())
    assert model.evaluate(X, Y, verbose=0) == [result["loss"], result["accuracy"]]
    assert model.metrics_names == ["loss", "accuracy"]


def test_one_epoch_in_order_is_the_loop_by_hand():
    model, other = compiled(optimizer=optimizers.SGD(0.1)), Net(4, 3)
    fit(model, X, Y, batch_size=30, shuffle=False)
    sgd = optimizers.SGD(0.1)
    sgd.build(other.trainable_weights)
    for xb, yb in data.batches(X, Y, 30):
        CROSS(yb, other(xb)).backward()
        sgd.step()
        sgd.zero_grad()
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_logged_loss_weighs_a_short_last_batch_by_its_size():
    model = compiled(optimizer=optimizers.SGD(0.0))
    history = fit(model, X, Y, batch_size=150)
    assert history.history["loss"][0] == pytest.approx(float(CROSS(Y, model(X))), rel=1e-5)


def test_the_seed_makes_fit_repeatable():
    weights = []
    for _ in range(2):
        random.seed(3)
        model = compiled()
        fit(model, X, Y, epochs=2)
        weights.append(model.get_weights())
    np.testing.assert_array_equal(weights[0][0], weights[1][0])


def test_a_model_builds_itself_at_the_first_batch():
    for x, y in ((X, Y), (data.batches(X, Y, 32), None)):
        model = compiled(net=Net(4, 3, lazy=True), metrics=["accuracy"])
        history = fit(model, x, y, epochs=2)
        assert len(history.history["accuracy"]) == 2


def test_data_of_any_number_type_and_layout():
    wanted = fit(compiled(), X, Y, shuffle=False).history["loss"]
    for x, y in (
        (X.astype(np.float64), Y.astype(np.uint8)),
        (np.asfortranarray(X), Y[:, None]),
        (X.tolist(), Y.tolist()),
        (X[::-1][::-1], Y.astype(float)),
    ):
        assert fit(compiled(), x, y, shuffle=False).history["loss"] == pytest.approx(wanted, rel=1e-6)
    double = compiled(net=Net(4, 3, dtype=np.float64))
    fit(double, X, Y)
    assert double.predict(X, verbose=0).dtype == np.float64


def test_integer_targets_of_a_regression_become_floats():
    model = compiled(4, 1, loss="mse", metrics=["mae"])
    assert fit(model, X, Y, epochs=1).history["mae"][0] > 0


def test_sample_and_class_weights():
    only_first = np.where(Y == 0, 1.0, 0.0)
    a = compiled(optimizer=optimizers.SGD(0.1), weighted_metrics=["accuracy"], metrics=["accuracy"])
    history = fit(a, X, Y, sample_weight=only_first, shuffle=False)
    b = compiled(optimizer=optimizers.SGD(0.1))
    fit(b, X, Y, class_weight={1: 0.0, 2: 0.0}, shuffle=False)
    np.testing.assert_array_equal(a.get_weights()[0], b.get_weights()[0])
    result = a.evaluate(X, Y, sample_weight=only_first, verbose=0, return_dict=True)
    right = a.predict(X, verbose=0).argmax(-1) == Y
    assert result["weighted_accuracy"] == pytest.approx(right[Y == 0].mean())
    assert result["accuracy"] == pytest.approx(right.mean())
    assert set(history.history) == {"loss", "accuracy", "weighted_accuracy"}
    c = compiled(optimizer=optimizers.SGD(0.1))
    fit(c, X, np.eye(3)[Y][:, [0, 1, 2]].argmax(-1), class_weight={1: 0.0, 2: 0.0}, shuffle=False)
    np.testing.assert_array_equal(b.get_weights()[0], c.get_weights()[0])


def test_class_weights_leave_other_labels_at_one():
    y = np.where(np.arange(len(Y)) % 5 == 0, -1, Y)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    plain, weighted, by_sample = (compiled(optimizer=optimizers.SGD(0.1), loss=loss) for _ in range(3))
    fit(plain, X, y, shuffle=False)
    fit(weighted, X, y, class_weight={1: 1.0}, shuffle=False)
    np.testing.assert_allclose(plain.get_weights()[0], weighted.get_weights()[0], rtol=1e-4, atol=1e-6)
    fit(by_sample, X, y, class_weight={2: 2.0, -1: 7.0}, shuffle=False)
    again = compiled(optimizer=optimizers.SGD(0.1), loss=loss)
    fit(again, X, y, sample_weight=np.where(y == 2, 2.0, 1.0), shuffle=False)
    np.testing.assert_array_equal(again.get_weights()[0], by_sample.get_weights()[0])
    with pytest.raises(TypeError, match=r"class_weight: expected a dict .*, got \[1, 2, 3\]"):
        fit(plain, X, y, class_weight=[1, 2, 3])


@pytest.mark.parametrize("as_dict", [False, True])
def test_several_inputs_and_outputs(as_dict):
    size = X.sum(-1, keepdims=True)
    x = {"left": X, "right": X} if as_dict else [X, X]
    y = {"size": size, "kind": Y} if as_dict else [Y, size]
    each = {"kind": CROSS, "size": "mse"} if as_dict else [CROSS, "mse"]
    model = TwoHeads(as_dict)
    model.compile(
        "adam",
        each,
        loss_weights={"size": 0.5},
        metrics={"kind": ["accuracy"], "size": "mae"} if as_dict else [["accuracy"], ["mae"]],
    )
    history = fit(model, x, y, epochs=2, validation_data=(x, y))
    assert list(history.history) == [
        *("kind_accuracy", "kind_loss", "loss", "size_loss", "size_mae"),
        *("val_kind_accuracy", "val_kind_loss", "val_loss", "val_size_loss", "val_size_mae"),
    ]
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["kind_loss"] + 0.5 * logs["size_loss"], rel=1e-5)
    predicted = model.predict(x, verbose=0)
    shapes = [p.shape for p in (predicted.values() if as_dict else predicted)]
    assert shapes == [(200, 3), (200, 1)]


def test_one_layer_may_give_two_outputs():
    a, head = Input((4,)), layers.Dense(1, name="d")
    model = Model(a, [head(a), head(a * 2.0)])
    assert model.output_names == ["d", "d_1"]
    model.compile("sgd", {"d": "mse", "d_1": "mae"}, metrics=[["mae"], ["mae"]])
    logs = model.evaluate(X, [X[:, :1], X[:, :1]], verbose=0, return_dict=True)
    assert model.metrics_names == ["loss", "d_loss", "d_1_loss", "d_1_mae", "d_mae"]
    assert list(logs) == sorted(model.metrics_names)
    assert logs["loss"] == pytest.approx(logs["d_loss"] + logs["d_1_loss"])
    assert logs["d_1_loss"] == pytest.approx(logs["d_1_mae"])


def test_an_output_may_have_no_loss():
    model = TwoHeads()
    model.compile("adam", {"kind": CROSS})
    history = fit(model, [X, X], {"kind": Y})
    assert list(history.history) == ["loss"]  # as in Keras, where it is the only one


def test_outputs_that_do_not_exist_are_named():
    model = TwoHeads()
    model.compile("adam", {"kid": CROSS})
    with pytest.raises(ValueError, match="unknown output in loss 'kid': did you mean 'kind'"):
        fit(model, [X, X], [Y, Y])
    model.compile("adam", [CROSS])
    with pytest.raises(ValueError, match=r"loss: 1 given for 2 outputs \(kind, size\)"):
        fit(model, [X, X], [Y, Y])
    model.compile("adam", [CROSS, "mse"])
    with pytest.raises(ValueError, match="y: the model has 2 outputs"):
        fit(model, [X, X], Y)
    with pytest.raises(ValueError, match="there is no y for the output 'size'"):
        fit(model, [X, X], {"kind": Y})


def test_generators_and_iterables():
    def forever():
        while True:
            yield from data.batches(X, Y, 50)

    model = compiled(metrics=["accuracy"])
    history = fit(model, forever(), epochs=3, steps_per_epoch=2, validation_data=data.batches(X, Y, 64))
    assert len(history.history["val_accuracy"]) == 3
    assert int(model.optimizer.iterations) == 6
    weighted = ((x, y, np.ones(len(x))) for x, y in data.batches(X, Y, 50))
    fit(model, weighted)
    assert int(model.optimizer.iterations) == 10
    assert model.predict(data.batches(X, None, 64), verbose=0).shape == (200, 3)
    assert model.evaluate(data.batches(X, Y, 64), verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)


def test_a_generator_that_ends_early_ends_training():
    model = compiled()
    with pytest.warns(UserWarning, match="no batches for epoch 2, so training ends"):
        history = fit(model, iter(data.batches(X, Y, 50)), epochs=5)
    assert history.epoch == [0]
    with pytest.raises(ValueError, match="fit: x gave no batches"):
        fit(model, iter(()))


def test_a_dataset_of_ones_own_is_told_when_an_epoch_ends():
    class Set(utils.PyDataset):
        ends = 0

        def __len__(self):
            return 4

        def __getitem__(self, i):
            return X[50 * i : 50 * i + 50], Y[50 * i : 50 * i + 50]

        def on_epoch_end(self):
            self.ends += 1

    source = Set()
    fit(compiled(), source, epochs=3)
    assert source.ends == 3


def test_steps_per_epoch_goes_on_where_the_last_epoch_ended():
    seen = []

    class Watch(Net):
        def __call__(self, x, training=False):
            if training:
                seen.append(float(np.asarray(x)[0, 0]))
            return super().__call__(x, training)

    model = compiled(net=Watch(1, 1), loss="mse", run_eagerly=True)
    x = np.arange(5.0)[:, None]
    fit(model, x, x, batch_size=1, epochs=2, steps_per_epoch=3, shuffle=False)
    assert seen == [0, 1, 2, 3, 4, 0]


@pytest.mark.parametrize("option", [{}, {"jit_compile": False}, {"run_eagerly": True}])
def test_what_is_captured_runs_no_python(option):
    seen = []

    class Watch(Net):
        def __call__(self, x, training=False):
            seen.extend([True] if training else [])
            return super().__call__(x, training)

    model = compiled(net=Watch(4, 3), **option)
    for _ in range(4):
        model.train_on_batch(X, Y)
    assert len(seen) == 4 if option else len(seen) < 4


def test_on_batch_forms():
    model = compiled(metrics=["accuracy"])
    before = model.test_on_batch(X, Y, return_dict=True)
    assert before["loss"] == pytest.approx(float(CROSS(Y, model(X))), rel=1e-5)
    assert model.train_on_batch(X, Y) == [before["loss"], before["accuracy"]]
    assert int(model.optimizer.iterations) == 1
    assert model.test_on_batch(X, Y)[0] < before["loss"]
    np.testing.assert_allclose(model.predict_on_batch(X), model(X).numpy(), rtol=1e-6)
    plain = compiled(loss="sparse_categorical_crossentropy", net=Net(4, 3))
    with pytest.warns(UserWarning, match="so they are logits"):
        assert isinstance(plain.train_on_batch(X, Y), float)


def test_losses_and_metrics_of_ones_own():
    def distance(y_true, y_pred):
        return ops.mean(ops.square(ops.subtract(y_pred, y_true)), axis=-1)

    class Largest(metrics.Metric):
        value = 0.0

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value = max(self.value, float(np.max(y_pred)))

        def result(self):
            return self.value

        def reset_state(self):
            self.value = 0.0

    model = compiled(4, 1, loss=distance, metrics=[distance, Largest(name="largest")])
    history = fit(model, X, X[:, :1])
    assert history.history["loss"] == pytest.approx(history.history["distance"], rel=1e-5)
    assert "largest" in history.history


def test_a_frozen_weight_stays():
    model = compiled()
    model.weights[1].requires_grad = False
    before = model.get_weights()
    fit(model, X, Y)
    np.testing.assert_array_equal(model.get_weights()[1], before[1])
    assert not np.array_equal(model.get_weights()[0], before[0])
    model.weights[0].requires_grad = False
    for train in (fit, Net.train_on_batch):
        before = model.get_weights()
        with pytest.warns(UserWarning, match=r"all weights of 'net' are frozen \(trainable=False\)"):
            train(model, X, Y)
        np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_nan_in_the_loss_is_named_once_and_can_end_training():
    x = X.copy()
    x[70] = np.nan
    model = compiled()
    with pytest.warns(UserWarning, match="the loss is nan at epoch 1, step 3 of 7") as caught:
        fit(model, x, Y, epochs=2, shuffle=False)
    assert len(caught) == 1
    assert caught[0].filename == __file__  # the line that called fit
    model = compiled()
    with pytest.warns(UserWarning, match="the loss is nan"):
        history = fit(model, x, Y, epochs=5, shuffle=False, callbacks=[callbacks.TerminateOnNaN()])
    assert history.epoch == [0]
    assert int(model.optimizer.iterations) == 3


@pytest.fixture
def ctrl_c():
    """Python's own handler of SIGINT; a process started in the background ignores the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupt(callbacks.Callback):
    """Ctrl-C in the second epoch: between steps, or in the middle of one."""

    def on_train_batch_end(self, batch, logs=None):
        if self.model.history.epoch and batch == 1:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_between_steps():
    model = compiled()
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(model, X, Y, epochs=5, callbacks=[Interrupt()])
    assert model.history.epoch == [0]
    assert int(model.optimizer.iterations) == 7 + 2
    assert signal.getsignal(signal.SIGINT) is handler
    fit(model, X, Y)  # and it goes on


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_inside_a_step_waits_for_its_end():
    class Slow(Net):
        calls = 0

        def forward(self, x, training):
            if training:
                self.calls += 1
                if self.calls == 3:
                    os.kill(os.getpid(), signal.SIGINT)
            return super().forward(x, training)

    model = compiled(net=Slow(4, 3), run_eagerly=True)
    with pytest.raises(KeyboardInterrupt):
        fit(model, X, Y, epochs=5)
    assert int(model.optimizer.iterations) == 3


def test_fit_works_in_another_thread():
    model = compiled()
    thread = threading.Thread(target=lambda: fit(model, X, Y))
    thread.start()
    thread.join()
    assert model.history.epoch == [0]


def test_an_exception_of_a_callback_leaves_history_and_weights():
    class Fail(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise OSError("disk full")

    model = compiled()
    with pytest.raises(OSError, match="disk full"):
        fit(model, X, Y, epochs=3, callbacks=[Fail()])
    assert model.history.epoch == [0]


def test_bad_arguments_are_explained():
    model = Net(4, 3)
    with pytest.raises(RuntimeError, match="fit: call compile"):
        fit(model, X, Y)
    assert model.predict(X, verbose=0).shape == (200, 3)
    with pytest.raises(ValueError, match="unknown optimizer 'adan': did you mean 'adam'"):
        model.compile("adan", CROSS)
    with pytest.raises(ValueError, match="unknown loss 'mze': did you mean 'mse'"):
        model.compile("adam", "mze")
    with pytest.raises(ValueError, match="unknown metric 'acuracy'"):
        model.compile("adam", CROSS, metrics=["acuracy"])
    model.compile("adam", CROSS)
    with pytest.raises(ValueError, match="different numbers of samples: x has 200, y has 199"):
        fit(model, X, Y[1:])
    with pytest.raises(ValueError, match="sample_weight has 3"):
        fit(model, X, Y, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="x holds no samples"):
        fit(model, X[:0], Y[:0])
    with pytest.raises(ValueError, match="x is missing"):
        fit(model)
    with pytest.raises(ValueError, match="batch_size must be a positive integer, got 0"):
        fit(model, X, Y, batch_size=0)
    for name, value in (("epochs", "3"), ("epochs", 1.0), ("initial_epoch", -1)):
        with pytest.raises(ValueError, match=f"fit: {name} must be an integer >= 0, got {value!r}"):
            fit(model, X, Y, **{name: value})
    with pytest.raises(ValueError, match="number of steps must be a positive integer, got '3'"):
        fit(model, X, Y, steps_per_epoch="3")
    with pytest.raises(TypeError, match="y has dtype <U1, expected numbers"):
        fit(model, X, np.array(["a"] * 200))
    with pytest.raises(TypeError, match="x has dtype complex128"):
        fit(model, X.astype(complex), Y)
    with pytest.raises(ValueError, match="x makes no array"):
        fit(model, [[1.0, 2.0], [3.0]], Y[:2])
    with pytest.raises(ValueError, match=r"validation_split=0.999 of 200 samples leaves one part empty"):
        fit(model, X, Y, validation_split=0.999)
    with pytest.raises(ValueError, match="validation_split needs arrays"):
        fit(model, data.batches(X, Y, 32), validation_split=0.1)
    with pytest.raises(ValueError, match="y and sample_weight must come with them"):
        fit(model, data.batches(X, Y, 32), Y)
    with pytest.raises(ValueError, match="verbose must be"):
        model.fit(X, Y, verbose=3)
    with pytest.raises(TypeError, match="did you mean EarlyStopping"):
        fit(model, X, Y, callbacks=[callbacks.EarlyStopping])
    with pytest.raises(ValueError, match="there is no y for the output 'output'"):
        fit(model, X)
    no_loss = Net(4, 3)
    no_loss.compile("adam")
    with pytest.raises(ValueError, match="no loss was given"):
        fit(no_loss, X, Y)


def test_a_wrong_label_leaves_the_weights_alone():
    model = compiled()
    before = model.get_weights()
    y = Y.copy()
    y[5] = 7
    with pytest.raises(ValueError, match="fit: label 7 at index 5 of y is no class"):
        fit(model, X, y)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_labels_from_one_and_labels_of_several_outputs():
    with pytest.raises(ValueError, match=r"label 3 at index .* of y is no .*; the labels begin at 1: subtract 1"):
        fit(compiled(), X, Y + 1)
    two = compiled(net=TwoHeads(), loss=[CROSS, "mse"])
    y = np.where(np.arange(len(Y)) == 9, 3, Y)[:, None]
    with pytest.raises(ValueError, match=r"label 3 at index \(9, 0\) of y of output 'kind' is no class"):
        two.evaluate([X, X], [y, X[:, :1]], verbose=0)


@pytest.mark.parametrize("freq", [0, -1, True, 2.0, "2", None])
def test_a_wrong_validation_freq_is_told_before_training(freq):
    model = compiled()
    before = model.get_weights()
    with pytest.raises(ValueError, match="fit: validation_freq must be an integer > 0, or a list of epochs, got"):
        fit(model, X, Y, validation_data=(X, Y), validation_freq=freq)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_single_y_is_that_of_the_only_output_with_a_loss():
    """As in models that also give their features: the other output has loss None."""
    x, y = np.ones((8, 3), "f"), np.zeros((8, 2), "f")
    inputs = Input((3,))
    features = layers.Dense(4, kernel_initializer="ones")(inputs)
    outputs = layers.Dense(2, kernel_initializer="ones")(features)
    model = Model(inputs, [outputs, features])
    alone = Model(inputs, outputs)
    weights = model.get_weights()
    model.compile("sgd", [losses.MeanSquaredError(), None])
    alone.compile("sgd", "mse")
    found = model.fit(x, y, epochs=2, verbose=0).history["loss"]
    last = model.evaluate(x, y, verbose=0)
    model.set_weights(weights)
    assert found == alone.fit(x, y, epochs=2, verbose=0).history["loss"]
    assert last == alone.evaluate(x, y, verbose=0)
    model.compile("sgd", ["mse", "mse"])
    with pytest.raises(ValueError, match="give a list or a dict"):
        model.fit(x, y, verbose=0)
