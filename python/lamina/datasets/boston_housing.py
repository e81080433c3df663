"""Prices of houses in Boston."""

from __future__ import annotations

from typing import Any

from ..core.explain import named
from ..core.rooms import publish
from .housing import divided
from .sources import GOOGLE, Split, check_test_split, file_of

_WHAT = "boston_housing.load_data"
_CHECKSUM = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


@named(_WHAT)
def load_data(path: Any = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Split:
    """506 suburbs of Boston: 13 numbers of each, and the median price of a house in thousands of dollars.

    One column, "B", was made from the share of black residents on the assumption that it decides prices: use the data
    to talk about such choices, and ``california_housing`` for anything else.

    Args:
        path: name of the file in the cache, where it is downloaded to; or, with a folder, the path of a file that is
            read as it is.
        test_split: share of the rows to test on.
        seed: seed of the order of rows.

    Returns: ``(x_train, y_train), (x_test, y_test)``: float64 rows (N, 13) and prices (N,).

    Raises:
        ConnectionError: it is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: ``test_split`` is no fraction; the file is another one.
        FileNotFoundError: there is no file at the path.

    Source: Keras 3, keras.datasets.boston_housing.load_data; StatLib, Carnegie Mellon University.

    Example:
        >>> np.savez("own.npz", x=np.zeros((10, 13)), y=np.arange(10.0))
        >>> (x_train, y_train), (x_test, y_test) = datasets.boston_housing.load_data("./own.npz")
        >>> x_train.shape, x_test.shape
        ((8, 13), (2, 13))
    """
    check_test_split(_WHAT, test_split)
    return divided(_WHAT, file_of(_WHAT, path, f"{GOOGLE}boston_housing.npz", _CHECKSUM), test_split, seed)


__all__ = ["load_data"]

publish(__name__)
