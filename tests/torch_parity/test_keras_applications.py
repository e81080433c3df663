"""lamina.applications against keras.applications: the same weights from both kinds of Keras's files, the same numbers.

A few configurations in ordinary runs, the smallest network of each family with LAMINA_PARITY_EXAMPLES=100, all of them
with 1000.
"""

from __future__ import annotations

import inspect
import os
import re
from typing import Any

import numpy as np
import pytest
from model_drawings import layers_of

import lamina
from lamina import applications
from lamina.layers.variable import snake_case, unfilled

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
WHOLE: dict[str, Any] = {"classes": 7}
MEANS: dict[str, Any] = {"include_top": False, "pooling": "avg"}
USUAL = [("MobileNetV2", 32, WHOLE | {"alpha": 0.35}), ("EfficientNetV2B0", 32, MEANS),
         ("MobileNetV3Small", 40, MEANS | {"alpha": 0.75}), ("DenseNet121", 33, WHOLE)]  # fmt: skip
SMALL = (
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionResNetV2", "InceptionV3",
    "MobileNet", "MobileNetV2", "MobileNetV3Large", "ResNet50", "ResNet50V2", "VGG16", "Xception",
)  # fmt: skip
SMALLEST = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 75}
LARGE = ("ConvNeXtLarge", "ConvNeXtXLarge")  # more than a gigabyte in each library


def configurations():
    asked = int(os.environ.get("LAMINA_PARITY_EXAMPLES", "15"))
    if asked < 100:
        return USUAL
    if asked < 1000:
        return USUAL + [(name, SMALLEST.get(name, 64), MEANS) for name in SMALL]
    found = list(USUAL)
    for name in applications.__all__:
        if not name.islower() and name not in (*LARGE, "NASNetMobile"):  # which Keras lacks with PyTorch
            size = SMALLEST.get(name, 64)
            found += [(name, size, WHOLE), (name, size + 9, MEANS), (name, size, {"include_top": False})]
    for name in ("MobileNetV3Small", "MobileNetV3Large"):
        found += [(name, 64, WHOLE | {"minimalistic": True}), (name, 64, WHOLE | {"alpha": 1.25, "dropout_rate": 0})]
        found += [(name, 64, MEANS | {"include_preprocessing": False, "pooling": "max"})]
    found += [("MobileNet", 64, WHOLE | {"alpha": 0.5, "depth_multiplier": 2})]
    found += [("MobileNetV2", size, MEANS | {"alpha": 1.4, "pooling": "max"}) for size in (33, 64, 96)]
    found += [("EfficientNetV2S", 64, WHOLE | {"include_preprocessing": False, "classifier_activation": None})]
    found += [("ConvNeXtTiny", 64, MEANS | {"include_preprocessing": False})]
    return found


def telling(model, rng):
    """Give the weights values that no two layers share."""
    for w in model.weights:
        shape, name = tuple(w.shape), w.path.rpartition("/")[2]
        if name in ("moving_variance", "variance"):
            w.assign(rng.uniform(0.8, 1.2, shape))
        elif name == "gamma":  # small, so that deep networks do not grow errors of rounding
            w.assign(rng.uniform(0.4, 0.6, shape))
        elif name in ("moving_mean", "mean", "beta", "bias"):
            w.assign(0.1 * rng.standard_normal(shape))


def given_name(layer):
    """The name of a layer with weights; nothing where it was made of the class's."""
    own = re.fullmatch(rf"{snake_case(type(layer).__name__)}(_\d+)?", layer.name)
    return layer.name if layer.weights and not own else None


@pytest.mark.parametrize(("name", "size", "options"), configurations())
def test_weights_of_keras_give_its_numbers(tmp_path, name, size, options):
    keras = pytest.importorskip("keras")
    h5py = pytest.importorskip("h5py")
    from keras.src.legacy.saving import legacy_h5_format

    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    theirs = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), **options)
    telling(theirs, rng)
    x = rng.uniform(0, 255, (2, size, size, 3)).astype("f4")
    want = theirs.predict(x, verbose=0)
    theirs.save_weights(tmp_path / "new.weights.h5")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, theirs)
    for path in ("new.weights.h5", "old.h5"):
        ours = getattr(applications, name)(weights=tmp_path / path, input_shape=(size, size, 3), **options)
        got = ours.predict(x, verbose=0)
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())
    ours_named, theirs_named = ([n for n in map(given_name, model.layers) if n] for model in (ours, theirs))
    assert ours_named == theirs_named
    assert ours.name == theirs.name


@pytest.mark.parametrize(("name", "size", "options"), configurations())
def test_drawings_are_those_of_keras(name, size, options):
    """As tests/applications/test_applications.py has their checksums."""
    keras = pytest.importorskip("keras")
    given = {"weights": None, "input_shape": (size, size, 3), **options}
    with unfilled(), keras.device("meta"):
        ours, theirs = (getattr(room, name)(**given) for room in (applications, keras.applications))
    assert layers_of(ours) == layers_of(theirs)


def test_signatures_are_those_of_keras():
    keras = pytest.importorskip("keras")
    for name in applications.__all__:
        ours, theirs = getattr(applications, name), getattr(keras.applications, name)
        if not name.islower():
            assert str(inspect.signature(theirs)) == _plain(inspect.signature(ours)), name
        else:
            for function in ("preprocess_input", "decode_predictions"):
                args = _plain(inspect.signature(getattr(ours, function)))
                assert str(inspect.signature(getattr(theirs, function))) == args, name


def _plain(signature):
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


@pytest.mark.parametrize("room", [n for n in applications.__all__ if n.islower()])
@pytest.mark.parametrize("layout", [None, "channels_first"])
def test_pixels_are_those_of_keras(room, layout):
    keras = pytest.importorskip("keras")
    ours, theirs = getattr(applications, room).preprocess_input, getattr(keras.applications, room).preprocess_input
    rng = np.random.default_rng(0)
    for shape in ((2, 5, 6, 3), (5, 6, 3)):
        x = np.moveaxis(rng.integers(0, 256, shape), -1, -3) if layout else rng.integers(0, 256, shape)
        want = theirs(x.astype("f4"), layout)
        np.testing.assert_allclose(ours(x.astype("f4"), layout), want, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(
            np.asarray(ours(lamina.ops.convert_to_tensor(x.astype("f4")), layout)), want, rtol=1e-5, atol=1e-5
        )


def test_wholes_go_both_ways(tmp_path):
    """Whole files, also with the layers that are none of keras.layers."""
    keras = pytest.importorskip("keras")
    x = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("f4")
    options = {"weights": None, "include_top": False, "input_shape": (32, 32, 3), "pooling": "avg"}
    ours = applications.ConvNeXtTiny(**options)
    ours.save(tmp_path / "ours.keras")
    got = keras.saving.load_model(tmp_path / "ours.keras").predict(x, verbose=0)
    np.testing.assert_allclose(got, ours(x), rtol=1e-4, atol=1e-4)
    theirs = keras.applications.ConvNeXtTiny(**options)
    theirs.save(tmp_path / "theirs.keras")
    got = lamina.load_model(tmp_path / "theirs.keras")(x)
    np.testing.assert_allclose(got, theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-4)
