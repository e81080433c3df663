"""Every native function, one argument at a time replaced by what does not belong there.

The functions are found by introspection, their valid arguments come from the case registry (or from ``BY_HAND``).  A
call either raises a Python error that says what is wrong in Lamina's words, or gives a right result.  The sanitizer
build runs this file too.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import lamina
from lamina import _native, optimizers
from lamina.testing.cases import Case, test_cases

ERRORS = (ValueError, TypeError, IndexError, MemoryError)
INTERNALS = re.compile(
    r"incompatible function|incompatible constructor|Unable to cast|std::|basic_string|vector::|bad_alloc|"
    r"returned NULL|returned a result|not iterable|has no attribute|pybind|nan is not|_M_"
)


@dataclass(frozen=True)
class Example:
    """A function with valid arguments, made anew for each call; ``writes``: the places of what it writes to."""

    name: str
    function: Callable[..., Any]
    arguments: Callable[[], list[Any]]
    writes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Mutation:
    """``plain``: None, or what must give the same result.  ``refused``: whether the call must raise."""

    text: str
    value: Any
    plain: Any = None
    refused: bool = False


# ---------------------------------------------------------------------------------------------- valid calls


def weight(case: Case) -> tuple[bool, int]:
    sizes = [a.size for a in case.inputs(np.random.default_rng(0), np.float32) if isinstance(a, np.ndarray)]
    return 0 in sizes, sum(sizes)


def from_registry() -> Iterator[Example]:
    """For each function the smallest case, and for each argument that is None there, the smallest that has one."""
    by_forward: dict[str, list[Case]] = {}
    for case in sorted(test_cases(), key=weight):
        by_forward.setdefault(case.forward, []).append(case)
    for cases in by_forward.values():
        chosen: list[Case] = []
        given: set[int] = set()
        for case in cases:
            has = {i for i, a in enumerate(case.inputs(np.random.default_rng(0), np.float32)) if a is not None}
            if not has <= given:
                given |= has
                chosen.append(case)
        for case in chosen:
            yield from of_case(case)


def of_case(case: Case) -> Iterator[Example]:
    def forward() -> list[Any]:
        return list(case.inputs(np.random.default_rng(0), np.float32))

    # A state of random numbers is advanced; running statistics are moved.
    moved = {"dropout_forward": (2,), "batch_norm_forward": (3, 4), "attention_forward": (11,)}
    moved["cached_attention_forward"] = (3, 4)
    yield Example(case.forward, getattr(_native, case.forward), forward, moved.get(case.forward, ()))
    if not case.backward:
        return
    assert case.saved is not None

    def backward() -> list[Any]:
        args = forward()
        result = getattr(_native, case.forward)(*args)
        y = result[0] if isinstance(result, tuple) else result
        dy = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
        of = [args[i] for i in case.gradients]
        destinations = [np.zeros(a.shape, np.float32) if isinstance(a, np.ndarray) else None for a in of]
        if case.backward == "concatenate_backward":
            return [*case.saved(tuple(args), result, dy), destinations, 0]
        return [*case.saved(tuple(args), result, dy), *destinations, 0]

    n = len(case.saved(tuple(forward()), getattr(_native, case.forward)(*forward()), np.zeros(1, np.float32)))
    places = tuple(range(n, n + len(case.gradients)))
    yield Example(case.backward, getattr(_native, case.backward), backward, places)


def rand(*shape: int) -> Any:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def quantized(rows: int, columns: int) -> Any:
    integers = np.arange(rows * columns).reshape(rows, columns).astype(np.int8)
    return _native.QuantizedMatrix(integers, np.ones(columns, np.float32))


def group(slots: int) -> Any:
    on = np.ones(1, np.bool_)
    state = [[np.ones((3, 2), np.float32)] for _ in range(slots)]
    return _native.ParameterGroup(
        [rand(3, 2)], [rand(3, 2)], state, on, on.copy(), np.array([0.1]), np.zeros(1, np.int64)
    )


def group_arguments() -> list[Any]:
    on = np.ones(2, np.bool_)
    lists = [[rand(3, 2), rand(4)] for _ in range(2)]
    slots = [[np.zeros((3, 2), np.float32), np.zeros(4, np.float32)]]
    rows = [_native.TouchedRows(3), None]
    return [*lists, slots, on, on.copy(), np.array([0.1]), np.zeros(1, np.int64), rows, on[:1].copy()]


def accumulation() -> list[Any]:
    """Two groups, the second one's gradients being the first one's weights, and a number."""
    sums, on, rate, steps = [rand(3, 2)], np.ones(1, np.bool_), np.array([0.1]), np.zeros(1, np.int64)
    rest = [], on, on.copy(), rate, steps
    into = _native.ParameterGroup([rand(3, 2)], sums, [], on, on.copy(), rate, steps.copy(), None, on.copy())
    return [_native.ParameterGroup(sums, [rand(3, 2)], *rest), into, 2]


def scaling() -> list[Any]:
    """A group that is due or not, the scale and its steps, and a number."""
    on = np.ones(1, np.bool_)
    rest = [], on, on.copy(), np.array([0.1]), np.zeros(1, np.int64), None, on.copy()
    return [_native.ParameterGroup([rand(3, 2)], [rand(3, 2)], *rest), np.array([8.0, 0.0]), 5]


def plan(slots: bool = False) -> Any:
    p = _native.Plan()
    p.start()
    _native.copy(x := rand(3, 2))
    p.stop()
    p.set_slots((x,) if slots else (), lamina.Tensor)
    return p


def batches(a: int, b: int) -> Any:
    return rand(a), rand(b)


def started(p: Any) -> None:
    _native.Plan.start(p)
    _native.Plan.stop(p)


def started_dry(p: Any) -> None:
    _native.Plan.start_dry(p)
    _native.Plan.stop(p)


def failed_plan() -> Any:
    p, indices = _native.Plan(), np.zeros(2, np.int64)
    p.start()
    _native.embedding_forward(indices, rand(3, 2))
    p.stop()
    indices[0] = 9
    with pytest.raises(IndexError):
        p.run()
    return p


def retraced(p: Any) -> None:
    _native.Plan.retrace(p)
    _native.Plan.stop(p)


def int8_recurrence(gates: int) -> list[Any]:
    rest = [None] * 8 + ["tanh", "sigmoid", False, False, False, 1e-3, True, False, False]
    return [rand(2, 3, 4), quantized(4, 5 * gates), quantized(5, 5 * gates), rand(5 * gates), *rest]


P, T, G = _native.Plan, _native.TouchedRows, _native.ParameterGroup
BY_HAND: dict[str, tuple[Callable[[], list[Any]], tuple[int, ...]]] = {
    "batch_norm_fold": (lambda: [rand(3, 2), rand(2), rand(2), rand(2), rand(2), rand(2) ** 2, 1e-3], ()),
    "advance_cache": (lambda: [np.array([5]), 2, 7], (0,)),
    "cast_forward": (lambda: [rand(3, 2), np.float64], ()),
    "cast_backward": (lambda: [rand(3, 2), np.zeros((3, 2)), 0], (1,)),
    "classify_forward": (lambda: [rand(3, 2), "isnan"], ()),
    "conv_padding": (lambda: [rand(2, 5, 3), rand(2, 3, 4), 1, "same", 1, 1], ()),
    "depthwise_conv_padding": (lambda: [rand(2, 5, 3), rand(2, 3, 4), 1, "same", 1], ()),
    "concatenate_backward": (
        lambda: [rand(3, 5), 1, [2, 3], [np.zeros((3, 2), np.float32), np.zeros((3, 3), np.float32)], 0], (3,)),
    "copy": (lambda: [rand(3, 2)], ()),
    "copy_into": (lambda: [rand(3, 2), np.zeros((3, 2), np.float32), False], (1,)),
    "strided_copy": (lambda: [rand(3, 2), np.zeros((3, 2), np.float32), False], (1,)),
    "unbroadcast": (lambda: [rand(3, 2), np.zeros(2, np.float32), 1.0, False], (1,)),
    "relu_gradient": (lambda: [rand(3, 2), rand(3, 2)], ()),
    "empty": (lambda: [(3, 2), np.float32], ()),
    "full": (lambda: [(3, 2), 1.0, np.float32], ()),
    "fill_into": (lambda: [np.zeros((3, 2), np.float32), 1.0], (0,)),
    "address": (lambda: [rand(3)], ()),
    "are_classes": (lambda: [np.array([0, 1]), 2], ()),
    "direct": (lambda: [_native.unary_forward, ("exp",), 1, 0, False, False, None, lamina.Tensor], ()),
    "hold_same": (lambda: [([1, 2], {"a": 1}), ((1, 2), (1,))], ()),
    "optimizer_step": (lambda: [group(1), *optimizers.RMSprop()._step_arguments()], ()),
    "accumulate_gradients": (accumulation, ()),
    "unscale_gradients": (scaling, (1,)),
    "update_rule": (lambda: ["adam"], ()),
    "quantized_dense_forward": (lambda: [rand(2, 3), quantized(3, 5), rand(5), "relu"], ()),
    "quantized_conv_forward": (
        lambda: [rand(2, 4, 4, 3), quantized(12, 5), rand(5), rand(5), 2, 1, "same", 1, 1, "relu"],
        (),
    ),
    "exchange_post": (lambda: [_native.Exchange(), 1, 0, rand(3, 2), np.zeros((3, 2), np.float32)], (4,)),
    "exchange_wait": (lambda: [_native.Exchange(), 1, 0], ()),
    "meet": (lambda: [np.zeros((1, 8), np.int64), 0, 1, 0, False], (0,)),
    "Exchange.take": (lambda: [_native.Exchange(), 0], ()),
    "Exchange.finish": (lambda: [_native.Exchange(), 1, 0], ()),
    "Exchange.fail": (lambda: [_native.Exchange(), "why"], ()),
    "TouchedRows.mark": (lambda: [T(3), np.array([0, 2])], ()),
    "touch_all": (lambda: [_native.TouchedRows(3)], ()),
    "use_isa": (lambda: [_native.isa()], ()),
    "work_alone": (lambda: [False], ()),
    "set_num_threads": (lambda: [_native.get_num_threads()], ()),
    "pool_set_limit": (lambda: [1 << 28], ()),
    "pool_set_poison": (lambda: [False], ()),
    "cgroup_quota": (lambda: [""], ()),
    "physical_cores": (lambda: [""], ()),
    "measure_flops": (lambda: ["float32", 1e-6], ()),
    "measure_stream": (lambda: [4096, 1e-6, "add"], ()),
    "ParameterGroup": (group_arguments, (*range(7), 8)),
    "QuantizedMatrix": (lambda: [np.ones((3, 5), np.int8), np.ones(5, np.float32)], ()),
    "TouchedRows": (lambda: [5], ()),
    "TouchedRows.__deepcopy__": (lambda: [T(3), {}], ()),
    "Plan.retrace": (lambda: [failed_plan()], ()),
    "Plan.start": (lambda: [plan()], ()),
    "Plan.start_dry": (lambda: [plan()], ()),
    "Plan.set_slots": (lambda: [plan(), (np.zeros((3, 2), np.float32),), lamina.Tensor], (1,)),
    "Plan.load": (lambda: [plan(True), (rand(3, 2),)], ()),
    "Plan.call": (lambda: [plan(True), (rand(3, 2),), ((),) * 6, rand(3, 2), False], ()),
    "Plan.run_batches": (lambda: [plan(True), (rand(2, 3, 2),), (batches(2, 1),), (batches(1, 2),), 2, 9], ()),
    "Plan.run_step": (lambda: [plan(), 0], ()),
    "Plan.owns": (lambda: [plan(), rand(3)], ()),
}  # fmt: skip
CALLED = {"Plan.start": started, "Plan.start_dry": started_dry, "Plan.retrace": retraced}
WITHOUT_ARGUMENTS = {
    "activations", "activations_with_slope", "affinity_count", "measure_region", "caches", "compiler",
    "default_threads", "fast_bfloat16", "get_num_threads", "has_bfloat16", "host_isas", "is_recording", "isa",
    "pool_clear", "pool_reset_peak", "pool_stats", "Plan", "Exchange",
}  # fmt: skip
MAKE = {"Plan": plan, "TouchedRows": lambda: T(3), "ParameterGroup": lambda: group(0)}


def object_of(kind: str) -> list[Any]:
    return [MAKE[kind]()]


def everything() -> dict[str, Callable[..., Any]]:
    """name -> function: of the module, and the methods and properties of its classes as functions of their object."""
    found: dict[str, Callable[..., Any]] = {}
    for name in dir(_native):
        if name.startswith("_"):
            continue
        found[name] = getattr(_native, name)
        if isinstance(found[name], type):
            for key, member in vars(found[name]).items():
                if isinstance(member, property):
                    found[f"{name}.{key}"] = member.fget  # type: ignore[assignment]
                elif callable(member) and (not key.startswith("_") or key == "__deepcopy__"):
                    found[f"{name}.{key}"] = getattr(found[name], key)
    return found


@functools.cache
def examples() -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    for example in from_registry():
        found.setdefault(example.name, []).append(example)
    for name, cell in (("lstm_forward", 4), ("gru_reset_before_forward", 3)):
        found[name].append(Example(name, getattr(_native, name), functools.partial(int8_recurrence, cell)))
    for name, function in everything().items():
        function = CALLED.get(name, function)
        if name in BY_HAND:
            arguments, writes = BY_HAND[name]
            found[name] = [Example(name, function, arguments, writes)]
        elif "." in name:
            found[name] = [Example(name, function, functools.partial(object_of, name.split(".")[0]))]
    return found


# ---------------------------------------------------------------------------------------------- mutations

HUGE = (2**50, 2**62, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**2000)


class Strange:
    """Its conversions fail with errors of their own kind."""

    def __index__(self) -> int:
        raise TypeError("no index")

    def __float__(self) -> float:
        raise ValueError("no float")

    def __repr__(self) -> str:
        raise ValueError("no repr")


def objects() -> Iterator[Mutation]:
    values = [None, [], (), {}, "x", "\ud800", b"x", 1.5, 3, object(), Strange(), [[1.0]], np.float32, 1j]
    for v in [*values, np.zeros((2, 3), np.float32), np.array(1), np.array([1]), np.array("x"), np.array([None])]:
        yield Mutation(type(v).__name__ if isinstance(v, Strange) else f"{v!r}", v)
    for kind in (P, T, G):
        yield Mutation(f"{kind.__name__} without constructor", kind.__new__(kind))


MOVED = ("byte-swapped", "misaligned")
# What takes any object, or asks whether it is an array that fits.
TAKES_ALL = {"address", "Plan.owns", "Plan.load", "Plan.call"}


def layouts(a: Any) -> Iterator[tuple[str, Any]]:
    """a in memory as few would have it, the same numbers."""
    yield "read-only", a.copy()
    yield "byte-swapped", a.astype(a.dtype.newbyteorder())
    raw = np.zeros(a.nbytes + 1, np.uint8)
    odd = raw[1:].view(a.dtype).reshape(a.shape)
    odd[...] = a
    yield "misaligned", odd
    if a.ndim:
        yield "reversed", np.ascontiguousarray(a[::-1])[::-1]
        wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
        wide[..., ::2] = a
        yield "every other", wide[..., ::2]
        yield "Fortran order", np.asfortranarray(a)


def arrays(a: Any, written: bool, others: list[Any]) -> Iterator[Mutation]:
    for text, v in layouts(a):
        if text == "read-only":
            v.flags.writeable = False
        if not written:
            yield Mutation(text, v, plain=a)
        else:
            yield Mutation(text, v, refused=text == "read-only" or (a.size > 0 and a.itemsize > 1 and text in MOVED))
    if a.size > 1 and not written:
        one = np.broadcast_to(a.reshape(-1)[:1].reshape((1,) * a.ndim), a.shape)
        yield Mutation("zero strides", one, plain=np.array(one))
    if a.size > 1 and written:
        one = np.lib.stride_tricks.as_strided(a.copy(), a.shape, (0,) * a.ndim)
        yield Mutation("zero strides", one, refused=True)
    for d in ("f4", "f8", "i4", "i8", "u1", "?", "i1", "u2", "u8"):
        if a.dtype != d:
            alone = not any(o.dtype == a.dtype for o in others)
            with np.errstate(invalid="ignore"):
                v = a.astype(d)
            yield Mutation(d, v, refused=a.dtype.kind == "f" and d == "f8" and not alone)
    for d in ("f2", "c8", "O", "U3", "M8[s]", "V4"):
        v = np.zeros(a.shape, d)
        yield Mutation(d, v, refused=True)
    for axis in range(a.ndim):
        for n in (a.shape[axis] + 1, a.shape[axis] - 1, 0, 1):
            if n >= 0 and n != a.shape[axis]:
                shape = (*a.shape[:axis], n, *a.shape[axis + 1 :])
                yield Mutation(f"shape {shape}", np.resize(a, shape).astype(a.dtype))
        yield Mutation(f"without axis {axis}", np.ascontiguousarray(np.take(a, 0, axis)) if a.shape[axis] else a[0:0])
    yield Mutation("another axis", a[None].copy())
    yield Mutation("flat", a.reshape(-1).copy())
    yield Mutation("nothing", np.zeros(0, a.dtype))
    yield Mutation("a number", np.zeros((), a.dtype))
    if a.ndim < 10:
        yield Mutation("many axes", a.reshape(a.shape + (1,) * (12 - a.ndim)).copy())
    if a.dtype.kind in "iu":
        for v in (-1, 100, np.iinfo(a.dtype).min, np.iinfo(a.dtype).max):
            if np.iinfo(a.dtype).min <= v <= np.iinfo(a.dtype).max:
                yield Mutation(f"full of {v}", np.full(a.shape, v, a.dtype))


def sequences(values: Any, written: bool, others: list[Any]) -> Iterator[Mutation]:
    kind = type(values)
    yield Mutation("empty", kind())
    yield Mutation("shorter", values[:-1])
    yield Mutation("longer", values + values[:1])
    yield Mutation("a list", list(values))
    yield Mutation("many", kind(list(values) * 70))
    if values:
        for m in mutations(values[0], written, others):
            yield Mutation(f"first {m.text}", kind([m.value, *values[1:]]), refused=m.refused)


def mutations(value: Any, written: bool, others: list[Any]) -> Iterator[Mutation]:
    yield from objects()
    if isinstance(value, np.ndarray):
        yield from arrays(value, written, others)
    elif isinstance(value, list | tuple):
        yield from sequences(value, written, others)
    elif isinstance(value, bool):
        yield from (Mutation(f"{v!r}", v) for v in (2, -1, 2**70, np.True_, np.array([True, False])))
    elif isinstance(value, int) or value is None:
        yield from (Mutation(f"{v!r}"[:30], v) for v in (*HUGE, -1, 0, 17, np.int8(1), np.uint64(2**63), float("nan")))
        yield from (Mutation(f"{v!r}"[:50], v) for v in ((0, 0), (0, -1), (2**63,), (1.5,), ("x",), [0, [0]]))
    elif isinstance(value, float):
        yield from (
            Mutation(f"{v!r}"[:30], v) for v in (float("nan"), float("inf"), -float("inf"), -1.0, 1e308, 2**2000)
        )
    elif isinstance(value, str):
        yield from (Mutation(f"{v!r}"[:30], v) for v in ("", "no such name", "y" * 5000, "a\0b", "%s%n"))


# ---------------------------------------------------------------------------------------------- checks


@pytest.fixture(autouse=True)
def _restore():
    threads, isa = _native.get_num_threads(), _native.isa()
    yield
    _native.work_alone(False)
    _native.set_num_threads(threads)
    _native.use_isa(isa)
    _native.pool_set_poison(False)
    _native.pool_set_limit(512 << 20)


def outcome(example: Example, args: list[Any]) -> list[bytes]:
    """What the call gives and writes, as bytes."""

    def flat(v: Any) -> Iterator[bytes]:
        if isinstance(v, list | tuple):
            for e in v:
                yield from flat(e)
        elif isinstance(v, np.ndarray):
            yield v.tobytes()

    result = example.function(*args)
    return [*flat(result), *flat([args[i] for i in example.writes])]


def attempt(example: Example, place: int, m: Mutation) -> None:
    if example.name.startswith("measure_") and place == 1 and not isinstance(m.value, str | None):
        return  # so many seconds
    args = example.arguments()
    args[place] = m.value
    where = f"{example.name}, argument {place}: {m.text}"
    got, error = None, None
    try:
        got = outcome(example, args)
    except ERRORS as e:
        error = e
    assert not _native.is_recording(), where
    if error is not None:
        assert str(error), where
        assert not INTERNALS.search(str(error)), f"{where}: {type(error).__name__}: {error}"
        assert m.plain is None, f"{where} was refused: {error}"
        return
    assert not m.refused or example.name in TAKES_ALL, f"{where} was accepted"
    if m.plain is not None:
        plain = example.arguments()
        plain[place] = m.plain
        assert got == outcome(example, plain), f"{where}: another result"


def test_every_function_is_called():
    assert set(everything()) == set(examples()) | WITHOUT_ARGUMENTS


@pytest.mark.parametrize("name", sorted(examples()))
def test_a_wrong_argument_is_a_clear_error(name):
    seen: set[int] = set()  # of a further example only the arguments that the ones before did not have
    for example in examples()[name]:
        arguments = example.arguments()
        outcome(example, arguments)
        made = [a for a in arguments if isinstance(a, np.ndarray)]
        for place, value in enumerate(arguments):
            if place in seen:
                continue
            if value is not None:
                seen.add(place)
            others = [a for a in made if a is not value]
            if name == "cast_backward":
                others = []  # of another type
            for m in mutations(value, place in example.writes, others):
                attempt(example, place, m)
