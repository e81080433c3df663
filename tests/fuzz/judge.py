"""Run one program and say whether what happened is a fault.

Right is a result, or an error of a kind that callers expect, raised on purpose and in the words of the public surface.
A program is source; the arguments are the first statements, those that assign to ``a`` and a number.
"""

from __future__ import annotations

import ast
import dataclasses
import dis
import functools
import re
import signal
import threading
import traceback
import warnings
from types import CodeType, FrameType, TracebackType
from typing import Any

import numpy as np

import lamina
from lamina import _native, layers, losses, metrics, ops, optimizers, schedules
from lamina.core.grad_mode import grad_mode
from lamina.layers.call import context

from . import checks

NAMES = {
    "np": np, "lamina": lamina, "ops": ops, "layers": layers, "losses": losses, "metrics": metrics,
    "optimizers": optimizers, "schedules": schedules, "native": _native, "Tensor": lamina.Tensor, "check": checks,
}  # fmt: skip
PACKAGE = lamina.__file__.rsplit("/", 1)[0]

EXPECTED = (ValueError, TypeError, IndexError, OverflowError, OSError, RuntimeError, MemoryError)
LEAKS = re.compile(  # the words of what lies underneath
    "|".join((
        "incompatible function arguments", "Unable to cast", "error set", "pybind", "std::", "SystemError", "weakref",
        "has no attribute '", "object has no attribute", "unhashable", "'NoneType'", "inhomogeneous",
        "unsupported operand", "bad operand type", "not subscriptable", "object is not callable", r"has no len\b",
        "object is not iterable", "setting an array element", "truth value of", "^ufunc", "'[<>]=?' not supported",
        "only integer scalar arrays",
    ))
)  # fmt: skip
PRIVATE = re.compile(r"\b_[a-z]\w+")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
BINDINGS = re.compile(r"incompatible (?:function|constructor)|Unable to c|std::|pybind|_M_|basic_string")
BINDING = re.compile(
    r"^[\w.]+\(\) (missing|got|takes|argument|expected)|^got an unexpected keyword|^missing a required|^too many"
)
LABELS = re.compile(r"^(?:[A-Z]\w*(?: '[^']*')?(?:\.\w+)?: )+")
NAMED = re.compile(r"^[\w.]+(?: '[^']*'| of [\w ']+)?(?: [a-z]\w*)?: ")
HONEST = re.compile(r"\*\*|\d{5}|1e\d\d|float\(|memoryview")  # what may well ask for more memory than there is


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong with a program: its kind, the place (for telling faults apart), and the message."""

    kind: str
    place: str
    message: str

    @property
    def signature(self) -> str:
        words = re.sub(r"0x[0-9a-f]+|\d+|'[^']*'", "*", self.message)[:60]
        return f"{self.kind} | {self.place} | {words}"


@functools.lru_cache(4096)
def _compiled(source: str) -> tuple[CodeType, CodeType]:
    tree = ast.parse(source)
    count = 0
    for statement in tree.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if not (isinstance(target, ast.Name) and re.fullmatch(r"a\d+", target.id)):
            break
        count += 1
    parts = (ast.Module(tree.body[:count], []), ast.Module(tree.body[count:], []))
    return compile(parts[0], "<values>", "exec"), compile(parts[1], "<program>", "exec")


def _process_state() -> dict[str, Any]:
    return {
        "handler of SIGINT": signal.getsignal(signal.SIGINT),
        "gradient mode": grad_mode.enabled,
        "recording": grad_mode.recording,
        "native recording": _native.is_recording(),
        "floatx": lamina.config.floatx(),
        "threads": _native.get_num_threads(),
        "Python's threads": threading.active_count(),
        "instruction set": _native.isa(),
        "np.geterr": np.geterr(),
        "training flag": context.training,
        "depth of calls": context.depth,
    }


def _arrays(names: dict[str, Any]) -> dict[str, tuple[Any, bytes]]:
    """The arguments' bytes, to see that nobody writes to them."""
    found = {}
    for name, value in names.items():
        array = getattr(value, "_array", value)
        if re.fullmatch(r"a\d+", name) and isinstance(array, np.ndarray) and array.dtype.kind != "O":
            found[name] = (array, array.tobytes() if array.size <= 2**16 else b"")
    return found


