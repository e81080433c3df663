"""Bidirectional: a recurrent layer over sequences in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core import registry
from ..core.autograd import Tensor
from ..core.suggest import unknown
from .base import Layer
from .bases import Around
from .masking import attach
from .options import LayerOptions, Unpack
from .recurrent import RNN
from .stacked_cells import state_sizes
from .symbolic import Shape
from .torch_module import Link, TorchModule, sequence_links
from .weights import named_layers

_MODES = ("concat", "sum", "mul", "ave")


def _both_directions(layer: Any) -> list[Link]:
    forward, backward = (sequence_links(one) for one in (layer.forward_layer, layer.backward_layer))
    return [*forward, *(link.renamed("{}_reverse".format) for link in backward)]


class Bidirectional(Around):
    """A recurrent layer over sequences in both directions, the two outputs merged.

    ``forward_layer`` is a fresh copy of ``layer``; ``backward_layer`` is another one that begins at the end, or the one
    given.  With ``lengths`` or ``mask`` it begins at each sequence's last step that counts.

    Args:
        layer: an LSTM, GRU, SimpleRNN or RNN.
        merge_mode: "concat" puts both outputs side by side; "sum", "mul" and "ave" combine them; None returns both.
        weights: an option of Keras that is not supported: anything but None is a ValueError.
        backward_layer: the layer of the other direction, made with ``go_backwards=True``; None copies ``layer``.

    Call args:
        initial_state: the list of the forward layer's states, then the backward layer's; None begins with zeros.

    Input shape: (N, T, features).

    Output shape: (N, units) or, with ``return_sequences``, (N, T, units), outputs where their inputs stand; 2 units
        with "concat"; with ``return_state`` a tuple of the output, the forward layer's states and the backward layer's.

    Weights: those of ``forward_layer`` and ``backward_layer``.

    Raises:
        ValueError: a layer is not recurrent or of the wrong direction; ``merge_mode`` is unknown; the two layers'
            options or units differ; the states do not fit.
        TypeError: ``layer`` cannot be copied, since its configuration cannot be described.

    Source: Keras 3, Bidirectional; Schuster and Paliwal 1997, "Bidirectional Recurrent Neural Networks".

    Example:
        >>> layers.Bidirectional(layers.LSTM(8))(np.ones((2, 5, 3), "float32")).shape
        (2, 16)
    """

    _torch = TorchModule("RNN", links=_both_directions)

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(layer, **kwargs)
        if weights is not None:
            raise ValueError(f"{self._label()}: weights= is not supported; build the layer, then call set_weights")
        if merge_mode is not None and merge_mode not in _MODES:
            raise unknown(f"merge_mode of {self._label()}", merge_mode, _MODES)
        self.merge_mode = merge_mode
        _check_layer(self, "layer", layer, backwards=False)
        self.forward_layer = self._copy(layer, "forward_")
        if backward_layer is None:
            backward_layer = self._copy(layer, "backward_", go_backwards=True)
        _check_layer(self, "backward_layer", backward_layer, backwards=True)
        self.backward_layer: RNN = backward_layer
        self.backward_layer.zero_output_for_mask = self.backward_layer.return_sequences
        for name in ("return_sequences", "return_state", "dtype"):
            wanted, got = getattr(self.forward_layer, name), getattr(backward_layer, name)
            if got != wanted:
                raise ValueError(f"{self._label()}: backward_layer must have {name}={wanted!r} as layer, got {got!r}")
        first, second = self.forward_layer.output_size, self.backward_layer.output_size
        if merge_mode in ("sum", "mul", "ave") and first != second:
            raise ValueError(
                f"{self._label()}: merge_mode={merge_mode!r} cannot merge {first} units and {second}; "
                "use as many, or merge_mode='concat' or None"
            )

    def _copy(self, layer: RNN, prefix: str, **changes: Any) -> RNN:
        try:
            config = layer.get_config()
        except TypeError as error:  # an activation or the like that has no description
            raise TypeError(f"{self._label()}: layer cannot be copied: {error}") from None
        config |= {
            "name": prefix + layer.name.removeprefix(prefix),
            "dtype": self._policy if layer._quantization is None else config["dtype"],
            "trainable": layer.trainable and self.trainable,
            "zero_output_for_mask": layer.return_sequences,
        }
        kinds = {type(each).__name__: type(each) for each in (layer, *named_layers(layer).values())}
        with registry.custom_object_scope(kinds):  # a cell of the user's own need not be registered for a copy
            copy: RNN = type(layer).from_config(config | changes)
        return copy

    @property
    def return_sequences(self) -> bool:
        """Whether the outputs of all steps are returned."""
        return self.forward_layer.return_sequences

    @property
    def return_state(self) -> bool:
        """Whether the last states are returned, too."""
        return self.forward_layer.return_state

    def build(self, sequences_shape: Shape) -> None:
        self.forward_layer.build(sequences_shape)
        self.backward_layer.build(sequences_shape)

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
        lengths: Any = None,
    ) -> Any:
        first, second = self._halves(initial_state)
        options = {"mask": mask, "lengths": lengths, "training": training, "in_time_order": True}
        forward = self.forward_layer(sequences, initial_state=first, **options)
        backward = self.backward_layer(sequences, initial_state=second, **options)
        if not self.return_state:
            return self._merged(forward, backward, mask)
        y = self._merged(forward[0], backward[0], mask)
        return (*(y if self.merge_mode is None else (y,)), *forward[1:], *backward[1:])

    def _halves(self, states: Any) -> tuple[Any, Any]:
        if states is None:
            return None, None
        each = len(state_sizes(self.forward_layer.cell)), len(state_sizes(self.backward_layer.cell))
        if not isinstance(states, (list, tuple)) or len(states) != sum(each):
            got = f"{len(states)} states" if isinstance(states, (list, tuple)) else type(states).__name__
            raise ValueError(
                f"initial_state must be the list of the forward layer's states ({each[0]}) and the backward layer's "
                f"({each[1]}), got {got}"
            )
        return states[: each[0]], states[each[0] :]

    def _merged(self, forward: Tensor, backward: Tensor, mask: Any) -> Any:
        if self.merge_mode is None:
            return forward, backward
        if self.merge_mode == "concat":
            y = ops.concatenate([forward, backward], axis=-1)
        elif self.merge_mode == "mul":
            y = ops.multiply(forward, backward)
        else:
            y = ops.add(forward, backward)
            y = ops.multiply(y, 0.5) if self.merge_mode == "ave" else y
        return attach(y, mask) if mask is not None and self.return_sequences else y

    def reset_state(self) -> None:
        """Let the next batch begin anew, where the layers inside are stateful."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def compute_output_shape(self, input_shape: Shape) -> Any:
        forward, backward = (
            layer.compute_output_shape(input_shape) for layer in (self.forward_layer, self.backward_layer)
        )
        if not self.return_state:
            return self._merged_shape(forward, backward)
        y = self._merged_shape(forward[0], backward[0])
        return (*(y if self.merge_mode is None else (y,)), *forward[1:], *backward[1:])

    def _merged_shape(self, forward: Sequence[Any], backward: Sequence[Any]) -> Any:
        if self.merge_mode is None:
            return forward, backward
        return (*forward[:-1], forward[-1] + backward[-1]) if self.merge_mode == "concat" else forward

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the outputs, where all steps are returned: two without merging; None for states.

        Args:
            inputs: the sequences.
            previous_mask: their mask (N, T), or None.
        """
        mask = previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask
        mask = mask if self.return_sequences else None
        if not self.return_state:
            return (mask, mask) if self.merge_mode is None else mask
        states = [None for half in (self.forward_layer, self.backward_layer) for _ in state_sizes(half.cell)]
        return [mask] * (2 if self.merge_mode is None else 1) + states

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"layer": registry.serialize(self.forward_layer)}


def _check_layer(owner: Layer, argument: str, layer: Any, backwards: bool) -> None:
    if not isinstance(layer, RNN):
        kinds = "LSTM, GRU, SimpleRNN or RNN"
        raise ValueError(f"{owner._label()}: {argument} must be a recurrent layer ({kinds}), got {layer!r}")
    if layer.go_backwards != backwards:
        raise ValueError(
            f"{owner._label()}: {argument} must be made with go_backwards={backwards}, got {layer.go_backwards}"
        )


__all__ = ["Bidirectional"]
