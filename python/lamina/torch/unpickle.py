"""The pickles that torch.save writes, read without running anything: a small machine for the few opcodes they have.

No class is looked up.  What a pickle names is a key of ``known``, and what it calls is the function that stands there;
all else is a ValueError that says which name it was.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_MARK = object()
_END = "its pickle is cut short or damaged"


class Reader:
    """A pickle in memory: ``load`` gives its object, ``at`` is the place behind it."""

    def __init__(self, data: bytes, known: Mapping[str, Any], persistent: Callable[[Any], Any], at: int = 0) -> None:
        """known: what may be named, by ``module.name``; functions among them may be called.  persistent: what stands
        for a reference to a storage."""
        self.data, self.known, self.persistent, self.at = data, known, persistent, at

    def load(self) -> Any:
        """The object; ValueError for anything that torch.save does not write."""
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        try:
            while True:
                code = self._take(1)
                if code == b".":
                    return self._one()
                step = _STEPS.get(code)
                if step is None:
                    raise ValueError(f"its pickle has the opcode {code!r}, which torch.save does not write")
                step(self)
        except (IndexError, KeyError, TypeError, struct.error, UnicodeError, RecursionError) as error:
            raise ValueError(_END) from error

    def _one(self) -> Any:
        if len(self.stack) != 1 or self.stack[0] is _MARK:
            raise ValueError(_END)
        return self.stack[0]

    def _take(self, n: int) -> bytes:
        if n < 0 or self.at + n > len(self.data):
            raise ValueError(_END)
        self.at += n
        return self.data[self.at - n : self.at]

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise ValueError(_END)
        line = self.data[self.at : end].decode("ascii")
        self.at = end + 1
        return line

    def _text(self, form: str) -> str:
        return self._take(self._number(form)).decode("utf-8", "surrogatepass")

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError(_END)
        return value

    def _top(self, kind: type | tuple[type, ...]) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError(_END)
        return self.stack[-1]

    def _to_mark(self) -> list[Any]:
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i] is _MARK:
                items = self.stack[i + 1 :]
                del self.stack[i:]
                return items
        raise ValueError(_END)

    def _tuple(self, n: int) -> None:
        if len(self.stack) < n or any(v is _MARK for v in self.stack[len(self.stack) - n :]):
            raise ValueError(_END)
        items = tuple(self.stack[len(self.stack) - n :])
        del self.stack[len(self.stack) - n :]
        self.stack.append(items)

    def _named(self, module: str, name: str) -> None:
        full = f"{module}.{name}"
        if full not in self.known:
            raise ValueError(
                f"its pickle names {full!r}, and only tensors, numbers, texts, lists and dicts are read; in PyTorch, "
                "save the weights alone: torch.save(model.state_dict(), path)"
            )
        self.stack.append(self.known[full])

    def _from_stack(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise ValueError(_END)
        self._named(module, name)

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(arguments, tuple) or not isinstance(function, Allowed):
            raise ValueError(_END)
        self.stack.append(function(*arguments))

    def _build(self) -> None:
        """Attributes: of a Record its items; of an OrderedDict ``_metadata``, which says nothing of weights."""
        state = self._pop()
        target = self._top((dict, NumberType))
        if isinstance(target, Record) and isinstance(state, dict):
            target.update(state)

    def _items(self, pairs: list[Any]) -> None:
        target = self._top(dict)
        if len(pairs) % 2:
            raise ValueError(_END)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, (str, int, float, bool, type(None))):
                raise ValueError(_END)
            target[key] = value

    def _append(self, values: list[Any]) -> None:
        self._top(list).extend(values)

    def _add_items(self, values: list[Any]) -> None:
        target = self._top(set)
        target |= plain_set(values)

    def _long(self, n: int) -> None:
        if n > 64:
            raise ValueError("its pickle has an integer of more than 64 bytes")
        self.stack.append(int.from_bytes(self._take(n), "little", signed=True))


class Allowed:
    """A function that a pickle may call."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


class Record(dict[str, Any]):
    """An object that is nothing but its attributes, as argparse.Namespace, as a dict of them."""


class NumberType:
    """NumPy's type of a number, little-endian."""

    def __init__(self, kind: Any, *_: Any) -> None:
        if not isinstance(kind, str) or not re.fullmatch("b1|[iu][1248]|f[248]", kind):
            raise ValueError("it has a number of NumPy of a type that is not read")
        self.kind = kind


