"""Activation functions by Keras 3's names and defaults: ``activations.get("relu")``.

They differ from ``lamina.ops`` in defaults where Keras's do: ``gelu`` is the exact (erf) form here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from . import ops
from .core import registry
from .core.autograd import Tensor
from .core.explain import named
from .core.rooms import publish
from .core.suggest import unknown

Activation = Callable[..., Any]


def linear(x: Any) -> Any:
    """The input itself.

    Example:
        >>> activations.linear([-1.0, 1.0])
        [-1.0, 1.0]
    """
    return x


@named("relu")
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """Rectified linear unit: x above ``threshold``, ``negative_slope * (x - threshold)`` below it.

    Args:
        negative_slope: slope below the threshold.
        max_value: the largest value of the result; None sets no limit.
        threshold: where the function begins to rise.

    Example:
        >>> activations.relu([-1.0, 3.0, 8.0], max_value=6.0)
        Tensor([0., 3., 6.], shape=(3,), dtype=float32)
    """
    if threshold == 0.0:
        y = ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    else:
        y = ops.where(ops.greater_equal(x, threshold), x, ops.multiply(ops.subtract(x, threshold), negative_slope))
    return y if max_value is None else ops.minimum(y, max_value)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """Leaky rectified linear unit: x above zero, ``negative_slope * x`` below it.

    Args:
        negative_slope: slope below zero.

    Example:
        >>> activations.leaky_relu([-1.0, 1.0])
        Tensor([-0.2,  1. ], shape=(2,), dtype=float32)
    """
    return ops.leaky_relu(x, negative_slope)


def relu6(x: Any) -> Tensor:
    """Rectified linear unit up to 6: ``min(max(x, 0), 6)``.

    Example:
        >>> activations.relu6([-1.0, 3.0, 8.0])
        Tensor([0., 3., 6.], shape=(3,), dtype=float32)
    """
    return ops.relu6(x)


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """Exponential linear unit: x above zero, ``alpha * (exp(x) - 1)`` below it.

    Args:
        alpha: minus the limit of the function at minus infinity.

    Source: Keras 3, keras.activations.elu; Clevert et al. 2016, "Fast and Accurate Deep Network Learning by Exponential
        Linear Units".

    Example:
        >>> activations.elu([-1.0, 1.0])
        Tensor([-0.6321,  1.    ], shape=(2,), dtype=float32)
    """
    return ops.elu(x, alpha)


def selu(x: Any) -> Tensor:
    """Scaled exponential linear unit, whose outputs keep mean 0 and variance 1.

    Source: Keras 3, keras.activations.selu; Klambauer et al. 2017, "Self-Normalizing Neural Networks".

    Example:
        >>> activations.selu([-1.0, 1.0])
        Tensor([-1.1113,  1.0507], shape=(2,), dtype=float32)
    """
    return ops.selu(x)


def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """Continuously differentiable exponential linear unit: ``max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)``.

    Args:
        alpha: minus the limit of the function at minus infinity.

    Source: Keras 3, keras.activations.celu; Barron 2017, "Continuously Differentiable Exponential Linear Units".

    Example:
        >>> activations.celu([-1.0, 1.0])
        Tensor([-0.6321,  1.    ], shape=(2,), dtype=float32)
    """
    return ops.celu(x, alpha)


def gelu(x: Any, approximate: bool = False) -> Tensor:
    """Gaussian error linear unit: x times the normal distribution function at x.

    Args:
        approximate: whether the distribution function is approximated by a tanh.

    Source: Keras 3, keras.activations.gelu; Hendrycks and Gimpel 2016, "Gaussian Error Linear Units".

    Example:
        >>> activations.gelu([-1.0, 1.0])
        Tensor([-0.1587,  0.8413], shape=(2,), dtype=float32)
    """
    return ops.gelu(x, approximate)


def silu(x: Any) -> Tensor:
    """Sigmoid linear unit, also called swish: ``x * sigmoid(x)``.

    Example:
        >>> activations.silu([0.0, 1.0])
        Tensor([0.    , 0.7311], shape=(2,), dtype=float32)
    """
    return ops.silu(x)


def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent.

    Example:
        >>> activations.tanh([0.0, 1.0])
        Tensor([0.    , 0.7616], shape=(2,), dtype=float32)
    """
    return ops.tanh(x)


