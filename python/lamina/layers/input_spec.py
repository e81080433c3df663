"""InputSpec: what a layer expects of an input, checked at its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.arrays import as_dtype
from ..core.explain import Explained, is_index, show
from ..core.registry import register_serializable
from ..core.tree import leaves

_COUNTS = ("ndim", "max_ndim", "min_ndim")


@register_serializable(package="lamina")
class InputSpec(Explained, strict=True):
    """Axes, sizes and type that an input must have.

    A layer that sets ``self.input_spec`` to one, or to a nest of one for each input, has the first argument of its
    calls checked, before and after it is built; None in the place of one leaves that input alone.

    Args:
        dtype: type of the numbers.
        shape: sizes with the batch axis, None for any.
        ndim: number of axes; ``shape`` says it already.
        max_ndim: most axes.
        min_ndim: fewest axes.
        axes: {axis: size} of single axes, also counted from the end; None is any size.
        allow_last_axis_squeeze: whether a last axis of size 1, here or there, may be left out.
        name: the key of the input where a layer is called with a dict.
        optional: whether None may stand in its place.

    Raises:
        TypeError: ``axes`` is no dict of integers; a number of axes is no integer.
        ValueError: a dtype is unknown; an axis is beyond ``ndim`` or ``max_ndim``.

    Source: Keras 3, InputSpec.

    Example:
        >>> class Digits(lamina.Layer):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.input_spec = lamina.layers.InputSpec(shape=(None, 28, 28, 1), allow_last_axis_squeeze=True)
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else as_dtype(dtype, "InputSpec: dtype").name
        for what, value in zip(_COUNTS, (ndim, max_ndim, min_ndim), strict=True):
            if value is not None and (not is_index(value) or value < 0):
                raise TypeError(f"InputSpec: {what} must be an integer from 0 or None, got {value!r}")
        self.shape: tuple[int | None, ...] | None = None
        if shape is not None:
            if isinstance(shape, str) or not isinstance(shape, Sequence):
                raise TypeError(f"InputSpec: shape must be a tuple of sizes, got {shape!r}")
            self.shape = tuple(shape)
            ndim = len(self.shape)
        self.ndim, self.max_ndim, self.min_ndim = ndim, max_ndim, min_ndim
        self.name, self.optional, self.allow_last_axis_squeeze = name, bool(optional), bool(allow_last_axis_squeeze)
        try:
            self.axes = {int(axis): size for axis, size in dict(axes or {}).items()}
        except (TypeError, ValueError):
            raise TypeError(f"InputSpec: axes must be a dict of axis and size, got {axes!r}") from None
        most = self.ndim if self.ndim is not None else max_ndim
        if self.axes and most is not None and max(self.axes) >= most:
            raise ValueError(f"InputSpec: axis {max(self.axes)} of axes is beyond the {most} axes of the input")

    def __repr__(self) -> str:
        parts = [f"{k}={v}" for k, v in vars(self).items() if v and k not in ("name", "optional")]
        return f"InputSpec({', '.join(parts)})"

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            "dtype": self.dtype, "shape": self.shape, "ndim": self.ndim, "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim, "axes": {str(k): v for k, v in self.axes.items()},
            "allow_last_axis_squeeze": self.allow_last_axis_squeeze, "name": self.name, "optional": self.optional,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """The specification of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**config)

    def _mismatch(self, x: Any) -> str | None:
        """Why an input with a shape and a dtype is not as specified, or None."""
        shape = tuple(x.shape)
        n = len(shape)
        if self.ndim is not None and not self.allow_last_axis_squeeze and n != self.ndim:
            return f"expected {self.ndim} axes, got {n}: its shape is {shape}"
        if self.max_ndim is not None and n > self.max_ndim:
            return f"expected at most {self.max_ndim} axes, got {n}: its shape is {shape}"
        if self.min_ndim is not None and n < self.min_ndim:
            return f"expected at least {self.min_ndim} axes, got {n}: its shape is {shape}"
        if self.dtype is not None and np.dtype(x.dtype).name != self.dtype:
            return f"expected {self.dtype}, got {np.dtype(x.dtype).name}; convert it, or give the layer autocast=False"
        for axis, size in self.axes.items():
            there = -n <= axis < n
            if size is not None and (not there or shape[axis] not in (size, None)):
                return f"expected size {size} in axis {axis}, got shape {shape}"
        return None if self.shape is None else self._other_shape(self.shape, shape)

    def _other_shape(self, wanted: tuple[int | None, ...], shape: tuple[int | None, ...]) -> str | None:
        given, full = shape, wanted
        if self.allow_last_axis_squeeze:
            shape, wanted = (s[:-1] if s and s[-1] == 1 else s for s in (shape, wanted))
        fits = len(shape) == len(wanted)
        fits = fits and all(a is None or b is None or a == b for a, b in zip(wanted, shape, strict=True))
        return None if fits else f"expected shape {full}, got {given}"


def check_input(spec: Any, inputs: Any) -> None:
    """ValueError unless the first argument of a call is as a layer's ``input_spec`` says."""
    specs = [spec] if isinstance(spec, InputSpec) else list(leaves(spec))
    for s in specs:
        if s is not None and not isinstance(s, InputSpec):
            raise TypeError(f"input_spec must be an InputSpec or a nest of them, got {show(s)}")
    names = [s.name for s in specs if s is not None and s.name]
    if isinstance(inputs, Mapping) and len(names) == len(specs):
        missing = [name for name in names if name not in inputs]
        if missing:
            raise ValueError(f"no input {missing[0]!r}: expected the keys {names}, got {list(inputs)}")
        inputs = [inputs[name] for name in names]
    found = list(leaves(inputs)) if isinstance(inputs, (Mapping, list, tuple)) else [inputs]
    if len(found) != len(specs):
        hint = f"; give a dict with the keys {names}" if len(names) == len(specs) else ""
        raise ValueError(f"expected {len(specs)} inputs, got {len(found)}{hint}")
    for i, (s, x) in enumerate(zip(specs, found, strict=True)):
        if s is None or (x is None and s.optional):
            continue
        what = f"input {i}" if s.name is None else f"input {s.name!r}"
        if not hasattr(x, "shape"):
            raise ValueError(f"{what} is no tensor, but {show(x)}")
        wrong = s._mismatch(x)
        if wrong:
            raise ValueError(f"{what}: {wrong}")


__all__ = ["InputSpec"]
