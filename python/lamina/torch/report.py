"""What loading a state dict did."""

from __future__ import annotations

from typing import NamedTuple

from ..layers import Variable
from .matching import Match


class Loaded(NamedTuple):
    """One pair: tensors of PyTorch, and the weights that hold the same numbers now."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    weights: tuple[str, ...]
    weight_shapes: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        return f"{_listed(self.names, self.shapes)} -> {_listed(self.weights, self.weight_shapes)}"


class Report:
    """What ``load_state_dict`` did; printed, it lists all of it.

    Args:
        loaded: pairs of PyTorch's tensors and weights.
        left_over: {name: shape} of tensors that nothing took.
        missing: {weight: why} of weights that kept their values.
        notes: sentences about what may be wrong.
        how: "names" or "order", by which tensors and layers were paired.
        matches: the links behind ``loaded``.
        parameters: the names of PyTorch's parameters, in their order.

    Source: Lamina.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> state = {"fc.weight": np.ones((1, 2), "float32"), "fc.bias": np.zeros(1, "float32")}
        >>> report = lamina.torch.load_state_dict(model, state)
        >>> len(report.loaded), report.how, report.left_over
        (2, 'order', {})
    """

    def __init__(
        self,
        loaded: list[Loaded],
        left_over: dict[str, tuple[int, ...]],
        missing: dict[str, str],
        notes: list[str],
        how: str,
        matches: list[Match],
        parameters: list[str],
    ) -> None:
        self.loaded, self.left_over, self.missing, self.notes, self.how = loaded, left_over, missing, notes, how
        self._matches, self._parameters = matches, parameters

    @property
    def reshaped(self) -> list[Loaded]:
        """The pairs whose shapes or numbers of arrays differ."""
        return [one for one in self.loaded if one.shapes != one.weight_shapes]

    @property
    def variables(self) -> list[Variable]:
        """The variables that were set."""
        return [v for match in self._matches for v in match.link.variables]

    def __str__(self) -> str:
        loaded = _count(sum(len(one.weights) for one in self.loaded), "weight")
        lines = [f"{loaded} loaded by {self.how}, {len(self.reshaped)} of them in another layout"]
        lines += [f"  {one}" for one in self.loaded]
        if self.left_over:
            lines += [f"{_count(len(self.left_over), 'tensor')} left over"]
            lines += [f"  {name} {shape}" for name, shape in self.left_over.items()]
        if self.missing:
            lines += [f"{_count(len(self.missing), 'layer')} kept their weights"]
            lines += [f"  {name}: {why}" for name, why in self.missing.items()]
        return "\n".join(lines + [f"note: {note}" for note in self.notes])

    __repr__ = __str__


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _listed(names: tuple[str, ...], shapes: tuple[tuple[int, ...], ...]) -> str:
    return " + ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))
