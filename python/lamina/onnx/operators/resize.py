"""Resize and Upsample: images on the native tables, other axes one after the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor
from ...ops.conversion import as_tensor
from ..layout import channels_last, data_of, order_of, ordered, stored
from ..registry import Call, Run, Unsupported, integers, operator, sized

_MODES = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}
_COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize",
)  # fmt: skip
_CROP = "tf_crop_and_resize"


def _floats(x: Any) -> list[float]:
    return [float(v) for v in np.asarray(x if isinstance(x, np.ndarray) else x.numpy()).reshape(-1)]


class Resizing:
    """The attributes of Resize, and resizing by them."""

    def __init__(self, call: Call) -> None:
        old = call.version < 11 or call.node.op == "Upsample"
        self.mode = call.choice("mode", "nearest", ("nearest", "linear", "cubic", "bilinear"))
        self.mode = "linear" if self.mode == "bilinear" else self.mode
        self.coordinates = call.choice(
            "coordinate_transformation_mode", "asymmetric" if old else "half_pixel", _COORDINATES
        )
        self.rounding = call.get("nearest_mode", "floor" if old else "round_prefer_floor")
        self.a = call.get("cubic_coeff_a", -0.75)
        self.exclude = bool(call.get("exclude_outside", 0))
        self.fill = call.get("extrapolation_value", 0.0)
        self.antialias = bool(call.get("antialias", 0))
        self.options: dict[str, Any] = {}
        if self.mode == "nearest":
            self.options = {"rounding": self.rounding}
        elif self.mode == "cubic":
            self.options = {"cubic_coefficient": float(self.a), "exclude_outside": self.exclude}
        if self.coordinates == _CROP and (self.antialias or self.mode == "cubic"):
            raise Unsupported(f"{_CROP} with antialias or mode='cubic'")
        self.axes = call.get("axes")
        self.policy = call.choice("keep_aspect_ratio_policy", "stretch", ("stretch", "not_larger", "not_smaller"))

    def sizes(self, shape: tuple[int, ...], scales: list[float] | None, sizes: list[int] | None) -> Any:
        """By axis, the new size and the scale."""
        chosen = list(range(len(shape))) if self.axes is None else [a % len(shape) for a in self.axes]
        if sizes is not None:
            factors = [m / shape[a] for a, m in zip(chosen, sizes, strict=True)]
            if self.policy != "stretch":
                factor = (min if self.policy == "not_larger" else max)(factors)
                factors = [factor] * len(chosen)
                sizes = [math.floor(factor * shape[a] + 0.5) for a in chosen]
        else:
            factors = scales or []
            sizes = [math.floor(shape[a] * f) for a, f in zip(chosen, factors, strict=True)]
        return {a: (m, f) for a, m, f in zip(chosen, sizes, factors, strict=True)}

    def __call__(self, x: Any, wanted: dict[int, tuple[int, float]], roi: Any) -> Any:
        shape = x.shape
        if self.coordinates == _CROP:
            return self._cropped(x, wanted, _floats(roi), list(wanted))
        sized([wanted[a][0] if a in wanted else n for a, n in enumerate(shape)])
        changed = [a for a, (m, f) in sorted(wanted.items()) if m != shape[a] or f != 1.0]
        if not changed:
            return x
        if x.ndim == 4 and set(changed) <= {2, 3}:
            order = channels_last(4)
            pairs = [wanted.get(a, (shape[a], 1.0)) for a in (2, 3)]
            return ordered(self._image(as_tensor(stored(x, order)), pairs), order)
        t, order = as_tensor(data_of(x)), order_of(x)
        for axis in changed:
            at = order.index(axis)
            sizes = t.shape
            lines = ops.reshape(t, (math.prod(sizes[:at]), sizes[at], 1, math.prod(sizes[at + 1 :])))
            lines = self._image(lines, [wanted[axis], (1, 1.0)])
            t = ops.reshape(lines, (*sizes[:at], wanted[axis][0], *sizes[at + 1 :]))
        return ordered(t, order)

    def _image(self, t: Tensor, pairs: list[tuple[int, float]]) -> Tensor:
        """(N, H, W, C) in another size."""
        return ops.resize(
            t, [m for m, _ in pairs], _MODES[self.mode], antialias=self.antialias, rule="onnx",
            coordinates=self.coordinates, scales=[f for _, f in pairs], **self.options,
        )  # fmt: skip

    def _cropped(self, x: Any, wanted: dict[int, tuple[int, float]], roi: list[float], axes: list[int]) -> Any:
        """A part of x, each axis as a product with the matrix of its weights."""
        t, order = as_tensor(data_of(x)), order_of(x)
        ends = dict(zip(axes, zip(roi[: len(axes)], roi[len(axes) :], strict=True), strict=True))
        outside: Any = None
        for axis in axes:
            start, end = ends[axis]
            if wanted[axis][0] == x.shape[axis] and (start, end) == (0.0, 1.0):
                continue
            at = order.index(axis)
            weights, beyond = self._weights(x.shape[axis], wanted[axis][0], start, end, t.dtype)
            t = ops.moveaxis(ops.matmul(ops.moveaxis(t, at, -1), weights), -1, at)
            beyond = beyond.reshape([-1 if i == at else 1 for i in range(t.ndim)])
            outside = beyond if outside is None else outside | beyond
        return ordered(t if outside is None else ops.where(outside, np.array(self.fill, t.dtype), t), order)

    def _weights(self, n: int, m: int, start: float, end: float, dtype: Any) -> tuple[Array, Array]:
        """(n, m) weights of one axis, and which outputs stand outside."""
        o = np.arange(m)
        at = (
            start * (n - 1) + o * (end - start) * (n - 1) / (m - 1)
            if m > 1
            else np.full(1, (start + end) * (n - 1) / 2)
        )
        beyond = (at < 0) | (at > n - 1)
        at = np.clip(at, 0, n - 1)
        weights = np.zeros((n, m), dtype)
        if self.mode == "nearest":
            up = {"floor": np.floor(at), "ceil": np.ceil(at), "round_prefer_floor": np.ceil(at - 0.5)}
            weights[up.get(self.rounding, np.floor(at + 0.5)).astype(int), o] = 1
        else:
            low = np.minimum(np.floor(at).astype(int), max(n - 2, 0))
            weights[low, o] += 1 - (at - low)
            weights[np.minimum(low + 1, n - 1), o] += at - low
        return weights, beyond


@operator("Resize", ordered=True)
def resize(call: Call) -> Run:
    node = Resizing(call)

    def run(x: Any, *inputs: Any) -> Any:
        if call.version < 11:
            roi, scales, sizes = None, inputs[0], None
        else:
            roi, scales, sizes = (*inputs, None, None, None)[:3]
        factors = None if scales is None else _floats(scales)
        return node(x, node.sizes(x.shape, factors or None, None if sizes is None else integers(sizes)), roi)

    return run


@operator("Upsample", ordered=True)
def upsample(call: Call) -> Run:
    node = Resizing(call)
    fixed = None
    if call.version < 9:
        fixed = call.get("scales")
        if fixed is None:
            fixed = [1.0, 1.0, call.required("height_scale"), call.required("width_scale")]
    return lambda x, scales=None: node(x, node.sizes(x.shape, fixed or _floats(scales), None), None)
