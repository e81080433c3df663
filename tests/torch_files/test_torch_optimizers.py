"""States of PyTorch's optimizers, built by hand."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Sequential, layers, optimizers

STATE = {"0.weight": np.ones((2, 3), "float32"), "0.bias": np.zeros(2, "float32")}


def loaded():
    model = Sequential([Input((3,)), layers.Dense(2)])
    return model, lamina.torch.load_state_dict(model, STATE)


def adam(**changes):
    moments = {"step": np.float32(4), "exp_avg": np.arange(6.0).reshape(2, 3), "exp_avg_sq": np.ones((2, 3))}
    group = {"lr": 0.25, "betas": (0.5, 0.75), "eps": 1e-3, "weight_decay": 0, "amsgrad": False, "params": [0, 1]}
    return {"state": {0: moments | changes.pop("state", {})}, "param_groups": [group | changes]}


def test_the_state_of_adam():
    model, report = loaded()
    optimizer = optimizers.Adam()
    lamina.torch.load_optimizer_state_dict(optimizer, adam(), report)
    assert (int(optimizer.iterations), float(optimizer.learning_rate)) == (4, 0.25)
    assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.5, 0.75, 1e-3)
    kept = optimizer.get_state({"w": model.layers[0].kernel, "b": model.layers[0].bias})
    assert kept["momentum/w"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert kept["velocity/b"].tolist() == [0, 0]


def test_steps_of_sgd_hold_the_rate():
    model, report = loaded()
    group = {"lr": 0.5, "momentum": 0.9, "nesterov": True, "params": [0, 1]}
    optimizer = optimizers.SGD()
    state = {"state": {1: {"momentum_buffer": np.array([1.0, 2.0])}}, "param_groups": [group]}
    lamina.torch.load_optimizer_state_dict(optimizer, {"epoch": 1, "optimizer": state}, report)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)
    assert optimizer.get_state({"b": model.layers[0].bias})["momentum/b"].tolist() == [-0.5, -1]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "expected optimizer.state_dict"),
        ({"state": {}, "param_groups": []}, "one of the two is damaged"),
        ({"state": [], "param_groups": [{"lr": 0.1}]}, "one of the two is damaged"),
        (adam(params=[0]), "the optimizer has 1 parameters, the state dict 2"),
        (adam(state={"exp_avg": np.ones((3, 2))}), r"'exp_avg' of '0.weight' is \(3, 2\), expected \(2, 3\)"),
        (adam(state={"square_avg": np.ones((2, 3))}), "the state has 'square_avg', which no Adam of PyTorch has"),
    ],
)
def test_what_does_not_fit_is_named(state, message):
    model, report = loaded()
    optimizer = optimizers.Adam()
    optimizer.build(model.trainable_weights)
    before = optimizer.get_state()
    with pytest.raises(ValueError, match=message):
        lamina.torch.load_optimizer_state_dict(optimizer, state, report)
    for key, value in optimizer.get_state().items():
        np.testing.assert_array_equal(value, before[key])


def test_others_are_refused_or_told():
    _, report = loaded()
    with pytest.raises(TypeError, match="expected an Adam, AdamW, SGD or RMSprop"):
        lamina.torch.load_optimizer_state_dict(optimizers.Lion(), adam(), report)
    with pytest.warns(UserWarning, match=r"weight_decay=0\.5 is part of the gradient.*L2\(0\.25\)"):
        lamina.torch.load_optimizer_state_dict(optimizers.Adam(), adam(weight_decay=0.5), report)
    with pytest.warns(UserWarning, match=r"dampening=0\.5"):
        lamina.torch.load_optimizer_state_dict(optimizers.Adam(), adam(dampening=0.5), report)
    optimizer = optimizers.AdamW()
    lamina.torch.load_optimizer_state_dict(optimizer, adam(weight_decay=0.5), report)
    assert optimizer.weight_decay == 0.5


RNG = np.random.default_rng(0)
SLOTS = [
    (optimizers.Adam, {"amsgrad": False}, {"exp_avg": ("momentum", 1), "exp_avg_sq": ("velocity", 1)}),
    (
        optimizers.AdamW,
        {"amsgrad": True},
        {"exp_avg": ("momentum", 1), "exp_avg_sq": ("velocity", 1), "max_exp_avg_sq": ("velocity_hat", 1)},
    ),
    (optimizers.SGD, {"momentum": 0.5}, {"momentum_buffer": ("momentum", -0.25)}),
    (optimizers.RMSprop, {"alpha": 0.5}, {"square_avg": ("velocity", 1)}),
    (
        optimizers.RMSprop,
        {"momentum": 0.5, "centered": True},
        {"square_avg": ("velocity", 1), "momentum_buffer": ("momentum", 0.25), "grad_avg": ("average_gradient", 1)},
    ),
]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(("kind", "options", "slots"), SLOTS)
def test_every_slot_of_every_kind(kind, options, slots, both, dtype):
    """Of SGD and RMSprop ours hold the steps, which are the rate, 0.25, times PyTorch's."""
    model, report = loaded()
    shapes = [(2, 3), (2,)][: 1 + both]
    state = {i: {n: RNG.uniform(1, 2, shape).astype(dtype) for n in slots} for i, shape in enumerate(shapes)}
    for i, count in zip(state, (3, 7), strict=False):
        state[i]["step"] = np.float32(count)
    optimizer = kind()
    groups = [{"lr": 0.25, "params": [0, 1], **options}]
    lamina.torch.load_optimizer_state_dict(optimizer, {"state": state, "param_groups": groups}, report)
    assert int(optimizer.iterations) == (7 if both else 3)
    kept = optimizer.get_state({"w": model.layers[0].kernel, "b": model.layers[0].bias})
    assert {key.split("/")[0] for key in kept if "/" in key} == {ours for ours, _ in slots.values()}
    for theirs, (ours, factor) in slots.items():
        np.testing.assert_allclose(kept[f"{ours}/w"], state[0][theirs].T.astype("f4") * factor, rtol=1e-6)
        want = state[1][theirs].astype("f4") * factor if both else np.zeros(2)
        np.testing.assert_allclose(kept[f"{ours}/b"], want, rtol=1e-6)


