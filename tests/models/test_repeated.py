"""Calls on one batch that follow each other take a short way; what changes between them must have its effect."""

import copy
import pickle
import re

import numpy as np
import pytest

import lamina
from lamina import layers

X = np.random.default_rng(0).random((8, 5)).astype("float32")
Y = (np.arange(8) % 3).astype("int32")


def network(kind=lamina.Sequential, **options):
    lamina.utils.set_random_seed(1)
    model = kind([layers.Input((5,)), layers.Dense(4, activation="relu"), layers.Dense(3)])
    options = {"optimizer": "adam", **options}
    model.compile(loss=lamina.losses.SparseCategoricalCrossentropy(from_logits=True), **options)
    return model


def forgetful(model):
    """The model, before a call that goes the whole way."""
    model.__dict__["_repeated"] = None
    return model


def goes_short(model, kind, x=X, y=Y):
    known = (model._repeated or {}).get(kind)
    return known is not None and known.batch(model, x, None if kind == "predict" else y) is not None


@pytest.mark.parametrize("metrics", [None, ["accuracy"]])
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_ways_are_the_same(metrics, eagerly, dtype):
    short, whole = (network(metrics=metrics, run_eagerly=eagerly) for _ in range(2))
    x = X.astype(dtype)
    for as_dict in (False, True, True, False):
        assert short.train_on_batch(x, Y, return_dict=as_dict) == forgetful(whole).train_on_batch(
            x, Y, return_dict=as_dict
        )
        assert short.test_on_batch(x, Y, return_dict=as_dict) == forgetful(whole).test_on_batch(
            x, Y, return_dict=as_dict
        )
        np.testing.assert_array_equal(short.predict_on_batch(x), forgetful(whole).predict_on_batch(x), strict=True)
        np.testing.assert_array_equal(short.predict(x, verbose=0), forgetful(whole).predict(x, verbose=0), strict=True)
        assert short.get_metrics_result() == whole.get_metrics_result()
    assert all(goes_short(short, kind, x) for kind in ("train", "test", "predict"))
    for a, b in zip(short.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def trained(model):
    for _ in range(3):
        model.train_on_batch(X, Y)
        model.predict(X, verbose=0)
    assert goes_short(model, "train")
    assert goes_short(model, "predict")
    return model


def test_labels_are_checked_in_every_call():
    model = trained(network())
    before = model.get_weights()
    for wrong in (3, -1):
        y = Y.copy()
        y[4] = wrong
        with pytest.raises(ValueError, match=f"train_on_batch: label {wrong} at index 4 of y is no class"):
            model.train_on_batch(X, y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_that_were_set_are_used():
    model = trained(network())
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    assert not model.predict(X, verbose=0).any()
    assert model.test_on_batch(X, Y) == pytest.approx(np.log(3))
    assert model.train_on_batch(X, Y) == pytest.approx(np.log(3))
    model.layers[1].bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(model.predict_on_batch(X), [[1, 2, 3]] * 8, atol=1e-2)


def test_frozen_layers_stay():
    model = trained(network())
    model.layers[0].trainable = False
    before = model.get_weights()
    model.train_on_batch(X, Y)
    model.train_on_batch(X, Y)
    after = model.get_weights()
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True, True, False, False]
    model.trainable = False
    with pytest.warns(UserWarning, match="frozen"):
        model.train_on_batch(X, Y)
    with pytest.warns(UserWarning, match="frozen"):
        model.train_on_batch(X, Y)


def test_compile_again():
    model = trained(network())
    model.compile(lamina.optimizers.SGD(0.0), "mse", metrics=["mae"])
    before = model.get_weights()
    assert len(model.train_on_batch(X, np.zeros((8, 3), "float32"))) == 2
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.optimizer = lamina.optimizers.SGD(1.0)
    model.train_on_batch(X, np.zeros((8, 3), "float32"))
    assert not np.array_equal(before[0], model.get_weights()[0])
    model.loss = "mae"
    values = [model.train_on_batch(X, np.zeros((8, 3), "float32")) for _ in range(2)]
    assert values[0][0] == pytest.approx(values[0][1])


def test_another_learning_rate():
    model = trained(network())
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()
    model.train_on_batch(X, Y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Own(lamina.Sequential):
    """A model whose methods are replaced while it is used."""


@pytest.mark.parametrize("on_class", [True, False])
def test_methods_that_are_replaced_later(monkeypatch, on_class):
    model = trained(network(Own))
    target = Own if on_class else model

    def replace(name, function):
        monkeypatch.setattr(target, name, function if on_class else function.__get__(model), raising=False)

    replace("predict_step", lambda self, data: np.full((8, 1), 7.0, "float32"))
    assert model.predict_on_batch(X).tolist() == [[7.0]] * 8
    assert model.predict(X, verbose=0).tolist() == [[7.0]] * 8
    replace("train_step", lambda self, data: {"loss": 5.0})
    assert [model.train_on_batch(X, Y) for _ in range(3)] == [5.0] * 3
    replace("test_step", lambda self, data: {"loss": 6.0})
    assert [model.test_on_batch(X, Y) for _ in range(3)] == [6.0] * 3


@pytest.mark.parametrize("on_class", [True, False])
def test_a_loss_of_ones_own_later(monkeypatch, on_class):
    model = trained(network(Own))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return lamina.ops.sum(y_pred) * 0.0 + 3.0

    target, function = (Own, compute_loss) if on_class else (model, compute_loss.__get__(model))
    monkeypatch.setattr(target, "compute_loss", function, raising=False)
    assert [model.train_on_batch(X, Y) for _ in range(3)] == [3.0] * 3


@pytest.mark.parametrize("on_class", [True, False])
def test_metrics_of_ones_own_later(monkeypatch, on_class):
    model = trained(network(Own))
    target, one = (Own, lambda self: {"loss": 1.0}) if on_class else (model, lambda: {"loss": 1.0})
    monkeypatch.setattr(target, "get_metrics_result", one, raising=False)
    assert [model.train_on_batch(X, Y) for _ in range(3)] == [1.0] * 3


def test_metrics_among_the_attributes():
    model = trained(network(Own))
    model.extra = lamina.metrics.Mean("extra")
    assert set(model.train_on_batch(X, Y, return_dict=True)) == {"loss", "extra"}
    assert set(model.train_on_batch(X, Y, return_dict=True)) == {"loss", "extra"}


class Listed(lamina.Model):
    """Layers in a list that changes in place."""

    def __init__(self):
        super().__init__()
        self.blocks = [layers.Dense(3)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def test_a_list_of_layers_that_grows():
    model = Listed()
    model.compile("sgd", lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    trained(model)
    model.blocks.insert(0, layers.Dense(5, kernel_initializer="zeros"))
    assert not goes_short(model, "train")


def test_other_batches_go_the_whole_way_or_fit():
    short, whole = network(), network()
    for model in (short, whole):
        trained(model)
    for x, y in (
        (X[:3], Y[:3]),
        (X[:1], Y[:1]),
        (X, Y.astype("int64")),
        (X, Y[:, None]),
        (X[::2], Y[::2]),
        (X.astype("float64"), Y.astype("float32")),
        (X.tolist(), Y.tolist()),
        (np.asfortranarray(X), Y),
        (X, Y),
    ):
        assert short.train_on_batch(x, y) == forgetful(whole).train_on_batch(x, y)
        np.testing.assert_array_equal(short.predict_on_batch(x), forgetful(whole).predict_on_batch(x))
        np.testing.assert_array_equal(short.predict(x, verbose=0), forgetful(whole).predict(x, verbose=0))


def test_weights_of_samples_and_classes():
    short, whole = trained(network()), trained(network())
    for options in ({"sample_weight": np.arange(8.0)}, {"class_weight": {0: 2.0}}, {}):
        assert short.train_on_batch(X, Y, **options) == forgetful(whole).train_on_batch(X, Y, **options)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:, :4], Y, "wants 5 features"),
        (X, Y[:4], "train_on_batch: the arrays hold different numbers of samples"),
        (X[:0], Y[:0], "x holds no samples"),
        (X, None, "there is no y"),
        (np.float32(1), Y, "single number"),
    ],
)
def test_errors_stay(x, y, message):
    texts = []
    for model in (trained(network()), forgetful(trained(network()))):
        with pytest.raises(ValueError, match=message) as caught:
            model.train_on_batch(x, y)
        texts.append(re.sub(r"_\d+", "", str(caught.value)))
    assert texts[0] == texts[1]
    with pytest.raises(TypeError, match="return_dict"):
        trained(network()).train_on_batch(X, Y, return_dict="yes")
    with pytest.raises(ValueError, match="verbose"):
        trained(network()).predict(X, verbose=7)


