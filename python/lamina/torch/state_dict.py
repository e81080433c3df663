"""State dicts of PyTorch into models, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.autograd import Array
from ..layers import Layer
from ..layers.weights import named_variables
from ..saving import safetensors_file
from ..saving.atomic import as_path, write_whole
from . import channel_order, pt_file
from .channel_order import Order, reordered
from .matching import Matching, full_name, match
from .report import Loaded, Report
from .tensors import as_array, tensors_of
from .units import Unit, flat, unit_of, units

# Epsilons of PyTorch's normalizations, where ours are Keras's: models that were loaded differ by them.
_EPSILON = {"BatchNorm": 1e-5, "LayerNorm": 1e-5, "GroupNorm": 1e-5}


def load_state_dict(
    model: Layer,
    source: Any,
    names: Mapping[str, Any] | None = None,
    strict: bool = True,
    prefix: str = "",
    flattened: Mapping[str, Sequence[int]] | None = None,
) -> Report:
    """Set the weights of a built model from those of a PyTorch module, each turned into its layer's layout.

    Tensors and layers are paired by their names, if the model's attributes (or the places in a ``Sequential``, or the
    names of layers) are those of the module; else by their order: each layer takes the first tensors of its kind and
    shapes that are left.  Nothing is set unless all fits.

    Args:
        model: the model, or a layer, with its weights made.
        source: a ``.pt``, ``.pth`` or ``.safetensors`` file; a dict of arrays or of PyTorch's tensors by name; or a
            module.  In a checkpoint the state dict is found.
        names: {name of a module in PyTorch: name or path of the layer here}, for those that are not found otherwise; of
            a recurrent module with several layers a list of layers.  Single tensors by their names, too.
        strict: whether a layer without tensors, and tensors of floats that are left over, are an error.
        prefix: the module of PyTorch that the model is; only names in it are taken.
        flattened: {name or path of a dense layer: (H, W, C)} of images whose flattened values it gets; functional
            models and ``Sequential`` show it by themselves.

    Returns: a Report; printed, it lists what was loaded, left over and changed in layout.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of another format or damaged; the model has no weights; a layer finds no tensors, or
            tensors are left over: the message names them and the nearest.
        TypeError: a tensor of integers would be a weight of floats; ``source`` is no path and no mapping.

    Source: PyTorch, torch.nn.Module.load_state_dict.

    Example:
        >>> model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(2)])
        >>> state = {"fc.weight": np.ones((2, 3), "float32"), "fc.bias": np.zeros(2, "float32")}
        >>> print(lamina.torch.load_state_dict(model, state))
        2 weights loaded by order, 1 of them in another layout
          fc.weight (2, 3) -> dense/kernel (3, 2)
          fc.bias (2,) -> dense/bias (2,)
    """
    found = _units(model, flattened, names)
    tensors, ordered, label = tensors_of(source, prefix)
    matching = match(found, tensors, ordered, names, strict)
    report = _report(model, matching)
    if strict:
        _check_all(label, report, matching)
    values = []
    for one in matching.found:
        arrays = [tensors[name] for name in one.names]
        for name, array in zip(one.names, arrays, strict=True):
            if array.dtype.kind != "f" and any(v.dtype.kind == "f" for v in one.link.variables):
                raise TypeError(f"{label}: {name!r} is of dtype {array.dtype}, expected floats for a weight")
        floats = [a.astype(np.float32) if a.dtype == np.float16 else a for a in arrays]
        values += list(zip(one.link.variables, one.link.back(floats), strict=True))
    for variable, value in values:
        variable.assign(value.astype(variable.dtype))
    return report


def state_dict(
    model: Layer,
    names: Mapping[str, Any] | None = None,
    like: Any = None,
    flattened: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, Array]:
    """The weights of a built model as PyTorch names and lays them out, for ``module.load_state_dict``.

    Modules are named by attributes, by their places in a ``Sequential``, or by the names that layers were given.

    Args:
        model: the model, or a layer, with its weights made.
        names: {name of a module in PyTorch: name or path of the layer here}, of those that are called otherwise.
        like: a state dict of the module (a file, or a dict), whose names and order are taken; layers are found in it as
            by ``load_state_dict``.
        flattened: as in ``load_state_dict``.

    Returns: a dict of arrays by name.

    Raises:
        ValueError: the model has no weights, or a layer no counterpart; two weights have one name; with ``like`` what
            ``load_state_dict`` would not load.

    Source: PyTorch, torch.nn.Module.state_dict.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> {name: array.shape for name, array in lamina.torch.state_dict(model).items()}
        {'0.weight': (1, 2), '0.bias': (1,)}
    """
    found = _units(model, flattened, names)
    if like is None:
        return _written(found, names or {})
    tensors, ordered, label = tensors_of(like)
    matching = match(found, tensors, ordered, names, True)
    _check_all(label, _report(model, matching), matching)
    made: dict[str, Array] = {}
    for one in matching.found:
        arrays = one.link.there([v.numpy() for v in one.link.variables])
        made |= zip(one.names, map(np.ascontiguousarray, arrays), strict=True)
    tied = _tied(matching)
    return {name: made.get(tied.get(name, name), array) for name, array in tensors.items()}


def save_state_dict(model: Any, path: Any, names: Mapping[str, Any] | None = None, like: Any = None) -> None:
    """Write ``state_dict(model)`` to a file that PyTorch reads, ``.pt`` and ``.pth`` or ``.safetensors`` by the name.

    ``torch.load(path)`` gives a dict for ``module.load_state_dict``.  An error or a crash leaves an older file whole.

    Args:
        model: the model; or a dict of arrays or tensors by name.
        path: name of the file.
        names: as in ``state_dict``.
        like: as in ``state_dict``.

    Raises:
        ValueError: as ``state_dict``; the name of the file is of another format.
        TypeError: the dict holds what is no array of numbers, or a key that is no text.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> lamina.torch.save_state_dict(model, "m.pt")  # torch.load("m.pt") reads it
        >>> [*lamina.torch.load("m.pt")]
        ['0.weight', '0.bias']
    """
    target = as_path("lamina.torch.save_state_dict", path)
    arrays = _arrays(model, names, like)
    if target.suffix == ".safetensors":
        write_whole(target, lambda file: safetensors_file.write(file, arrays, {"format": "pt"}))
    elif target.suffix in (".pt", ".pth", ".bin"):
        write_whole(target, lambda file: pt_file.write(file, arrays))
    else:
        raise ValueError(f"{target}: expected a name like {target.stem}.pt or {target.stem}.safetensors")


def save_safetensors(model: Any, path: Any, names: Mapping[str, Any] | None = None, like: Any = None) -> None:
    """Write ``state_dict(model)`` as a safetensors file, for ``safetensors.torch.load_file``.

    Args:
        model: the model; or a dict of arrays or tensors by name.
        path: name of the file.
        names: as in ``state_dict``.
        like: as in ``state_dict``.

    Raises:
        ValueError: as ``state_dict``.
        TypeError: the dict holds what is no array of numbers, or a key that is no text.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> lamina.torch.save_safetensors(model, "m.safetensors")
        >>> [*lamina.torch.load("m.safetensors")]
        ['0.weight', '0.bias']
    """
    target = as_path("lamina.torch.save_safetensors", path)
    arrays = _arrays(model, names, like)
    write_whole(target, lambda file: safetensors_file.write(file, arrays, {"format": "pt"}))


def _arrays(model: Any, names: Mapping[str, Any] | None, like: Any) -> dict[str, Array]:
    """What to write of a model, or of a dict."""
    if not isinstance(model, Mapping):
        return state_dict(model, names, like)
    for name in model:
        if not isinstance(name, str):
            raise TypeError(f"a state dict has names, got {name!r}")
    return {name: as_array(a, f"{name!r}") for name, a in model.items()}


def _units(model: Any, flattened: Mapping[str, Sequence[int]] | None, names: Any) -> list[Unit]:
    if not isinstance(model, Layer):
        raise TypeError(f"expected a model or a layer, got {model!r}")
    if not isinstance(names, (Mapping, type(None))):
        raise TypeError(f"names must be a dict {{PyTorch's name: the layer's}}, got {names!r}")
    if not model.weights:
        raise ValueError(f"{model._label()} has no weights yet: call it on data, or build it, first")
    found = units(model)
    orders = channel_order.found_in(model)
    known = {name: unit for unit in flat(found) for name in (unit.layer.name, unit.path)}
    for name, sizes in (flattened or {}).items():
        if name not in known:
            raise ValueError(f"flattened: there is no layer {name!r}; known are {', '.join(known)}")
        orders[id(known[name].layer)] = Order(rows=tuple(sizes))
    return [_ordered(unit, orders) for unit in found]


def _ordered(unit: Unit, orders: Mapping[int, Order]) -> Unit:
    order = orders.get(id(unit.layer))
    links = unit.links if order is None else [reordered(link, order) for link in unit.links]
    return unit._replace(links=links, inside=[_ordered(part, orders) for part in unit.inside])


def _report(model: Layer, matching: Matching) -> Report:
    paths = {id(v): key for key, v in named_variables(model).items()}
    loaded = [
        Loaded(
            one.names,
            tuple(matching.tensors[name].shape for name in one.names),
            tuple(paths[id(v)] for v in one.link.variables),
            tuple(v.shape for v in one.link.variables),
        )
        for one in matching.found
    ]
    tied = _tied(matching)
    left = {name: matching.tensors[name].shape for name in matching.pending if name not in tied}
    missing = {unit.path or unit.layer.name: why for unit, why in matching.missing}
    notes = [f"{name!r} is the same as {other!r}" for name, other in tied.items()]
    notes += _notes({id(one.unit.layer): one.unit for one in matching.found}.values())
    fixed = {id(v) for one in matching.found for v in one.unit.layer._fixed}
    buffers = {name for one in matching.found if id(one.link.variables[0]) in fixed for name in one.names}
    parameters = [
        name
        for name, a in matching.tensors.items()
        if a.dtype.kind == "f" and name not in buffers and name not in tied and name not in matching.ignored
    ]
    return Report(loaded, left, missing, notes, matching.how, matching.found, parameters)


def _notes(found: Any) -> list[str]:
    notes = []
    for unit in found:
        layers = [unit.layer, *unit.layer._held().layers]
        for layer in layers:
            usual = _EPSILON.get(layer._torch.name) if layer._torch is not None else None
            if usual is not None and layer.epsilon != usual:
                notes.append(f"{layer._label()} has epsilon={layer.epsilon}, PyTorch's default is {usual}")
    return notes


def _tied(matching: Matching) -> dict[str, str]:
    """Tensors that are left over, but hold the same numbers as one that was taken: it stands in two places."""
    taken = [name for one in matching.found for name in one.names]
    found = {}
    for name in matching.pending:
        a = matching.tensors[name]
        for other in taken:
            b = matching.tensors[other]
            if a.ndim > 1 and a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b):
                found[name] = other
                break
    return found


def _check_all(label: str, report: Report, matching: Matching) -> None:
    """ValueError unless every layer found its tensors, and nothing but buffers is left."""
    left = {name: shape for name, shape in report.left_over.items() if matching.tensors[name].dtype.kind == "f"}
    told = [f"{layer}: {why}" for layer, why in list(report.missing.items())[:3]]
    if len(report.missing) > 3:
        told.append(f"and {len(report.missing) - 3} more layers")
    if left:
        first = ", ".join(f"{name!r} {shape}" for name, shape in list(left.items())[:3])
        told.append(f"left over: {first}" + (f" and {len(left) - 3} more" if len(left) > 3 else ""))
    if told:
        raise ValueError(
            f"{label} does not fit the model, and nothing was loaded. " + "; ".join(told) + ". Say which is which by "
            "names={PyTorch's name: the layer's}, or load what fits with strict=False"
        )


def _written(found: list[Unit], names: Mapping[str, Any]) -> dict[str, Array]:
    places: dict[int, tuple[str, int]] = {}  # by identity of the layer
    single: dict[str, str] = {}  # by path of the weight
    for theirs, ours in names.items():
        for number, one in enumerate(ours if isinstance(ours, (list, tuple)) else [ours]):
            unit = unit_of(found, one)
            if unit is not None:
                places[id(unit.layer)] = theirs, number
            elif any(one == part.full(link.names[0]) for part in found for link in part.links):
                single[one] = theirs
            else:
                raise ValueError(
                    f"names: there is no layer {one!r}; known are {', '.join(u.path for u in flat(found))}"
                )
    made: dict[str, Array] = {}
    for unit in found:
        _write_unit(made, unit, places, single)
    return made


def _write_unit(
    made: dict[str, Array], unit: Unit, places: Mapping[int, tuple[str, int]], single: Mapping[str, str]
) -> None:
    prefix, number = places.get(id(unit.layer), (unit.name, 0))
    apart = any(id(part.layer) in places for part in flat(unit.inside))
    if unit.links and not apart:
        groups = [(prefix, unit.links)]
    elif unit.inside:
        for part in unit.inside:
            _write_unit(made, part, places, single)
        return
    else:
        groups = [(full_name(prefix, place.name, 0), place.links) for place in unit.others[0]]
    for module, links in groups:
        for link in links:
            for name, array in zip(link.names, link.there([v.numpy() for v in link.variables]), strict=True):
                full = single.get(unit.full(link.names[0])) or full_name(module, name, number)
                if full in made:
                    raise ValueError(f"{unit.path}: there are two weights {full!r}; give names={{...}} or like=")
                made[full] = np.array(array, order="C")
        for name, value in unit.ignored.items():
            made[full_name(module, name, number)] = np.array(value)


__all__ = ["load_state_dict", "save_safetensors", "save_state_dict", "state_dict"]
