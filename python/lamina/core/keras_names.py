"""What Keras calls the library's classes, and which of them, and which of their options, it lacks."""

from __future__ import annotations

import inspect
from typing import Any

# The package of Keras that has the public classes of one of ours.
_PACKAGES = {
    "layers": "keras.layers", "models": "keras", "initializers": "keras.initializers",
    "regularizers": "keras.regularizers", "constraints": "keras.constraints", "losses": "keras.losses",
    "metrics": "keras.metrics", "optimizers": "keras.optimizers", "quantizers": "keras.quantizers",
}  # fmt: skip
# Public classes of these packages that Keras lacks (tests/torch_parity/test_keras_files.py keeps the list right).
LACKING = frozenset((
    "BestThresholdAccuracy", "ConfusionMatrix", "Contrastive", "CosineEmbedding", "DropPath", "EqualErrorRate",
    "GaussianNLL", "GradientTransformer", "HingeEmbedding", "InfoNCE", "Linear", "LpPooling1D",
    "LpPooling2D", "LpPooling3D", "MarginRanking", "MaxUnpooling1D", "MaxUnpooling2D", "MaxUnpooling3D", "MultiMargin",
    "OpLayer", "Perplexity", "PositionEmbedding", "Quantile", "RAdam", "Residual", "RotaryEmbedding",
    "Siamese", "SinePositionEncoding", "TARAtFAR", "TransformerDecoder", "TransformerEncoder", "Triplet",
))  # fmt: skip
RENAMED = {"GroupedQueryAttention": "GroupQueryAttention"}
# Arguments of every layer that these classes of Keras do not take.
UNTAKEN = {
    "Pipeline": ("trainable", "dtype"), "SpatialDropout1D": ("trainable",), "SpatialDropout2D": ("trainable",),
    "SpatialDropout3D": ("trainable",),
}  # fmt: skip
_PADDINGS = ("valid", "same")


def module_of(cls: type) -> str | None:
    """The module under which a description names a class of the library; None for a user's own."""
    own, _, rest = cls.__module__.partition(".")
    if own != __package__.partition(".")[0]:
        return None
    room = rest.split(".")
    if room[0] == "applications":  # whose layers are private there, in rooms of the same names
        return f"keras.src.{rest}"
    package = _PACKAGES.get(room[0])
    if package is None or cls.__name__ in LACKING:
        return f"{own}.{room[0]}"
    return f"{package}.schedules" if room[1:] == ["schedules"] else package


def public_module(module: str) -> str:
    """The public module of what Keras names by a private one, ``keras.src.backend.torch.optimizers.torch_sgd``."""
    parts = module.split(".")
    rooms = [room for room in ("losses", "metrics", "optimizers") if parts[:2] == ["keras", "src"] and room in parts]
    return _PACKAGES[rooms[0]] if rooms else module


def lacking(name: str, module: str, cls: type | None, config: dict[str, Any]) -> str | None:
    """What Keras lacks of an object of this class of the library with this configuration, in words; None if nothing."""
    if not module.startswith("keras"):
        return f"the class {name}"
    if module != "keras.layers" or cls is None:
        return None
    parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    further = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name in config]
    if further:
        return f"{name}'s argument {further[0]}={config[further[0]]!r}"
    padding = config.get("padding")
    convolves = name.startswith(("Conv", "Depthwise", "Separable")) or "Pooling" in name
    causal = padding == "causal" and name in ("Conv1D", "SeparableConv1D")
    if convolves and "padding" in config and padding not in _PADDINGS and not causal:
        return f"{name}'s padding={padding!r}"
    return None
