"""The dtypes and shapes that ``from_generator`` is told of its elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import element, leaf


class Signature:
    """Makes an element of what a generator gave, and checks it."""

    def __init__(self, types: Any, shapes: Any, signature: Any) -> None:
        if signature is not None and (types is not None or shapes is not None):
            raise TypeError("Dataset.from_generator: output_signature goes without output_types and output_shapes")
        if signature is not None:
            types, shapes = _each(signature, "dtype"), _each(signature, "shape")
        self.types, self.shapes = types, shapes

    def __call__(self, item: Any) -> Any:
        if self.types is None and self.shapes is None:
            return element(item)
        return self._checked(item, self.types, self.shapes)

    def _checked(self, item: Any, types: Any, shapes: Any) -> Any:
        structure = types if types is not None else shapes
        if isinstance(structure, dict):
            if not isinstance(item, dict) or item.keys() != structure.keys():
                raise ValueError(f"expected a dict of {', '.join(map(repr, structure))}, got {type(item).__name__}")
            return {k: self._checked(item[k], types and types[k], shapes and shapes[k]) for k in structure}
        if isinstance(structure, tuple) and (types is not None or not _is_shape(structure)):
            if not isinstance(item, (tuple, list)) or len(item) != len(structure):
                raise ValueError(f"expected {len(structure)} parts, got {item!r}"[:200])
            return tuple(self._checked(part, types and types[i], shapes and shapes[i]) for i, part in enumerate(item))
        array = leaf(item) if types is None else np.asarray(item, _dtype(types))[()]
        shape = None if shapes is None else tuple(shapes)
        found = np.shape(array)
        if shape is not None and (
            len(shape) != len(found) or any(n not in (None, m) for n, m in zip(shape, found, strict=True))
        ):
            raise ValueError(f"expected shape {shape}, got {found}")
        return array


def _is_shape(structure: tuple[Any, ...]) -> bool:
    return all(n is None or isinstance(n, int) for n in structure)


def _each(signature: Any, name: str) -> Any:
    if isinstance(signature, dict):
        return {key: _each(part, name) for key, part in signature.items()}
    if isinstance(signature, (tuple, list)):
        return tuple(_each(part, name) for part in signature)
    found = getattr(signature, name)
    return tuple(found) if name == "shape" and found is not None else found


def _dtype(dtype: Any) -> Any:
    """NumPy's dtype of a name, a class, or another library's dtype by its name."""
    name = getattr(dtype, "name", dtype)
    return object if name == "string" else np.dtype(name if isinstance(name, str) else dtype)
