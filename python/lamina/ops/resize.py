"""Sequences, images and volumes of another size: the rules of Keras, PyTorch, Pillow and ONNX over one kernel."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from ..core.explain import is_number
from ..core.suggest import unknown
from .conversion import routed
from .integer_images import in_floats, in_their_type

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area", "box", "hamming")
KERAS_INTERPOLATIONS = INTERPOLATIONS[:5]
COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
RULES = ("keras", "torch", "pillow", "onnx")


class Rule(NamedTuple):
    """How the outputs of resizing follow from its inputs, in the words of ONNX's Resize."""

    interpolation: str = "bilinear"
    coordinates: str = "half_pixel"
    rounding: str = "round_prefer_ceil"
    antialias: bool = False
    cubic_coefficient: float = -0.5
    exclude_outside: bool = True
    scales: tuple[float, ...] | None = None


def _preset(rule: str, interpolation: str, antialias: bool) -> Rule:
    """What a library means by the name of an interpolation."""
    made = Rule(interpolation, antialias=antialias)
    if rule == "torch":  # its cubic filter is Pillow's where it smooths
        made = made._replace(cubic_coefficient=-0.5 if antialias else -0.75, exclude_outside=antialias)
        return made._replace(coordinates="asymmetric", rounding="floor") if interpolation == "nearest" else made
    if rule == "onnx":
        return made._replace(rounding="round_prefer_floor", cubic_coefficient=-0.75, exclude_outside=False)
    return made._replace(antialias=True) if rule == "pillow" else made


def make_rule(
    op: str,
    interpolation: str,
    antialias: bool = False,
    rule: str = "keras",
    coordinates: str | None = None,
    rounding: str | None = None,
    cubic_coefficient: float | None = None,
    exclude_outside: bool | None = None,
    scales: Sequence[float] | None = None,
) -> Rule:
    """The rule of a library, changed by options that are not None; errors name ``op``."""
    options = (op, interpolation, antialias, rule, coordinates, rounding, cubic_coefficient, exclude_outside, scales)
    try:
        return _known(*options)
    except TypeError:  # a list has no hash, which is no matter, or something is no name or number
        return _made(*options)


def _made(
    op: str,
    interpolation: str,
    antialias: bool,
    rule: str,
    coordinates: str | None,
    rounding: str | None,
    cubic_coefficient: float | None,
    exclude_outside: bool | None,
    scales: Sequence[float] | None,
) -> Rule:
    for kind, name, known in (
        ("interpolation", interpolation, INTERPOLATIONS),
        ("rule", rule, RULES),
        ("coordinates", coordinates, COORDINATES),
        ("rounding", rounding, ROUNDINGS),
    ):
        if name is not None and name not in known:
            raise unknown(f"{kind} of {op}", name, known)
    for option, value, takes in (
        ("coordinates", coordinates, interpolation != "area"),
        ("scales", scales, interpolation != "area"),
        ("rounding", rounding, interpolation == "nearest"),
        ("cubic_coefficient", cubic_coefficient, interpolation == "bicubic"),
        ("exclude_outside", exclude_outside, interpolation not in ("nearest", "area")),
    ):
        if value is not None and not takes:
            raise ValueError(f"{op}: interpolation {interpolation!r} has no {option}, got {value!r}; leave it None")
    if cubic_coefficient is not None and not is_number(cubic_coefficient):
        raise TypeError(f"{op}: cubic_coefficient must be a number, got {cubic_coefficient!r}")
    if scales is not None:
        if isinstance(scales, str) or not all(is_number(s) and s > 0 for s in scales):
            raise ValueError(f"{op}: scales must be positive numbers, one an axis, got {scales!r}")
        scales = tuple(float(s) for s in scales)
    given: dict[str, Any] = {
        "coordinates": coordinates, "rounding": rounding, "scales": scales,
        "cubic_coefficient": None if cubic_coefficient is None else float(cubic_coefficient),
        "exclude_outside": None if exclude_outside is None else bool(exclude_outside),
    }  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None}
    return _preset(rule, interpolation, bool(antialias))._replace(**changes)


_known = functools.lru_cache(1000)(_made)  # calls repeat, and there are few rules


def resize_axes(x: Tensor, size: tuple[int, ...], rule: Rule) -> Tensor:
    """x (N, sizes.., C) with other sizes, one to three of them; integers remain such."""
    if x._array.dtype.kind != "f":
        return in_their_type(resize_axes(in_floats(x), size, rule), x._array.dtype)
    y = _native.resize_forward(x._array, size, *rule)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.resize_backward(dy, *rule, grads[0], grads.accumulate)

    return record(y, (x,), backward)


resize_axes = routed(resize_axes, "resize_axes")  # layers of sequences and volumes call it

__all__: list[str] = []