def run(source: str) -> Fault | None:
    """The fault of a program, or None; crashes and hangs are for the session to see."""
    names = dict(NAMES)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            values, program = _compiled(source)
            exec(values, names)
        except Exception:
            return None  # no program at all
        before, arguments = _process_state(), _arrays(names)
        try:
            exec(program, names)
            checks.readable(names.get("r"))
            fault = None
        except BaseException as error:
            fault = _judged(error, source)
            state_after = _process_state()
            error.__traceback__ = None
        else:
            state_after = _process_state()
    if fault is None:
        for name, (array, old) in arguments.items():
            if old and array.tobytes() != old:
                fault = Fault("argument changed", _called(source), f"{name} was written to")
        for what, old in before.items():
            if state_after[what] != old:
                fault = Fault("state changed", _called(source), f"{what} was {old}, is {state_after[what]}")
    _restore(before)
    return fault


def _restore(before: dict[str, Any]) -> None:
    grad_mode.enabled, context.training, context.depth = True, False, 0
    if _native.get_num_threads() != before["threads"]:
        _native.set_num_threads(before["threads"])
    if lamina.config.floatx() != before["floatx"]:
        lamina.config.set_floatx(before["floatx"])
    signal.signal(signal.SIGINT, before["handler of SIGINT"])


def _called(source: str) -> str:
    found = re.findall(r"\b(?:ops|layers|losses|metrics|optimizers|native|schedules|lamina)\.[\w.]+", source)
    return found[-1] if found else "program"


def _last(trace: TracebackType | None) -> tuple[FrameType | None, int, int]:
    frame, instruction, line = None, 0, 0
    while trace is not None:
        frame, instruction, line = trace.tb_frame, trace.tb_lasti, trace.tb_lineno
        trace = trace.tb_next
    return frame, instruction, line


def _place(error: BaseException) -> str:
    """The deepest function of the package."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(PACKAGE)]
    return f"{frames[-1].filename[len(PACKAGE) + 1 :]}:{frames[-1].name}" if frames else "program"


def _judged(error: BaseException, source: str) -> Fault | None:
    kind, message, place = type(error).__name__, str(error), _place(error)
    frame, instruction, _ = _last(error.__traceback__)
    assert frame is not None
    filename = frame.f_code.co_filename
    if isinstance(error, AssertionError) and place == "program":  # of a check
        return Fault("wrong result", _called(source), message)
    if place == "program" and not isinstance(error, (SystemError, RuntimeError)):
        leak = BINDINGS.search(message)
        return leak and Fault("leak", _called(source), f"{kind}: {message}")  # else the program's own, or NumPy's
    if not isinstance(error, EXPECTED) or isinstance(error, (NotImplementedError, RecursionError)):
        return Fault(kind, place, message)
    if isinstance(error, OSError):
        return None
    if isinstance(error, MemoryError):
        return Fault(kind, place, message) if "check.load(" in source else None  # small files ask for much
    raised = dis.opname[frame.f_code.co_code[instruction]] in ("RAISE_VARARGS", "RERAISE")
    if isinstance(error, RuntimeError) and not (raised and filename.startswith(PACKAGE)):
        return Fault(kind, place, message)
    own = LABELS.sub("", message)
    labelled = own != message
    spoken = QUOTED.sub("", own) if "check.load(" in source else own  # a damaged file's words are quoted as they are
    if leak := LEAKS.search(own) or PRIVATE.search(spoken):
        return Fault("leak", place, f"{kind}: {message} [{leak[0]}]")
    on_purpose = (raised and filename.startswith(PACKAGE)) or labelled
    if not on_purpose and not NAMED.search(own) and not BINDING.search(own):
        return Fault("bare", place, f"{kind}: {message}")
    return None
