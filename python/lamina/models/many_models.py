"""Many models trained at once, each on one thread, with the bits of each alone."""

from __future__ import annotations

import contextvars
import copy
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import _native
from ..callbacks import Callback, History, as_list
from ..core.explain import require, show
from ..core.generator import drawing_from, numpy_generator
from ..core.tree import map_structure
from ..distribution import distribution
from .data_adapter import adapt, is_arrays
from .model import Model
from .prepare import prepared_batch
from .signals import stopped_by

_SAME_KIND = (ValueError, TypeError, IndexError, RuntimeError)  # errors that keep their class behind the model's name


def fit_many(
    models: Sequence[Any],
    data: Any,
    *,
    indices: Sequence[Any] | None = None,
    seed: Any = None,
    threads: int | None = None,
    batch_size: int | None = None,
    epochs: int = 1,
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | None = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
) -> list[History]:
    """Train many models at once, each on a thread of its own: the bits of each trained alone, in less time.

    Model i is trained as by ``lamina.random.seed(seeds[i])`` and ``models[i].fit(...)``, whatever the number of
    threads.  Worth it for many small models; a large one uses all threads by itself.  Ctrl-C leaves all models at
    whole steps.

    Args:
        models: compiled models, of one architecture or several, each once.
        data: arrays (x, y) or (x, y, sample_weight) for all models, a tuple; or a list with such a tuple for each.
        indices: for each model the numbers of its samples, an array of integers; None takes all.
        seed: integer: model i has ``seed + i``; or a list with an integer for each model; None draws them.
        threads: how many models are trained at once; None takes ``lamina.get_num_threads()``.
        epochs: passes over the data.
        callbacks: a list of callbacks, of which each model gets a copy; or a function that makes the list for number i.
        validation_split: fraction of each model's samples, their last part, that is held out for validation.
        validation_data: (x, y) or (x, y, sample_weight) for the validation of all models, or a list with one for each.
        shuffle: whether samples are taken in a new order in each epoch.
        validation_batch_size: samples in a batch of validation; None takes ``batch_size``.
        validation_freq: after how many epochs a validation follows, or a list of the epochs, counted from 1.

    Returns: the History of each model.

    Raises:
        TypeError: ``models`` are no models, or ``data`` no arrays.
        ValueError: a model comes twice; there is not one part of data, indices or seeds for each model.
        RuntimeError: a model is not compiled; ``lamina.distribution`` divides batches among processes.  An error in a
            model's training names the model, when all others are done.

    Example:
        >>> def small():
        ...     model = lamina.Sequential([lamina.Input((2,)), layers.Dense(4, "relu"), layers.Dense(1)])
        ...     model.compile("adam", "mse")
        ...     return model
        >>> found = lamina.fit_many([small() for _ in range(3)], (np.ones((8, 2)), np.ones((8, 1))), epochs=2, seed=1)
        >>> [len(history.epoch) for history in found]
        [2, 2, 2]
    """
    models = list(models)
    n = len(models)
    for i, model in enumerate(models):
        if not isinstance(model, Model):
            raise TypeError(f"fit_many: models[{i}] must be a model, got {show(model)}")
    if len({id(model) for model in models}) < n:
        raise ValueError("fit_many: a model is among the models twice; clone_model makes another one")
    way = distribution()
    if way is not None and way.divides:
        raise RuntimeError(
            "fit_many: each model is trained by one process; distribution.set_distribution(None) comes before it"
        )
    require("fit_many", fit_many, threads=threads, validation_split=validation_split, shuffle=shuffle)
    if threads is not None and threads < 1:
        raise ValueError(f"fit_many: threads must be at least 1, got {threads}")
    parts = _for_each("data", data, n)
    held_out = [None] * n if validation_data is None else _for_each("validation_data", validation_data, n)
    rows = [None] * n if indices is None else list(indices)
    if len(rows) != n:
        raise ValueError(f"fit_many: {len(rows)} indices for {n} models")
    seeds = seeds_of("fit_many", seed, n)
    generators = [np.random.Generator(np.random.Philox(s)) for s in seeds]
    options = {
        "batch_size": batch_size,
        "epochs": epochs,
        "validation_split": validation_split,
        "shuffle": shuffle,
        "class_weight": class_weight,
        "validation_batch_size": validation_batch_size,
        "validation_freq": validation_freq,
        "verbose": 0,
    }

    def build(i: int) -> None:
        """What changes the configuration, after which every model's step is recorded anew: before all threads."""
        model = models[i]
        if not model.built:
            first = map_structure(lambda a: None if a is None else a[: batch_size or 32], _rows(i, parts[i], rows[i]))
            prepared_batch(model, "train", "fit", (*first, None)[:3], class_weight)
        model._build_optimizer("fit")

    def train(i: int) -> None:
        x, y, weight = (*_rows(i, parts[i], rows[i]), None)[:3]
        models[i].fit(
            x, y, sample_weight=weight, validation_data=held_out[i], callbacks=_callbacks(callbacks, i), **options
        )

    failures: dict[int, Exception] = {}
    for i, model in enumerate(models):
        model._require("fit_many")
        with _noting(failures, i), drawing_from(generators[i]):
            build(i)
    todo = [i for i in range(n) if i not in failures]
    _deal(todo, train, generators, failures, min(threads or _native.get_num_threads(), max(1, len(todo))))
    _raise(failures, models)
    return [model.history for model in models]


