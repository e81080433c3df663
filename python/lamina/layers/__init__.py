"""Layers with Keras 3's names, arguments, defaults and weight layouts."""

from __future__ import annotations

from .. import _registry
from .activation import ELU, Activation, LeakyReLU, ReLU, Softmax
from .attention import MultiHeadAttention
from .base import Layer
from .bidirectional import Bidirectional
from .convolution import Conv1D, Conv2D, DepthwiseConv2D
from .core import Input, InputLayer, Lambda
from .dense import Dense, Linear
from .dropout import Dropout
from .elementwise import Add, Average, Maximum, Minimum, Multiply, Subtract
from .embedding import Embedding, PositionEmbedding, SinePositionEncoding
from .normalization import BatchNormalization, LayerNormalization
from .operation import OpLayer
from .pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AvgPool1D,
    AvgPool2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPool1D,
    MaxPool2D,
    MaxPooling1D,
    MaxPooling2D,
)
from .recurrent import GRU, LSTM, RNN, SimpleRNN
from .recurrent_cell import GRUCell, LSTMCell, SimpleRNNCell
from .reshape import Concatenate, Flatten, Permute, Reshape
from .stacked_cells import StackedRNNCells
from .symbolic import SymbolicTensor, symbolic_call
from .variable import Variable
from .wrappers import Masking, TimeDistributed

Convolution1D, Convolution2D, DepthwiseConvolution2D = Conv1D, Conv2D, DepthwiseConv2D

_registry.add_known((
    Activation, Add, Average, AveragePooling1D, AveragePooling2D, BatchNormalization, Bidirectional, Concatenate,
    Conv1D, Conv2D, Dense, DepthwiseConv2D, Dropout, ELU, Embedding, Flatten, GRU, GRUCell, GlobalAveragePooling1D,
    GlobalAveragePooling2D, GlobalMaxPooling1D, GlobalMaxPooling2D, InputLayer, LSTM, LSTMCell, Lambda,
    LayerNormalization, LeakyReLU, Linear, Masking, MaxPooling1D, MaxPooling2D, Maximum, Minimum, MultiHeadAttention,
    Multiply, OpLayer, Permute, PositionEmbedding, RNN, ReLU, Reshape, SimpleRNN, SimpleRNNCell, SinePositionEncoding,
    Softmax, StackedRNNCells, Subtract, TimeDistributed,
))  # fmt: skip


def add(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """``Add(**kwargs)(inputs)``."""
    return Add(**kwargs)(inputs)


def subtract(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """``Subtract(**kwargs)(inputs)``."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """``Multiply(**kwargs)(inputs)``."""
    return Multiply(**kwargs)(inputs)


def average(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """``Average(**kwargs)(inputs)``."""
    return Average(**kwargs)(inputs)


def maximum(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """``Maximum(**kwargs)(inputs)``."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: list[SymbolicTensor], **kwargs: object) -> object:
    """``Minimum(**kwargs)(inputs)``."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: list[SymbolicTensor], axis: int = -1, **kwargs: object) -> object:
    """``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis, **kwargs)(inputs)


__all__ = [
    "ELU", "GRU", "LSTM", "RNN", "Activation", "Add", "Average", "AveragePooling1D", "AveragePooling2D", "AvgPool1D",
    "AvgPool2D", "BatchNormalization", "Bidirectional", "Concatenate", "Conv1D", "Conv2D", "Convolution1D",
    "Convolution2D", "Dense", "DepthwiseConv2D", "DepthwiseConvolution2D", "Dropout", "Embedding", "Flatten", "GRUCell",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalMaxPool1D",
    "GlobalMaxPool2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Input", "InputLayer", "LSTMCell", "Lambda", "Layer",
    "LayerNormalization", "LeakyReLU", "Linear", "Masking", "MaxPool1D", "MaxPool2D", "MaxPooling1D", "MaxPooling2D",
    "Maximum", "Minimum", "MultiHeadAttention", "Multiply", "OpLayer", "Permute", "PositionEmbedding", "ReLU",
    "Reshape", "SimpleRNN", "SimpleRNNCell", "SinePositionEncoding", "Softmax", "StackedRNNCells", "Subtract",
    "SymbolicTensor", "TimeDistributed", "Variable", "add", "average", "concatenate", "maximum", "minimum", "multiply",
    "subtract", "symbolic_call",
]  # fmt: skip