def number(kind: Any, content: Any) -> Any:
    """A number of NumPy as one of Python; ``numpy.core.multiarray.scalar``."""
    if not isinstance(kind, NumberType) or not isinstance(content, bytes):
        raise ValueError(_END)
    form = np.dtype(f"<{kind.kind}")
    if len(content) != form.itemsize:
        raise ValueError(_END)
    return np.frombuffer(content, form)[0].item()


def encoded(text: Any, coding: Any) -> bytes:
    """Bytes, as protocol 2 writes them; ``_codecs.encode``."""
    if not isinstance(text, str) or coding != "latin1":
        raise ValueError(_END)
    return text.encode("latin1")


def plain_set(items: Any = ()) -> set[Any]:
    """A set of numbers and texts."""
    if not isinstance(items, (list, tuple)) or not all(isinstance(v, (str, int, float)) for v in items):
        raise ValueError(_END)
    return set(items)


def _push(value: Callable[[Reader], Any]) -> Callable[[Reader], None]:
    return lambda r: r.stack.append(value(r))


def _set(r: Reader) -> None:
    value, key = r._pop(), r._pop()
    r._items([key, value])


def _add(r: Reader) -> None:
    value = r._pop()
    r._append([value])


def _keep(place: Callable[[Reader], int]) -> Callable[[Reader], None]:
    def put(r: Reader) -> None:
        r.memo[place(r)] = r.stack[-1]

    return put


_STEPS: dict[bytes, Callable[[Reader], None]] = {
    b"\x80": lambda r: _protocol(r._take(1)[0]),
    b"\x95": lambda r: _frame(r._number("<Q"), len(r.data) - r.at),
    b"(": _push(lambda r: _MARK),
    b"0": lambda r: r.stack.pop() and None,
    b"N": _push(lambda r: None),
    b"\x88": _push(lambda r: True),
    b"\x89": _push(lambda r: False),
    b"J": _push(lambda r: r._number("<i")),
    b"K": _push(lambda r: r._number("<B")),
    b"M": _push(lambda r: r._number("<H")),
    b"G": _push(lambda r: r._number(">d")),
    b"\x8a": lambda r: r._long(r._number("<B")),
    b"X": _push(lambda r: r._text("<I")),
    b"\x8c": _push(lambda r: r._text("<B")),
    b"U": _push(lambda r: r._take(r._number("<B"))),
    b"T": _push(lambda r: r._take(r._number("<i"))),
    b"C": _push(lambda r: r._take(r._number("<B"))),
    b"B": _push(lambda r: r._take(r._number("<I"))),
    b")": _push(lambda r: ()),
    b"t": _push(lambda r: tuple(r._to_mark())),
    b"\x85": lambda r: r._tuple(1),
    b"\x86": lambda r: r._tuple(2),
    b"\x87": lambda r: r._tuple(3),
    b"]": _push(lambda r: []),
    b"a": _add,
    b"e": lambda r: r._append(r._to_mark()),
    b"}": _push(lambda r: {}),
    b"s": _set,
    b"u": lambda r: r._items(r._to_mark()),
    b"\x8f": _push(lambda r: set()),
    b"\x90": lambda r: r._add_items(r._to_mark()),
    b"q": _keep(lambda r: r._number("<B")),
    b"r": _keep(lambda r: r._number("<I")),
    b"\x94": _keep(lambda r: len(r.memo)),
    b"h": _push(lambda r: r.memo[r._number("<B")]),
    b"j": _push(lambda r: r.memo[r._number("<I")]),
    b"c": lambda r: r._named(r._line(), r._line()),
    b"\x93": lambda r: r._from_stack(),
    b"Q": _push(lambda r: r.persistent(r._pop())),
    b"R": lambda r: r._reduce(),
    b"\x81": lambda r: r._reduce(),  # a new object of a class that is known
    b"b": lambda r: r._build(),
}


def _protocol(version: int) -> None:
    if version > 5:
        raise ValueError(f"its pickle is of protocol {version}, which is newer than 5")


def _frame(size: int, left: int) -> None:
    if size > left:
        raise ValueError(_END)