def seeds_of(what: str, seed: Any, n: int) -> list[int]:
    """A seed for each of n models."""
    if seed is None:
        return [int(s) for s in numpy_generator().integers(2**31, size=n)]
    given = list(seed) if isinstance(seed, (list, tuple, np.ndarray)) else None
    for s in [seed] if given is None else given:
        if isinstance(s, bool) or not isinstance(s, (int, np.integer)) or s < 0:
            raise ValueError(f"{what}: seed must be an integer >= 0, or a list of them, got {show(s)}")
    if given is not None and len(given) != n:
        raise ValueError(f"{what}: {len(given)} seeds for {n} models")
    return [int(seed) + i for i in range(n)] if given is None else [int(s) for s in given]


def _for_each(name: str, data: Any, n: int) -> list[Any]:
    """(x, y) or (x, y, sample_weight), as arrays, of each model."""
    if isinstance(data, tuple):
        return [_arrays(name, data)] * n
    if not isinstance(data, list):
        raise TypeError(
            f"fit_many: {name} must be a tuple (x, y) for all models or a list with one for each, got {show(data)}"
        )
    if len(data) != n:
        raise ValueError(f"fit_many: {name} is a list of {len(data)} for {n} models; one for all is a tuple (x, y)")
    return [_arrays(f"{name}[{i}]", one) for i, one in enumerate(data)]


def _arrays(name: str, data: Any) -> tuple[Any, Any, Any]:
    if not isinstance(data, tuple) or not 2 <= len(data) <= 3 or not is_arrays(data[0]):
        raise TypeError(f"fit_many: {name} must be (x, y) or (x, y, sample_weight) of arrays, got {show(data)}")
    return adapt("fit_many", *(*data, None)[:3])[:3]


def _rows(i: int, data: tuple[Any, Any, Any], rows: Any) -> tuple[Any, Any, Any]:
    """The samples of model i."""
    if rows is None:
        return data
    numbers = np.asarray(rows)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise TypeError(f"fit_many: indices[{i}] must be an array of integers, got {show(rows)}")
    return map_structure(lambda a: None if a is None else a[numbers], data)


def _callbacks(given: Any, i: int) -> list[Callback]:
    """The callbacks of model i: what a function makes, or copies."""
    if callable(given) and not isinstance(given, Callback):
        return as_list(given(i))
    made = as_list(given)
    return copy.deepcopy(made, {id(c.model): None for c in made if c.model is not None})


def _deal(
    todo: list[int],
    train: Callable[[int], None],
    generators: list[np.random.Generator],
    failures: dict[int, Exception],
    threads: int,
) -> None:
    """Train the models of these numbers on so many threads; those of failed ones are noted."""
    stop = threading.Event()
    waiting = deque(todo)
    alone = len(todo) >= threads > 1  # else threads would be idle

    def work() -> None:
        _native.work_alone(alone)
        with stopped_by(stop):
            while not stop.is_set():
                try:
                    i = waiting.popleft()
                except IndexError:
                    return
                try:
                    with _noting(failures, i), drawing_from(generators[i]):
                        train(i)
                except KeyboardInterrupt:  # the caller's, which it raises itself
                    return

    workers = [threading.Thread(target=contextvars.copy_context().run, args=(work,)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except BaseException:
        stop.set()
        for worker in workers:
            worker.join()
        raise


@contextmanager
def _noting(failures: dict[int, Exception], i: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        failures[i] = error


def _raise(failures: dict[int, Exception], models: list[Any]) -> None:
    """Raise the error of the first model that failed, with its name, and those of the others."""
    if not failures:
        return
    first = min(failures)
    error = failures[first]
    others = [f"{i} ({models[i].name!r})" for i in sorted(failures) if i != first]
    also = f"; models {', '.join(others)} failed as well" if others else ""
    kind = next((k for k in _SAME_KIND if isinstance(error, k)), RuntimeError)
    raise kind(f"fit_many: model {first} ({models[first].name!r}): {error}{also}") from error


__all__ = ["fit_many"]
