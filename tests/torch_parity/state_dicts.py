"""State dicts of a PyTorch module in a model of the same network: equal outputs, and strictly back."""

from __future__ import annotations

import numpy as np
from compare import torch

import lamina
from lamina import layers

nn = torch.nn
RNG = np.random.default_rng(0)


def images(channels, *sizes, n=2):
    """(ours, channels last; PyTorch's)."""
    x = RNG.standard_normal((n, *sizes, channels)).astype("float32")
    return x, torch.tensor(np.moveaxis(x, -1, 1).copy())


def same(*shape):
    x = RNG.standard_normal(shape).astype("float32")
    return x, torch.tensor(x)


def randomized(module):
    """Nothing stays at ones and zeros, where mistakes hide."""
    torch.manual_seed(0)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn_like(p) * (p[0].numel() ** -0.5 if p.ndim > 1 else 0.3))
        for name, b in module.named_buffers():
            if b.is_floating_point():
                b.copy_(torch.rand_like(b) + 0.5 if "var" in name else torch.randn_like(b))
    return module.eval()


def check(module, model, x, t, names=None, like=False, last=True, many=False, tolerance=1e-6):
    """Load, compare, and load back."""
    module = randomized(module)
    model(*x) if many else model(x)
    before = module.state_dict()
    report = lamina.torch.load_state_dict(model, before, names)
    assert not report.left_over
    with torch.no_grad():
        want = module(*t) if many else module(t)
    got = model(*x, training=False) if many else model(x, training=False)
    pairs = list(zip(_flat(got), _flat(want), strict=False))
    for a, b in pairs:
        b = np.moveaxis(b.numpy(), 1, -1) if last and b.ndim == a.ndim > 2 and b.shape != a.shape else b.numpy()
        np.testing.assert_allclose(a.numpy(), b, atol=tolerance * max(1.0, np.abs(b).max()), rtol=1e-6)
    back = lamina.torch.state_dict(model, names, before if like else None)
    for key, value in before.items():
        if key.endswith("bias_hh_l0") or "bias_hh" in key or "bias_ih" in key or "num_batches" in key:
            continue  # one of two that are added
        assert back[key].shape == tuple(value.shape), key
        np.testing.assert_array_equal(back[key], value.numpy(), err_msg=key)
    module.load_state_dict({key: torch.tensor(value) for key, value in back.items()})
    with torch.no_grad():
        again = module(*t) if many else module(t)
    for a, b in zip(_flat(again), _flat(want), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2 * tolerance, rtol=1e-6)
    return report


def _flat(y):
    if isinstance(y, (list, tuple)):
        return [t for part in y for t in _flat(part)]
    return [y]


def norm():
    """PyTorch's batch normalization."""
    return layers.BatchNormalization(epsilon=1e-5)


class OwnAttention(nn.Module):
    """As nanoGPT writes it: one linear module for all three."""

    def __init__(self):
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x):
        q, k, v = (t.reshape(*x.shape[:2], 2, 4).transpose(1, 2) for t in self.c_attn(x).split(8, dim=2))
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(x.shape))
