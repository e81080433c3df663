"""Logs, histograms and models for TensorBoard.  tensorboardX is imported when it is used."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from ..core.explain import is_index
from ..saving.atomic import as_path
from .base import Callback, Logs

Array = np.ndarray[Any, np.dtype[Any]]


class TensorBoard(Callback):
    """Writes what TensorBoard shows: logs of epochs and batches, histograms of weights, the model's layers.

    ``log_dir/train`` and ``log_dir/validation`` hold the files; ``tensorboard --logdir=log_dir`` shows them.  Needs
    tensorboardX: ``pip install "lamina[tensorboard]"``.

    Args:
        log_dir: the folder.
        histogram_freq: after how many epochs the weights are written as histograms; 0 for never.
        write_graph: whether the model's configuration is written, from which the tab *Graphs* draws its layers.
        write_images: whether weights are written as images, too, along with their histograms.
        write_steps_per_second: whether the steps of a second are written.
        update_freq: "epoch" writes epochs alone, "batch" each batch besides, a number of batches each of these.
        profile_batch: an option of Keras that is not supported: 0 alone is taken.
        embeddings_freq: an option of Keras that is not supported: 0 alone is taken.
        embeddings_metadata: an option of Keras that is not supported: None alone is taken.

    Raises:
        ValueError: a number of epochs or batches is negative; an option is not supported.
        ImportError: tensorboardX is not installed.

    Source: Keras 3, TensorBoard.

    Example:
        >>> board = callbacks.TensorBoard("runs/first", histogram_freq=5)
        >>> board.log_dir
        'runs/first'
    """

    _first_rank_alone = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        self.log_dir = str(as_path("TensorBoard: log_dir", log_dir))
        if profile_batch:
            raise ValueError(
                f"TensorBoard: profile_batch={profile_batch!r} is not supported; leave it 0, and use a profiler of "
                "Python's or the system's"
            )
        if embeddings_freq or embeddings_metadata is not None:
            raise ValueError("TensorBoard: embeddings are not supported; leave embeddings_freq and _metadata out")
        every = 1 if update_freq == "batch" else update_freq
        for name, value, least in (("histogram_freq", histogram_freq, 0), ("update_freq", every, 1)):
            if value != "epoch" and (not is_index(value) or int(value) < least):
                raise ValueError(f"TensorBoard: {name} must be an integer from {least}, got {value!r}")
        self.histogram_freq, self.write_graph, self.write_images = histogram_freq, write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = every
        self._writer_class = _tensorboardx().SummaryWriter
        self._writers: dict[str, Any] = {}
        self._steps_before, self._epoch_start, self._batch_start = 0, 0.0, 0.0
        self._batches, self._training = 0, False
        if every != "epoch":  # a callback without hooks of batches costs nothing there
            self.on_train_batch_begin = self._batch_begins  # type: ignore[method-assign]
            self.on_train_batch_end = self._batch_ends  # type: ignore[method-assign]

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            self._writers[part] = self._writer_class(os.path.join(self.log_dir, part))
        return self._writers[part]

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self.write_graph and hasattr(model, "to_json") and "train" not in self._writers:
            self._write_model(model)

    def _write_model(self, model: Any) -> None:
        """The configuration, as TensorBoard's plugin for models of Keras reads it; of a model that has one."""
        try:
            text = model.to_json()
        except (TypeError, ValueError, NotImplementedError):
            return  # a model of the user's own, which has no layers to draw
        from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboardX.proto.tensor_pb2 import TensorProto

        plugin = SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
        tensor = TensorProto(dtype="DT_STRING", string_val=[text.encode()])
        value = Summary.Value(tag="keras", metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)
        self._writer("train").file_writer.add_summary(Summary(value=[value]), 0)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._batches, self._training = 0, True

    def _batch_begins(self, batch: int, logs: Logs = None) -> None:
        self._batch_start = time.perf_counter()

    def _batch_ends(self, batch: int, logs: Logs = None) -> None:
        self._batches += 1
        if self._batches % int(self.update_freq):
            return
        found = {f"batch_{name}": value for name, value in (logs or {}).items()}
        if self.write_steps_per_second:
            found["batch_steps_per_second"] = 1.0 / max(time.perf_counter() - self._batch_start, 1e-9)
        self._write("train", found, self._batches)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._steps_before, self._epoch_start = self._steps(), time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        found = {f"epoch_{name}": value for name, value in logs.items() if not name.startswith("val_")}
        if found:
            found |= {f"epoch_{name}": value for name, value in self._rates().items()}
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._epoch_start, 1e-9)
            found["epoch_steps_per_second"] = (self._steps() - self._steps_before) / seconds
        self._write("train", found, epoch)
        held_out = {f"epoch_{name[4:]}": value for name, value in logs.items() if name.startswith("val_")}
        self._write("validation", held_out, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        for writer in self._writers.values():
            writer.flush()

    def _steps(self) -> int:
        return int(getattr(getattr(self.model, "optimizer", None), "iterations", 0))

    def _rates(self) -> dict[str, float]:
        optimizer: Any = getattr(self.model, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if hasattr(optimizer, "optimizers"):
            return {f"learning_rate_{o.name}": float(o.learning_rate) for o in optimizer.optimizers}
        return {} if optimizer is None else {"learning_rate": float(optimizer.learning_rate)}

    def on_test_end(self, logs: Logs = None) -> None:
        found = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._write("validation", found, self._steps())
        if not self._training:  # nothing comes behind it
            self.on_train_end()

    def _write(self, part: str, values: dict[str, Any], step: int) -> None:
        for name, value in values.items():
            self._writer(part).add_scalar(name, float(np.mean(value)), step)

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                name = weight.path.replace(":", "_")
                self._writer("train").add_histogram(f"{name}/histogram", weight.numpy(), epoch)
                picture = _as_images(weight.numpy()) if self.write_images else None
                if picture is not None:
                    self._writer("train").add_images(f"{name}/image", picture, epoch, dataformats="NHWC")

    def on_train_end(self, logs: Logs = None) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers, self._training = {}, False

    on_train_interrupted = on_train_end


def _as_images(weight: Array) -> Array | None:
    """A weight as grey images (N, H, W, 1) from 0 to 1, as Keras lays them out; None for one of other axes."""
    w = np.squeeze(weight)
    if w.ndim == 1:
        w = w.reshape(1, -1, 1, 1)
    elif w.ndim == 2:
        w = w.T if w.shape[0] > w.shape[1] else w
        w = w.reshape(1, *w.shape, 1)
    elif w.ndim == 3:  # each kernel is an image
        w = w.transpose(2, 0, 1)[..., None]
    if w.ndim != 4 or w.shape[-1] not in (1, 3, 4):
        return None
    least, most = float(w.min(initial=np.inf)), float(w.max(initial=-np.inf))
    return (w - least) / (most - least) if most > least else np.zeros_like(w)


def _tensorboardx() -> Any:
    try:
        import tensorboardX
    except ImportError:
        raise ImportError('TensorBoard needs tensorboardX: pip install "lamina[tensorboard]"') from None
    return tensorboardX


__all__ = ["TensorBoard"]
