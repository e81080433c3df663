"""Training goes on in Lamina where PyTorch stopped: weights and the optimizer's state."""

from __future__ import annotations

import numpy as np
import pytest
from compare import torch
from state_dicts import RNG, randomized

import lamina
from lamina import Input, Sequential, layers, optimizers

nn = torch.nn
X = RNG.standard_normal((16, 6, 4))
Y = RNG.standard_normal((16, 3))


class Theirs(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.bn, self.fc = nn.GRU(4, 5, batch_first=True), nn.BatchNorm1d(5), nn.Linear(5, 3)

    def forward(self, x):
        return self.fc(self.bn(self.rnn(x)[0][:, -1]))


def ours():
    return Sequential(
        [Input((6, 4)), layers.GRU(5), layers.BatchNormalization(epsilon=1e-5, momentum=0.9), layers.Dense(3)]
    )


def train(module, optimizer, steps):
    module.train()
    for _ in range(steps):
        optimizer.zero_grad()
        ((module(torch.tensor(X)) - torch.tensor(Y)) ** 2).mean().backward()
        optimizer.step()


optim = torch.optim
KINDS = {
    "adam": (lambda p: optim.Adam(p, 0.01, (0.8, 0.99), 1e-15), lambda: optimizers.Adam(0.5)),
    "amsgrad": (lambda p: optim.Adam(p, 0.01, amsgrad=True, eps=1e-15), lambda: optimizers.Adam(amsgrad=False)),
    "adamw": (lambda p: optim.AdamW(p, 0.01, weight_decay=0.1, eps=1e-15), optimizers.AdamW),
    "sgd": (lambda p: optim.SGD(p, 0.05), optimizers.SGD),
    "momentum": (lambda p: optim.SGD(p, 0.05, momentum=0.9), lambda: optimizers.SGD(0.1)),
    "nesterov": (lambda p: optim.SGD(p, 0.05, momentum=0.8, nesterov=True), lambda: optimizers.SGD(0.1)),
    "rmsprop": (lambda p: optim.RMSprop(p, 0.01, momentum=0.5, eps=1e-15), lambda: optimizers.RMSprop(epsilon=1e-15)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("built", [False, True])
def test_training_goes_on(kind, built, tmp_path):
    theirs, make = KINDS[kind]
    module = randomized(Theirs().double())
    optimizer = theirs(module.parameters())
    train(module, optimizer, 5)
    torch.save({"model": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 5}, tmp_path / "c.pt")
    model, mine = ours(), make()
    model.compile(mine, "mse")
    if built:
        mine.build(model.trainable_weights)
    report = lamina.torch.load_state_dict(model, tmp_path / "c.pt", names={"rnn": model.layers[0]})
    lamina.torch.load_optimizer_state_dict(mine, tmp_path / "c.pt", report)
    assert int(mine.iterations) == (5 if optimizer.state and "step" in next(iter(optimizer.state.values())) else 0)
    assert float(mine.learning_rate) == pytest.approx(optimizer.param_groups[0]["lr"])
    train(module, optimizer, 3)
    model.fit(X, Y, epochs=3, batch_size=16, shuffle=False, verbose=0)
    wanted = module.state_dict()
    for key, value in lamina.torch.state_dict(model, like=wanted).items():
        if "num_batches" not in key and "running_var" not in key:  # PyTorch's moving variance is the unbiased one
            np.testing.assert_allclose(value, wanted[key].numpy(), atol=1e-6, err_msg=key)


def test_moments_in_layouts_of_their_own():
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(3 * 4, 2))
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    x = torch.randn(4, 2, 4, 4)
    for _ in range(3):
        optimizer.zero_grad()
        (module(x) ** 2).mean().backward()
        optimizer.step()
    model = Sequential([Input((4, 4, 2)), layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(2)])
    report = lamina.torch.load_state_dict(model, module.state_dict())
    mine = optimizers.Adam()
    lamina.torch.load_optimizer_state_dict(mine, optimizer.state_dict(), report)
    for _ in range(2):
        optimizer.zero_grad()
        (module(x) ** 2).mean().backward()
        optimizer.step()
        loss = lamina.ops.mean(model(x.numpy().transpose(0, 2, 3, 1)) ** 2)
        mine.zero_grad()
        loss.backward()
        mine.step()
    for key, value in lamina.torch.state_dict(model).items():
        np.testing.assert_allclose(value, module.state_dict()[key].numpy(), atol=1e-5)


def test_several_groups_need_names():
    module = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    groups = [{"params": module[1].parameters(), "lr": 0.1}, {"params": module[0].parameters()}]
    optimizer = torch.optim.SGD(groups, 0.1, momentum=0.9)
    (module(torch.randn(5, 3)) ** 2).mean().backward()
    optimizer.step()
    model = Sequential([Input((3,)), layers.Dense(4), layers.Dense(2)])
    report = lamina.torch.load_state_dict(model, module.state_dict())
    mine = optimizers.SGD()
    with pytest.raises(ValueError, match="2 groups of parameters"):
        lamina.torch.load_optimizer_state_dict(mine, optimizer.state_dict(), report)
    names = ["1.weight", "1.bias", "0.weight", "0.bias"]
    lamina.torch.load_optimizer_state_dict(mine, optimizer.state_dict(), report, parameters=names)
    kept = mine.get_state({"w": model.layers[1].kernel})["momentum/w"]
    np.testing.assert_allclose(kept, -0.1 * optimizer.state[module[1].weight]["momentum_buffer"].numpy().T)
