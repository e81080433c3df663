"""Names that Keras has and this library has not, and why: what an AttributeError about one of them says.

The tests compare this list with Keras; ``docs/layers.md`` shows it.
"""

from __future__ import annotations

import sys

_QUANTIZED = "there is int8 alone: model.quantize('int8')"
_ONE_DEVICE = "a process has one device, its processor: batches are divided (DataParallel), tensors are not"
_LEGACY = "Keras 3 has no legacy optimizers; lamina.optimizers has the one of this name"

_IN_PLACE = "variables keep their values in memory that kernels write; Layer.stateless_call gives and takes values"

ABSENT: dict[str, str] = {
    "StatelessScope": _IN_PLACE,
    "SymbolicScope": "symbolic tensors need no scope: Input makes them",
    "callbacks.OrbaxCheckpoint": "writes files of JAX; callbacks.ModelCheckpoint and BackupAndRestore are there",
    "distribution.LayoutMap": _ONE_DEVICE,
    "distribution.ModelParallel": _ONE_DEVICE,
    "distribution.TensorLayout": _ONE_DEVICE,
    "distribution.distribute_tensor": _ONE_DEVICE,
    "dtype_policies.AWQDTypePolicy": _QUANTIZED,
    "dtype_policies.GPTQDTypePolicy": _QUANTIZED,
    "dtype_policies.Int4DTypePolicy": _QUANTIZED,
    "dtype_policies.QuantizedFloat8DTypePolicy": _QUANTIZED,
    "export.ExportArchive": "writes SavedModels of TensorFlow; Model.export writes ONNX",
    "layers.FlaxLayer": "wraps a layer of Flax",
    "layers.JaxLayer": "wraps a function of JAX",
    "layers.TFSMLayer": "wraps a SavedModel of TensorFlow",
    "layers.TorchModuleWrapper": "wraps a module of PyTorch; lamina.torch reads its weights",
    "optimizers.legacy": _LEGACY,
    **{
        f"quantizers.{name}": _QUANTIZED
        for name in (
            "AWQConfig", "Float8QuantizationConfig", "GPTQConfig", "Int4QuantizationConfig",
            "abs_max_quantize_grouped_with_zero_point", "compute_float8_amax_history", "compute_float8_scale",
            "fake_quant_with_min_max_vars", "pack_int4", "quantize_and_dequantize", "unpack_int4",
        )
    },
    "saving.KerasFileEditor": "edits .keras files in place; load_model reads them, and load_weights takes what fits",
    "src": "Keras's private modules; all that is public stands beside it",
}  # fmt: skip


def reason(module: str, name: str) -> str | None:
    """Why a module of the package lacks a name of Keras's, or None."""
    package, _, room = module.partition(".")
    operations = sys.modules.get(f"{package}.ops")
    if room == "backend" and name in getattr(operations, "__all__", ()):
        return f"as in Keras 3, it is {package}.ops.{name}"
    return ABSENT.get(f"{room}.{name}".lstrip("."))
