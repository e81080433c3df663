"""Time the layers of a model, forward and backward, beside what this machine can do.

    python -m lamina.profile m.lamina [--batch-size 32] [--length N] [--inference] [--steps N] [--json F] [--plot F]
    python -m lamina.profile [--steps N] [--json F] [--plot F] script.py [its arguments]

A saved model is profiled on zeros of its inputs' shapes; a training step if it was compiled.  A script is run, and each
model that it trained is profiled at its end on the last batch that it saw, in the order of their first batches.
"""

from __future__ import annotations

import argparse
import json
import runpy
import sys
from pathlib import Path
from typing import Any

from .models import load_model
from .models.example_batch import inputs_of, targets_of
from .models.profile_table import Profile
from .models.train_step import Steps


def _arguments(given: list[str] | None) -> argparse.Namespace:
    summary, _, usage = (__doc__ or "").partition("\n\n")
    p = argparse.ArgumentParser(
        prog="python -m lamina.profile",
        description=summary,
        epilog=usage,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--batch-size", type=int, default=32, help="rows of the batch for a saved model")
    p.add_argument("--length", type=int, help="what free sizes of its inputs are, such as the length of a sequence")
    p.add_argument("--inference", action="store_true", help="no training step, though the model was compiled")
    p.add_argument("--steps", type=int, help="how many steps are timed; as many as fit into a second")
    p.add_argument("--json", metavar="FILE", help="write the tables there")
    p.add_argument("--plot", metavar="FILE", help="draw them there (needs matplotlib); of several models name-1 ...")
    p.add_argument("file", help="a model (.lamina, .keras) or a script (.py)")
    given = sys.argv[1:] if given is None else given
    end = next((i for i, word in enumerate(given, 1) if word.endswith(".py")), len(given))
    options = p.parse_args(given[:end])
    options.arguments = given[end:]  # the script's
    return options


def _of_file(options: argparse.Namespace) -> list[Profile]:
    model = load_model(options.file)
    if options.batch_size < 1:
        raise ValueError(f"--batch-size must be positive, got {options.batch_size}")
    x = inputs_of(model, "profile", options.batch_size, options.length)
    y = targets_of(model, x) if model.compiled and not options.inference else None
    return [model.profile(x, y, steps=options.steps)]


class _Seen:
    """The models that take training steps while a script runs, each with its last batch."""

    def __init__(self) -> None:
        self.last: dict[int, tuple[Any, Any]] = {}
        self._run = Steps._run

    def __enter__(self) -> _Seen:
        seen, run = self, self._run

        def noted(model: Any, kind: str, x: Any, y: Any, sample_weight: Any) -> Any:
            if kind == "train":
                seen.last[id(model)] = model, (x, y, sample_weight)
            return run(model, kind, x, y, sample_weight)

        setattr(Steps, "_run", noted)  # noqa: B010 (mypy: a method)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(Steps, "_run", self._run)  # noqa: B010


def _of_script(options: argparse.Namespace) -> list[Profile]:
    argv, path = sys.argv, sys.path[:]
    sys.argv, sys.path[:] = [options.file, *options.arguments], [str(Path(options.file).resolve().parent), *path]
    try:
        with _Seen() as seen:
            runpy.run_path(options.file, run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    finally:
        sys.argv, sys.path[:] = argv, path
    profiles = []
    for model, (x, y, weight) in seen.last.values():
        if hasattr(model, "profile"):
            profiles.append(model.profile(x, y, weight, steps=options.steps))
    if not profiles:
        print(f"profile: {options.file} trained no model by fit or train_on_batch", file=sys.stderr)
    return profiles


def main(arguments: list[str] | None = None) -> int:
    """Print the profiles; 1 where there are none."""
    options = _arguments(arguments)
    try:
        is_script = Path(options.file).suffix == ".py"
        profiles = _of_script(options) if is_script else _of_file(options)
    except (ValueError, FileNotFoundError) as error:
        if Path(options.file).suffix == ".py" and Path(options.file).exists():
            raise  # with the traceback of the script
        print(f"profile: {error}", file=sys.stderr)
        return 1
    for profile in profiles:
        print(profile, end="\n\n")
    if options.json:
        Path(options.json).write_text(json.dumps([p.to_dict() for p in profiles], indent=1) + "\n")
    if options.plot:
        for i, profile in enumerate(profiles):
            path = Path(options.plot)
            name = path if len(profiles) == 1 else path.with_stem(f"{path.stem}-{i + 1}")
            profile.plot().figure.savefig(name, dpi=110)
    return 0 if profiles else 1


if __name__ == "__main__":
    sys.exit(main())
