"""Cases of attention step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Case

_BLOCK = 64


def _case(
    B: int,
    T: int,
    H: int,
    D: int,
    *,
    kept: int,
    capacity: int | None = None,
    Hkv: int | None = None,
    Dv: int | None = None,
    causal: bool = True,
    window: int = 0,
    alibi: bool = False,
    soft_cap: float = 0.0,
) -> Case:
    heads, size, room = Hkv or H, Dv or D, capacity or kept + T

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        q, k, v = ((B, T, n, d) for n, d in ((H, D), (heads, D), (heads, size)))
        cache = (B, heads, -(-room // _BLOCK), D, _BLOCK), (B, heads, room, size)
        arrays = [rng.standard_normal(s).astype(dtype) for s in (q, k, v, *cache)]
        slopes = (rng.random(H) * 0.3).astype(dtype) if alibi else None
        return (*arrays, np.array([kept]), causal, window, D**-0.5, slopes, soft_cap)

    def torch(torch: Any, q: Any, k: Any, v: Any, keys: Any, values: Any, *rest: Any) -> Any:
        at = kept + T
        past = keys.transpose(3, 4).reshape(B, heads, keys.shape[2] * _BLOCK, D)[:, :, :kept]
        k, v = torch.cat([past, k.transpose(1, 2)], 2), torch.cat([values[:, :, :kept], v.transpose(1, 2)], 2)
        own, steps = torch.arange(kept, at)[:, None], torch.arange(at)
        seen = (steps <= own) if causal else torch.ones(T, at, dtype=torch.bool)
        if window:
            seen = seen & (steps > own - window)
        k, v = (x.repeat_interleave(H // heads, 1) for x in (k, v))
        slopes, cap = rest[4:]
        if slopes is None and not cap:
            y = torch.nn.functional.scaled_dot_product_attention(q.transpose(1, 2), k, v, attn_mask=seen)
            return y.transpose(1, 2)
        scores = q.transpose(1, 2) @ k.transpose(2, 3) * D**-0.5
        scores = cap * torch.tanh(scores / cap) if cap else scores
        scores = scores if slopes is None else scores - slopes[:, None, None] * (own - steps).abs()
        return (torch.softmax(scores.masked_fill(~seen, float("-inf")), -1) @ v).transpose(1, 2)

    options = [f"window {window}" if window else "", "alibi" if alibi else "", "capped" if soft_cap else ""]
    work = float(B * H * T * (kept + T) * (D + size))
    return Case(
        "decoding", f"{B}x{T}x{H}x{D} kept {kept}{'' if causal else ' all'} {' '.join(options)}".rstrip(),
        "cached_attention_forward", inputs, flops=2 * work, bytes=4.0 * B * heads * (kept + T) * (D + size),
        torch=torch, reduction=max(kept + T, D),
    )  # fmt: skip


def _positions(steps: int) -> Case:
    return Case(
        "decoding", f"positions {steps}", "next_positions", lambda rng, dtype: (np.array([5]), steps, 5 + steps)
    )


def test_cases() -> list[Case]:
    cases = [_case(1, 1, 1, 1, kept=0), _case(2, 1, 2, 8, kept=5), _case(2, 3, 2, 8, kept=0), _case(0, 1, 2, 4, kept=3)]
    cases += [_case(2, 1, 4, 33, kept=63, Hkv=2, Dv=20), _case(1, 1, 3, 16, kept=64, capacity=200, Dv=70)]
    cases += [_case(3, 5, 4, 16, kept=126, Hkv=1), _case(1, 4, 2, 24, kept=70, causal=False, Dv=130)]
    cases += [_case(1, 70, 2, 16, kept=0, capacity=90), _case(2, 70, 2, 16, kept=0, causal=False)]
    cases += [_case(2, 1, 2, 16, kept=300, window=70), _case(1, 6, 2, 16, kept=0, window=3), _case(1, 0, 1, 4, kept=3)]
    cases += [_case(1, 6, 2, 16, kept=190, window=1), _case(1, 1, 2, 64, kept=1023)]
    cases += [_case(2, 1, 4, 16, kept=130, Hkv=2, alibi=True, soft_cap=0.7), _case(1, 70, 2, 8, kept=0, alibi=True)]
    cases += [
        _case(2, 3, 2, 16, kept=100, soft_cap=2.0, window=50),
        _case(2, 3, 2, 8, kept=9, causal=False, alibi=True),
    ]
    return [*cases, _positions(0), _positions(3)]


def bench_cases() -> list[Case]:
    return [_case(1, 1, 4, 32, kept=1023), _case(8, 1, 8, 64, kept=1023), _case(1, 1, 32, 128, Hkv=8, kept=2047)]
