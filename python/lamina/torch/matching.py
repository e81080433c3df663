"""Which tensors of a state dict belong to which layers: by their names, by a map of names, or by their order."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..core.autograd import Array
from ..layers.torch_module import Link, Place
from .units import Unit, flat, unit_of

_NUMBER = re.compile(r"_l0(?=$|_)")  # of the layer, in names of a recurrent module


class Match(NamedTuple):
    """A link whose tensors were found, and their names in the state dict."""

    unit: Unit
    link: Link
    names: tuple[str, ...]


class Matching:
    """What was found, and what was not."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self.tensors = tensors
        self.pending = dict.fromkeys(tensors)  # names that nothing has taken, in order
        self.found: list[Match] = []
        self.ignored: dict[str, str] = {}  # of tensors that have no counterpart: their name in the module
        self.missing: list[tuple[Unit, str]] = []  # and why
        self.how = "names"

    # ---- one place ----

    def _fit(self, links: Sequence[Link], prefix: str, number: int = 0) -> list[tuple[str, ...]] | None:
        """The full names of all tensors of links in the module ``prefix``, if they are there and fit."""
        found = []
        for link in links:
            names = tuple(full_name(prefix, name, number) for name in link.names)
            shapes = link.shapes()
            if any(n not in self.pending or self.tensors[n].shape != s for n, s in zip(names, shapes, strict=True)):
                return None
            found.append(names)
        return found

    def _take(self, unit: Unit, links: Sequence[Link], prefix: str, number: int = 0) -> bool:
        names = self._fit(links, prefix, number)
        if names is None:
            return False
        for link, own in zip(links, names, strict=True):
            self.found.append(Match(unit, link, own))
            for name in own:
                del self.pending[name]
        for name in unit.ignored:
            full = full_name(prefix, name, number)
            if full in self.pending:
                del self.pending[full]
                self.ignored[full] = name
        return True

    # ---- by names ----

    def by_name(self, unit: Unit, prefix: str | None = None, number: int = 0) -> bool:
        """Take a unit at its own name, or at ``prefix``; or all that is inside of it."""
        place = unit.name if prefix is None else prefix
        if unit.links and self._take(unit, unit.links, place, number):
            return True
        if prefix is not None or not unit.inside:
            return False
        before = self._state()
        if all(self.by_name(part) for part in unit.inside):
            return True
        self._restore(before)
        return False

    def has_names_of(self, unit: Unit) -> bool:
        """Whether the tensors of a unit are there, of whatever shapes."""
        if unit.links and all(full_name(unit.name, n, 0) in self.pending for link in unit.links for n in link.names):
            return True
        return bool(unit.inside) and all(map(self.has_names_of, unit.inside))

    # ---- by order ----

    def by_order(self, unit: Unit, ordered: bool) -> bool:
        """Take a unit at the first place that fits it; as one module, as others beside each other, or by its parts."""
        before = self._state()
        if unit.links and self._first(unit, Place(unit.links, ""), ordered):
            return True
        for places in unit.others:
            if all(self._first(unit, place, ordered) for place in places):
                return True
            self._restore(before)
        if unit.inside and not unit.others and all(self.by_order(part, ordered) for part in unit.inside):
            return True
        self._restore(before)
        return False

    def _first(self, unit: Unit, place: Place, ordered: bool) -> bool:
        fitting = ((p, n) for p, n in self._candidates(place) if self._fit(place.links, p, n) is not None)
        if ordered:
            first = next(fitting, None)
            return first is not None and self._take(unit, place.links, *first)
        several = sorted(fitting, key=lambda one: (_natural(one[0]), one[1]))
        if len(several) > 1 and not _counted([p for p, _ in several]):
            raise ValueError(
                f"{unit.path or unit.layer.name}: {' and '.join(repr(p) for p, _ in several[:3])} fit it alike, and a "
                "safetensors file has no order; say which is which by names={PyTorch's name: the layer's}"
            )
        return bool(several) and self._take(unit, place.links, *several[0])

    def _candidates(self, place: Place) -> Iterator[tuple[str, int]]:
        """The modules in which the first tensor of a place could be, in order, and which layer of theirs."""
        first = re.escape(place.links[0].names[0])
        pattern = re.compile(rf"(?:(?P<prefix>.*)\.)?{_NUMBER.sub(lambda _: r'_l(?P<number>[0-9]+)', first)}")
        for name in self.pending:
            found = pattern.fullmatch(name)
            if found:
                prefix = found["prefix"] or ""
                number = int(found.groupdict().get("number") or 0)
                if not place.hints or re.fullmatch(place.hints, prefix.rpartition(".")[2].lower()):
                    yield prefix, number

    # ---- all or nothing ----

    def _state(self) -> tuple[Any, ...]:
        return dict(self.pending), len(self.found), dict(self.ignored)

    def _restore(self, state: tuple[Any, ...]) -> None:
        self.pending, count, self.ignored = dict(state[0]), state[1], dict(state[2])
        del self.found[count:]


