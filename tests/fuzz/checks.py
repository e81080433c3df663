"""What programs call besides the library: values with no literal, and properties that must hold of every result."""

from __future__ import annotations

import functools
import json
import os
import random
import struct
import tempfile
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

import lamina
from lamina import Tensor, _native, layers, ops
from lamina.core.masked_tensor import attach
from lamina.testing.cases import Case, test_cases

from .onnx_file import onnx_network


def unaligned(x: Any) -> Any:
    """The same values one byte off."""
    if x.dtype.kind == "O":
        return x
    raw = np.zeros(x.nbytes + 1, "u1")
    y = raw[1:].view(x.dtype).reshape(x.shape)
    y[...] = x
    return y


def masked(x: Any) -> Any:
    """A tensor whose last steps do not count; of two axes or more."""
    t = Tensor(x)
    if t.ndim < 2:
        return t
    steps = np.arange(t.shape[1]) < max(1, t.shape[1] - 1)
    return attach(t, Tensor(np.broadcast_to(steps, t.shape[:2]).copy()))


def readable(value: Any, depth: int = 0) -> None:
    """Read all of a result: memory that is gone or was never written shows in a sanitizer."""
    if isinstance(value, (list, tuple)) and depth < 4:
        for v in value[:50]:
            readable(v, depth + 1)
    elif isinstance(value, dict) and depth < 4:
        readable(list(value.values()), depth + 1)
    elif isinstance(value, (Tensor, np.ndarray)):
        array = value._array if isinstance(value, Tensor) else value
        if isinstance(value, Tensor):
            assert array.dtype.kind in "fiub", f"a tensor of dtype {array.dtype}"
            assert array.dtype.isnative, "a tensor in foreign byte order"
        if array.size <= 2**16:
            array.tobytes()


def results(value: Any) -> list[Any]:
    """The tensors of a result."""
    if isinstance(value, Tensor):
        return [value]
    return [t for v in value for t in results(v)] if isinstance(value, (list, tuple)) else []


def backward(value: Any, *inputs: Any) -> Any:
    """Run backward from every result; gradients have the shapes of their tensors."""
    for t in results(value):
        if t.requires_grad and t.size <= 2**16:
            t.backward(np.ones(t.shape, t.dtype), retain_graph=True)
    for x in inputs:
        if isinstance(x, Tensor) and x.grad is not None:
            assert x.grad.shape == x.shape, f"gradient {x.grad.shape} of {x.shape}"
            assert x.grad.dtype == x.dtype, f"gradient {x.grad.dtype} of {x.dtype}"
            readable(x.grad)
    return value


def _plain(x: Any) -> Any:
    if isinstance(x, np.ndarray) and x.dtype.kind in "fiub":
        return np.array(x, dtype=x.dtype.newbyteorder("="), order="C")
    return x


