"""Makes the gallery of the examples: what each one's docstring says, README's numbers, and its figure."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
SPELLED = {"gan": "GAN", "lm": "LM", "mnist": "MNIST", "resnet": "ResNet", "unet": "U-Net", "vit": "ViT"}
HEAD = """# Gallery

Each file of `examples/` is one use-case on real data. Its first lines, which stand here, say which data it needs; it
prints its number beside that of something simpler, and fails where it misses it. Figures are drawn by the examples.
"""


def reached() -> dict[str, str]:
    """Example -> what README says that it reaches; where a row doesn't say which of its examples, with their names."""
    rows = re.findall(r"^\| (`\w+`.*?) \| .* \| (.*) \|$", (ROOT / "README.md").read_text(), re.M)
    found = {}
    for row, numbers in rows:
        names, parts = re.findall(r"`(\w+)`", row), numbers.split("; ")
        each = parts if len(parts) == len(names) else [f"({', '.join(names)}) {numbers}"] * len(names)
        found.update(zip(names, each, strict=True))
    return found


def section(path: Path, numbers: dict[str, str]) -> str:
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    first, *words = [SPELLED.get(word, word) for word in path.stem.split("_")]
    lines = [f"## {' '.join([first[0].upper() + first[1:], *words])}", doc]
    if path.stem in numbers:
        lines.append(f"**Reaches** {numbers[path.stem]}.")
    if (ROOT / "docs" / "figures" / f"{path.stem}.png").exists():
        lines.append(f"![What {path.name} draws](figures/{path.stem}.png)")
    code = path.read_text().strip()
    source = "\n".join(f"    {line}" for line in f"```python\n{code}\n```".split("\n"))
    lines.append(f'??? example "examples/{path.name}"\n\n{source}')
    return "\n\n".join(lines)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    numbers = reached()
    sections = [section(path, numbers) for path in sorted((ROOT / "examples").glob("*.py"))]
    files.append(File.generated(config, "gallery.md", content="\n\n".join([HEAD, *sections])))
    return files
