"""Layers with a shortcut around them."""

from __future__ import annotations

import inspect
from typing import Any

from .. import activations, ops
from ..core.autograd import Tensor
from ..core.explain import show
from . import fusion
from .arguments import fraction, known
from .base import Layer
from .bases import Around
from .build import build_inner
from .convolution import Conv1D, Conv2D, Conv3D
from .dense import Dense
from .dropout import DropPath
from .masking import MaskedTensor, attach
from .options import LayerOptions, Unpack
from .symbolic import Shape, SymbolicTensor, specified

_FREE = 64  # what stands for a free size where strides are looked for
_CONVOLUTIONS = {3: Conv1D, 4: Conv2D, 5: Conv3D}  # by the number of axes


class Residual(Around):
    """Adds its input to what a block of layers makes of it: ``activation(shortcut(x) + block(x))``.

    With the shortcut "auto" the input is added as it is where the shapes agree.  Elsewhere a linear projection without
    bias makes them agree: a convolution of kernel size 1 for sequences, images and volumes, whose strides follow from
    the two shapes (with the channels where the block's layers have them), else a dense layer.

    A normalization stands behind the addition, as in the first Transformers, or in front of the block (pre-norm), as in
    later ones: ``shortcut(x) + block(normalization(x))``.

    Args:
        block: a layer or model, or a list of layers that follow each other; each takes and returns one tensor.
        shortcut: "auto"; None for the input as it is; or a layer.
        activation: activation of the sum (behind the normalization, if that stands behind the addition); ``relu`` goes
            along with the addition.
        drop_path: fraction of the examples that training leaves the block out for, between 0 and 1; the others' results
            are scaled by ``1 / (1 - drop_path)``.
        normalization: a layer such as ``LayerNormalization()``, or None.
        normalize_first: whether the normalization stands in front of the block, else behind the addition.
        seed: seed of ``drop_path``.

    Input shape: (N, ...).

    Output shape: that of ``block``, whose mask the result has, too.

    Weights: those of ``block``, ``normalization`` and the shortcut's layer, which is ``projection`` (None without one).

    Raises:
        TypeError: ``block`` is neither a layer nor a list of them; ``shortcut`` is neither "auto", a layer nor None;
            ``normalization`` is no layer.
        ValueError: the list is empty; a fraction is not between 0 and 1; no shortcut leads to the block's shape; the
            block returns several tensors.

    Source: He et al. 2015, "Deep Residual Learning for Image Recognition" (the projection is its equation 2); Huang et
        al. 2016, "Deep Networks with Stochastic Depth"; Xiong et al. 2020, "On Layer Normalization in the Transformer
        Architecture".

    Example:
        >>> block = [layers.Conv2D(8, 3, padding="same", strides=2), layers.BatchNormalization()]
        >>> layers.Residual(block, activation="relu")(ops.ones((1, 6, 6, 3))).shape
        (1, 3, 3, 8)
    """

    supports_masking = True
    _float_input = True

    activation: Any
    shortcut: Any
    normalization: Layer | None
    _chained: tuple[Any, list[Any]]  # the block, and its layers as they are called

    def __init__(
        self,
        block: Any,
        shortcut: Any = "auto",
        activation: Any = None,
        drop_path: float = 0.0,
        normalization: Any = None,
        normalize_first: bool = False,
        seed: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        parts = list(block) if isinstance(block, (list, tuple)) else [block]
        super().__init__(parts[0] if parts else None, **kwargs)
        self._keep(locals())
        for part in parts:
            if not isinstance(part, Layer):
                raise TypeError(f"{self._label()}: block must be a layer or a list of layers, got {show(part)}")
        if not parts:
            raise ValueError(f"{self._label()}: block is an empty list, expected at least one layer")
        if not (isinstance(shortcut, Layer) or shortcut is None or (isinstance(shortcut, str) and shortcut == "auto")):
            raise TypeError(f"{self._label()}: shortcut must be 'auto', a layer or None, got {show(shortcut)}")
        if not (isinstance(normalization, Layer) or normalization is None):
            raise TypeError(
                f"{self._label()}: normalization must be a layer such as LayerNormalization(), or None, got "
                f"{show(normalization)}"
            )
        self.block = parts if isinstance(block, (list, tuple)) else block
        self.drop_path = fraction(self, "drop_path", drop_path)
        self.normalize_first = bool(normalize_first)
        self.projection: Layer | None = shortcut if isinstance(shortcut, Layer) else None
        self._drop = DropPath(self.drop_path, seed, name="drop_path", dtype=self.dtype) if self.drop_path else None
        self.__dict__["_chained"] = self.block, fusion.chains(parts)
        if not self.trainable:
            self.trainable = False  # of the layers inside, too

    def _parts(self) -> list[Layer]:
        """The block's layers, with the normalization if it stands in front of them."""
        parts = self._block()
        return [self.normalization, *parts] if self.normalization and self.normalize_first else parts

    def _block(self) -> list[Layer]:
        return self.block if isinstance(self.block, list) else [self.block]

    def build(self, input_shape: Shape) -> None:
        shape: Any = SymbolicTensor(input_shape, self.dtype)
        for part in self._parts():
            self._check_inputs(part)
            build_inner(part, shape.shape)
            shape = self._result(part, shape)
        if self.normalization and not self.normalize_first:
            build_inner(self.normalization, shape.shape)
        if self.projection is not None:
            build_inner(self.projection, input_shape)
        elif self.shortcut == "auto":
            self.projection = self._projection(input_shape)
        self._check_sum(input_shape, shape.shape)

    @staticmethod
    def _check_inputs(part: Layer) -> None:
        """ValueError for a layer that cannot be called with one tensor."""
        of_build = list(inspect.signature(type(part).build).parameters.values())[1:]
        if sum(p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in of_build) > 1:
            kind = type(part).__name__
            raise ValueError(
                f"the block's layer {part.name!r} takes several inputs; give a model of one, such as "
                f"Model(x, {kind}(...)(x, x)) of an Input x"
            )

    def _projection(self, shape: Shape) -> Layer | None:
        """A built layer that gives this input the shape of the block's result; None where it has it."""
        tried = tuple(_FREE if n is None and i else n for i, n in enumerate(shape))
        wanted = self._block_shape(tried)
        if tried[1:] == wanted[1:]:
            return None
        if len(tried) != len(wanted):
            raise ValueError(f"the block makes {wanted} of {shape}: no shortcut changes the number of axes, give one")
        rank, data_format = len(shape), self._data_format()
        channel, start = (1, 2) if data_format == "channels_first" else (rank - 1, 1)
        strides = self._strides(tried, wanted, range(start, start + rank - 2))
        if 0 in strides or (rank not in _CONVOLUTIONS and any(s != 1 for s in strides)):
            raise ValueError(
                f"the block makes {wanted} of {tried}, which no convolution of kernel size 1 does, whatever its "
                "strides; make the sizes agree (padding='same' in the block), or give a layer as the shortcut"
            )
        known(self, f"axis {channel}", shape[channel], shape)
        options: dict[str, Any] = {
            "use_bias": False, "name": "shortcut", "dtype": self._policy, "trainable": self.trainable,
        }  # fmt: skip
        channels: Any = wanted[channel]
        layer: Layer
        if rank in _CONVOLUTIONS:
            layer = _CONVOLUTIONS[rank](channels, 1, tuple(strides), data_format=data_format, **options)
        else:
            layer = Dense(channels, **options)
        layer.build(shape)
        return layer

    def _strides(self, shape: Shape, result: Shape, axes: range) -> list[int]:
        """The strides of a window of size 1 that makes ``result`` of ``shape``; 0 where there is none.

        Steps 0 and 2 of four are stride 2, steps 0 and 3 stride 3: where both have the right number of steps, the block
        tells of a larger input.
        """
        found = [_strides_between(shape[axis], result[axis]) for axis in axes]
        if any(len(fit) > 1 for fit in found):  # > is free: the larger input would tell what is known
            larger = tuple(_FREE if axis in axes else n for axis, n in enumerate(shape))
            try:
                its = self._block_shape(larger)
            except ValueError:  # it takes no other sizes
                its = larger
            for axis, fit in zip(axes, found, strict=True):
                fit[:] = [s for s in fit if s in _strides_between(_FREE, its[axis])] or fit
        return [fit[0] if fit else 0 for fit in found]

    def _data_format(self) -> str:
        """Where the channels stand for the first layer of the block that says so."""
        for part in self._parts():
            for layer in (part, *part._held().layers):
                if found := getattr(layer, "data_format", None):
                    return str(found)
        return "channels_last"

    def call(self, inputs: Tensor) -> Tensor:
        before = self.normalization if self.normalize_first else None
        y = inputs if before is None else before(inputs)
        block, chains = self._chained
        if block is not self.block:  # another one was set
            chains = fusion.chains(self._block())
            self.__dict__["_chained"] = self.block, chains
        for part in chains:
            y = part(y)
        mask = y.mask if isinstance(y, MaskedTensor) else None
        if self._drop is not None:
            y = self._drop(y)
        x = inputs if self.projection is None else self.projection(inputs)
        if x.shape != y.shape:
            self._check_sum(inputs.shape, y.shape)
        if self.normalization is not None and before is None:
            y = self.activation(self.normalization(ops.add(x, y)))
        elif self.activation is activations.relu:
            y = ops.add(x, y, "relu")
        else:
            y = self.activation(ops.add(x, y))
        return y if mask is None else attach(y, mask)

    def _check_sum(self, shape: Shape, wanted: Shape) -> None:
        """ValueError unless the shortcut's result has the shape of the block's."""
        found = shape if self.projection is None else self.projection.compute_output_shape(shape)
        if len(found) != len(wanted) or any(m != n for m, n in zip(found, wanted, strict=True) if m and n):
            what = "the input" if self.projection is None else "the shortcut's result"
            mend = "; shortcut='auto' gives it a projection" if self.shortcut is None else ""
            raise ValueError(f"{what} is {found}, the block's result {wanted}: they cannot be added{mend}")

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """None: the block's result brings its mask along.

        Args:
            inputs: the input of the call.
            previous_mask: its mask, or None.
        """
        return None

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        x: Any = SymbolicTensor(inputs.shape, self.dtype)
        x.mask = inputs.mask
        for part in self._parts():
            x = self._result(part, x)
        self._check_sum(inputs.shape, x.shape)
        y = SymbolicTensor(x.shape, self.dtype)
        y.mask = x.mask
        return y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self._block_shape(input_shape)

    def _block_shape(self, shape: Shape) -> Shape:
        x: Any = SymbolicTensor(shape, self.dtype)
        for part in self._parts():
            x = self._result(part, x)
        return tuple(x.shape)

    def _result(self, part: Layer, x: Any) -> Any:
        """What a layer of the block makes of a symbolic tensor."""
        y = specified(part, (x,), {})
        if not isinstance(y, SymbolicTensor):
            raise ValueError(f"the block's layer {part.name!r} returns several tensors, expected one")
        return y


def _strides_between(size: Any, result: Any) -> list[int]:
    """The strides of a window of size 1 that makes ``result`` steps of ``size``."""
    return [s for s in range(1, size + 1) if -(-size // s) == result]


__all__ = ["Residual"]
