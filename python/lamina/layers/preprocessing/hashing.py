"""Text and integers as bins by hash values: Hashing, HashedCrossing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.arrays import to_numbers
from ...core.autograd import Array, Tensor, wrap
from .. import arguments
from ..options import LayerOptions, UnnamedUntypedOptions, Unpack
from .category_layer import CategoryLayer, is_text, salt_of, text_array, values
from .hash_functions import bins, fingerprint, join_fingerprints, of_each

_CROSSING_KEY = 0xDECAFCAFFE


def _objects(label: str, x: Any) -> Array:
    """Text or integers as an array; floats lose their decimals."""
    if is_text(x):
        return text_array("the input", x)
    numbers = values(label, x) if isinstance(x, Tensor) else to_numbers("the input", x)
    return numbers.astype(np.int64) if numbers.dtype.kind == "f" else numbers


class Hashing(CategoryLayer):
    """Text or integers as bins: the rest of their hash value (FarmHash64) by the number of bins.

    Equal values have equal bins, in TensorFlow's layer, too; different ones may share a bin.  Its work is Python's:
    steps that contain it are not captured.

    Args:
        num_bins: how many bins there are, a positive integer.
        mask_value: a value that alone has bin 0; None for none.
        salt: an integer or two: SipHash64 under this key in place of FarmHash64.
        output_mode: "int", the bin; "one_hot", "multi_hot" or "count" as in CategoryEncoding.
        **kwargs: options of every layer; ``dtype`` is that of the result, an integer type with "int".

    Call args:
        inputs: text, nested lists or an array of it, or integers; floats lose their decimals.

    Input shape: any.

    Output shape: the input's, int64; in other modes that of CategoryEncoding.

    Raises:
        ValueError: an option is out of range or unknown; lists of text have different lengths.
        TypeError: the input is neither text nor numbers.

    Source: Keras 3, Hashing.

    Example:
        >>> layers.Hashing(num_bins=10)(np.array(["red", "green", "red"])).shape
        (3,)
    """

    _keeps_numbers = _takes_text = True

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        dtype = kwargs.pop("dtype", None)
        super().__init__(**kwargs)
        self.num_bins = arguments.positive(self, "num_bins", num_bins)
        self.mask_value, self.salt = mask_value, salt_of(self, salt)
        self._set_mode(output_mode, sparse, dtype)

    def call(self, inputs: Any) -> Tensor:
        given = _objects(self._label(), inputs)
        if self.mask_value is None or self.num_bins == 1:
            found = bins(given, self.num_bins, self.salt)
        else:
            found = np.where(given == self.mask_value, 0, bins(given, self.num_bins - 1, self.salt) + 1)
        return self._encoded(wrap(np.ascontiguousarray(found)))

    @property
    def _depth(self) -> int:
        return self.num_bins


class HashedCrossing(CategoryLayer):
    """Two or more features as one: the bin of the hash value of all of them together.

    Its work is Python's: steps that contain it are not captured.

    Args:
        num_bins: how many bins there are, a positive integer.
        output_mode: "int", the bin, or "one_hot", a row of ``num_bins`` numbers.
        dtype: type of the result; None means int64 with "int", else ``config.floatx()``.

    Call args:
        inputs: a list of features, text or integers, of one shape.

    Input shape: a list of (N,), (N, 1) or single values.

    Output shape: the features', int64; with "one_hot" (N, num_bins).

    Raises:
        ValueError: there is one feature alone; the shapes differ or have more axes; an option is out of range.
        TypeError: a feature holds floats.

    Source: Keras 3, HashedCrossing.

    Example:
        >>> cross = layers.HashedCrossing(num_bins=5)
        >>> cross((np.array(["A", "B"]), np.array([1, 2]))).shape
        (2,)
    """

    _modes = ("int", "one_hot")
    _keeps_numbers = _takes_text = True

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Unpack[UnnamedUntypedOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_bins = arguments.positive(self, "num_bins", num_bins)
        self._set_mode(output_mode, sparse, dtype)

    def call(self, inputs: Any) -> Tensor:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError("expected a list of two features or more")
        features = [_objects(self._label(), x) for x in inputs]
        shape, *_ = (x.shape for x in features)
        for given, x in zip(inputs, features, strict=True):
            if x.ndim > 2 or (x.ndim == 2 and x.shape[1] != 1) or x.shape != shape:
                shapes = [f.shape for f in features]
                raise ValueError(f"the features have shapes {shapes}, expected (N,), (N, 1) or (), all the same")
            if getattr(getattr(given, "dtype", None), "kind", "i") == "f":
                raise TypeError(f"a feature has dtype {given.dtype}, expected text or integers")
        crossed = np.full(shape, _CROSSING_KEY, object)
        for x in features:
            each = x if x.dtype.kind != "O" else of_each(x, lambda s: fingerprint(s.encode()))
            pairs = zip(crossed.ravel(), each.ravel().tolist(), strict=True)
            crossed.ravel()[:] = [join_fingerprints(a, b & (2**64 - 1)) for a, b in pairs]
        found = np.array([c % self.num_bins for c in crossed.ravel()], np.int64).reshape(crossed.shape)
        return self._encoded(wrap(found))

    @property
    def _depth(self) -> int:
        return self.num_bins

    def compute_output_shape(self, input_shape: Any) -> Any:
        shapes = [tuple(s) for s in input_shape]
        if len(shapes) < 2 or len(set(shapes)) != 1:
            raise ValueError(f"the features have shapes {shapes}, expected two or more, all the same")
        return super().compute_output_shape(shapes.pop())


__all__ = ["HashedCrossing", "Hashing"]
