"""fit, evaluate and predict on every kind of data: the same losses as Keras gives."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamina

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

rng = np.random.default_rng(0)
X = rng.random((50, 3)).astype(np.float32)
LABELS = rng.integers(0, 3, 50)
WEIGHTS = rng.random(50).astype(np.float32)
KERNEL = rng.standard_normal((3, 3)).astype(np.float32)
CLASSES = {0: 1.0, 1: 0.5, 2: 3.0}


def trained(library, give, **options):
    """History, evaluation and predictions of a linear model with the same first weights."""
    model = library.Sequential([library.Input((3,)), library.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    model.set_weights([KERNEL, np.zeros(3, np.float32)])
    data = give(library)
    options = {"epochs": 3, "verbose": 0, "shuffle": False, "validation_data": (X[:20], LABELS[:20])} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of data that ran out, and of much else
        history = model.fit(*data, **options).history
        found = model.evaluate(*give(library), verbose=0)
    return {name: np.array(values) for name, values in history.items()} | {"evaluate": np.array(found)}


def py_dataset(**workers):
    def give(library):
        class Batches(library.utils.PyDataset):
            def __len__(self):
                return 5

            def __getitem__(self, index):
                part = slice(10 * index, 10 * index + 10)
                return X[part], LABELS[part], WEIGHTS[part]

        return (Batches(**workers),)

    return give


def loader(library):
    tensors = [torch.from_numpy(a) for a in (X, LABELS, WEIGHTS)]
    return (torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*tensors), batch_size=8),)


def endless(library):
    def batches():
        while True:
            for i in range(0, 50, 10):
                yield X[i : i + 10], LABELS[i : i + 10]

    return (batches(),)


def short(library):
    return ((part for part in [(X, LABELS)] * 4 + [(X[:5], LABELS[:5])]),)


def frame(library):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(X, columns=list("abc")), pandas.Series(LABELS)


KINDS = {
    "arrays": (lambda library: (X, LABELS), {"batch_size": 16}),
    "split": (lambda library: (X, LABELS), {"validation_split": 0.3, "validation_data": None}),
    "weights": (lambda library: (X, LABELS), {"sample_weight": WEIGHTS}),
    "classes": (lambda library: (X, LABELS), {"class_weight": CLASSES}),
    "steps": (lambda library: (X, LABELS), {"batch_size": 10, "validation_steps": 1, "validation_batch_size": 10}),
    "frame": (frame, {}),
    "loader": (loader, {}),
    "py_dataset": (py_dataset(), {}),
    "threads": (py_dataset(workers=2), {}),
    "processes": (py_dataset(workers=2, use_multiprocessing=True), {}),
    "tensors": (lambda library: (torch.from_numpy(X), torch.from_numpy(LABELS)), {}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_same_losses(kind):
    give, options = KINDS[kind]
    ours, theirs = trained(lamina, give, **options), trained(keras, give, **options)
    assert ours.keys() == theirs.keys()
    near = 1e-4 if kind in ("threads", "processes") else 1e-5  # Keras's workers begin with another batch
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=near, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("give", [endless, short])
def test_streams_in_steps(give):
    def history(library):
        model = library.Sequential([library.Input((3,)), library.layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.set_weights([KERNEL, np.zeros(3, np.float32)])
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = model.fit(*give(library), steps_per_epoch=3, epochs=2, verbose=0).history["loss"]
        return found, [str(w.message) for w in told if "ran out of data" in str(w.message)]

    (ours, our_warnings), (theirs, their_warnings) = history(lamina), history(keras)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert len(our_warnings) == len(their_warnings) == (give is short)
