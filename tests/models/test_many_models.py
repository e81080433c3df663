"""Many models trained at once: the bits of each alone, errors that name one, and what an ensemble of them says."""

import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers, metrics, optimizers

RNG = np.random.default_rng(7)
X = RNG.standard_normal((90, 4)).astype("float32")
Y = (X[:, :1] * X[:, 1:2]).astype("float32")
COUNT = 5


def make(i=0):
    units = 8 + 4 * (i % 2)  # of two architectures
    model = lamina.Sequential(
        [lamina.Input((4,)), layers.Dense(units, "relu"), layers.Dropout(0.2, seed=i), layers.Dense(1)]
    )
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def models():
    lamina.random.seed(3)
    return [make(i) for i in range(COUNT)]


def rows():
    return [np.random.default_rng(i).integers(0, 90, 50 + i) for i in range(COUNT)]


def stopping():
    return [callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)]


OPTIONS = {"batch_size": 16, "epochs": 4, "validation_data": (X[:30], Y[:30])}


@pytest.fixture(scope="module")
def alone():
    found = models()
    for i, (model, taken) in enumerate(zip(found, rows(), strict=True)):
        lamina.random.seed(11 + i)
        model.fit(X[taken], Y[taken], verbose=0, callbacks=stopping(), **OPTIONS)
    return found


def assert_same(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        assert a.history.history == b.history.history
        for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
            np.testing.assert_array_equal(v, w)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_the_bits_of_each_alone(alone, threads):
    found = models()
    histories = lamina.fit_many(
        found, (X, Y), indices=rows(), seed=11, threads=threads, callbacks=stopping(), **OPTIONS
    )
    assert [h is m.history for h, m in zip(histories, found, strict=True)] == [True] * COUNT
    assert_same(found, alone)
    assert lamina.get_num_threads() > 0
    assert threading.active_count() < 20


def test_data_of_each_and_models_that_are_not_built():
    def unbuilt():
        made = [lamina.Sequential([layers.Dense(3, "tanh"), layers.Dense(1)]) for _ in range(3)]
        for model in made:
            model.compile("sgd", "mse")
        return made

    data = [(X[:, : 2 + i], Y) for i in range(3)]
    one, other = unbuilt(), unbuilt()
    for i, model in enumerate(one):
        lamina.random.seed(20 + i)
        model.fit(*data[i], epochs=2, verbose=0)
    lamina.fit_many(other, data, epochs=2, seed=[20, 21, 22], threads=2)
    assert_same(other, one)


def test_an_error_names_its_model_and_leaves_the_others(alone):
    class Fails(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise ValueError("no more")

    found = models()

    def of(i):
        return [*stopping(), *([Fails()] if i in (1, 3) else [])]

    message = rf"fit_many: model 1 \('{found[1].name}'\): no more; models 3 \('{found[3].name}'\) failed as well"
    with pytest.raises(ValueError, match=message):
        lamina.fit_many(found, (X, Y), indices=rows(), seed=11, threads=2, callbacks=of, **OPTIONS)
    assert_same([found[i] for i in (0, 2, 4)], [alone[i] for i in (0, 2, 4)])
    assert len(found[1].history.epoch) == 1
    found[1].fit(X, Y, verbose=0)


def test_data_that_do_not_fit_name_the_model():
    found = models()
    data = [(X, Y)] * 4 + [(X[:, :3], Y)]
    with pytest.raises(ValueError, match=rf"fit_many: model 4 \('{found[4].name}'\): .*4"):
        lamina.fit_many(found, data, threads=2)
    assert [len(m.history.epoch) for m in found[:4]] == [1] * 4


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"models": [3]}, TypeError, r"fit_many: models\[0\] must be a model, got 3"),
        ({"models": "twice"}, ValueError, "a model is among the models twice"),
        ({"data": X}, TypeError, "fit_many: data must be a tuple"),
        ({"data": (X,)}, TypeError, r"fit_many: data must be \(x, y\)"),
        ({"data": [(X, Y)]}, ValueError, "fit_many: data is a list of 1 for 5 models"),
        ({"indices": [[0]]}, ValueError, "1 indices for 5 models"),
        ({"indices": [[0.5]] * 5}, TypeError, r"indices\[0\] must be an array of integers"),
        ({"indices": [[99]] * 5}, IndexError, "model 0 .*99"),
        ({"seed": -1}, ValueError, "seed must be an integer >= 0"),
        ({"seed": [1]}, ValueError, "1 seeds for 5 models"),
        ({"threads": 0}, ValueError, "threads must be at least 1"),
        ({"epochs": -1}, ValueError, "epochs must be an integer >= 0"),
        ({"callbacks": [3]}, TypeError, "expected Callback objects"),
    ],
)
def test_arguments(change, kind, message):
    given = {"models": models(), "data": (X, Y), **change}
    if given["models"] == "twice":
        given["models"] = [make()] * 2
    with pytest.raises(kind, match=message):
        lamina.fit_many(**given)


