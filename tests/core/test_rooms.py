"""The rooms of public names: ``python tests/core/test_rooms.py`` writes them to python/lamina/core/public_rooms.py.

A package whose ``__init__`` takes its rooms over for type checkers alone (``if TYPE_CHECKING: from .dense import *``)
imports a room when somebody asks for one of its names.
"""

from __future__ import annotations

import importlib
import re
import sys
import textwrap
from pathlib import Path

import pytest

import lamina

PACKAGE = Path(lamina.__file__).parent
FILE = PACKAGE / "core" / "public_rooms.py"
PACKAGES = sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py") if "open_rooms(" in p.read_text())
HEAD = '''"""Which room of a package holds which public names; written by ``python tests/core/test_rooms.py``."""

from __future__ import annotations

WRITTEN = """
'''
TAIL = '"""\n'


def rooms(package: str, below: str = "") -> dict[str, list[str]]:
    """The rooms that the ``__init__`` of a package takes over, in its order, with their public names."""
    path = package.replace(".", "/")
    found: dict[str, list[str]] = {}
    for room in re.findall(r"^ *from \.(\w+) import \*$", (PACKAGE / path / "__init__.py").read_text(), re.MULTILINE):
        if (PACKAGE / path / room).is_dir():
            found |= rooms(f"{package}.{room}", f"{below}{room}.")
        else:
            found[below + room] = sorted(importlib.import_module(f"lamina.{package}.{room}").__all__)
    return found


def written() -> str:
    lines = []
    for package in PACKAGES:
        for room, names in sorted(rooms(package).items()):
            text = f"{package}.{room}: {' '.join(names)}"
            lines += textwrap.wrap(text, 119, subsequent_indent="    ", break_on_hyphens=False)
    return HEAD + "\n".join(lines) + "\n" + TAIL


def test_rooms_are_written_down():
    assert FILE.read_text() == written(), "run python tests/core/test_rooms.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_is_in_two_rooms(package):
    names = [name for room in rooms(package).values() for name in room]
    assert len(names) == len(set(names))


def test_a_room_comes_with_its_first_name(python):
    loaded = "print(*[f'lamina.{n}' in sys.modules for n in ('ops.fourier', 'layers.conv_lstm', 'metrics.iou')])"
    assert python(f"import sys, lamina; lamina.Sequential; lamina.losses.get; {loaded}") == "False False False"
    assert python(f"import sys, lamina; lamina.ops.fft; lamina.layers.ConvLSTM1D; {loaded}") == "True True False"
    assert python(f"import sys, lamina; lamina.metrics.MeanIoU; {loaded}").endswith("True")


def test_a_name_is_not_hidden_by_its_room(python):
    first = "import lamina.ops.dropout, lamina.losses.hinge, lamina.data.batches; from lamina import data, losses, ops"
    assert python(f"{first}; print(ops.dropout, losses.hinge, data.batches)").count("<function") == 3


if __name__ == "__main__":
    FILE.write_text(written())
    sys.exit()
