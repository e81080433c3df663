"""EinsumDense: a fully connected layer over any axes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import ops
from ..core.autograd import Tensor
from ..initializers.variance_scaling import over_axes
from ..ops.quantized import quantized_dense, quantized_einsum
from .arguments import known, positive, refuse
from .base import Layer
from .options import LayerOptions, Unpack
from .quantization import accept_config
from .symbolic import Shape
from .variable import Variable

_FORMS = "'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...'"


class _Shapes(NamedTuple):
    """What an equation says of one input shape."""

    kernel: tuple[int | None, ...]
    bias: tuple[int | None, ...] | None
    output: Shape
    input_axes: tuple[int, ...]  # of the kernel, which are summed
    output_axes: tuple[int, ...]


class EinsumDense(Layer):
    """Fully connected layer over any axes: ``activation(einsum(equation, inputs, kernel) + bias)``.

    Args:
        equation: the axes by letters, of the input, the kernel and the output: "abc,cd->abd".  ``...`` first or last
            in input and output stands for axes that stay as they are.
        output_shape: sizes of the output without the batch axis and the axes of ``...``; None where a size is the
            input's.
        activation: a name or a function; None leaves the sum as it is.
        gptq_unpacked_column_size: an option of Keras that is not supported: anything but None is a ValueError.
        bias_axes: letters of the output along which the bias has values of its own, "d" or "bd"; None adds no bias.

    Input shape: (N, ...), one axis a letter.

    Output shape: (N, ...), one axis a letter.

    Weights: ``kernel``, one axis a letter, and ``bias``, which broadcasts to the output.

    Raises:
        TypeError: ``equation`` is no string.
        ValueError: the equation has another form; sizes do not fit it or each other; an option is not supported.

    Source: Keras 3, EinsumDense.

    Example:
        >>> layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")(ops.ones((2, 3, 5))).shape
        (2, 3, 4)
    """

    _float_input = True

    equation: str
    kernel_scale: Variable  # of a quantized layer
    _elided = 0  # axes of the input that ... stands for
    output_shape: tuple[int | None, ...]
    bias_axes: str | None
    activation: Any
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        refuse(self, lora_rank=lora_rank, lora_alpha=lora_alpha)
        self.quantization_config = accept_config(self, quantization_config)
        refuse(self, gptq_unpacked_column_size=gptq_unpacked_column_size)
        if not isinstance(equation, str):
            raise TypeError(f"{self._label()}: equation must be a string such as {_FORMS}, got {equation!r}")
        sizes = output_shape if isinstance(output_shape, (list, tuple)) else (output_shape,)
        self.output_shape = tuple(None if n is None else positive(self, "output_shape", n) for n in sizes)
        self._parts()

    def _parts(self) -> tuple[str, str, str, str]:
        """Letters of input, kernel and output, and where ``...`` stands: "left", "right" or ""."""
        plain = self.equation.replace(" ", "")
        for form, dots in ((r"(\w+),(\w+)->(\w+)", ""), (r"\.{3}(\w+),(\w+)->\.{3}(\w+)", "left"),
                           (r"(\w{2,})\.{3},(\w+)->(\w+)\.{3}", "right")):  # fmt: skip
            found = re.fullmatch(form, plain)
            if found and all(part.isalpha() and len(set(part)) == len(part) for part in found.groups()):
                return (*found.groups(), dots)  # type: ignore[return-value]
        raise ValueError(f"{self._label()}: equation is {self.equation!r}, expected a form such as {_FORMS}")

    def _shapes(self, input_shape: Shape) -> _Shapes:
        letters, kernel_letters, out_letters, dots = self._parts()
        elided = len(input_shape) - len(letters)
        if elided < 0 or (elided and not dots):
            raise ValueError(
                f"x is {input_shape}, expected one axis for each letter of {letters!r} in {self.equation!r}"
            )
        left, right = (elided, 0) if dots == "left" else (0, elided)
        given = dict(zip(letters, input_shape[left : len(input_shape) - right], strict=True))
        # The batch is the first axis, elided or not; output_shape names those behind it that are not elided.
        own = [*input_shape[:left], *((input_shape[0],) if not left else ()), *self.output_shape]
        own += input_shape[len(input_shape) - right :]
        if len(own) != len(out_letters) + elided:
            raise ValueError(
                f"output_shape {self.output_shape} does not fit {self.equation!r}: "
                f"expected {len(out_letters) - (not left)} sizes"
            )
        sizes = dict(zip(out_letters, own[left : len(own) - right], strict=True))
        for letter, size in sizes.items():
            if letter not in given and letter not in kernel_letters:
                raise ValueError(f"axis {letter!r} of the output of {self.equation!r} is in neither input nor kernel")
            if size is None:
                sizes[letter] = given.get(letter)
            elif given.get(letter, size) not in (None, size):
                raise ValueError(f"axis {letter!r} is {given[letter]} in x, {input_shape}, but {size} in output_shape")
        for letter in kernel_letters:
            if letter not in sizes and letter not in given:
                raise ValueError(f"axis {letter!r} of the kernel of {self.equation!r} is in neither input nor output")
        bias = None
        if self.bias_axes is not None:
            for letter in self.bias_axes:
                if letter not in out_letters:
                    raise ValueError(f"axis {letter!r} of bias_axes is not in the output of {self.equation!r}")
            first = min((out_letters.index(letter) for letter in self.bias_axes), default=len(out_letters))
            bias = (*(sizes[a] if a in self.bias_axes else 1 for a in out_letters[first:]), *(1,) * right)
        output = (*own[:left], *(sizes[a] for a in out_letters), *own[len(own) - right :])
        places = [i for i, letter in enumerate(kernel_letters) if letter in sizes]
        return _Shapes(
            tuple(sizes[a] if a in sizes else given[a] for a in kernel_letters), bias, output,
            tuple(i for i in range(len(kernel_letters)) if i not in places), tuple(places),
        )  # fmt: skip

    def build(self, input_shape: Shape) -> None:
        shapes = self._shapes(input_shape)
        self._elided = len(input_shape) - len(self._parts()[0])
        initializer = over_axes(self.kernel_initializer, shapes.input_axes, shapes.output_axes)
        self.kernel = self.add_weight(
            [known(self, "an axis of the kernel", n, input_shape) for n in shapes.kernel], initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint, name="kernel",
        )  # fmt: skip
        self.bias = None
        if shapes.bias is not None:
            sizes = [known(self, "an axis of the bias", n, input_shape) for n in shapes.bias]
            self.bias = self._weight("bias", sizes)

    def call(self, inputs: Tensor) -> Tensor:
        if self._quantization is not None:
            y = self._int8_sums(inputs)
        else:
            y = ops.einsum(self.equation, inputs, self.kernel, bfloat16=self._bfloat16)
        if self.bias is not None:
            y = ops.add(y, self.bias)
        return self.activation(y)

    def _int8_axes(self) -> dict[str, tuple[int, ...]]:
        _, kernel, output, _ = self._parts()
        return {"kernel": tuple(i for i, letter in enumerate(kernel) if letter not in output)}

    def _scale_shape(self, shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
        """As many axes as the output has, 1 where the kernel has none."""
        _, kernel, output, dots = self._parts()
        elided = (1,) * self._elided
        own = tuple(shape[kernel.index(letter)] if letter in kernel else 1 for letter in output)
        return elided + own if dots == "left" else own + elided

    def _int8_sums(self, inputs: Tensor) -> Tensor:
        letters, kernel, output, dots = self._parts()
        summed = kernel[: len(self._int8_axes()["kernel"])]
        n, shape = len(summed), inputs.shape
        matrix = letters.endswith(summed) and output == letters[: len(letters) - n] + kernel[n:] and dots != "right"
        if self._packed is None or not matrix or len(shape) != len(letters) + self._elided:
            return self._int8_einsum(inputs)
        x = inputs if n == 1 else ops.reshape(inputs, (*shape[:-n], math.prod(shape[-n:])))
        y = quantized_dense(x, self._packed["kernel"].matrix(), None)
        return ops.reshape(y, (*shape[:-n], *self.kernel.shape[n:]))

    def _int8_einsum(self, inputs: Tensor) -> Tensor:
        """Where the equation is no product of matrices in the order that they have: floats that are integers, divided
        by their scales."""
        letters, kernel, output, dots = self._parts()
        of_output = self.kernel_scale.shape[self._elided :] if dots == "left" else self.kernel_scale.shape
        both = [letter for letter in output if letter in kernel]
        scale = ops.reshape(self.kernel_scale, [of_output[output.index(letter)] for letter in both])
        order = [both.index(letter) for letter in kernel if letter in both]
        sizes = [n if letter in both else 1 for letter, n in zip(kernel, self.kernel.shape, strict=True)]
        scale = ops.reshape(ops.transpose(scale, order) if order else scale, sizes)
        weights = ops.divide(ops.cast(self.kernel, self.dtype), scale)
        left = self._elided if dots == "left" else 0
        axes = tuple(left + i for i, letter in enumerate(letters) if letter not in output)
        return quantized_einsum(self.equation, inputs, axes, weights)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shapes = self._shapes(input_shape)
        if self.built and (message := self._mismatch(input_shape)):
            raise ValueError(message)
        return shapes.output

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.built:
            return None
        try:
            wanted = self._shapes(shape).kernel
        except ValueError as error:
            return str(error)
        if all(a in (None, b) for a, b in zip(wanted, self.kernel.shape, strict=True)):
            return None
        return f"x is {shape}, for which {self.equation!r} wants a kernel {wanted}; it is {self.kernel.shape}"


__all__ = ["EinsumDense"]
