"""Times the LSTM and attention, forward and backward, against PyTorch, in one process, in turn.

    python benchmarks/sequences.py [--filter TEXT] [--seconds S] [--threads N] [--json F]

LSTM: lamina.ops.lstm and torch.nn.LSTM, with `lengths=` against a packed sequence. Attention:
lamina.ops.dot_product_attention on (batch, T, heads, size) and torch's scaled_dot_product_attention on its own layout,
(batch, heads, T, size). Times are milliseconds, minimum and median; the ratio is that of the minima. --memory shows
instead how Lamina's peak grows with T.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import harness

Step = Callable[[], Any]
LSTM = [(32, 50, 64, 128), (64, 100, 128, 256), (1, 200, 64, 128)]  # batch, T, in, units
ATTENTION = [(8, 8, 128, 32), (4, 8, 512, 64), (16, 4, 64, 32)]  # batch, heads, T, size


def lamina_lstm(shape: tuple[int, ...], lengths: Any) -> Step:
    import numpy as np

    import lamina

    batch, steps, features, units = shape
    rng = np.random.default_rng(0)
    sizes = ((batch, steps, features), (features, 4 * units), (units, 4 * units), (4 * units,))
    x, kernel, recurrent, bias = (
        lamina.Tensor((0.1 * rng.standard_normal(s)).astype(np.float32), requires_grad=True) for s in sizes
    )
    dy = lamina.Tensor(rng.standard_normal((batch, steps, units)).astype(np.float32))

    def step() -> None:
        for t in (x, kernel, recurrent, bias):
            t.zero_grad()
        y, _, _ = lamina.ops.lstm(x, kernel, recurrent, bias, lengths=lengths)
        y.backward(dy)

    return step


def torch_lstm(shape: tuple[int, ...], lengths: Any) -> Step:
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    batch, steps, features, units = shape
    layer = torch.nn.LSTM(features, units, batch_first=True)
    x, dy = torch.randn(batch, steps, features, requires_grad=True), torch.randn(batch, steps, units)

    def step() -> None:
        layer.zero_grad()
        x.grad = None
        if lengths is None:
            y, _ = layer(x)
        else:
            packed = pack_padded_sequence(x, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False)
            y, _ = pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=steps)
        y.backward(dy)

    return step


def lamina_attention(shape: tuple[int, ...], causal: bool) -> Step:
    import numpy as np

    import lamina

    batch, heads, steps, size = shape
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((batch, steps, heads, size)).astype(np.float32) for _ in range(4)]
    query, key, value = (lamina.Tensor(a, requires_grad=True) for a in arrays[:3])
    dy = lamina.Tensor(arrays[3])

    def step() -> None:
        for t in (query, key, value):
            t.zero_grad()
        lamina.ops.dot_product_attention(query, key, value, is_causal=causal).backward(dy)

    return step


def torch_attention(shape: tuple[int, ...], causal: bool) -> Step:
    import torch

    query, key, value = (torch.randn(shape, requires_grad=True) for _ in range(3))
    dy = torch.randn(shape)

    def step() -> None:
        query.grad = key.grad = value.grad = None
        torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=causal).backward(dy)

    return step


def comparisons() -> Iterator[tuple[str, Step, Step]]:
    import numpy as np

    for shape in LSTM:
        for lengths in (None, np.random.default_rng(1).integers(1, shape[1] + 1, shape[0])):
            name = f"lstm {'x'.join(map(str, shape))}{'' if lengths is None else ' lengths'}"
            yield name, lamina_lstm(shape, lengths), torch_lstm(shape, lengths)
    for shape in ATTENTION:
        for causal in (False, True):
            name = f"attention {'x'.join(map(str, shape))}{' causal' * causal}"
            yield name, lamina_attention(shape, causal), torch_attention(shape, causal)


def show_memory() -> None:
    """Bytes that a step of attention holds at most, for T and 2 T and so on."""
    from lamina import _native

    for steps in (512, 1024, 2048, 4096, 8192):
        step = lamina_attention((1, 4, steps, 64), True)
        _native.pool_clear()
        step()
        held = _native.pool_stats()["cached"] + _native.pool_stats()["in_use"]
        print(f"T {steps:5d}  pool {held / 2**20:8.1f} MiB  (T x T scores would be {4 * steps**2 * 4 / 2**20:8.1f})")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--filter", default="", help="only cases whose name contains this")
    p.add_argument("--seconds", type=float, default=3.0, help="time for each of the two")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--memory", action="store_true")
    p.add_argument("--json", metavar="FILE")
    options = p.parse_args()
    harness.clean_environment(options.threads)
    facts = harness.machine()
    if options.memory:
        show_memory()
        return
    import torch

    facts["torch"] = torch.__version__
    torch.set_num_threads(facts["threads"])
    print(", ".join(f"{k} {v}" for k, v in facts.items()) + "\n")
    rows: list[dict[str, Any]] = []
    for name, ours, theirs in comparisons():
        if options.filter not in name:
            continue
        a, b = harness.interleave([ours, theirs], options.seconds, block=0.2)
        rows.append({"case": name, "ratio": b.best / a.best})
        for library, timing in (("lamina", a), ("torch", b)):
            rows[-1] |= {f"{library}_ms_min": 1e3 * timing.best, f"{library}_ms_median": 1e3 * timing.median}
    header = ["case", "", "Lamina ms", "PyTorch ms", "x"]
    print(
        harness.table(
            header,
            [
                [
                    r["case"],
                    "",
                    f"{r['lamina_ms_min']:.2f} / {r['lamina_ms_median']:.2f}",
                    f"{r['torch_ms_min']:.2f} / {r['torch_ms_median']:.2f}",
                    f"{r['ratio']:.2f}",
                ]
                for r in rows
            ],
        )
    )
    if options.json:
        harness.write_json(options.json, facts, rows)


if __name__ == "__main__":
    main()
