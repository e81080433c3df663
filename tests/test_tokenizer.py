"""preprocessing.text: words as integers, as Keras's private Tokenizer gives them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from lamina.preprocessing import text

TEXTS = ["The cat sat on the mat.", "A dog; the DOG barked!", "cat\tdog\nbird", "", "on on on"]
OPTIONS = [{}, {"num_words": 4}, {"oov_token": "?"}, {"num_words": 4, "oov_token": "?"}, {"char_level": True},
           {"lower": False, "filters": ""}, {"analyzer": str.split}]  # fmt: skip


def everything(kind, options):
    tokenizer = kind(**options)
    tokenizer.fit_on_texts(TEXTS[:3])
    tokenizer.fit_on_texts([["cat", "Fish"]])
    sequences = tokenizer.texts_to_sequences([*TEXTS, "unknown words"])
    modes = ("binary", "count", "freq", "tfidf")
    matrices = [tokenizer.sequences_to_matrix(sequences, mode).tolist() for mode in modes]
    back = tokenizer.sequences_to_texts([*sequences, [1, 99]])
    return [tokenizer.word_index, sequences, back, matrices, dict(tokenizer.index_docs), tokenizer.document_count]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_words_have_the_numbers_of_keras(options):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    from keras.src.legacy.preprocessing import text as theirs

    assert everything(text.Tokenizer, options) == everything(theirs.Tokenizer, options)
    tokenizer = theirs.Tokenizer(oov_token="?")
    tokenizer.fit_on_texts(TEXTS)
    again = text.tokenizer_from_json(tokenizer.to_json())
    assert again.texts_to_sequences(TEXTS) == tokenizer.texts_to_sequences(TEXTS)


def test_numbers_by_rank_and_rows():
    tokenizer = text.Tokenizer(num_words=3, oov_token="?")
    tokenizer.fit_on_texts(["b b a", "b c"])
    assert tokenizer.word_index == {"?": 1, "b": 2, "a": 3, "c": 4}
    assert tokenizer.texts_to_sequences(["b a d"]) == [[2, 1, 1]]
    assert tokenizer.sequences_to_texts([[2, 1, 3]]) == ["b ? ?"]
    np.testing.assert_array_equal(tokenizer.texts_to_matrix(["b a b"], "count"), [[0, 1, 2]])
    again = text.tokenizer_from_json(tokenizer.to_json())
    assert (again.get_config(), again.index_docs) == (tokenizer.get_config(), tokenizer.index_docs)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: text.Tokenizer().fit_on_texts("one text"), TypeError, "a list of texts"),
        (lambda: text.Tokenizer().fit_on_texts([3]), TypeError, "texts or lists of words, got 3"),
        (lambda: text.Tokenizer().texts_to_matrix(["a"]), ValueError, "how many columns"),
        (lambda: text.Tokenizer(num_words=3).texts_to_matrix(["a"], "tf-idf"), ValueError, "did you mean 'tfidf'"),
        (lambda: text.Tokenizer(num_words=3).texts_to_matrix(["a"], "tfidf"), ValueError, "call fit_on_texts before"),
        (lambda: text.tokenizer_from_json("{}"), ValueError, "no text of Tokenizer.to_json"),
        (lambda: text.text_to_word_sequence(b"x"), TypeError, "must be a string"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_how_rare_words_are():
    tokenizer = text.Tokenizer()
    tokenizer.fit_on_texts(["a b", "a c a"])
    given = ["a a b"]
    np.testing.assert_array_equal(tokenizer.texts_to_matrix(given, "count"), [[0, 2, 1, 0]])
    np.testing.assert_allclose(tokenizer.texts_to_matrix(given, "freq"), [[0, 2 / 3, 1 / 3, 0]])
    weighted = [[0, (1 + np.log(2)) * np.log(1 + 2 / 3), np.log(1 + 2 / 2), 0]]
    np.testing.assert_allclose(tokenizer.texts_to_matrix(given, "tfidf"), weighted)
