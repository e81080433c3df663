"""Errors that Python and NumPy raise inside of a call, in the words of the call: which argument is not what it takes.

Asked when a call has failed, so that good calls pay nothing.  What is expected stands in the signature.
"""

from __future__ import annotations

import functools
import inspect
import opcode
import operator
import re
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, NoReturn, TypeVar

import numpy as np

_ROOT = __name__.partition(".")[0]  # the package
F = TypeVar("F", bound=Callable[..., Any])

_NAMED = re.compile(r"^(?!unhashable)[\w.]+( '[^']*'| of [\w ']+)?( [a-z_]\w*(\[\d+\])?)?: ")  # begins with who says it
_INNER = re.compile(
    r"(?!unhashable)(?P<name>[a-z_]\w*( loss)?)( (?P<argument>[a-z_]\w*)(\[\d+\])?)?: (?P<word>\w*)"
)  # who is an operation
_BINDING = re.compile(r"^[\w.]+\(\) (missing|got|takes)|^got an unexpected keyword|^missing a required|^too many posit")
_RAISES = (opcode.opmap["RAISE_VARARGS"], opcode.opmap["RERAISE"])
_TOLD = (IndexError, OverflowError, ValueError)  # their messages say something to a caller
_INTERNAL = ("The truth value", "setting an array element")  # how the library looked at what it should not have got
_LEFT = (MemoryError, OSError, RuntimeError, ImportError, Warning, StopIteration)


def is_index(value: Any) -> bool:
    """Whether Python takes a value as an integer; True and False count as none."""
    if isinstance(value, (bool, np.bool_)) or isinstance(getattr(value, "_array", None), np.ndarray):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _is_flag(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_)) or is_index(value)


def is_number(value: Any) -> bool:
    """Whether Python makes a float of a value that is no text."""
    if isinstance(value, (str, bytes, complex)):
        return False
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _is_indices(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype.kind in "iu"
    return isinstance(value, (list, tuple, range)) and all(map(is_index, value))


def _is_array(value: Any) -> bool:
    try:
        return np.asarray(getattr(value, "_array", value)).dtype.kind in "fiub"
    except (TypeError, ValueError, OverflowError):
        return False


def _is_arrays(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_array, value))


def _is_tensors(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(hasattr(v, "_array") for v in value)


# A part of an annotation: whether a value fits, and what to call it.
_ARRAY = "a tensor, an array, a number or nested lists of numbers"
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "None": (lambda v: v is None, "None"),
    "bool": (_is_flag, "True or False"),
    "int": (is_index, "an integer"),
    "float": (is_number, "a number"),
    "str": (lambda v: isinstance(v, str), "a string"),
    "Sequence[int]": (_is_indices, "a sequence of integers"),
    "Sequence[int | None]": (lambda v: isinstance(v, (list, tuple)), "a sequence of sizes"),
    "TensorLike": (_is_array, _ARRAY),
    "Sequence[TensorLike]": (_is_arrays, "a list of tensors or arrays"),
    "Tensor": (lambda v: hasattr(v, "_array"), "a Tensor"),
    "Sequence[Tensor]": (_is_tensors, "a list of tensors"),
    "Callable": (callable, "a function"),
    "LearningRateSchedule": (lambda v: callable(v) or isinstance(v, dict), "a schedule"),
    "Layer": (lambda v: callable(getattr(v, "call", None)), "a layer"),
    "Generator": (lambda v: type(v).__name__ in ("Generator", "SeedGenerator"), "a random.Generator"),
}
_SHORT = {
    "Axis": "int | Sequence[int] | None",
    "Size": "int | Sequence[int]",
    "Shape": "Sequence[int]",
    "LossFunction": "Callable",
    "MetricFunction": "Callable",
    "Padding": "str | int | Sequence[int] | Sequence[Sequence[int]]",
}

_SHORT_NAMES = re.compile(rf"\b({'|'.join(_SHORT)})\b")


