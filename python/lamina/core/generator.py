"""Random streams: the process's own, which ``seed()`` starts anew, and counter-based ones that layers hold."""

from __future__ import annotations

import contextlib
import copyreg
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar

import numpy as np

from . import registry
from .recording import forbid_capture, notes_changes

_DREW = "lamina.random drew numbers with NumPy, which a replay would repeat"


# The generator from which every unseeded choice of the process is drawn, under "numpy"; made when it is first needed,
# because importing numpy.random takes a tenth of the time that importing this library may take.
_process: dict[str, np.random.Generator] = {}


_generator_here: ContextVar[np.random.Generator | None] = ContextVar("lamina_generator", default=None)


@contextlib.contextmanager
def drawing_from(generator: np.random.Generator) -> Iterator[None]:
    """Within the block this thread draws every unseeded choice from ``generator``, and nothing from the process's."""
    token = _generator_here.set(unlocked_in_children(generator))
    try:
        yield
    finally:
        _generator_here.reset(token)


class _Locks:
    """The locks of NumPy's generators that live on and that several threads may draw from.  A fork waits until nobody
    draws: in the child no thread would unlock them."""

    known: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()
    held: ClassVar[dict[int, list[Any]]] = {}  # by the thread that forks

    @classmethod
    def acquire(cls) -> None:
        locks = sorted(cls.known, key=id)  # two threads that fork take them in one order
        for lock in locks:
            lock.acquire()
        cls.held[threading.get_ident()] = locks

    @classmethod
    def release(cls) -> None:
        for lock in cls.held.pop(threading.get_ident()):
            lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_Locks.acquire, after_in_parent=_Locks.release, after_in_child=_Locks.release)


def unlocked_in_children(generator: np.random.Generator) -> np.random.Generator:
    """``generator``, from now on safe to draw from in a child that is forked while another thread draws."""
    _Locks.known.add(generator.bit_generator.lock)
    return generator


def seed(value: int) -> None:
    """Make all that is drawn from now on repeatable: initial weights, dropout keys of new layers, shuffles.

    Layers that exist already keep the generators they were made with.

    Args:
        value: a non-negative integer.

    Raises:
        ValueError: it is no such integer.

    Source: Lamina.

    Example:
        >>> random.seed(7)
        >>> a = random.normal((3,))
        >>> random.seed(7)
        >>> bool(ops.all(random.normal((3,)) == a))
        True
    """
    forbid_capture("lamina.random.seed() was called in the step")
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"random.seed: expected a non-negative integer, got {value!r}")
    generator = unlocked_in_children(np.random.Generator(np.random.Philox(int(value))))
    if _generator_here.get() is None:
        _process["numpy"] = generator
    else:
        _generator_here.set(generator)


_SIZES = {"counter": 4, "key": 2, "buffer": 4, "rest": 3}  # of the arrays of process_state


def process_state() -> dict[str, Any]:
    """Where the stream of unseeded choices stands, as arrays of uint64 for ``set_process_state``."""
    state = _process_generator().bit_generator.state
    rest = [state[name] for name in ("buffer_pos", "has_uint32", "uinteger")]
    return {**state["state"], "buffer": state["buffer"], "rest": np.array(rest, np.uint64)}


def check_process_state(label: str, arrays: Mapping[str, Any]) -> None:
    """ValueError unless these are the arrays of ``process_state``."""
    for name, size in _SIZES.items():
        array = arrays.get(name)
        if array is None or array.dtype != np.uint64 or array.shape != (size,):
            raise ValueError(f"{label}: the state of random choices lacks {name!r}, {size} numbers of type uint64")


def set_process_state(arrays: Mapping[str, Any]) -> None:
    """Let unseeded choices go on from there."""
    position, has, value = (int(n) for n in arrays["rest"])
    _process_generator().bit_generator.state = {
        "bit_generator": "Philox", "state": {name: arrays[name] for name in ("counter", "key")},
        "buffer": arrays["buffer"], "buffer_pos": position, "has_uint32": has, "uinteger": value,
    }  # fmt: skip


def numpy_generator() -> np.random.Generator:
    """The process-wide NumPy generator that ``seed()`` restarts."""
    forbid_capture(_DREW)
    return _process_generator()


def _process_generator() -> np.random.Generator:
    here = _generator_here.get()
    if here is not None:
        return here
    found = _process.get("numpy")
    if found is None:  # of threads that come first together one makes it for all
        found = _process.setdefault("numpy", unlocked_in_children(np.random.Generator(np.random.Philox())))
    return found


def _key(seed: int | None) -> int:
    """The key of a stream: the seed itself, or for None one from the process-wide generator."""
    key = int(_process_generator().integers(2**63)) if seed is None else _whole(seed)
    if not 0 <= key < 2**64:
        raise ValueError(f"Generator: seed must be between 0 and 2**64 - 1, got {seed}")
    return key


@notes_changes
class Generator:
    """A counter-based random stream.

    ``state`` is uint64 [key, counter].  Each native call that draws from it reads both through their address and adds
    one to the counter, so that a captured step goes on drawing new numbers.

    Args:
        seed: integer key of the stream, equal ones give equal streams; None takes a key from the process-wide
            generator.
        name: an option of Keras without effect here.

    Raises:
        ValueError: ``seed`` is not between 0 and 2**64 - 1.
        TypeError: ``seed`` is no integer.

    Source: Keras 3, SeedGenerator; Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3" (Philox).

    Example:
        >>> a, b = random.Generator(1), random.Generator(1)
        >>> bool(ops.all(random.normal((3,), seed=a) == random.normal((3,), seed=b)))
        True
    """

    __slots__ = ("seed", "state")

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        forbid_capture("a lamina.random.Generator was made in the step; make it outside, so that its stream goes on")
        self._start(_key(seed))

    def _start(self, key: int) -> None:
        self.seed = key
        self.state = np.array([key, 0], dtype=np.uint64)

    def __reduce__(self) -> Any:
        """For copies and pickle: the stream goes on at its place."""
        return copyreg.__newobj__, (type(self),), (self.seed, self.state)  # type: ignore[attr-defined]

    def __setstate__(self, state: tuple[int, Any]) -> None:
        self.seed, self.state = state[0], np.array(state[1])

    def numpy(self) -> np.random.Generator:
        """A NumPy generator at this stream's place; advances the stream by one call."""
        forbid_capture(_DREW)
        return self._next()

    def _next(self) -> np.random.Generator:
        generator = np.random.Generator(np.random.Philox(key=self.state))
        self.state[1] += np.uint64(1)
        return generator

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"seed": self.seed}


SeedGenerator = Generator  # Keras's name
registry.add_known((Generator,), "random generator", Generator)

Seed = int | Generator | None


def numpy_from(seed: Seed) -> np.random.Generator:
    """NumPy's generator for a ``seed`` argument: None is the process's, an integer always the same, or a Generator."""
    if seed is None:
        return numpy_generator()
    if isinstance(seed, Generator):
        return seed.numpy()
    return np.random.Generator(np.random.Philox(_whole(seed)))


def _whole(seed: Any) -> int:
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        if not isinstance(seed, (str, bytes)) and int(seed) == seed:
            return int(seed)
    raise TypeError(f"a seed must be an integer or a SeedGenerator, got {seed!r}")
