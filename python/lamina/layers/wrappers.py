"""Layers about time, and layers around another one: at every step, or with its kernel normalized."""

from __future__ import annotations

from typing import Any

from .. import initializers, ops
from ..core.autograd import Tensor, no_grad
from ..core.tree import map_shapes, map_structure
from .arguments import positive
from .base import Layer
from .bases import Around, SameShape
from .batch_normalization import BatchNormalization
from .build import build_inner
from .masking import MaskedTensor, attach, zeroed
from .options import LayerOptions, Unpack
from .symbolic import Shape, SymbolicTensor
from .variable import Variable


class Masking(SameShape):
    """Marks steps of sequences as padding and makes them zero: those all of whose features are ``mask_value``.

    Layers behind that take masks leave those steps out.

    Args:
        mask_value: the number that stands for padding.

    Input shape: (N, T, ...).

    Output shape: the input's, with a mask (N, T).

    Raises:
        ValueError: the input has less than two axes.

    Source: Keras 3, Masking.

    Example:
        >>> x = np.ones((1, 4, 2), "float32")
        >>> x[0, 2:] = 0.0
        >>> model = lamina.Sequential([layers.Masking(), layers.LSTM(8)])  # the two last steps don't count
        >>> model(x).shape
        (1, 8)
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.mask_value = float(mask_value)
        self._built = True

    def call(self, inputs: Tensor) -> Tensor:
        self._check(inputs.shape)
        kept = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)
        return attach(zeroed(inputs, kept), kept)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._check(input_shape)
        return input_shape

    def _check(self, shape: Shape) -> None:
        if len(shape) < 2:
            raise ValueError(f"x is {shape}, expected (batch, time, ...)")


class Wrapper(Around):
    """Base class of layers around another one, which it builds; a class defines ``call``.

    Args:
        layer: the layer inside, kept as ``layer``.

    Input shape: what ``call`` takes.

    Output shape: that of the result of ``call``.

    Weights: those of ``layer``.

    Raises:
        TypeError: ``layer`` is no layer.

    Source: Keras 3, Wrapper.

    Example:
        >>> class Twice(layers.Wrapper):
        ...     def call(self, inputs):
        ...         return 2.0 * self.layer(inputs)
        >>> Twice(layers.ReLU())(ops.ones((1, 2))).tolist()
        [[2.0, 2.0]]
    """

    def __init__(self, layer: Any, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        if not isinstance(layer, Layer):
            raise TypeError(f"{self._label()}: expected a layer, got {layer!r}")
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        build_inner(self.layer, input_shape)


class SpectralNormalization(Wrapper):
    """A layer whose kernel each training step divides by its largest singular value, as power iterations find it.

    The kernel itself is changed, before the layer is called; a kernel of zeros is left as it is.

    Args:
        layer: a layer with ``kernel`` or ``embeddings``.
        power_iterations: iterations in each step, a positive integer.

    Input shape: that of ``layer``.

    Output shape: that of ``layer``.

    Weights: those of ``layer``, and not trainable ``vector_u`` (1, last size of the kernel).

    Raises:
        TypeError: ``layer`` is no layer.
        ValueError: ``power_iterations`` is not positive; ``layer`` has no kernel.

    Source: Keras 3, SpectralNormalization; Miyato et al. 2018, "Spectral Normalization for Generative Adversarial
        Networks".

    Example:
        >>> layer = layers.SpectralNormalization(layers.Dense(8))
        >>> layer(np.ones((2, 4), "float32"), training=True).shape
        (2, 8)
    """

    supports_masking = True

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        self.autocast = False  # the layer inside converts
        self.power_iterations = positive(self, "power_iterations", power_iterations)

    def build(self, input_shape: Any = None) -> None:
        build_inner(self.layer, input_shape)
        kernel = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if not isinstance(kernel, Variable):
            raise ValueError(f"{self.layer._label()} has neither a kernel nor embeddings")
        self.kernel = kernel
        start = initializers.TruncatedNormal(stddev=0.02)
        self.vector_u = self.add_weight((1, kernel.shape[-1]), start, name="vector_u", trainable=False)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training and self._trainable and self.layer.trainable:
            with no_grad():
                u, kernel = self.normalized_weights()
                self.vector_u.assign(u)
                self.kernel.assign(kernel)
        return self.layer(inputs)

    def normalized_weights(self) -> tuple[Tensor, Tensor]:
        """``vector_u`` after the power iterations, and the kernel divided by the singular value that they found."""
        rows = ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))
        u: Tensor = self.vector_u
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(rows)), axis=None)
            u = ops.normalize(ops.matmul(v, rows), axis=None)
        sigma = ops.sum(ops.multiply(ops.matmul(v, rows), u))
        empty = ops.equal(ops.max(ops.abs(rows)), 0.0)
        u = ops.where(empty, self.vector_u, u)
        return u, ops.divide(self.kernel, ops.where(empty, 1.0, sigma))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self.layer.compute_output_spec(*args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.layer.compute_mask(inputs, previous_mask)


class TimeDistributed(Wrapper):
    """A layer at every step of sequences: one call over all N * T steps as one batch.

    So batch normalization takes its statistics over all steps at once.  A mask (N, T) goes on to the result, and to
    batch normalization.  A mask with more axes goes to the layer; its own mask, or else whether a step has anything
    that counts, goes on.

    Args:
        layer: the layer to apply.

    Call args:
        mask: (N, T, ...), True where a step counts; None counts all.

    Input shape: (N, T, ...), three axes or more.

    Output shape: (N, T, ...), behind it the layer's output shape without the batch.

    Weights: those of ``layer``.

    Raises:
        TypeError: ``layer`` is no layer.
        ValueError: the input has less than three axes.

    Source: Keras 3, TimeDistributed.

    Example:
        >>> frames = np.ones((2, 5, 8, 8, 3), "float32")
        >>> layers.TimeDistributed(layers.Conv2D(4, 3))(frames).shape
        (2, 5, 6, 6, 4)
    """

    def __init__(self, layer: Any, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        self.autocast = False  # the layer inside converts

    def build(self, input_shape: Any = None) -> None:
        self._check(input_shape)
        build_inner(self.layer, (input_shape[0], *input_shape[2:]))

    def call(self, inputs: Tensor, mask: Any = None) -> Any:
        self._check(inputs.shape)
        n, steps, *rest = inputs.shape
        x = ops.reshape(inputs, (n * steps, *rest))
        if mask is not None and mask.ndim > 2:
            x = attach(x, ops.reshape(mask, (n * steps, *mask.shape[2:])))
        elif mask is not None and isinstance(self.layer, BatchNormalization):  # whose samples are steps here
            x = attach(x, ops.reshape(mask, (n * steps,)))

        def in_time(t: Tensor) -> Tensor:
            y = ops.reshape(t, (n, steps, *t.shape[1:]))
            return attach(y, in_time(t.mask)) if isinstance(t, MaskedTensor) else y

        return map_structure(in_time, self.layer(x))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        inner = () if previous_mask is None else tuple(range(2, previous_mask.ndim))
        return ops.any(previous_mask, axis=inner) if inner else previous_mask

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        self._check(inputs.shape)
        n, steps, *rest = inputs.shape
        y = self.layer.compute_output_spec(SymbolicTensor((None, *rest), inputs.dtype))
        return map_structure(lambda t: SymbolicTensor((n, steps, *t.shape[1:]), t.dtype), y)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        self._check(input_shape)
        n, steps, *rest = input_shape
        return map_shapes(lambda s: (n, steps, *s[1:]), self.layer.compute_output_shape((None, *rest)))

    def _check(self, shape: Shape) -> None:
        if len(shape) < 3:
            raise ValueError(f"x is {shape}, expected (batch, time, ...)")


__all__ = ["Masking", "SpectralNormalization", "TimeDistributed", "Wrapper"]
