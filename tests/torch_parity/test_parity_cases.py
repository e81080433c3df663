"""The registered cases that name their PyTorch counterpart: same values and gradients."""

from __future__ import annotations

import numpy as np
import pytest
from compare import close, torch

from lamina import _native
from lamina.testing.cases import test_cases

CASES = [c for c in test_cases() if c.torch is not None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=[c.id for c in CASES])
def test_case_is_torchs(case, dtype):
    args = case.inputs(np.random.default_rng(0), dtype)
    result = getattr(_native, case.forward)(*args)
    y = result[0] if isinstance(result, tuple) else result
    theirs = [torch.tensor(a, dtype=torch.float64) if isinstance(a, np.ndarray) else a for a in args]
    wanted = [i for i in case.gradients if isinstance(args[i], np.ndarray)]
    for i in wanted:
        theirs[i].requires_grad_()
    want = case.torch(torch, *(case.torch_layout(theirs) if case.torch_layout else theirs))
    tolerance = 64 * float(np.finfo(dtype).eps) * (4 + case.reduction**0.5)
    close(y, want.detach().numpy(), tolerance, "value")
    if not case.backward:
        return
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    grads = [np.full_like(args[i], np.nan) if i in wanted else None for i in case.gradients]
    getattr(_native, case.backward)(*case.saved(args, result, dy), *grads, 0)
    slopes = torch.autograd.grad(want, [theirs[i] for i in wanted], torch.tensor(dy, dtype=torch.float64))
    for i, slope in zip(wanted, slopes, strict=True):
        close(grads[case.gradients.index(i)], slope.numpy(), tolerance, f"gradient of argument {i}")
