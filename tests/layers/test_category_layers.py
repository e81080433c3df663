"""Layers that make categories of numbers and text: Keras's documented results, hash values, saving, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import capture, layers, models
from lamina.layers.preprocessing.hash_functions import fingerprint, join_fingerprints, siphash

LETTERS = [["A"], ["B"], ["C"], ["D"], ["E"]]


def same(got, want):
    np.testing.assert_array_equal(np.asarray(got), want)


# ---- hash values ----


@pytest.mark.parametrize(("n", "want"), [
    (0, 11160318154034397263), (1, 12917804110809363939), (4, 1897425971756105985), (8, 18368443631171807497),
    (17, 11394395984755135400), (33, 14849283947597575410), (65, 18335121393993400675), (200, 10219704338946509661),
    (2, 12289600257749001502), (3, 2640714258260161385), (5, 13992479962126222548), (7, 4341691227789030229),
    (9, 3687479239766293058), (16, 6080716761534418621), (24, 17978031852362823669), (32, 5936979857920952738),
    (48, 8724876594987860963), (64, 2120850720858916619), (66, 15022958077000284980), (128, 14593139257644141942),
    (129, 11752384933470399224),
])  # fmt: skip
def test_fingerprints_of_every_length(n, want):
    """Values of Google's farmhash (pyfarmhash 0.5)."""
    assert fingerprint(bytes(ord("a") + i % 23 for i in range(n))) == want


def test_siphash_is_the_published_one():
    key = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
    assert siphash(bytes(range(15)), key) == 0xA129CA6149BE45E5  # the paper's example
    assert siphash(b"", key) == 0x726FDB47DD0E0E31
    assert siphash(bytes(range(8)), key) == 0x93F5F5799A932462
    assert join_fingerprints(1, 2) != join_fingerprints(2, 1)


def test_hashing():
    """Bins that TensorFlow gives, from Keras's tests."""
    same(layers.Hashing(3)(LETTERS), [[1], [0], [1], [1], [2]])
    same(layers.Hashing(3, mask_value="")([["A"], ["B"], [""], ["C"], ["D"]]), [[1], [1], [0], [2], [2]])
    same(layers.Hashing(3, salt=[133, 137])(LETTERS), [[1], [2], [1], [0], [2]])
    same(layers.Hashing(3, salt=133)(np.array(LETTERS)), [[0], [0], [2], [1], [0]])
    same(layers.Hashing(3)([0, 1, 2, 3, 4]), [1, 0, 1, 0, 2])
    same(layers.Hashing(3)(lamina.Tensor(np.array([0.0, 1, 2, 3, 4]))), [1, 0, 1, 0, 2])
    same(layers.Hashing(3, salt=[133, 137])(np.array([[0], [1], [2], [3], [4]])), [[1], [1], [2], [0], [1]])
    words = np.array([["omar"], ["stringer"], ["marlo"], ["wire"], ["skywalker"]])
    same(layers.Hashing(2)(words), [[0], [0], [1], [0], [0]])
    same(layers.Hashing(3, mask_value="omar")(words), [[0], [1], [2], [1], [1]])
    same(layers.Hashing(1)(words), np.zeros((5, 1)))
    one_hot = layers.Hashing(3, output_mode="one_hot")([[0], [1], [4]])
    same(one_hot, [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    assert str(one_hot.dtype) == "float32"
    same(layers.Hashing(3, output_mode="count")([[0, 1, 2, 3, 4]]), [[2, 2, 1]])
    assert str(layers.Hashing(3, dtype="int32")([1]).dtype) == "int32"
    layer = layers.Hashing(7, mask_value=3, salt=5)
    same(layers.Hashing.from_config(layer.get_config())([1, 2, 3]), layer([1, 2, 3]))


def test_hashed_crossing():
    """Bins that TensorFlow gives, from Keras's tests."""
    first, second = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])
    same(layers.HashedCrossing(5)((first, second)), [1, 4, 1, 1, 3])
    same(layers.HashedCrossing(5)((first[:, None], second[:, None])), [[1], [4], [1], [1], [3]])
    same(layers.HashedCrossing(5, output_mode="one_hot")((first, second)), np.eye(5)[[1, 4, 1, 1, 3]])
    same(layers.HashedCrossing(10)(("A", 101)), 1)
    layer = layers.HashedCrossing(5)
    with pytest.raises(ValueError, match="a list of two features or more"):
        layer([first])
    with pytest.raises(ValueError, match=r"shapes \[\(5,\), \(4,\)\]"):
        layer([first, second[:4]])
    with pytest.raises(TypeError, match="expected text or integers"):
        layer([np.array([1.0]), np.array([1.0])])


