"""Files of Keras (torch backend): each library loads what the other saved, predicts the same and trains on."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import pytest
from keras_live import keras

import lamina
from lamina import ops
from lamina.core.keras_names import LACKING
from lamina.layers import op_config
from lamina.saving.keras_paths import variables

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


def same(ours: Any, theirs: Any, x: Any, tolerance: float = 1e-5) -> None:
    got, want = ours.predict(x, verbose=0), theirs.predict(x, verbose=0)
    for a, b in zip(parts(got), parts(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(np.abs(b).max(initial=0))))


def parts(nest: Any) -> list[Any]:
    if isinstance(nest, dict):
        nest = [nest[k] for k in sorted(nest)]
    return [leaf for part in nest for leaf in parts(part)] if isinstance(nest, (list, tuple)) else [np.asarray(nest)]


def trained_on(ours: Any, theirs: Any, x: Any, y: Any) -> None:
    """One more step on both gives the same weights."""
    for model in (ours, theirs):
        model.fit(x, y, verbose=0, shuffle=False)
    for a, b in zip(variables(ours), theirs.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-5)


def there_and_back(make: Any, x: Any, y: Any, path: Any, **compile: Any) -> None:
    """``make(module)`` in both: trained a step, saved, loaded by the other, compared, trained a step further."""
    for mine, other, load in ((lamina, keras, keras.saving.load_model), (keras, lamina, lamina.load_model)):
        model = make(mine)
        if compile:
            model.compile(**{k: v(mine) if callable(v) else v for k, v in compile.items()})
            model.fit(x, y, verbose=0, shuffle=False)
        model.save(path)
        loaded = load(path)
        ours, theirs = (model, loaded) if other is keras else (loaded, model)
        same(ours, theirs, x)
        if compile:
            trained_on(ours, theirs, x, y)


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def perceptron(k: Any) -> Any:
    dense = k.layers.Dense
    return k.Sequential([k.Input((4,)), dense(3, "relu"), k.layers.BatchNormalization(), dense(3, "tanh"), dense(2)])


def test_a_sequential_model_goes_both_ways_and_trains_on(tmp_path):
    x, y = numbers(8, 4), numbers(8, 2, seed=1)
    compiled = {"optimizer": "adam", "loss": "mse", "metrics": ["mae"]}
    there_and_back(perceptron, x, y, tmp_path / "m.keras", **compiled)


def test_weights_alone_go_both_ways(tmp_path):
    x = numbers(8, 4)
    for mine, other in ((lamina, keras), (keras, lamina)):
        a, b = perceptron(mine), perceptron(other)
        a.save_weights(tmp_path / "w.weights.h5")
        b.load_weights(tmp_path / "w.weights.h5")
        ours, theirs = (a, b) if mine is lamina else (b, a)
        same(ours, theirs, x)


def test_a_folder_in_place_of_a_zip(tmp_path):
    x = numbers(8, 4)
    ours = perceptron(lamina)
    ours.save(tmp_path / "ours", zipped=False)
    same(ours, keras.saving.load_model(tmp_path / "ours"), x)
    theirs = perceptron(keras)
    theirs.save(tmp_path / "theirs", zipped=False)
    same(lamina.load_model(tmp_path / "theirs"), theirs, x)


def test_operations_are_classes_of_keras():
    """Of these the constructors take the options, the calls the rest."""
    for name, room in op_config._MODULE.items():
        if name not in CONSTANTS and name not in op_config._OTHER:
            cls = getattr(importlib.import_module(f"keras.src.ops.{room}"), op_config.class_of(name))
            made_with = set(inspect.signature(cls.__init__).parameters) - {"self", "name", "args", "kwargs"}
            called = op_config._CALLED.union(op_config._CALLED_HERE.get(name, ()))
            called -= set(op_config._MADE_WITH.get(name, ()))
            assert not called & made_with, name
            options = set(inspect.signature(getattr(ops, name)).parameters) - called - op_config._OURS
            assert options - made_with <= {"initial", "dilation_rate", "kwargs"}, name


CONSTANTS = (  # functions without tensors among their arguments
    "bartlett", "blackman", "empty", "eye", "full", "hamming", "hanning", "identity", "kaiser", "ones", "tri", "zeros",
)  # fmt: skip
ROOMS = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")


@pytest.mark.parametrize("room", ROOMS)
def test_the_list_of_classes_that_keras_lacks_is_right(room):
    ours, theirs = getattr(lamina, room), getattr(keras, room)
    classes = {n: c for n in ours.__all__ if inspect.isclass(c := getattr(ours, n))}
    no_names = ("LearningRateSchedule", "KeyValueCache", "SymbolicTensor", "Variable")  # no parts of a description
    lacking = {c.__name__ for c in classes.values() if not hasattr(theirs, c.__name__) and c.__name__ not in no_names}
    known = {c.__name__ for c in classes.values() if c.__name__ in LACKING}
    assert lacking - {"GroupedQueryAttention"} == known  # GroupQueryAttention is another name of it
