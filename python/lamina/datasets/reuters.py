"""Reuters: news and their topics."""

from __future__ import annotations

from typing import Any

from ..core.explain import named
from ..core.rooms import publish
from .npz_file import read_npz
from .sources import GOOGLE, Split, check_test_split, file_of, legacy_random, shuffled
from .word_lists import as_objects, common_words, marked, shorter_than, word_index

_WHAT = "reuters.load_data"
_CHECKSUM = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_CHECKSUM_OF_WORDS = "4d44cc38712099c9e383dc6e5f11a921"
_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


@named(_WHAT)
def load_data(
    path: Any = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """11,228 news as lists of words' indices, and which of 46 topics they are about.

    A word's index is its rank, 1 for the most frequent, and ``index_from`` more; 0 is free for padding.

    Args:
        path: name of the file in the cache, where it is downloaded to; or, with a folder, the path of a file that is
            read as it is, without running what a pickle in it might say.
        num_words: indices from here on are left out.
        skip_top: indices below are left out.
        maxlen: news of as many words or more are left out.
        test_split: share of the news to test on.
        seed: seed of the order of news.
        start_char: index that each begins with; None for none.
        oov_char: index in place of those left out; None leaves nothing there.
        index_from: what is added to ranks.

    Returns: ``(x_train, y_train), (x_test, y_test)``: arrays (N,) of lists, and topics (N,).

    Raises:
        ConnectionError: it is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: none are shorter than ``maxlen``; ``test_split`` is no fraction; the file is another one.
        FileNotFoundError: there is no file at the path.

    Source: Keras 3, keras.datasets.reuters.load_data; D. Lewis, Reuters-21578.

    Example:
        >>> news = np.array([[1, 7], [2], [3, 1], [4], [5]], dtype=object)
        >>> np.savez("own.npz", x=news, y=[3, 4, 3, 4, 4])
        >>> (x_train, y_train), (x_test, y_test) = datasets.reuters.load_data("./own.npz")
        >>> len(x_train), len(x_test)
        (4, 1)
    """
    check_test_split(_WHAT, test_split)
    file = file_of(_WHAT, path, f"{GOOGLE}reuters.npz", _CHECKSUM)
    x, y = read_npz(_WHAT, file, ("x", "y"))
    order = shuffled(len(x), legacy_random(seed))
    texts, labels = marked([x[i] for i in order], start_char, index_from), y[order]
    if maxlen:
        texts, labels = shorter_than(_WHAT, maxlen, texts, labels)
    texts = common_words(texts, num_words, skip_top, oov_char)
    at = int(len(texts) * (1 - test_split))
    return (as_objects(texts[:at]), labels[:at]), (as_objects(texts[at:]), labels[at:])


@named("reuters.get_word_index")
def get_word_index(path: Any = "reuters_word_index.json") -> dict[str, int]:
    """The words of the news and their ranks, 1 for the most frequent; in the lists they are ``index_from`` more.

    Args:
        path: name of the file in the cache, where it is downloaded to; or, with a folder, the path of a file.

    Raises:
        ConnectionError: it is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: the file is another one.
        FileNotFoundError: there is no file at the path.

    Source: Keras 3, keras.datasets.reuters.get_word_index.

    Example:
        >>> import pathlib
        >>> _ = pathlib.Path("own.json").write_text('{"the": 1, "market": 2}')
        >>> datasets.reuters.get_word_index("./own.json")
        {'the': 1, 'market': 2}
    """
    what = "reuters.get_word_index"
    return word_index(what, file_of(what, path, f"{GOOGLE}reuters_word_index.json", _CHECKSUM_OF_WORDS))


def get_label_names() -> tuple[str, ...]:
    """The names of the 46 topics, in the order of their numbers.

    Source: Keras 3, keras.datasets.reuters.get_label_names.

    Example:
        >>> datasets.reuters.get_label_names()[3]
        'earn'
    """
    return tuple(_TOPICS.split())


__all__ = ["get_label_names", "get_word_index", "load_data"]

publish(__name__)
