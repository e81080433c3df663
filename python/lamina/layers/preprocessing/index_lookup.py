"""A vocabulary and the indices of its tokens: what lookups of text and of integers share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ...config import floatx
from ...core.arrays import to_numbers
from ...core.autograd import Array, Tensor
from ...core.explain import show
from ...core.recording import forbid_capture, note_change
from .. import arguments
from ..options import UnnamedOptions, UnnamedUntypedOptions, Unpack
from .category_layer import CategoryLayer, salt_of


class LookupOptions(UnnamedOptions, total=False):
    """Those of layers, and what configurations hold besides."""

    vocabulary_size: int | None
    has_input_vocabulary: bool | None


class IndexLookup(CategoryLayer):
    """Base of lookups.  Indices: the mask token if there is one and the mode is "int", then those of unknown tokens,
    then the vocabulary."""

    _modes = ("int", "one_hot", "multi_hot", "count", "tf_idf")

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        salt: Any,
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Unpack[UnnamedUntypedOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        if max_tokens is not None and arguments.positive(self, "max_tokens", max_tokens) < 2:
            raise ValueError(f"{self._label()}: max_tokens must be greater than 1, got {max_tokens}")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"{self._label()}: pad_to_max_tokens=True needs max_tokens")
        self.max_tokens, self.pad_to_max_tokens = max_tokens, bool(pad_to_max_tokens)
        self.num_oov_indices = arguments.positive(self, "num_oov_indices", num_oov_indices, 0)
        self.mask_token, self.oov_token, self.invert = mask_token, oov_token, bool(invert)
        self.salt = salt_of(self, salt)
        self._set_mode(output_mode, sparse, None if output_mode == "int" else dtype)
        if self.invert and self.output_mode != "int":
            raise ValueError(f"{self._label()}: invert=True needs output_mode='int', got {output_mode!r}")
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(f"{self._label()}: idf_weights are for output_mode='tf_idf', not {output_mode!r}")
        self._tokens: list[Any] | None = None
        self._idf: Array | None = None  # one for each index, as many as the vocabulary has
        self._given = vocabulary is not None if has_input_vocabulary is None else bool(has_input_vocabulary)
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # ---- what text and integers do differently ----

    def _token(self, value: Any) -> Any:
        """A token as it stands in the vocabulary."""
        raise NotImplementedError

    def _batch(self, data: Any) -> list[list[Any]]:
        """The documents of a batch, each a list of tokens."""
        raise NotImplementedError

    def _took_vocabulary(self) -> None:
        """The vocabulary is another."""

    # ---- vocabulary ----

    @property
    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def _inverted(self) -> list[Any]:
        """The token of every index, and behind them that of all other numbers."""
        return [*self._special, *self._vocabulary(), self.oov_token]

    def _vocabulary(self) -> list[Any]:
        if self._tokens is None:
            raise ValueError("there is no vocabulary yet: call adapt(data), or give vocabulary")
        return self._tokens

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: whether the mask token and those of unknown ones stand before, so that places are
                indices.
        """
        tokens = list(self._tokens or [])
        return self._special + tokens if include_special_tokens else tokens

    def vocabulary_size(self) -> int:
        """How many indices there are, those of the mask and of unknown tokens, too."""
        return self._token_start + len(self._tokens or [])

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary; the one before is forgotten.

        Args:
            vocabulary: the tokens in order, with the special ones before them or without; or the path of a text file
                with one in a line.
            idf_weights: with "tf_idf", the weight of each token.

        Raises:
            ValueError: a token comes twice or is a special one; there are more than ``max_tokens``, or none; the file
                does not exist; weights are missing or differ in number.
            TypeError: a token is of another type.
        """
        forbid_capture(f"{self._label()} took a vocabulary in the step")
        self._take(self._listed(vocabulary), idf_weights)

    def _listed(self, vocabulary: Any) -> list[Any]:
        if isinstance(vocabulary, (str, os.PathLike)):
            path = os.fspath(vocabulary)
            if not os.path.exists(path):
                raise ValueError(f"{self._label()}: there is no vocabulary file {path!r}")
            with open(path, encoding=getattr(self, "encoding", "utf-8")) as file:
                return [self._token(line.rstrip("\r\n")) for line in file]
        if not isinstance(vocabulary, (list, tuple, np.ndarray, Tensor)):
            raise TypeError(f"{self._label()}: vocabulary must be a list of tokens or a path, got {show(vocabulary)}")
        values = np.asarray(vocabulary).tolist() if isinstance(vocabulary, (np.ndarray, Tensor)) else vocabulary
        return [self._token(v) for v in values]

    def _take(self, listed: list[Any], idf_weights: Any) -> None:
        start = self._token_start
        with_special = bool(start) and listed[:start] == self._special
        tokens = listed[start:] if with_special else listed
        if not listed:
            raise ValueError(f"{self._label()}: the vocabulary is empty")
        twice = [t for t, n in Counter(tokens).items() if n > 1]
        if twice:
            raise ValueError(f"{self._label()}: the vocabulary holds {twice[0]!r} more than once")
        for name, token in (("mask_token", self.mask_token), ("oov_token", self.oov_token if self.invert else None)):
            if token is not None and token in tokens:
                raise ValueError(
                    f"{self._label()}: the vocabulary holds {name} {token!r} at place {listed.index(token)}; leave "
                    f"special tokens out, or begin with {self._special}"
                )
        size = start + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(f"{self._label()}: a vocabulary of {size} is larger than max_tokens={self.max_tokens}")
        idf = self._checked_weights(idf_weights, len(listed))
        if idf is not None and not with_special:
            idf = np.concatenate([np.full(start, idf.mean()), idf])
        self._tokens, self._idf = tokens, idf
        self._took_vocabulary()
        note_change(self, "vocabulary")

    def _checked_weights(self, weights: Any, n: int) -> Array | None:
        if self.output_mode != "tf_idf":
            if weights is not None:
                raise ValueError(f"{self._label()}: idf_weights are for output_mode='tf_idf', not {self.output_mode!r}")
            return None
        if weights is None:
            raise ValueError(f"{self._label()}: output_mode='tf_idf' needs idf_weights beside the vocabulary")
        row = to_numbers(f"{self._label()}: idf_weights", weights).astype(np.float64)
        if row.shape != (n,):
            raise ValueError(f"{self._label()}: idf_weights are {row.shape}, expected one for each of {n} tokens")
        return row

    # ---- adapt ----

    @property
    def _adapts(self) -> bool:
        """Whether it takes its vocabulary from data."""
        return not self._given

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the tokens of data as the vocabulary: the more often, the earlier, equals from large to small.

        Args:
            data: a list or an array of tokens, or of lists of them; or an iterable of batches.
            steps: how many batches of an iterable are taken; None takes all.

        Raises:
            ValueError: the vocabulary was given to the constructor.
            TypeError: ``data`` is neither.
        """
        self.reset_state()
        if isinstance(data, (list, tuple, np.ndarray, Tensor)):
            self.update_state([[token] for token in np.asarray(data, object)] if _rank(data) == 1 else data)
        elif isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
            for batch in islice(data, steps):
                self.update_state(batch[0] if isinstance(batch, tuple) else batch)
        else:
            raise TypeError(f"{self._label()}: adapt expected a list, an array or batches, got {show(data)}")
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch for ``finalize_state``.

        Args:
            data: a list or an array of tokens, one document, or of lists of them, several.

        Raises:
            ValueError: the vocabulary was given to the constructor.
        """
        forbid_capture(f"{self._label()} was adapted in the step")
        if self._given:
            raise ValueError(f"{self._label()}: adapt would change the vocabulary that the constructor was given")
        for document in self._batch(data):
            self._counts.update(document)
            self._documents += 1
            self._in_documents.update(set(document))

    def finalize_state(self) -> None:
        """Make the vocabulary of what ``update_state`` has counted."""
        if self._given or not self._counts:
            return
        for special in (self.mask_token, self.oov_token):
            self._counts.pop(special, None)
        most = None if self.max_tokens is None else self.max_tokens - self._token_start
        tokens = sorted(self._counts, key=lambda t: (self._counts[t], t), reverse=True)[:most]
        idf = None
        if self.output_mode == "tf_idf":
            seen = np.array([self._in_documents[t] for t in tokens], np.float64)
            idf = np.log(1 + self._documents / (1 + seen))
        if tokens:
            self._take(tokens, idf)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what ``update_state`` has counted."""
        self._counts: Counter[Any] = Counter()
        self._in_documents: Counter[Any] = Counter()
        self._documents = 0

    # ---- results ----

    @property
    def _depth(self) -> int:
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens is not None else self.vocabulary_size()

    def _encoded(self, indices: Tensor, weights: Any = None) -> Tensor:
        rows = super()._encoded(indices, weights)
        if self.output_mode != "tf_idf":
            return rows
        if self._idf is None:
            raise ValueError("there are no idf_weights yet: call adapt(data), or give them with the vocabulary")
        idf = np.zeros(self._depth, self._out)
        idf[: self._idf.size] = self._idf
        return rows * idf

    def get_config(self) -> dict[str, Any]:
        names = ("max_tokens", "num_oov_indices", "mask_token", "oov_token", "invert", "output_mode", "sparse")
        config = self._config(*names, "pad_to_max_tokens", "salt")
        config["vocabulary"] = config["idf_weights"] = None
        if self._tokens is not None:
            config["vocabulary"] = self.get_vocabulary(self._idf is not None)
            config["idf_weights"] = None if self._idf is None else self._idf.tolist()
            config["has_input_vocabulary"] = self._given
        base = self._base_config() | {"dtype": floatx() if self.output_mode == "int" else self._out.name}
        return base | config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that a configuration describes, with its vocabulary.

        Args:
            config: what ``get_config`` returned.

        Raises:
            ValueError: the configuration holds an argument that is unknown, or a path in place of the vocabulary.
        """
        if isinstance(config.get("vocabulary"), str):
            raise ValueError(
                f"{cls.__name__}: the configuration names the vocabulary file {config['vocabulary']!r}, which is not "
                "read; give set_vocabulary() the path"
            )
        return super().from_config(config)


def _rank(x: Any) -> int:
    """How deep lists are nested; arrays' axes."""
    if isinstance(x, (np.ndarray, Tensor)):
        return x.ndim
    return 1 + max((_rank(v) for v in x), default=0) if isinstance(x, (list, tuple)) else 0


def documents_of(x: Any) -> list[Any]:
    """A batch of tokens as its rows, what lies in the last axis; one row of a single document."""
    rank = _rank(x)
    if rank == 0:
        return [[x]]
    if rank == 1:
        return [list(x)]
    rows: Sequence[Any] = x
    for _ in range(rank - 2):
        rows = [part for row in rows for part in row]
    return [list(row) for row in rows]
