"""Layers, models, metrics and optimizers of one's own: a call returns what ``call`` returns."""

from __future__ import annotations

from typing import Any

import numpy as np
from typing_extensions import assert_type

import lamina
from lamina import SymbolicTensor, Tensor, layers, ops


class Scale(lamina.Layer):
    def __init__(self, start: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.factor = self.add_weight((input_shape[-1] or 1,), "ones", name="factor")

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.factor


class Split(lamina.Layer):
    def call(self, inputs: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        return inputs, inputs


class Named(lamina.Layer):
    def call(self, inputs: Tensor) -> dict[str, Tensor]:
        return {"twice": 2.0 * inputs}


class Net(lamina.Model):
    def __init__(self) -> None:
        super().__init__(name="net")
        self.first = layers.Dense(4, "relu")
        self.second = layers.Dense(1)

    def call(self, inputs: Tensor, training: bool = False, mask: Any = None) -> Tensor:
        return self.second(self.first(inputs))

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        loss = ops.mean(ops.square(self(x, training=True) - y))
        loss.backward()
        self.optimizer.step()
        return {"loss": loss}


x = ops.ones((2, 3))
assert_type(Scale(name="scale")(x), Tensor)
assert_type(Scale(2.0)(lamina.Input((3,))), SymbolicTensor)
assert_type(Split()(x), tuple[Tensor, Tensor])
assert_type(Named()(x), dict[str, Tensor])
net = Net()
assert_type(net(x), Tensor)
assert_type(net(np.ones((2, 3))), Tensor)
net.compile("adam", "mse")
net.fit(np.ones((2, 3)), np.ones((2, 1)), epochs=1, verbose=0)
