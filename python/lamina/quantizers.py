"""keras.quantizers: how floats become integers of eight bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .core import registry
from .core.arrays import to_numbers
from .core.autograd import Array, Tensor, wrap
from .core.explain import Explained
from .core.rooms import publish
from .core.suggest import unknown
from .ops.quantized import EPSILON, LARGEST


def quantized_values(x: Array, axis: Any, value_range: Sequence[int], epsilon: float) -> tuple[Array, Array]:
    """int8 values, and the scale of each row along ``axis``, which is kept with size 1."""
    axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    with np.errstate(invalid="ignore"):
        scale = np.divide(value_range[1], np.max(np.abs(x), axis=axis, keepdims=True) + np.asarray(epsilon, x.dtype))
        values = np.clip(np.round(x * scale), value_range[0], value_range[1])
    return values.astype(np.int8), scale.astype(x.dtype)


def abs_max_quantize(
    inputs: Any, axis: Any, value_range: Sequence[int] = (-127, 127), dtype: str = "int8", epsilon: float = EPSILON,
    to_numpy: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Floats as int8: the largest size along ``axis`` becomes the end of the range.

    Args:
        inputs: an array or a tensor of floats.
        axis: the axis, or the axes, that share one scale.
        value_range: least and largest integer.
        dtype: "int8".
        epsilon: added to the largest size, so that zeros have a scale.
        to_numpy: an option of Keras without effect: NumPy computes.

    Returns: the integers, and the scale that floats were multiplied by, with size 1 along ``axis``.

    Raises:
        ValueError: ``dtype`` is another one, or the range is outside of -128 to 127.

    Source: Keras 3, keras.quantizers.abs_max_quantize.

    Example:
        >>> values, scale = quantizers.abs_max_quantize(np.array([[0.25, -1.0]], "float32"), axis=-1)
        >>> values.numpy().tolist(), round(float(scale.numpy()[0, 0]))
        ([[32, -127]], 127)
    """
    _check("abs_max_quantize", value_range, dtype)
    x = np.asarray(to_numbers("abs_max_quantize: inputs", inputs))
    values, scale = quantized_values(x if x.dtype.kind == "f" else x.astype("float32"), axis, value_range, epsilon)
    return wrap(values), wrap(scale)


def _check(what: str, value_range: Sequence[int], dtype: str) -> None:
    if dtype != "int8":
        raise ValueError(f"{what}: the type is {dtype!r}; there is 'int8' alone")
    if len(value_range) != 2 or not -128 <= value_range[0] < value_range[1] <= LARGEST:
        raise ValueError(f"{what}: value_range must be within -128 and 127, got {value_range!r}")


