"""Input, functions as layers, and penalties on what passes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import regularizers
from ..core import registry
from ..core.autograd import Tensor
from ..core.tree import map_shapes, map_structure
from .base import Layer
from .bases import SameShape
from .call import tensors
from .options import LayerOptions, UnnamedUntypedOptions, Unpack, UnregularizedOptions
from .symbolic import Node, SymbolicTensor


class InputLayer(Layer):
    """The place where data enters a model; ``Input`` makes one and returns its symbolic tensor.

    Args:
        shape: sizes without the batch axis, None for a free size.
        batch_size: size of the batch axis; None leaves it free.
        dtype: type of the data, also an integer type or "bool"; None means ``config.floatx()``.
        sparse: an option of Keras that is not supported: True is a ValueError.
        ragged: an option of Keras that is not supported: True is a ValueError.
        batch_shape: sizes with the batch axis, in place of ``shape``.
        input_tensor: an option of Keras that is not supported: anything but None is a ValueError.
        optional: an option of Keras that is not supported: True is a ValueError.

    Output shape: ``batch_shape``, or (batch_size, *shape).

    Raises:
        ValueError: both or none of ``shape`` and ``batch_shape`` are given; a size is negative; an option is not
            supported.
        TypeError: ``dtype`` is no type of numbers or booleans.

    Source: Keras 3, InputLayer.

    Example:
        >>> model = lamina.Sequential([layers.InputLayer(shape=(4,)), layers.Dense(2)])
        >>> model.output_shape
        (None, 2)
    """

    def __init__(
        self,
        shape: Sequence[int | None] | int | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Unpack[UnnamedUntypedOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        for option, value in {"sparse": sparse, "ragged": ragged, "input_tensor": input_tensor}.items():
            if value is not None and value is not False:
                raise ValueError(f"{self._label()}: {option}={value!r} is not supported")
        if optional:
            raise ValueError(f"{self._label()}: optional inputs are not supported")
        if (shape is None) == (batch_shape is None):
            raise ValueError(f"{self._label()}: pass either shape= (without the batch axis) or batch_shape=")
        if batch_shape is None:
            rest = (shape,) if isinstance(shape, int) or shape is None else tuple(shape)
            batch_shape = (batch_size, *rest)
        if not all(n is None or (isinstance(n, (int, np.integer)) and n >= 0) for n in batch_shape):
            raise ValueError(f"{self._label()}: sizes must be non-negative integers or None, got {tuple(batch_shape)}")
        self.batch_shape = tuple(None if n is None else int(n) for n in batch_shape)
        self.input_dtype = str(np.dtype(dtype or self._dtype))
        if np.dtype(self.input_dtype).kind not in "fiub":
            raise TypeError(f"{self._label()}: expected a dtype of numbers or booleans, got {dtype}")
        self._built = True
        self._nodes.append(Node(self, (), {}, SymbolicTensor(self.batch_shape, self.input_dtype, self._name)))

    @property
    def dtype(self) -> str:
        """Type of the data, as a string."""
        return self.input_dtype

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": self.batch_shape, "dtype": self.input_dtype, "name": self._name}


def Input(
    shape: Sequence[int | None] | int | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> SymbolicTensor:
    """A symbolic tensor to draw a functional model from, or the first entry of a Sequential.

    Args:
        shape: sizes without the batch axis, None for a free size; an integer for one axis.
        batch_size: size of the batch axis; None leaves it free.
        dtype: type of the data, also an integer type or "bool"; None means ``config.floatx()``.
        sparse: an option of Keras that is not supported: True is a ValueError.
        batch_shape: sizes with the batch axis, in place of ``shape``.
        name: name of the input; None makes one.
        tensor: an option of Keras that is not supported: anything but None is a ValueError.
        optional: an option of Keras that is not supported: True is a ValueError.

    Returns: a SymbolicTensor.

    Raises:
        ValueError: both or none of ``shape`` and ``batch_shape`` are given; a size is negative; an option is not
            supported.
        TypeError: ``dtype`` is no type of numbers or booleans.

    Source: Keras 3, Input.

    Example:
        >>> x = lamina.Input((28, 28, 1))
        >>> y = lamina.layers.Dense(10)(lamina.layers.Flatten()(x))
        >>> lamina.Model(x, y).output_shape
        (None, 10)
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, None, batch_shape, tensor, optional, name)
    return layer.output


