"""The examples of Keras's documentation of lookups, hashing, categories and text, with the numbers given there.

Keras itself needs TensorFlow for most of them.
"""

from __future__ import annotations

import numpy as np
import pytest

from lamina import layers

VOCABULARY = {"StringLookup": ["a", "b", "c", "d"], "IntegerLookup": [12, 36, 1138, 42]}
KINDS = list(VOCABULARY)


def words(kind, *letters):
    """Letters a to d, and z for one that is not known, as the kind's words."""
    known = dict(zip("abcdz", [*VOCABULARY[kind], {"StringLookup": "z", "IntegerLookup": 1000}[kind]], strict=True))
    return np.array([[known[c] for c in row] for row in letters])


@pytest.mark.parametrize("kind", KINDS)
def test_lookup_of_a_known_vocabulary(kind):
    layer = getattr(layers, kind)(vocabulary=VOCABULARY[kind])
    np.testing.assert_array_equal(layer(words(kind, "acd", "dzb")), [[1, 3, 4], [4, 0, 2]])


@pytest.mark.parametrize(("kind", "vocabulary", "want"), [
    ("StringLookup", ["[UNK]", "d", "z", "c", "b", "a"], [[5, 3, 1], [1, 2, 4]]),
    ("IntegerLookup", [-1, 42, 1138, 1000, 36, 12], [[5, 2, 1], [1, 3, 4]]),
])  # fmt: skip
def test_lookup_of_an_adapted_vocabulary(kind, vocabulary, want):
    layer = getattr(layers, kind)()
    data = words(kind, "acd", "dzb")
    layer.adapt(data)
    assert list(layer.get_vocabulary()) == vocabulary
    np.testing.assert_array_equal(layer(data), want)


