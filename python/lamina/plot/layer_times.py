"""How long each layer takes."""

from __future__ import annotations

from typing import Any

from .figures import new_axes

_COLOURS = {"forward": "#4477aa", "backward": "#cc6677", "recomputed": "#88aacc", "update": "#999933"}
_MOST = 60  # rows: of more, the longest


def layer_times(profile: Any, axes: Any = None) -> Any:
    """Draw by matplotlib how long each layer takes in each direction; the dark part is what the peak would need.

    Args:
        profile: what ``model.profile`` returned.
        axes: where it is drawn, matplotlib's axes; None makes a figure.

    Returns: matplotlib's axes.

    Raises:
        ImportError: matplotlib is missing.

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(8), lamina.layers.Dense(2)])
        >>> axes = lamina.plot.layer_times(model.profile(np.ones((2, 4), "float32")))
        >>> len(axes.get_yticklabels())
        2
    """
    rows = profile.rows
    if len(rows) > _MOST:
        longest_rows = sorted(range(len(rows)), key=lambda i: rows[i].ms)[-_MOST:]
        rows = [rows[i] for i in sorted(longest_rows)]
    if axes is None:
        (axes,) = new_axes("layer_times", 1, 1, (8.0, min(1.4 + 0.26 * len(rows), 16.0)))
    places = range(len(rows))
    colours = [_COLOURS.get(row.direction, "#777777") for row in rows]
    longest = max((row.ms for row in rows), default=0.0) or 1.0
    axes.barh(places, [row.ms for row in rows], 0.72, color=colours, alpha=0.45)
    ideal = [row.ms * min(row.share_of_peak or 0.0, 1.0) for row in rows]
    axes.barh(places, ideal, 0.72, color=colours)
    for place, row in zip(places, rows, strict=True):
        share = "" if row.share_of_peak is None else f", {100 * row.share_of_peak:.0f} % of peak"
        text = f"{row.ms:.3g} ms{share}"
        axes.text(row.ms + 0.01 * longest, place, text, va="center", fontsize=7, color="#333333")
    axes.set_yticks(list(places), [row.layer.replace("$", r"\$") for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0.0, 1.3 * longest)
    axes.set_xlabel("milliseconds; dark: what the machine's peak would need")
    what = "training step" if profile.kind == "train" else "inference"
    axes.set_title(f"{profile.name}: {what}, {profile.batch_size} rows, {profile.step_ms:.3g} ms", fontsize=10)
    shown = [direction for direction in _COLOURS if any(row.direction == direction for row in rows)]
    handles = [axes.barh([0], [0], color=_COLOURS[direction], label=direction) for direction in shown]
    axes.legend(handles=handles, loc="lower right", fontsize=8, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return axes


__all__ = ["layer_times"]
