"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.suggest import unknown
from .figures import new_axes

_MOST_NUMBERS = 25  # classes of which the cells have their numbers written in


def _classes(what: str, given: Any, axis_is_class: bool = True) -> Any:
    """One class a sample: as given, or where probabilities of each stand in the last axis, the greatest."""
    found = np.asarray(given)
    if found.ndim == 2 and found.shape[1] > 1 and axis_is_class and found.dtype.kind in "fiub":
        return found.argmax(axis=1)
    found = found.reshape(-1) if found.ndim == 2 and found.shape[1] == 1 else found
    if found.ndim != 1:
        raise ValueError(
            f"confusion_matrix: {what} is {found.shape}, expected one class a sample, or the probability of each"
        )
    if found.dtype.kind == "f":
        if np.all(found == np.round(found)):
            return found.astype(np.int64)
        if np.all((found >= 0) & (found <= 1)):  # the probability of the second of two classes
            return (found > 0.5).astype(np.int64)
        raise ValueError(f"confusion_matrix: {what} holds numbers that are no classes, such as {found[0]}")
    return found.astype(np.int64) if found.dtype.kind in "bui" else found.astype(str)


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[Any] | None = None,
    normalize: str | None = None,
    axes: Any = None,
    cmap: str = "Blues",
) -> Any:
    """Draw by matplotlib how many samples of each class were taken for each.

    Args:
        y_true: (N,) true classes, integers or texts, or (N, classes) with the largest at the class.
        y_pred: (N,) predicted classes, (N, classes) probabilities or logits, or the probability of the second of two.
        labels: the classes' names in the order of their numbers; of texts the classes that are shown, in order. None
            takes all that occur, or the numbers.
        normalize: None shows numbers of samples; "true", "pred" or "all" parts of a row, a column or of all.
        axes: where it is drawn, matplotlib's axes; None makes a figure.
        cmap: name of matplotlib's colours.

    Returns: matplotlib's axes; the numbers are those of ``axes.images[0].get_array()``.

    Raises:
        ValueError: the arrays differ in length, have other axes or hold no classes; a class has no label; ``normalize``
            is another word.
        ImportError: matplotlib is missing.

    Example:
        >>> axes = lamina.plot.confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2], labels=["cat", "dog", "fox"])
        >>> axes.images[0].get_array().astype(int).tolist()
        [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    """
    if normalize not in (None, "true", "pred", "all"):
        raise unknown("normalize of confusion_matrix", normalize, ("true", "pred", "all"))
    true, predicted = _classes("y_true", y_true), _classes("y_pred", y_pred)
    if len(true) != len(predicted) or not len(true):
        raise ValueError(f"confusion_matrix: {len(true)} true and {len(predicted)} predicted classes; expected as many")
    names, true, predicted = _numbered(true, predicted, labels)
    n = len(names)
    counts = np.zeros((n, n))
    np.add.at(counts, (true, predicted), 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if normalize is not None:
            axis = {"true": 1, "pred": 0, "all": None}[normalize]
            counts = np.nan_to_num(counts / counts.sum(axis=axis, keepdims=True))
    if axes is None:
        inches = min(max(0.55 * n + 1.8, 3.6), 11.0)
        (axes,) = new_axes("confusion_matrix", 1, 1, (inches + 0.5, inches))
    _draw(axes, counts, names, normalize, cmap)
    return axes


def _numbered(true: Any, predicted: Any, labels: Sequence[Any] | None) -> tuple[list[str], Any, Any]:
    """The names of the classes, and both arrays as places among them."""
    texts = true.dtype.kind == "U" or predicted.dtype.kind == "U"
    if texts or labels is None:
        known = sorted({*true.tolist(), *predicted.tolist()}) if labels is None else [str(v) for v in labels]
        place = {v: i for i, v in enumerate(known)}
        for given in (true, predicted):
            missing = next((v for v in given.tolist() if v not in place), None)
            if missing is not None:
                raise ValueError(f"confusion_matrix: class {missing!r} is not among the labels {known}")
        return [str(v) for v in known], *([place[v] for v in given.tolist()] for given in (true, predicted))  # type: ignore[return-value]
    for what, given in (("y_true", true), ("y_pred", predicted)):
        if given.min() < 0 or given.max() >= len(labels):
            wrong = given.min() if given.min() < 0 else given.max()
            raise ValueError(f"confusion_matrix: {what} holds class {wrong}, but there are {len(labels)} labels")
    return [str(v) for v in labels], true, predicted


def _draw(axes: Any, counts: Any, names: list[str], normalize: str | None, cmap: str) -> None:
    from matplotlib.ticker import MaxNLocator

    n = len(names)
    image = axes.imshow(counts, cmap=cmap, vmin=0.0, vmax=max(float(counts.max()), 1e-12))
    ticks = MaxNLocator(integer=normalize is None)
    axes.figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, ticks=ticks).outline.set_visible(False)
    step = -(-n // 40)
    shown, escaped = list(range(0, n, step)), [name.replace("$", r"\$") for name in names]
    turned = max(map(len, names)) * n > 45 or max(map(len, names)) > 8
    axes.set_xticks(
        shown, [escaped[i] for i in shown], rotation=45 if turned else 0, ha="right" if turned else "center"
    )
    axes.set_yticks(shown, [escaped[i] for i in shown])
    axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.0 if n <= _MOST_NUMBERS else 0.3)
    axes.tick_params(which="both", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if n <= _MOST_NUMBERS:
        size = 10 if n <= 10 else 7.5
        for (i, j), value in np.ndenumerate(counts):
            red, green, blue, _ = image.cmap(image.norm(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
            text = f"{value:.0f}" if normalize is None else f"{value:.2f}"
            axes.text(j, i, text, ha="center", va="center", color="white" if dark else "#1f2933", fontsize=size)


__all__ = ["confusion_matrix"]
