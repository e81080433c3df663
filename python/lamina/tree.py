"""keras.tree: nests of lists, tuples, named tuples, deques and dicts; anything else is a leaf.

Dicts give their values in the order of their keys, OrderedDicts in their own.  (The library itself takes values as they
stand, see ``core/tree.py``.)
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from .core.explain import show
from .core.rooms import publish
from .core.tree import is_shape

Path = tuple[Any, ...]


class MAP_TO_NONE:
    """What a function of ``traverse`` returns to put None in the place of what it got.

    Source: Keras 3, keras.tree.MAP_TO_NONE.

    Example:
        >>> tree.traverse(lambda x: tree.MAP_TO_NONE if x == 1 else None, [1, 2])
        [None, 2]
    """


def _items(structure: Any) -> list[tuple[Any, Any]]:
    """(key or index, value) pairs of a nest, in order."""
    if not isinstance(structure, dict):
        return list(enumerate(structure))
    if isinstance(structure, OrderedDict):
        return list(structure.items())
    try:
        return [(key, structure[key]) for key in sorted(structure)]
    except TypeError:
        raise TypeError(f"tree: the keys of a dict must have an order, got {list(structure)}") from None


def _rebuilt(structure: Any, values: list[Any]) -> Any:
    """A nest of the same type, with these values in the order of ``_items``."""
    if isinstance(structure, dict):
        by_key = dict(zip([key for key, _ in _items(structure)], values, strict=True))
        ordered = {key: by_key[key] for key in structure}
        if isinstance(structure, defaultdict):
            return defaultdict(structure.default_factory, ordered)
        return OrderedDict(ordered) if isinstance(structure, OrderedDict) else ordered
    if isinstance(structure, deque):
        return deque(values, structure.maxlen)
    if hasattr(structure, "_fields"):
        return type(structure)(*values)
    return tuple(values) if isinstance(structure, tuple) else values


def is_nested(structure: Any) -> bool:
    """Whether this is a list, tuple, deque or dict.

    Args:
        structure: anything.

    Source: Keras 3, keras.tree.is_nested.

    Example:
        >>> tree.is_nested({"a": 1}), tree.is_nested("text")
        (True, False)
    """
    return isinstance(structure, (list, tuple, dict, deque))


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Call a function with a nest, the nests inside of it and its leaves; what it returns takes their place.

    Args:
        func: gets a nest or a leaf; None leaves it as it is (and goes on inside), ``MAP_TO_NONE`` puts None there.
        structure: the nest.
        top_down: whether nests come before what is in them; what ``func`` replaces is not looked into.

    Returns: the nest with what ``func`` replaced.

    Raises:
        TypeError: ``func`` is no function.

    Source: Keras 3, keras.tree.traverse.

    Example:
        >>> tree.traverse(lambda x: x + 1 if isinstance(x, int) else None, [1, (2,)])
        [2, (3,)]
    """
    _check_function("traverse", func)

    def put(found: Any, otherwise: Any) -> Any:
        return None if found is MAP_TO_NONE else otherwise if found is None else found

    def walk(part: Any) -> Any:
        if top_down:
            found = func(part)
            if found is not None or not is_nested(part):
                return put(found, part)
            return _rebuilt(part, [walk(value) for _, value in _items(part)])
        inner = _rebuilt(part, [walk(value) for _, value in _items(part)]) if is_nested(part) else part
        return put(func(inner), inner)

    return walk(structure)


def flatten(structure: Any) -> list[Any]:
    """The leaves of a nest as a list.

    Args:
        structure: the nest, or a leaf.

    Source: Keras 3, keras.tree.flatten.

    Example:
        >>> tree.flatten({"b": [1, 2], "a": 3})
        [3, 1, 2]
    """
    return [leaf for _, leaf in flatten_with_path(structure)]


