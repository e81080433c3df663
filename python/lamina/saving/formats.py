"""Which format a file has, by its content, and by its name which one is written."""

from __future__ import annotations

from pathlib import Path

LAMINA, KERAS, HDF5, LEGACY = "lamina", "keras", "hdf5", "legacy"


def of(path: Path) -> str:
    """The format of a file, or of a folder; LAMINA for what is neither known nor readable, which says so itself."""
    if path.is_dir():
        return KERAS if (path / "config.json").is_file() else LAMINA
    if not path.is_file():
        return LAMINA
    with open(path, "rb") as file:
        start = file.read(9)
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        from . import hdf5, legacy_hdf5  # imports what few programs need

        with hdf5.opened(str(path), str(path), path.stat().st_size) as opened:
            return LEGACY if legacy_hdf5.is_legacy(opened) else HDF5
    if start.startswith(b"PK\x03\x04"):
        return KERAS
    if path.suffix in (".keras", ".h5", ".hdf5") and start[8:] != b"{":
        raise ValueError(f"{path}: neither a zip nor HDF5, so no whole file of Keras; it was cut short{hint(path)}")
    return LAMINA


def of_zip(names: list[str]) -> str:
    """What a zip with members of these names is, in words."""
    if any(name.endswith("data.pkl") for name in names):
        return "a file of PyTorch (lamina.torch.load_state_dict reads its weights into a model)"
    if names and all(name.endswith(".npy") for name in names):
        return "an archive of NumPy (numpy.load reads it)"
    return "a zip without config.json"


def hint(path: Path) -> str:
    """What a file that cannot be read seems to be, in words behind a semicolon; nothing if it is not known."""
    with open(path, "rb") as file:
        start = file.read(64)
    if start[:1] == b"\x08" and start[2:3] in (b"\x12", b"\x1a", b"\x3a", b"\x42"):  # version, then a text or a graph
        return "; it looks like an ONNX model: load it with lamina.onnx.load"
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return "; it looks like a pickle, which is not read"
    return ""


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
