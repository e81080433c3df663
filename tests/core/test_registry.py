"""Objects as plain data and back: values of every kind, names of one's own, and what wrong descriptions say."""

from __future__ import annotations

import collections
import json

import numpy as np
import pytest

import lamina
from lamina import initializers, layers, regularizers
from lamina.core import registry as r


class Mine:
    def __init__(self, n=1, part=None):
        self.n, self.part = n, part

    def get_config(self):
        return {"n": self.n, "part": self.part}


class WithOwnWay(Mine):
    @classmethod
    def from_config(cls, config):
        made = cls(config["n"] + 100)
        made.part = r.deserialize(config["part"])
        return made


def twice(x):
    return 2 * x


PLAIN = [
    None,
    True,
    3,
    2.5,
    "a",
    [1, [2.5, None]],
    (1, (2, "a")),
    {"a": (1,), "b": [2]},
    slice(1, None, -2),
    (slice(None), ..., slice(0, 3)),
    float("inf"),
    [float("-inf"), {"a": float("inf")}],
    [],
    (),
    {},
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_come_back(value):
    assert r.deserialize(r.serialize(value)) == value
    text = json.dumps(r.to_json(r.serialize(value)), allow_nan=False)
    assert r.deserialize(r.from_json(json.loads(text))) == value


def test_values_of_numpy():
    assert r.serialize(np.float32(2.5)) == 2.5
    assert type(r.serialize(np.int8(2))) is int
    assert r.serialize(np.dtype("float64")) == r.serialize(np.float64) == "float64"
    assert np.isnan(r.from_json(r.to_json(float("nan"))))
    for dtype in ("float32", "int8", "uint64", "bool"):
        x = np.array([[0, 1], [1, 0]], dtype)
        back = r.deserialize(json.loads(json.dumps(r.serialize(x))))
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, x)
    with pytest.raises(ValueError, match="the array of the description: its dtype is <U1"):
        r.deserialize({"class_name": "__array__", "config": {"value": ["a"], "dtype": "U1"}})
    pair = collections.namedtuple("pair", "a b")(1, 2)
    assert r.serialize(pair) == [1, 2]


def test_objects_of_the_library():
    layer = layers.Dense(3, kernel_regularizer=regularizers.L2(0.5), name="d")
    back = r.deserialize(json.loads(json.dumps(r.to_json(r.serialize(layer)))))
    assert type(back) is layers.Dense
    assert back.get_config() == layer.get_config()
    assert r.name_of(layers.Dense) == "Dense"
    assert r.find("Dense") is layers.Dense
    assert r.find("Nothing") is r.name_of(Mine) is None
    assert r.lookup("Dense", "layer") is layers.Dense
    with pytest.raises(ValueError, match=r"^the description has 'Dense', which is of another kind than initializer"):
        r.lookup("Dense", "initializer")
    for name, kind in (("Densse", "layer"), ("Densse", None)):
        with pytest.raises(
            ValueError, match=r"^class 'Densse' of the description is not known here.*did you mean 'Dense'"
        ):
            r.lookup(name, kind)
    with pytest.raises(ValueError, match=r"custom_objects=\{'Qqqqqqq': \.\.\.\}$"):
        r.lookup("my>Qqqqqqq")  # the names of everything would say nothing
    with pytest.raises(ValueError, match=r"custom_objects=\{'Qqqqqqq': \.\.\.\}; .*RandomNormal"):
        r.lookup("Qqqqqqq", "initializer")
    with pytest.raises(ValueError, match="the description of a layer has 3 in place of a name"):
        r.lookup(3, "layer")


def test_names_of_one_s_own():
    with pytest.raises(TypeError, match="cannot be saved: it is no registered function"):
        r.serialize(twice)
    with r.custom_object_scope({"Mine": Mine, "Other": WithOwnWay, "double": twice}):
        for cls, n in ((Mine, 7), (WithOwnWay, 107)):
            description = r.serialize(cls(7, [Mine(8), initializers.Zeros()]))
            assert description["class_name"] == r.name_of(cls) == ("Mine" if cls is Mine else "Other")
            back = r.deserialize(description)
            assert (type(back), back.n, back.part[0].n) == (cls, n, 8)
            assert type(back.part[1]) is initializers.Zeros
        assert r.serialize(twice) == {"class_name": "__function__", "config": {"name": "double"}}
        assert r.deserialize(r.serialize(twice)) is twice
        assert r.find("package>Mine") is r.find("Mine") is Mine
        with r.custom_object_scope({"Mine": WithOwnWay}):
            assert r.find("Mine") is WithOwnWay
            assert r.find("double") is twice
        with pytest.raises(ValueError, match="names 'double' as a class, but it is <function twice"):
            r.deserialize({"class_name": "double", "config": {}})
    assert r.find("Mine") is None
    with pytest.raises(ValueError, match="function 'double' of the description is not known"):
        r.deserialize({"class_name": "__function__", "config": {"name": "double"}})


