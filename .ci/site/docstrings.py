"""What Griffe's reader of Google's docstrings has to be told about the library's."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Collection
from typing import Any

from griffe import (
    Alias,
    Attribute,
    Class,
    Extension,
    Function,
    Object,
    ObjectNode,
    Parameter,
    ParameterKind,
    Parameters,
)
from public_names import public  # reference.py has put tests/ on the path

_PARAGRAPHS = "Input shape|Output shape|Weights|State|Returns|Yields|Source"
_ANYTHING = ("Any", "TensorLike")  # types that tell nothing
_KINDS = {k: ParameterKind[k.name.lower()] for k in inspect._ParameterKind}


def _as_google(doc: str, typed: Collection[str]) -> str:
    """The library's sections of text become paragraphs, its lists of arguments those that the style knows.

    typed: the arguments whose type, and so their default, is shown in front of the text.
    """

    def argument(match: re.Match[str]) -> str:
        return re.sub(r"\s+Default:\s[^:]+\.$", "", match[0]) if match[1] in typed else match[0]

    doc, heading, example = doc.partition("\nExample:\n")
    doc = re.sub(r"^    (\w+): .*(?:\n        .*)*", argument, doc, flags=re.M)
    doc = re.sub(r"^(    \*{0,2}\w+: )?(.*)", lambda m: (m[1] or "") + _plain(m[2]), doc, flags=re.M)
    doc = re.sub(r"^Call args:", "Other args: Arguments of a call:", doc, flags=re.M)
    doc = re.sub(r"^Args:", "Args: Arguments:", doc, flags=re.M)

    def paragraph(match: re.Match[str]) -> str:
        return f"**{match[1]}:** " + re.sub(r"\n    ", "\n", match[2].lstrip())

    doc = re.sub(rf"^({_PARAGRAPHS}):((?: .*)?(?:\n    .*|\n(?=\n    ))*)", paragraph, doc, flags=re.M)
    return doc + ("\nExamples: Example:\n" + example if heading else "")


def _plain(line: str) -> str:
    """Signs that Markdown would take for its own, outside of code."""
    parts = line.split("``")
    parts[::2] = [re.sub(r"([*_<\[])", r"\\\1", part) for part in parts[::2]]
    return "``".join(parts)


class Sections(Extension):
    """Docstrings and constructors, when their object is found."""

    def __init__(self) -> None:
        # Griffe takes wrappers off, whose is the text; and it asks modules, which show public names alone, for all.
        self._public = {id(inspect.unwrap(value)): value for value in public().values()}
        for name, module in sys.modules.items():
            if name.split(".")[0] == "lamina":
                vars(module).pop("__dir__", None)

    def on_instance(self, *, node: Any, obj: Object, **kwargs: Any) -> None:
        if obj.docstring is not None and isinstance(node, ObjectNode):
            value = self._public.get(id(node.obj), node.obj)
            function = value.__init__ if isinstance(value, type) else value
            given = inspect.signature(function).parameters if inspect.isfunction(function) else {}
            typed = [n for n, p in given.items() if p.annotation not in (p.empty, *_ANYTHING)]
            obj.docstring.value = _as_google(inspect.getdoc(value) or "", typed)

    def on_attribute_instance(self, *, attr: Attribute, **kwargs: Any) -> None:
        if "property" not in attr.labels:
            attr.docstring = None  # it is the docstring of the value's type

    def on_function_instance(self, *, func: Function, **kwargs: Any) -> None:
        for parameter in func.parameters:
            if str(parameter.annotation) in _ANYTHING or str(parameter.annotation).startswith("Unpack["):
                parameter.annotation = None

    def on_class_members(self, *, node: Any, cls: Class, **kwargs: Any) -> None:
        """A constructor made inside of a function is the class's own."""
        for name, member in [*cls.members.items()]:
            if isinstance(member, Alias) and "<locals>" in member.target_path and isinstance(node, ObjectNode):
                cls.del_member(name)
                if name == "__init__":
                    given = inspect.signature(node.obj.__init__).parameters.values()
                    cls.set_member(name, Function(name, parameters=Parameters(*map(_parameter, given))))


def _parameter(p: inspect.Parameter) -> Parameter:
    default = None if p.default is p.empty else getattr(p.default, "__name__", None) or repr(p.default)
    return Parameter(p.name, kind=_KINDS[p.kind], default=default)