@functools.cache
def _parts(annotation: str) -> list[str]:
    """The alternatives of an annotation, simplified to keys of ``_KINDS`` where there is one."""
    text = _SHORT_NAMES.sub(lambda m: _SHORT[m[1]], annotation)
    text = re.sub(r"\b(?:list|tuple)\[(int|TensorLike)(?:, \.\.\.)?\]", r"Sequence[\1]", text)
    text = re.sub(r"Callable\[([^][]|\[[^][]*\])*\]", "Callable", text)
    return list(dict.fromkeys(p.strip() for p in re.split(r"\|(?![^\[]*\])", text)))


def show(value: Any) -> str:
    """A value for a message: what it is, not what it holds."""
    array = getattr(value, "_array", value)
    if isinstance(array, np.ndarray):
        return f"{'a tensor' if array is not value else 'an array'} of shape {array.shape} and dtype {array.dtype}"
    if isinstance(value, (list, tuple, dict)) and len(value) > 0:
        parts = {show(v) for v in (value.values() if isinstance(value, dict) else value)}
        if any(" of " in p or len(p) > 20 for p in parts):
            return f"a {type(value).__name__} of {len(value)}: {', '.join(sorted(parts)[:3])}"[:200]
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(value)).replace("\n", " ")
    return text if len(text) <= 80 else f"{text[:60]}... ({type(value).__name__})"


def only(array: Any) -> Any:
    """An array that holds one number."""
    if array.size != 1:
        raise ValueError(
            f"Tensor: one of shape {array.shape} holds {array.size} numbers where one is expected; index it, or use "
            "ops.sum, ops.all or ops.any"
        )
    return array


def _wrong(label: str, annotation: str, name: str, value: Any) -> str:
    """What is wrong with one argument; "" if nothing is, or its annotation doesn't say."""
    parts = _parts(annotation)
    if not all(p in _KINDS for p in parts):
        return ""
    if any(_KINDS[p][0](value) for p in parts):
        return ""
    words = [_KINDS[p][1] for p in parts if p != "None"] + ["None"] * ("None" in parts)
    expected = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    return f"{label}: {name} must be {expected}, got {show(value)}"


def _is_foreign(trace: TracebackType | None) -> bool:
    """Whether an error came through code of somebody else."""
    while trace is not None:
        root = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if root not in (_ROOT, "numpy") and root not in sys.stdlib_module_names:
            return True
        trace = trace.tb_next
    return False


def _is_on_purpose(trace: TracebackType) -> bool:
    """Whether the library raised an error itself."""
    while trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame
    root = frame.f_globals.get("__name__", "").partition(".")[0]
    converts = frame.f_code.co_name == "__index__"  # Python asked, for a function that knows no tensors
    return root == _ROOT and not converts and frame.f_code.co_code[trace.tb_lasti] in _RAISES


