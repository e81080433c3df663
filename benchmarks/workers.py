"""One process a library: builds networks on request and times them. models.py, compare.py and scaling.py ask.

What a library is called (its "kind"), which modules it needs, and how it builds a network stand in KINDS alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import harness

PASSES = ("training", "inference", "fit")


# How each kind builds a network. Nothing is imported before it is asked for.


def eager(name: str) -> Any:
    import networks

    return networks.build(name, captured=False)


def captured(name: str) -> Any:
    import networks

    return networks.build(name, captured=True)


def on_batch(name: str) -> Any:
    import lamina
    import networks

    return networks.compiled(lamina, name)


def bfloat16(name: str) -> Any:
    import lamina

    lamina.config.set_dtype_policy("mixed_bfloat16")
    return captured(name)


def int8(name: str) -> Any:
    import lamina
    import networks

    network = networks.build(name, captured=False)
    network.model.quantize("int8")
    network.infer = lamina.capture(network.infer)
    return network


def numpy(name: str) -> Any:
    """Eager steps whose native functions are all replaced by their NumPy twins, which lamina.reference has."""
    import networks
    from lamina import _native, reference

    for function in dir(reference):
        if hasattr(_native, function) and callable(getattr(reference, function)):
            setattr(_native, function, getattr(reference, function))
    return networks.build(name, captured=False)


def torch(name: str, compiled: bool = False) -> Any:
    """The fastest of PyTorch's memory formats of images and of its plain and fused Adam."""
    import torch

    import networks_torch
    from network_data import data

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "0")) or torch.get_num_threads())
    candidates = []
    for channels_last in (False, True) if name in networks_torch.IMAGES else (False,):
        for fused in (False, True):
            network = networks_torch.build(name, channels_last, fused)
            batch = network.batch(data(name))
            network.train(*batch)
            seconds = min(harness.sample(lambda n=network, b=batch: n.train(*b), 0.2, least=4))
            candidates.append((seconds, network, (channels_last, fused)))
    _, network, best = min(candidates, key=lambda c: c[0])
    return networks_torch.build(name, *best, compiled=True) if compiled else network


def torch_compile(name: str) -> Any:
    return torch(name, compiled=True)


def keras(name: str) -> Any:
    import keras

    import networks

    threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    if keras.backend.backend() == "tensorflow" and threads:
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    return networks.compiled(keras, name)


def jax(name: str) -> Any:
    import networks_jax

    return networks_jax.build(name)


