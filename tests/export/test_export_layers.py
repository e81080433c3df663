"""Every layer of the layer table in onnxruntime; running this file writes the table in docs/export.md."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from exported_layers import nodes_of

import lamina
from lamina import layers
from lamina.export import to_onnx
from lamina.testing.layer_table import exported_layers, layer_checks

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
BEGIN, END = "<!-- written by tests/export/test_export_layers.py -->", "<!-- end -->"

# Layers without a line in the layer table.
OTHERS = {
    "InputLayer": "an input of the graph",
    "Lambda": "what its function calls of `lamina.ops`",
    "Layer": "what its `call` calls of `lamina.ops`",
    "OpLayer": "its operation",
    "Wrapper": "what its `call` calls of `lamina.ops`",
    "AugMix": "nothing: it changes images in training alone",
    "RandAugment": "nothing: it changes images in training alone",
    "HashedCrossing": "no: it hashes in Python, ONNX has no such function",
    "Hashing": "no: it hashes in Python, ONNX has no such function",
    "StringLookup": "no: it takes text",
    "TextVectorization": "no: it takes text",
}

CHECKS = layer_checks()


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.name)
def test_a_layer_gives_the_same_numbers(check):
    assert nodes_of(check)[1] < 1e-5


@pytest.mark.parametrize("kind", [layers.AugMix, layers.RandAugment])
def test_augmentations_are_nothing_in_inference(kind):
    model = lamina.Sequential([lamina.Input((4, 4, 3)), kind(value_range=(0, 1))])
    assert [n.op_type for n in to_onnx(model).graph.node] == ["Identity"]


@pytest.mark.parametrize("kind", [layers.Hashing, layers.HashedCrossing])
def test_hashes_are_refused(kind):
    inputs = [lamina.Input((1,), dtype="int64") for _ in range(1 + (kind is layers.HashedCrossing))]
    x = kind(num_bins=3)(inputs if len(inputs) > 1 else inputs[0])
    with pytest.raises(ValueError, match="hash"):
        to_onnx(lamina.Model(inputs, x))


def table() -> str:
    """The rows of docs/export.md."""
    found: dict[str, Counter[str]] = {}
    fixed: dict[str, int] = Counter()
    for check in CHECKS:
        nodes, _, free = nodes_of(check)
        found[check.name] = found.get(check.name, Counter()) | nodes
        fixed[check.name] += bool(check.time) and not free
    lines = ["| layer | nodes |", "| ----- | ----- |"]
    for name in sorted(exported_layers()):
        if name in found:
            text = ", ".join(sorted(found[name])) or "none"
            text += "; with some options, time must be fixed" * bool(fixed[name])
        else:
            text = OTHERS[name]
        lines.append(f"| `{name}` | {text} |")
    return "\n".join(lines)


def test_the_table_names_every_layer_and_is_up_to_date():
    page = PAGE.read_text()
    written = page.split(BEGIN)[1].split(END)[0].strip()
    assert written == table(), "python tests/export/test_export_layers.py writes it"


def test_random_layers_are_not_drawn():
    model = lamina.Sequential([lamina.Input((4,)), layers.Dropout(0.5), layers.GaussianNoise(1.0)])
    proto = to_onnx(model)
    assert [n.op_type for n in proto.graph.node] == ["Identity"]
    assert np.array_equal(model.predict(np.ones((2, 4), "f4"), verbose=0), np.ones((2, 4), "f4"))


if __name__ == "__main__":
    text = PAGE.read_text()
    head, rest = text.split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}")
