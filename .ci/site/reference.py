"""Makes the pages of the reference of the public names: a page a family, so that a new name appears by itself."""

from __future__ import annotations

import inspect
import re
import sys
from collections import defaultdict
from pathlib import Path
from types import FunctionType
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.append(str(Path(__file__).parents[2] / "tests"))
from public_names import public, room

LARGE = 40  # a package of more names has a page a file
SPELLED = {"ctc": "CTC", "iou": "IoU", "lstm": "LSTM", "nan": "NaN", "op": "Operation", "fscore": "F-score"}
shown: set[type] = set()
pages: dict[str, str] = {}  # address -> Markdown


def first_sentence(doc: str | None) -> str:
    return re.split(r"(?<=[.!?])\s", " ".join((doc or "").split("\n\n")[0].split()))[0]


def title(module: str) -> str:
    words = module.rpartition(".")[2].split("_")
    return " ".join([SPELLED.get(words[0], words[0].capitalize()), *(SPELLED.get(w, w) for w in words[1:])])


def entries(names: dict[str, Any]) -> str:
    return "\n\n".join(map(entry, names, names.values()))


def entry(name: str, value: Any) -> str:
    text = f"::: lamina.{name.removeprefix('lamina.')}"
    if not isinstance(value, type):
        return text
    above = {base for cls in value.__mro__[1:] if cls in shown for base in cls.__mro__}  # their pages show it
    hidden = [base for base in value.__mro__[1:] if base.__module__.startswith("lamina") and base not in above]
    kinds = (FunctionType, classmethod, staticmethod, property)
    found = {n for b in hidden for n, v in vars(b).items() if n[0] != "_" and isinstance(v, kinds) and v.__doc__}
    inherited = sorted(found - {*vars(value)})
    return f"{text}\n    options:\n      inherited_members: {inherited}" if inherited else text


def rows(names: dict[str, Any], page: str) -> str:
    lines = [f"| [`{n}`]({page}#lamina.{n}) | {first_sentence(v.__doc__)} |" for n, v in names.items()]
    return "\n".join(["| name | what it is |", "|---|---|", *lines])


def add_package(package: str, names: dict[str, Any]) -> Any:
    """Write a package's pages; its entry in the navigation."""
    module = sys.modules["lamina" if package == "lamina" else f"lamina.{package}"]
    head = f"# {module.__name__}\n\n{first_sentence(inspect.getdoc(module))}\n\n"
    if len(names) <= LARGE:
        pages[f"reference/{package}.md"] = head + entries(names)
        return {module.__name__: f"reference/{package}.md"}
    rooms: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, value in names.items():
        rooms[room(name, value).__name__][name] = value
    nav: list[Any] = [f"reference/{package}/index.md"]
    inner: dict[str, list[Any]] = defaultdict(list)
    for name, inside in sorted(rooms.items(), key=lambda r: title(r[0])):
        *folders, file = name.removeprefix(f"{module.__name__}.").split(".")
        address = "/".join(["reference", package, *folders, f"{file}.md"])
        about = first_sentence(sys.modules[name].__doc__)
        pages[address] = f"# {title(name)}\n\n{about}\n\n{entries(inside)}"
        head += f"## {title(name)}\n\n{rows(inside, '/'.join([*folders, f'{file}.md']))}\n\n"
        (inner[folders[0]] if folders else nav).append({title(name): address})
    pages[nav[0]] = head
    return {module.__name__: nav + [{title(n): there} for n, there in inner.items()]}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    pages.clear()
    packages: dict[str, dict[str, Any]] = defaultdict(dict)
    everything = public()
    shown.update(value for value in everything.values() if isinstance(value, type))
    for name, value in everything.items():
        packages[name.rpartition(".")[0]][name] = value
    together: dict[str, list[Any]] = defaultdict(list)  # packages inside of others stand below them
    for package, names in sorted(packages.items(), key=lambda p: p[0] != "lamina"):
        together[package.partition(".")[0]].append(add_package(package, names))
    nav = [inside[0] if len(inside) == 1 else {f"lamina.{name}": inside} for name, inside in together.items()]
    pages_of = {title: there for entry in config.nav or [] for title, there in entry.items()}
    pages_of["Reference"] += nav
    docs = Path(config.docs_dir)
    listed = str(config.nav)
    for path in sorted(docs.glob("*.md")):  # a guide that nobody has put in order yet
        if f"'{path.name}'" not in listed:
            pages_of["Guides"].append(path.name)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for address, text in pages.items():
        files.append(File.generated(config, address, content=text))
    files.append(File.generated(config, "site.css", content=Path(__file__).with_name("site.css").read_text()))
    return files