@pytest.mark.parametrize("how", ["names", "parameters"])
def test_groups_and_orders_of_parameters(how):
    model, report = loaded()
    state = {0: {"momentum_buffer": np.array([1.0, 2.0])}, 1: {"momentum_buffer": np.arange(6.0).reshape(2, 3)}}
    groups = [{"lr": 0.5, "momentum": 0.9, "params": [0]}, {"lr": 0.5, "momentum": 0.9, "params": [1]}]
    optimizer, names = optimizers.SGD(), ["0.bias", "0.weight"]
    if how == "names":
        for group, name in zip(groups, names, strict=True):
            group["param_names"] = [name]
    else:
        with pytest.raises(ValueError, match="there are 2 groups of parameters; give parameters="):
            lamina.torch.load_optimizer_state_dict(optimizer, {"state": state, "param_groups": groups}, report)
    given = {"parameters": names} if how == "parameters" else {}
    lamina.torch.load_optimizer_state_dict(optimizer, {"state": state, "param_groups": groups}, report, **given)
    kept = optimizer.get_state({"w": model.layers[0].kernel, "b": model.layers[0].bias})
    np.testing.assert_allclose(kept["momentum/b"], [-0.5, -1.0])
    np.testing.assert_allclose(kept["momentum/w"], -0.5 * np.arange(6.0).reshape(2, 3).T)


def test_decay_of_weights_is_the_optimizers_or_told():
    _, report = loaded()
    for optimizer in (optimizers.AdamW(weight_decay=0.0), optimizers.Adam(weight_decay=0.125)):
        lamina.torch.load_optimizer_state_dict(optimizer, adam(weight_decay=0.5), report)
        assert optimizer.weight_decay == 0.5
    optimizer = optimizers.Adam()
    lamina.torch.load_optimizer_state_dict(optimizer, adam(weight_decay=0), report)  # nothing to tell
    assert not optimizer.weight_decay
    group = adam()
    del group["param_groups"][0]["weight_decay"]
    lamina.torch.load_optimizer_state_dict(optimizer, group, report)