def sigmoid(x: Any) -> Tensor:
    """Logistic function: ``1 / (1 + exp(-x))``.

    Example:
        >>> activations.sigmoid([0.0, 2.0])
        Tensor([0.5   , 0.8808], shape=(2,), dtype=float32)
    """
    return ops.sigmoid(x)


def hard_sigmoid(x: Any) -> Tensor:
    """Piecewise linear sigmoid: ``relu6(x + 3) / 6``.

    Example:
        >>> activations.hard_sigmoid([-4.0, 0.0, 1.0])
        Tensor([0.    , 0.5   , 0.6667], shape=(3,), dtype=float32)
    """
    return ops.hard_sigmoid(x)


def hard_silu(x: Any) -> Tensor:
    """Piecewise quadratic SiLU: ``x * hard_sigmoid(x)``.

    Example:
        >>> activations.hard_silu([-4.0, 0.0, 1.0])
        Tensor([-0.    ,  0.    ,  0.6667], shape=(3,), dtype=float32)
    """
    return ops.hard_silu(x)


def hard_tanh(x: Any) -> Tensor:
    """The input cut to the interval from -1 to 1.

    Example:
        >>> activations.hard_tanh([-2.0, 0.5, 2.0])
        Tensor([-1. ,  0.5,  1. ], shape=(3,), dtype=float32)
    """
    return ops.hard_tanh(x)


def softplus(x: Any) -> Tensor:
    """Smooth rectifier: ``log(1 + exp(x))``.

    Example:
        >>> activations.softplus([0.0, 2.0])
        Tensor([0.6931, 2.1269], shape=(2,), dtype=float32)
    """
    return ops.softplus(x)


def softsign(x: Any) -> Tensor:
    """The function ``x / (1 + |x|)``.

    Example:
        >>> activations.softsign([-1.0, 3.0])
        Tensor([-0.5 ,  0.75], shape=(2,), dtype=float32)
    """
    return ops.softsign(x)


def log_sigmoid(x: Any) -> Tensor:
    """Logarithm of the sigmoid.

    Example:
        >>> activations.log_sigmoid([0.0, 2.0])
        Tensor([-0.6931, -0.1269], shape=(2,), dtype=float32)
    """
    return ops.log_sigmoid(x)


def mish(x: Any) -> Tensor:
    """The function ``x * tanh(softplus(x))``.

    Source: Keras 3, keras.activations.mish; Misra 2019, "Mish: A Self Regularized Non-Monotonic Activation Function".

    Example:
        >>> activations.mish([-1.0, 1.0])
        Tensor([-0.3034,  0.8651], shape=(2,), dtype=float32)
    """
    return ops.mish(x)


def exponential(x: Any) -> Tensor:
    """The function ``exp(x)``.

    Example:
        >>> activations.exponential([0.0, 1.0])
        Tensor([1.    , 2.7183], shape=(2,), dtype=float32)
    """
    return ops.exp(x)


def softmax(x: Any, axis: int = -1) -> Tensor:
    """Positive values with sum one along an axis.

    Args:
        axis: the axis; negative ones count from the end.

    Example:
        >>> activations.softmax([[0.0, 0.0]])
        Tensor([[0.5, 0.5]], shape=(1, 2), dtype=float32)
    """
    return ops.softmax(x, axis)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """Logarithm of the softmax.

    Args:
        axis: the axis of the softmax; negative ones count from the end.

    Example:
        >>> activations.log_softmax([[0.0, 0.0]])
        Tensor([[-0.6931, -0.6931]], shape=(1, 2), dtype=float32)
    """
    return ops.log_softmax(x, axis)


