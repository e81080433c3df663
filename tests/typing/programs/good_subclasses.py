"""Classes of one's own, with the signatures that Keras's guides have: no override is an error."""

from __future__ import annotations

from typing import Any

import numpy as np
from typing_extensions import assert_type

import lamina
from lamina import Tensor, callbacks, constraints, initializers, layers, losses, metrics, ops, optimizers, regularizers
from lamina.utils import PyDataset


class OneArgument(lamina.Model):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.dense = layers.Dense(units)

    def call(self, x: Tensor) -> Tensor:
        return self.dense(x)


class WithTraining(lamina.Model):
    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.dense = layers.Dense(input_shape[-1] or 1)
        super().build(input_shape)

    def call(self, inputs: dict[str, Tensor], training: bool | None = None) -> tuple[Tensor, Tensor]:
        x = self.dense(inputs["a"], training=training)
        return x, inputs["b"]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        return ops.mean(y_pred[0])

    def test_step(self, data: Any) -> dict[str, Any]:
        return super().test_step(data)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": 3}


class Autoencoder(lamina.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder = lamina.Sequential([layers.Dense(2)])
        self.tracker = metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[metrics.Metric]:
        return [self.tracker]

    def call(self, inputs: Tensor) -> Tensor:
        return self.encoder(inputs)


class Double(layers.Dense):
    def call(self, inputs: Tensor) -> Tensor:
        return 2.0 * super().call(inputs)


class Attend(lamina.Layer):
    def build(self, query_shape: Any, value_shape: Any) -> None:
        self.scale = self.add_weight(shape=(1,), initializer="ones", trainable=True, name="scale")

    def call(self, query: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        return ops.softmax(query @ ops.transpose(value)) * self.scale

    def compute_output_shape(self, query_shape: Any, value_shape: Any) -> Any:
        return query_shape


class OnEpoch(callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        print(epoch, (logs or {}).get("loss"), self.model.optimizer.learning_rate)


class Share(metrics.Metric):
    def __init__(self, name: str = "share", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign(self.total + ops.sum(y_pred))

    def result(self) -> Any:
        return self.total


class Cubic(losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return ops.mean(ops.power(ops.abs(y_true - y_pred), 3), axis=-1)


class Half(initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.full(shape, 0.5, dtype)


class Small(regularizers.Regularizer):
    def __call__(self, x: Any) -> Any:
        return 0.01 * ops.sum(ops.square(x))


class Positive(constraints.Constraint):
    def __call__(self, w: Any) -> Any:
        return ops.relu(w)


class Warm(optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: Any) -> Any:
        return 0.1 / (step + 1)

    def get_config(self) -> dict[str, Any]:
        return {}


class Batches(PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return np.ones((2, 3)), np.ones((2, 1))


x = ops.ones((2, 3))
assert_type(OneArgument(3)(x), Tensor)
assert_type(WithTraining()({"a": x, "b": x}), tuple[Tensor, Tensor])
assert_type(Double(3, kernel_initializer=Half(), kernel_regularizer=Small(), kernel_constraint=Positive())(x), Tensor)
model = Autoencoder(name="small")
model.compile(optimizers.SGD(Warm(), momentum=0.9), Cubic(name="cubic"), metrics=[Share()])
model.fit(Batches(), epochs=1, callbacks=[OnEpoch()])
