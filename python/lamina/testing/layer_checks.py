"""``check_layer``: what every layer promises, tried on one example."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import models, ops, saving
from ..core import registry
from ..core.autograd import Array, Tensor, no_grad
from ..core.capture import capture
from ..core.masked_tensor import MaskedTensor, attach
from ..core.tree import flatten, is_shape, leaves, map_shapes, map_structure
from ..layers import Input, Layer, Variable
from ..layers.symbolic import SymbolicTensor
from ..layers.weights import load_random_states, random_states
from .gradients import check_gradients


class LayerCheck:
    """One layer under examination: how it is made, and the arguments it is called with.

    kind       the class
    options    the constructor's arguments
    inputs     the shape of the call's argument, batch first; a list of shapes for a list of tensors, and a tuple of
               such for several arguments
    integers   0 for normal numbers; n > 0 for integers below n; or such a number for each of several arguments
    smooth     False where the values have kinks near any point, so that central differences say nothing
    time       which axis of the first argument is time, for the check of masks; 0 for none
    leading    how many axes stand in front of an image of the first argument, for the check of data formats
    """

    def __init__(
        self,
        kind: Callable[..., Layer],
        options: dict[str, Any],
        inputs: Any,
        integers: int | tuple[int, ...] = 0,
        smooth: bool = True,
        time: int = 0,
        leading: int = 1,
    ) -> None:
        self.kind, self.options, self.smooth, self.time, self.leading = kind, options, smooth, time, leading
        several = isinstance(inputs, tuple) and not is_shape(inputs)
        self.shapes: tuple[Any, ...] = inputs if several else (inputs,)
        self.limits = integers if isinstance(integers, tuple) else (integers,) * len(self.shapes)
        self.integers = self.limits[0]  # of the first argument
        self.name = getattr(kind, "__name__", "layer")

    # ---- its parts ----

    def make(self, dtype: str = "float32", **changes: Any) -> Layer:
        """The layer, anew."""

        def fresh(value: Any) -> Any:
            return value.from_config({**value.get_config(), "dtype": dtype}) if isinstance(value, Layer) else value

        options = {name: map_structure(fresh, value) for name, value in {**self.options, **changes}.items()}
        return self.kind(**options, dtype=dtype)

    def arrays(self, dtype: str = "float32", batch: int | None = None, seed: int = 0) -> tuple[Any, ...]:
        """Arguments for a call."""
        rng = np.random.default_rng(seed)

        def array(shape: tuple[Any, ...], limit: int) -> Array:
            size = shape if batch is None else (batch, *shape[1:])
            return rng.integers(0, limit, size) if limit else rng.standard_normal(size).astype(dtype)

        both = zip(self.shapes, self.limits, strict=True)
        return tuple(map_shapes(partial(array, limit=limit), shape) for shape, limit in both)

    def symbols(self, dtype: str = "float32") -> tuple[Any, ...]:
        """Symbolic arguments with a free batch size."""
        kinds = ["int64" if limit else dtype for limit in self.limits]
        both = zip(self.shapes, kinds, strict=True)
        return tuple(map_shapes(partial(lambda s, kind: Input(s[1:], dtype=kind), kind=k), s) for s, k in both)

    def failure(self, what: str) -> str:
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.options.items())}): {what}"

    # ---- the checks ----

    def check_shapes_and_dtypes(self) -> None:
        """Results are as inference says, for both dtypes, for batches of 0 and 1 and a free batch size."""
        for dtype in ("float32", "float64"):
            layer = self.make(dtype)
            y = layer(*self.arrays(dtype), training=False)
            for batch in (1, 0):
                part = layer(*self.arrays(dtype, batch), training=False)
                want = [(batch, *t.shape[1:]) if t.ndim else () for t in leaves(y)]
                assert [t.shape for t in leaves(part)] == want, self.failure(f"a batch of {batch} gives other shapes")
            drawn = layer(*self.symbols(dtype))
            for t, s in zip(leaves(y), leaves(drawn), strict=True):
                assert isinstance(s, SymbolicTensor), self.failure("a symbolic call gives no SymbolicTensor")
                fits = len(s.shape) == t.ndim and all(m in (None, n) for m, n in zip(s.shape, t.shape, strict=True))
                assert fits, self.failure(f"inference says {s.shape}, the call gave {t.shape}")
                assert s.dtype == str(t.dtype), self.failure(f"inference says {s.dtype}, the call gave {t.dtype}")
                float_result = t.dtype.kind == "f" and not (self.integers and layer._keeps_dtype)
                assert not float_result or str(t.dtype) == dtype, self.failure(f"dtype {dtype} gave {t.dtype}")

    def check_configuration(self) -> None:
        """The configuration is plain data and makes an equal layer; with its weights it gives the same bits."""
        layer = self.make()
        args = self.arrays()
        want = layer(*args, training=False)
        config = layer.get_config()
        text = json.dumps(registry.serialize(config))
        again = type(layer).from_config(json.loads(text))
        assert json.dumps(registry.serialize(again.get_config())) == text, self.failure("another configuration")
        again(*args, training=False)
        again.load_state_dict(layer.state_dict())
        _same(again(*args, training=False), want, self.failure("from_config gives other values"))

    def check_saving(self) -> None:
        """A model of the layer is the same after saving and loading."""
        symbols = self.symbols()
        model = models.Model(flatten(symbols), self.make()(*symbols))
        args = flatten(self.arrays())
        want = model(args, training=False)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.lamina"
            model.save(path)
            _same(
                saving.load_model(path)(args, training=False), want, self.failure("a loaded model gives other values")
            )

    def check_copies(self) -> None:
        """Deep copies and pickles have the weights and random states, go on alike, and share no memory."""
        args = self.arrays()
        fresh = self.make()
        for how in (copy.deepcopy, _pickled):
            assert how(fresh).get_config() == fresh.get_config(), self.failure(f"{how.__name__} before the first call")
        layer = self.make()
        layer(*args, training=False)
        before = [(key, value.copy()) for key, value in layer.state_dict().items()]
        twins = [how(layer) for how in (copy.deepcopy, _pickled)]
        want = [layer(*args, training=True) for _ in range(2)]
        for way, twin in zip(("deepcopy", "pickle"), twins, strict=True):
            kept = zip(twin.state_dict().items(), before, strict=True)
            same = all(a == b and np.array_equal(v, w, equal_nan=v.dtype.kind == "f") for (a, v), (b, w) in kept)
            assert same, self.failure(f"{way}: other weights")
            for result in want:
                _same(twin(*args, training=True), result, self.failure(f"{way}: other values"))
            assert json.dumps(registry.serialize(twin.get_config())) == json.dumps(
                registry.serialize(layer.get_config())
            ), self.failure(f"{way}: another configuration")

    def check_gradients(self) -> None:
        """Gradients of the inputs and the weights are those of central differences, in training and inference."""
        if not self.smooth:
            return
        layer = self.make("float64")
        args = self.arrays("float64")
        layer(*args, training=False)
        flat = [a for a in flatten(args) if a.dtype.kind == "f"]
        weights = layer.trainable_weights
        rng = np.random.default_rng(1)
        for w in weights:  # away from zeros and ones, where mistakes hide
            w.assign(w.numpy() + 0.1 * rng.standard_normal(w.shape))
        random = bool(random_states(layer))
        for training in (False, True):
            if training and random:
                continue

            def value(*values: Any, training: bool = training) -> Tensor:
                given = iter(values)
                filled = map_structure(lambda a: next(given) if a.dtype.kind == "f" else a, args)
                y = layer(*filled, training=training)
                return ops.sum(ops.stack([ops.sum(t * _weights(t.shape)) for t in leaves(y) if t.dtype.kind == "f"]))

            if flat:
                check_gradients(value, *flat)
            for w in weights:
                _check_weight(value, flat, w, self.failure(f"gradient of {w.name}, training={training}"))

    def check_capture(self) -> None:
        """Captured steps, forward and backward, give the bits of eager ones, and go on drawing random numbers."""
        layer = self.make()
        args = map_structure(Tensor, self.arrays())
        layer(*args, training=False)
        start = layer.state_dict(), random_states(layer)

        def step(*inputs: Any) -> list[Tensor]:
            y = layer(*inputs, training=True)
            total = ops.sum(ops.stack([ops.sum(t) for t in leaves(y) if t.dtype.kind == "f"]))
            layer_weights = [w for w in layer.trainable_weights if w.requires_grad]
            for w in layer_weights:
                w.zero_grad()
            if total.requires_grad:
                total.backward()
            return [*leaves(y), *(w.grad for w in layer_weights if w.grad is not None)]

        results = []
        for run in (step, capture(step)):
            layer.load_state_dict(start[0])
            load_random_states(self.name, layer, start[1])
            results.append([[t.numpy().copy() for t in run(*args)] for _ in range(3)])
        _same(results[1], results[0], self.failure("a captured step differs from the eager one"))

    def check_frozen(self) -> None:
        """With ``trainable=False`` nothing changes in training, and no weight asks for a gradient."""
        layer = self.make(trainable=False)
        layer(*self.arrays(), training=False)
        before = layer.state_dict()
        assert not layer.trainable_weights, self.failure("frozen, but has trainable weights")
        layer(*self.arrays(seed=1), training=True)
        for key, value in layer.state_dict().items():
            assert np.array_equal(value, before[key]), self.failure(f"frozen, but {key} changed")

    def check_masks(self) -> None:
        """A mask goes on, is used up, or ends with a warning, as the class says; masked steps keep their place."""
        if not self.time:
            return
        layer = self.make()
        first, *rest = map_structure(Tensor, self.arrays())
        mask = np.arange(first.shape[self.time])[None] < np.array([[first.shape[self.time] - 1]] * len(first))
        masked = attach(first, Tensor(mask))
        takes = "mask" in inspect.signature(layer.call).parameters
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            y = layer(masked, *rest, training=False)
        ended = any("does not support masks" in str(w.message) for w in caught)
        assert ended == (not layer.supports_masking and not takes), self.failure("supports_masking is not true")
        for t in leaves(y):
            if isinstance(t, MaskedTensor):
                assert t.mask.shape == t.shape[: t.mask.ndim], self.failure(f"mask {t.mask.shape} of result {t.shape}")

    def check_data_formats(self) -> None:
        """channels_first gives the transposed values of channels_last."""
        if "data_format" not in inspect.signature(self.kind).parameters or len(self.shapes[0]) < 3:
            return
        layers = [self.make(data_format=f) for f in ("channels_last", "channels_first")]
        args = self.arrays()
        want = layers[0](*args, training=False)
        turned = map_structure(lambda a: np.moveaxis(a, -1, self.leading), args)
        layers[1](*turned, training=False)
        layers[1].load_state_dict(layers[0].state_dict())
        image = len(self.shapes[0]) - self.leading  # its axes, with channels
        for a, b in zip(leaves(layers[1](*turned, training=False)), leaves(want), strict=True):
            got = np.moveaxis(a.numpy(), -image, -1) if a.ndim == b.ndim >= image + 1 else a.numpy()
            np.testing.assert_allclose(got, b.numpy(), rtol=1e-5, atol=1e-5, err_msg=self.failure("channels_first"))

    def run(self) -> None:
        """All of them."""
        for name in dir(self):
            if name.startswith("check_"):
                getattr(self, name)()


def check_layer(
    kind: Callable[..., Layer],
    options: dict[str, Any] | None = None,
    inputs: Any = (4, 5),
    integers: int | tuple[int, ...] = 0,
    smooth: bool = True,
    time: int = 0,
    leading: int = 1,
) -> None:
    """Raise AssertionError unless a layer keeps what every layer promises.

    Checked are: inferred shapes and dtypes (float32, float64; batches of 0 and 1), the round trip through its
    configuration, saving and loading, deep copies and pickle, gradients by central differences, captured steps against
    eager ones, that a frozen layer stays as it is, masks, and both data formats where it has them.

    Args:
        kind: the class, or a function that makes the layer; called with ``options``, ``dtype=`` and ``trainable=``.
        options: the constructor's arguments.
        inputs: the shape of the argument of the call, batch first; a list of shapes for a list of tensors; a tuple of
            such for several arguments.
        integers: 0 to call it with normal numbers, n > 0 to call it with integers below n; or such a number for each
            of several arguments.
        smooth: False where the layer's values have kinks near any input, so that differences say nothing.
        time: the axis of the first argument that a mask describes; 0 if it takes none.
        leading: how many axes stand in front of an image: one, or two for sequences of images.

    Example:
        >>> testing.check_layer(layers.Dense, {"units": 3, "activation": "tanh"}, (4, 5))
    """
    LayerCheck(kind, options or {}, inputs, integers, smooth, time, leading).run()


def _pickled(layer: Layer) -> Any:
    return pickle.loads(pickle.dumps(layer))


def _same(got: Any, want: Any, what: str) -> None:
    for a, b in zip(leaves(got), leaves(want), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg=what)


def _weights(shape: tuple[int, ...]) -> Array:
    """Fixed numbers, so that a sum over them sees every element differently."""
    return np.cos(np.arange(np.prod(shape, dtype=int)) + 1.0).reshape(shape)


def _check_weight(value: Callable[..., Tensor], inputs: list[Array], w: Variable, what: str) -> None:
    w.zero_grad()
    value(*inputs).backward()
    got = np.zeros(w.shape) if w.grad is None else w.grad.numpy().copy()
    array = w.numpy()
    with no_grad():
        for i in np.ndindex(w.shape):
            before = array[i]
            values = []
            for h in (1e-6, -1e-6):
                array[i] = before + h
                values.append(float(value(*inputs)))
            array[i] = before
            want = (values[0] - values[1]) / 2e-6
            assert abs(got[i] - want) <= 1e-6 + 1e-5 * abs(want), f"{what} at {i}: {got[i]}, differences give {want}"


__all__ = ["check_layer"]
