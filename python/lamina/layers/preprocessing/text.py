"""TextVectorization: sentences as rows of token indices."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np

from ...core import registry
from ...core.autograd import Array, Tensor, wrap
from ...core.explain import show
from ...core.suggest import unknown
from .. import arguments
from ..base import Layer
from ..options import Unpack
from ..symbolic import Shape
from .category_layer import DROPPED, text_array
from .index_lookup import LookupOptions
from .lookup import StringLookup

_LOWER = {ord(c): c.lower() for c in string.ascii_uppercase}
_WITHOUT_PUNCTUATION = {ord(c): None for c in string.punctuation}
_STANDARDS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLITS = ("whitespace", "character")
_GAPS = re.compile(r"[ \t\n\r\f\v]+")


class TextVectorization(Layer):
    """Sentences as rows of numbers: standardize, split into tokens, perhaps join neighbours, look up.

    Index 0 is for padding, 1 for what is not in the vocabulary; in other modes than "int" there is no padding, and 0 is
    for what is not in the vocabulary.  Its work is Python's: it stands before a model, whose inputs are numbers.

    Args:
        max_tokens: the largest size of the vocabulary, with the special tokens; None for no limit.
        standardize: "lower_and_strip_punctuation", "lower" or "strip_punctuation", which concern ASCII alone; a
            function of an array of text; None for nothing.
        split: "whitespace", "character", a function of an array of sentences that gives a list of tokens for each, or
            None, if each text is a token.
        ngrams: None; an integer n, which adds all runs of 2 to n tokens; or a tuple of the lengths of runs.
        output_sequence_length: with "int", the length of every row, cut off or padded with 0; None takes the longest.
        ragged: an option of Keras that is not supported: anything but the default is a ValueError.
        encoding: how bytes and vocabulary files are decoded.

    Call args:
        inputs: text (N,) or (N, 1), or a single one: lists or an array.

    Input shape: (N,) or (N, 1).

    Output shape: (N, length), int64; in other modes (N, vocabulary's size) or (N, ``max_tokens``).

    Raises:
        ValueError: an option is out of range or unknown, or does not fit the mode; there is no vocabulary yet; the
            input has other axes.
        TypeError: the input is no text; ``standardize`` or ``split`` gives something else.

    Source: Keras 3, TextVectorization.

    Example:
        >>> layer = lamina.layers.TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["The cat sat.", "The dog sat!"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'the', 'sat', 'dog', 'cat']
        >>> layer(["The cat, the fox"]).numpy()
        array([[2, 5, 2, 1]])
    """

    _keeps_numbers = _takes_text = True

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Unpack[LookupOptions],
    ) -> None:
        own: Any = {key: kwargs.pop(key) for key in ("vocabulary_size", "has_input_vocabulary") if key in kwargs}
        super().__init__(name=name, **kwargs)  # type: ignore[misc]  # those are gone
        self.standardize = _known_or_function(self, "standardize", standardize, _STANDARDS)
        self.split = _known_or_function(self, "split", split, _SPLITS)
        arguments.refuse(self, ragged=ragged)
        sizes = (ngrams,) if not isinstance(ngrams, (tuple, list)) else tuple(ngrams)
        for n in () if ngrams is None else sizes:
            arguments.positive(self, "ngrams", n)
        self.ngrams = tuple(ngrams) if isinstance(ngrams, list) else ngrams
        self.encoding = encoding
        self._lookup = StringLookup(
            max_tokens, mask_token="", vocabulary=vocabulary, idf_weights=idf_weights, output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens, sparse=sparse, encoding=encoding, name=self.name, **own,
        )  # fmt: skip
        self.output_mode = self._lookup.output_mode
        if output_sequence_length is not None:
            if self.output_mode != "int":
                raise ValueError(f"{self._label()}: output_sequence_length is for output_mode='int'")
            arguments.positive(self, "output_sequence_length", output_sequence_length)
        self.output_sequence_length = output_sequence_length
        self._built = True

    # ---- vocabulary ----

    @property
    def _adapts(self) -> bool:
        """Whether it takes its vocabulary from data."""
        return self._lookup._adapts

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Take the tokens of sentences as the vocabulary: the more often, the earlier, equals from large to small.

        Args:
            data: a list or an array of text; or an iterable of batches.
            batch_size: an option of Keras without effect here.
            steps: how many batches of an iterable are taken; None takes all.

        Raises:
            ValueError: the vocabulary was given to the constructor.
            TypeError: ``data`` is neither.
        """
        self.reset_state()
        if isinstance(data, (list, tuple, np.ndarray)):
            self.update_state(data)
        elif isinstance(data, Iterable) and not isinstance(data, (str, bytes)):
            for batch in islice(data, steps):
                self.update_state(batch[0] if isinstance(batch, tuple) else batch)
        else:
            raise TypeError(f"{self._label()}: adapt expected a list, an array or batches, got {show(data)}")
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch for ``finalize_state``.

        Args:
            data: sentences.
        """
        rows = self._tokens_of(data)
        self._lookup.update_state(rows if self.split is not None else [[token] for row in rows for token in row])

    def finalize_state(self) -> None:
        """Make the vocabulary of what ``update_state`` has counted."""
        self._lookup.finalize_state()

    def reset_state(self) -> None:
        """Forget what ``update_state`` has counted."""
        self._lookup.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: whether the padding and the unknown token stand before, so that places are indices.
        """
        return self._lookup.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many indices there are, those of padding and of unknown tokens, too."""
        return self._lookup.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary; the one before is forgotten.

        Args:
            vocabulary: the tokens in order, with the special ones before them or without; or the path of a text file
                with one in a line.
            idf_weights: with "tf_idf", the weight of each token.
        """
        self._lookup.set_vocabulary(vocabulary, idf_weights)

    # ---- sentences ----

    def _tokens_of(self, inputs: Any) -> list[list[str]]:
        """The tokens of every sentence; without ``split``, of every row."""
        text = text_array("the input", inputs, self.encoding)
        if callable(self.standardize):
            given = text.astype(str) if text.size else text
            text = text_array("what standardize gave", self.standardize(given), self.encoding)
        elif self.standardize is not None:
            table = dict(_LOWER) if "lower" in self.standardize else {}
            if "punctuation" in self.standardize:
                table |= _WITHOUT_PUNCTUATION  # type: ignore[arg-type]
            text = _each(text, lambda s: s.translate(table))
        if self.split is None:
            rows = [list(row) for row in text.reshape(-1, text.shape[-1] if text.ndim else 1).tolist()]
        else:
            if text.ndim > 2 or (text.ndim == 2 and text.shape[1] != 1):
                raise ValueError(f"the text is {text.shape}, expected (N,) or (N, 1)")
            sentences = text.ravel()
            rows = self._split_all(sentences)
        return [self._with_runs(row) for row in rows]

    def _split_all(self, sentences: Array) -> list[list[str]]:
        if self.split == "character":
            return [list(s) for s in sentences.tolist()]
        if self.split == "whitespace":
            return [[t for t in _GAPS.split(s) if t] for s in sentences.tolist()]
        rows = self.split(sentences.astype(str) if sentences.size else sentences)
        if len(rows) != len(sentences):
            raise ValueError(f"split gave {len(rows)} rows for {len(sentences)} sentences")
        for row in rows:
            if isinstance(row, str) or not isinstance(row, (list, tuple, np.ndarray)):
                raise TypeError(f"split gave {show(row)} for a sentence, expected a list of tokens")
        return [text_array("what split gave", list(row)).tolist() for row in rows]

    def _with_runs(self, row: list[str]) -> list[str]:
        if self.ngrams is None:
            return row
        lengths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [" ".join(row[i : i + n]) for n in lengths for i in range(len(row) - n + 1)]

    def call(self, inputs: Any) -> Tensor:
        rows = self._tokens_of(inputs)
        single = isinstance(inputs, (str, bytes)) or np.ndim(inputs) == 0
        length = max(map(len, rows), default=0)
        if self.output_sequence_length is not None:
            length = self.output_sequence_length
        table: Array = np.full((len(rows), length), 0 if self.output_mode == "int" else DROPPED, np.int64)
        for i, row in enumerate(rows):
            part = row[:length]
            if part:
                table[i, : len(part)] = self._lookup._indices(np.array(part, object))
        self._lookup._vocabulary()
        flat = self.split is None and self.ngrams is None and np.ndim(inputs) == 1
        if flat and self.output_mode == "int":
            table = table.ravel()[:length]
        elif single:
            table = table.ravel()
        return self._lookup._encoded(wrap(table))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.output_mode == "int":
            return (input_shape[0], self.output_sequence_length)
        return self._lookup.compute_output_shape((*input_shape, None) if len(input_shape) < 2 else input_shape)

    def get_config(self) -> dict[str, Any]:
        inner = self._lookup.get_config()
        names = ("max_tokens", "output_mode", "pad_to_max_tokens", "sparse", "vocabulary", "idf_weights")
        config = self._config("standardize", "split", "ngrams", "output_sequence_length", "encoding")
        config |= {name: inner[name] for name in names}
        if "has_input_vocabulary" in inner:
            config["has_input_vocabulary"] = inner["has_input_vocabulary"]
        return config | {"ragged": False} | self._base_config()

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
        return super().from_config({key: registry.deserialize(value) for key, value in config.items()})


def _each(text: Array, change: Callable[[str], str]) -> Array:
    result = np.empty(text.shape, object)
    result.ravel()[:] = [change(s) for s in text.ravel().tolist()]
    return result


def _known_or_function(layer: Layer, name: str, value: Any, known: tuple[str, ...]) -> Any:
    if value is None or callable(value) or value in known:
        return value
    raise unknown(f"{name} of {layer._label()}", value, known)


__all__ = ["TextVectorization"]
