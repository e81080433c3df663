"""Names of users' classes and functions in descriptions, under keras.saving's names."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from .registry import custom_object_scope, find, name_of, registered


class CustomObjectScope(AbstractContextManager["CustomObjectScope"]):
    """Inside, descriptions may also use these names; as ``custom_object_scope``, for code of Keras's.

    Args:
        custom_objects: {name: class or function}, or None for none.

    Raises:
        TypeError: ``custom_objects`` is no dict.

    Source: Keras 3, keras.saving.CustomObjectScope.

    Example:
        >>> with lamina.saving.CustomObjectScope({"double": lambda x: 2 * x}):
        ...     layer = lamina.layers.Activation("double")
        >>> layer(np.array([1.0, 2.0])).numpy()
        array([2., 4.], dtype=float32)
    """

    def __init__(self, custom_objects: dict[str, Any] | None) -> None:
        if not isinstance(custom_objects, (dict, type(None))):
            raise TypeError(f"CustomObjectScope: custom_objects must be a dict or None, got {custom_objects!r}")
        self._scope = custom_object_scope(custom_objects)

    def __enter__(self) -> CustomObjectScope:
        self._scope.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._scope.__exit__(*error)


def get_registered_name(obj: Any) -> str:
    """The name of a class or function in descriptions.

    Args:
        obj: the class or function.

    Returns: the name it was registered under, else its own.

    Source: Keras 3, keras.saving.get_registered_name.

    Example:
        >>> lamina.saving.get_registered_name(lamina.layers.Dense)
        'Dense'
    """
    return name_of(obj) or str(obj.__name__)


def get_registered_object(
    name: str, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None
) -> Any:
    """The class or function of a name in descriptions, None if there is none.

    Args:
        name: the name.
        custom_objects: {name: class or function} that are known besides.
        module_objects: {name: class or function} that are looked at last.

    Raises:
        TypeError: ``custom_objects`` is no dict.

    Source: Keras 3, keras.saving.get_registered_object.

    Example:
        >>> lamina.saving.get_registered_object("Dense") is lamina.layers.Dense
        True
    """
    with custom_object_scope(custom_objects):
        found = find(name)
    return (module_objects or {}).get(name) if found is None else found


def get_custom_objects() -> dict[str, Any]:
    """The registered classes and functions by name; what is put into the dict is known from then on.

    Source: Keras 3, keras.saving.get_custom_objects.

    Example:
        >>> lamina.saving.get_custom_objects()["shifted"] = lambda x: x + 1
        >>> lamina.layers.Activation("shifted")(np.zeros(2)).numpy()
        array([1., 1.], dtype=float32)
        >>> del lamina.saving.get_custom_objects()["shifted"]
    """
    return registered


__all__ = ["CustomObjectScope", "get_custom_objects", "get_registered_name", "get_registered_object"]
