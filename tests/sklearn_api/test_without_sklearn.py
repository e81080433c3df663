"""scikit-learn is imported when it is used; without it the error says what to install."""

from __future__ import annotations

_NONE = """
import sys, importlib.abc
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "sklearn":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


def test_what_to_install_is_said(python):
    uses = [
        "import lamina.sklearn",
        "lamina.sklearn",
        "lamina.wrappers.SKLearnClassifier",
        "from lamina.wrappers import *",
    ]
    tries = "\n".join(f"try:\n    {use}\nexcept ImportError as e:\n    print(e)" for use in uses)
    told = python(f"{_NONE}\nimport lamina\nlamina.wrappers\n{tries}").splitlines()
    assert told == ['lamina.sklearn needs scikit-learn: pip install "lamina[sklearn]"'] * len(uses)


def test_all_else_does_without(python):
    code = "from lamina import *\nimport lamina\nlamina._import_all()\nprint(lamina.wrappers.__name__)"
    assert python(_NONE + code) == "lamina.wrappers"


def test_it_is_imported_when_it_is_used(python):
    assert python("import sys, lamina; lamina.wrappers; print('sklearn' in sys.modules)") == "False"