def layouts(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A call gives the same bits for contiguous copies of its arrays, and on one thread."""
    value = function(*args, **kwargs)
    threads = _native.get_num_threads()
    _native.set_num_threads(1 if threads > 1 else 2)
    try:
        again = function(*map(_plain, args), **kwargs)
    finally:
        _native.set_num_threads(threads)
    for a, b in zip(results(value), results(again), strict=True):
        assert a.shape == b.shape, f"shape {a.shape} becomes {b.shape} in another layout"
        assert a.dtype == b.dtype, f"dtype {a.dtype} becomes {b.dtype} in another layout"
        if a.size <= 2**16:
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg="another layout or number of threads")
    return value


def drawn(function: Callable[..., Any], x: Any, *args: Any, **kwargs: Any) -> Any:
    """A symbolic call finds the shape and dtype that the call with values has."""
    value = function(x, *args, **kwargs)
    array = getattr(x, "_array", x)
    if not isinstance(array, np.ndarray) or not array.ndim or array.dtype.kind not in "fiub":
        return value
    symbol = layers.Input(batch_shape=array.shape, dtype=array.dtype.name)
    symbolic = function(symbol, *args, **kwargs)
    promised = isinstance(function, layers.Lambda) and vars(function).get("output_shape") is not None
    if isinstance(value, Tensor) and not promised:  # a Lambda's output_shape is its user's word
        assert isinstance(symbolic, layers.SymbolicTensor), f"drawn as {type(symbolic).__name__}"
        fits = len(symbolic.shape) == value.ndim and all(
            n in (None, m) for n, m in zip(symbolic.shape, value.shape, strict=True)
        )
        assert fits, f"drawn as {symbolic.shape}, has {value.shape}"
    return value


def agrees(name: str, *args: Any, **kwargs: Any) -> Any:
    """ops.<name> agrees with np.<name> on the same arrays."""
    if name not in ops.__all__ or not hasattr(np, name):
        raise ValueError(f"no function of both: {name!r}")
    value = getattr(ops, name)(*args, **kwargs)
    if any(isinstance(a, int) and abs(a) > 10**6 for a in (*args, *kwargs.values())):
        return value  # NumPy may take as many steps
    wide = [a.astype("f8") if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]
    want = getattr(np, name)(*wide, **kwargs)
    got = np.asarray(value)
    assert got.shape == np.shape(want), f"shape {got.shape}, NumPy {np.shape(want)}"
    if got.size and got.dtype.kind == "f":
        scale = np.max(np.abs(want[np.isfinite(want)]), initial=1.0) if np.ndim(want) else max(1.0, abs(float(want)))
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5 * scale, err_msg="NumPy")
    elif got.size:
        np.testing.assert_array_equal(got, want, err_msg="NumPy")
    return value


# ---- native functions ----


@functools.cache
def native_cases() -> dict[str, list[tuple[Case, str]]]:
    """Of every native function in the registry, the cases that call it and on which side."""
    found: dict[str, list[tuple[Case, str]]] = {}
    for case in test_cases():
        small = sum(a.size for a in case.inputs(np.random.default_rng(0), np.float32) if isinstance(a, np.ndarray))
        if small > 20_000:
            continue
        found.setdefault(case.forward, []).append((case, "forward"))
        if case.backward and case.saved is not None:
            found.setdefault(case.backward, []).append((case, "backward"))
    return found


def native_arguments(name: str, index: int, dtype: str = "f4") -> list[Any]:
    """Good arguments of a native function, from the case of that number."""
    options = native_cases()[name]
    case, side = options[index % len(options)]
    args = case.inputs(np.random.default_rng(index), np.dtype(dtype).type)
    if side == "forward":
        return list(args)
    result = getattr(_native, case.forward)(*args)
    first = result[0] if isinstance(result, tuple) else result
    dy = np.ones(first.shape, first.dtype)
    grads = [np.zeros_like(args[i]) if isinstance(args[i], np.ndarray) else None for i in case.gradients]
    assert case.saved is not None
    return [*case.saved(args, result, dy), *grads, 0]


@functools.cache
def native_count(name: str, index: int) -> int:
    """How many arguments that case has."""
    return len(native_arguments(name, index))


# ---- layers and models ----


def round_trip(layer: Any) -> Any:
    """The configuration is plain data, and makes a layer of the same configuration."""
    config = layer.get_config()
    json.dumps(config, default=str)
    again = type(layer).from_config(config)
    for key, value in again.get_config().items():
        assert repr(value) == repr(config.get(key)), f"{key}: {config.get(key)!r} became {value!r}"
    return again


def saved(model: Any, x: Any) -> Any:
    """A model that was saved and loaded predicts the same bits."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.lamina")
        model.save(path)
        again = lamina.load_model(path)
        a, b = model.predict(x, verbose=0), again.predict(x, verbose=0)
        for one, two in zip(_leaves(a), _leaves(b), strict=True):
            np.testing.assert_array_equal(one, two, err_msg="saved and loaded")
        assert os.listdir(folder) == ["m.lamina"], os.listdir(folder)
    return again


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    return [x for v in value for x in _leaves(v)] if isinstance(value, (list, tuple)) else [value]


def model(*inner: Any, shape: Any = (4,), classes: int = 2) -> Any:
    """A small sequential model of these layers between an input and a dense layer."""
    return lamina.Sequential([layers.Input(shape), *inner, layers.Flatten(), layers.Dense(classes)])


# ---- files ----


# Files by kind: Lamina's models and weights, a checkpoint, Keras's models and weights, PyTorch's, ONNX's.
NAMES = {
    "model": "m.lamina", "weights": "m.lamina", "checkpoint": "latest.npz", "keras": "m.keras", "hdf5": "m.weights.h5",
    "m.pt": "m.pt", "m.safetensors": "m.safetensors", "onnx": "m.onnx",
}  # fmt: skip
_OF_TORCH = ("m.pt", "m.safetensors")


@functools.cache
def _file(kind: str) -> bytes:
    """A good file of each kind."""
    if kind == "onnx":
        return onnx_network()
    lamina.random.seed(0)
    m = model(layers.Reshape((2, 2)), layers.LSTM(3, return_sequences=True), layers.BatchNormalization())
    m.compile("adam", "mse", metrics=["mae"])
    x, y = np.ones((4, 4), "f4"), np.ones((4, 2), "f4")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, NAMES[kind])
        if kind == "checkpoint":
            m.fit(x, y, epochs=1, verbose=0, callbacks=[_keeping(folder)])
        elif kind in ("weights", "hdf5"):
            m.fit(x, y, verbose=0)
            m.save_weights(path)
        elif kind in _OF_TORCH:
            lamina.torch.save_state_dict(m, path)
        else:
            m.fit(x, y, verbose=0)
            m.save(path)
        with open(path, "rb") as f:
            return f.read()


