"""The weights of a layer: making them, which of them are trained, all of them as arrays."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import constraints, regularizers
from ..core.autograd import Array
from ..core.grad_mode import grad_mode
from ..core.recording import note_change
from .quantization import Quantization
from .stateless import holding, values_of
from .variable import Variable, check_shape
from .weights import Kept, Trackable, children, load_arrays, named_variables, own_variables


class LayerWeights(Quantization, Trackable):
    """What a layer does with its weights."""

    if TYPE_CHECKING:  # what Layer brings
        _built: bool
        _dtype: np.dtype[Any]
        _fixed: list[Variable]
        _frozen_whole: bool
        _trainable: bool
        _variables: list[Variable]

        def _label(self) -> str: ...

    _found_variables: Kept | None = None

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of this layer.

        Args:
            shape: the sizes.
            initializer: first value: a name, an Initializer, or a function f(shape, dtype); None means
                "glorot_uniform", for integers "zeros".
            dtype: type of the elements; None means the layer's.
            trainable: whether training changes it.
            autocast: an option of Keras without effect here.
            regularizer: penalty on the value, added to the loss.
            constraint: limit on the value that the optimizer keeps: a name, a Constraint, or a function of a tensor.
            name: name of the weight; None takes the attribute's.

        Returns: the Variable.

        Raises:
            ValueError: the shape holds a free or negative size; the initializer gives another shape; a name is unknown.
        """
        if self._quantization is not None and name is not None and name in self._int8_axes():
            return self._int8_weight(name, check_shape(name, shape))
        kind = self._dtype if dtype is None else np.dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if kind.kind == "f" else "zeros"
        v = Variable(initializer, shape, kind, trainable and self._trainable, name, regularizers.get(regularizer))
        v.constraint = constraints.get(constraint)
        v.owner = weakref.ref(self)
        self._variables.append(v)
        if not trainable:
            self._fixed.append(v)
        return v

    @property
    def weights(self) -> list[Variable]:
        """All variables: the layer's own (those that can be trained first), then each sublayer's."""
        return list(self._held().variables)

    def _held(self) -> Kept:
        """The variables and layers inside, looked for again where something changed."""
        recording, found = grad_mode.recording, self._found_variables
        if recording is not None and recording.made:  # changes of what the step under record makes are not noted
            return Kept(self)
        if found is None or not found.holds():
            found = Kept(self)
            if recording is None:
                self._found_variables = found
        return found

    @property
    def trainable_weights(self) -> list[Variable]:
        """The variables that training changes."""
        frozen = self._frozen()
        return [v for v in self.weights if v.trainable and id(v) not in frozen]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The variables that training leaves alone."""
        frozen = self._frozen()
        return [v for v in self.weights if not v.trainable or id(v) in frozen]

    def _frozen(self) -> set[int]:
        """The ids of the variables that a layer keeps from training, whatever they say themselves."""
        held = self._held()
        return held.frozen if self._trainable else {id(v) for v in held.variables}

    variables, trainable_variables, non_trainable_variables = weights, trainable_weights, non_trainable_weights

    def get_weights(self) -> list[Array]:
        """Copies of all weights, in the order of ``weights``."""
        return [v.numpy().copy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights; nothing is changed if one does not fit.

        Args:
            weights: arrays in the order of ``Layer.weights``.

        Raises:
            TypeError: ``weights`` is no list, or holds what is no number.
            ValueError: their number or a shape differs.
        """
        named = named_variables(self)
        if not hasattr(weights, "__len__") or isinstance(weights, (str, Mapping)):
            raise TypeError(f"{self._label()}: set_weights expected a list of arrays, got {type(weights).__name__}")
        if len(weights) != len(named):
            raise ValueError(f"{self._label()}: set_weights got {len(weights)} arrays for {len(named)} weights")
        self.load_state_dict(dict(zip(named, weights, strict=True)))

    def state_dict(self) -> dict[str, Array]:
        """Copies of all weights by key (``dense/kernel``); keys do not depend on automatic names."""
        return {key: v.numpy().copy() for key, v in named_variables(self).items()}

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Set weights by key; nothing is changed unless all fit.

        Args:
            state: {key: array} with the keys of ``state_dict``.
            strict: whether a missing or an additional key is an error.

        Raises:
            TypeError: ``state`` is no dict, or holds what is no number.
            ValueError: a key is missing or unknown, or a shape differs; the message names the weight.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"{self._label()}: load_state_dict expected a dict of arrays, got {type(state).__name__}")
        load_arrays(self._label(), named_variables(self), state, strict)

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own variables, without those of layers inside, into a file of Keras.

        A class that defines it keeps what it likes there; load_own_variables gets it back.

        Args:
            store: takes arrays by name, as a dict.
        """
        for i, (_, v) in enumerate(self._stored_variables()):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Set the layer's own variables from what save_own_variables put into a file of Keras.

        Args:
            store: gives arrays by name, as a dict.

        Raises:
            ValueError: a variable's array is missing, or has another shape.
        """
        own = {str(i): v for i, (_, v) in enumerate(self._stored_variables())}
        missing = [key for key in own if key not in store]
        if missing:
            raise ValueError(f"{self._label()}: load_own_variables found no array {missing[0]!r}")
        load_arrays(self._label(), own, store, strict=False)

    def save_assets(self, dir_path: Any) -> None:
        """Write files that belong to the layer in a file of Keras; a class that needs some defines it.

        Args:
            dir_path: the directory to write to.
        """

    def load_assets(self, dir_path: Any) -> None:
        """Read what save_assets wrote; a class that writes files defines it.

        Args:
            dir_path: the directory to read from.
        """

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Call the layer with other values in its variables, which are as before afterwards.

        Nothing is recorded for backward; random streams of dropout and the like go on.

        Args:
            trainable_variables: values for ``layer.trainable_variables``, in their order.
            non_trainable_variables: values for ``layer.non_trainable_variables``, in their order.
            *args: the arguments of the call.
            return_losses: whether the losses of the call are returned, too.
            **kwargs: the arguments of the call, by name.

        Returns: (outputs, what the variables that are not trained hold after the call), and the losses.

        Raises:
            ValueError: the layer is not built; there is not one value for each variable, or one has another shape.
        """
        what = f"{self._label()}: stateless_call"
        if not self._built:
            raise ValueError(f"{what}: it has no weights yet: call it on data, or build(input_shape), first")
        trained, fixed = self.trainable_variables, self.non_trainable_variables
        with holding(
            what,
            ("trainable_variables", trained, trainable_variables),
            ("non_trainable_variables", fixed, non_trainable_variables),
        ):
            outputs = self(*args, **kwargs)  # type: ignore[operator]
            losses = [loss.detach() for loss in self.losses] if return_losses else []  # type: ignore[attr-defined]
            found = values_of(fixed)
        return (outputs, found, losses) if return_losses else (outputs, found)

    def count_params(self) -> int:
        """How many numbers all weights hold.

        Raises:
            ValueError: the layer is not built yet.
        """
        if not self._built and not self.weights:
            raise ValueError(f"{self._label()} has no weights yet: call it on data, or build(input_shape), first")
        return sum(v.size for v in self.weights)

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer; setting it sets its variables and sublayers too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if self._trainable is not bool(value):
            self.__dict__["_trainable"] = bool(value)
            note_change(self, "trainable")
        if self._frozen_whole:
            self._frozen_whole = False
        fixed = {id(v) for v in self._fixed}
        for _, v in own_variables(self):
            if id(v) not in fixed and v.dtype.kind == "f":
                v.trainable = bool(value)
        for _, child in children(self):
            child.trainable = value

    def _weight(self, name: str, shape: Sequence[int], options: str | None = None, **kwargs: Any) -> Variable:
        """add_weight with the initializer, regularizer and constraint that the layer keeps for ``options``."""
        what = options or name
        return self.add_weight(
            shape,
            getattr(self, f"{what}_initializer"),
            regularizer=getattr(self, f"{what}_regularizer", None),
            constraint=getattr(self, f"{what}_constraint", None),
            name=name,
            **kwargs,
        )
