"""PyTorch's files, of whichever format."""

from __future__ import annotations

from typing import Any

from ..saving import formats
from ..saving.atomic import as_path, read_whole
from ..saving.safetensors_file import SafetensorsFile, looks_like
from . import pt_file


def load(path: Any) -> Any:
    """What a file of PyTorch holds, with NumPy arrays in place of tensors, read without PyTorch.

    ``.pt`` and ``.pth`` as ``torch.save`` writes them (zip files, and the streams before PyTorch 1.6), and
    ``.safetensors``.  Nothing in the file is run: a pickle may hold tensors, numbers, texts, lists and dicts.  bfloat16
    becomes float32.

    Args:
        path: name of the file.

    Returns: for a state dict a dict of arrays by name; for a checkpoint its dicts and lists.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of another format (the message says which, and what loads it), damaged or cut short, or holds
            what is not read.

    Source: PyTorch, torch.load(weights_only=True).

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> lamina.torch.save_state_dict(model, "m.pt")
        >>> lamina.torch.load("m.pt")["0.weight"].shape
        (1, 2)
    """
    return read(path)[0]


def read(path: Any) -> tuple[Any, bool]:
    """What a file holds, and whether the order of its names says something: that of safetensors does not."""
    file = as_path("lamina.torch.load", path)
    data = read_whole(file)
    try:
        if looks_like(data):
            found = SafetensorsFile(data)
            if found.metadata.get("format") == "lamina":
                raise ValueError("this is a file of Lamina; load it with lamina.load_model or model.load_weights")
            return found.arrays(bfloat16=True), False
        if not data:
            raise ValueError("this is an empty file")
        if data[8:9] == b"{":
            raise ValueError("this is a safetensors file that was cut short")
        told = formats.seems(data[:262])
        if told is not None and not pt_file.begins(data):
            raise ValueError(f"this is {told}")
        return pt_file.read(data), True
    except (ValueError, MemoryError) as error:
        raise ValueError(f"{file}: {error}") from error


__all__ = ["load"]
