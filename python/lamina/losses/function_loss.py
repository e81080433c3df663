"""A loss that is one function of targets and predictions; the library's are declared from such a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.autograd import Tensor
from ..core.constructor import constructor
from ..core.recording import note_change
from .base import Loss
from .targets import of_one_rank

LossFunction = Callable[..., Any]

# The library's own losses: by the name of the class, by function, and the short names of functions.
classes: dict[str, type[DeclaredLoss]] = {}
by_function: dict[LossFunction, type[DeclaredLoss]] = {}
short_names: dict[str, str] = {}
_leave_out: set[LossFunction] = set()


def _noted(method: str) -> Any:
    """The method of dict, noted as setting an attribute is."""
    change = getattr(dict, method)

    def noted(self: _Options, *args: Any, **kwargs: Any) -> Any:
        result = change(self, *args, **kwargs)
        note_change(self, method)
        return result

    return noted


class _Options(dict[str, Any]):
    """The options of a loss's function; captured steps see their changes."""


for _method in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update"):
    setattr(_Options, _method, _noted(_method))


class FunctionLoss(Loss):
    """A function ``(y_true, y_pred, **options)`` of one value per sample, as a loss."""

    def __init__(
        self,
        fn: LossFunction,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        if not callable(fn):
            raise TypeError(f"{type(self).__name__}: fn must be a function (y_true, y_pred), got {fn!r}")
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), reduction, dtype)
        self.fn = fn
        self._own = type(self)._own or (type(self) is FunctionLoss and fn not in by_function)
        self.options: dict[str, Any] = _Options(options)
        self.check_options()

    def check_options(self) -> None:
        """Refuses options that no call could take; classes whose function checks some define it."""

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        if self._own and isinstance(y_true, Tensor):
            y_true, y_pred = of_one_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self.options)

    def kept(self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None) -> tuple[Any, Tensor]:
        return (y_true, y_pred) if self.fn in _leave_out else super().kept(y_true, y_pred, sample_weight, mask)

    def get_config(self) -> dict[str, Any]:
        own = {"fn": self.fn} if type(self) is FunctionLoss else {}  # its subclasses know theirs
        return {**super().get_config(), **own, **self.options}


class DeclaredLoss(FunctionLoss):
    """A loss of the library, declared from its function: ``class Huber(DeclaredLoss, function=huber)``.

    Its constructor takes the function's options, then reduction, name (``default_name``, else the function's) and
    dtype; ``get`` finds it by the names of class and function, and by the short names ``also``.  ``leaves_out``: the
    function's gradient is 0 wherever that of its result is 0, whatever predictions and targets hold there.  ``order``
    and ``defaults``: the constructor's arguments, where Keras's are not the function's (``core.constructor``).
    """

    def __init_subclass__(
        cls,
        function: LossFunction | None = None,
        default_name: str | None = None,
        also: tuple[str, ...] = (),
        leaves_out: bool = False,
        order: tuple[str, ...] = (),
        defaults: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if function is not None:
            name = default_name or function.__name__
            cls.__init__ = constructor(FunctionLoss.__init__, function, name, True, order, defaults)  # type: ignore[method-assign]
            classes[cls.__name__] = by_function[function] = cls
            short_names.update(dict.fromkeys(also, function.__name__))
            if leaves_out:
                _leave_out.add(function)
        super().__init_subclass__(**kwargs)

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None
    ) -> None:
        raise TypeError(f"{type(self).__name__}: a DeclaredLoss needs a function")