class Lambda(Layer):
    """A function of tensors as a layer.

    The function has gradients if it is built from ``lamina.ops``.  It is saved with a model by its name: reading
    wants it in ``custom_objects``, unless it was registered with ``lamina.saving.register_serializable``.

    Args:
        function: called as ``function(inputs, **arguments)``, with ``mask`` and ``training`` if it takes them.
        output_shape: sizes without the batch axis, or a function of the input shape; None tries the function.
        mask: the mask of the result, or a function of (inputs, mask); None ends the mask here.
        arguments: more arguments of the function, by name.

    Call args:
        mask: the mask of the input, for functions that take it.

    Input shape: any that the function takes.

    Output shape: that of the function's result.

    Raises:
        TypeError: ``function`` is no function; the layer is saved with one without a name, a lambda.

    Source: Keras 3, Lambda.

    Example:
        >>> layers.Lambda(lambda x: x * x)([2.0, 3.0])
        Tensor([4., 9.], shape=(2,), dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"{self._label()}: expected a function, got {function!r}")
        self.function = function
        self.output_shape = output_shape
        self.mask = mask
        self.supports_masking = mask is not None
        self.arguments = dict(arguments or {})
        self.autocast = kwargs.get("autocast", True)
        accepted = inspect.signature(function).parameters
        self._passes_mask, self._passes_training = "mask" in accepted, "training" in accepted
        self._built = True

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        options = dict(self.arguments)
        if self._passes_mask:
            options["mask"] = mask
        if self._passes_training:
            options["training"] = training
        return self.function(inputs, **options)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self.output_shape is None:
            return super().compute_output_spec(*args, **kwargs)
        inputs = list(tensors(args[0]))
        if callable(self.output_shape):
            shapes = self.output_shape(map_structure(lambda t: t.shape, args[0]))
        else:
            shapes = map_shapes(lambda shape: (inputs[0].shape[0], *shape), self.output_shape)
        return map_shapes(lambda shape: SymbolicTensor(shape, self._dtype), shapes)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        if registry.function_name(self.function) is None:
            raise TypeError(
                f"{self._label()}: its Python function cannot be saved. Register it with "
                "@lamina.saving.register_serializable(), or write a Layer with call()"
            )
        return super().get_config()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that a configuration describes.

        Python code in it, as Keras writes it of a lambda, is not run: ``custom_objects`` gives the function, under the
        layer's name.

        Args:
            config: what ``get_config`` returned, here or in Keras.

        Raises:
            ValueError: its function is code, and none is given.
        """
        function, given = config.get("function"), registry.find(str(config.get("name")))
        code = isinstance(function, dict) and function.get("class_name") == "__lambda__"
        return super().from_config({**config, "function": given} if code and callable(given) else config)


class Identity(Layer):
    """Its input, a tensor or a nest of them, as it is.

    Input shape: any.

    Output shape: the input's.

    Source: Keras 3, Identity.

    Example:
        >>> layers.Identity()([1.0, 2.0])
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """

    supports_masking = True
    _keeps_dtype = True

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self._built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        return map_structure(lambda t: SymbolicTensor(t.shape, self._dtype_in_call(t.dtype)), inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class ActivityRegularization(SameShape):
    """Returns its input and adds ``l1 * sum(|x|) + l2 * sum(x**2)``, divided by the batch size, to the loss.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.

    Input shape: (N, ...).

    Output shape: the input's.

    Raises:
        ValueError: a factor is negative or not finite.

    Source: Keras 3, ActivityRegularization.

    Example:
        >>> layer = layers.ActivityRegularization(l2=0.1)
        >>> y = layer([[1.0, 2.0]])
        >>> layer.losses
        [Tensor(0.5, shape=(), dtype=float32)]
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[UnregularizedOptions]) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activity_regularizer"]  # made of these two
        return config


__all__ = ["ActivityRegularization", "Identity", "Input", "InputLayer", "Lambda"]
