"""Products of operands rounded to bfloat16: against their NumPy twins, over the edges of all tiles, by both ways."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import _native, reference

rounding = pytest.mark.skipif(not _native.has_bfloat16(), reason="the processor cannot multiply bfloat16")


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def assert_close(got, wanted, tolerance):
    for g, w in zip(got, wanted, strict=True):
        if w is not None:
            assert np.abs(g - w).max() <= tolerance * max(1.0, float(np.abs(w).max()))


def assert_either(got, rounded, plain):
    """Each is one or the other: without tile registers Winograd's way, of float32, pays for some sizes."""
    for g, r, p in zip(got, rounded, plain, strict=True):
        error = min(np.abs(g - r).max() / 2e-5, np.abs(g - p).max() / 1e-4)
        assert error <= max(1.0, float(np.abs(r).max()))


@rounding
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("rows", [16, 17, 31, 33, 45, 48, 63, 64, 65, 97, 130, 300])
def test_dense_over_the_edges_of_tiles(rows, activation):
    rng = np.random.default_rng(rows)
    for columns in (32, 33, 47, 50, 64, 70, 129):
        terms = int(rng.integers(32, 120))
        x, w, b, dy = normal(rows, terms), normal(terms, columns), normal(columns), normal(rows, columns, seed=1)
        w /= np.sqrt(terms)
        y = _native.dense_forward(x, w, b, activation, True)
        assert_close([y], [reference.dense_forward(x, w, b, activation, True)], 1e-5)
        found = [[np.ones_like(a) for a in (x, w, b)] for _ in range(2)]
        for room, out in zip((_native, reference), found, strict=True):
            room.dense_backward(x, w, y, dy, activation, *out, 0b111, True)
        if rows < 32:  # dx of so few may stay float32
            found = [out[1:] for out in found]
        # A gradient of an activation may be rounded to the other side, by one part in 256.
        assert_close(*found, 1e-5 if activation != "tanh" else 2e-3)


@rounding
@pytest.mark.parametrize("terms", [16, 31, 64, 65, 500, 1100])
def test_infinities_stay_in_their_row(terms):
    """What stands beside the terms of a sum, in memory, is not met by it."""
    x, w = normal(40, terms), normal(terms, 48)
    x[7], x[8, 0] = np.inf, np.nan
    y = _native.matmul_forward(x, w, True)
    assert np.isfinite(np.delete(y, [7, 8], axis=0)).all()
    assert not np.isfinite(y[7:9]).any()


CONVOLUTIONS = {
    "3x3": ((4, 9, 11, 16), (3, 3, 32), 1, "same", 1, 1),
    "3x3, many channels": ((2, 8, 8, 64), (3, 3, 80), 1, "same", 1, 1),
    "5x5, odd channels": ((2, 12, 13, 19), (5, 5, 17), 1, "valid", 1, 1),
    "strides": ((2, 13, 12, 20), (3, 3, 40), 2, "same", 1, 1),
    "dilation": ((2, 14, 14, 16), (3, 3, 16), 1, "same", 2, 1),
    "groups": ((2, 8, 9, 32), (3, 3, 64), 1, "same", 1, 2),
    "one tap": ((3, 7, 7, 33), (1, 1, 64), 1, "same", 1, 1),
    "one axis": ((3, 40, 24), (4, 48), 2, "valid", 1, 1),
    "three axes": ((2, 5, 6, 7, 16), (2, 3, 3, 32), 1, "same", 1, 1),
    "large weights": ((1, 4, 4, 256), (3, 3, 256), 1, "same", 1, 1),
    "many pixels": ((2, 70, 66, 16), (3, 3, 16), 1, "same", 1, 1),
}  # fmt: skip


@rounding
@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_are_their_twins(name, activation):
    shape, (*taps, filters), strides, padding, dilation, groups = CONVOLUTIONS[name]
    channels = shape[-1] // groups
    x, b = normal(*shape), normal(filters)
    w = normal(*taps, channels, filters) / np.float32(np.sqrt(np.prod(taps) * channels))
    options = (strides, padding, dilation, groups, activation)
    twins = [reference.conv_forward(x, w, b, *options, bfloat16) for bfloat16 in (True, False)]
    y = _native.conv_forward(x, w, b, *options, True)
    assert_either([y], *[[t] for t in twins])
    dy = normal(*y.shape, seed=1)
    found = [[np.ones_like(a) for a in (x, w, b)] for _ in range(3)]
    for room, out, bfloat16 in zip((_native, reference, reference), found, (True, True, False), strict=True):
        room.conv_backward(x, w, y, dy, *options, *out, 0b111, bfloat16)
    assert_either(*found)


