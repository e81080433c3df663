"""A network of dense layers made of bare tensors, so that training is tested without the layers."""

from __future__ import annotations

import numpy as np

from lamina import ops
from lamina.core.autograd import Tensor
from lamina.models.trainer import Trainer


class Net(Trainer):
    """Dense layers of the given sizes with relu between them; ``lazy`` makes the weights at the first call."""

    name = "net"
    losses = ()

    def __init__(self, *sizes, seed=0, lazy=False, dtype=np.float32):
        self.sizes = sizes
        self.dtype = dtype
        self.rng = np.random.default_rng(seed)
        self.weights = []
        if not lazy:
            self.build()

    def build(self):
        for n, m in zip(self.sizes, self.sizes[1:], strict=False):
            kernel = self.rng.standard_normal((n, m)) / n**0.5
            self.weights.append(Tensor(kernel.astype(self.dtype), requires_grad=True))
            self.weights.append(Tensor(np.zeros(m, self.dtype), requires_grad=True))

    @property
    def trainable_weights(self):
        return [w for w in self.weights if w.requires_grad]

    def get_weights(self):
        return [w.numpy().copy() for w in self.weights]

    def set_weights(self, weights):
        for w, value in zip(self.weights, weights, strict=True):
            w.data = value

    def save(self, path):
        np.savez(path, *self.get_weights())

    save_weights = save

    def __call__(self, x, training=False):
        if not self.weights:
            self.build()
        return self.forward(x, training)

    def forward(self, x, training):
        for i in range(0, len(self.weights), 2):
            x = ops.add(ops.matmul(x, self.weights[i]), self.weights[i + 1])
            if i + 2 < len(self.weights):
                x = ops.relu(x)
        return x


class TwoHeads(Net):
    """Two inputs of 4 (added), two outputs: logits of 3 classes, and one number; as a list or a dict."""

    def __init__(self, as_dict=False, **options):
        super().__init__(4, 4, **options)
        self.as_dict = as_dict
        if not as_dict:
            self.output_names = ["kind", "size"]

    def forward(self, x, training):
        a, b = (x["left"], x["right"]) if isinstance(x, dict) else x
        y = super().forward(ops.add(a, b), training)
        kind, size = y[:, :3], y[:, 3:]
        return {"kind": kind, "size": size} if self.as_dict else [kind, size]


def blobs(n=200, classes=3, features=4, seed=0):
    """Points around one centre a class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    centres = rng.standard_normal((classes, features)) * 3
    return (centres[y] + rng.standard_normal((n, features))).astype(np.float32), y
