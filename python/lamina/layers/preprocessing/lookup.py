"""StringLookup and IntegerLookup: tokens as indices and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...core.arrays import about, to_numbers
from ...core.autograd import Array, Tensor, wrap
from ...core.explain import is_index
from ...core.recording import forbid_capture
from ...core.suggest import unknown
from ..options import Unpack
from .category_layer import DROPPED, integers, places, text_array, values
from .hash_functions import bins
from .index_lookup import IndexLookup, LookupOptions, documents_of


class StringLookup(IndexLookup):
    """Text as indices of a vocabulary, or with ``invert`` indices as text.

    Index 0 is the mask token's if there is one, then come ``num_oov_indices`` indices for what is not in the
    vocabulary, then the vocabulary.  Its work is Python's: steps that contain it are not captured, and a model's
    inputs are numbers, so it stands before a model.

    Args:
        mask_token: what stands for no token: index 0 with "int", and counts nowhere in other modes; None for none.
        oov_token: what ``invert`` gives for indices of unknown tokens.
        encoding: how bytes and vocabulary files are decoded.
        salt: an integer or two: SipHash64 under this key chooses among several indices for unknown tokens.

    Call args:
        inputs: text, nested lists or an array of it; with ``invert`` integers.

    Input shape: any; for rows of counts (..., n).

    Output shape: the input's; in other modes that of CategoryEncoding, with the vocabulary's size for ``num_tokens``.
        With ``invert`` a NumPy array of text.

    Raises:
        ValueError: an option is out of range or unknown; there is no vocabulary yet; a token is unknown and
            ``num_oov_indices=0``.
        TypeError: the input is no text.

    Source: Keras 3, StringLookup.

    Example:
        >>> layer = lamina.layers.StringLookup(vocabulary=["a", "b", "c"])
        >>> layer(["a", "c", "d"]).numpy()
        array([1, 3, 0])
    """

    _keeps_numbers = _takes_text = True
    encoding: str

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Unpack[LookupOptions],
    ) -> None:
        self.__dict__["encoding"] = encoding  # a vocabulary file is read with it
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse,
            pad_to_max_tokens, salt, name=name, **kwargs,
        )  # fmt: skip

    def _token(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return value.decode(self.encoding)
        if not isinstance(value, str):
            raise TypeError(f"{self._label()}: expected text as tokens, got {about(value)}")
        return str(value)

    def _batch(self, data: Any) -> list[list[Any]]:
        return [[self._token(v) for v in row] for row in documents_of(data)]

    def _took_vocabulary(self) -> None:
        if self.invert:
            self._by_index = np.array(self._inverted(), object)
            return
        index = {token: i for i, token in enumerate(self._vocabulary(), self._token_start)}
        if self.mask_token is not None:
            index[self.mask_token] = 0 if self.output_mode == "int" else DROPPED
        self._index = index

    def _indices(self, text: Array) -> Array:
        """The index of every token of an array of str."""
        known, flat = self._index if self._tokens is not None else {}, text.ravel().tolist()
        self._vocabulary()
        found = np.array([known.get(token, -2) for token in flat], np.int64).reshape(text.shape)
        missing = found == -2
        if missing.any():
            if self.num_oov_indices == 0:
                raise ValueError(f"{text[missing][0]!r} is not in the vocabulary; num_oov_indices=1 takes unknown ones")
            others: Any = 0 if self.num_oov_indices == 1 else bins(text[missing], self.num_oov_indices, self.salt)
            found[missing] = self._oov_start + others
        return found

    def call(self, inputs: Any) -> Any:
        if not self.invert:
            return self._encoded(wrap(self._indices(text_array("the input", inputs, self.encoding))))
        self._vocabulary()
        x = inputs if isinstance(inputs, Tensor) else wrap(np.asarray(to_numbers("the input", inputs)))
        given, unknown_place = values(self._label(), x).astype(np.int64), self._by_index.size - 1
        return self._by_index[np.minimum(np.where(given < 0, unknown_place, given), unknown_place)]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"encoding": self.encoding}


class IntegerLookup(IndexLookup):
    """Integers as indices of a vocabulary, or with ``invert`` indices as integers.

    Index 0 is the mask token's if there is one, then come ``num_oov_indices`` indices for what is not in the
    vocabulary, then the vocabulary.  It may stand in a model; steps are captured unless ``num_oov_indices=0`` or
    ``oov_method="farmhash"``.

    Args:
        mask_token: what stands for no token: index 0 with "int", and counts nowhere in other modes; None for none.
        oov_token: what ``invert`` gives for indices of unknown tokens.
        vocabulary_dtype: type of the tokens, "int64".
        oov_method: which of several indices an unknown token has: "floormod", the token modulo their number;
            "farmhash", its hash value.
        salt: with "farmhash", an integer or two: SipHash64 under this key in place of FarmHash64.

    Call args:
        inputs: integers.

    Input shape: any; for rows of counts (..., n).

    Output shape: the input's; in other modes that of CategoryEncoding, with the vocabulary's size for ``num_tokens``.

    Raises:
        ValueError: an option is out of range or unknown; there is no vocabulary yet; a token is unknown and
            ``num_oov_indices=0``.
        TypeError: the vocabulary holds other things than integers.

    Source: Keras 3, IntegerLookup.

    Example:
        >>> layers.IntegerLookup(vocabulary=[12, 36, 1138])([[12, 1138, 7]])
        Tensor([[1, 3, 0]], shape=(1, 3), dtype=int64)
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Unpack[LookupOptions],
    ) -> None:
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse,
            pad_to_max_tokens, salt, name=name, **kwargs,
        )  # fmt: skip
        if vocabulary_dtype != "int64":
            raise ValueError(f"{self._label()}: vocabulary_dtype must be 'int64', got {vocabulary_dtype!r}")
        self.vocabulary_dtype = vocabulary_dtype
        if oov_method not in ("floormod", "farmhash"):
            raise unknown(f"oov_method of {self._label()}", oov_method, ("floormod", "farmhash"))
        self.oov_method = oov_method
        if self.salt is not None and self.oov_method != "farmhash":
            raise ValueError(f"{self._label()}: salt needs oov_method='farmhash', got {oov_method!r}")

    def _token(self, value: Any) -> Any:
        try:
            return int(self._whole(int(value) if isinstance(value, str) else value))
        except ValueError as error:
            if not isinstance(value, str):
                raise
            raise ValueError(f"{self._label()}: expected integers as tokens, got {value!r}") from error

    def _whole(self, value: Any) -> Any:
        if not is_index(value):
            raise TypeError(f"{self._label()}: expected integers as tokens, got {value!r}")
        if not -(2**63) <= int(value) < 2**63:
            raise ValueError(f"{self._label()}: the token {value} has more than 64 bits")
        return value

    def _batch(self, data: Any) -> list[list[Any]]:
        numbers = to_numbers(f"{self._label()}: adapt", data)
        if numbers.dtype.kind == "f":
            raise TypeError(f"{self._label()}: adapt expected integers, got {numbers.dtype}")
        return documents_of(numbers.tolist() if numbers.ndim else [numbers.item()])

    def _took_vocabulary(self) -> None:
        if self.invert:
            self._by_index = np.array(self._inverted(), np.int64)
            return
        row = np.array(self._vocabulary(), np.int64)
        order = np.argsort(row, kind="stable")
        self._sorted, self._index_of_sorted = row[order], order + self._token_start

    def call(self, inputs: Any) -> Any:
        self._vocabulary()
        x = integers("the input", inputs)
        if self.invert:
            unknown_place = self._by_index.size - 1
            inside = ops.logical_and(ops.greater_equal(x, 0), ops.less(x, unknown_place))
            return ops.take(self._by_index, ops.where(inside, x, unknown_place))
        place = ops.minimum(places(self._sorted, x), self._sorted.size - 1)
        known = ops.equal(ops.take(self._sorted, place), x)
        found = ops.where(known, ops.take(self._index_of_sorted, place), self._unknown(x, known))
        if self.mask_token is not None:
            masked = 0 if self.output_mode == "int" else DROPPED
            found = ops.where(ops.equal(x, int(self.mask_token)), np.int64(masked), found)
        return self._encoded(found)

    def _unknown(self, x: Tensor, known: Tensor) -> Any:
        """The indices of tokens that are not in the vocabulary."""
        if self.num_oov_indices == 0:
            forbid_capture(f"{self._label()} looks for unknown tokens in Python")  # for an error alone
            missing = ~known._array
            if self.mask_token is not None:
                missing &= x._array != self.mask_token
            if missing.any():
                token = x._array[missing][0]
                raise ValueError(f"{token} is not in the vocabulary; num_oov_indices=1 takes unknown ones")
            return np.int64(0)  # 0 is free: it stands nowhere
        if self.num_oov_indices == 1:
            return np.int64(self._oov_start)
        if self.oov_method == "farmhash":
            return wrap(bins(values(self._label(), x), self.num_oov_indices, self.salt) + self._oov_start)
        return ops.add(ops.mod(x, np.int64(self.num_oov_indices)), np.int64(self._oov_start))

    def get_config(self) -> dict[str, Any]:
        own = {"vocabulary_dtype": self.vocabulary_dtype, "oov_method": self.oov_method}
        return super().get_config() | own


__all__ = ["IntegerLookup", "StringLookup"]