# ---- numbers ----


def test_category_encoding():
    x = np.array([[0, 1], [0, 0], [1, 2], [3, 1]])
    same(layers.CategoryEncoding(4)(x), [[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1]])
    weights = np.array([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]])
    counted = layers.CategoryEncoding(4, "count")(x, count_weights=weights)
    np.testing.assert_allclose(
        counted, [[0.1, 0.2, 0, 0], [0.2, 0, 0, 0], [0, 0.2, 0.3, 0], [0, 0.2, 0, 0.4]], rtol=1e-6
    )
    same(layers.CategoryEncoding(4, "one_hot")(np.array([3, 2, 0, 1])), np.eye(4)[[3, 2, 0, 1]])
    same(layers.CategoryEncoding(4, "one_hot")(np.array([[3], [2]])), np.eye(4)[[3, 2]])
    same(layers.CategoryEncoding(4)(np.array([9, 1, -1])), [0, 1, 0, 0])
    same(layers.CategoryEncoding(3, "count")(2), [0, 0, 1])
    for wrong, message in (({}, "num_tokens is missing"), ({"num_tokens": 0}, "num_tokens must be a positive integer"),
                           ({"num_tokens": 2, "output_mode": "counts"}, "did you mean 'count'"),
                           ({"num_tokens": 2, "sparse": True}, "sparse=True is not supported")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            layers.CategoryEncoding(**wrong)
    with pytest.raises(ValueError, match="count_weights are for output_mode='count'"):
        layers.CategoryEncoding(4)(x, count_weights=weights)


@pytest.mark.parametrize("mode", ["count", "multi_hot"])
def test_rows_of_many_categories_are_counted_in_place(mode):
    """200 x 500 numbers of 20,000 categories would be 8 GB as rows of zeros and a one."""
    rng = np.random.default_rng(0)
    x, weights = rng.integers(-3, 20003, (200, 500)), rng.random((200, 500))
    want = np.zeros((200, 20000))
    inside = (x >= 0) & (x < 20000)
    places = np.nonzero(inside)[0], x[inside]
    np.add.at(want, places, 1.0)
    layer = layers.CategoryEncoding(20000, mode)
    got = layer(x)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, want if mode == "count" else np.minimum(want, 1))
    captured = capture(layer)
    for _ in range(3):
        np.testing.assert_array_equal(captured(lamina.Tensor(x)), got)
    if mode == "count":
        want[...] = 0.0
        np.add.at(want, places, weights[inside])
        np.testing.assert_allclose(layer(x, count_weights=weights), want, rtol=1e-6)
        np.testing.assert_allclose(
            layer(x, count_weights=weights[:, :1]).numpy().sum(), (inside * weights[:, :1]).sum()
        )


