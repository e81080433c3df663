"""The networks of the benchmarks and the models of all examples, untrained, in onnxruntime."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import lamina
from lamina import layers
from lamina.core.tree import flatten
from lamina.export import to_onnx
from lamina.layers import InputSpec

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "examples").is_dir(), reason="needs the source tree")


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    """Examples and benchmarks are imported as they import each other."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(ROOT) in str(sys.modules[name].__file__):
            del sys.modules[name]


def spec(*shape, dtype="float32"):
    return InputSpec(shape=(None, *shape), dtype=dtype)


def letters(*shape):
    return spec(*shape, dtype="int64")


def example(module: str, name: str = "build", *args, **kwargs):
    """What makes the model of an example."""
    return lambda: getattr(importlib.import_module(module), name)(*args, **kwargs)


def readers(module: str):
    """The networks of an example that compares several, with its head."""

    def make():
        models = []
        for kind in importlib.import_module(module).KINDS.values():
            inputs = lamina.Input((8, 8, 1))
            models.append(lamina.Model(inputs, layers.Dense(10)(kind(inputs))))
        return models

    return make


def pictures():
    """The layers of the example that shows them all."""
    made = []
    for layer in importlib.import_module("image_layers").LAYERS.values():
        inputs = lamina.Input((160, 200, 3))
        made.append(lamina.Model(inputs, layer(inputs, training=False)))
    return made


def forecast():
    return lamina.Sequential([lamina.Input((24, 1)), layers.LSTM(32), layers.Dropout(0.2), layers.Dense(1)])


def searched():
    """The network in a scikit-learn estimator."""
    estimator = importlib.import_module("digits_search").MLPClassifier
    return estimator((8,), dropout=0.4, max_iter=1, tol=0.0).partial_fit(np.eye(10, 64), range(10), range(10)).model_


# How the model of each example is made, and what it is called with, if it does not say so itself.
EXAMPLES = {
    "airline_forecast": (forecast, None),  # made in its main()
    "autoencoder": (example("autoencoder", "Autoencoder"), [spec(28, 28, 1)]),
    "char_lm": (example("char_lm", "build_gpt", 65), None),
    "char_lm, lstm": (example("char_lm", "build_lstm", 65), None),
    "custom_loop": (example("digits"), None),
    "denoise": (example("denoise"), None),
    "digits": (example("digits"), None),
    "digits_search": (searched, None),
    "fashion_resnet": (example("fashion_resnet", "build", (28, 28, 1), 10, 16), None),
    "distributed": (example("distributed", "build", (8, 8, 1)), None),
    "gan": (example("gan", "generator"), None),
    "gan, discriminator": (example("gan", "discriminator"), None),
    "handwritten_numbers": (example("handwritten_numbers"), None),
    "image_layers": (pictures, None),
    "many_readers": (readers("many_readers"), None),
    "mnist": (example("mnist", "build", (28, 28, 1), 10), None),
    "more_readers": (readers("more_readers"), None),
    "names": (example("names", "Inventor"), [letters(None)]),
    "new_films": (example("new_films", "build", 5, 7, 20), None),
    "nuclei_unet": (example("nuclei_unet"), None),
    "omniglot_one_shot": (example("omniglot_one_shot"), None),
    "photo_patches": (example("photo_patches"), None),
    "polarity": (example("polarity"), None),
    "pronounce": (example("pronounce", "Speller", 40), [[letters(None), letters(None)]]),
    "recommend": (example("recommend", "build", 10, 12, 3.5), None),
    "sequence_classification": (example("sequence_classification", "Classifier"), [[spec(None, 4), letters()]]),
    "slow_motion": (example("slow_motion"), None),
    "spell": (example("spell", "Speller", 40, 30), [[letters(None), letters(None)]]),
    "spoken_digits": (example("spoken_digits", "Listener"), [[spec(None, 40), letters()]]),
    "spoken_keyword": (example("spoken_keyword"), None),
    "surnames": (example("surnames", "Guesser", 60, 18), [letters(None)]),
    "verification": (example("verification"), None),
    "vit_digits": (example("vit_digits"), None),
}


def test_every_example_is_tried():
    files = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert {name.split(",")[0] for name in EXAMPLES} == files


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_model_of_an_example_gives_the_same_numbers(name):
    make, signature = EXAMPLES[name]
    made = make()
    for model in made if isinstance(made, (list, tuple)) else [made]:
        randomize(model)
        to_onnx(model, signature, verify=True)  # at two batch sizes and lengths


def randomize(model):
    """Weights that are zeros or ones at first hide mistakes."""
    draw = np.random.default_rng(0)
    for w in model.trainable_weights:
        w.assign(w.numpy() + 0.05 * draw.standard_normal(w.shape))


NETWORKS = ("mlp", "small mlp", "cnn", "resnet-20", "lstm", "gru", "gpt", "u-net", "siamese")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [1, 6])
def test_a_network_of_the_benchmarks_gives_the_same_numbers(name, batch):
    networks, numbers = importlib.import_module("networks"), importlib.import_module("network_data")
    model = networks.MODELS[name](lamina)
    inputs = [x[:batch] for x in numbers.inputs_of(numbers.data(name))]
    given = inputs if len(inputs) > 1 else inputs[0]
    model(given)
    randomize(model)
    proto = to_onnx(model, verify=False)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {i.name: x for i, x in zip(session.get_inputs(), inputs, strict=True)})
    want = model.predict(given, verbose=0)
    np.testing.assert_allclose(got, want, atol=1e-5 * max(1, np.abs(want).max()))


def test_every_network_is_tried():
    assert set(importlib.import_module("networks").MODELS) == set(NETWORKS)


def test_graphs_have_no_detours():
    """A residual network is turned once at its begin; a recurrent one is its node."""
    networks = importlib.import_module("networks")
    kinds = Counter(n.op_type for n in to_onnx(networks.resnet20(lamina), verify=False).graph.node)
    assert kinds == Counter(
        Transpose=1, Conv=21, BatchNormalization=21, Relu=19, Add=9, GlobalAveragePool=1, Reshape=1, Gemm=1
    )
    kinds = Counter(n.op_type for n in to_onnx(networks.lstm(lamina), verify=False).graph.node)
    assert kinds == Counter(Transpose=1, LSTM=1, Reshape=1, Gemm=1)
    assert not {"Cast", "Identity"} & {n.op_type for n in to_onnx(networks.gpt(lamina), verify=False).graph.node}


def test_sizes_of_examples_stay_free():
    proto = to_onnx(example("nuclei_unet")(), verify=False)
    assert flatten([d.dim_param for d in proto.graph.input[0].type.tensor_type.shape.dim][:1]) == ["batch"]
