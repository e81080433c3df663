"""Every option of every layer that is a size, a rate or another number in a range: both sides of its ends."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

from lamina import layers
from lamina.testing.layer_table import layer_checks

SIZE = ([1, 2, np.int64(3)], [0, -1, 1.5, True, "2"])
RATE = ([0, 0.0, 1e-9, 0.5], [-1e-9, 1 + 1e-9, "0.5"])
POSITIVE = ([1e-9, 2], [0, -1e-9, math.inf, math.nan])

# Of each option what is right and what is wrong in every layer that has it, but for those below.
RANGES = {
    "units": SIZE, "filters": SIZE, "kernel_size": SIZE, "strides": SIZE, "dilation_rate": SIZE, "groups": SIZE,
    "pool_size": SIZE, "output_size": SIZE, "size": SIZE, "n": SIZE, "input_dim": SIZE, "output_dim": SIZE,
    "depth_multiplier": SIZE, "num_heads": SIZE, "key_dim": SIZE, "value_dim": SIZE, "sliding_window": SIZE,
    "intermediate_dim": SIZE, "num_mel_bins": SIZE, "head_dim": SIZE, "power_iterations": SIZE,
    "dropout": RATE, "recurrent_dropout": RATE, "rate": RATE, "drop_path": RATE,
    "momentum": ([0, 1, 0.5], [-1e-9, 1 + 1e-9]), "epsilon": ([0, 1e-9, 2], [-1e-9, math.inf, math.nan]),
    "max_wavelength": POSITIVE,
    "l1": ([0, 1e-9], [-1e-9]), "l2": ([0, 1e-9], [-1e-9]), "stddev": ([0, 1], [-1e-9, 1 + 1e-9]),
    "negative_slope": ([0, 1e-9], [-1e-9]), "max_value": ([0, 1e-9, None], [-1e-9]), "threshold": ([0, 1e-9], [-1e-9]),
    "output_padding": ([0, None], [-1]), "padding": (["valid"], ["vaild", -1]),
    "data_format": (["channels_last", "channels_first", None], ["channels", "last"]),
}  # fmt: skip
OTHER = {  # (layer, option): right, wrong
    ("RandomGaussianBlur", "kernel_size"): ([1, 3], [0, 2, -1, 1.5]),
    **{(f"ZeroPadding{n}D", "padding"): ([0, 1], ["valid", -1, 1.5]) for n in (1, 2, 3)},
    **{(f"Conv{n}D{t}", "groups"): ([1], SIZE[1]) for n in (1, 2, 3) for t in ("", "Transpose")},
}
NOT_HERE = {  # what an option is there instead, or with which others it goes, is tested with the layer
    ("Discretization", "epsilon"), ("GaussianDropout", "rate"), ("AlphaDropout", "rate"),
    ("GroupNormalization", "groups"),
}  # fmt: skip


def rows():
    """Of each (layer, option) the first line of the table."""
    found = {}
    for check in layer_checks():
        kind = check.kind
        if not isinstance(kind, type):
            continue
        for option in inspect.signature(kind).parameters:
            if option in RANGES and (kind.__name__, option) not in NOT_HERE:
                found.setdefault((kind.__name__, option), check)
    return found


ROWS = rows()


def test_the_table_meets_the_options():
    assert {option for _, option in ROWS} >= set(RANGES)


@pytest.mark.parametrize(("name", "option"), ROWS)
def test_an_option_at_both_ends_of_its_range(name, option):
    right, wrong = OTHER.get((name, option), RANGES[option])
    kind, options = ROWS[name, option].kind, dict(ROWS[name, option].options)
    if option in ("strides", "dilation_rate"):  # which exclude each other, and what goes with them
        for other in {"strides", "dilation_rate", "output_padding"} - {option}:
            options.pop(other, None)
    for value in right:
        kind(**{**options, option: value})
    for value in wrong:
        with pytest.raises((ValueError, TypeError), match=option):
            kind(**{**options, option: value})


@pytest.mark.parametrize("name", ["GaussianDropout", "AlphaDropout"])
def test_a_rate_of_one_would_leave_nothing(name):
    kind = getattr(layers, name)
    for rate in (0, 1e-9, 1 - 1e-9):
        assert kind(rate).rate == rate
    for rate in (1.0, 1 + 1e-9, -1e-9):
        with pytest.raises(ValueError, match="rate must be"):
            kind(rate)
