"""Options of update rules at the ends of their ranges."""

from __future__ import annotations

import pytest
from optimizer_examples import CLASSES

RANGES = {  # what is just allowed, and what is just not
    "beta_1": ([0.0, 0.999999], [-1e-6, 1.0, 1.2]),
    "beta_2": ([0.0, 0.999999], [-1e-6, 1.0, 1.2]),
    "epsilon": ([0.0, 10.0], [-1e-9]),
    "momentum": ([0.0, 1.0], [-1e-6, 1.000001]),
    "rho": ([0.0, 1.0], [-1e-6, 1.000001]),
}
OPTIONS = [(name, option) for name, cls in CLASSES.items() for option in cls._options if option in RANGES]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_ranges_of_options(name, option):
    right, wrong = RANGES[option]
    for value in right:
        assert getattr(CLASSES[name](**{option: value}), option) == value
    for value in wrong:
        with pytest.raises(ValueError, match=f"{name}: {option} must be"):
            CLASSES[name](**{option: value})
