"""Options of update rules at the ends of their ranges."""

from __future__ import annotations

import inspect
import math

import pytest
from optimizer_examples import CLASSES

from lamina import optimizers
from lamina.optimizers import schedules

DECAY, RATE, NOT_NEGATIVE = ([0.0, 0.999999], [-1e-6, 1.0, 1.2]), ([0.0, 1.0], [-1e-6, 1.000001]), ([0.0, 9.0], [-1e-9])
RANGES = {  # what is just allowed, and what is just not
    "beta_1": DECAY, "beta_2": DECAY, "adam_beta_1": DECAY, "adam_beta_2": DECAY,
    "momentum": RATE, "rho": RATE, "ema_momentum": RATE,
    "epsilon": ([0.0, 10.0], [-1e-9, math.inf]), "epsilon_1": NOT_NEGATIVE, "epsilon_2": NOT_NEGATIVE,
    "beta": NOT_NEGATIVE, "adam_lr_ratio": NOT_NEGATIVE, "ns_steps": ([0, 1], [-1]), "warmup_steps": ([0, 1], [-1]),
    "initial_accumulator_value": NOT_NEGATIVE, "l1_regularization_strength": NOT_NEGATIVE,
    "l2_regularization_strength": NOT_NEGATIVE, "l2_shrinkage_regularization_strength": NOT_NEGATIVE,
    "learning_rate_power": ([0.0, -2.0], [1e-9]), "beta_2_decay": ([0.0, -2.0], [1e-9]),
    "clip_threshold": ([1e-9, 2.0], [0.0, -1e-9]),
    "learning_rate": ([0.0, 1e-9, 5.0], [-1e-9, math.inf]),
    "weight_decay": ([0.0, 2.0], [-1e-9, math.inf]), "adam_weight_decay": ([None, 0.0, 2.0], [-1e-9, math.inf]),
    "clipnorm": ([None, 1e-9], [0.0, -1e-9]), "clipvalue": ([None, 1e-9], [0.0, -1e-9]),
    "global_clipnorm": ([None, 1e-9], [0.0, -1e-9]),
    "ema_overwrite_frequency": ([None, 1, 2], [0, -1, 1.5]),
    "gradient_accumulation_steps": ([None, 2, 3], [1, 0, -1, 2.5]),
    "loss_scale_factor": ([None, 1e-9, 2.0], [0.0, -1e-9, math.inf]),
}  # fmt: skip
SHARED = {
    "clipnorm", "clipvalue", "ema_momentum", "ema_overwrite_frequency", "global_clipnorm",
    "gradient_accumulation_steps",
    "learning_rate", "loss_scale_factor", "weight_decay",
}  # fmt: skip
OPTIONS = [
    (name, option)
    for name, cls in CLASSES.items()
    for option in RANGES
    if name != "MultiOptimizer" and option in SHARED | {*inspect.signature(cls).parameters}
]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_ranges_of_options(name, option):
    right, wrong = RANGES[option]
    for value in right:
        assert getattr(CLASSES[name](**{option: value}), option) == value
    for value in [*wrong, math.nan]:
        with pytest.raises(ValueError, match=f"{name}: {option} must be"):
            CLASSES[name](**{option: value})


SCHEDULES = {
    "ExponentialDecay": {"decay_steps": 10, "decay_rate": 0.5},
    "InverseTimeDecay": {"decay_steps": 10, "decay_rate": 0.5},
    "PolynomialDecay": {"decay_steps": 10},
    "CosineDecay": {"decay_steps": 10},
    "CosineDecayRestarts": {"first_decay_steps": 10, "t_mul": 2.0},
}
LENGTHS = {
    "decay_steps": ([1, 10], [0, -1]),
    "first_decay_steps": ([1, 10], [0, -1]),
    "t_mul": ([1e-6, 1, 2.5], [0, -1e-6, math.nan]),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_lengths_of_schedules(name):
    for option in LENGTHS.keys() & SCHEDULES[name]:
        right, wrong = LENGTHS[option]
        for value in right:
            getattr(schedules, name)(0.1, **{**SCHEDULES[name], option: value})
        for value in wrong:
            with pytest.raises(ValueError, match=f"{name}: {option} must be positive, got"):
                getattr(schedules, name)(0.1, **{**SCHEDULES[name], option: value})


@pytest.mark.parametrize("name", [n for n in CLASSES if n != "MultiOptimizer"])
def test_an_optimizer_by_its_class(name):
    assert type(optimizers.get(CLASSES[name])) is CLASSES[name]
    for wrong in (int, dict, schedules.CosineDecay, 3, None):
        with pytest.raises(TypeError, match="expected a name or an Optimizer"):
            optimizers.get(wrong)
