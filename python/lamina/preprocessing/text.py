"""keras.preprocessing.text of Keras 2, which Keras 3 keeps among its private modules: words as integers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core.autograd import Array
from ..core.explain import Explained, show
from ..core.rooms import publish
from ..core.suggest import unknown

_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "freq", "tfidf")


def text_to_word_sequence(
    input_text: str, filters: str | None = None, lower: bool = True, split: str = " "
) -> list[str]:
    """The words of a text.

    Args:
        input_text: the text.
        filters: characters that part words, too; None takes punctuation, tabs and line ends.
        lower: whether capitals become small letters.
        split: what parts words.

    Raises:
        TypeError: ``input_text`` is no text.

    Source: Keras 2, keras.preprocessing.text.text_to_word_sequence.

    Example:
        >>> preprocessing.text.text_to_word_sequence("To be, or not to be!")
        ['to', 'be', 'or', 'not', 'to', 'be']
    """
    if not isinstance(input_text, str):
        raise TypeError(f"text_to_word_sequence: input_text must be a string, got {show(input_text)}")
    text = input_text.lower() if lower else input_text
    parts: dict[str, str | int | None] = dict.fromkeys(_FILTERS if filters is None else filters, split)
    return [word for word in text.translate(str.maketrans(parts)).split(split) if word]


class Tokenizer(Explained, strict=True):
    """Numbers words by how often they occur, from 1, and makes sequences or rows of numbers of texts.

    ``layers.TextVectorization`` does the same inside of a model.

    Args:
        num_words: numbers from this one on are left out; None keeps all.
        filters: characters that part words, too; None takes punctuation, tabs and line ends.
        lower: whether capitals become small letters.
        split: what parts words.
        char_level: whether characters take the place of words.
        oov_token: what stands for words that are not known, with the number 1; None leaves them out.
        analyzer: a function of a text that gives its words; None takes ``text_to_word_sequence``.
        document_count: how many texts were seen before.

    Source: Keras 2, keras.preprocessing.text.Tokenizer.

    Example:
        >>> tokenizer = preprocessing.text.Tokenizer()
        >>> tokenizer.fit_on_texts(["the cat sat", "the dog"])
        >>> tokenizer.texts_to_sequences(["the dog sat"])
        [[1, 4, 3]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str | None = None,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[..., Any] | None = None,
        document_count: int = 0,
    ) -> None:
        self.num_words, self.lower, self.split = num_words, lower, split
        self.filters = _FILTERS if filters is None else filters
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.document_count = document_count
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self.index_docs: Counter[int] = Counter()
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _words(self, text: Any) -> Sequence[str]:
        """The words of a text, or of a list of words."""
        if isinstance(text, list):
            return [word.lower() for word in text] if self.lower else text
        if not isinstance(text, str):
            raise TypeError(f"Tokenizer: expected texts or lists of words, got {show(text)}")
        if self.char_level:
            return text.lower() if self.lower else text
        if self.analyzer is not None:
            return list(self.analyzer(text))
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts, and number all words anew.

        Args:
            texts: texts, or lists of words.

        Raises:
            TypeError: it is one text, or holds what is none.
        """
        if isinstance(texts, str):
            raise TypeError(f"Tokenizer.fit_on_texts: expected a list of texts, got one, {show(texts)}")
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            self.word_counts.update(words)
            self.word_docs.update(set(words))
        first = [] if self.oov_token is None else [self.oov_token]
        ranked = sorted(self.word_counts, key=lambda word: -self.word_counts[word])  # of equal ones the first seen
        self.word_index = {word: i for i, word in enumerate([*first, *ranked], 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Sequence[Iterable[int]]) -> None:
        """Count in how many sequences numbers occur, for "tfidf" without texts.

        Args:
            sequences: lists of numbers.
        """
        self.document_count += len(sequences)
        for sequence in sequences:
            self.index_docs.update(set(sequence))

    def _kept(self, number: int | None) -> int | None:
        """A number, that of unknown words where it is none or too large, or None to leave it out."""
        if number is not None and (not self.num_words or number < self.num_words):
            return number
        return None if self.oov_token is None else self.word_index.get(self.oov_token)

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The numbers of the words of each text.

        Args:
            texts: texts, or lists of words.
        """
        found = ([self._kept(self.word_index.get(word)) for word in self._words(text)] for text in texts)
        return [[number for number in numbers if number is not None] for numbers in found]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of numbers, with blanks between.

        Args:
            sequences: lists of numbers.
        """
        kept = ([self._kept(n if n in self.index_word else None) for n in sequence] for sequence in sequences)
        return [" ".join(self.index_word[n] for n in numbers if n is not None) for numbers in kept]

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> Array:
        """A row for each text, a column for each number.

        Args:
            texts: texts, or lists of words.
            mode: "binary" whether a word occurs, "count" how often, "freq" which share of the words it is, "tfidf" how
                often, weighted by how rare it is.
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Sequence[Sequence[int]], mode: str = "binary") -> Array:
        """A row for each sequence, a column for each number.

        Args:
            sequences: lists of numbers.
            mode: as for ``texts_to_matrix``.

        Raises:
            ValueError: the mode is unknown; nothing says how many columns there are; "tfidf" before any text.
        """
        if mode not in _MODES:
            raise unknown("mode of Tokenizer", mode, _MODES)
        columns = self.num_words or (len(self.word_index) + 1 if self.word_index else 0)
        if not columns:
            raise ValueError("Tokenizer: pass num_words=, or call fit_on_texts first: how many columns are wanted?")
        if mode == "tfidf" and not self.document_count:
            raise ValueError('Tokenizer: call fit_on_texts before mode="tfidf"')
        matrix = np.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences, strict=True):
            for number, count in Counter(n for n in sequence if n < columns).items():
                rare = np.log(1 + self.document_count / (1 + self.index_docs[number]))
                values = {
                    "binary": 1,
                    "count": count,
                    "freq": count / len(sequence),
                    "tfidf": (1 + np.log(count)) * rare,
                }
                row[number] = values[mode]
        return matrix

    def get_config(self) -> dict[str, Any]:
        """The options, and the counts as JSON text."""
        options = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        counts = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        plain = {name: getattr(self, name) for name in options}
        return plain | {name: json.dumps(getattr(self, name)) for name in counts}

    def to_json(self, **kwargs: Any) -> str:
        """What ``tokenizer_from_json`` reads.

        Args:
            **kwargs: arguments of ``json.dumps``.
        """
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The Tokenizer of a JSON text, Keras's as well.

    Args:
        json_string: what ``to_json`` gave.

    Raises:
        ValueError: it is no such text.

    Source: Keras 2, keras.preprocessing.text.tokenizer_from_json.

    Example:
        >>> again = preprocessing.text.tokenizer_from_json(preprocessing.text.Tokenizer(num_words=9).to_json())
        >>> again.num_words
        9
    """
    try:
        config = dict(json.loads(json_string)["config"])
        words = {name: json.loads(config.pop(name)) for name in ("word_counts", "word_docs", "word_index")}
        numbers = {name: json.loads(config.pop(name)) for name in ("index_docs", "index_word")}
        tokenizer = Tokenizer(**config)
        tokenizer.word_counts, tokenizer.word_docs = Counter(words["word_counts"]), Counter(words["word_docs"])
        tokenizer.word_index = words["word_index"]
        tokenizer.index_docs = Counter({int(k): v for k, v in numbers["index_docs"].items()})
        tokenizer.index_word = {int(k): v for k, v in numbers["index_word"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"tokenizer_from_json: this is no text of Tokenizer.to_json: {error}") from None
    return tokenizer


__all__ = ["Tokenizer", "text_to_word_sequence", "tokenizer_from_json"]

publish(__name__)
