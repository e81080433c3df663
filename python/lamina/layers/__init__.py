"""Layers with Keras 3's names, arguments, defaults and weight layouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core import registry
from . import adaptive_pooling as _adaptive_pooling
from . import convolution as _convolution
from . import depthwise_convolution as _depthwise_convolution
from . import pooling as _pooling
from .activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .adaptive_pooling import *
from .attention import MultiHeadAttention
from .base import Layer
from .bidirectional import Bidirectional
from .convolution import *
from .core import ActivityRegularization, Input, InputLayer, Lambda
from .dense import Dense, Linear
from .depthwise_convolution import *
from .dropout import Dropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D
from .elementwise import Add, Average, Maximum, Minimum, Multiply, Subtract
from .embedding import Embedding, PositionEmbedding, SinePositionEncoding
from .linear_algebra import Dot
from .normalization import BatchNormalization, LayerNormalization, UnitNormalization
from .op_layer import OpLayer, symbolic_call
from .padding import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
from .pooling import *
from .recurrent import GRU, LSTM, RNN, SimpleRNN
from .recurrent_cell import GRUCell, LSTMCell, SimpleRNNCell
from .reshape import Concatenate, Flatten, Permute, RepeatVector, Reshape
from .stacked_cells import StackedRNNCells
from .symbolic import SymbolicTensor
from .upsampling import UpSampling1D, UpSampling2D
from .variable import Variable
from .wrappers import Masking, TimeDistributed

registry.add_known((
    Activation, ActivityRegularization, Add, Average, BatchNormalization, Bidirectional, Concatenate, Cropping1D,
    Cropping2D, Dense, Dot, Dropout, ELU, Embedding, Flatten, GRU, GRUCell, GaussianDropout, GaussianNoise,
    InputLayer, LSTM, LSTMCell, Lambda, LayerNormalization, LeakyReLU, Linear, Masking, Maximum, Minimum,
    MultiHeadAttention, Multiply, OpLayer, PReLU, Permute, PositionEmbedding, RNN, ReLU, RepeatVector, Reshape,
    SimpleRNN, SimpleRNNCell, SinePositionEncoding, Softmax, SpatialDropout1D, SpatialDropout2D, StackedRNNCells,
    Subtract, TimeDistributed, UnitNormalization, UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D,
), "layer", Layer)  # fmt: skip
for _room in (_adaptive_pooling, _convolution, _depthwise_convolution, _pooling):
    registry.add_known([getattr(_room, name) for name in _room.__all__], "layer", Layer)


def add(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """Sum of several symbolic tensors: ``Add(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, add.
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """The first of two symbolic tensors minus the second: ``Subtract(**kwargs)(inputs)``.

    Args:
        inputs: list of two tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, subtract.
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """Product of several symbolic tensors: ``Multiply(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, multiply.
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """Mean of several symbolic tensors: ``Average(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, average.
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """Largest of several symbolic tensors, element by element: ``Maximum(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, maximum.
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """Smallest of several symbolic tensors, element by element: ``Minimum(**kwargs)(inputs)``.

    Args:
        inputs: list of two or more tensors whose shapes broadcast to one.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, minimum.
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: list[SymbolicTensor], axis: int = -1, **kwargs: object) -> object:
    """Symbolic tensors joined along an axis: ``Concatenate(axis, **kwargs)(inputs)``.

    Args:
        inputs: list of tensors whose shapes agree but for ``axis``.
        axis: the axis, counted with the batch axis; negative ones from the end.

    Raises:
        ValueError: it is no such list.

    Source: Keras 3, concatenate.
    """
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs: list[SymbolicTensor], axes: int | Sequence[int] = -1, **kwargs: Any) -> object:
    """Sum of products over one axis of each of two symbolic tensors: ``Dot(axes, **kwargs)(inputs)``.

    Args:
        inputs: list of two tensors.
        axes: the axis of both, or one for each, counted with the batch axis; negative ones from the end.

    Raises:
        ValueError: ``axes`` do not fit the tensors.

    Source: Keras 3, dot.
    """
    return Dot(axes, **kwargs)(inputs)


__all__ = [
    "ELU", "GRU", "LSTM", "RNN", "Activation", "ActivityRegularization", "Add", "Average", "BatchNormalization",
    "Bidirectional", "Concatenate", "Cropping1D", "Cropping2D", "Dense", "Dot", "Dropout", "Embedding", "Flatten",
    "GRUCell", "GaussianDropout", "GaussianNoise", "Input", "InputLayer", "LSTMCell", "Lambda", "Layer",
    "LayerNormalization", "LeakyReLU", "Linear", "Masking", "Maximum", "Minimum", "MultiHeadAttention", "Multiply",
    "OpLayer", "PReLU", "Permute", "PositionEmbedding", "ReLU", "RepeatVector", "Reshape", "SimpleRNN",
    "SimpleRNNCell", "SinePositionEncoding", "Softmax", "SpatialDropout1D", "SpatialDropout2D", "StackedRNNCells",
    "Subtract", "SymbolicTensor", "TimeDistributed", "UnitNormalization", "UpSampling1D", "UpSampling2D",
    "Variable", "ZeroPadding1D", "ZeroPadding2D", "add", "average", "concatenate", "dot", "maximum", "minimum",
    "multiply", "subtract", "symbolic_call",
]  # fmt: skip
__all__ += _adaptive_pooling.__all__
__all__ += _convolution.__all__
__all__ += _depthwise_convolution.__all__
__all__ += _pooling.__all__
