"""Layers with int8 weights, for inference.

A weight that is quantized becomes two: integers of eight bits under its name, and ``<name>_scale``, which floats were
multiplied by to become them.  Both are written by ``assign`` alone, since what the kernels read is a packed copy.
"""

from __future__ import annotations

import math
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _native
from ..core.quantized_policy import QuantizedDTypePolicy, check_mode
from ..core.recording import forbid_capture, note_change
from ..ops.quantized import EPSILON, LARGEST
from .variable import Variable
from .weights import own_variables

if TYPE_CHECKING:
    from .base import Layer


_MOST_TERMS = (2**31 - 1) // (127 * 128)


class FixedWeight(Variable):
    """A weight of a quantized layer, in memory that ``assign`` alone writes."""

    __slots__ = ("version",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.version = 0
        self._array.flags.writeable = False

    def assign(self, value: Any) -> Variable:
        forbid_capture(f"{self.path} was assigned")
        self._array.flags.writeable = True
        try:
            super().assign(value)
        finally:
            self._array.flags.writeable = False
        self.version += 1
        note_change(self, "value")  # what was captured reads the packed copy
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._array.flags.writeable = False


class PackedWeight:
    """The integers and scales of a weight as the kernels read them; packed at the first call, and anew after assign.

    Args:
        rows: sizes of the summed axes, which stand in front.
    """

    __slots__ = ("_matrix", "_versions", "integers", "rows", "scale")

    def __init__(self, integers: FixedWeight, scale: FixedWeight, rows: int) -> None:
        self.integers, self.scale, self.rows = integers, scale, rows
        self._matrix: _native.QuantizedMatrix | None = None
        self._versions = (-1, -1)

    def matrix(self) -> _native.QuantizedMatrix:
        versions = (self.integers.version, self.scale.version)
        if self._matrix is None or self._versions != versions:
            integers, scale = self.integers._array.reshape(self.rows, -1), self.scale._array.reshape(-1)
            self._matrix, self._versions = _native.QuantizedMatrix(integers, scale), versions
        return self._matrix

    def __reduce__(self) -> Any:
        return PackedWeight, (self.integers, self.scale, self.rows)


class Quantization:
    """What a layer does to have int8 weights."""

    if TYPE_CHECKING:  # what Layer brings
        built: bool
        _dtype: np.dtype[Any]
        _fixed: list[Variable]
        _name: str
        _variables: list[Variable]

        def _label(self) -> str: ...

    _quantization: str | None = None  # the mode of a quantized layer
    _int8_in_keras = True  # whether Keras has int8 weights for such a layer
    _packed: dict[str, PackedWeight] | None = None  # by name, of a quantized layer whose kernels read them

    def _int8_axes(self) -> Mapping[str, tuple[int, ...]]:
        """The weights that become int8, and the axes that share one scale."""
        return {}

    def _int8_pays(self) -> bool:
        """Whether a model's ``quantize`` takes the layer along: int8 weights are no slower."""
        return True

    def _int8_part(self) -> Layer | None:
        """The layer inside that this one is quantized with, whose weights are its own to everybody else."""
        return None

    def _scale_shape(self, shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
        return tuple(n for i, n in enumerate(shape) if i not in axes)

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Make the weights int8, in place: a quarter of the memory, several times the speed, for inference alone.

        Each output has a scale of its own; inputs are quantized row by row when the layer is called.

        Args:
            mode: "int8".
            type_check: whether a class of one's own, derived from a layer of the library, is refused.
            config: an ``Int8QuantizationConfig`` in place of the mode.

        Raises:
            ValueError: there is no such mode; the layer isn't built, quantized already, or no layer of float32.
            NotImplementedError: layers of this kind have no int8 weights.

        Source: Keras 3, Layer.quantize.

        Example:
            >>> layer = layers.Dense(2)
            >>> _ = layer(np.ones((1, 4), "float32"))
            >>> layer.quantize("int8")
            >>> layer.dtype_policy.name, layer.kernel.dtype.name, layer.kernel_scale.shape
            ('int8_from_float32', 'int8', (2,))
        """
        mode = mode_of(mode, config)
        self._check_quantize(mode, type_check)
        self._quantize(mode)

    def _quantize(self, mode: str) -> None:
        """``quantize``, which nothing speaks against."""
        from ..quantizers import quantized_values  # which few programs need

        part = self._int8_part()
        if part is not None:
            part._quantize(mode)
        found = {}
        for name, axes in self._int8_axes().items():
            given: Variable = getattr(self, name)
            found[name] = given, *quantized_values(given.numpy(), axes, (-LARGEST, LARGEST), EPSILON)
        self._quantization = mode
        for name, (given, values, scale) in found.items():
            self._variables = [v for v in self._variables if v is not given]
            integers = self._int8_weight(name, values.shape)
            setattr(self, name, integers)
            integers.assign(values)
            of_scale = getattr(self, f"{name}_scale")
            of_scale.assign(scale.reshape(of_scale.shape))

    def _has_int8(self) -> bool:
        """Whether there are weights to quantize."""
        part = self._int8_part()
        return bool(self._int8_axes()) or (part is not None and part._has_int8())

    def _check_int8(self) -> None:
        kind = type(self)
        if kind._int8_axes is Quantization._int8_axes and kind._int8_part is Quantization._int8_part:
            raise ValueError(f"{self._label()}: layers of this kind have no int8 weights; give dtype='float32'")

    def _check_quantize(self, mode: str, type_check: bool) -> None:
        """The errors of ``quantize``."""
        kind = type(self)
        if not self._has_int8():
            raise NotImplementedError(f"{self._label()}: layers of this kind have no int8 weights")
        if type_check and kind.__module__.partition(".")[0] != __package__.partition(".")[0]:
            raise NotImplementedError(
                f"{self._label()}: a class of one's own may use its weights as floats; type_check=False quantizes it"
            )
        if not self.built:
            raise ValueError(
                f"Cannot quantize a layer that isn't yet built. Layer '{self._name}' (of type '{kind.__name__}') is "
                "not built yet."
            )
        if self._quantization is not None:
            policy = QuantizedDTypePolicy(self._quantization, self._dtype.name).name
            raise ValueError(
                f"Layer '{self._name}' is already quantized with dtype_policy='{policy}'. Received: mode={mode}"
            )
        if self._dtype != np.float32:
            raise ValueError(f"{self._label()}: int8 weights are made from float32, the layer is {self._dtype}")
        for name, axes in self._int8_axes().items():
            shape = getattr(self, name).shape
            terms = math.prod(shape[: len(axes)])
            if axes == tuple(range(len(axes))) and terms > _MOST_TERMS:
                raise NotImplementedError(
                    f"{self._label()}: {name} is {shape}, whose sums of {terms:,} products of int8 may not fit into 32 "
                    f"bits, as {_MOST_TERMS:,} do; it stays float32"
                )
        part = self._int8_part()
        if part is not None:
            part._check_quantize(mode, False)

    def _int8_weight(self, name: str, shape: Sequence[int]) -> FixedWeight:
        """New integers of this shape; the scale and the packed copy become attributes."""
        axes = self._int8_axes()[name]
        integers = FixedWeight("zeros", shape, np.int8, False, name)
        scale = FixedWeight("ones", self._scale_shape(shape, axes), self._dtype, False, f"{name}_scale")
        for v in (integers, scale):
            v.owner = weakref.ref(self)
            self._variables.append(v)
            self._fixed.append(v)
        setattr(self, f"{name}_scale", scale)
        if axes == tuple(range(len(axes))):
            packed = PackedWeight(integers, scale, math.prod(shape[: len(axes)]))
            self._packed = {**(self._packed or {}), name: packed}
        return integers

    def _stored_variables(self) -> list[tuple[str, Variable]]:
        """The layer's own variables in the order of Keras's files: a quantized layer's scales stand last."""
        found = own_variables(self)  # type: ignore[arg-type]
        if self._quantization is None:
            return found
        axes = self._int8_axes()
        return sorted(found, key=lambda kv: kv[0] not in axes and 1 + kv[0].endswith("_scale"))


def mode_of(mode: Any, config: Any) -> str:
    """The mode of ``quantize`` by its two arguments."""
    if isinstance(config, str):
        mode, config = config, None
    if config is None:
        if mode is None:
            raise ValueError("quantize: give mode='int8', or a config")
        return check_mode(mode, "quantize")
    check_config("quantize", config)
    if mode not in (None, config.mode):
        raise ValueError(f"quantize: mode is {mode!r}, that of config {config.mode!r}; leave one out")
    return str(config.mode)


def accept_config(layer: Layer, config: Any) -> Any:
    """A constructor's ``quantization_config``."""
    check_config(f"{layer._label()}: quantization_config", config)
    return config


def check_config(what: str, config: Any) -> None:
    """ValueError for anything but an Int8QuantizationConfig and None."""
    if config is None:
        return
    from ..quantizers import Int8QuantizationConfig

    if not isinstance(config, Int8QuantizationConfig):
        raise ValueError(
            f"{what}: expected an Int8QuantizationConfig or None (there is no int4, float8, gptq or awq), got "
            f"{config!r}"
        )


def quantize_layers(root: Layer, mode: str | None, config: Any, filters: Any, type_check: bool) -> None:
    """Quantize the layers of a model, all or none."""
    mode = mode_of(mode, config)
    chosen = _filter(filters)
    if not root.built and not root.weights:
        raise ValueError(
            f"Cannot quantize a model that isn't yet built. {root._label()} has no weights yet: call it on data, or "
            "build(input_shape), first"
        )
    layers, all_layers = [], (root, *root._held().layers)
    parts = {id(layer._int8_part()) for layer in all_layers}
    for layer in all_layers:
        if layer._has_int8() and id(layer) not in parts and chosen(layer) and _is_worth_it(layer):
            try:
                layer._check_quantize(mode, type_check)
            except NotImplementedError:
                continue
            layers.append(layer)
    if not layers:
        raise ValueError(
            f"{root._label()}: there is no layer to quantize; Dense, EinsumDense, Embedding, attention, LSTM, GRU, "
            "SimpleRNN and convolutions of enough channels can be"
        )
    for layer in layers:
        layer._quantize(mode)


def _is_worth_it(layer: Layer) -> bool:
    return not layer.built or layer._quantization is not None or layer._int8_pays()  # else an error is to say so


def quantize_as_saved(root: Layer, places: Mapping[str, Variable], arrays: Mapping[str, Any]) -> None:
    """Quantize the layers whose weights are int8 in a file: those that other layers make do not stand in its
    description."""
    integers = {
        id(v) for key, v in places.items() if v.dtype.kind == "f" and key in arrays and arrays[key].dtype == np.int8
    }
    for layer in (root, *root._held().layers) if integers else ():
        of = layer._int8_part() or layer
        if layer._quantization is None and any(id(getattr(of, n, None)) in integers for n in of._int8_axes()):
            layer._check_quantize("int8", False)
            layer._quantize("int8")


def _filter(filters: Any) -> Callable[[Layer], Any]:
    if filters is None:
        return lambda layer: True
    if callable(filters):
        return filters
    patterns = [filters] if isinstance(filters, str) else filters
    if not isinstance(patterns, (list, tuple)) or not all(isinstance(p, str) for p in patterns):
        raise TypeError(
            f"quantize: filters must be a regular expression, a list of them, or a function of a layer, got {filters!r}"
        )
    return lambda layer: any(re.search(p, layer.name) for p in patterns)


def quantized_layers(root: Layer) -> list[Layer]:
    """The layers of a model, and it itself, that have int8 weights."""
    return [layer for layer in (root, *root._held().layers) if layer._quantization is not None]


def refuse_export(root: Layer) -> None:
    """ValueError if there are int8 weights."""
    for layer in quantized_layers(root):
        raise ValueError(f"export: {layer._label()} has int8 weights; export the float32 model")


def refuse_training(root: Any, what: str) -> None:
    """ValueError if there are int8 weights."""
    if hasattr(root, "_held"):  # a Trainer need not be a Layer
        for layer in quantized_layers(root):
            raise ValueError(
                f"{what}: {layer._label()} has int8 weights, which are for inference; train the float32 model, then "
                "quantize it"
            )