def test_discretization():
    x = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])
    same(layers.Discretization([0.0, 1.0, 2.0])(x), [[0, 2, 3, 1], [1, 3, 2, 1]])
    layer = layers.Discretization(num_bins=4, epsilon=0.01)
    with pytest.raises(ValueError, match="there are no boundaries yet: call adapt"):
        layer(x)
    layer.adapt(x)
    same(layer(x), [[0, 2, 3, 2], [1, 3, 3, 1]])
    assert str(layer(x).dtype) == "int32"
    again = layers.Discretization.from_config(layer.get_config())
    same(again(x), layer(x))
    again.adapt(10 * x)
    assert again.bin_boundaries != layer.bin_boundaries
    rng = np.random.default_rng(0)
    normal = rng.standard_normal(20000)
    by_batches = layers.Discretization(num_bins=10)
    by_batches.adapt(iter(np.array_split(normal, 13)))
    share = np.bincount(by_batches(normal).numpy(), minlength=10) / normal.size
    assert np.abs(share - 0.1).max() < 0.02
    same(layers.Discretization([1.0], output_mode="one_hot")(np.array([0.0, np.nan, np.inf])), [[1, 0], [0, 1], [0, 1]])
    for options, message in (({}, "give either bin_boundaries or num_bins"), ({"bin_boundaries": [2, 1]}, "in order"),
                             ({"num_bins": 3, "epsilon": 0}, "epsilon must be")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            layers.Discretization(**options)
    with pytest.raises(ValueError, match="adapt needs num_bins"):
        layers.Discretization([1.0]).adapt(x)
    with pytest.raises(ValueError, match="adapt got no numbers"):
        layers.Discretization(num_bins=2).adapt([])


def test_integer_lookup():
    vocabulary = [12, 36, 1138, 42]
    x = np.array([[12, 1138, 42], [42, 1000, 36]])
    layer = layers.IntegerLookup(vocabulary=vocabulary)
    same(layer(x), [[1, 3, 4], [4, 0, 2]])
    same(layer(x.tolist()), [[1, 3, 4], [4, 0, 2]])
    assert layer.get_vocabulary() == [-1, *vocabulary]
    back = layers.IntegerLookup(vocabulary=layer.get_vocabulary(), invert=True)
    same(back(layer(x)), [[12, 1138, 42], [42, -1, 36]])
    same(layers.IntegerLookup(vocabulary=vocabulary, num_oov_indices=2)(np.array([12, 37, 1000])), [2, 1, 0])
    masked = layers.IntegerLookup(vocabulary=vocabulary, mask_token=0)
    same(masked(np.array([0, 5, 12])), [0, 1, 2])
    counted = layers.IntegerLookup(vocabulary=vocabulary, mask_token=0, output_mode="count")
    same(counted(np.array([[0, 5, 12, 12]])), [[1, 2, 0, 0, 0]])
    hashed = layers.IntegerLookup(vocabulary=vocabulary, num_oov_indices=3, oov_method="farmhash")
    same(hashed(np.array([0, 1, 2, 3, 4])), [1, 0, 1, 0, 2])
    adapted = layers.IntegerLookup(max_tokens=4)
    with pytest.raises(ValueError, match=r"IntegerLookup '.*: there is no vocabulary yet: call adapt"):
        adapted(x)
    adapted.adapt(np.array([[7, 7, 3, 3], [5, 3, 9, 1]]))
    assert adapted.get_vocabulary() == [-1, 3, 7, 9]
    strict = layers.IntegerLookup(vocabulary=vocabulary, num_oov_indices=0)
    same(strict(np.array([42])), [3])
    with pytest.raises(ValueError, match="1000 is not in the vocabulary"):
        strict(x)


def test_integer_layers_in_a_model_that_is_captured_and_saved(tmp_path):
    x = np.array([[5.0, 1.0], [3.0, 8.0]], np.float32)
    inputs = layers.Input((2,), dtype="int64")
    indices = layers.IntegerLookup(vocabulary=[5, 1, 3], num_oov_indices=2, mask_token=0)(inputs)
    bins = layers.Discretization([2.0, 4.0], output_mode="multi_hot")(inputs)
    y = layers.Concatenate()([layers.Flatten()(layers.Embedding(6, 3)(indices)), bins])
    model = models.Model(inputs, layers.Dense(1)(y))
    model.compile("sgd", "mse")
    model.fit(x.astype(np.int64), np.zeros(2), epochs=3, verbose=0)
    want = model.predict(x.astype(np.int64), verbose=0)
    model.save(tmp_path / "m.lamina")
    same(lamina.load_model(tmp_path / "m.lamina").predict(x.astype(np.int64), verbose=0), want)
    layer = layers.IntegerLookup(vocabulary=[5, 1, 3, 2**40], num_oov_indices=2)
    step = capture(lambda t: (layer(t), layers.Discretization([-3.0, 0.5, 0.5, 7.0])(t)))
    rng = np.random.default_rng(0)
    for _ in range(3):
        t = rng.integers(-9, 9, 50)
        got = step(lamina.Tensor(t))
        same(got[0], layer(t))
        same(got[1], np.digitize(t, [-3.0, 0.5, 0.5, 7.0]))


# ---- text ----


def test_string_lookup():
    vocabulary = ["a", "b", "c", "d"]
    x = [["a", "c", "d"], ["d", "z", "b"]]
    layer = layers.StringLookup(vocabulary=vocabulary)
    for given in (x, np.array(x), np.array(x, object), np.char.encode(np.array(x))):
        same(layer(given), [[1, 3, 4], [4, 0, 2]])
    same(layer("b"), 2)
    back = layers.StringLookup(vocabulary=vocabulary, invert=True)
    same(back(layer(x)), [["a", "c", "d"], ["d", "[UNK]", "b"]])
    same(back([99, -1]), ["[UNK]", "[UNK]"])
    # Bins for unknown tokens, as in Keras's documentation.
    same(layers.StringLookup(vocabulary=vocabulary, num_oov_indices=2)([["a", "c", "d"], ["m", "z", "b"]]),
         [[2, 4, 5], [0, 1, 3]])  # fmt: skip
    same(layers.StringLookup(vocabulary=vocabulary, output_mode="one_hot")(["a", "b", "c", "d", "z"]),
         np.eye(5)[[1, 2, 3, 4, 0]])  # fmt: skip
    counted = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
    same(layers.StringLookup(vocabulary=vocabulary, output_mode="multi_hot")(counted),
         [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]])  # fmt: skip
    same(layers.StringLookup(vocabulary=vocabulary, output_mode="count")(counted), [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]])
    weighted = layers.StringLookup(output_mode="tf_idf")
    weighted.set_vocabulary(vocabulary, idf_weights=[0.25, 0.75, 0.6, 0.4])
    np.testing.assert_allclose(weighted(counted), [[0, 0.25, 0, 0.6, 0.8], [1, 0, 0.75, 0, 0.4]], rtol=1e-6)
    again = layers.StringLookup.from_config(weighted.get_config())
    same(again(counted), weighted(counted))