def full_name(prefix: str, name: str, number: int) -> str:
    """The name of a module's tensor in the state dict; number: which layer of a recurrent module."""
    own = re.sub(r"_l(\d+)(?=$|_)", lambda m: f"_l{int(m[1]) + number}", name) if number else name
    return f"{prefix}.{own}" if prefix else own


def match(
    found: Sequence[Unit], tensors: Mapping[str, Array], ordered: bool, names: Mapping[str, Any] | None, strict: bool
) -> Matching:
    """Pair the units of a model with tensors.

    Args:
        ordered: whether the order of the tensors says something.
        names: {PyTorch's name of a module or tensor: path or name of the layer or weight, or a list of layers}.
        strict: whether a unit that is not found by its name is looked for by order.
    """
    matching = Matching(tensors)
    rest = _by_map(matching, list(found), names or {})
    start = matching._state()
    lacking = [unit for unit in rest if not matching.by_name(unit)]
    if not lacking:
        return matching
    named = [unit for unit in lacking if matching.has_names_of(unit)]
    if len(named) == len(lacking) or (not strict and 2 * len(lacking) <= len(rest)):
        matching.missing = [(unit, _why(matching, unit)) for unit in lacking]
        return matching
    matching._restore(start)
    matching.how = "order"
    lacking = [unit for unit in rest if not matching.by_order(unit, ordered)]
    matching.missing = [(unit, _why(matching, unit)) for unit in lacking]
    return matching


def _by_map(matching: Matching, found: list[Unit], names: Mapping[str, Any]) -> list[Unit]:
    """Take what the map names; the units that are left."""
    for theirs, ours in names.items():
        for number, one in enumerate(ours if isinstance(ours, (list, tuple)) else [ours]):
            found = _take_named(matching, found, theirs, one, number)
    return found


def _take_named(matching: Matching, found: list[Unit], theirs: str, ours: Any, number: int) -> list[Unit]:
    meant = unit_of(found, ours)
    if meant is not None:
        if not matching.by_name(meant, theirs, number):
            raise ValueError(f"names: {theirs!r} does not fit {ours!r}: {_why(matching, meant, theirs)}")
        return _without(found, meant)
    for unit in found:
        for link in unit.links:
            if len(link.names) == len(link.variables) == 1 and ours == unit.full(link.names[0]):
                if theirs not in matching.pending or matching.tensors[theirs].shape != link.shapes()[0]:
                    raise ValueError(f"names: {theirs!r} does not fit {ours!r}, expected {link.shapes()[0]}")
                matching.found.append(Match(unit, link, (theirs,)))
                del matching.pending[theirs]
                left = unit._replace(links=[other for other in unit.links if other is not link])
                return [left if one is unit else one for one in found if one is not unit or left.links]
    near = difflib.get_close_matches(str(ours), [u.path for u in flat(found)], 1, 0)
    raise ValueError(f"names: there is no layer {ours!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def _without(found: list[Unit], taken: Unit) -> list[Unit]:
    """The units without one, which may stand inside of another: the others inside of that are left, then."""
    left: list[Unit] = []
    for unit in found:
        if unit is taken:
            continue
        inside = any(one is taken for one in flat(unit.inside))
        left += _without(unit.inside, taken) if inside else [unit]
    return left


def _why(matching: Matching, unit: Unit, prefix: str | None = None) -> str:
    """What a unit wants, and the nearest that there is."""
    links = unit.links or [link for part in unit.inside for link in part.links]
    links = links or [link for place in (unit.others or [[]])[0] for link in place.links]
    wanted = {n: s for link in links for n, s in zip(link.names, link.shapes(), strict=True)}
    place = unit.name if prefix is None else prefix
    told = ", ".join(f"{name} {shape}" for name, shape in list(wanted.items())[:6])
    for name, shape in wanted.items():
        full = full_name(place, name, 0)
        if full in matching.tensors and matching.tensors[full].shape != shape:
            return f"{full!r} is {matching.tensors[full].shape}, expected {shape}"
    same = [n for n in matching.pending for w in wanted if n == w or n.endswith(f".{w}")]
    same = same or list(matching.pending)
    first = next(iter(wanted), "")
    near = difflib.get_close_matches(full_name(place, first, 0), same, 1, 0)
    nearest = f"; the nearest left is {near[0]!r} {matching.tensors[near[0]].shape}" if near else ""
    return f"expected {told}{nearest}"


def _natural(name: str) -> list[Any]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]


def _counted(prefixes: Sequence[str]) -> bool:
    """Whether names differ by their numbers alone."""
    return len({re.sub(r"\d+", "0", prefix) for prefix in prefixes}) == 1
