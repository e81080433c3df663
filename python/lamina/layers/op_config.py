"""Operations of a functional model as Keras describes them: a class of ``keras.src.ops`` whose constructor takes the
options, and whose call takes the rest.
"""

from __future__ import annotations

import inspect
from typing import Any

from .. import ops
from .op_layer import OpLayer
from .variable import snake_case

_PREFIX = "keras.src.ops."
# Functions of modules that are no namespaces of ``ops``.
_CORE = "cast saturate_cast scatter scatter_update slice slice_update stop_gradient unstack"
_MATH = (
    "cdist erf erfc erfinv extract_sequences fft fft2 ifft2 in_top_k irfft istft logdet logsumexp rfft rsqrt "
    "segment_max segment_min segment_prod segment_sum stft top_k view_as_complex view_as_real"
)
# Functions that are no classes of Keras, or others.
_LACKING = "batch_normalization extract_patches_3d jvp layer_normalization rms_normalization vectorize"
_MODULE = {name: room for room in ("numpy", "nn", "image", "linalg") for name in getattr(ops, room).__all__}
_MODULE |= dict.fromkeys(_CORE.split(), "core") | dict.fromkeys(_MATH.split(), "math")
_MODULE = {name: room for name, room in _MODULE.items() if name not in _LACKING.split()}
# Classes whose names are not the functions' in camel case.
_CLASSES = {
    "allclose": "AllClose", "cdist": "CDist", "ctc_decode": "CTCDecode", "ctc_loss": "CTCLoss", "fft": "FFT",
    "fft2": "FFT2", "hsv_to_rgb": "HSVToRGB", "ifft2": "IFFT2", "irfft": "IRFFT", "isin": "IsIn", "istft": "ISTFT",
    "psnr": "PSNR", "rfft": "RFFT", "rgb_to_grayscale": "RGBToGrayscale", "rgb_to_hsv": "RGBToHSV",
    "searchsorted": "SearchSorted", "ssim": "SSIM", "stft": "STFT", "svd": "SVD",
}  # fmt: skip
_FUNCTIONS = {cls: name for name, cls in _CLASSES.items()}
# Lamina's names of functions that have another in Keras.
_OTHER = {"getitem": "get_item", "hard_swish": "hard_silu", "swish": "silu"}
# Arguments of calls; all others are options of the constructor.
_CALLED = frozenset((
    "a", "abs_", "angle", "args", "array", "beta", "bias", "choicelist", "condition", "condlist", "constant_values",
    "coordinates", "data", "default", "depthwise_kernel", "elements", "end_points", "gamma", "image1", "image2",
    "images", "index", "indices", "inputs", "kernel", "key", "mask", "mean", "operands", "output", "output_length",
    "output_shape", "pattern", "pointwise_kernel", "predictions", "q", "query", "scale", "segment_ids",
    "sequence_lengths", "sorted_sequence", "start", "start_indices", "start_points", "step", "stop", "target",
    "target_length", "targets", "tensor", "test_elements", "transform", "translation", "updates", "value", "values",
    "variable", "variance", "x", "x1", "x2", "xs", "y",
))  # fmt: skip
_CALLED_HERE = {
    "average": ("weights",), "digitize": ("bins",), "full_like": ("fill_value",), "isclose": ("rtol", "atol"),
    "lstsq": ("b",), "solve": ("b",), "solve_triangular": ("b",),
}  # fmt: skip
# Options that Keras's functions lack.
_OURS = frozenset((
    "activation", "alibi_slopes", "bfloat16", "causal_alignment", "ceil_mode", "cubic_coefficient", "divisor",
    "dropout", "exclude_outside", "generator", "groups", "lengths", "padding_mode", "return_indices", "rounding",
    "rule", "scales",
))  # fmt: skip
_MADE_WITH = {"trapezoid": ("x",)}


def describe(layer: OpLayer, args: Any, kwargs: Any) -> tuple[dict[str, Any] | None, Any, Any]:
    """(description but for the name, args, kwargs) of a call; None in place of a description for what Keras lacks."""
    name = _OTHER.get(layer.function.__name__, layer.function.__name__)
    module = _MODULE.get(name)
    if module is None:
        return None, args, kwargs
    parameters = inspect.signature(layer.function).parameters
    bound = inspect.signature(layer.function).bind(*args, **kwargs).arguments
    called = _CALLED.union(_CALLED_HERE.get(name, ())).difference(_MADE_WITH.get(name, ()))
    options = {k: v for k, v in bound.items() if k not in called}
    if _OURS.intersection(options):
        return None, args, kwargs
    given: list[Any] = []
    for k, v in bound.items():
        if k in called:
            given.extend(v if parameters[k].kind is inspect.Parameter.VAR_POSITIONAL else [v])
    cls = class_of(name)
    described = {"module": _PREFIX + module, "class_name": cls, "config": options, "registered_name": cls}
    return described, given, {}


def arranged(layer: OpLayer, args: list[Any], options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a function whose class's constructor takes these options, and whose call takes ``args``."""
    given: list[Any] = []
    left, options = list(args), dict(options)
    for name, parameter in inspect.signature(layer.function).parameters.items():
        if not left:
            break
        if parameter.kind is parameter.VAR_POSITIONAL:
            given, left = [*given, *left], []
        else:
            given.append(options.pop(name) if name in options else left.pop(0))
    return [*given, *left], options


def class_of(name: str) -> str:
    """Keras's class of a function."""
    return _CLASSES.get(name) or "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def is_operation(description: Any) -> bool:
    """Whether this is Keras's description of an operation.

    Older files name no module; there a layer alone says whether it is trained.
    """
    if not isinstance(description, dict) or not isinstance(description.get("config"), dict):
        return False
    if "module" in description:
        return str(description["module"]).startswith(_PREFIX)
    return "trainable" not in description["config"] and function_of(str(description.get("class_name"))) in _MODULE


def function_of(cls: str) -> str:
    """The function of a class of Keras."""
    return _FUNCTIONS.get(cls) or snake_case(cls)


def from_description(description: dict[str, Any]) -> tuple[OpLayer, dict[str, Any]]:
    """The operation that Keras describes, and the options to call it with; ValueError for one that is not there."""
    cls, options = str(description["class_name"]), dict(description["config"])
    name = function_of(cls)
    if name not in ops.__all__:
        raise ValueError(f"there is no operation {name!r} here, which the description has as {cls!r}")
    given = options.pop("name", None)
    for unsaid in ("dtype", "sparse", "ragged"):
        if unsaid in options and options[unsaid] in (None, False):
            del options[unsaid]
    return OpLayer(name, name=given), options