def explained(
    error: Exception, label: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Exception:
    """The error to raise in place of ``error``: itself, or a TypeError or ValueError that names call and argument."""
    message = str(error)
    of_value = message.startswith("Tensor: the value ")  # the conversion of an argument, which has a name here
    if isinstance(error, _LEFT) or (_NAMED.match(message) and not of_value) or _BINDING.match(message):
        return error
    module = type(error).__module__.partition(".")[0]
    trace = error.__traceback__ and error.__traceback__.tb_next  # without the frame that asks
    if module not in ("builtins", "numpy") or (
        not of_value and trace is not None and (_is_foreign(trace) or _is_on_purpose(trace))
    ):
        return error
    try:
        signature = inspect.signature(function)
        given = signature.bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return error
    given.pop("self", None)
    for name, value in given.items():
        parameter = signature.parameters[name]
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if wrong := _wrong(label, str(parameter.annotation), name, value):
            return TypeError(wrong)
    if of_value:
        return error
    summary = ", ".join(f"{name}: {show(value)}" for name, value in given.items())
    if isinstance(error, _TOLD) and not message.startswith(_INTERNAL):
        kind = next(k for k in _TOLD if isinstance(error, k))
        return kind(f"{label}: {message}; got {summary}")
    other = TypeError if isinstance(error, (TypeError, AttributeError)) else ValueError
    return other(f"{label}: these arguments do not fit: {summary}")


def of_operation(error: Exception, name: str, function: Callable[..., Any]) -> Exception:
    """The error of an operation in that operation's name, where it came from one that the operation is made of.

    The inner name stays where the message is about an argument that only the inner operation has.
    """
    trace = error.__traceback__ and error.__traceback__.tb_next  # without the frame that asks
    message = str(error)
    if isinstance(error, ValueError) and type(error).__module__.partition(".")[0] == "numpy":  # AxisError
        error = ValueError(message).with_traceback(error.__traceback__)
    if type(error) not in (ValueError, TypeError, IndexError) or _is_foreign(trace):
        return error
    inner = _INNER.match(message)
    if inner is None:
        if trace is None and message.startswith(f"{function.__name__}() "):  # an alias is called wrongly
            error.args = (name + message[len(function.__name__) :],)
        elif trace and not _NAMED.match(message) and not _BINDING.match(message) and _is_on_purpose(trace):
            error.args = (f"{name}: {message}",)
    elif inner["name"] != name:
        parameters = inspect.signature(function).parameters
        is_ours = inner["name"] not in parameters and (inner["argument"] or inner["word"]) in parameters
        is_ours |= inner["name"] == function.__name__  # of which this is an alias
        error.args = (f"{name}{message[inner.end('name') :] if is_ours else ': ' + message}",)
    return error


def fail(
    error: Exception,
    label: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
) -> NoReturn:
    """Raise what ``explained`` makes of ``error``."""
    new = explained(error, label, function, args, kwargs or {})
    if new is error:
        raise error
    raise new from error


def require(label: str, function: Callable[..., Any], **given: Any) -> None:
    """TypeError that names the first of these arguments that is not what the signature of ``function`` says.

    For what is only looked at later, or compared with something.
    """
    annotations = _annotations(function)
    for name, value in given.items():
        if wrong := _wrong(label, annotations[name], name, value):
            raise TypeError(wrong)


@functools.cache
def _annotations(function: Callable[..., Any]) -> dict[str, str]:
    return {name: str(p.annotation) for name, p in inspect.signature(function).parameters.items()}


def named(label: str) -> Callable[[F], F]:
    """Decorator: errors inside of a function are told under this name."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                fail(error, label, function, args, kwargs)

        return run  # type: ignore[return-value]

    return decorate


class _OfConstructor:
    """``inspect.signature`` of a class; Pythons to 3.11 take that of an inherited ``__new__`` before ``__init__``'s."""

    def __get__(self, instance: Any, cls: type) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")  # an object's is that of its call
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=[*signature.parameters.values()][1:])


class Explained:
    """Base of public classes: their constructors refuse arguments that are not what their signature says.

    ``strict``: also those that they only stored for later (numbers, flags, strings and functions).  ``also``: methods
    of the library's own classes whose errors are told, too.
    """

    __signature__ = _OfConstructor()
    _strict: ClassVar[bool] = False
    _also: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, strict: bool = False, also: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._strict, cls._also = strict or cls._strict, also or cls._also
        if cls.__module__.partition(".")[0] == _ROOT:
            for name in {"__init__", *cls._also} & set(vars(cls)):
                setattr(cls, name, _explaining(vars(cls)[name], cls._strict and name == "__init__"))


def _name_subclass(error: Exception, label: str, function: Callable[..., Any]) -> None:
    """Python's own words about wrong numbers of arguments name the base that has the method, which may be private."""
    told = f"{function.__qualname__}() "
    if type(error) is TypeError and str(error).startswith(told):
        error.args = (f"{label}.{function.__name__}() {str(error).removeprefix(told)}",)


def _explaining(function: F, strict: bool) -> F:
    known: list[tuple[inspect.Signature, dict[str, str]]] = []

    def declared() -> tuple[inspect.Signature, dict[str, str]]:  # not at import, which has hundreds of functions
        if not known:
            signature = inspect.signature(function)
            parameters = (p for p in signature.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
            known.append((signature, {p.name: str(p.annotation) for p in parameters}))
        return known[0]

    @functools.wraps(function)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        label = type(self).__name__
        try:
            result = function(self, *args, **kwargs)
        except Exception as error:
            _name_subclass(error, label, function)
            fail(error, label, function, (self, *args), kwargs)
        if strict:
            signature, checked = declared()
            for name, value in signature.bind(self, *args, **kwargs).arguments.items():
                if name in checked and (wrong := _wrong(label, checked[name], name, value)):
                    raise TypeError(wrong)
        return result

    return run  # type: ignore[return-value]
