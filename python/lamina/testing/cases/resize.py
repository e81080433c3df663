"""Cases of the resizing family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case

_MODES = {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic", "area": "area"}


def _resize(
    x: tuple[int, ...],
    size: tuple[int, ...],
    interpolation: str,
    coordinates: str = "half_pixel",
    rounding: str = "round_prefer_ceil",
    antialias: bool = False,
    cubic_coefficient: float = -0.5,
    exclude_outside: bool = False,
    scales: tuple[float, ...] | None = None,
) -> Case:
    options = (interpolation, coordinates, rounding, antialias, cubic_coefficient, exclude_outside, scales)

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(x).astype(dtype), size, *options

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        return dy, *options

    def torch(t: Any, images: Any, *_: Any) -> Any:
        aligned = {} if interpolation in ("nearest", "area") else {"align_corners": coordinates == "align_corners"}
        mode = {3: "linear", 5: "trilinear"}.get(len(x)) if interpolation == "bilinear" else None
        smooth = {"antialias": True} if antialias else {}
        y = t.nn.functional.interpolate(
            images.movedim(-1, 1), size, mode=mode or _MODES[interpolation], **aligned, **smooth
        )
        return y.movedim(1, -1)

    theirs = {"half_pixel", "align_corners"} if interpolation == "bilinear" and not antialias else {"half_pixel"}
    theirs_too = interpolation in _MODES and coordinates in theirs and scales is None and x[0] > 0 and 0 not in size
    theirs_too = theirs_too and (
        interpolation != "bicubic" or (antialias and exclude_outside) or cubic_coefficient < -0.5
    )
    theirs_too = theirs_too and not (antialias and not exclude_outside)
    theirs_too = (
        theirs_too and rounding == "round_prefer_ceil" and max(size) < 500
    )  # farther out its places are rounded
    theirs_too = theirs_too and (len(x) == 4 or (not antialias and interpolation != "bicubic"))
    words = float(x[0] * x[-1]) * (float(np.prod(x[1:-1])) + float(np.prod(size)))
    label = [interpolation, "antialias"][: 1 + antialias] + [coordinates] * (coordinates != "half_pixel")
    label += [rounding] * (rounding != "round_prefer_ceil") + [f"a={cubic_coefficient}"] * (cubic_coefficient != -0.5)
    label += ["exclude"] * exclude_outside + [f"by {scales}"] * (scales is not None)
    reach = np.prod([max(1, 4 * (m // max(n, 1) + n // max(m, 1) + 1)) for n, m in zip(x[1:-1], size, strict=True)])
    return Case(
        "resize", f"{' '.join(label)} {'x'.join(map(str, x))} to {'x'.join(map(str, size))}", "resize_forward", inputs,
        "resize_backward", (0,), saved,
        bytes=4 * words, backward_bytes=4 * words, reduction=int(reach), torch=torch if theirs_too else None,
    )  # fmt: skip


def test_cases() -> list[Case]:
    shapes = [((2, 3, 4, 5), (6, 8)), ((1, 5, 7, 33), (15, 7)), ((3, 4, 4, 1), (12, 16)), ((2, 9, 6, 17), (5, 11))]
    shapes += [
        ((1, 1, 1, 3), (4, 3)),
        ((0, 3, 3, 2), (6, 6)),
        ((2, 5, 4, 3), (0, 8)),
        ((2, 5, 4, 3), (8, 0)),
        ((4, 40, 30, 20), (80, 60)),
        ((2, 8, 9, 16), (3, 2)),
        ((1, 6, 6, 4), (6, 6)),
        ((5, 37, 9, 3), (11, 4)),
    ]
    cases = [_resize(*s, kind) for s in shapes for kind in ("nearest", "bilinear")]
    cases += [_resize(*shapes[i], "bicubic", cubic_coefficient=-0.75) for i in (0, 1, 3, 5, 8, 9, 11)]
    cases += [_resize(*shapes[i], "bicubic", exclude_outside=True) for i in (2, 3, 4, 9, 11)]
    cases += [_resize(*shapes[i], kind, exclude_outside=True) for i in (0, 3, 11) for kind in ("lanczos3", "lanczos5")]
    cases += [_resize(*shapes[i], "area") for i in (0, 3, 4, 6, 9, 11)]
    smooth = [(i, kind) for i in (1, 3, 9, 11) for kind in ("bilinear", "bicubic")] + [(11, "lanczos3"), (3, "hamming")]
    cases += [_resize(*shapes[i], kind, antialias=True, exclude_outside=True) for i, kind in smooth + [(9, "box")]]
    cases += [_resize(*shapes[9], kind, antialias=True) for kind in ("bilinear", "bicubic", "box")]
    cases += [
        _resize(*shapes[i], kind, name)
        for i in (3, 4, 11)
        for kind in ("nearest", "bilinear", "bicubic")
        for name in ("align_corners", "asymmetric", "pytorch_half_pixel")
    ]
    cases += [_resize(*shapes[9], "nearest", r, n) for r, n in _roundings()]
    cases += [
        _resize((2, 7, 5, 4), (9, 3), kind, name, scales=(1.3, 0.7), antialias=smooth, cubic_coefficient=-0.6)
        for kind in ("nearest", "bilinear", "bicubic")
        for name in ("half_pixel", "half_pixel_symmetric", "asymmetric")
        for smooth in (False, True)
    ]
    cases += [
        _resize(x, size, kind, exclude_outside=smooth, antialias=smooth)
        for kind, smooth in (("nearest", False), ("bilinear", False), ("bicubic", True))
        for x, size in (
            ((2, 5, 6), (13,)), ((1, 1500, 20), (2200,)), ((3, 700, 1), (500,)), ((20, 7, 1), (14,)),
            ((2, 3, 4, 5, 2), (6, 3, 7)), ((1, 5, 4, 3, 20), (3, 8, 2)), ((2, 2, 1, 3, 4), (4, 0, 3)),
        )
    ]  # fmt: skip
    return cases


def _roundings() -> list[tuple[str, str]]:
    return [(c, r) for c in ("half_pixel", "asymmetric") for r in ("round_prefer_floor", "floor", "ceil")]


def bench_cases() -> list[Case]:
    shapes = [((16, 28, 28, 64), (56, 56)), ((8, 112, 112, 32), (224, 224)), ((8, 64, 64, 3), (128, 128))]
    cases = [_resize(*s, kind) for s in shapes for kind in ("nearest", "bilinear")]
    cases += [_resize(*s, "bicubic", cubic_coefficient=-0.75) for s in (shapes[0], shapes[2])]
    cases += [
        _resize((8, 512, 384, 3), (224, 224), kind, antialias=True, exclude_outside=True)
        for kind in ("bilinear", "bicubic")
    ]
    cases += [_resize((2, 16, 32, 32, 32), (32, 64, 64), kind) for kind in ("nearest", "bilinear")]
    return [*cases, _resize((16, 1024, 64), (2048,), "bilinear"), _resize((8, 224, 224, 3), (64, 64), "nearest")]
