"""Prices of houses in California."""

from __future__ import annotations

from typing import Any

from ..core.explain import named
from ..core.rooms import publish
from ..core.suggest import unknown
from .housing import divided
from .sources import GOOGLE, Split, check_test_split, file_of

_WHAT = "california_housing.load_data"
_CHECKSUM = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"


@named(_WHAT)
def load_data(
    version: str = "large", path: Any = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Split:
    """20,640 districts of California: 8 numbers of each, and the median price of a house in dollars.

    Args:
        version: "large", all districts; "small", the first 600, which lie around San Francisco Bay.
        path: name of the file in the cache, where it is downloaded to; or, with a folder, the path of a file that is
            read as it is.
        test_split: share of the rows to test on.
        seed: seed of the order of rows.

    Returns: ``(x_train, y_train), (x_test, y_test)``: float32 rows (N, 8) and prices (N,).

    Raises:
        ConnectionError: it is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: ``version`` is unknown; ``test_split`` is no fraction; the file is another one.
        FileNotFoundError: there is no file at the path.

    Source: Keras 3, keras.datasets.california_housing.load_data; R. K. Pace, R. Barry, Sparse Spatial Autoregressions
        (1997).

    Example:
        >>> np.savez("own.npz", x=np.zeros((1000, 8)), y=np.zeros(1000))
        >>> (x_train, y_train), (x_test, y_test) = datasets.california_housing.load_data("small", "./own.npz")
        >>> x_train.shape, x_test.shape
        ((480, 8), (120, 8))
    """
    check_test_split(_WHAT, test_split)
    if version not in ("large", "small"):
        raise unknown(f"version of {_WHAT}", version, ("large", "small"))
    file = file_of(_WHAT, path, f"{GOOGLE}california_housing.npz", _CHECKSUM)
    return divided(_WHAT, file, test_split, seed, 600 if version == "small" else None)


__all__ = ["load_data"]

publish(__name__)
