"""Peak memory of training steps (Adam) of the nine networks: Lamina beside PyTorch.

    python benchmarks/memory.py [--filter TEXT] [--kinds A,B] [--steps N] [--threads N] [--python PATH] [--json F]

Each network is trained in a process of its own (Linux): the most pages that the process ever held (VmHWM) after so many
steps, less what it held before the network was made, when the library was imported, the batch was there and a dense
layer had taken a step, and less the pages of files, which are code that is loaded. So weights, gradients, the
optimizer's state, activations and scratch count, and what the allocators keep. MiB. PyTorch takes the better one of its
memory formats of images.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import harness
import workers
from models import chosen_networks

KINDS = ("captured", "eager", "on-batch", "torch", "torch-last")


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--filter", default="", help="networks whose name contains this, or =NAME; several with commas")
    p.add_argument("--kinds", default="captured,on-batch,torch", help="of captured, eager, on-batch, torch, torch-last")
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--python", default=sys.executable, help="the interpreter that has PyTorch")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--one", nargs=2, metavar=("KIND", "NETWORK"), help="measure it in this process")
    return p.parse_args()


def pages(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def warm_up(kind: str) -> None:
    """A dense layer takes a step, and threads begin."""
    if kind.startswith("torch"):
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "0")) or torch.get_num_threads())
        model = torch.nn.Linear(64, 64)
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(2):
            model(torch.ones(256, 64)).square().mean().backward()
            optimizer.step()
    else:
        import lamina

        dense = lamina.Sequential([lamina.Input((64,)), lamina.layers.Dense(64)])
        dense.compile("adam", "mse")
        for _ in range(2):
            dense.train_on_batch(lamina.ops.ones((256, 64)).numpy(), lamina.ops.ones((256, 64)).numpy())


def measure(kind: str, name: str, steps: int) -> int:
    """Bytes in this process."""
    from network_data import data

    batch = data(name)
    warm_up(kind)
    gc.collect()
    before = pages("RssAnon")
    if kind.startswith("torch"):
        import networks_torch

        network: Any = networks_torch.build(name, kind == "torch-last", fused=True)
    else:
        network = compiled(name) if kind == "on-batch" else workers.KINDS[kind].build(name)
    batch = network.batch(batch)
    for _ in range(steps):
        network.train(*batch)
    return pages("VmHWM") - pages("RssFile") - before


def compiled(name: str) -> Any:
    """By compile and train_on_batch, without the many batches of fit."""
    import lamina
    import networks

    model = networks.MODELS[name](lamina)
    model.compile(lamina.optimizers.Adam(1e-3), networks.loss_of(lamina, name))

    def train(*batch: Any) -> Any:
        *some, wanted = batch
        return model.train_on_batch(some if len(some) > 1 else some[0], wanted)

    return networks.Network(name, model, train, model.predict_on_batch)


def asked(options: argparse.Namespace, kind: str, name: str) -> int:
    python = options.python if kind.startswith("torch") else sys.executable
    command = [python, __file__, "--one", kind, name, "--steps", str(options.steps), "--threads", str(options.threads)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{kind}, {name}: {run.stderr.strip().splitlines()[-1]}")
    return int(run.stdout)


def main() -> None:
    options = arguments()
    harness.clean_environment(options.threads)
    if options.one:
        print(measure(*options.one, options.steps))
        return
    kinds = options.kinds.split(",")
    if unknown := set(kinds) - set(KINDS):
        raise SystemExit(f"--kinds: unknown {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    if "torch" in kinds and workers.versions("torch", options.python) is None:
        print(f"PyTorch is not installed in {options.python}")
        kinds.remove("torch")
    print(f"{'MiB':<12}" + "".join(f"{kind:>12}" for kind in kinds))
    rows = []
    for name in chosen_networks(options.filter):
        row: dict[str, Any] = {"network": name}
        for kind in kinds:
            row[kind] = asked(options, kind, name)
            if kind == "torch" and name in ("cnn", "resnet-20", "u-net", "siamese"):
                row[kind] = min(row[kind], asked(options, "torch-last", name))
        rows.append(row)
        print(f"{name:<12}" + "".join(f"{row[kind] / 2**20:12.1f}" for kind in kinds), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": harness.machine(), "results": rows}, indent=1))


if __name__ == "__main__":
    main()
