"""Keras's data sets: from its cache (``KERAS_HOME``), a file of one's own, or downloaded."""

from ..core.rooms import publish as _publish
from . import boston_housing, california_housing, cifar10, cifar100, fashion_mnist, imdb, mnist, reuters

__all__ = [
    "boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist", "imdb", "mnist", "reuters",
]  # fmt: skip

_publish(__name__)
