"""Scripts as Keras's users write them: on Lamina they run unchanged, and leave what they leave on Keras."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
RUNNER = FOLDER / "run.py"
SCRIPTS = sorted(p for p in FOLDER.glob("*.py") if p != RUNNER and not p.name.startswith("test_"))
TOLERANCE = 1e-3

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("keras", "torch", "tensorflow")),
    reason="Keras, PyTorch and TensorFlow (which Keras needs for text and folders) are not installed",
)


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What all scripts left on each side: three programs at once, with a thread each."""
    folder = tmp_path_factory.mktemp("scripts")
    env = {**os.environ, "OMP_NUM_THREADS": "1", "KERAS_BACKEND": "torch", "PYTHONWARNINGS": "default"}
    running = {}
    for side in ("keras", "lamina", "alone"):
        with open(folder / f"{side}.txt", "w") as said:
            command = [sys.executable, str(RUNNER), side, str(folder / f"{side}.json"), *map(str, SCRIPTS)]
            running[side] = subprocess.Popen(command, env=env, stdout=said, stderr=subprocess.STDOUT)
    for side, process in running.items():
        assert process.wait(timeout=600) == 0, (folder / f"{side}.txt").read_text()[-3000:]
    return {side: json.loads((folder / f"{side}.json").read_text()) for side in running}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, (dict, list)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(one, f"{path}/{key}")
    else:
        yield path, value


def differs(expected: Any, got: Any) -> bool:
    if not isinstance(expected, float) or not isinstance(got, float):
        return bool(expected != got)
    if math.isnan(expected) or math.isnan(got):
        return math.isnan(expected) != math.isnan(got)
    return abs(got - expected) > TOLERANCE * max(1.0, abs(expected))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_script_leaves_the_same_on_keras_and_on_lamina(sides: dict[str, Any], script: Path) -> None:
    keras, lamina, alone = (sides[side][script.stem] for side in ("keras", "lamina", "alone"))
    assert "error" not in keras, keras["trace"]
    assert "error" not in lamina, lamina["trace"]
    assert "error" not in alone, alone["trace"]  # with its own random numbers, shuffled
    expected, got = dict(leaves(keras["results"])), dict(leaves(lamina["results"]))
    assert expected
    assert list(got) == list(expected)
    different = [(path, value, got[path]) for path, value in expected.items() if differs(value, got[path])]
    assert not different, different[:10]
    assert sorted(dict(leaves(alone["results"]))), "the script left nothing"
