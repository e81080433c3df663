"""What fit logged."""

from __future__ import annotations

from typing import Any

from .base import Callback, Logs


class History(Callback):
    """What every epoch logged: ``history["loss"]`` is a list of one number an epoch, ``epoch`` the epochs' indices.

    Notebooks show it as a table with small curves.

    Source: Keras 3, History.

    Example:
        >>> model = lamina.Sequential([layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((8, 2)), np.ones(8), epochs=3, verbose=0)
        >>> history.epoch, list(history.history)
        ([0, 1, 2], ['loss'])
    """

    _only_notes = True  # logs, and looks at nothing else

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self._epochs: dict[str, list[int]] = {}  # of each name those that logged it

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._epochs.setdefault(name, []).append(epoch)

    def plot(self, metrics: Any = None, axes: Any = None, log_scale: bool = False) -> list[Any]:
        """Draw what was logged by matplotlib: a panel for each metric, with training and validation.

        The learning rate has a panel where a callback logs it.

        Args:
            metrics: a name, or those wanted, without "val_"; None takes all.
            axes: matplotlib's axes, one for each metric; None makes a new figure.
            log_scale: whether values stand on a logarithmic axis.

        Returns: the axes, as a list.

        Raises:
            ValueError: a name was not logged, nothing was, or there are not as many axes as metrics.
            ImportError: matplotlib is missing.

        Example:
            >>> history = callbacks.History()
            >>> history.on_epoch_end(0, {"loss": 2.0, "val_loss": 2.5})
            >>> history.on_epoch_end(1, {"loss": 1.0, "val_loss": 1.5})
            >>> [axes.get_title() for axes in history.plot()]
            ['loss']
        """
        epochs = {}
        for name, values in self.history.items():
            known = self._epochs.get(name, [])
            epochs[name] = known if len(known) == len(values) else list(range(len(values)))
        from ..plot.curves import draw_curves

        return draw_curves(self.history, epochs, metrics, axes, log_scale)

    def _repr_html_(self) -> str:
        from ..plot.curves import table_of_curves

        return table_of_curves(self.history, len(self.epoch))


__all__ = ["History"]
