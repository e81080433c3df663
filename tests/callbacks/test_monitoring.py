"""What callbacks monitor: which way is better, by the metric; the names in logs; what is said of wrong data."""

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers, metrics

rng = np.random.default_rng(0)
X = rng.standard_normal((40, 4)).astype("f")
Y = (X.sum(-1) > 0).astype("i8")


class Score(lamina.Metric):
    """The next of these values an epoch."""

    def __init__(self, values, name="score", direction=None):
        super().__init__(name=name)
        self.values, self.epoch = list(values), -1
        if direction is not None:
            self._direction = direction

    def update_state(self, y_true, y_pred, sample_weight=None): ...

    def reset_state(self):
        self.seen = False

    def result(self):
        return self.values[min(getattr(self, "now", 0), len(self.values) - 1)]


class Next(callbacks.Callback):
    def __init__(self, metric):
        super().__init__()
        self.metric = metric

    def on_epoch_begin(self, epoch, logs=None):
        self.metric.now = epoch


def classifier(**options):
    net = lamina.Sequential([layers.Input((4,)), layers.Dense(2, activation="softmax")])
    net.compile("sgd", "sparse_categorical_crossentropy", **options)
    return net


@pytest.mark.parametrize(("direction", "best"), [("up", 2), ("down", 1)])
@pytest.mark.parametrize("monitor", ["score", "val_score"])
def test_early_stopping_restores_the_best_epoch(direction, best, monitor):
    score = Score([0.5, 0.1, 0.9, 0.4], direction=direction)
    net = classifier(metrics=[score])
    stop = callbacks.EarlyStopping(monitor, patience=9, restore_best_weights=True)
    kept = []
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(net.get_weights()[0]))
    net.fit(X, Y, epochs=4, verbose=0, validation_data=(X, Y), callbacks=[Next(score), stop, watch])
    assert stop.best_epoch == best
    assert stop.mode == "auto"
    np.testing.assert_array_equal(net.get_weights()[0], kept[best])


@pytest.mark.parametrize(("direction", "best"), [("up", 2), ("down", 1)])
def test_checkpoints_and_plateaus_ask_as_well(tmp_path, direction, best):
    score = Score([0.5, 0.1, 0.9, 0.4], direction=direction)
    net = classifier(metrics=[score])
    keep = callbacks.ModelCheckpoint(tmp_path / "best.weights.safetensors", "score", 1, True, True)
    plateau = callbacks.ReduceLROnPlateau("score", patience=1)
    kept = []
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(net.get_weights()[0]))
    net.fit(X, Y, epochs=4, verbose=0, callbacks=[Next(score), keep, plateau, watch])
    assert keep.best == plateau.best == score.values[best]
    net.load_weights(tmp_path / "best.weights.safetensors")
    np.testing.assert_array_equal(net.get_weights()[0], kept[best])


@pytest.mark.parametrize(
    "make",
    [
        callbacks.EarlyStopping,
        callbacks.ReduceLROnPlateau,
        type("Own", (callbacks.EarlyStopping,), {}),
        lambda monitor: callbacks.ModelCheckpoint("never", monitor, save_best_only=True),
    ],
)
def test_where_nothing_is_known_the_mode_is_asked_for_before_training(make):
    def mine(y_true, y_pred):
        return y_pred[:, 0]

    net = classifier(metrics=[Score([1.0]), mine])
    before = net.get_weights()[0]
    for monitor in ("score", "val_score", "mine"):
        with pytest.raises(ValueError, match=f"not known whether more or less of '{monitor}' is better; pass mode="):
            net.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[make(monitor)])
    np.testing.assert_array_equal(net.get_weights()[0], before)


def test_what_a_callback_logs_is_not_known_either():
    class Logs(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["f1"] = float(epoch)

    with pytest.raises(ValueError, match="more or less of 'f1'"):
        classifier().fit(X, Y, verbose=0, callbacks=[Logs(), callbacks.EarlyStopping("f1")])
    stop = callbacks.EarlyStopping("f1", mode="max", patience=1)
    assert len(classifier().fit(X, Y, epochs=3, verbose=0, callbacks=[Logs(), stop]).epoch) == 3


@pytest.mark.parametrize(
    ("given", "name", "sense"),
    [
        ("accuracy", "accuracy", "max"),
        ("acc", "acc", "max"),
        ("crossentropy", "crossentropy", "min"),
        ("sparse_top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy", "max"),
        ("sparse_categorical_crossentropy", "sparse_categorical_crossentropy", "min"),
        (metrics.SparseCategoricalAccuracy(name="x"), "x", "max"),
        (metrics.sparse_categorical_accuracy, "sparse_categorical_accuracy", "max"),
        (lamina.losses.sparse_categorical_crossentropy, "sparse_categorical_crossentropy", "min"),
        (lamina.losses.SparseCategoricalCrossentropy(name="l"), "l", "min"),
        (metrics.MeanMetricWrapper(lamina.losses.sparse_categorical_crossentropy, "w"), "w", "min"),
    ],
)
def test_built_in_metrics_say_it_under_every_name(given, name, sense):
    net = classifier(metrics=[given, given], weighted_metrics=[given])
    for monitor in (name, f"{name}_1", f"weighted_{name}", f"val_{name}_1", f"val_weighted_{name}"):
        stop = callbacks.EarlyStopping(monitor)
        net.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[stop])
        assert stop.sense == sense


