"""Cases of the attention family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def _case(
    B: int,
    Tq: int,
    Tk: int,
    H: int,
    D: int,
    *,
    Hkv: int | None = None,
    Dv: int | None = None,
    causal: str = "none",
    mask: tuple[int, ...] | None = None,
    bias: tuple[int, ...] | None = None,
    lengths: tuple[int, ...] | None = None,
    dropout: float = 0.0,
    alibi: bool = False,
    soft_cap: float = 0.0,
    options: str = "",
) -> Case:
    heads, size = Hkv or H, Dv or D

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return (
            rng.standard_normal((B, Tq, H, D)).astype(dtype),
            rng.standard_normal((B, Tk, heads, D)).astype(dtype),
            rng.standard_normal((B, Tk, heads, size)).astype(dtype),
            rng.random(mask) > 0.3 if mask else None,
            rng.standard_normal(bias).astype(dtype) if bias else None,
            np.array(lengths) if lengths else None,
            causal,
            D**-0.5,
            dropout,
            (rng.random(H) * 0.3).astype(dtype) if alibi else None,
            soft_cap,
            np.array([17, 5], np.uint64) if dropout else None,
            np.array([3], np.uint64) if dropout and causal == "none" else None,  # of a shard of a larger batch
            1,
        )

    def torch(torch: Any, q: Any, k: Any, v: Any, mask: Any, bias: Any, lengths: Any, *rest: Any) -> Any:
        slopes, cap = rest[3:5]
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        k, v = (x if heads == H else x.repeat_interleave(H // heads, 1) for x in (k, v))
        attend = torch.nn.functional.scaled_dot_product_attention
        if causal != "bottom_right" and mask is bias is lengths is slopes is None and not cap:
            return attend(q, k, v, is_causal=causal == "top_left", scale=D**-0.5).transpose(1, 2)
        own = torch.arange(Tq)[:, None] + (Tk - Tq if causal == "bottom_right" else 0)
        at = torch.arange(Tk)
        seen = torch.ones(B, 1, Tq, Tk, dtype=torch.bool) if causal == "none" else (at <= own).expand(B, 1, Tq, Tk)
        seen = seen if mask is None else seen & mask.bool()
        seen = seen if lengths is None else seen & (at < lengths[:, None, None, None])
        some = seen.any(-1, keepdim=True)  # a query that sees nothing gives zero
        added = torch.zeros((), dtype=q.dtype) if bias is None else bias
        added = added if slopes is None else added - slopes[:, None, None] * (own - at).abs()
        added = added.expand(B, H, Tq, Tk).masked_fill(~seen & some, float("-inf"))
        if cap:
            weights = torch.softmax(cap * torch.tanh(q @ k.transpose(2, 3) * (D**-0.5 / cap)) + added, -1)
            y = weights @ v
        else:
            y = attend(q, k, v, attn_mask=added, scale=D**-0.5)
        return torch.where(some, y, 0.0).transpose(1, 2)

    def saved(args: tuple[Any, ...], result: Any, dy: Array) -> tuple[Any, ...]:
        out, logsumexp, used = result
        return (*args[:6], out, logsumexp, used, dy, *args[6:11])

    flops = 2.0 * B * H * Tq * Tk * (D + size) * (0.5 if causal != "none" else 1)
    return Case(
        "attention",
        f"{B}x{Tq}x{Tk}x{H}x{D}{'' if causal == 'none' else ' ' + causal}{' ' + options if options else ''}",
        "attention_forward", inputs, "attention_backward", (0, 1, 2, 4), saved,
        flops=flops, bytes=4.0 * B * H * (Tq + Tk) * (D + size), backward_flops=2.5 * flops,
        backward_bytes=8.0 * B * H * (Tq + Tk) * (D + size),
        torch=None if dropout else torch, reduction=max(B * H * Tq, Tk * D, 1) if bias else max(Tq, Tk, D, 1),
    )  # fmt: skip


def _weights(B: int, Tq: int, Tk: int, H: int, D: int, Hkv: int | None = None, soft_cap: float = 0.0) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        q = rng.standard_normal((B, Tq, H, D)).astype(dtype)
        k = rng.standard_normal((B, Tk, Hkv or H, D)).astype(dtype)
        mask = rng.random((B, 1, Tq, Tk)) > 0.3
        s = np.einsum("bqhd,bkhd->bhqk", q, k.repeat(H // (Hkv or H), axis=2)).astype(np.float64) * D**-0.5
        slopes = (np.arange(H) * 0.1).astype(dtype) if soft_cap else None
        if slopes is not None:
            s = soft_cap * np.tanh(s / soft_cap)
            s = s - slopes[:, None, None] * np.abs(np.arange(Tq)[:, None] - np.arange(Tk))
        s = np.where(mask, s, -np.inf)
        with np.errstate(divide="ignore"):
            lse = np.log(np.exp(s).sum(axis=-1)).astype(dtype)
        return q, k, mask, None, None, lse, "none", D**-0.5, slopes, soft_cap

    return Case(
        "attention", f"weights {B}x{Tq}x{Tk}x{H}x{D}{' capped' if soft_cap else ''}", "attention_weights_forward",
        inputs, "attention_weights_backward", (0, 1),
        lambda args, w, dy: (args[0], args[1], w, dy, args[7], args[9]),
        reduction=max(Tq, Tk, D, 1),
    )  # fmt: skip


def test_cases() -> list[Case]:
    cases = [_case(2, 5, 7, 2, 8), _case(1, 1, 1, 1, 1), _case(2, 0, 5, 1, 4), _case(2, 5, 0, 1, 4)]
    cases += [_case(0, 3, 3, 2, 4)]
    cases += [_case(1, 64, 64, 2, 32), _case(3, 65, 129, 2, 33, Dv=20), _case(1, 200, 300, 1, 70, Dv=130)]
    cases += [_case(2, 130, 130, 2, 16, causal="top_left"), _case(1, 70, 200, 3, 24, causal="bottom_right")]
    cases += [_case(1, 200, 70, 2, 24, causal="bottom_right"), _case(1, 70, 200, 1, 24, causal="top_left")]
    cases += [
        _case(2, 70, 140, 4, 16, Hkv=2, causal="top_left", options="grouped"),
        _case(2, 33, 50, 4, 16, Hkv=1, mask=(2, 1, 1, 50), options="one key head"),
        _case(2, 33, 150, 2, 16, mask=(33, 150), options="mask"),
        _case(2, 33, 150, 2, 16, mask=(2, 2, 33, 1), bias=(2, 1, 1, 150), options="mask and bias of keys"),
        _case(2, 70, 50, 2, 16, bias=(1, 2, 70, 50), causal="top_left", options="bias"),
        _case(2, 70, 50, 2, 16, bias=(2, 1, 70, 1), mask=(70, 50), options="bias of queries"),
        _case(4, 70, 150, 2, 16, lengths=(150, 0, 1, 77), options="lengths"),
        _case(3, 70, 150, 2, 16, lengths=(150, 0, 77), causal="bottom_right", bias=(70, 150), options="lengths, bias"),
        _case(2, 70, 150, 2, 16, dropout=0.4, options="dropout"),
        _case(2, 66, 7, 2, 16, dropout=0.1, causal="top_left", bias=(66, 7), options="dropout, bias"),
    ]
    cases += [
        _case(2, 70, 150, 4, 16, Hkv=2, soft_cap=0.5, alibi=True, options="capped, alibi"),
        _case(2, 130, 130, 2, 16, soft_cap=2.0, causal="top_left", bias=(1, 2, 130, 130), options="capped, bias"),
        _case(2, 150, 130, 4, 16, Hkv=2, bias=(1, 4, 1, 130), options="grouped, bias of keys"),
        _case(3, 150, 130, 2, 16, Hkv=1, bias=(3, 2, 150, 130), soft_cap=1.0, options="one key head, capped, bias"),
        _case(1, 70, 200, 3, 24, alibi=True, causal="bottom_right", options="alibi"),
        _case(2, 200, 70, 2, 8, alibi=True, soft_cap=1.0, causal="bottom_right", dropout=0.3, options="all"),
        _case(2, 33, 150, 2, 16, alibi=True, mask=(2, 1, 33, 150), lengths=(150, 90), options="alibi, mask, lengths"),
    ]
    cases += [_weights(2, 70, 150, 4, 20, 2, soft_cap=1.5)]
    return cases + [_weights(2, 5, 7, 1, 8), _weights(2, 70, 150, 4, 20, 2), _weights(1, 1, 1, 1, 1)]


def bench_cases() -> list[Case]:
    shapes = [(8, 128, 8, 32), (4, 512, 8, 64), (16, 64, 4, 32), (1, 2048, 4, 64)]
    cases = [_case(B, T, T, H, D, causal=c) for B, T, H, D in shapes for c in ("none", "top_left")]
    cases += [_case(8, 128, 128, 8, 32, dropout=0.1, options="dropout")]
    cases += [_case(4, 512, 512, 8, 64, causal="top_left", alibi=True, options="alibi")]
    cases += [_case(4, 512, 512, 8, 64, causal="top_left", soft_cap=30.0, options="capped")]
    cases += [_case(4, 512, 512, 8, 64, bias=(1, 8, 512, 512), options="bias")]
    return cases + [_case(8, 128, 128, 8, 32, mask=(8, 1, 128, 128), options="mask")]
