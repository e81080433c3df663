"""Which format a file has, by its content, and by its name which one is written."""

from __future__ import annotations

from pathlib import Path

LAMINA, KERAS, HDF5, TORCH, ONNX, OTHER = "lamina", "keras", "hdf5", "torch", "onnx", "other"
KERAS_MODELS = KERAS_WEIGHTS = (KERAS, HDF5)


def of(path: Path) -> str:
    """The format of a file, or of a folder; LAMINA for what is neither known nor readable, which says so itself."""
    if path.is_dir():
        return KERAS if (path / "config.json").is_file() else LAMINA
    if not path.is_file():
        return LAMINA
    with open(path, "rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        return HDF5
    if start.startswith(b"PK\x03\x04"):
        return KERAS
    return LAMINA


def check_name(path: Path, weights_only: bool = False) -> None:
    """ValueError for the name of a format that isn't written, or not of that which is saved."""
    written = path.name.endswith(".weights.h5") if weights_only else path.suffix == ".keras"
    if path.suffix in (".keras", ".h5", ".hdf5", ".pt", ".pth") and not written:
        what, stem = "weights alone" if weights_only else "a whole model", path.name.partition(".")[0]
        name = f"{stem}.weights.h5" if weights_only else f"{stem}.keras"
        raise ValueError(
            f"{path}: {what} cannot be written to a file of this name; use a name like {stem}.lamina, or {name} for "
            "Keras"
        )
