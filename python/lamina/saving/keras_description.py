"""Descriptions as Keras's files have them.

Keras finds its own classes by ``module`` and ``class_name``, a user's by ``registered_name``.  What Keras lacks, a
class or an argument of ours, stands under the package ``lamina``, so that Keras refuses it.
"""

from __future__ import annotations

from typing import Any

from ..core import registry
from ..core.keras_names import UNTAKEN, lacking


def to_keras(value: Any, missing: list[str]) -> Any:
    """A description from ``registry.serialize`` in Keras's form; ``missing`` gets what Keras lacks, in words."""
    if isinstance(value, (list, tuple)):
        return [to_keras(v, missing) for v in value]
    if not isinstance(value, dict):
        return value
    if not registry.is_description(value):
        return {k: to_keras(v, missing) for k, v in value.items()}
    name, config = value["class_name"], value["config"]
    if name == "__function__":
        return _function(config["name"])
    if name == "__array__":
        return {"class_name": "__numpy__", "config": config}
    if name.startswith("__"):
        return {"class_name": name, "config": to_keras(config, missing)}
    further = {k: to_keras(v, missing) for k, v in value.items() if k not in ("module", "class_name", "config")}
    if isinstance(config.get("fn"), str):  # the function of a metric or a loss
        module = {"module": "builtins", "class_name": "function", "config": config["fn"], "registered_name": "function"}
        config = config | {"fn": module}
    taken = {k: v for k, v in config.items() if k not in UNTAKEN.get(name, ())}
    return _names(value, missing) | {"config": to_keras(taken, missing)} | further


def _names(value: dict[str, Any], missing: list[str]) -> dict[str, Any]:
    """Module, class and registered name of a description."""
    name, module = value["class_name"], value.get("module")
    if module is None:  # a user's own
        cls = registry.find(name)
        where = getattr(cls, "__module__", None)
        return {
            "module": None if where == "__main__" else where,
            "class_name": getattr(cls, "__name__", name.rpartition(">")[2]),
            "registered_name": name,
        }
    if name == "OpLayer":
        missing.append(f"the operation {value['config'].get('function')!r}, or an argument of it")
        return {"module": module, "class_name": name, "registered_name": f"lamina>{name}"}
    lacks = lacking(name, module, registry.find(name), value["config"])
    if lacks:
        missing.append(lacks)
        package = module.replace("keras", "lamina", 1)
        return {"module": package, "class_name": name, "registered_name": f"lamina>{name}"}
    if name == "Model":
        return {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional"}
    return {"module": module, "class_name": name, "registered_name": None}


def _function(name: str) -> dict[str, Any]:
    module = getattr(registry.find(name), "__module__", None)
    return {
        "module": None if module == "__main__" else module, "class_name": "function", "config": name,
        "registered_name": name,
    }  # fmt: skip