def test_lookup_with_two_places_for_unknown_words():
    layer = layers.StringLookup(vocabulary=["a", "b", "c", "d"], num_oov_indices=2)
    np.testing.assert_array_equal(layer([["a", "c", "d"], ["m", "z", "b"]]), [[2, 4, 5], [0, 1, 3]])
    layer = layers.IntegerLookup(vocabulary=[12, 36, 1138, 42], num_oov_indices=2)
    np.testing.assert_array_equal(layer(np.array([[12, 1138, 42], [37, 1000, 36]])), [[2, 4, 5], [1, 0, 3]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("mode", "want"), [
    ("multi_hot", [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]), ("count", [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
])  # fmt: skip
def test_lookup_as_rows(kind, mode, want):
    layer = getattr(layers, kind)(vocabulary=VOCABULARY[kind], output_mode=mode)
    np.testing.assert_array_equal(layer(words(kind, "acdd", "dzbz")), want)


@pytest.mark.parametrize("kind", KINDS)
def test_lookup_as_single_ones(kind):
    layer = getattr(layers, kind)(vocabulary=VOCABULARY[kind], output_mode="one_hot")
    np.testing.assert_array_equal(layer(words(kind, "abcdz")[0]), np.eye(5)[[1, 2, 3, 4, 0]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unknown", [False, True])
def test_lookup_weighed_by_rarity(kind, unknown):
    vocabulary, weights = VOCABULARY[kind], [0.25, 0.75, 0.6, 0.4]
    if unknown:
        vocabulary = [{"StringLookup": "[UNK]", "IntegerLookup": -1}[kind], *vocabulary]
        weights = [0.9, *weights]
    layer = getattr(layers, kind)(output_mode="tf_idf")
    layer.set_vocabulary(vocabulary, idf_weights=weights)
    want = [[0, 0.25, 0, 0.6, 0.8], [1.8 if unknown else 1.0, 0, 0.75, 0, 0.4]]
    np.testing.assert_allclose(layer(words(kind, "acdd", "dzbz")), want, rtol=1e-6)
    given = getattr(layers, kind)(vocabulary=vocabulary, idf_weights=weights, output_mode="tf_idf")
    np.testing.assert_allclose(given(words(kind, "acdd", "dzbz")), want, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_lookup_backwards(kind):
    forward = getattr(layers, kind)(vocabulary=VOCABULARY[kind])
    back = getattr(layers, kind)(vocabulary=forward.get_vocabulary(), invert=True)
    unknown = {"StringLookup": "[UNK]", "IntegerLookup": -1}[kind]
    a, b, c, d = VOCABULARY[kind]
    found = np.asarray(back(np.array([[1, 3, 4], [4, 0, 2]])))
    assert found.tolist() == [[a, c, d], [d, unknown, b]]
    again = np.asarray(back(forward(words(kind, "acd", "dzb"))))
    assert again.tolist() == [[a, c, d], [d, unknown, b]]


def test_hashing():
    letters = [["A"], ["B"], ["C"], ["D"], ["E"]]
    for options, given, want in (
        ({}, letters, [1, 0, 1, 1, 2]),
        ({"mask_value": ""}, [["A"], ["B"], [""], ["C"], ["D"]], [1, 1, 0, 2, 2]),
        ({"salt": [133, 137]}, letters, [1, 2, 1, 0, 2]),
        ({"salt": 133}, letters, [0, 0, 2, 1, 0]),
    ):
        layer = layers.Hashing(num_bins=3, **options)
        np.testing.assert_array_equal(np.ravel(layer(np.array(given))), want, err_msg=str(options))


def test_hashed_crossing():
    pair = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])
    np.testing.assert_array_equal(layers.HashedCrossing(num_bins=5)(pair), [1, 4, 1, 1, 3])
    rows = layers.HashedCrossing(num_bins=5, output_mode="one_hot")(pair)
    np.testing.assert_array_equal(rows, np.eye(5)[[1, 4, 1, 1, 3]])


def test_category_encoding():
    one_hot = layers.CategoryEncoding(num_tokens=4, output_mode="one_hot")
    np.testing.assert_array_equal(one_hot([3, 2, 0, 1]), np.eye(4)[[3, 2, 0, 1]])
    pairs = [[0, 1], [0, 0], [1, 2], [3, 1]]
    multi_hot = layers.CategoryEncoding(num_tokens=4, output_mode="multi_hot")
    np.testing.assert_array_equal(multi_hot(pairs), [[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1]])
    weights = np.array([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]])
    count = layers.CategoryEncoding(num_tokens=4, output_mode="count")(pairs, count_weights=weights)
    np.testing.assert_allclose(count, [[0.1, 0.2, 0, 0], [0.2, 0, 0, 0], [0, 0.2, 0.3, 0], [0, 0.2, 0, 0.4]], rtol=1e-6)


def test_discretization():
    x = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])
    np.testing.assert_array_equal(
        layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])(x), [[0, 2, 3, 1], [1, 3, 2, 1]]
    )
    layer = layers.Discretization(num_bins=4, epsilon=0.01)
    layer.adapt(x)
    np.testing.assert_array_equal(layer(x), [[0, 2, 3, 2], [1, 3, 3, 1]])


def test_text():
    """Of words that come equally often, the documentation's numbers put the later one first, as a lookup does."""
    layer = layers.TextVectorization(max_tokens=5000, output_mode="int", output_sequence_length=4)
    layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]
    np.testing.assert_array_equal(layer([["foo qux bar"], ["qux baz"]]), [[4, 1, 3, 0], [1, 2, 0, 0]])
    given = layers.TextVectorization(
        max_tokens=5000, output_mode="int", output_sequence_length=4, vocabulary=["earth", "wind", "and", "fire"]
    )
    assert given.get_vocabulary() == ["", "[UNK]", "earth", "wind", "and", "fire"]
    np.testing.assert_array_equal(given(["Fire, wind!", "water and EARTH and sea"]), [[5, 3, 0, 0], [1, 4, 2, 4]])


def test_two_ways_to_place_unknown_integers():
    unknown = np.array([100, 300, 700, 1100, 1700, 2000])
    for method, want in (("floormod", [0, 0, 0, 0, 0, 0]), ("farmhash", [3, 3, 2, 2, 0, 1])):
        layer = layers.IntegerLookup(vocabulary=[10, 20, 30], num_oov_indices=4, oov_method=method)
        np.testing.assert_array_equal(layer(unknown), want, err_msg=method)