def glu(x: Any, axis: int = -1) -> Tensor:
    """Gated linear unit: of x, cut into two halves along an axis, the first times the sigmoid of the second.

    Args:
        axis: the axis, of even size; negative ones count from the end.

    Raises:
        ValueError: the axis is out of range or of odd size.

    Source: Keras 3, keras.activations.glu; Dauphin et al. 2017, "Language Modeling with Gated Convolutional Networks".

    Example:
        >>> activations.glu([1.0, 2.0, 0.0, 0.0])
        Tensor([0.5, 1. ], shape=(2,), dtype=float32)
    """
    return ops.glu(x, axis)


def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """The input where its absolute value is above a threshold, else 0.

    Args:
        threshold: half the width of the interval around 0.

    Example:
        >>> activations.hard_shrink([-1.0, 0.2, 1.0])
        Tensor([-1.,  0.,  1.], shape=(3,), dtype=float32)
    """
    return ops.hard_shrink(x, threshold)


def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """The input moved towards 0 by a threshold, and 0 within it.

    Args:
        threshold: the distance.

    Example:
        >>> activations.soft_shrink([-1.0, 0.2, 1.0])
        Tensor([-0.5,  0. ,  0.5], shape=(3,), dtype=float32)
    """
    return ops.soft_shrink(x, threshold)


def tanh_shrink(x: Any) -> Tensor:
    """The function ``x - tanh(x)``.

    Example:
        >>> activations.tanh_shrink([0.0, 1.0])
        Tensor([0.    , 0.2384], shape=(2,), dtype=float32)
    """
    return ops.tanh_shrink(x)


def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """The input above a threshold, else another value.

    Args:
        threshold: the threshold.
        default_value: the value at the threshold and below it.

    Example:
        >>> activations.threshold([-1.0, 0.5, 2.0], 1.0, 0.0)
        Tensor([0., 0., 2.], shape=(3,), dtype=float32)
    """
    return ops.threshold(x, threshold, default_value)


def squareplus(x: Any, b: float = 4) -> Tensor:
    """Smooth rectifier without an exponential function: ``(x + sqrt(x^2 + b)) / 2``.

    Args:
        b: how wide the bend at 0 is.

    Source: Keras 3, keras.activations.squareplus; Barron 2021, "Squareplus: A Softplus-Like Algebraic Rectifier".

    Example:
        >>> activations.squareplus([-2.0, 0.0, 2.0])
        Tensor([0.4142, 1.    , 2.4142], shape=(3,), dtype=float32)
    """
    return ops.squareplus(x, b)


def sparse_plus(x: Any) -> Tensor:
    """The function that is 0 below -1, ``(x + 1)^2 / 4`` between -1 and 1, and x above.

    Source: Keras 3, keras.activations.sparse_plus; Martins and Astudillo 2016, "From Softmax to Sparsemax".

    Example:
        >>> activations.sparse_plus([-2.0, 0.0, 2.0])
        Tensor([0.  , 0.25, 2.  ], shape=(3,), dtype=float32)
    """
    return ops.sparse_plus(x)


def sparse_sigmoid(x: Any) -> Tensor:
    """Piecewise linear sigmoid: ``(x + 1) / 2`` between 0 and 1.

    Example:
        >>> activations.sparse_sigmoid([-2.0, 0.0, 2.0])
        Tensor([0. , 0.5, 1. ], shape=(3,), dtype=float32)
    """
    return ops.sparse_sigmoid(x)


def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """The probabilities nearest to the input along an axis, many of them 0.  Not captured.

    Args:
        axis: the axis; negative ones count from the end.

    Source: Keras 3, keras.activations.sparsemax; Martins and Astudillo 2016, "From Softmax to Sparsemax".

    Example:
        >>> activations.sparsemax([[1.0, 0.5, -1.0]])
        Tensor([[0.75, 0.25, 0.  ]], shape=(1, 3), dtype=float32)
    """
    return ops.sparsemax(x, axis)


