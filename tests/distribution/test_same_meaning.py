"""What fit, evaluate and predict mean on several processes: the same as alone; and the same bits with ``shards``."""

from __future__ import annotations

import launch
import numpy as np
import pytest
import scenarios

import lamina

RANKS = (1, 2, 3, 4, 8)
NAMES = list(scenarios.SCENARIOS)
NETWORKS = [
    f"network:{name}" for name in ("mlp", "small mlp", "cnn", "resnet-20", "lstm", "gru", "gpt", "u-net", "siamese")
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What the ranks found, of all scenarios in one run each; kept by ranks and shards."""
    known = {}

    def get(ranks, shards, names):
        key = ranks, shards, names[0]
        if key not in known:
            known[key] = launch.found(tmp_path_factory.mktemp("ranks"), ranks, shards, *names)
        return known[key]

    return get


def same_bits(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("ranks", "shards"), [(2, 0), (3, 0), (1, 4), (2, 4)])
def test_it_is_the_training_of_one_process(ran, name, ranks, shards):
    lamina.random.seed(11)
    lamina.utils.clear_session()
    alone = scenarios.SCENARIOS[name]()
    for rank in ran(ranks, shards, NAMES):
        together = rank[name]
        assert together.keys() == alone.keys()
        for key, values in alone.items():
            np.testing.assert_allclose(together[key], values, rtol=2e-3, atol=2e-5, err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_with_shards_any_number_of_ranks_gives_the_same_bits(ran, name):
    (first,) = ran(1, 4, NAMES)
    for ranks in (2, 3, 4):
        for rank in ran(ranks, 4, NAMES):
            same_bits(rank[name], first[name])


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_the_same_bits_after_ten_steps(ran, name):
    (first,) = ran(1, 8, NETWORKS)
    for ranks in RANKS[1:]:
        for rank in ran(ranks, 8, NETWORKS):
            same_bits(rank[name], first[name])