def test_results_are_ones_own():
    model = trained(network())
    first, again = model.predict_on_batch(X), model.predict(X, verbose=0)
    kept = first.copy()
    assert first.flags.writeable
    assert not np.may_share_memory(first, again)
    first[:] = 0
    np.testing.assert_array_equal(model.predict_on_batch(X), kept)
    x = X.copy()
    model.predict_on_batch(x)
    x[0] = 0
    assert not np.array_equal(model.predict_on_batch(x)[0], kept[0])


def test_more_rows_than_a_batch():
    model = trained(network())
    x = np.repeat(X, 9, axis=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, batch_size=100, verbose=0))
    seen = []
    model.predict(
        x,
        24,
        verbose=0,
        callbacks=[lamina.callbacks.LambdaCallback(on_predict_batch_end=lambda i, logs: seen.append(i))],
    )
    assert seen == [0, 1, 2]


def test_callbacks_of_predict_are_called():
    model = trained(network())
    seen = []
    model.predict(
        X, verbose=0, callbacks=[lamina.callbacks.LambdaCallback(on_predict_begin=lambda logs: seen.append(1))]
    )
    assert seen == [1]


def test_copies_find_out_for_themselves():
    model = trained(network())
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not goes_short(other, "train") or other._repeated["train"].held is other._found_variables
        np.testing.assert_array_equal(other.predict_on_batch(X), model.predict_on_batch(X))
        other.train_on_batch(X, Y)
        assert not np.array_equal(other.predict_on_batch(X), model.predict_on_batch(X))


