"""Max pooling undone: values go back to the places that they came from."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from . import arguments
from .base import Layer
from .options import UnnamedOptions, Unpack
from .symbolic import Shape


class _Unpooling(Layer):
    """Windows over so many axes."""

    _float_input = True
    _axes: int
    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Any
    output_shape: tuple[int, ...] | None
    data_format: str

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = "valid",
        output_shape: Any = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[UnnamedOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._keep(locals())
        self.pool_size = arguments.sizes(self, "pool_size", pool_size, self._axes)
        steps = self.pool_size if strides is None else strides
        self.strides = arguments.sizes(self, "strides", steps, self._axes)
        self.padding = arguments.padding(self, padding, self._axes)
        if output_shape is not None:
            self.output_shape = arguments.sizes(self, "output_shape", output_shape, self._axes)
        self.data_format = arguments.data_format(self, data_format)
        self._built = True

    def call(self, inputs: Tensor, indices: Tensor) -> Tensor:
        return ops.max_unpool(
            inputs, indices, self.pool_size, self.strides, self.padding, self.output_shape, self.data_format
        )

    def compute_output_shape(self, input_shape: Shape, indices_shape: Shape | None = None) -> Shape:
        channels, inner = arguments.stored(input_shape, self.data_format, self._axes)
        padding = ((0, 0),) * self._axes if self.padding == "valid" else self.padding
        sizes = arguments.transposed_output(inner, self.pool_size, self.strides, padding, None, (1,) * self._axes)
        return arguments.as_stored(input_shape[0], self.output_shape or sizes, channels, self.data_format)

    def _mismatch(self, shape: Shape) -> str | None:
        return arguments.complaint(self.compute_output_shape, shape)


class MaxUnpooling1D(_Unpooling):
    """Values of sequences put back to the places where max pooling found its maxima, among zeros.

    Called as ``layer(x, indices)`` with what ``MaxPooling1D(..., return_indices=True)`` gave, or what became of its
    values.  Where windows overlap, the last value of those with one place stays there, and it alone has a gradient.

    Args:
        strides: steps from one window to the next, an integer; None takes ``pool_size``.
        padding: the padding of the pooling: "valid", "same" or "same_lower"; or numbers: one for both ends, or ((first,
            last),).
        output_shape: the length, an integer, of the pooling's input.  None takes the smallest that its windows fill, (n
            - 1) * strides + pool_size without the padding; n * strides with "same".

    Call args:
        inputs: (N, T, C); (N, C, T).
        indices: the number of the pixel of each value in its image, counted row by row, of the shape of inputs, int32
            or int64.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, T', C); (N, C, T') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; the input has other axes; indices have another
            shape; pooling does not make the input of ``output_shape``.
        IndexError: an index lies outside of its image.

    Source: PyTorch, MaxUnpool1d.

    Example:
        >>> x = np.float32([1, 4, 3, 2]).reshape(1, 4, 1)
        >>> y, at = layers.MaxPooling1D(2, return_indices=True)(x)
        >>> layers.MaxUnpooling1D(2)(y, at).numpy().ravel()
        array([0., 4., 3., 0.], dtype=float32)
    """

    _axes = 1


class MaxUnpooling2D(_Unpooling):
    """Values of images put back to the places where max pooling found its maxima, among zeros.

    Called as ``layer(x, indices)`` with what ``MaxPooling2D(..., return_indices=True)`` gave, or what became of its
    values.  Where windows overlap, the last value of those with one place stays there, and it alone has a gradient.

    Args:
        strides: pixels from one window to the next, an integer or one for each axis; None takes ``pool_size``.
        padding: the padding of the pooling: "valid", "same" or "same_lower"; or numbers: one for all sides, (height,
            width), or ((top, bottom), (left, right)).
        output_shape: the height and width, two integers or one for both, of the pooling's input.  None takes the
            smallest that its windows fill, (n - 1) * strides + pool_size without the padding; n * strides with "same".

    Call args:
        inputs: (N, H, W, C); (N, C, H, W).
        indices: the number of the pixel of each value in its image, counted row by row, of the shape of inputs, int32
            or int64.

    Input shape: (N, H, W, C); (N, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', C); (N, C, H', W') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; the input has other axes; indices have another
            shape; pooling does not make the input of ``output_shape``.
        IndexError: an index lies outside of its image.

    Source: PyTorch, MaxUnpool2d.

    Example:
        >>> x = ops.reshape(ops.arange(16.0), (1, 4, 4, 1))
        >>> y, indices = layers.MaxPooling2D(2, return_indices=True)(x)
        >>> indices.numpy()[0, ..., 0].tolist()
        [[5, 7], [13, 15]]
        >>> layers.MaxUnpooling2D(2)(y, indices).numpy()[0, 1, :, 0].tolist()
        [0.0, 5.0, 0.0, 7.0]
    """

    _axes = 2


class MaxUnpooling3D(_Unpooling):
    """Values of volumes put back to the places where max pooling found its maxima, among zeros.

    Called as ``layer(x, indices)`` with what ``MaxPooling3D(..., return_indices=True)`` gave, or what became of its
    values.  Where windows overlap, the last value of those with one place stays there, and it alone has a gradient.

    Args:
        strides: voxels from one window to the next, an integer or one for each axis; None takes ``pool_size``.
        padding: the padding of the pooling: "valid", "same" or "same_lower"; or numbers: one for all sides, (depth,
            height, width), or ((front, back), (top, bottom), (left, right)).
        output_shape: the depth, height and width, three integers or one for all, of the pooling's input.  None takes
            the smallest that its windows fill, (n - 1) * strides + pool_size without the padding; n * strides with
            "same".

    Call args:
        inputs: (N, D, H, W, C); (N, C, D, H, W).
        indices: the number of the pixel of each value in its image, counted row by row, of the shape of inputs, int32
            or int64.

    Input shape: (N, D, H, W, C); (N, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D', H', W', C); (N, C, D', H', W') with ``data_format="channels_first"``.

    Raises:
        ValueError: a size is not positive; ``padding`` is unknown; the input has other axes; indices have another
            shape; pooling does not make the input of ``output_shape``.
        IndexError: an index lies outside of its image.

    Source: PyTorch, MaxUnpool3d.

    Example:
        >>> y, at = layers.MaxPooling3D(2, return_indices=True)(np.ones((1, 4, 4, 4, 3), "float32"))
        >>> layers.MaxUnpooling3D(2)(y, at).shape
        (1, 4, 4, 4, 3)
    """

    _axes = 3


MaxUnpool1D, MaxUnpool2D, MaxUnpool3D = MaxUnpooling1D, MaxUnpooling2D, MaxUnpooling3D

__all__ = ["MaxUnpool1D", "MaxUnpool2D", "MaxUnpool3D", "MaxUnpooling1D", "MaxUnpooling2D", "MaxUnpooling3D"]
