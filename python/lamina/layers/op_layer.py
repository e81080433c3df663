"""A function of ``lamina.ops`` as a step of a functional model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .. import ops
from ..core.suggest import unknown
from ..ops.conversion import register_symbolic
from .base import Layer
from .options import UnnamedOptions, Unpack
from .symbolic import SymbolicTensor, infer
from .variable import auto_name


class OpLayer(Layer):
    """A function of ``lamina.ops`` as a step of a functional model.

    Args:
        function: the function, or its name.
        **kwargs: options of every layer: ``dtype``, ``trainable``, ``autocast``.

    Call args:
        *args: the function's arguments.
        **kwargs: the function's arguments by name.

    Raises:
        ValueError: there is no function of this name.

    Source: Keras 3, Operation.

    Example:
        >>> layers.OpLayer(lambda x: x + 1.0)(np.float32([1, 2]))
        Tensor([2., 3.], shape=(2,), dtype=float32)
    """

    _keeps_numbers = True  # they take the type of the other operand

    def __init__(
        self, function: str | Callable[..., Any], name: str | None = None, **kwargs: Unpack[UnnamedOptions]
    ) -> None:
        if isinstance(function, str) and function not in ops.__all__:
            raise unknown("operation", function, ops.__all__)
        called: Callable[..., Any] = getattr(ops, function) if isinstance(function, str) else function
        super().__init__(name=name or auto_name(called.__name__), **kwargs)
        self.function = called
        self.autocast = False
        self._built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if "training" in kwargs:  # the function's own argument, not the mode in which layers are called
            bound = inspect.signature(self.function).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        return super().__call__(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        if "training" in bound.arguments:
            bound.arguments["training"] = False  # moving statistics stay as they are
        return infer(self.function, bound.args, bound.kwargs)

    def get_config(self) -> dict[str, Any]:
        return self._base_config() | {"function": self.function.__name__}


def symbolic_call(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Add the call of a function of ``lamina.ops`` to the model that is being drawn.

    Args:
        fn: the function.
        args: its arguments, among them symbolic tensors.
        kwargs: its arguments by name.

    Returns: symbolic tensors.

    Example:
        >>> x = lamina.Input((4,))
        >>> layers.symbolic_call(ops.relu, (x,), {}).shape
        (None, 4)
    """
    return OpLayer(fn)(*args, **kwargs)


register_symbolic(SymbolicTensor, symbolic_call)


__all__ = ["OpLayer", "symbolic_call"]