def test_string_lookup_takes_a_vocabulary_from_data_and_from_files(tmp_path):
    layer = layers.StringLookup()
    with pytest.raises(ValueError, match="there is no vocabulary yet"):
        layer(["a"])
    layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    again = layers.StringLookup.from_config(layer.get_config())
    assert again.get_vocabulary() == layer.get_vocabulary()
    again.adapt(iter([["x"], ["y", "x"]]))
    assert again.get_vocabulary(include_special_tokens=False) == ["x", "y"]
    weighted = layers.StringLookup(output_mode="tf_idf", max_tokens=5, pad_to_max_tokens=True)
    weighted.adapt([["a", "a", "b"], ["b", "c", "b"]])
    idf = {"b": np.log(1 + 2 / 3), "a": np.log(1 + 2 / 2), "c": np.log(1 + 2 / 2)}
    want = [[np.mean([*idf.values()]), idf["b"], 2 * idf["a"], 0, 0]]
    np.testing.assert_allclose(weighted([["a", "a", "b", "?"]]), want, rtol=1e-6)
    path = tmp_path / "vocabulary.txt"
    path.write_text("earth\nwind\nfire\n")
    from_file = layers.StringLookup(vocabulary=str(path), mask_token="")
    assert from_file.get_vocabulary() == ["", "[UNK]", "earth", "wind", "fire"]
    assert layers.StringLookup.from_config(from_file.get_config()).get_vocabulary() == from_file.get_vocabulary()
    with pytest.raises(ValueError, match="names the vocabulary file"):
        layers.StringLookup.from_config({**from_file.get_config(), "vocabulary": str(path)})
    with pytest.raises(ValueError, match="there is no vocabulary file"):
        layers.StringLookup(vocabulary="nowhere.txt")


