"""docs/onnx.md lists the operators that there are."""

from __future__ import annotations

import textwrap
from pathlib import Path

from lamina.onnx import model as _registers  # noqa: F401 (all operators)
from lamina.onnx import registry

PAGE = Path(__file__).parents[2] / "docs" / "onnx.md"
HEAD = "a test fails where it is not true.\n\n"


def page() -> str:
    text = PAGE.read_text()
    before = text[: text.index(HEAD) + len(HEAD)]
    names = ", ".join(dict.fromkeys(registry.names()))
    return f"{before}{textwrap.fill(names, 120, break_long_words=False)}.\n"


def test_the_page_lists_all_operators():
    assert PAGE.read_text() == page()


if __name__ == "__main__":
    PAGE.write_text(page())
