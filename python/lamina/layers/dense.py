"""Dense (also called Linear): the fully connected layer."""

from __future__ import annotations

from typing import Any

from .. import activations, ops
from ..core.autograd import Tensor
from ..ops.quantized import quantized_dense
from .arguments import known, positive, refuse
from .base import Layer
from .fused_kinds import TAKEN
from .options import LayerOptions, Unpack, UnregularizedOptions
from .quantization import accept_config
from .symbolic import Shape
from .torch_module import MATRIX, TorchModule


class Dense(Layer):
    """Fully connected layer: ``activation(inputs @ kernel + bias)`` over the last axis.

    Args:
        units: features of the output, a positive integer.

    Input shape: (N, ..., features), two axes or more.

    Output shape: (N, ..., units).

    Weights: ``kernel`` (features, units) and ``bias`` (units,).

    Raises:
        ValueError: ``units`` is not positive; an option is not supported; the input has one axis, an unknown number of
            features, or another one than the kernel.

    Source: Keras 3, Dense.

    Example:
        >>> layers.Dense(3, activation="relu")(ops.ones((2, 5))).shape
        (2, 3)
    """

    supports_masking = True
    _float_input = True
    _torch = TorchModule("Linear", weight=("kernel", MATRIX), bias="bias")

    activation: Any
    use_bias: bool

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep(locals())
        refuse(self, lora_rank=lora_rank, lora_alpha=lora_alpha)
        self.quantization_config = accept_config(self, quantization_config)
        self.units = positive(self, "units", units)

    def build(self, input_shape: Shape) -> None:
        self._check_rank(input_shape)
        features = known(self, "the last axis", input_shape[-1], input_shape)
        self.kernel = self._weight("kernel", (features, self.units))
        self.bias = None
        if self.use_bias:
            self.bias = self._weight("bias", (self.units,))

    def call(self, inputs: Tensor) -> Tensor:
        fused = activations.fused_name(self.activation)
        if fused is not None:
            return self._call_fused(fused, inputs)
        return self.activation(self._call_fused("linear", inputs))

    def _call_fused(self, activation: str, inputs: Tensor) -> Tensor:
        if inputs._array.ndim < 2:  # 2 is free: others pass the check
            self._check_rank(inputs.shape)
        if self._packed is not None:
            return quantized_dense(inputs, self._packed["kernel"].matrix(), self.bias, activation)
        return ops.dense(inputs, self.kernel, self.bias, activation, self._bfloat16)

    def _int8_axes(self) -> dict[str, tuple[int, ...]]:
        return {"kernel": (0,)}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check_rank(input_shape)
        if self.built and input_shape[-1] != self.kernel.shape[0]:
            raise ValueError(self._mismatch(input_shape))
        return (*input_shape[:-1], self.units)

    def _check_rank(self, shape: Shape) -> None:
        if len(shape) < 2:
            raise ValueError(f"x is {shape}, expected (batch, features) or more axes; for one example use x[None]")

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.built or len(shape) < 2 or shape[-1] == self.kernel.shape[0]:
            return None
        return f"x is {shape}, but the kernel {self.kernel.shape} wants {self.kernel.shape[0]} features last"


class _DenseOptions(LayerOptions, total=False):
    activation: Any
    use_bias: bool
    kernel_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    bias_regularizer: Any
    kernel_constraint: Any
    bias_constraint: Any


class Linear(Dense):
    """Dense under PyTorch's name, with PyTorch's or Dense's arguments.

    ``Linear(units, ...)`` is ``Dense(units, ...)``.  ``Linear(in_features, out_features, bias=True)`` makes its weights
    at once.  In both spellings the kernel is (in, out) and its first values are Dense's.

    Args:
        units: features of the output; with ``out_features`` as an integer, features of the input.
        out_features: features of the output; anything but an integer is Dense's second argument, ``activation``.
        bias: whether ``bias`` is added; None leaves it to ``use_bias``.
        **kwargs: the arguments of Dense: ``activation``, ``use_bias``, ``kernel_initializer``, ``bias_initializer``,
            ``kernel_regularizer``, ``bias_regularizer``, and the options of every layer.

    Input shape: (N, ..., features), two axes or more.

    Output shape: (N, ..., units).

    Weights: ``kernel`` (features, units) and ``bias`` (units,).

    Raises:
        ValueError: as Dense.

    Source: PyTorch, torch.nn.Linear.

    Example:
        >>> layers.Linear(8)(np.ones((2, 4), "float32")).shape
        (2, 8)
        >>> layers.Linear(4, 8)(np.ones((2, 4), "float32")).shape  # PyTorch's arguments
        (2, 8)
    """

    _constructor = Dense

    def __init__(
        self, units: int, out_features: Any = None, bias: bool | None = None, **kwargs: Unpack[_DenseOptions]
    ) -> None:
        two = isinstance(out_features, int) and not isinstance(out_features, bool)
        if bias is not None:
            kwargs["use_bias"] = bias
        if out_features is not None and not two:
            kwargs["activation"] = out_features  # Dense's second argument
        super().__init__(out_features if two else units, **kwargs)
        if two:
            self.build((None, units))


TAKEN[Dense.call] = activations.FUSED

__all__ = ["Dense", "Linear"]
