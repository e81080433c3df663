"""Every exported layer keeps what all layers promise: see lamina.testing.check_layer."""

from __future__ import annotations

import pytest

from lamina import layers
from lamina.testing import check_layer
from lamina.testing.layer_checks import LayerCheck
from lamina.testing.layer_table import WITHOUT_EXAMPLE, exported_layers, layer_checks

CHECKS = [name for name in dir(LayerCheck) if name.startswith("check_")]


@pytest.mark.parametrize("row", layer_checks(), ids=lambda row: row.name)
@pytest.mark.parametrize("check", CHECKS)
def test_layer(row, check):
    getattr(row, check)()


def test_every_exported_layer_stands_in_the_table():
    assert {row.kind.__name__ for row in layer_checks()} | set(WITHOUT_EXAMPLE) == set(exported_layers())


class Forgetful(layers.Layer):
    """Its gradient is wrong: half of the product is cut off from the tape."""

    def call(self, inputs):
        return inputs * inputs.detach()


def test_check_layer_finds_a_wrong_gradient():
    with pytest.raises(AssertionError, match="gradient"):
        check_layer(Forgetful)