@pytest.mark.parametrize(
    ("name", "sense"), [("mae", "min"), ("mse", "min"), ("rmse", "min"), ("cosine_similarity", "max")]
)
def test_errors_are_to_fall_and_likeness_to_rise(name, sense):
    net = lamina.Sequential([layers.Dense(1)])
    net.compile("sgd", "mse", metrics=[name])
    stop = callbacks.EarlyStopping(name)
    net.fit(X, X[:, :1], verbose=0, callbacks=[stop])
    assert stop.sense == sense


def test_names_of_outputs():
    a = layers.Input((4,))
    net = lamina.Model(a, [layers.Dense(2, activation="softmax", name="kind")(a), layers.Dense(1, name="size")(a)])
    net.compile("sgd", ["sparse_categorical_crossentropy", "mse"], metrics=[["accuracy"], ["mae"]])
    wanted = {"kind_accuracy": "max", "size_mae": "min", "kind_loss": "min", "size_loss": "min", "loss": "min"}
    for monitor, sense in wanted.items():
        for prefix in ("", "val_"):
            stop = callbacks.EarlyStopping(prefix + monitor)
            data = X, [Y, X[:, :1]]
            net.fit(*data, verbose=0, validation_data=data, callbacks=[stop])
            assert stop.sense == sense


def test_steps_of_ones_own():
    class Net(lamina.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, activation="softmax")
            self.right = metrics.SparseCategoricalAccuracy(name="right")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred)
            self.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.right.update_state(y, y_pred)
            return {"loss": loss, "right": self.right.result()}

    for monitor, sense in (("right", "max"), ("loss", "min")):
        net = Net()
        net.compile("sgd", "sparse_categorical_crossentropy")
        stop = callbacks.EarlyStopping(monitor)
        net.fit(X, Y, verbose=0, callbacks=[stop])
        assert stop.sense == sense


def test_names_and_order_are_keras_s():
    """Listed by Keras 3.15."""
    weight = rng.random(40)
    for plain, weighted, names in (
        (["mae", "mse"], ["mse", "mae"], ["loss", "mae", "mse", "weighted_mae", "weighted_mse"]),
        (["mae"] * 2, ["mae"] * 2, ["loss", "mae", "mae_1", "weighted_mae", "weighted_mae_1"]),
        ([metrics.MeanAbsoluteError(name="a")],) * 2 + (["a", "loss", "weighted_a"],),
    ):
        net = lamina.Sequential([layers.Dense(1)])
        net.compile("sgd", "mse", metrics=plain, weighted_metrics=weighted)
        history = net.fit(X, X[:, :1], sample_weight=weight, verbose=0, validation_data=(X, X[:, :1], weight))
        assert list(history.history) == sorted([*names, *(f"val_{n}" for n in names)])
        assert len(net.evaluate(X, X[:, :1], verbose=0)) == len(names)
        assert list(net.evaluate(X, X[:, :1], verbose=0, return_dict=True)) == names
    a = layers.Input((4,))
    net = lamina.Model(a, [layers.Dense(1, name="a")(a), layers.Dense(1, name="b")(a)])
    net.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mae", "mse"]], weighted_metrics=[["mae"], ["mae"]])
    history = net.fit(X, [X[:, :1]] * 2, verbose=0)
    wanted = ["a_loss", "a_mae", "a_weighted_mae", "b_loss", "b_mae", "b_mse", "b_weighted_mae", "loss"]
    assert list(history.history) == wanted


class Frame:
    """As much of a data frame as fit looks at."""

    def __init__(self, array, columns):
        self.array, self.columns = array, columns

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


def holed(*place, value=np.nan):
    x = X.copy()
    x[place] = value
    return x


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (holed(9, 2), Y, r"step 2 of 5. x holds nan \(sample 1 of the batch, column 2\): replace or leave out"),
        (holed(0, 1, value=np.inf), Y, r"step 1 of 5. x holds inf \(sample 0 of the batch, column 1\)"),
        (Frame(holed(0, 3), ["a", "b", "c", "age"]), Y, r"x holds nan \(sample 0 of the batch, column 3 \('age'\)\)"),
        ({"left": X, "right": holed(0, 1)}, Y, r"x\['right'\] holds nan \(sample 0 of the batch, column 1\)"),
        ([X, holed(0, 1)], Y, r"x\[1\] \(input 'right'\) holds nan \(sample 0 of the batch, column 1\)"),
        ([X, X], np.where(np.arange(40) == 1, np.nan, 1.0), r"y holds nan \(sample 1 of the batch\)"),
    ],
)
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_nan_in_the_data_is_named(x, y, message, eagerly):
    if isinstance(x, (dict, list)):
        a, b = layers.Input((4,), name="left"), layers.Input((4,), name="right")
        net = lamina.Model([a, b], layers.Dense(1)(layers.Add()([a, b])))
    else:
        net = lamina.Sequential([layers.Input((4,)), layers.Dense(1)])
    net.compile("sgd", "mse", run_eagerly=eagerly)
    with pytest.warns(UserWarning, match=message):
        net.fit(x, y, batch_size=8, shuffle=False, verbose=0)


def test_otherwise_the_rate_is_to_blame():
    net = lamina.Sequential([layers.Dense(1)])
    net.compile(lamina.optimizers.SGD(1e30), "mse")
    with pytest.warns(UserWarning, match="A smaller learning rate, clipnorm=1.0 or scaled inputs usually help"):
        net.fit(X, Y, epochs=9, verbose=0)
