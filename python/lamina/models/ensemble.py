"""Several models as one, whose output is the mean of theirs."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..callbacks import History
from ..core import registry
from ..core.explain import require, show
from ..core.generator import drawing_from
from ..core.tree import flatten, map_structure, pack_as
from .data_adapter import adapt
from .many_models import fit_many, seeds_of
from .model import Model


class Ensemble(Model):
    """Several models as one: trained at once, each by itself, and asked together, for the mean of their outputs.

    It is a model of the library: ``predict``, ``evaluate``, ``save``, ``load_model``, pickle and ``summary`` work as
    ever; ``members`` are the models.  What is saved is the members' weights, not the state of their optimizers.

    Args:
        models: a list of models, compiled or to be compiled by the ensemble; or a function without arguments that makes
            one, called ``n`` times.
        n: how many models the function makes.
        seed: integer: member i is made, and trained, as after ``lamina.random.seed(seed + i)``; or a list with an
            integer for each; None draws them.
        name: name of the model.

    Raises:
        TypeError: ``models`` holds something else than models.
        ValueError: there are no models, a model comes twice, or ``n`` is missing, or given beside a list.

    Example:
        >>> def small():
        ...     model = lamina.Sequential([lamina.Input((2,)), layers.Dense(4, "relu"), layers.Dense(1)])
        ...     model.compile("adam", "mse")
        ...     return model
        >>> ensemble = lamina.Ensemble(small, n=3, seed=1)
        >>> x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
        >>> histories = ensemble.fit(x, y, epochs=2, bootstrap=True)
        >>> ensemble.predict(x, verbose=0).shape, ensemble.predict(x, members=True, verbose=0).shape
        ((8, 1), (3, 8, 1))
    """

    def __init__(
        self,
        models: Sequence[Model] | Callable[[], Model],
        n: int | None = None,
        seed: Any = None,
        name: str | None = "ensemble",
    ) -> None:
        super().__init__(name=name)
        if callable(models) and not isinstance(models, Model):
            require("Ensemble", type(self), n=n)
            if n is None or n < 1:
                raise ValueError(f"Ensemble: n, how many models the function makes, must be at least 1, got {n}")
            self.seeds = seeds_of("Ensemble", seed, n)
            made: list[Any] = []
            for s in self.seeds:
                with drawing_from(np.random.Generator(np.random.Philox(s))):
                    made.append(models())
        elif n is not None:
            raise ValueError("Ensemble: n goes with a function that makes models; leave it out beside a list")
        else:
            made = list(models) if isinstance(models, (list, tuple)) else [models]
            self.seeds = seeds_of("Ensemble", seed, len(made))
        for i, model in enumerate(made):
            if not isinstance(model, Model):
                raise TypeError(f"Ensemble: models[{i}] must be a model, got {show(model)}")
        if not made or len({id(model) for model in made}) < len(made):
            raise ValueError("Ensemble: expected different models" + (", got one twice" if made else ", got none"))
        self.members = made
        self.rows: Any = None  # of each member, what it was trained on
        config = made[0].get_compile_config()
        if config is not None and all(model.compiled for model in made):
            given = {key: copy.deepcopy(config[key]) for key in ("loss", "loss_weights", "metrics", "weighted_metrics")}
            own = config["optimizer"]
            super().compile(type(own).from_config(own.get_config()), **given)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Say how every member is trained: each has an optimizer and metrics of its own.

        Args:
            *args: what ``Model.compile`` takes.
            **kwargs: the same by name.
        """
        for model in self.members:
            model.compile(*copy.deepcopy(args), **copy.deepcopy(kwargs))
        super().compile(*args, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = [model(inputs, training=training) for model in self.members]
        sums = [functools.reduce(ops.add, each) for each in zip(*map(flatten, outputs), strict=True)]
        return pack_as(outputs[0], [ops.multiply(s, 1.0 / len(outputs)) for s in sums])

    def fit(  # type: ignore[override]
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        *,
        bootstrap: bool = False,
        folds: int | None = None,
        sample_weight: Any = None,
        threads: int | None = None,
        **options: Any,
    ) -> list[History]:
        """Train every member, many at once.

        ``rows`` afterwards has the numbers of the samples that each member was trained on, or is None if all.

        Args:
            x: inputs: arrays.
            y: targets, in the structure of the outputs.
            epochs: passes over the data.
            bootstrap: whether each member is trained on as many samples drawn with replacement.
            folds: a number of parts of the samples, in a random order: member i is trained without part i (counted on
                from 0 again), which is its validation data; None leaves none out.
            threads: how many members are trained at once; None takes ``lamina.get_num_threads()``.
            **options: what else ``lamina.fit_many`` takes, as ``callbacks`` or ``validation_data``.

        Returns: the History of each member.

        Raises:
            ValueError: ``folds`` is less than 2 or more than there are samples, or goes with ``bootstrap`` or
                ``validation_data``.
            RuntimeError: neither the members nor the ensemble were compiled.

        Source: Breiman 1996, "Bagging Predictors".
        """
        require("Ensemble.fit", Ensemble.fit, bootstrap=bootstrap, folds=folds)
        options = {"batch_size": batch_size, "epochs": epochs, "threads": threads, "seed": self.seeds, **options}
        data = (x, y, sample_weight)
        self.rows = None
        if folds is not None:
            if bootstrap or options.get("validation_data") is not None:
                raise ValueError("Ensemble.fit: folds go without bootstrap and validation_data")
            samples = _samples(x)
            if not 2 <= folds <= samples:
                raise ValueError(f"Ensemble.fit: folds must be from 2 to the {samples} samples, got {folds}")
            parts = np.array_split(np.random.default_rng([self.seeds[0], 2]).permutation(samples), folds)
            left_out = [parts[i % folds] for i in range(len(self.members))]
            self.rows = [np.setdiff1d(np.arange(samples), part) for part in left_out]
            options["validation_data"] = [_taken(data, part) for part in left_out]
        elif bootstrap:
            samples = _samples(x)
            self.rows = [np.random.default_rng([s, 1]).integers(0, samples, samples) for s in self.seeds]
        return fit_many(self.members, data, indices=self.rows, **options)

    def predict(self, x: Any, *args: Any, members: bool = False, **options: Any) -> Any:
        """The mean of the members' outputs for all samples, in inference mode.

        Args:
            x: inputs: arrays, or an iterable of batches.
            *args: what else ``Model.predict`` takes.
            members: whether the outputs of each member are given, along a new first axis, instead of their mean.
            **options: the same by name.

        Returns: arrays in the structure of the outputs.
        """
        if not members:
            return super().predict(x, *args, **options)
        found = [model.predict(x, *args, **options) for model in self.members]
        stacked = [np.stack(each) for each in zip(*map(flatten, found), strict=True)]
        return pack_as(found[0], stacked)

    def evaluate(self, *args: Any, members: bool = False, **options: Any) -> Any:
        """Loss and metrics of the mean of the members' outputs.

        Args:
            *args: what ``Model.evaluate`` takes.
            members: whether a list with what each member's ``evaluate`` returns is given instead.
            **options: the same by name.

        Returns: as ``Model.evaluate``.
        """
        if members:
            return [model.evaluate(*args, **options) for model in self.members]
        return super().evaluate(*args, **options)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {"name": self.name, "models": [registry.serialize(m) for m in self.members], "seed": self.seeds}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Ensemble:
        """The model of a configuration.

        Args:
            config: what ``get_config`` returned.
            custom_objects: {name: class or function} for what is not registered.
        """
        with registry.custom_object_scope(custom_objects):
            return cls(**{**config, "models": [registry.deserialize(one) for one in config["models"]]})


def _samples(x: Any) -> int:
    return len(flatten(x)[0])


def _taken(data: tuple[Any, ...], rows: Any) -> tuple[Any, ...]:
    arrays = adapt("Ensemble.fit", *data)[:3]
    return tuple(map_structure(lambda a: None if a is None else a[rows], arrays))


__all__ = ["Ensemble"]
