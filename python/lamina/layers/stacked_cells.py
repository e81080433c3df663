"""What a recurrent layer asks of any cell, and cells on top of each other.

A cell is a Layer with ``state_size`` (the features of its state, or a list of them), called with one step (N, in) and
the list of its states (N, size), which gives the output and the next states.  It may say ``output_size`` (default: that
of the first state) and ``get_initial_state(batch_size)`` (default: zeros).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.tree import flatten, leaves, map_shapes, pack_as
from .base import Layer
from .build import build_inner
from .cell import Cell, fitting_states
from .options import LayerOptions, Unpack
from .symbolic import Shape, SymbolicTensor


def check_cell(owner: Layer, cell: Any) -> Any:
    """The cell; TypeError if it is none."""
    if not isinstance(cell, Layer) or not hasattr(cell, "state_size"):
        raise TypeError(
            f"{owner._label()}: expected a cell, a Layer with state_size and call(inputs, states), got {cell!r}"
        )
    sizes = flatten(cell.state_size)
    if not sizes or any(isinstance(n, bool) or not isinstance(n, int) or n <= 0 for n in sizes):
        raise TypeError(f"{owner._label()}: state_size of {cell._label()} must be integers, got {cell.state_size!r}")
    return cell


def build_cell(cell: Layer, batch: int | None, features: int | None) -> None:
    """Make a cell's weights for steps (batch, features)."""
    build_inner(cell, (batch, features), state_shapes(cell, batch))


def state_sizes(cell: Any) -> list[Any]:
    """``cell.state_size`` as a list, of lists where the cell is a stack."""
    size = cell.state_size
    return list(size) if isinstance(size, (list, tuple)) else [size]


def state_shapes(cell: Any, batch: int | None) -> list[Any]:
    """The shapes of the states, in a list for each cell of a stack."""
    if isinstance(cell, StackedRNNCells):
        return [state_shapes(each, batch) for each in cell.cells]
    return [(batch, size) for size in state_sizes(cell)]


def output_size(cell: Any) -> int:
    """Features of an output: ``cell.output_size``, or those of the first state."""
    size = getattr(cell, "output_size", None)
    return flatten(cell.state_size)[0] if size is None else size


def first_states(cell: Any, batch: int | None) -> list[Any]:
    """The states that a sequence begins with: the cell's own, or zeros."""
    if batch is None:
        raise ValueError(f"{cell._label()}: get_initial_state needs batch_size, how many sequences there are")
    if hasattr(cell, "get_initial_state"):
        states = cell.get_initial_state(batch_size=batch)
        return list(states) if isinstance(states, (list, tuple)) else [states]
    sizes = state_sizes(cell)
    return pack_as(sizes, [ops.zeros((batch, n), dtype=cell.dtype) for n in leaves(sizes)])


def checked_states(argument: str, cell: Any, states: Any, batch: int) -> list[Any]:
    """The states that a user gave, as tensors; ValueError if they do not fit the cell."""
    if isinstance(cell, Cell):
        return list(cell.check_states(argument, states, batch))
    if not isinstance(cell, StackedRNNCells):
        shapes = state_shapes(cell, batch)
        return list(fitting_states(argument, states, [str(i) for i in range(len(shapes))], shapes, cell.dtype))
    if not isinstance(states, (list, tuple)) or len(states) != len(cell.cells):
        got = f"{len(states)}" if isinstance(states, (list, tuple)) else type(states).__name__
        raise ValueError(f"{argument} must be a list of the states of {len(cell.cells)} cells, got {got}")
    return [checked_states(f"{argument}[{i}]", each, states[i], batch) for i, each in enumerate(cell.cells)]


def called(cell: Any, x: Tensor, states: Any) -> tuple[Tensor, list[Any]]:
    """The output and the next states of one step."""
    result = cell(x, states)
    if not isinstance(result, (list, tuple)) or len(result) != 2:
        got = f"{len(result)} values" if isinstance(result, (list, tuple)) else type(result).__name__
        raise ValueError(f"{cell._label()} must return (output, states), got {got}")
    y, after = result
    return y, list(after) if isinstance(after, (list, tuple)) else [after]


class StackedRNNCells(Layer):
    """Cells on top of each other as one: each step goes through all of them.

    ``cells[i + 1]`` gets the output of ``cells[i]``.  ``RNN([cell, ...])`` makes one.

    Args:
        cells: list of cells, the first nearest to the input.

    Call args:
        states: the list of the cells' states.

    Input shape: (N, features).

    Output shape: (N, output_size of the last cell), and the list of the cells' next states.

    Raises:
        ValueError: ``cells`` is no list or empty; the states do not fit.
        TypeError: one of them is no cell.

    Source: Keras 3, StackedRNNCells.

    Example:
        >>> cells = layers.StackedRNNCells([layers.LSTMCell(8), layers.LSTMCell(4)])
        >>> layers.RNN(cells)(np.ones((2, 5, 3), "float32")).shape
        (2, 4)
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Unpack[LayerOptions]) -> None:
        if kwargs.get("dtype") is None and isinstance(cells, (list, tuple)) and cells:
            kwargs["dtype"] = getattr(cells[0], "dtype", None)
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ValueError(f"{self._label()}: cells must be a list of cells, got {cells!r}")
        for cell in cells:
            check_cell(self, cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """Features of the cells' states, a list."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """Features of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Each cell's first states.

        Args:
            batch_size: how many sequences there are.

        Returns: a list with the list of the states of each cell.

        Raises:
            ValueError: ``batch_size`` is None.
        """
        return [first_states(cell, batch_size) for cell in self.cells]

    def build(self, input_shape: Shape) -> None:
        batch, features = input_shape
        for cell in self.cells:
            build_cell(cell, batch, features)
            features = output_size(cell)

    def call(self, inputs: Tensor, states: Any) -> tuple[Tensor, list[Any]]:
        after = []
        for cell, before in zip(self.cells, checked_states("states", self, states, inputs.shape[0]), strict=True):
            inputs, end = called(cell, inputs, before)
            after.append(end)
        return inputs, after

    def compute_output_shape(self, input_shape: Shape, states_shape: Any = None) -> Any:
        """The shapes of the output and of the states, these in a list for each cell.

        Args:
            input_shape: (N, features).
            states_shape: the states' shapes, which follow from the cells.
        """
        return (input_shape[0], self.output_size), state_shapes(self, input_shape[0])

    def compute_output_spec(self, inputs: Any, states: Any, **kwargs: Any) -> Any:
        return map_shapes(lambda shape: SymbolicTensor(shape, self._dtype), self.compute_output_shape(inputs.shape))


__all__ = ["StackedRNNCells"]