def test_logs_of_the_step_before_are_still_read():
    model = trained(network())
    logs = model.train_step((lamina.Tensor(X), lamina.Tensor(Y)))
    wanted = model.get_metrics_result()["loss"]
    model.train_on_batch(X, Y)
    assert logs["loss"] == wanted


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3)])
def test_targets_of_every_shape_go_the_short_way_where_they_are_alike(shape):
    units = int(np.prod(shape, dtype=int))
    model = lamina.Sequential([layers.Input((5,)), layers.Dense(units), layers.Reshape(shape or (1,))])
    model.compile("sgd", "mse")
    y = np.random.default_rng(1).random((8, *shape)).astype("float32")
    for _ in range(2):
        model.train_on_batch(X, y)
        model.test_on_batch(X, y)
    for kind in ("train", "test"):
        assert goes_short(model, kind, X, y)
        assert goes_short(model, kind, X[:3], y[:3])
        assert not goes_short(model, kind, X[:3], y)
        assert not goes_short(model, kind, X, y[..., None])
        assert not goes_short(model, kind, X, y.astype("float64"))
        assert not shape or not goes_short(model, kind, X, y[:, :0])


@pytest.mark.parametrize("kind", ["train", "test", "predict"])
def test_arrays_of_other_bytes_go_the_whole_way(kind):
    """Numbers whose bytes stand the other way round, lists, and objects are converted in each call."""
    native, turned = network(), network()
    x = X.astype(X.dtype.newbyteorder())
    for _ in range(3):
        if kind == "predict":
            np.testing.assert_array_equal(turned.predict_on_batch(x), native.predict_on_batch(X))
            continue
        call = f"{kind}_on_batch"
        assert getattr(turned, call)(x, Y) == getattr(native, call)(X, Y)
    assert (turned._repeated or {}).get(kind) is None


@pytest.mark.parametrize("kind", ["train", "test"])
def test_targets_that_are_no_arrays_go_the_whole_way(kind):
    arrays, others = network(), network()
    for _ in range(3):
        assert getattr(others, f"{kind}_on_batch")(X, Y.tolist()) == getattr(arrays, f"{kind}_on_batch")(X, Y)
    assert (others._repeated or {}).get(kind) is None


def test_an_optimizer_with_a_build_of_its_own_goes_the_whole_way():
    built = []

    class Own(lamina.optimizers.SGD):
        def build(self, variables):
            built.append(len(variables))
            super().build(variables)

    model = network(optimizer=Own())
    for _ in range(4):
        model.train_on_batch(X, Y)
    assert built
    assert (model._repeated or {}).get("train") is None


@pytest.mark.filterwarnings("ignore:train_on_batch. all weights of")
def test_a_model_without_weights_to_train_goes_the_whole_way():
    model = network()
    for layer in model.layers:
        layer.trainable = False
    model.compile("sgd", lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = model.get_weights()
    for _ in range(3):
        model.train_on_batch(X, Y)
    assert (model._repeated or {}).get("train") is None
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
