"""The exported optimizers, what their tests try, and variables for them."""

from __future__ import annotations

import inspect

import numpy as np

from lamina import optimizers
from lamina.core.autograd import Tensor
from lamina.optimizers.base import classes

EVERY = {name: getattr(optimizers, name) for name in optimizers.__all__}  # which imports the rooms that fill `classes`
CLASSES = {name: one for name, one in EVERY.items() if name.lower() in classes}
del CLASSES["LossScaleOptimizer"]  # which has another one's options


def examples(cls):
    """An optimizer with its defaults, with every option changed by itself, and with all changed."""
    changed = {}
    for name in cls._options:
        default = inspect.signature(cls).parameters[name].default
        whole = isinstance(default, int)
        changed[name] = not default if isinstance(default, bool) else default + 5 if whole else 0.8 * default or 0.5
    return [{}, *({name: value} for name, value in changed.items()), changed]


NATIVE = {name: cls for name, cls in CLASSES.items() if cls._rule is not None}  # of one native call
EXAMPLES = [(name, options) for name, cls in NATIVE.items() for options in examples(cls)]


def leaves(dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return [Tensor(rng.standard_normal(s).astype(dtype), requires_grad=True) for s in ((4, 3), (3,))]


def set_gradients(variables, seed=1):
    rng = np.random.default_rng(seed)
    for v in variables:
        v.grad = rng.standard_normal(v.shape).astype(v.dtype)