def test_lookups_name_what_is_wrong():
    make = layers.StringLookup
    for options, message in (
        ({"vocabulary": []}, "the vocabulary is empty"),
        ({"vocabulary": ["a", "b", "a"]}, "holds 'a' more than once"),
        ({"vocabulary": ["a", "", "b"], "mask_token": ""}, "holds mask_token '' at place 1"),
        ({"vocabulary": ["a", "[UNK]"], "invert": True}, "holds oov_token '\\[UNK\\]' at place 1"),
        ({"vocabulary": ["a", "b"], "max_tokens": 2}, "a vocabulary of 3 is larger than max_tokens=2"),
        ({"max_tokens": 1}, "max_tokens must be greater than 1"),
        ({"num_oov_indices": -1}, "num_oov_indices must be a non-negative integer"),
        ({"pad_to_max_tokens": True}, "needs max_tokens"),
        ({"output_mode": "tfidf"}, "did you mean 'tf_idf'"),
        ({"invert": True, "output_mode": "count"}, "invert=True needs output_mode='int'"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "needs idf_weights"),
        ({"vocabulary": ["a"], "idf_weights": [1.0]}, "idf_weights are for output_mode='tf_idf'"),
        ({"salt": [1, 2, 3]}, "salt must be an integer or two"),
    ):
        with pytest.raises(ValueError, match=message):
            make(**options)
    with pytest.raises(TypeError, match="expected text as tokens, got"):
        make(vocabulary=["a", 3])
    layer = make(vocabulary=["a"], num_oov_indices=0)
    with pytest.raises(ValueError, match="'q' is not in the vocabulary"):
        layer(["a", "q"])
    with pytest.raises(TypeError, match="expected text, got numbers"):
        layer(np.array([1, 2]))
    with pytest.raises(TypeError, match="expected text, got"):
        layer(["a", 3])
    with pytest.raises(ValueError, match="different lengths"):
        layer([["a"], ["a", "a"]])
    with pytest.raises(ValueError, match="adapt would change the vocabulary"):
        layer.adapt(["b"])
    with pytest.raises(TypeError, match=r"expected integers as tokens, got 1\.5"):
        layers.IntegerLookup(vocabulary=[1.5])
    with pytest.raises(ValueError, match="the token 1180591620717411303424 has more than 64 bits"):
        layers.IntegerLookup(vocabulary=[2**70])
    with pytest.raises(ValueError, match="expected integers as tokens, got 'x'"):
        layers.IntegerLookup(vocabulary=["x"])
    for call, message in (
        (lambda: layers.Hashing(3)(None), "^Hashing 'hashing[_0-9]*': the input is None; expected"),
        (lambda: layer(["a", None]), "^StringLookup 'string_lookup[_0-9]*': the input: expected text, got None"),
        (lambda: layers.Hashing(3)(np.array([1, "a"], object)), "^Hashing 'hashing[_0-9]*': the input: .* got 1$"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    with pytest.raises(ValueError, match="salt needs oov_method='farmhash'"):
        layers.IntegerLookup(salt=3)


def test_text_vectorization():
    layer = layers.TextVectorization(max_tokens=5000, output_sequence_length=4)
    layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]
    same(layer([["foo qux bar"], ["qux baz"]]), [[4, 1, 3, 0], [1, 2, 0, 0]])
    same(layer(["Foo, BAR! baz; bada - boom"]), [[4, 3, 2, 6]])
    same(layer("foo bar"), [4, 3, 0, 0])
    given = layers.TextVectorization(vocabulary=["earth", "wind", "and", "fire"])
    same(given(["earth wind", "and also fire"]), [[2, 3, 0], [4, 1, 5]])
    characters = layers.TextVectorization(split="character", standardize=None, vocabulary=["a", "b", "é"])
    same(characters(["abé", "B"]), [[2, 3, 4], [1, 0, 0]])
    runs = layers.TextVectorization(ngrams=2, standardize=np.char.upper, split=lambda x: np.char.split(x, "_"))
    runs.adapt(["a_b", "b_a_b"])
    assert runs.get_vocabulary(False) == ["B", "A B", "A", "B A"]
    same(runs(["a_b_b"]), [[4, 2, 2, 3, 1]])
    same(layers.TextVectorization(ngrams=(2,), vocabulary=["a b"])(["a b a"]), [[2, 1]])
    whole = layers.TextVectorization(split=None, vocabulary=["new york", "rome"])
    same(whole(["New York", "Rome", "Oslo"]), [2, 3, 1])
    counts = layers.TextVectorization(output_mode="count", vocabulary=["a", "b"], max_tokens=5, pad_to_max_tokens=True)
    same(counts(["a b a c", ""]), [[1, 2, 1, 0, 0], [0, 0, 0, 0, 0]])
    weighted = layers.TextVectorization(output_mode="tf_idf")
    weighted.adapt(["a a b", "b c"])
    idf = {"b": np.log(1 + 2 / 3), "a": np.log(2), "c": np.log(2)}
    assert weighted.get_vocabulary(False) == ["b", "a", "c"]
    np.testing.assert_allclose(weighted(["a b a"]), [[0, idf["b"], 2 * idf["a"], 0]], rtol=1e-6)
    same(layer([]), np.zeros((0, 4)))


def test_text_vectorization_goes_through_its_configuration():
    import json

    layer = layers.TextVectorization(ngrams=(1, 2), output_mode="multi_hot")
    layer.adapt(["a b c", "b c"])
    text = json.dumps(layer.get_config())
    again = layers.TextVectorization.from_config(json.loads(text))
    same(again(["c b a b c"]), layer(["c b a b c"]))
    assert json.dumps(again.get_config()) == text
    again.adapt(["x"])
    assert again.get_vocabulary(False) == ["x"]


def test_text_vectorization_names_what_is_wrong():
    for options, message in (
        ({"standardize": "lowercase"}, "standardize of TextVectorization"),
        ({"split": "words"}, "split of TextVectorization"),
        ({"ngrams": 0}, "ngrams must be a positive integer"),
        ({"output_mode": "count", "output_sequence_length": 3}, "output_sequence_length is for output_mode='int'"),
        ({"ragged": True}, "ragged=True is not supported"),
        ({"output_sequence_length": 0}, "output_sequence_length must be a positive integer"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.TextVectorization(**options)
    for split in (lambda rows: [1 for _ in rows], lambda rows: rows):
        with pytest.raises(TypeError, match=r"split gave .* for a sentence, expected a list of tokens"):
            layers.TextVectorization(split=split, vocabulary=["a"])(["a b"])
    layer = layers.TextVectorization()
    with pytest.raises(ValueError, match="there is no vocabulary yet"):
        layer(["a"])
    with pytest.raises(TypeError, match="adapt expected a list"):
        layer.adapt("a b c")
    layer.adapt(["a"])
    with pytest.raises(ValueError, match=r"the text is \(1, 2\), expected \(N,\) or \(N, 1\)"):
        layer([["a", "b"]])
    with pytest.raises(TypeError, match="expected text, got numbers"):
        layer(np.zeros(3))
