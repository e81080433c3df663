"""Texts as lists of the ranks of their words: IMDB and Reuters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..core.arrays import Array
from ..saving.description import load_json

Lists = list[list[int]]


def marked(texts: Lists, start_char: int | None, index_from: int) -> Lists:
    """Ranks become indices, from ``index_from`` on, behind a mark of the beginning."""
    begin = [] if start_char is None else [start_char]
    return [begin + [word + (index_from or 0) for word in text] for text in texts]


def shorter_than(what: str, maxlen: int, texts: Lists, labels: Array) -> tuple[Lists, Array]:
    """The texts of fewer than ``maxlen`` words; ValueError if none is left."""
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise ValueError(f"{what}: no text has fewer than maxlen={maxlen} words; give a larger one")
    return [texts[i] for i in kept], labels[kept]


def common_words(texts: Lists, num_words: int | None, skip_top: int, oov_char: int | None) -> Lists:
    """Indices from ``skip_top`` to below ``num_words``; in place of all others ``oov_char``, or nothing."""
    if not num_words:
        num_words = max((max(text, default=0) for text in texts), default=0)  # as Keras, which so leaves out the last
    if oov_char is None:
        return [[word for word in text if skip_top <= word < num_words] for text in texts]
    return [[word if skip_top <= word < num_words else oov_char for word in text] for text in texts]


def as_objects(texts: Lists) -> Array:
    """An array of lists; one with two axes where all are of the same length, as Keras makes it."""
    return np.array(texts, dtype=object)


def word_index(what: str, file: Path) -> dict[str, int]:
    """Words and their ranks; ValueError for any other file."""
    try:
        found: Any = load_json(file.read_bytes())
        if not isinstance(found, dict) or not all(type(rank) is int for rank in found.values()):
            raise ValueError("it is no dict of words and their ranks")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what}: {file}: not the data set's file: {error}") from error
    return found
