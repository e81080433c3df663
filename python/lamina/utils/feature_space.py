"""FeatureSpace: tables of numbers and text as rows of numbers, a preprocessing layer for each column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import layers, ops
from ..core import registry
from ..core.autograd import Tensor, wrap
from ..core.explain import show
from ..core.recording import forbid_capture
from ..core.suggest import unknown
from ..layers import Layer
from ..layers.options import UnnamedOptions, Unpack
from ..layers.preprocessing.category_layer import CategoryLayer, is_text
from ..layers.preprocessing.index_lookup import IndexLookup
from ..layers.variable import auto_name

_KINDS = (
    "float", "float_rescaled", "float_normalized", "float_discretized", "integer_categorical", "string_categorical",
    "integer_hashed", "string_hashed",
)  # fmt: skip


class Cross:
    """Features that are crossed: the bin of the hash value of all of them."""

    def __init__(self, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot") -> None:
        if output_mode not in ("int", "one_hot"):
            raise unknown("output_mode of a cross", output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)
        self.crossing_dim, self.output_mode = crossing_dim, output_mode

    @property
    def name(self) -> str:
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        names = list(self.feature_names)
        return {"feature_names": names, "crossing_dim": self.crossing_dim, "output_mode": self.output_mode}


class Feature:
    """A column: its type, the layer that makes numbers of it, and whether these become rows of zeros and a one."""

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        if output_mode not in ("int", "one_hot", "float"):
            raise unknown("output_mode of a feature", output_mode, ("int", "one_hot", "float"))
        self.dtype, self.preprocessor, self.output_mode = dtype, preprocessor, output_mode

    def get_config(self) -> dict[str, Any]:
        layer = self.preprocessor
        config = {"dtype": self.dtype, "preprocessor": registry.serialize(layer), "output_mode": self.output_mode}
        if getattr(layer, "weights", None):  # what it has seen
            config["built"] = layer._build_arguments
            config["weights"] = [w.tolist() for w in layer.get_weights()]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Feature:
        own = registry.deserialize(config)
        built, weights = own.pop("built", None), own.pop("weights", None)
        feature = cls(**own)
        if weights is not None:
            if built and not feature.preprocessor.built:
                feature.preprocessor.build(**built)
            feature.preprocessor.set_weights([np.asarray(w) for w in weights])
        return feature


registry.add_known((Cross, Feature), "feature", object)


class FeatureSpace(Layer):
    """Columns of numbers and text as one row of numbers for each sample.

    A column is named by what it holds: "float", as it is; "float_normalized", ``adapt`` takes its mean and variance;
    "float_rescaled"; "float_discretized", intervals that ``adapt`` finds; "integer_categorical" and
    "string_categorical", a vocabulary that ``adapt`` finds; "integer_hashed" and "string_hashed", bins.  Or it is what
    a method of these names gives, with its options.  Its work is Python's where text or hash values are: it stands
    before a model.

    Args:
        features: {name: kind}, where a kind is one of the names above or what a method of that name gives.
        output_mode: "concat", all columns side by side in the order of their names, crosses last; "dict", each by its
            name.
        crosses: lists of names of features that are crossed.
        crossing_dim: bins of a cross.
        hashing_dim: bins of a hashed feature.
        num_discretization_bins: intervals of a discretized one.
        name: name of the layer; None makes one.
        **kwargs: ``dtype``, "float32" or "float64", and the other options of every layer.

    Call args:
        inputs: {name: column}: arrays or lists (N,) or (N, 1), or single values.

    Input shape: a dict of (N,), (N, 1) or single values.

    Output shape: (N, width), for single values (width,); a dict of such with ``output_mode="dict"``.

    Raises:
        ValueError: there are no features, one is unknown, or ``adapt`` is missing.
        TypeError: it is called with something else than a dict.

    Source: Keras 3, keras.utils.FeatureSpace.  There it has a method ``save``; here ``saving.save_model`` writes it
        to a file, and ``load_model`` reads it.

    Example:
        >>> space = lamina.utils.FeatureSpace({"age": "float", "town": "string_categorical"})
        >>> space.adapt({"age": [30.0, 40.0], "town": ["Rome", "Oslo"]})
        >>> space({"age": 50.0, "town": "Oslo"}).numpy()
        array([50.,  0.,  0.,  1.], dtype=float32)
    """

    _keeps_numbers = _takes_text = True

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
        **kwargs: Unpack[UnnamedOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not isinstance(features, dict) or not features:
            raise ValueError(f"{self._label()}: features must be a dict of at least one, got {show(features)}")
        if output_mode not in ("concat", "dict"):
            raise unknown(f"output_mode of {self._label()}", output_mode, ("concat", "dict"))
        self.output_mode, self.crossing_dim = output_mode, crossing_dim
        self.hashing_dim, self.num_discretization_bins = hashing_dim, num_discretization_bins
        self.features = {key: self._feature(key, value) for key, value in features.items()}
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.crossers = {
            c.name: layers.HashedCrossing(c.crossing_dim, name=f"{self.name}_{c.name}") for c in self.crosses
        }
        self._adapted = False
        self._inputs: dict[str, Any] | None = None
        self._built = True

    def _feature(self, name: str, value: Any) -> Feature:
        if isinstance(value, dict):
            value = registry.deserialize(value)
        if isinstance(value, Feature):
            return value
        if value not in _KINDS:
            raise unknown(f"kind of feature {name!r} of {self._label()}", str(value), _KINDS)
        sizes = {"float_discretized": self.num_discretization_bins, "integer_hashed": self.hashing_dim,
                 "string_hashed": self.hashing_dim}  # fmt: skip
        given = (sizes[value],) if value in sizes else ()
        made: Feature = getattr(type(self), value)(*given, name=name)
        return made

    def _cross(self, cross: Any) -> Cross:
        if isinstance(cross, dict):
            cross = registry.deserialize(cross)
        made = cross if isinstance(cross, Cross) else Cross(cross, self.crossing_dim)
        for key in made.feature_names:
            if key not in self.features:
                raise unknown(f"feature in a cross of {self._label()}", key, self.features)
        return made

    # ---- kinds of features ----

    @classmethod
    def cross(cls, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot") -> Any:
        """Features that are crossed, for ``crosses``.

        Args:
            feature_names: their names.
            crossing_dim: bins.
            output_mode: "one_hot" rows, or "int".
        """
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Any:
        """A column with a layer of one's own.

        Args:
            dtype: type of the column, "string" for text.
            preprocessor: a layer or a function.
            output_mode: "float"; or for indices "one_hot" or "int".
        """
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Any:
        """A column of numbers, as it is.

        Args:
            name: what its layer is named after.
        """
        return Feature("float32", layers.Rescaling(1.0, name=_layer_name("float", name)), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Any:
        """A column of numbers, rescaled.

        Args:
            scale: as of Rescaling.
            offset: as of Rescaling.
            name: what its layer is named after.
        """
        return Feature("float32", layers.Rescaling(scale, offset, name=_layer_name("float_rescaled", name)), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Any:
        """A column of numbers with mean 0 and variance 1.

        Args:
            name: what its layer is named after.
        """
        return Feature("float32", layers.Normalization(-1, name=_layer_name("float_normalized", name)), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Any:
        """A column of numbers as intervals.

        Args:
            num_bins: how many intervals ``adapt`` makes.
            bin_boundaries: where they end, in place of ``adapt``.
            output_mode: "one_hot" rows, or "int".
            name: what its layer is named after.
        """
        bins = None if bin_boundaries is not None else num_bins
        layer = layers.Discretization(bin_boundaries, bins, name=_layer_name("float_discretized", name))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Any:
        """A column of integers as categories.

        Args:
            max_tokens: as of IntegerLookup.
            num_oov_indices: as of IntegerLookup.
            output_mode: "one_hot" rows, or "int".
            name: what its layer is named after.
        """
        layer = layers.IntegerLookup(max_tokens, num_oov_indices, name=_layer_name("integer_categorical", name))
        return Feature("int64", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Any:
        """A column of text as categories.

        Args:
            max_tokens: as of StringLookup.
            num_oov_indices: as of StringLookup.
            output_mode: "one_hot" rows, or "int".
            name: what its layer is named after.
        """
        layer = layers.StringLookup(max_tokens, num_oov_indices, name=_layer_name("string_categorical", name))
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Any:
        """A column of integers as bins.

        Args:
            num_bins: how many.
            output_mode: "one_hot" rows, or "int".
            name: what its layer is named after.
        """
        return Feature("int64", layers.Hashing(num_bins, name=_layer_name("integer_hashed", name)), output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Any:
        """A column of text as bins.

        Args:
            num_bins: how many.
            output_mode: "one_hot" rows, or "int".
            name: what its layer is named after.
        """
        return Feature("string", layers.Hashing(num_bins, name=_layer_name("string_hashed", name)), output_mode)

    # ---- use ----

    def _waiting(self) -> list[str]:
        """The features whose layers take something from data, and were not given it."""
        return [k for k, layer in self.preprocessors.items() if getattr(layer, "_adapts", hasattr(layer, "adapt"))]

    def adapt(self, dataset: Any) -> None:
        """Let every column's layer take what it needs.

        Args:
            dataset: {name: column}; or batches of such, to be gone over several times.

        Raises:
            ValueError: a feature is missing in the data.
            TypeError: ``dataset`` is neither.
        """
        if isinstance(dataset, (str, bytes)) or not isinstance(dataset, (dict, Iterable)):
            raise TypeError(f"{self._label()}: adapt expected a dict of columns, or batches, got {show(dataset)}")
        batches = [dataset] if isinstance(dataset, dict) else dataset
        for key in self._waiting():
            parts = []
            for batch in batches:
                given = batch[0] if isinstance(batch, tuple) else batch
                if not isinstance(given, dict) or key not in given:
                    raise ValueError(f"{self._label()}: adapt got a batch without feature {key!r}")
                parts.append(_column(given[key])[0])
            if not parts:
                raise ValueError(f"{self._label()}: adapt got no batch")
            self.preprocessors[key].adapt(np.concatenate(parts))
        self._adapted = True

    def get_inputs(self) -> dict[str, Any]:
        """Symbolic inputs (None, 1) for all features, of a functional model that begins with the raw columns.

        Raises:
            ValueError: a feature is text, which a model cannot take.
        """
        if self._inputs is None:
            for key, feature in self.features.items():
                if feature.dtype == "string":
                    raise ValueError(f"{self._label()}: feature {key!r} is text, and a model's inputs are numbers")
            self._inputs = {key: layers.Input((1,), dtype=f.dtype, name=key) for key, f in self.features.items()}
        return self._inputs

    def get_encoded_features(self) -> Any:
        """What the space makes of ``get_inputs()``, symbolic.

        Raises:
            ValueError: a feature is text, or ``adapt`` is missing.
        """
        return self(self.get_inputs())

    def call(self, inputs: Any) -> Any:
        forbid_capture(f"{self._label()} works in Python")
        if not isinstance(inputs, dict):
            raise TypeError(f"expected a dict of columns, got {show(inputs)}; of a DataFrame dict(frame) is one")
        missing = [key for key in self.features if key not in inputs]
        if missing:
            raise ValueError(f"feature {missing[0]!r} is missing; given are {', '.join(map(str, inputs))}")
        if not self._adapted and self._waiting():
            raise ValueError(f"call adapt(dataset) before: feature {self._waiting()[0]!r} takes its numbers from data")
        columns = {key: _column(inputs[key]) for key in self.features}
        rows = {key: len(column) for key, (column, _) in columns.items()}
        if len(set(rows.values())) > 1:
            raise ValueError(f"the columns hold different numbers of samples: {rows}")
        single = all(was_single for _, was_single in columns.values())
        numbers = {key: self.preprocessors[key](column) for key, (column, _) in columns.items()}
        crossed = {c.name: self.crossers[c.name]([_plain(numbers[n]) for n in c.feature_names]) for c in self.crosses}
        modes = {c.name: c.output_mode for c in self.crosses}
        results: dict[str, Any] = {}
        for key in sorted(numbers):
            results[key] = self._encoded(key, numbers[key], self.features[key].output_mode, self.preprocessors[key])
        for key in sorted(crossed):
            results[key] = self._encoded(key, crossed[key], modes[key], self.crossers[key])
        if self.output_mode == "dict":
            return {key: ops.squeeze(y, 0) for key, y in results.items()} if single else results
        for key, y in results.items():
            if y.dtype.kind != "f":
                raise ValueError(f"feature {key!r} is {y.dtype}, no rows to put beside others; use output_mode='dict'")
        joined = ops.concatenate([ops.cast(y, self._dtype) for y in results.values()], axis=-1)
        return ops.squeeze(joined, 0) if single else joined

    def _encoded(self, key: str, y: Any, mode: str, layer: Any) -> Any:
        if mode != "one_hot":
            return y
        size = _cardinality(layer)
        if size is None or y.dtype.kind not in "iu":
            raise ValueError(f"feature {key!r} gives {y.dtype}, expected indices of a known number for 'one_hot'")
        return layers.CategoryEncoding(size, "multi_hot", dtype=self._dtype.name)(y)

    def get_config(self) -> dict[str, Any]:
        names = ("output_mode", "crossing_dim", "hashing_dim", "num_discretization_bins")
        config: dict[str, Any] = {name: getattr(self, name) for name in names}
        config["features"] = {key: registry.serialize(feature) for key, feature in self.features.items()}
        config["crosses"] = [registry.serialize(cross) for cross in self.crosses]
        return config | self._base_config() | {"adapted": self._adapted}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The space that a configuration describes, with what its columns' layers have taken from data.

        Args:
            config: what ``get_config`` returned.

        Raises:
            ValueError: the configuration holds what is unknown.
        """
        adapted = config.get("adapted", False)
        space = super().from_config({key: value for key, value in config.items() if key != "adapted"})
        space._adapted = bool(adapted)
        return space


def _layer_name(kind: str, name: str | None) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _cardinality(layer: Any) -> int | None:
    """How many indices a layer may give."""
    if isinstance(layer, IndexLookup):
        return layer.vocabulary_size()
    if isinstance(layer, CategoryLayer):
        return layer._depth
    found = getattr(layer, "num_tokens", None) or getattr(layer, "num_bins", None)
    return None if found is None else int(found)


def _column(x: Any) -> tuple[Any, bool]:
    """A column as (N, ...) with an axis behind, and whether it was a single value."""
    a = np.asarray(x, object) if is_text(x) else x._array if isinstance(x, Tensor) else np.asarray(x)
    if a.ndim == 0:
        return a.reshape(1, 1), True
    return (a[:, None] if a.ndim == 1 else a), False


def _plain(y: Any) -> Any:
    return y if isinstance(y, Tensor) else wrap(np.asarray(y))


registry.add_known((FeatureSpace,), "layer", Layer)

__all__ = ["FeatureSpace"]
