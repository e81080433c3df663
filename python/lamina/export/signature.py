"""What a model is called with: names, types and sizes of its inputs, and arrays to try it with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.arrays import as_dtype
from ..core.autograd import Array, Tensor, wrap
from ..core.tree import flatten, leaves, map_shapes, map_structure
from ..layers import InputSpec, Layer, SymbolicTensor

# Sizes of the free axes: in the two traces, and when the graph is tried.  The pairs differ by numbers that are no
# multiples of each other, so that a size in the graph tells which axis it follows.  A model that is too small for the
# first table, or halves images several times, takes another.
BATCH = (3, 10, 1)
SIZES = (
    ((10, 14, 5), (11, 20, 8), (9, 14, 7), (13, 24, 6), (12, 25, 9)),
    ((32, 48, 80), (64, 112, 32), (48, 128, 64), (80, 192, 48), (96, 240, 64)),
    ((64, 128, 192), (128, 320, 64), (192, 512, 128), (64, 512, 128), (128, 704, 64)),
    ((2, 3, 1), (3, 1, 2), (1, 2, 3), (3, 2, 1), (2, 1, 3)),
)


_SPECIFIED = (InputSpec, SymbolicTensor, Tensor, np.ndarray)


@dataclass
class Source:
    """An input of the graph: its name, type, and sizes: numbers, or names of free axes."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]


class Signature:
    """The arguments of the call that is exported.

    args: a nest of Sources, the positional arguments.
    """

    def __init__(self, args: tuple[Any, ...]) -> None:
        self.args = args
        self.sources: list[Source] = [s for s in leaves(args) if isinstance(s, Source)]

    def axes(self, shared: bool) -> list[str]:
        """The names of the free axes but the batch; shared: those at one place of several inputs are one."""
        names = [n for s in self.sources for n in s.shape if isinstance(n, str) and n != "batch"]
        return list(dict.fromkeys(map(shorter, names) if shared else names))

    def sample(self, sizes: dict[str, int], seed: int) -> list[Tensor]:
        """An array for each input; ``sizes``: those of the free axes by their names, shared or not."""
        draw = np.random.default_rng(seed)
        made = []
        for source in self.sources:
            shape = tuple(n if isinstance(n, int) else sizes[n if n in sizes else shorter(n)] for n in source.shape)
            made.append(wrap(_values(draw, shape, source.dtype)))
        return made

    def filled(self, tensors: Iterable[Tensor]) -> tuple[Any, ...]:
        """The arguments with tensors in the places of the sources."""
        rest = iter(tensors)
        filled: tuple[Any, ...] = map_structure(lambda s: next(rest) if isinstance(s, Source) else s, self.args)
        return filled


def shorter(name: str) -> str:
    """The name of a free axis that all inputs share."""
    return "dim_" + name.rsplit("_", 1)[-1] if name.startswith("dim_") else name


def _values(draw: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":
        return draw.standard_normal(shape).astype(dtype)
    values: Array = draw.integers(0, 2, shape).astype(dtype)  # indices: of tables with two rows or more
    return values


def signature_of(model: Layer, given: Any) -> Signature:
    """What ``given`` (the argument ``input_signature``) says, or else the model's own inputs."""
    symbolic = getattr(model, "inputs", None)
    args: tuple[Any, ...]
    if given is None:
        if symbolic is not None:
            nest = model.input if len(symbolic) > 1 else symbolic[0]
            args = (nest,)
        elif "_first_call" in vars(model):
            args = vars(model)["_first_call"]
        elif len(shapes := list((model._build_arguments or {}).values())) == 1:
            args = (map_shapes(lambda shape: InputSpec(shape=shape), shapes[0]),)
        else:
            raise ValueError(
                f"{model._label()}: export: the inputs are not known yet; call the model once, or pass "
                "input_signature=[lamina.layers.InputSpec(shape=(None, 8))]"
            )
    elif isinstance(given, (list, tuple)):
        several = symbolic is not None and len(symbolic) > 1 and len(given) == len(symbolic)
        args = (list(given),) if several else tuple(given)
    else:
        args = (given,)
    for spec in leaves(args) if given is not None else ():
        if not isinstance(spec, _SPECIFIED):
            raise TypeError(
                f"{model._label()}: export: expected InputSpec, Input or arrays in input_signature, got {spec!r}; for "
                "sequences of 8 numbers lamina.layers.InputSpec(shape=(None, None, 8))"
            )
    if symbolic is not None and len(flatten(args)) != len(symbolic):
        raise ValueError(
            f"{model._label()}: export: input_signature has {len(flatten(args))} inputs, the model {len(symbolic)}"
        )
    if symbolic is not None and len(args) == 1:
        names = list(args[0]) if isinstance(args[0], dict) else list(model.input_names)  # type: ignore[attr-defined]
    else:
        names = []
    return Signature(_sources(model, args, names))


def _sources(model: Layer, args: tuple[Any, ...], names: list[str]) -> tuple[Any, ...]:
    specs = [s for s in leaves(args) if isinstance(s, _SPECIFIED)]
    if len(names) != len(specs):
        names = [str(getattr(s, "name", None) or _key_of(args, i) or f"input_{i}") for i, s in enumerate(specs)]
    seen: Counter[str] = Counter()
    made: list[Source] = []
    for i, (name, spec) in enumerate(zip(names, specs, strict=True)):
        shape, dtype = _shape_and_type(model, spec)
        seen[name] += 1
        unique = name if seen[name] == 1 else f"{name}_{seen[name] - 1}"
        axes = tuple(n if n is not None else "batch" if k == 0 else f"dim_{i}_{k}" for k, n in enumerate(shape))
        made.append(Source(unique, dtype, axes))
    rest = iter(made)
    sources: tuple[Any, ...] = map_structure(lambda s: next(rest) if isinstance(s, _SPECIFIED) else s, args)
    return sources


def _key_of(args: tuple[Any, ...], place: int) -> str | None:
    """The key of a leaf in a dict of inputs."""
    if len(args) == 1 and isinstance(args[0], dict) and len(args[0]) == len(flatten(args)):
        return str(list(args[0])[place])
    return None


def _shape_and_type(model: Layer, spec: Any) -> tuple[tuple[int | None, ...], np.dtype[Any]]:
    if isinstance(spec, InputSpec) and spec.shape is None:
        raise ValueError(f"{model._label()}: export: an InputSpec of the input_signature needs a shape, got {spec!r}")
    dtype = as_dtype(spec.dtype or model.dtype, "export: dtype")
    if dtype.kind not in "fiub":
        raise ValueError(f"{model._label()}: export: an input of {dtype} is no tensor of numbers; text is not exported")
    return tuple(None if n is None else int(n) for n in spec.shape or ()), dtype
