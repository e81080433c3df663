"""What evaluate and its one-batch forms return, as type checkers see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:

    class Results(float):
        """The loss, which is a number, or where there are metrics the list that begins with it.

        Which of both it is follows from ``compile``, which type checkers cannot know: so ``loss < 0.5`` and ``loss,
        accuracy = model.evaluate(x, y)`` are both well typed.
        """

        def __getitem__(self, index: int) -> float: ...
        def __iter__(self) -> Iterator[float]: ...
        def __len__(self) -> int: ...
