"""Whether this thread records operations for differentiation, and the capture that it is under."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .recording import Recording, Watcher
    from .replica import Replica


class _GradMode(threading.local):
    """The switches of the tape, of each thread its own: one may train while another predicts."""

    enabled = True
    recording: Recording | None = None
    assigning: Callable[[Any], None] | None = None  # is told of arrays of variables before they are assigned
    watcher: Watcher | None = None  # of steps that are recorded from now on
    replica: Replica | None = None  # what it knows of others that compute the same step on other samples


grad_mode = _GradMode()


class _Switch(contextlib.ContextDecorator):
    """Sets ``grad_mode.enabled`` inside, and puts it back; no generator, which costs more than a small operation."""

    _enabled: bool
    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before, grad_mode.enabled = grad_mode.enabled, self._enabled

    def __exit__(self, *_: object) -> None:
        grad_mode.enabled = self._before

    def _recreate_cm(self) -> _Switch:
        return type(self)()  # a decorated function may call itself


class no_grad(_Switch):
    """Put nothing inside on the tape of this thread; a context manager, also a decorator.

    Source: PyTorch, torch.no_grad.

    Example:
        >>> x = lamina.Tensor([1.0, 2.0], requires_grad=True)
        >>> with lamina.no_grad():
        ...     y = x * x
        >>> y.requires_grad
        False
    """

    _enabled = False
    __slots__ = ()


class enable_grad(_Switch):
    """Put operations on the tape again inside of ``no_grad``; a context manager, also a decorator.

    Source: PyTorch, torch.enable_grad.

    Example:
        >>> x = lamina.Tensor([1.0, 2.0], requires_grad=True)
        >>> with lamina.no_grad():
        ...     with lamina.enable_grad():
        ...         y = x * x
        >>> y.requires_grad
        True
    """

    _enabled = True
    __slots__ = ()
