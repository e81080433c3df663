"""The tensors of a state dict, whatever it came in: by name, as arrays of floats and integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.autograd import Array, Tensor
from . import formats

_NAMES = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights")  # in checkpoints
_AROUND = ("module.", "_orig_mod.")  # what DataParallel and compile put before every name
_SPLIT = {"weight_g": "weight_v", "parametrizations.weight.original0": "parametrizations.weight.original1"}


def tensors_of(source: Any, prefix: str = "") -> tuple[dict[str, Array], bool, str]:
    """The arrays of a file or a mapping by name, whether their order says something, and what to call the source.

    A checkpoint's state dict is found in it; names lose what wrappers put before all of them, and ``prefix``, without
    which names are left out; weights in two parts, of weight_norm, become one.
    """
    if hasattr(source, "state_dict") and not isinstance(source, type):  # a module itself
        source = source.state_dict()
    if isinstance(source, Mapping):
        given, ordered, label = source, True, "the state dict"
    else:
        given, ordered = formats.read(source)
        label = str(source)
    found = _state_dict(given, label)
    arrays = {}
    for name, value in found.items():
        arrays[name] = as_array(value, f"{label}: {name!r}")
    for around in _AROUND * 2:
        if arrays and all(name.startswith(around) for name in arrays):
            arrays = {name.removeprefix(around): a for name, a in arrays.items()}
    if prefix:
        inside = f"{prefix.removesuffix('.')}."
        arrays = {name.removeprefix(inside): a for name, a in arrays.items() if name.startswith(inside)}
        if not arrays:
            begins = sorted({name.partition(".")[0] for name in found})
            raise ValueError(f"{label}: no name begins with {inside!r}; they begin with {', '.join(begins[:8])}")
    return _whole(arrays), ordered and not _alphabetical(list(arrays)), label


def _alphabetical(names: list[str]) -> bool:
    """Whether names are sorted, as those of a safetensors file that was read before: modules have a weight first."""
    return names == sorted(names) and any(
        f"{n.removesuffix('bias')}weight" in names for n in names if n.endswith("bias")
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, Tensor)) or (hasattr(value, "detach") and hasattr(value, "numpy"))


def _state_dict(given: Any, label: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or not given:
        told = "an empty one" if isinstance(given, Mapping) else type(given).__name__
        raise ValueError(f"{label}: expected a state dict of tensors by name, got {told}")
    if all(isinstance(name, str) and _is_array(value) for name, value in given.items()):
        return given
    inside = {
        name: value
        for name, value in given.items()
        if isinstance(value, Mapping) and value and all(isinstance(n, str) and _is_array(v) for n, v in value.items())
    }
    known = [name for name in _NAMES if name in inside] or list(inside)
    if len(inside) == 1 or (known and known[0] in _NAMES):
        return dict(inside[known[0]])
    other = next((n for n, v in given.items() if not _is_array(v)), None)
    raise ValueError(
        f"{label}: it is no state dict, {other!r} is a {type(given[other]).__name__}"
        + (f"; give one of its parts, lamina.torch.load(path)[{known[0]!r}]" if known else "")
    )


def as_array(value: Any, what: str) -> Array:
    """An array of numbers, of an array or a tensor, ours or PyTorch's; bfloat16 as float32.  TypeError for others."""
    if isinstance(value, Tensor):
        return value.numpy()
    if hasattr(value, "detach"):
        tensor = value.detach().cpu()
        array = tensor.float().numpy() if str(tensor.dtype) == "torch.bfloat16" else tensor.numpy()
    else:
        array = np.asarray(value)
    if array.dtype.name == "bfloat16":  # of ml_dtypes
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what} is of dtype {array.dtype}, expected numbers")
    return array


def _whole(arrays: dict[str, Array]) -> dict[str, Array]:
    """With each weight that weight_norm splits into lengths and directions as their product."""
    found: dict[str, Array] = {}
    for name, a in arrays.items():
        for lengths, directions in _SPLIT.items():
            other = arrays.get(name.removesuffix(lengths) + directions) if name.endswith(lengths) else None
            if other is not None and a.ndim == other.ndim:
                axes = tuple(i for i, n in enumerate(a.shape) if n == 1)
                norm = np.sqrt(np.sum(np.square(other, dtype=np.float64), axes, keepdims=True))
                found[name.removesuffix(lengths) + "weight"] = (other * (a / norm)).astype(other.dtype)
                break
            rest = name.removesuffix(directions)
            if name.endswith(directions) and rest + lengths in arrays:
                break
        else:
            found[name] = a
    return found
