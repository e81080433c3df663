"""Layers that make categories at their edges: nests, empty rows, bins, boundaries, documents."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.layers.preprocessing.categories import _compressed
from lamina.layers.preprocessing.hash_functions import join_fingerprints
from lamina.layers.preprocessing.hashing import _CROSSING_KEY
from lamina.layers.preprocessing.index_lookup import _rank


def same(got, want):
    np.testing.assert_array_equal(np.asarray(got), want)


def test_boundaries_without_adapt():
    x, layer, other = np.arange(40.0), layers.Discretization(num_bins=4), layers.Discretization(num_bins=4)
    layer.update_state(x)
    layer.finalize_state()
    other.adapt(x)
    assert layer.bin_boundaries == other.bin_boundaries


@pytest.mark.parametrize(("kind", "data"), [("IntegerLookup", [7, 8, 8, 9]), ("StringLookup", ["a", "b", "b", "c"])])
def test_each_value_of_a_list_is_a_document(kind, data):
    single, rows = (getattr(layers, kind)(output_mode="tf_idf") for _ in range(2))
    single.adapt(data)
    rows.adapt([[v] for v in data])
    assert single.get_vocabulary(include_special_tokens=False) == rows.get_vocabulary(include_special_tokens=False)
    same(single([data[:2]]), rows([data[:2]]).numpy())
    assert single.get_config()["idf_weights"] == rows.get_config()["idf_weights"]


@pytest.mark.parametrize("kind", ["IntegerLookup", "StringLookup"])
def test_the_type_that_a_lookup_describes(kind):
    assert getattr(layers, kind)().get_config()["dtype"] == "float32"
    for dtype in ("float32", "float64"):
        layer = getattr(layers, kind)(output_mode="count", dtype=dtype)
        assert layer.get_config()["dtype"] == dtype
        layer.adapt(np.array([[1, 2]]) if kind == "IntegerLookup" else [["a", "b"]])
        assert layer([[1]] if kind == "IntegerLookup" else [["a"]]).dtype == dtype


def test_how_deep_lists_are_nested():
    for nest, rank in ((3, 0), ("ab", 0), ([], 1), ([1, 2], 1), (("a",), 1), ([[1], [2]], 2), ([[], [1]], 2), ([[]], 2),
                       ([[[1]], []], 3), (np.zeros((2, 0)), 2), (lamina.Tensor(np.zeros((1, 2, 3))), 3)):  # fmt: skip
        assert _rank(nest) == rank


def test_crossed_features_have_one_axis_or_a_second_of_one():
    layer = layers.HashedCrossing(5)
    x = np.arange(4)
    same(layer((x[:, None], x[:, None])), layer((x, x)).numpy()[:, None])
    for wrong in (x.reshape(2, 2), x.reshape(4, 1, 1), x.reshape(1, 4, 1)):
        with pytest.raises(ValueError, match="the features have shapes"):
            layer((wrong, wrong))
    with pytest.raises(ValueError, match="the features have shapes"):
        layer((x, x[:3]))


@pytest.mark.parametrize("shape", [(1,), (4,), (4, 1), (1, 1), (4, 2), (1, 4), (2, 3, 1), (2, 1, 3)])
def test_shapes_of_one_hot_rows(shape):
    layer = layers.CategoryEncoding(5, "one_hot")
    wanted = layer(np.zeros(shape, np.int64)).shape
    assert layer.compute_output_shape(shape) == wanted
    assert wanted == ((*shape[:-1], 5) if len(shape) > 1 and shape[-1] == 1 else (*shape, 5))


def test_no_sentences():
    layer = layers.TextVectorization(vocabulary=["a"])
    assert layer(np.array([], object)).shape == (0, 0)


def test_crossed_negative_integers_are_those_of_64_bits():
    x = np.array([-3, 5, -(2**63)])
    want = [join_fingerprints(join_fingerprints(_CROSSING_KEY, v % 2**64), v % 2**64) % 97 for v in x.tolist()]
    same(layers.HashedCrossing(97)((x, x)), want)
    layer = layers.HashedCrossing(5)
    assert layer.compute_output_shape([(4, 1), (4, 1)]) == (4, 1)
    for wrong in ([(4,)], [(4,), (5,)], [(4,), (4, 1)]):
        with pytest.raises(ValueError, match="two or more, all the same"):
            layer.compute_output_shape(wrong)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (2, 3, 0)])
def test_rows_of_no_categories(shape):
    for mode in ("multi_hot", "count"):
        layer = layers.CategoryEncoding(4, mode)
        np.testing.assert_array_equal(layer(np.zeros(shape, np.int64)), np.zeros((*shape[:-1], 4)))


def test_the_precision_of_boundaries_is_a_part():
    for right in (1, 1e-9):
        assert layers.Discretization(num_bins=2, epsilon=right).epsilon == right
    for wrong in (0, -1e-9, 1 + 1e-9):
        with pytest.raises(ValueError, match="epsilon must be a number above 0 and at most 1"):
            layers.Discretization(num_bins=2, epsilon=wrong)


def test_documents_in_nests_of_three():
    nest = [[["a", "b"], ["b", "c"]], [["b", "b"], ["a", "d"]]]
    flat = [row for rows in nest for row in rows]
    for data in (nest, np.array(nest)):
        deep, layer = (layers.StringLookup(output_mode="tf_idf") for _ in range(2))
        deep.adapt(data)
        layer.adapt(flat)
        assert deep.get_config()["vocabulary"] == layer.get_config()["vocabulary"]
        assert deep.get_config()["idf_weights"] == layer.get_config()["idf_weights"]


def test_sentences_that_are_split_already():
    layer = layers.TextVectorization(vocabulary=["a", "b", "c"], split=None)
    whole = layers.TextVectorization(vocabulary=["a", "b", "c"])
    same(layer([["a", "b", "c"], ["c", "c", "d"]]), whole(["a b c", "c c d"]).numpy())


def test_sentences_have_one_axis_or_a_second_of_one():
    layer = layers.TextVectorization(vocabulary=["a", "b"])
    assert layer.built
    same(layer([["a"], ["b a"]]), layer(["a", "b a"]).numpy())
    for wrong in ([["a", "b"]], [[["a"]], [["b"]]]):
        with pytest.raises(ValueError, match=r"expected \(N,\) or \(N, 1\)"):
            layer(wrong)


def test_two_bins_and_one_for_what_is_masked():
    same(layers.Hashing(2, mask_value="")(["", "a", "b", ""]), [0, 1, 1, 0])
    same(layers.Hashing(1, mask_value="")(["", "a"]), [0, 0])


def test_vectorization_adapts_to_pairs_of_a_dataset():
    whole, pairs = layers.TextVectorization(), layers.TextVectorization()
    whole.adapt(["a b", "b c"])
    pairs.adapt([(["a b"], ["x y"]), (["b c"], ["x z"])][i] for i in range(2))
    assert pairs.get_vocabulary() == whole.get_vocabulary()


def test_a_summary_of_many_numbers_keeps_their_count():
    values = np.arange(1000.0)
    summary = _compressed(np.stack([values, np.ones(1000)]), 0.01)
    assert summary.shape == (2, 100)
    parts = 0.01 + np.arange(0, 1, 0.01)
    share = np.arange(1, 1001) / 1000
    np.testing.assert_allclose(summary[0], np.interp(parts, share, values))
    np.testing.assert_allclose(summary[1], np.diff(parts * 1000, prepend=0))
    assert _compressed(summary[:, :99], 0.01).shape == (2, 99)
    whole = np.stack([np.arange(100.0), np.arange(1.0, 101)])
    assert np.abs(_compressed(whole, 0.01)[0] - whole[0]).max() > 1e-3
    np.testing.assert_array_equal(_compressed(whole, 0.009), whole)


@pytest.mark.parametrize(
    "data", [["a", "b", "a"], np.array(["a", "b", "a"]), [["a"], ["b"], ["a"]], [["a", "a"], ["b"], ["a"]]]
)
def test_tokens_of_a_list_are_documents_of_their_own(data):
    """Keras: a token's weight is log(1 + documents / (1 + documents with it))."""
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.adapt(data)
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    a, b = np.log(1 + 3 / (1 + 2)), np.log(1 + 3 / (1 + 1))
    np.testing.assert_allclose(layer([["a", "b", "b"]]), [[0, a, 2 * b]], rtol=1e-6)
