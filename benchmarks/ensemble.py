"""Many small models, trained one after the other and at once; and by PyTorch in processes, where it is installed.

    python benchmarks/ensemble.py [--models 200] [--samples 1600] [--epochs 10] [--no-torch]

200 networks 20-64-64-2 with Adam, batches of 32: `model.fit` one after the other, `lamina.fit_many`, and joblib with a
PyTorch loop a model on as many processes (one thread each, started before the clock).
"""

from __future__ import annotations

import argparse
import importlib.util
import time

import numpy as np

import lamina
from lamina import layers

BATCH = 32


def data(samples: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((samples, 20)).astype("float32")
    return x, np.stack([x[:, 0] * x[:, 1], np.tanh(x[:, 2:].sum(1))], 1).astype("float32")


def small() -> lamina.Sequential:
    model = lamina.Sequential(
        [lamina.Input((20,)), layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(2)]
    )
    model.compile("adam", "mse")
    return model


def made(n: int) -> list[lamina.Sequential]:
    lamina.random.seed(0)
    return [small() for _ in range(n)]


def torch_model(seed: int, x: np.ndarray, y: np.ndarray, epochs: int) -> float:
    """One network in PyTorch, as its tutorials train it; the last loss."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    relu = torch.nn.ReLU
    net = torch.nn.Sequential(torch.nn.Linear(20, 64), relu(), torch.nn.Linear(64, 64), relu(), torch.nn.Linear(64, 2))
    optimizer, criterion = torch.optim.Adam(net.parameters()), torch.nn.MSELoss()
    loss = torch.zeros(())
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            loss = criterion(net(inputs[rows]), targets[rows])
            loss.backward()
            optimizer.step()
    return float(loss.detach())


def by_torch(n: int, x: np.ndarray, y: np.ndarray, epochs: int, processes: int) -> float:
    """Seconds of n networks in processes of joblib's that have PyTorch already."""
    from joblib import Parallel, delayed

    with Parallel(n_jobs=processes) as parallel:
        parallel(delayed(torch_model)(i, x[:BATCH], y[:BATCH], 1) for i in range(2 * processes))
        start = time.perf_counter()
        parallel(delayed(torch_model)(i, x, y, epochs) for i in range(n))
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--samples", type=int, default=1600)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--torch-models", type=int, default=8, help="how many PyTorch trains, for the time of one")
    parser.add_argument("--no-torch", action="store_true")
    args = parser.parse_args()
    x, y = data(args.samples)
    steps = args.epochs * -(-args.samples // BATCH)
    threads = lamina.get_num_threads()
    print(f"{args.models} networks 20-64-64-2, {steps} steps each, {threads} threads")

    def report(what: str, seconds: float, models: int) -> float:
        each = seconds / models
        print(f"{what:28} {1e3 * each:8.2f} ms a model  {1e6 * each / steps:7.2f} us a step")
        return each

    lamina.fit_many(made(2), (x, y), epochs=1, seed=0)  # memory and threads
    alone = made(args.models)
    start = time.perf_counter()
    for i, model in enumerate(alone):
        lamina.random.seed(i)
        model.fit(x, y, BATCH, args.epochs, verbose=0)
    one = report("fit, one after the other", time.perf_counter() - start, args.models)
    together = made(args.models)
    start = time.perf_counter()
    lamina.fit_many(together, (x, y), batch_size=BATCH, epochs=args.epochs, seed=0)
    many = report(f"fit_many, {threads} threads", time.perf_counter() - start, args.models)
    same = all(
        np.array_equal(a, b)
        for m, k in zip(alone, together, strict=True)
        for a, b in zip(m.get_weights(), k.get_weights(), strict=True)
    )
    print(f"fit_many is {one / many:.2f} times as fast as one after the other; the same bits: {same}")
    if args.no_torch or not all(importlib.util.find_spec(name) for name in ("torch", "joblib")):
        print("joblib with PyTorch: left out (pip install torch joblib)")
        return
    torch = report(
        f"joblib with PyTorch, {threads} jobs",
        by_torch(args.torch_models, x, y, args.epochs, threads),
        args.torch_models,
    )
    print(f"fit_many is {torch / many:.1f} times as fast as joblib with PyTorch")


if __name__ == "__main__":
    main()