def _keeping(folder: str) -> Any:
    """BackupAndRestore whose file stays after the end."""
    return lamina.callbacks.BackupAndRestore(folder, delete_checkpoint=False)


def _changed_json(value: Any, rng: random.Random) -> Any:
    """Another value at one place of a nest."""
    place = value
    for _ in range(rng.randrange(1, 9)):
        keys = list(place) if isinstance(place, dict) else list(range(len(place))) if isinstance(place, list) else []
        if not keys:
            break
        key = rng.choice(keys)
        if not isinstance(place[key], (dict, list)) or not place[key] or rng.random() < 0.15:
            wild = (
                None,
                True,
                -1,
                0,
                3,
                10**9,
                10**30,
                1.5,
                float("nan"),
                "",
                "a",
                "Dense",
                [],
                {},
                [1, [2]],
                {"a": 1},
            )
            if rng.random() < 0.2:
                del place[key]
            elif rng.random() < 0.1 and isinstance(place, list):
                place.append(place[key])
            else:
                place[key] = rng.choice(wild)
            break
        place = place[key]
    return value


def damaged(kind: str, seed: int) -> bytes:
    """A file of one of these kinds with damage that the number decides."""
    rng = random.Random(seed)
    data = bytearray(_file(kind))
    how = rng.randrange(4)
    if how == 0:  # cut
        return bytes(data[: rng.choice((0, 1, 7, 8, 9, rng.randrange(len(data))))])
    zipped = kind in ("checkpoint", "keras", "m.pt")
    if how == 1 or kind in ("hdf5", "onnx") or (kind in ("checkpoint", "m.pt") and how == 2):  # single bytes
        for _ in range(rng.choice((1, 1, 2, 8))):
            end = rng.choice((16, 200, len(data)))
            data[rng.randrange(min(end, len(data)))] = rng.randrange(256)
        return bytes(data)
    if zipped:
        return _damaged_members(bytes(data), rng)
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    meta = header.get("__metadata__", {})
    if "model" in meta and rng.random() < 0.7:
        meta["model"] = json.dumps(_changed_json(json.loads(meta["model"]), rng))
    else:
        header = _changed_json(header, rng)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(data[8 + size :])


def _damaged_members(data: bytes, rng: random.Random) -> bytes:
    import io

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as changed:
        names = archive.namelist()
        victim = rng.choice(names)
        for name in names:
            content = archive.read(name)
            if name == victim:
                kind = rng.randrange(5)
                if kind == 0:
                    continue
                if kind == 4:  # a byte, with a right checksum
                    content = bytearray(content or b"?")
                    content[rng.randrange(len(content))] = rng.randrange(256)
                    changed.writestr(name, bytes(content))
                    continue
                stored = io.BytesIO()
                wild = (np.zeros(3), np.array("a"), np.array(-1), np.zeros((2, 2), "i8"), np.array(2**62), np.zeros(0))
                np.save(stored, wild[rng.randrange(len(wild))])
                if name == "config.json" and kind > 1:
                    content = json.dumps(_changed_json(json.loads(content), rng)).encode()
                else:
                    content = stored.getvalue() if kind == 1 else content[: rng.randrange(len(content))]
            changed.writestr(name, content)
    return out.getvalue()


def load(kind: str, seed: int) -> None:
    """Load a damaged file in the way that files of its kind are loaded."""
    data = damaged(kind, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, NAMES[kind])
        with open(path, "wb") as f:
            f.write(data)
        if kind == "onnx":
            lamina.onnx.load(path).predict(np.ones((2, 2, 4, 4), "f4"), verbose=0)
            return
        m = model(layers.Reshape((2, 2)), layers.LSTM(3, return_sequences=True), layers.BatchNormalization())
        m.compile("adam", "mse", metrics=["mae"])
        x, y = np.ones((4, 4), "f4"), np.ones((4, 2), "f4")
        if kind in ("model", "keras"):
            loaded = lamina.load_model(path)
            loaded.predict(x, verbose=0)
            loaded.fit(x, y, verbose=0)
        elif kind in ("weights", "hdf5"):
            m.load_weights(path)
        elif kind in _OF_TORCH:
            lamina.torch.load(path)
            lamina.torch.load_state_dict(m, path, strict=bool(seed % 2))
        else:
            m.fit(x, y, epochs=2, verbose=0, callbacks=[_keeping(folder)])
