"""Typos: the nearest valid name of the same kind."""

from __future__ import annotations

import importlib
import traceback

import pytest

import lamina

TYPOS = {
    "layers": {"Conv2d": "Conv2D", "Dens": "Dense", "lstm": "LSTM", "Batchnorm": None, "GlobalAvgPooling2D": "Global",
               "InputLayr": "InputLayer", "MultiheadAttention": "MultiHeadAttention"},
    "losses": {"MeanSquareError": "MeanSquaredError", "BinaryCrossEntropy": "BinaryCrossentropy", "hubr": "huber"},
    "metrics": {"Acuracy": "Accuracy", "RootMeanSquareError": "RootMeanSquaredError"},
    "optimizers": {"Adm": "Adam", "RMSProp": "RMSprop", "sgd": "SGD"},
    "activations": {"rellu": "relu", "leakyrelu": "leaky_relu"},
    "ops": {"matmull": "matmul", "consatenate": "concatenate", "softmx": "softmax"},
    "callbacks": {"EarlyStoping": "EarlyStopping", "ModelCheckPoint": "ModelCheckpoint"},
    "initializers": {"HeNorml": "HeNormal", "Glorotuniform": "GlorotUniform"},
    "regularizers": {"L1l2": "L1L2"},
    "optimizers.schedules": {"CosineDecai": "CosineDecay"},
    "models": {"Sequental": "Sequential"},
    "saving": {"load_modell": "load_model"},
    "utils": {"to_categoricall": "to_categorical"},
    "random": {"unifrm": "uniform"},
    "data": {"batchs": "batches"},
    "config": {"set_floatX": "set_floatx"},
}  # fmt: skip


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in TYPOS.items() for n in names])
def test_a_typo_in_a_module_suggests_its_nearest_name(module, name):
    found, wanted = importlib.import_module(f"lamina.{module}"), TYPOS[module][name]
    message = f"module 'lamina.{module}' has no attribute '{name}'"
    with pytest.raises(AttributeError, match=message) as caught:
        getattr(found, name)
    assert wanted is None or f"did you mean '{wanted}" in str(caught.value)
    assert not hasattr(found, name)
    assert getattr(found, name, 3) == 3
    shown = "".join(traceback.format_exception(caught.value))
    assert shown.lower().count("did you mean") == str(caught.value).count("did you mean")


def test_the_package_itself_and_private_names():
    with pytest.raises(AttributeError, match="'lamina' has no attribute 'Sequentail'; did you mean 'Sequential'"):
        lamina.Sequentail  # noqa: B018
    for name in ("_nativ", "__path_", "__wrapped__", "xyzzy"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
            getattr(lamina, name)
    with pytest.raises(ImportError, match=r"cannot import name 'Conv2d' from 'lamina\.layers'"):
        exec("from lamina.layers import Conv2d")
    assert importlib.import_module("lamina.reference").__name__ == "lamina.reference"


def test_suggestions_come_from_the_module_alone():
    for module in TYPOS:
        found = importlib.import_module(f"lamina.{module}")
        for name in ("numpi", "anotations", "Tensr", "unknwon", "Callablee", "as_tensr"):
            with pytest.raises(AttributeError) as caught:
                getattr(found, name)
            hint = str(caught.value).partition("did you mean '")[2].rstrip("'?")
            assert hint not in ("numpy", "annotations", "unknown", "Callable"), (module, name)
            assert not hint or hasattr(found, hint)