def flatten_with_path(structure: Any) -> list[tuple[Path, Any]]:
    """The leaves of a nest, each with its place.

    Args:
        structure: the nest, or a leaf.

    Returns: (path, leaf) pairs; a path is a tuple of indices and keys.

    Source: Keras 3, keras.tree.flatten_with_path.

    Example:
        >>> tree.flatten_with_path([{"a": 42}])
        [((0, 'a'), 42)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), leaf) for key, value in _items(structure) for path, leaf in flatten_with_path(value)]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """A nest of what a function returns for each leaf, of several nests for the leaves at one place.

    Args:
        func: takes as many leaves as there are nests.
        *structures: nests of one structure.
        none_is_leaf: whether ``func`` is called with None; else None stays, and must stand in all nests.

    Returns: a nest like the first.

    Raises:
        TypeError: ``func`` is no function.
        ValueError: there is no nest, or they differ.

    Source: Keras 3, keras.tree.map_structure.

    Example:
        >>> tree.map_structure(lambda x, y: x * y, [1, {"a": 2}], [3, {"a": 4}])
        [3, {'a': 8}]
    """
    _check_function("map_structure", func)
    if not structures:
        raise ValueError("map_structure: expected at least one structure")
    for other in structures[1:]:
        _check_same("map_structure", structures[0], other)

    def walk(*parts: Any) -> Any:
        if is_nested(parts[0]):
            inner = [dict(_items(part)) for part in parts]
            return _rebuilt(parts[0], [walk(*(values[key] for values in inner)) for key, _ in _items(parts[0])])
        if not none_is_leaf and any(part is None for part in parts):
            if any(part is not None for part in parts):
                raise ValueError(f"map_structure: None stands beside {show(parts)}")
            return None
        return func(*parts)

    return walk(*structures)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """As ``map_structure``, where leaves are what stands at the places of the leaves of a first nest.

    Args:
        shallow_structure: the nest that says what a leaf is.
        func: takes as many arguments as there are nests.
        *structures: nests that have at least the structure of the first.

    Returns: a nest like ``shallow_structure``.

    Raises:
        TypeError: ``func`` is no function.
        ValueError: there is no nest, or one differs.

    Source: Keras 3, keras.tree.map_structure_up_to.

    Example:
        >>> tree.map_structure_up_to([None, None], len, [[1, 1], [2]])
        [2, 1]
    """
    _check_function("map_structure_up_to", func)
    if not structures:
        raise ValueError("map_structure_up_to: expected at least one structure")

    def walk(shallow: Any, *parts: Any) -> Any:
        if not is_nested(shallow):
            return func(*parts)
        for part in parts:
            _check_level("map_structure_up_to", shallow, part)
        inner = [dict(_items(part)) for part in parts]
        keys = _items(shallow)
        return _rebuilt(shallow, [walk(value, *(values[key] for values in inner)) for key, value in keys])

    return walk(shallow_structure, *structures)


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """A ValueError unless two nests have one structure: types, sizes and keys.

    Dicts of every type are the same.

    Args:
        a: a nest.
        b: another nest.
        check_types: an option of Keras that has lost its effect there, too: None alone is taken.

    Raises:
        ValueError: they differ; ``check_types`` is given.

    Source: Keras 3, keras.tree.assert_same_structure.

    Example:
        >>> tree.assert_same_structure([(0, 1)], [(2, 3)])
    """
    if check_types is not None:
        raise ValueError("assert_same_structure: check_types has no effect in Keras 3; leave it out, or use "
                         "assert_same_paths, which takes lists for tuples")  # fmt: skip
    _check_same("assert_same_structure", a, b)


def assert_same_paths(a: Any, b: Any) -> None:
    """A ValueError unless two nests have leaves at the same places, whatever their types.

    Args:
        a: a nest.
        b: another nest.

    Raises:
        ValueError: they differ; the message gives the first place.

    Source: Keras 3, keras.tree.assert_same_paths.

    Example:
        >>> tree.assert_same_paths([0, 1], (2, 3))
    """
    one, two = (dict(flatten_with_path(nest)) for nest in (a, b))
    for path in [*(p for p in one if p not in two), *(p for p in two if p not in one)]:
        raise ValueError(f"assert_same_paths: {path} is a leaf of {'the first' if path in one else 'the second'} alone")


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """A nest with the leaves of a list, in the order of ``flatten``.

    Args:
        structure: the nest that gives the structure.
        flat_sequence: the leaves.

    Returns: a nest like ``structure``.

    Raises:
        TypeError: ``flat_sequence`` is no list.
        ValueError: it has too few or too many leaves.

    Source: Keras 3, keras.tree.pack_sequence_as.

    Example:
        >>> tree.pack_sequence_as({"b": 0, "a": (0, 0)}, [1, 2, 3])
        {'b': 3, 'a': (1, 2)}
    """
    if not isinstance(flat_sequence, Iterable) or isinstance(flat_sequence, (str, bytes)):
        raise TypeError(f"pack_sequence_as: flat_sequence must be a list, got {show(flat_sequence)}")
    leaves = list(flat_sequence)
    wanted = len(flatten(structure))
    if len(leaves) != wanted:
        raise ValueError(f"pack_sequence_as: the structure has {wanted} leaves, flat_sequence {len(leaves)}")
    rest = iter(leaves)
    return map_structure(lambda _: next(rest), structure)


def lists_to_tuples(structure: Any) -> Any:
    """A nest with tuples in the place of lists.

    Args:
        structure: the nest.

    Source: Keras 3, keras.tree.lists_to_tuples.

    Example:
        >>> tree.lists_to_tuples([1, {"a": [2]}])
        (1, {'a': (2,)})
    """
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """As ``map_structure``, where a list or tuple of sizes (integers and None) is a leaf, which comes as a tuple.

    Args:
        func: takes a shape.
        structure: a nest of shapes.

    Raises:
        TypeError: ``func`` is no function.
        ValueError: a leaf is no shape.

    Source: Keras 3, keras.tree.map_shape_structure.

    Example:
        >>> tree.map_shape_structure(len, {"x": (None, 3)})
        {'x': 2}
    """
    _check_function("map_shape_structure", func)
    if is_shape(structure):
        return func(tuple(structure))
    if not is_nested(structure):
        raise ValueError(f"map_shape_structure: expected a nest of shapes, got {show(structure)}")
    return _rebuilt(structure, [map_shape_structure(func, value) for _, value in _items(structure)])


def _check_function(what: str, func: Any) -> None:
    if not callable(func):
        raise TypeError(f"{what}: func must be a function, got {show(func)}")


def _check_level(what: str, a: Any, b: Any) -> None:
    """ValueError unless the outermost level of two nests is the same."""
    kind = dict if isinstance(a, dict) else type(a)
    if not (isinstance(b, dict) if kind is dict else type(b) is kind):
        raise ValueError(f"{what}: expected a {kind.__name__} in the second structure, got {show(b)}")
    if len(a) != len(b) or (kind is dict and set(a) != set(b)):
        other = f"keys {list(b)} in place of {list(a)}" if kind is dict else f"length {len(b)} in place of {len(a)}"
        raise ValueError(f"{what}: a {kind.__name__} of the second structure has {other}")


def _check_same(what: str, a: Any, b: Any) -> None:
    if not is_nested(a):
        if is_nested(b):
            raise ValueError(f"{what}: a leaf of the first structure is {show(b)} in the second")
        return
    _check_level(what, a, b)
    other = dict(_items(b))
    for key, value in _items(a):
        _check_same(what, value, other[key])


__all__ = [
    "MAP_TO_NONE", "assert_same_paths", "assert_same_structure", "flatten", "flatten_with_path", "is_nested",
    "lists_to_tuples", "map_shape_structure", "map_structure", "map_structure_up_to", "pack_sequence_as", "traverse",
]  # fmt: skip

publish(__name__)