swish = silu
hard_swish = hard_silu

_FUNCTIONS: tuple[Activation, ...] = (
    linear, relu, leaky_relu, relu6, elu, selu, celu, gelu, silu, tanh, sigmoid, hard_sigmoid, hard_silu, hard_tanh,
    softplus, softsign, log_sigmoid, mish, exponential, softmax, log_softmax, glu, hard_shrink, soft_shrink,
    tanh_shrink, threshold, squareplus, sparse_plus, sparse_sigmoid, sparsemax,
)  # fmt: skip
_by_name: dict[str, Activation] = {f.__name__: f for f in _FUNCTIONS}
_names: dict[Activation, str] = {f: name for name, f in _by_name.items()}
_by_name |= {"swish": silu, "hard_swish": hard_silu}

FUSED = ("linear", "relu", "tanh", "sigmoid")  # what dense and convolution kernels apply themselves
_fused = {f: name for f, name in _names.items() if name in FUSED}


def fused_name(activation: Any) -> str | None:
    """The name under which kernels apply this activation themselves, or None where it is a step of its own."""
    found = _fused.get(activation)
    return found if found is not None or activation in _names else _named_in_ops(activation, FUSED)


def name_of(activation: Any) -> str | None:
    """The name of a known activation, or None."""
    return _names.get(activation) or _named_in_ops(activation, _by_name)


def _named_in_ops(activation: Any, names: Collection[str]) -> str | None:
    """Functions of lamina.ops given as activation= fuse and save like their namesakes here (gelu's default differs)."""
    name = getattr(activation, "__qualname__", "")  # an alias has its own
    return _names[_by_name[name]] if name in names and name != "gelu" and _is_in_ops(name, activation) else None


def _is_in_ops(name: str, function: Any) -> bool:
    return name in ops.__all__ and getattr(ops, name) is function


@named("activations.get")
def get(identifier: Any) -> Activation:
    """An activation from what names it.

    Args:
        identifier: a name such as "relu", a description, a layer, or a function of a tensor; None means linear.

    Raises:
        ValueError: the name is unknown; the message gives the nearest.

    Example:
        >>> activations.get("relu").__name__
        'relu'
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", identifier).lower()
        if snake in _by_name:
            return _by_name[snake]
        name = identifier.removeprefix("ops.")
        if name in ops.__all__ and name != identifier:
            return getattr(ops, name)
        own = registry.find(identifier)  # a function or a layer of the user's
        if own is None and ">" not in identifier:
            raise unknown("activation", identifier, _by_name)
        own = own or registry.lookup(identifier, what="activation")
        return own() if isinstance(own, type) else own
    if isinstance(identifier, dict):
        identifier = registry.deserialize(identifier)
    if not callable(identifier):
        raise ValueError(f"expected an activation or its name, got {identifier!r}")
    return identifier


@named("activations.serialize")
def serialize(activation: Any) -> Any:
    """The name of a known activation ("ops.gelu" of one of lamina.ops), else the description of a registered one.

    Args:
        activation: the activation.

    Raises:
        TypeError: it has no description.

    Example:
        >>> activations.serialize(activations.relu)
        'relu'
    """
    found = name_of(activation)
    if found is not None:
        return found
    name = getattr(activation, "__name__", "")
    return f"ops.{name}" if _is_in_ops(name, activation) else registry.described(activation)


@named("activations.deserialize")
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Activation:
    """The activation of a name or a description.

    Args:
        config: the name or the description.

    Raises:
        ValueError: the name is unknown.

    Example:
        >>> activations.deserialize("relu").__name__
        'relu'
    """
    with registry.custom_object_scope(custom_objects):
        return get(config)


__all__ = [
    "celu", "deserialize", "elu", "exponential", "gelu", "get", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "serialize", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
]  # fmt: skip

publish(__name__)