class Quantizer(Explained):
    """Base class of quantizers: called with floats, it gives integers and their scale.

    Args:
        output_dtype: the type of the integers.

    Source: Keras 3, Quantizer.

    Example:
        >>> issubclass(quantizers.AbsMaxQuantizer, quantizers.Quantizer)
        True
    """

    def __init__(self, output_dtype: str = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        return x

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define get_config()")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The quantizer of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**config)


class AbsMaxQuantizer(Quantizer):
    """Integers by the largest size along an axis: ``round(x * 127 / (max |x| + epsilon))``, halves to even.

    Args:
        axis: the axis, or the axes, that share one scale; None takes that of the call, or the last.
        value_range: least and largest integer.
        epsilon: added to the largest size, so that zeros have a scale.
        output_dtype: "int8".

    Call args:
        x: an array or a tensor of floats.
        axis: in place of the quantizer's own.
        to_numpy: an option of Keras without effect: NumPy computes.

    Returns: the integers and their scale, as ``abs_max_quantize``.

    Raises:
        ValueError: ``output_dtype`` is another one, or the range is outside of -128 to 127.

    Source: Keras 3, AbsMaxQuantizer.

    Example:
        >>> values, _ = quantizers.AbsMaxQuantizer()(np.array([1.5, 0.25, -2.0], "float32"))
        >>> values.numpy().tolist()
        [95, 16, -127]
    """

    def __init__(
        self, axis: Any = None, value_range: Sequence[int] = (-127, 127), epsilon: float = EPSILON,
        output_dtype: str = "int8",
    ) -> None:  # fmt: skip
        super().__init__(output_dtype)
        _check("AbsMaxQuantizer", value_range, output_dtype)
        self.axis = None if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.value_range = tuple(value_range)
        self.epsilon = epsilon

    def __call__(self, x: Any, axis: Any = None, to_numpy: bool = False) -> tuple[Tensor, Tensor]:
        chosen = axis if axis is not None else self.axis if self.axis is not None else -1
        return abs_max_quantize(x, chosen, self.value_range, self.output_dtype, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else {**config, "axis": self.axis}


class QuantizationConfig(Explained):
    """Base class of what ``quantize`` takes as ``config``.

    Args:
        weight_quantizer: the quantizer of weights; None leaves it to the layer.
        activation_quantizer: the quantizer of inputs.

    Source: Keras 3, QuantizationConfig.

    Example:
        >>> quantizers.Int8QuantizationConfig().mode
        'int8'
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None) -> None:
        self.weight_quantizer = weight_quantizer
        self.activation_quantizer = activation_quantizer

    @property
    def mode(self) -> str:
        """The mode of ``quantize``.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define mode")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "weight_quantizer": registry.serialize(self.weight_quantizer),
            "activation_quantizer": registry.serialize(self.activation_quantizer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The configuration's object.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**registry.deserialize(config))


class Int8QuantizationConfig(QuantizationConfig):
    """How ``quantize`` makes int8 layers: weights by channel, inputs by row, both by AbsMaxQuantizer.

    Args:
        weight_quantizer: None, or an AbsMaxQuantizer as it is by default.
        activation_quantizer: "default", or such a quantizer.

    Raises:
        ValueError: it is another quantizer: kernels know this one alone.

    Source: Keras 3, Int8QuantizationConfig.

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), layers.Dense(2)])
        >>> model.quantize(config=quantizers.Int8QuantizationConfig())
        >>> model.layers[0].dtype_policy.name
        'int8_from_float32'
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default") -> None:
        activation_quantizer = AbsMaxQuantizer() if activation_quantizer == "default" else activation_quantizer
        for name, given in (("weight_quantizer", weight_quantizer), ("activation_quantizer", activation_quantizer)):
            if given is None and name == "weight_quantizer":
                continue
            fixed = {"value_range": (-LARGEST, LARGEST), "epsilon": EPSILON, "axis": None}
            other = type(given) is not AbsMaxQuantizer or [k for k, v in fixed.items() if getattr(given, k) != v]
            if other and not (other == ["axis"] and name == "activation_quantizer" and given.axis == (-1,)):
                told = "" if other is True else f" with {other[0]}={getattr(given, other[0])!r}"
                raise ValueError(
                    f"Int8QuantizationConfig: {name} is {given!r}{told}; kernels quantize by AbsMaxQuantizer() alone, "
                    f"weights by channel and inputs by row"
                )
        super().__init__(weight_quantizer, activation_quantizer)

    @property
    def mode(self) -> str:
        """The mode of ``quantize``, "int8"."""
        return "int8"


_BY_NAME = {"abs_max_quantizer": AbsMaxQuantizer, "AbsMaxQuantizer": AbsMaxQuantizer}


def get(identifier: Any, **kwargs: Any) -> Any:
    """The quantizer of a name, a description or a quantizer.

    Args:
        identifier: any of these, or None.
        **kwargs: the arguments of a quantizer given by name.

    Raises:
        ValueError: there is none of that name.

    Source: Keras 3, keras.quantizers.get.

    Example:
        >>> quantizers.get("abs_max_quantizer").value_range
        (-127, 127)
    """
    if identifier is None or isinstance(identifier, Quantizer):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if identifier not in _BY_NAME:
        raise unknown("quantizers.get: identifier", identifier, _BY_NAME)
    return _BY_NAME[identifier](**kwargs)


def serialize(quantizer: Any) -> dict[str, Any]:
    """The description of a quantizer.

    Args:
        quantizer: the quantizer.

    Source: Keras 3, keras.quantizers.serialize.

    Example:
        >>> quantizers.serialize(quantizers.AbsMaxQuantizer())["class_name"]
        'AbsMaxQuantizer'
    """
    return dict(registry.serialize(quantizer))


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The quantizer of a description.

    Args:
        config: what ``serialize`` returned.
        custom_objects: {name: class or function} for what is not registered.

    Raises:
        ValueError: the class is unknown.

    Source: Keras 3, keras.quantizers.deserialize.

    Example:
        >>> description = quantizers.serialize(quantizers.AbsMaxQuantizer())
        >>> quantizers.deserialize(description).epsilon
        1e-07
    """
    with registry.custom_object_scope(custom_objects):
        return registry.deserialize(config)


registry.add_known((AbsMaxQuantizer,), "quantizer", Quantizer)
registry.add_known((Int8QuantizationConfig,), "quantization config", QuantizationConfig)

__all__ = [
    "AbsMaxQuantizer", "Int8QuantizationConfig", "QuantizationConfig", "Quantizer", "abs_max_quantize", "deserialize",
    "get", "serialize",
]  # fmt: skip

publish(__name__)
