"""Runs scripts written for Keras, on Keras or on Lamina under Keras's name, and writes what each left in ``results``.

    python tests/keras_scripts/run.py {keras,lamina,alone} results.json SCRIPT...

With "keras" and "lamina" what is random is made equal, without touching the scripts: initializers and keras.random give
numbers that depend on the shape alone, data are not shuffled, dropout and augmentation do what they do in inference.
"alone" is Lamina as it is.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.machinery
import inspect
import io
import json
import os
import runpy
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

_drawn: Counter[Any] = Counter()  # weights drawn so far, by shape


class UnderKerasName:
    """Finds ``keras`` and ``keras.x`` as ``lamina`` and ``lamina.x``."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] != "keras":
            return None
        return importlib.machinery.ModuleSpec(name, UnderKerasName, is_package=True)

    @staticmethod
    def create_module(spec: Any) -> Any:
        module = importlib.import_module("lamina" + spec.name[len("keras") :])
        spec.own = module.__spec__  # which the import overwrites
        return module

    @staticmethod
    def exec_module(module: Any) -> None:
        module.__spec__ = module.__spec__.own


def _numbers(kind: str, shape: Any, count: int = 0) -> np.random.Generator:
    return np.random.default_rng([len(kind), *kind.encode(), *(int(n) for n in shape), count])


def _being_tried() -> bool:
    """Whether Keras tries a call for its shapes, and forgets the weights' values."""
    scopes = sys.modules.get("keras.src.backend.common.stateless_scope")
    return scopes is not None and bool(scopes.in_stateless_scope())


def _initial(initializer: Any, shape: Any) -> Any:
    """An initializer's values, by its class and arguments; the count tells weights of one shape apart."""
    shape = tuple(int(n) for n in shape)
    kind = type(initializer).__name__
    if _being_tried():
        return np.zeros(shape)
    _drawn[shape] += 1
    rng = _numbers("weight", shape, _drawn[shape])
    if kind == "RandomUniform":
        return rng.uniform(initializer.minval, initializer.maxval, shape)
    if kind in ("RandomNormal", "TruncatedNormal"):
        return initializer.mean + initializer.stddev * np.clip(rng.standard_normal(shape), -2, 2)
    fan_in = max(int(np.prod(shape[:-1])), 1)
    return rng.uniform(-1, 1, shape) * np.sqrt(2 / fan_in)


def _sample(name: str, convert: Any) -> Any:
    """keras.random.<name>, the same numbers in every call of one shape."""

    def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
        values = np.clip(_numbers(name, shape).standard_normal([int(n) for n in shape]), -2, 2)
        return convert((mean + stddev * values).astype("float32"))

    def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
        values = _numbers(name, shape).uniform(minval, maxval, [int(n) for n in shape])
        return convert(values.astype("int32" if dtype and "int" in str(dtype) else "float32"))

    def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
        return convert(_numbers(name, shape).integers(minval, maxval, [int(n) for n in shape]).astype(dtype))

    return {"uniform": uniform, "randint": randint}.get(name, normal)


def _with(function: Any, **forced: Any) -> Any:
    """The function with these arguments, whatever is given."""

    @functools.wraps(function)
    def changed(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{**kwargs, **forced})

    return changed


def _init_with(init: Any, zero: tuple[str, ...]) -> Any:
    @functools.wraps(init)
    def changed(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **{name: 0.0 if name in zero else value for name, value in kwargs.items()})

    changed.__signature__ = inspect.signature(init)  # type: ignore[attr-defined]  # Keras looks no further
    return changed


def make_equal(keras: Any) -> None:
    """Take the randomness out of Keras, or of what stands under its name."""
    for name in ("RandomNormal", "TruncatedNormal", "RandomUniform", "VarianceScaling", "Orthogonal"):
        base = getattr(keras.initializers, name)
        below = [base, *base.__subclasses__(), *(c for one in base.__subclasses__() for c in one.__subclasses__())]
        for cls in below:
            cls.__call__ = lambda self, shape, dtype=None, **_: keras.ops.convert_to_tensor(
                _initial(self, shape), dtype=dtype or "float32"
            )
    for name in ("normal", "truncated_normal", "uniform", "randint"):
        setattr(keras.random, name, _sample(name, keras.ops.convert_to_tensor))
    for name in dir(keras.layers):
        cls = getattr(keras.layers, name)
        if name.startswith("Random") or "Dropout" in name or name in ("GaussianNoise", "ActivityNoise"):
            cls.call = functools.wraps(cls.call)(
                lambda self, inputs, training=False, call=cls.call: call(self, inputs, training=False)
            )
        if name in ("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell", "MultiHeadAttention"):
            cls.__init__ = _init_with(cls.__init__, ("dropout", "recurrent_dropout"))
    keras.Model.fit = _with(keras.Model.fit, shuffle=False)
    for name in dir(keras.utils):
        if name.endswith("_dataset_from_directory"):
            setattr(keras.utils, name, _with(getattr(keras.utils, name), shuffle=False))


def _plain(value: Any) -> Any:
    """What a script left, as JSON: numbers and lists, arrays flat."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (str, bool)) or value is None:
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if hasattr(value, "detach"):
        value = value.detach()
    return np.asarray(value, np.float64).ravel().tolist()


def run(path: str, keras: Any, show: bool = False) -> dict[str, Any]:
    """One script in a directory of its own: its results, or its error, and the seconds it took."""
    begun = time.perf_counter()
    here = os.getcwd()
    path = os.path.abspath(path)
    _drawn.clear()
    keras.utils.set_random_seed(1)
    said = io.StringIO()
    out: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with contextlib.nullcontext() if show else contextlib.redirect_stdout(said):
                left = runpy.run_path(path, run_name="__main__")
            out["results"] = _plain(left.get("results"))
        except BaseException as error:  # a script that ends the process, too
            out["error"] = f"{type(error).__name__}: {error}"[:2000]
            out["trace"] = traceback.format_exc()[-6000:]
        finally:
            os.chdir(here)
    keras.utils.clear_session()
    return out | {"seconds": round(time.perf_counter() - begun, 2)}


def main(side: str, to: str, scripts: list[str]) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if side == "keras":
        import torch

        torch.set_num_threads(1)
    else:
        sys.meta_path.insert(0, UnderKerasName)  # type: ignore[arg-type]
    import keras

    if side != "alone":
        make_equal(keras)
    done = {}
    for script in scripts:
        done[Path(script).stem] = run(script, keras, show=to == "-")
        Path("/dev/stdout" if to == "-" else to).write_text(json.dumps(done))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