@rounding
def test_transposed_convolutions_are_their_twins():
    x, w, b = normal(2, 7, 6, 32), normal(3, 3, 32, 32) / 17, normal(32)
    options = (2, "same", None, 1, 1, "relu")
    y = _native.conv_transpose_forward(x, w, b, *options, True)
    assert_close([y], [reference.conv_transpose_forward(x, w, b, *options, True)], 2e-5)
    dy = normal(*y.shape, seed=1)
    found = [[np.ones_like(a) for a in (x, w, b)] for _ in range(2)]
    for room, out in zip((_native, reference), found, strict=True):
        room.conv_transpose_backward(x, w, y, dy, *options, *out, 0b111, True)
    assert_close(*found, 2e-5)


@rounding
@pytest.mark.parametrize("cell", ["lstm", "gru", "gru_reset_before", "simple_rnn"])
def test_recurrences_are_their_twins(cell):
    gates = {"lstm": 4, "simple_rnn": 1}.get(cell, 3)
    B, S, width, U = 40, 5, 24, 48
    x, kernel, recurrent = normal(B, S, width), normal(width, gates * U) / 5, normal(U, gates * U) / 7
    bias = normal(2, gates * U) if cell == "gru" else normal(gates * U)
    h0 = normal(B, U, seed=2)
    c0 = normal(B, U, seed=3) if cell == "lstm" else None
    given = (x, kernel.astype(np.float32), recurrent.astype(np.float32), bias, h0, c0, *[None] * 6,
             "tanh", "sigmoid", False, False, False, 1e-3)  # fmt: skip
    forward = [getattr(room, f"{cell}_forward")(*given, True, True, True) for room in (_native, reference)]
    # A state may be rounded to the other side, by one part in 256, and the next steps see it.
    assert_close(forward[0][:3], forward[1][:3], 2e-3)
    saved, dy = forward[0][3:], normal(B, S, U, seed=4)
    wanted = [given[0], given[1], given[2], given[3], h0, c0]
    found = [[None if a is None else np.empty_like(a) for a in wanted] for _ in range(2)]
    for room, out in zip((_native, reference), found, strict=True):
        getattr(room, f"{cell}_backward")(*given, *saved, dy, None, None, *out, *[None] * 4, 0, True)
    assert_close(*found, 5e-3)


_PRODUCTS = """
import os
import numpy as np
from lamina import _native
rng = np.random.default_rng(0)
x, w = (rng.standard_normal(s).astype(np.float32) for s in ((70, 90), (90, 100)))
image, taps = (rng.standard_normal(s).astype(np.float32) for s in ((3, 20, 20, 16), (3, 3, 16, 32)))
dw = np.empty_like(taps)
y = _native.conv_forward(image, taps, None, 1, "same", 1, 1, "linear", True)
_native.conv_backward(image, taps, y, y, 1, "same", 1, 1, "linear", None, dw, None, 0, True)
np.savez(os.environ["LAMINA_AMX"], _native.matmul_forward(x, w, True), y, dw)
"""


@rounding
def test_tile_registers_and_vectors_agree(python, tmp_path):
    """LAMINA_AMX=0 leaves tile registers alone; sums are made in another order then."""
    for said in ("0", "1"):
        python(_PRODUCTS, LAMINA_AMX=said, LAMINA_BFLOAT16="1")
    with np.load(tmp_path / "0.npz") as vectors, np.load(tmp_path / "1.npz") as tiles:
        product, *images = vectors
        assert_close([tiles[product]], [vectors[product]], 1e-6)
        assert_close([tiles[i] for i in images], [vectors[i] for i in images], 2e-2)  # Winograd's way is float32


@rounding
def test_children_and_later_threads_multiply_alike(python):
    out = python(
        """
import os, threading
import numpy as np
from lamina import _native
rng = np.random.default_rng(0)
x, w = (rng.standard_normal(s).astype(np.float32) for s in ((256, 256), (256, 256)))
wanted = _native.matmul_forward(x, w, True)
same = []
work = lambda: same.extend(np.array_equal(_native.matmul_forward(x, w, True), wanted) for _ in range(20))
threads = [threading.Thread(target=work) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
assert same == [True] * 60
child = os.fork() if hasattr(os, "fork") else 0
if child == 0:
    work()
    os._exit(0 if all(same) else 1)
print(os.waitpid(child, 0)[1] if child else 0)
""",
        LAMINA_BFLOAT16="1",
    )
    assert out.strip() == "0"
