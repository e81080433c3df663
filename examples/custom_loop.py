"""The digits of examples/digits.py with one's own training loop: forward, loss, backward, step.

    pip install ".[examples]" && python examples/custom_loop.py [--epochs N] [--eager]

The step is captured: after its first run Lamina replays the native operations in one call, without Python.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from digits import build, load

import lamina


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--eager", action="store_true", help="run the step in Python every time")
    options = p.parse_args()

    lamina.random.seed(0)
    x, y, x_test, y_test = load()
    model = build()
    loss_fn = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = lamina.optimizers.Adam(2e-3)
    optimizer.build(model.trainable_weights)

    def step(xb: lamina.Tensor, yb: lamina.Tensor) -> lamina.Tensor:
        loss = loss_fn(yb, model(xb, training=True))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    run = step if options.eager else lamina.capture(step)
    for epoch in range(options.epochs):
        start = time.perf_counter()
        losses = [float(run(xb, yb)) for xb, yb in lamina.data.batches(x, y, 64, shuffle=True)]
        print(f"epoch {epoch + 1:2d}  loss {np.mean(losses):.4f}  {time.perf_counter() - start:.3f} s")

    with lamina.no_grad():
        logits = model(x_test, training=False).numpy()
    accuracy = (logits.argmax(axis=-1) == y_test).mean()
    print(f"test accuracy: {accuracy:.4f}")
    assert accuracy >= 0.9, "expected an accuracy of at least 0.90"


if __name__ == "__main__":
    main()
