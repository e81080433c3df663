"""utils.FeatureSpace: every kind of column, crosses, single samples, its configuration, models, bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lamina import CaptureWarning, layers, load_model, models, saving, utils
from lamina.utils import FeatureSpace
from lamina.utils.feature_space import _cardinality

DATA = {
    "age": [30.0, 40.0, 50.0],
    "height": [1.0, 2.0, 3.0],
    "score": [0.1, 0.5, 0.9],
    "town": ["Rome", "Oslo", "Rome"],
    "code": [7, 9, 7],
    "user": [1, 2, 3],
    "word": ["A", "B", "C"],
}
KINDS = {
    "age": "float", "height": "float_normalized", "score": "float_discretized", "town": "string_categorical",
    "code": "integer_categorical", "user": "integer_hashed", "word": "string_hashed",
}  # fmt: skip


def space_of(**options):
    space = FeatureSpace(KINDS, crosses=[("town", "code")], crossing_dim=5, hashing_dim=3, num_discretization_bins=2,
                         **options)  # fmt: skip
    space.adapt({key: np.array(value) for key, value in DATA.items()})
    return space


def test_every_kind_of_column():
    columns = space_of(output_mode="dict")(DATA)
    got = {key: value.numpy().tolist() for key, value in columns.items()}
    assert got["age"] == [[30.0], [40.0], [50.0]]
    np.testing.assert_allclose(got["height"], [[-np.sqrt(1.5)], [0], [np.sqrt(1.5)]], rtol=1e-5)
    assert np.argmax(got["score"], -1).tolist() in ([0, 0, 1], [0, 1, 1])
    assert got["town"] == [[0, 1, 0], [0, 0, 1], [0, 1, 0]]  # Rome comes more often
    assert got["code"] == [[0, 1, 0], [0, 0, 1], [0, 1, 0]]
    assert np.argmax(got["user"], -1).tolist() == np.asarray(layers.Hashing(3)([1, 2, 3])).tolist()
    assert np.argmax(got["word"], -1).tolist() == [1, 0, 1]
    crossed = layers.HashedCrossing(5)([columns_of("town"), columns_of("code")])
    assert np.argmax(got["town_X_code"], -1).tolist() == np.asarray(crossed).ravel().tolist()


def columns_of(key):
    """The indices of a column of text or integers."""
    lookup = layers.StringLookup if key == "town" else layers.IntegerLookup
    layer = lookup(vocabulary=["Rome", "Oslo"] if key == "town" else [7, 9])
    return np.asarray(layer(np.array(DATA[key])[:, None]))


def test_columns_stand_in_the_order_of_their_names():
    together, apart = space_of()(DATA), space_of(output_mode="dict")(DATA)
    order = [*sorted(KINDS), "town_X_code"]
    np.testing.assert_allclose(together, np.concatenate([apart[key] for key in order], axis=1), rtol=1e-6)
    assert together.dtype == np.float32
    one = space_of()({key: value[1] for key, value in DATA.items()})
    np.testing.assert_allclose(one, together.numpy()[1], rtol=1e-6)
    batches = [{k: v[:2] for k, v in DATA.items()}, {k: v[2:] for k, v in DATA.items()}]
    by_batches = FeatureSpace(
        KINDS, crosses=[("town", "code")], crossing_dim=5, hashing_dim=3, num_discretization_bins=2
    )
    by_batches.adapt(batches)
    np.testing.assert_allclose(by_batches(DATA), together, rtol=1e-6)


def test_options_of_columns():
    space = FeatureSpace(
        {
            "a": FeatureSpace.float_rescaled(2.0, 1.0),
            "b": FeatureSpace.float_discretized(4, [1.0, 2.0], "int"),
            "c": FeatureSpace.integer_categorical(max_tokens=2, output_mode="int"),
            "d": FeatureSpace.feature("float32", layers.Rescaling(10.0), "float"),
            "e": FeatureSpace.string_hashed(4, "int"),
        },
        "dict",
        crosses=[FeatureSpace.cross(("b", "c"), 7, "int")],
    )
    space.adapt({"c": [5, 5, 6]})
    got = space({"a": [1.0], "b": [1.5], "c": [5], "d": [3.0], "e": ["x"]})
    assert [got[k].numpy().item() for k in "abcd"] == [3.0, 1, 1, 30.0]
    assert got["b_X_c"].shape == (1, 1)
    with pytest.raises(ValueError, match=r"feature 'b' is int32, no rows to put beside others"):
        FeatureSpace({"b": FeatureSpace.float_discretized(4, [1.0], "int")})({"b": [1.0]})


def test_its_configuration_holds_what_it_has_seen():
    space = space_of()
    text = json.dumps(utils.serialize_keras_object(space))
    again = utils.deserialize_keras_object(json.loads(text))
    np.testing.assert_allclose(again(DATA), space(DATA), rtol=1e-6)
    again.adapt({key: np.array(value) for key, value in DATA.items()})


def test_it_is_saved_by_itself_and_in_a_model(tmp_path):
    space = space_of()
    saving.save_model(space, tmp_path / "space.lamina")
    again = load_model(tmp_path / "space.lamina")
    np.testing.assert_array_equal(again(DATA), space(DATA))
    numbers = FeatureSpace({"age": "float_normalized", "score": "float_discretized", "code": "integer_categorical"})
    x = {key: np.array(DATA[key])[:, None] for key in ("age", "score", "code")}
    numbers.adapt(x)
    model = models.Model(numbers.get_inputs(), layers.Dense(1)(numbers.get_encoded_features()))
    model.save(tmp_path / "model.lamina")
    loaded = load_model(tmp_path / "model.lamina")
    with pytest.warns(CaptureWarning, match="works in Python"):
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [w.path for w in loaded.weights] == [w.path for w in model.weights]
    moved = FeatureSpace.from_config(numbers.get_config())
    moved.adapt({"age": [0.0, 1.0], "score": [1.0, 2.0], "code": [1, 2]})  # as the first may be adapted again
    np.testing.assert_allclose(moved.preprocessors["age"].adapt_mean.numpy(), [0.5])


def test_one_sample_is_a_batch_of_one_without_its_axis():
    for mode in ("dict", "concat"):
        space = space_of(output_mode=mode)
        batch, single = space({k: v[:1] for k, v in DATA.items()}), space({k: v[0] for k, v in DATA.items()})
        for y, z in zip(batch.values(), single.values(), strict=True) if mode == "dict" else [(batch, single)]:
            assert y.shape == (1, *z.shape)
            np.testing.assert_array_equal(y.numpy()[0], z.numpy())


def test_a_space_takes_batches_of_pairs_and_says_what_it_is():
    space, other = FeatureSpace({"town": "string_categorical"}), FeatureSpace({"town": "string_categorical"})
    assert space.built
    space.adapt([({"town": ["Rome", "Oslo"]}, [1, 2]), ({"town": ["Rome"]}, [3])])
    other.adapt({"town": ["Rome", "Oslo", "Rome"]})
    given = {"town": ["Oslo", "Rome", "Bern"]}
    np.testing.assert_array_equal(space(given), other(given))
    config = FeatureSpace({"age": "float_normalized"}).get_config()
    fresh = FeatureSpace.from_config({k: v for k, v in config.items() if k != "adapted"})
    with pytest.raises(ValueError, match="adapt"):
        fresh({"age": [1.0]})


def test_how_many_indices_a_layer_may_give():
    class Own(layers.Layer):
        num_tokens = np.int64(7)

    assert _cardinality(Own()) == 7
    assert _cardinality(layers.Rescaling(2.0)) is None
    assert _cardinality(layers.Hashing(5)) == 5
    assert _cardinality(layers.IntegerLookup(vocabulary=[3, 4])) == 3


def test_behind_and_inside_of_a_model():
    space = space_of()
    x = space(DATA)
    model = models.Sequential([layers.Input(x.shape[1:]), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(x.numpy() / 50, np.zeros(3), verbose=0).history["loss"]).all()
    numbers = FeatureSpace({"age": "float", "code": "integer_categorical"})
    numbers.adapt({"code": DATA["code"]})
    whole = models.Model(numbers.get_inputs(), layers.Dense(1)(numbers.get_encoded_features()))
    whole.compile("sgd", "mse")
    columns = {"age": np.ones((3, 1), np.float32), "code": np.array([[7], [9], [7]])}
    with pytest.warns(CaptureWarning, match="works in Python"):
        whole.fit(columns, np.zeros(3), verbose=0)
    with pytest.warns(CaptureWarning, match="works in Python"):
        assert whole.predict(columns, verbose=0).shape == (3, 1)
    with pytest.raises(ValueError, match="feature 'town' is text, and a model's inputs are numbers"):
        space.get_inputs()


def test_it_names_what_is_wrong():
    for features, message in (
        ({}, "features must be a dict of at least one"),
        ({"a": "floats"}, "kind of feature 'a' of FeatureSpace.*did you mean 'float'"),
    ):
        with pytest.raises(ValueError, match=message):
            FeatureSpace(features)
    with pytest.raises(ValueError, match="output_mode of FeatureSpace"):
        FeatureSpace({"a": "float"}, output_mode="concatenate")
    with pytest.raises(ValueError, match="feature in a cross of FeatureSpace"):
        FeatureSpace({"a": "float"}, crosses=[("a", "b")])
    space = FeatureSpace({"a": "float_normalized"})
    with pytest.raises(ValueError, match=r"call adapt\(dataset\) before: feature 'a'"):
        space({"a": [1.0]})
    with pytest.raises(ValueError, match="a batch without feature 'a'"):
        space.adapt({"b": [1.0]})
    with pytest.raises(ValueError, match="adapt got no batch"):
        space.adapt([])
    with pytest.raises(TypeError, match="adapt expected a dict of columns"):
        space.adapt(3)
    space.adapt({"a": [1.0, 2.0]})
    with pytest.raises(TypeError, match="expected a dict of columns"):
        space([1.0])
    with pytest.raises(ValueError, match="feature 'a' is missing; given are b"):
        space({"b": [1.0]})
    both = FeatureSpace({"a": "float", "b": "float"})
    with pytest.raises(ValueError, match=r"different numbers of samples: \{'a': 1, 'b': 2\}"):
        both({"a": [1.0], "b": [1.0, 2.0]})
