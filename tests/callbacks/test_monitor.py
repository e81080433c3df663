"""Which values improve on others."""

from __future__ import annotations

import math

import pytest

from lamina.callbacks.monitor import Monitor


@pytest.mark.parametrize("delta", [0.0, 0.5, -0.5])
def test_only_more_than_the_least_difference_improves(delta):
    low, high = Monitor("x", "min", delta), Monitor("x", "max", delta)
    for value, down, up in ((2.0, False, False), (1.5, not delta, False), (1.0, True, False), (2.5, False, not delta),
                            (3.0, False, True), (math.nan, False, False)):  # fmt: skip
        assert low.improves(value, 2.0) == down
        assert high.improves(value, 2.0) == up
    for monitor, worst in ((low, math.inf), (high, -math.inf)):
        assert monitor.worst == worst
        assert monitor.improves(1e300, None)
        assert not monitor.improves(worst, None)
        assert not monitor.improves(math.nan, None)


@pytest.mark.parametrize("name", ["x", "val_x"])
def test_what_is_not_logged(name):
    monitor = Monitor(name, "min")
    assert monitor.value({name: 0.0}) == 0.0
    for logs in (None, {}, {"other": 1.0}):
        with pytest.warns(UserWarning, match=f"Monitor: '{name}' is not among the logs") as caught:
            assert monitor.value(logs) is None
        assert ("fit needs validation data" in str(caught[0].message)) == (name == "val_x")
