"""Weight initializers with Keras 3's names, arguments and distributions.

An initializer is called as ``initializer(shape, dtype=None)`` and returns a Tensor.  ``seed=None`` draws from the
process-wide generator (``lamina.random.seed``), an integer gives the same values at every call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import registry
from ..core.autograd import Tensor
from ..core.rooms import publish
from ..core.weight_function import find
from .base import Initializer
from .fixed import STFT, Constant, Identity, Ones, Zeros
from .random_values import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from .variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

_CLASSES: tuple[type[Initializer], ...] = (
    Zeros, Ones, Constant, Identity, RandomNormal, TruncatedNormal, RandomUniform, VarianceScaling, GlorotUniform,
    GlorotNormal, LecunUniform, LecunNormal, HeUniform, HeNormal, Orthogonal, STFT,
)  # fmt: skip
registry.add_known(_CLASSES, "initializer", Initializer)

_by_name: dict[str, type[Initializer]] = {}
for _cls in _CLASSES:
    _by_name[_cls.__name__] = _by_name[re.sub(r"(?<!^)(?=[A-Z])", "_", _cls.__name__).lower()] = _cls
_by_name |= {"zero": Zeros, "one": Ones, "normal": RandomNormal, "uniform": RandomUniform, "stft": STFT}
_by_name |= {"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal, "STFTInitializer": STFT}

IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT  # Keras's names
stft = STFT
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling
glorot_uniform, glorot_normal, lecun_uniform, lecun_normal = GlorotUniform, GlorotNormal, LecunUniform, LecunNormal
he_uniform, he_normal = HeUniform, HeNormal


def get(identifier: Any) -> Callable[..., Any]:
    """An initializer from what names it.

    Args:
        identifier: a name such as "zeros", a class, a description, an array (the values themselves), or a function
            f(shape, dtype).

    Raises:
        ValueError: the name is unknown; the message gives the nearest.

    Example:
        >>> type(initializers.get("he_normal")).__name__
        'HeNormal'
    """
    if isinstance(identifier, (np.ndarray, Tensor)):
        return Constant(np.asarray(identifier))
    found = find("initializer", identifier, _by_name)
    if found is None:
        raise ValueError("expected an initializer or its name, got None")
    return found


def serialize(initializer: Any) -> Any:
    """The description that ``get`` and ``deserialize`` take.

    Args:
        initializer: the initializer.

    Raises:
        TypeError: it has no description.

    Example:
        >>> initializers.serialize(initializers.Constant(0.5))["config"]
        {'value': 0.5}
    """
    return registry.described(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer of a description or a name.

    Args:
        config: the description.

    Raises:
        ValueError: it names a class that is unknown.

    Example:
        >>> type(initializers.deserialize(initializers.serialize(initializers.HeNormal()))).__name__
        'HeNormal'
    """
    with registry.custom_object_scope(custom_objects):
        return get(config)


__all__ = [
    "STFT", "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "IdentityInitializer",
    "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomNormal",
    "RandomUniform", "STFTInitializer", "TruncatedNormal", "VarianceScaling", "Zeros", "constant", "deserialize",
    "get", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal",
    "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize", "stft",
    "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip

publish(__name__)
