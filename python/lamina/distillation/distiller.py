"""Distiller: a student that is trained with labels and with what a teacher says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import metrics, ops, tree
from ..core import registry
from ..core.explain import show
from ..core.grad_mode import no_grad
from ..models import Model
from .losses import DistillationLoss, loss_functions

_LAST = "final_output"


class Distiller(Model):
    """A student that is trained with labels and with what a teacher says; called, it is the student.

    The loss is ``student_loss_weight * student_loss + (1 - student_loss_weight) * distillation_loss``.  The teacher is
    frozen.  Steps run as Python, uncaptured.

    Args:
        teacher: the trained model that is learnt from.
        student: the model that learns.
        distillation_losses: a DistillationLoss, or several.
        distillation_loss_weights: factors of several; None means 1 for each.
        student_loss_weight: share of the labels' loss, from 0 to 1.
        name: the model's name.
        **kwargs: ``trainable``, ``dtype`` and the like, as of every layer.

    Call args:
        inputs: what the student takes.
        training: whether it is in training mode.
        **kwargs: further arguments of the student's call.

    Raises:
        TypeError: teacher or student is no model; a distillation loss is none.
        ValueError: the models' inputs or outputs differ; a weight is out of range, or there are too many.

    Source: Keras 3, keras.distillation.Distiller.

    Example:
        >>> teacher = lamina.Sequential([layers.Input((4,)), layers.Dense(8, "relu"), layers.Dense(3)])
        >>> student = lamina.Sequential([layers.Input((4,)), layers.Dense(3)])
        >>> model = distillation.Distiller(teacher, student, distillation.LogitsDistillation(2.0))
        >>> model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> sorted(model.fit(np.ones((8, 4)), np.zeros(8, int), verbose=0).history)
        ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str | None = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        for what, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, Model):
                raise TypeError(f"Distiller: {what} must be a model, got {show(model)}")
        for side in ("inputs", "outputs"):
            _check_same(side, getattr(teacher, side), getattr(student, side))
        if not 0 <= student_loss_weight <= 1:
            raise ValueError(f"Distiller: student_loss_weight must be from 0 to 1, got {student_loss_weight!r}")
        several = isinstance(distillation_losses, (list, tuple))
        given: list[Any] = list(distillation_losses) if several else [distillation_losses]  # type: ignore[arg-type]
        weights = [1.0] * len(given) if distillation_loss_weights is None else list(distillation_loss_weights)
        if len(weights) != len(given) or not given:
            raise ValueError(
                f"Distiller: {len(weights)} distillation_loss_weights for {len(given)} distillation_losses"
            )
        for loss in given:
            if not callable(getattr(loss, "compute_loss", None)):
                raise TypeError(f"Distiller: distillation_losses must be DistillationLoss objects, got {show(loss)}")
            loss.validate_model_compatibility(teacher, student)
        self.teacher, self.student = teacher, student
        self.distillation_losses, self.distillation_loss_weights = given, weights
        self.student_loss_weight = student_loss_weight
        self._of_teacher = _features(teacher, [loss.teacher_layer_name for loss in given])
        self._of_student = _features(student, [loss.student_layer_name for loss in given])
        self.teacher.trainable = False
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")
        self._student_loss: Any = None

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:  # type: ignore[override]
        """Say how the student is trained.

        Args:
            optimizer: a name or an Optimizer.
            loss: the loss of the labels: a name, a Loss or a function; for several outputs a nest of them.
            metrics: a list of names, Metrics and functions.
            **kwargs: further arguments of ``Model.compile``.

        Raises:
            ValueError: there is no loss.
        """
        if loss is None:
            raise ValueError("Distiller.compile: loss is missing")
        self._student_loss = loss_functions(loss)
        super().compile(optimizer, None, metrics=metrics, **kwargs)

    def call(self, inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of labels and teacher together, one number.

        Args:
            x: inputs of the batch.
            y: targets, in the structure of the outputs.
            y_pred: the student's outputs; None calls it.
            sample_weight: an argument of Keras without effect there, too.
            training: whether the model is in training mode.

        Raises:
            ValueError: outputs do not fit a distillation loss, or one gives several numbers.
        """
        y_pred = self(x, training=training) if y_pred is None else y_pred
        of_labels: Any = 0.0
        if self.student_loss_weight > 0 and y is not None:
            for loss, target, output in zip(*map(tree.flatten, (self._student_loss, y, y_pred)), strict=True):
                of_labels = ops.add(of_labels, ops.mean(loss(target, output)))
        of_teacher: Any = 0.0
        if self.student_loss_weight < 1:
            of_teacher = self._distillation_loss(x, y_pred)
        share = self.student_loss_weight
        total = ops.add(ops.multiply(of_labels, share), ops.multiply(of_teacher, 1.0 - share))
        trackers = (self.student_loss_tracker, self.distillation_loss_tracker, self.total_loss_tracker)
        for tracker, value in zip(trackers, (of_labels, of_teacher, total), strict=True):
            tracker.update_state(float(value))
        return total

    def _distillation_loss(self, x: Any, y_pred: Any) -> Any:
        with no_grad():
            known = {_LAST: self.teacher(x, training=False)} if self._of_teacher is None else self._of_teacher(x)
        learnt = {_LAST: y_pred} if self._of_student is None else self._of_student(x, training=True)
        total: Any = 0.0
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights, strict=True):
            wanted = known[loss.teacher_layer_name or _LAST]
            found = y_pred if loss.teacher_layer_name is None else learnt[loss.student_layer_name or _LAST]
            loss.validate_outputs(wanted, found)
            one = loss.compute_loss(wanted, found)
            if getattr(one, "ndim", 0):
                raise ValueError(f"{type(loss).__name__}.compute_loss gave shape {one.shape}, expected one number")
            total = ops.add(total, ops.multiply(one, weight))
        return total

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            "name": self.name,
            "teacher": registry.serialize(self.teacher),
            "student": registry.serialize(self.student),
            "distillation_losses": [registry.serialize(loss) for loss in self.distillation_losses],
            "distillation_loss_weights": self.distillation_loss_weights,
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Distiller:
        """The model of a configuration.

        Args:
            config: what ``get_config`` returned.
            custom_objects: {name: class or function} for what is not registered.
        """
        with registry.custom_object_scope(custom_objects):
            return cls(**{key: registry.deserialize(value) for key, value in config.items()})


def _features(model: Model, names: list[str | None]) -> Model | None:
    """A model of these layers' outputs by name, and of its own; None where no layer is named."""
    named = [name for name in dict.fromkeys(names) if name is not None]
    if not named:
        return None
    final = model.layers[-1].output if model.layers and not isinstance(model.output, (list, dict)) else model.output
    return Model(model.inputs, {_LAST: final, **{name: model.get_layer(name).output for name in named}})


def _check_same(side: str, of_teacher: Any, of_student: Any) -> None:
    if of_teacher is None or of_student is None:
        return
    one, other = tree.flatten(of_teacher), tree.flatten(of_student)
    if len(one) != len(other):
        raise ValueError(f"Distiller: the teacher has {len(one)} {side}, the student {len(other)}")
    for a, b in zip(one, other, strict=True):
        sizes = len(a.shape) == len(b.shape)
        sizes = sizes and all(None in (m, n) or m == n for m, n in zip(a.shape, b.shape, strict=True))
        if not sizes or a.dtype != b.dtype:
            raise ValueError(
                f"Distiller: the teacher's {side} are {a.shape} of {a.dtype}, the student's {b.shape} of {b.dtype}"
            )
