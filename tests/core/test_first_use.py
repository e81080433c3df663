"""What a program does first works, whatever was not imported before: each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAMS = {
    "operations on symbolic tensors": (
        "x = lamina.Input((3,)); m = lamina.Model(x, ops.relu(-x * 2.0 + 1.0)); m(np.ones((1, 3)))"
    ),
    "operators on symbolic tensors": (
        "x = layers.Input((3,)); m = lamina.Model(x, (x[:, :2] @ np.ones((2, 4))) ** 2); m(np.ones((1, 3)))"
    ),
    "everything by name": (
        "m = lamina.Sequential([layers.Dense(3, 'gelu', kernel_initializer='he_normal', kernel_regularizer='l2')]);"
        "m.compile('nadam', 'huber', metrics=['mae', 'r2_score', 'cosine_similarity']);"
        "m.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)"
    ),
    "a loss by its name, for which nothing else is imported": (
        "import sys; m = lamina.Sequential([layers.Dense(2)]); m.compile('adam', 'mse', metrics=['mae', 'accuracy']);"
        "m.fit(np.ones((4, 2)), np.ones((4, 2)), verbose=0);"
        "assert not {'lamina.plot', 'lamina.onnx', 'lamina.applications'} & set(sys.modules)"
    ),
    "descriptions": (
        "c = {'class_name': 'Dense', 'config': {'units': 3}}; assert layers.deserialize(c).units == 3;"
        "assert lamina.optimizers.deserialize({'class_name': 'Lion', 'config': {}}).name == 'lion';"
        "assert lamina.losses.deserialize({'class_name': 'Huber', 'config': {}}).name == 'huber_loss';"
        "assert lamina.metrics.deserialize({'class_name': 'AUC', 'config': {}}).name == 'auc'"
    ),
    "a subclass": (
        "from lamina import Model\n"
        "class Own(Model):\n"
        "    def __init__(self):\n"
        "        super().__init__(); self.one = layers.Conv2D(2, 3, activation='relu'); self.two = layers.Flatten()\n"
        "    def call(self, x): return self.two(self.one(x))\n"
        "assert Own()(np.ones((1, 5, 5, 1), 'float32')).shape == (1, 18)"
    ),
    "pickled": (
        "import copy, pickle; m = lamina.Sequential([lamina.Input((2,)), layers.LSTMCell(3) and layers.Dense(2)]);"
        "pickle.loads(pickle.dumps(m))(np.ones((1, 2))); copy.deepcopy(m)"
    ),
    "lists of all that there is": (
        "for package in (layers, ops, lamina.losses, lamina.metrics, lamina.optimizers, lamina.callbacks):\n"
        "    assert all(hasattr(package, name) for name in package.__all__)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_begins_with(name):
    program = f"import numpy as np, lamina\nfrom lamina import layers, ops\n{PROGRAMS[name]}"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
