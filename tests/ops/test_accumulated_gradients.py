"""Gradients of each operand alone and of all together, written and then added to: an operation with several operands
skips, overwrites or adds to each of them by itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lamina import Tensor, ops
from lamina.random import Generator

RNG = np.random.default_rng(0)
IMAGES, MASK = RNG.standard_normal((2, 4, 6, 4)), RNG.random((3, 4)) < 0.5
LABELS, SOFT = RNG.integers(0, 4, 3), RNG.dirichlet(np.ones(4), 3)


def positive(*shapes):
    return [RNG.uniform(0.5, 2.0, s) for s in shapes]


PAIRS = {"equal": ((3, 4), (3, 4)), "rows": ((3, 4), (4,)), "both": ((3, 1), (1, 4)), "number": ((), (3, 4))}
BINARY = "add subtract multiply divide power maximum minimum mod hypot arctan2 logaddexp logaddexp2 divide_no_nan"
CASES = {
    f"{name}, {form}": (getattr(ops, name), positive(*shapes))
    for name in BINARY.split()
    for form, shapes in PAIRS.items()
}
CASES |= {f"add with relu, {form}": (lambda x, y: ops.add(x, y, "relu"), positive(*s)) for form, s in PAIRS.items()}
CASES |= {f"where, {form}": (lambda x, y: ops.where(MASK, x, y), positive(*shapes)) for form, shapes in PAIRS.items()}
CASES |= {
    "dense": (lambda *t: ops.dense(*t, activation="tanh"), positive((3, 4), (4, 2), (2,))),
    "dense without bias": (ops.dense, positive((3, 4), (4, 2))),
    "matmul": (ops.matmul, positive((3, 4), (4, 2))),
    "matmul of a vector": (ops.matmul, positive((4,), (5, 4, 2))),
    "matmul of batches": (ops.matmul, positive((2, 1, 3, 4), (5, 4, 2))),
    "conv": (lambda x, w, b: ops.conv(x, w, bias=b), [IMAGES, *positive((3, 3, 4, 2), (2,))]),
    "conv without bias": (ops.conv, [IMAGES, *positive((3, 3, 2, 2))]),
    "conv, channels first": (
        lambda x, w, b: ops.conv(x, w, 1, "same", "channels_first", bias=b),
        [IMAGES, *positive((3, 3, 2, 2), (2,))],
    ),
    "conv_transpose": (lambda x, w, b: ops.conv_transpose(x, w, 2, bias=b), [IMAGES, *positive((3, 3, 2, 4), (2,))]),
    "depthwise_conv": (lambda x, w, b: ops.depthwise_conv(x, w, bias=b), [IMAGES, *positive((3, 3, 4, 1), (4,))]),
    "separable_conv": (
        lambda x, d, p, b: ops.separable_conv(x, d, p, bias=b),
        [IMAGES, *positive((3, 3, 4, 1), (1, 1, 4, 3), (3,))],
    ),
    "layer_norm": (ops.layer_norm, positive((3, 4), (4,), (4,))),
    "layer_norm without beta": (ops.layer_norm, positive((3, 4), (4,))),
    "layer_norm without gamma": (lambda x, b: ops.layer_norm(x, None, b), positive((3, 4), (4,))),
    "layer_normalization": (lambda *t: ops.layer_normalization(*t, axis=(0, 2)), positive((3, 4, 2), (3, 2), (3, 2))),
    "rms_norm": (ops.rms_norm, positive((3, 4), (4,))),
    "rms_normalization": (lambda x, s: ops.rms_normalization(x, s, axis=0), positive((3, 4), (3,))),
    "batch_norm": (
        lambda *t: ops.batch_norm(*t, Tensor(np.zeros(4)), Tensor(np.ones(4)), True),
        positive((3, 4), (4,), (4,)),
    ),
    "batch_norm without gamma": (
        lambda x, b: ops.batch_norm(x, None, b, Tensor(np.zeros(4)), Tensor(np.ones(4)), False),
        positive((3, 4), (4,)),
    ),
    "batch_normalization": (
        lambda x, m, v, o, s: ops.batch_normalization(x, m, v, 1, o, s),
        positive((3, 4, 2), (4,), (4,), (4,), (4,)),
    ),
    "attention": (
        ops.dot_product_attention,
        positive((2, 3, 2, 4), (2, 5, 2, 4), (2, 5, 2, 3), (3, 5)),
    ),
    "attention with dropout": (
        lambda *t: ops.dot_product_attention(*t, dropout=0.5, generator=Generator(1)),
        positive((2, 3, 2, 4), (2, 5, 1, 4), (2, 5, 1, 3)),
    ),
    "weights of attention": (
        lambda q, k: ops.attention_with_scores(q, k, k)[1],
        positive((2, 3, 2, 4), (2, 5, 2, 4)),
    ),
    "lstm": (
        lambda x, k, r, b, h, c: ops.lstm(x, k, r, b, (h, c))[0],
        positive((2, 3, 2), (2, 12), (3, 12), (12,), (2, 3), (2, 3)),
    ),
    "lstm's c": (
        lambda x, k, r, h, c: ops.lstm(x, k, r, None, (h, c), return_sequences=False)[2],
        positive((2, 3, 2), (2, 12), (3, 12), (2, 3), (2, 3)),
    ),
    "gru": (lambda x, k, r, h: ops.gru(x, k, r, None, h)[1], positive((2, 3, 2), (2, 9), (3, 9), (2, 3))),
    "simple_rnn": (lambda *t: ops.simple_rnn(*t)[0], positive((2, 3, 2), (2, 3), (3, 3), (3,), (2, 3))),
    "softmax_cross_entropy": (
        lambda x, w: ops.softmax_cross_entropy(x, LABELS, w, label_smoothing=0.1),
        positive((3, 4), (3,)),
    ),
    "softmax_cross_entropy, soft targets": (ops.softmax_cross_entropy, [*positive((3, 4)), SOFT, *positive((3,))]),
    "categorical_cross_entropy_mean": (
        lambda x, t: ops.categorical_cross_entropy_mean(x, t, [1.0, 2.0, 0.5], label_smoothing=0.2),
        [*positive((3, 4)), SOFT],
    ),
    "huber": (ops.huber, [3 * a for a in positive((3, 4), (3, 4))]),
    "kl_divergence": (ops.kl_divergence, [SOFT, SOFT[::-1].copy()]),
    "concatenate": (lambda *t: ops.concatenate(t, -1), positive((3, 4), (3, 1), (3, 2))),
    "stack": (lambda *t: ops.stack(t, 1), positive((3, 4), (3, 4))),
    "einsum": (lambda *t: ops.einsum("ij,jk,k->i", *t), positive((3, 4), (4, 2), (2,))),
    "cross": (ops.cross, positive((4, 3), (3,))),
    "average": (lambda x, w: ops.average(x, 1, w), positive((3, 4), (4,))),
    "slice_update": (lambda x, u: ops.slice_update(x, (1, 1), u), positive((3, 4), (2, 2))),
    "scatter_update": (lambda x, u: ops.scatter_update(x, [[1, 1], [2, 0]], u), positive((3, 4), (2,))),
    "bincount": (lambda w: ops.bincount([0, 2, 2], w), positive((3,))),
    "segment_sum": (lambda x: ops.segment_sum(x, [1, 0, 1], 2), positive((3, 4))),
    "segment_max": (lambda x: ops.segment_max(x, [1, 0, 1], 2), positive((3, 4))),
    "scatter": (lambda v: ops.scatter([[1], [0], [1]], v, (3, 4)), positive((3, 4))),
    "take": (lambda x: ops.take(x, [[1, 0], [1, 1]], 1), positive((3, 4))),
    "embedding": (lambda w: ops.embedding([[1, 0], [1, 1]], w), positive((3, 4))),
    "part": (lambda x: x[1:, ::2], positive((3, 4))),
    "flip": (ops.flip, positive((3, 4))),
    "repeat": (lambda x: ops.repeat(x, 2, 0), positive((3, 4))),
    "tile": (lambda x: ops.tile(x, (2, 1, 2)), positive((3, 4))),
    "pad": (lambda x: ops.pad(x, ((1, 0), (0, 2))), positive((3, 4))),
    "cumsum": (lambda x: ops.cumsum(x, 1), positive((3, 4))),
    "sort": (lambda x: ops.sort(x, 0), positive((3, 4))),
    "std": (lambda x: ops.std(x, 1), positive((3, 4))),
    "softmax": (lambda x: ops.softmax(x, 0), positive((3, 4))),
    "log_softmax": (lambda x: ops.log_softmax(x, (0, 1)), positive((3, 4))),
    "max_pool": (lambda x: ops.max_pool(x, 2, padding="same"), [IMAGES]),
    "average_pool": (lambda x: ops.average_pool(x, 2, data_format="channels_first"), [IMAGES]),
    "adaptive_max_pool": (lambda x: ops.adaptive_max_pool(x, None, "channels_first"), [IMAGES]),
    "resize": (lambda x: ops.image.resize(x, (3, 8)), [IMAGES]),
    "dropout": (lambda x: ops.dropout(x, 0.5, Generator(1)), positive((3, 4))),
    "cast": (lambda x: ops.cast(x, "float32"), positive((3, 4))),
}  # fmt: skip


def gradients(call, arrays, wanted, there=()):
    """The gradients of the operands in ``wanted``, added to ones where they are ``there``; None for all others."""
    tensors = [Tensor(a, requires_grad=i in wanted) for i, a in enumerate(arrays)]
    for i in there:
        tensors[i].grad = np.ones_like(arrays[i])
    y = call(*tensors)
    y.backward(np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype))
    return [None if t.grad is None else t.grad.numpy() for t in tensors]


@pytest.mark.parametrize("name", CASES)
def test_each_operand_is_skipped_written_or_added_to(name):
    call, arrays = CASES[name]
    every = range(len(arrays))
    together = gradients(call, arrays, every)
    assert any(np.abs(g).sum() > 0 for g in together)
    some = [every, every[1:], every[:-1], *itertools.combinations(every, 1)]
    for wanted, there in [*((w, ()) for w in some if w), *((every, t) for t in some)]:
        for i, g in enumerate(gradients(call, arrays, wanted, there)):
            if i in wanted:
                before = 1.0 if i in there else 0.0
                np.testing.assert_allclose(g, before + together[i], rtol=1e-6, atol=1e-6, err_msg=f"operand {i}")
            else:
                assert g is None