class Session:
    """A graph in onnxruntime; inference alone."""

    def __init__(self, path: str, parameters: int, arrays: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._names = [i.name for i in self._session.get_inputs()]
        self.parameters, self.batch = parameters, arrays

    def infer(self, *inputs: Any) -> Any:
        return self._session.run(None, dict(zip(self._names, inputs, strict=True)))


def onnxruntime(name: str) -> Any:
    """The faster one of the graphs that Lamina and, where it is installed, PyTorch export."""
    import networks
    from network_data import data, inputs_of

    found = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            import lamina

            model = networks.MODELS[name](lamina)
            model.export(f"{folder}/lamina.onnx", verbose=False)
            parameters = networks.Network(name, model, model, model).parameters
            found.append(Session(f"{folder}/lamina.onnx", parameters, tuple))
        except ImportError:
            pass  # an interpreter of a rival's
        try:
            import torch

            import networks_torch
        except ImportError:
            pass
        else:
            net = networks_torch.build(name)
            inputs = inputs_of(net.batch(data(name)))
            path = f"{folder}/torch.onnx"
            torch.onnx.export(net.model.eval(), inputs, path, dynamo=False)
            found.append(
                Session(path, net.parameters, lambda arrays: tuple(t.contiguous().numpy() for t in net.batch(arrays)))
            )
    batch = data(name)
    given = [(session, inputs_of(session.batch(batch))) for session in found]
    calls = [lambda s=session, i=inputs: s.infer(*i) for session, inputs in given]
    times = [min(harness.sample(call, 0.2, least=4)) for call in calls]
    return found[times.index(min(times))]


@dataclass
class Kind:
    """A library, or a way to use one."""

    title: str
    build: Callable[[str], Any]
    modules: tuple[str, ...]
    passes: tuple[str, ...] = ("training", "inference")
    networks: tuple[str, ...] = ()  # all without any
    environment: Mapping[str, str] = field(default_factory=dict)


KINDS: dict[str, Kind] = {
    "captured": Kind("Lamina, captured", captured, ("lamina",)),
    "eager": Kind("Lamina, eager", eager, ("lamina",)),
    "on-batch": Kind("Lamina, train_on_batch", on_batch, ("lamina",), PASSES),
    "bf16": Kind("Lamina, mixed_bfloat16", bfloat16, ("lamina",)),
    "int8": Kind("Lamina, int8", int8, ("lamina",), ("inference",)),
    "numpy": Kind("NumPy twins", numpy, ("lamina",), networks=("mlp", "small mlp")),
    "torch": Kind("PyTorch", torch, ("torch",)),
    "torch-compile": Kind("torch.compile", torch_compile, ("torch",)),
    "jax": Kind("JAX", jax, ("jax",), networks=("mlp", "small mlp", "gpt")),
    "keras-jax": Kind("Keras, JAX", keras, ("keras", "jax"), PASSES, environment={"KERAS_BACKEND": "jax"}),
    "keras-tensorflow": Kind(
        "Keras, TensorFlow", keras, ("keras", "tensorflow"), PASSES, environment={"KERAS_BACKEND": "tensorflow"}
    ),
    "onnxruntime": Kind("onnxruntime", onnxruntime, ("onnxruntime",), ("inference",)),
}
LAMINA = ("captured", "eager", "on-batch", "bf16", "int8")
RIVALS = tuple(kind for kind in KINDS if kind not in LAMINA)


# The process.


def call_of(network: Any, which: str) -> tuple[Callable[[], Any], int]:
    """What is timed, and how many steps it takes."""
    from network_data import data, inputs_of

    if which == "fit":
        return network.fit, network.fit_steps
    batch = network.batch(data(network.name))
    if which == "training":
        return lambda: network.train(*batch), 1
    inputs = inputs_of(batch)
    return lambda: network.infer(*inputs), 1


def answer(network: Any, call: Callable[[], Any], steps: int, seconds: float) -> dict[str, Any]:
    samples = harness.sample(call, seconds)
    found = {"samples": [s / steps for s in samples], "parameters": network.parameters}
    if getattr(network, "channels_last", False):
        found["channels_last"] = True
    if "lamina" in sys.modules:
        found["lamina"] = sys.modules["lamina"].__file__
    reasons = [r for f in (network.infer, getattr(network, "train", None)) if (r := getattr(f, "reason", None))]
    return found | ({"reason": reasons[0]} if reasons else {})


def work(kind: str) -> None:
    """Answers one line of JSON a request, [network, pass, seconds], by one line; an error is an answer too."""
    built: dict[str, Any] = {}
    calls: dict[tuple[str, str], tuple[Callable[[], Any], int]] = {}
    out = os.fdopen(os.dup(1), "w")  # what libraries print goes elsewhere
    os.dup2(2, 1)
    for line in sys.stdin:
        name, which, seconds = json.loads(line)
        try:
            if name not in built:
                built[name] = KINDS[kind].build(name)
                built[name].name = name
            if (name, which) not in calls:
                calls[name, which] = call_of(built[name], which)
                for _ in range(2):
                    calls[name, which][0]()
            found = answer(built[name], *calls[name, which], seconds)
        except Exception as error:
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        print(json.dumps(found), file=out, flush=True)


class Worker:
    """A process of a kind, in an interpreter of its own on request."""

    def __init__(
        self, kind: str, threads: int = 0, python: str = sys.executable, environment: Mapping[str, str] | None = None
    ) -> None:
        self.kind = kind
        command = [python, __file__, "--kind", kind, "--threads", str(threads)]
        given = {**os.environ, **KINDS[kind].environment, **(environment or {})}
        given |= {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "1"}
        if threads:
            given["NPROC"] = str(threads)  # what JAX asks
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (close() closes it)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._log, text=True, env=given)

    def ask(self, name: str, which: str, seconds: float) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(json.dumps([name, which, seconds]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._log.seek(0)
            last = self._log.read().strip().splitlines()[-1:]
            return {"error": f"the process ended with {self.process.wait()}: {''.join(last)}"}
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()
        self._log.close()


def versions(kind: str, python: str) -> dict[str, str] | None:
    """Of the modules that a kind needs; None where one is missing."""
    modules = KINDS[kind].modules
    code = f"""
import importlib.metadata as m, importlib.util as u, json
names = {modules!r}
have = all(u.find_spec(n) for n in names)
packages = m.packages_distributions() if have else {{}}
print(json.dumps({{n: m.version(packages[n][0]) for n in names if n in packages}} if have else None))
"""
    run = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{python}: {run.stderr.strip() or 'no Python'}")
    found: dict[str, str] | None = json.loads(run.stdout)
    return found


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--kind", choices=list(KINDS), required=True)
    p.add_argument("--threads", type=int, default=0)
    options = p.parse_args()
    harness.clean_environment(options.threads)
    sys.path[:0] = [str(Path(__file__).parent)]
    work(options.kind)


if __name__ == "__main__":
    main()