def test_uncompiled_models_are_refused():
    with pytest.raises(RuntimeError, match=r"fit_many: call compile"):
        lamina.fit_many([lamina.Sequential([layers.Dense(1)])], (X, Y))


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals to a thread are POSIX's")
def test_ctrl_c_ends_all_at_whole_steps():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    found = models()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        begin = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            lamina.fit_many(found, (X, Y), epochs=10**6, threads=2)
        assert time.perf_counter() - begin < 30
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert threading.active_count() < 20
    begun = [m for m in found if m.history is not None]
    assert 1 <= len(begun) <= 2
    for model in begun:
        assert np.isfinite(model.evaluate(X, Y, verbose=0)).all()


def ensemble(n=3):
    return lamina.Ensemble(make, n=n, seed=5)


def test_members_are_made_and_trained_by_their_seeds():
    found = ensemble()
    assert found.seeds == [5, 6, 7]
    found.fit(X, Y, 16, 2, threads=2)
    for i, member in enumerate(found.members):
        lamina.random.seed(5 + i)
        model = make()
        lamina.random.seed(5 + i)
        model.fit(X, Y, 16, 2, verbose=0)
        assert_same([member], [model])


def test_samples_of_each_member():
    found = ensemble()
    found.fit(X, Y, bootstrap=True)
    assert [len(r) for r in found.rows] == [90] * 3
    assert len({tuple(r) for r in found.rows}) == 3
    histories = found.fit(X, Y, folds=3)
    assert "val_loss" in histories[0].history
    left_out = [np.setdiff1d(np.arange(90), r) for r in found.rows]
    assert sorted(np.concatenate(left_out).tolist()) == list(range(90))
    found.fit(X, Y)
    assert found.rows is None
    for options, message in (
        ({"folds": 1}, "folds must be from 2 to the 90"),
        ({"folds": 3, "bootstrap": True}, "without bootstrap"),
    ):
        with pytest.raises(ValueError, match=message):
            found.fit(X, Y, **options)


def test_an_ensemble_says_the_mean(tmp_path):
    found = ensemble()
    each = found.predict(X, members=True, verbose=0)
    mean = found.predict(X, verbose=0)
    assert each.shape == (3, 90, 1)
    np.testing.assert_array_equal(each[1], found.members[1].predict(X, verbose=0))
    np.testing.assert_allclose(mean, each.mean(0), rtol=1e-5, atol=1e-6)
    loss, mae = found.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose([loss, mae], [np.mean((mean - Y) ** 2), np.mean(np.abs(mean - Y))], rtol=1e-5)
    assert found.evaluate(X, Y, members=True, verbose=0)[2] == found.members[2].evaluate(X, Y, verbose=0)
    found.save(tmp_path / "three.lamina")
    for other in (lamina.load_model(tmp_path / "three.lamina"), pickle.loads(pickle.dumps(found))):
        assert isinstance(other, lamina.Ensemble)
        assert other.seeds == found.seeds
        np.testing.assert_array_equal(other.predict(X, verbose=0), mean)
        other.fit(X, Y, 16)
        assert other.evaluate(X, Y, verbose=0)[0] < loss


def test_compile_gives_each_member_its_own():
    plain = [lamina.Sequential([lamina.Input((4,)), layers.Dense(1)]) for _ in range(2)]
    found = lamina.Ensemble(plain, seed=1)
    with pytest.raises(RuntimeError, match="call compile"):
        found.fit(X, Y)
    found.compile(optimizers.SGD(0.01), "mse", metrics=[metrics.MeanAbsoluteError()])
    assert plain[0].optimizer is not plain[1].optimizer
    found.fit(X, Y)
    assert found.members[0].history.history != found.members[1].history.history


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((make,), ValueError, "n, how many models"),
        (([],), ValueError, "got none"),
        (([1],), TypeError, r"models\[0\] must be a model"),
        (([make()] * 2,), ValueError, "got one twice"),
        (([make()], 2), ValueError, "n goes with a function"),
    ],
)
def test_arguments_of_ensembles(arguments, kind, message):
    with pytest.raises(kind, match=message):
        lamina.Ensemble(*arguments)