def test_a_function_within_something_goes_by_its_own_name():
    described = r.serialize({"a": [twice]})
    assert described == {"a": [{"class_name": "__function__", "config": {"name": "twice"}}]}
    with pytest.raises(ValueError, match=r"function 'twice' .*custom_objects=\{'twice': \.\.\.\}"):
        r.deserialize(described)
    with r.custom_object_scope({"twice": twice}):
        assert r.deserialize(described) == {"a": [twice]}
    with pytest.raises(TypeError, match="cannot be saved: it is no registered function"):
        r.serialize([lambda x: x])
    with pytest.raises(TypeError, match="cannot be saved: it is no registered function"):
        r.serialize(eval("lambda x: x", {}))  # of no module


def test_one_name_stands_before_an_error():
    with pytest.raises(ValueError, match=r"^inner: wrong$"), r.about("outer"), r.about("inner"):
        raise ValueError("wrong")
    with pytest.raises(ValueError, match=r"^inner is wrong$"), r.about("inner"):
        raise ValueError("inner is wrong")
    with pytest.raises(TypeError, match=r"^outer: wrong$"), r.about("outer"):
        raise TypeError("wrong")
    with pytest.raises(ValueError, match=r"^outer: there is no 'key'$"), r.about("outer"):
        raise KeyError("key")
    with pytest.raises(ValueError, match=r"^class 'Qqq' of the description"), r.about("outer"):
        r.lookup("Qqq")
    with pytest.raises(RuntimeError, match=r"^wrong$"), r.about("outer"):
        raise RuntimeError("wrong")


def test_what_is_a_description():
    assert r.is_description({"class_name": "a", "config": {}, "more": 1})
    for other in ({"class_name": "a"}, {"config": {}}, {"class_name": "a", "config": 3}, [], None):
        assert not r.is_description(other)
    assert r.class_name("f", {"class_name": "a"}) == r.class_name("f", {"class_name": "a", "config": {}}) == "a"
    for wrong in ({}, {"class_name": 3}, {"class_name": "a", "config": 3}):
        with pytest.raises(ValueError, match="f: expected a description"):
            r.class_name("f", wrong)
    for mark, entry in (("__tuple__", "items"), ("__float__", "value")):
        for config in (None, {}, {entry: 3}, {"items": "a", "value": [1]}):
            with pytest.raises(ValueError, match=f"a {mark.strip('_')} in it has .* in place of its {entry}"):
                r.from_json({"class_name": mark, "config": config})


@pytest.mark.parametrize("function", [lamina.activations.relu, lamina.ops.gelu, lamina.losses.mean_squared_error])
def test_a_function_of_the_library_goes_by_its_name(function):
    described = lamina.saving.serialize_keras_object(function)
    assert described["class_name"] == "function"
    assert described["config"] == function.__name__
    assert lamina.saving.deserialize_keras_object(described) == function.__name__


@pytest.mark.parametrize(
    ("policy", "dtype", "told"),
    [("float32", "float32", False), ("float64", "float64", False), ("mixed_bfloat16", "float32", False),
     ("mixed_float16", "float32", True), ("float16", "float32", True), ("bfloat16", "float32", True)],
)  # fmt: skip
def test_policies_of_keras(policy, dtype, told, recwarn):
    """Narrower types than there are here become float32, and that is said."""
    kept = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": policy}}
    config = {"name": "d", "units": 2, "dtype": kept}
    described = {"module": "keras.layers", "class_name": "Dense", "config": config, "registered_name": None}
    assert lamina.saving.deserialize_keras_object(described).dtype == dtype
    message = f"a layer of the description computes in {policy!r}: here it computes in 'float32'"
    assert [str(w.message) for w in recwarn] == [message] * told


def test_shared_objects_have_numbers_and_become_one_again():
    shared, alone = layers.Dense(2, name="shared"), layers.Dense(3, name="alone")
    with r.sharing([shared]):
        twice = [lamina.saving.serialize_keras_object(shared) for _ in range(2)]
        once = lamina.saving.serialize_keras_object(alone)
    assert [d["shared_object_id"] for d in twice] == [1, 1]
    assert "shared_object_id" not in once
    assert "shared_object_id" not in lamina.saving.serialize_keras_object(shared)
    with r.sharing(()):
        a, b, c, d = map(lamina.saving.deserialize_keras_object, [*twice, once, once])
    assert a is b
    assert c is not d
    assert lamina.saving.deserialize_keras_object(twice[0]) is not a
