"""How far a student's outputs are from its teacher's."""

from __future__ import annotations

from typing import Any

from .. import losses, ops, tree
from ..core.explain import Explained


def loss_functions(loss: Any) -> Any:
    """A nest of names, losses, functions and None with functions in the place of names."""
    return tree.map_structure(lambda one: losses.get(one) if isinstance(one, str) else one, loss)


def _described(loss: Any) -> Any:
    return tree.map_structure(lambda one: None if one is None else losses.serialize(one), loss)


def _made(loss: Any) -> Any:
    if isinstance(loss, dict) and "class_name" in loss:
        return losses.deserialize(loss)
    if isinstance(loss, (list, tuple)):
        return type(loss)(_made(one) for one in loss)
    return {k: _made(v) for k, v in loss.items()} if isinstance(loss, dict) else loss


class DistillationLoss(Explained, strict=True):
    """Base of what a Distiller adds to the loss: a subclass defines ``compute_loss``.

    Source: Keras 3, keras.distillation.DistillationLoss.

    Example:
        >>> class Distance(distillation.DistillationLoss):
        ...     def compute_loss(self, teacher_outputs, student_outputs):
        ...         return ops.mean(ops.abs(teacher_outputs - student_outputs))
        >>> Distance().compute_loss(np.ones(2), np.zeros(2))
        Tensor(1., shape=(), dtype=float64)
    """

    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The loss of a batch, one number.

        Args:
            teacher_outputs: what the teacher gave.
            student_outputs: what the student gave.
            **kwargs: more, for classes that want it.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define compute_loss(teacher_outputs, student_outputs)")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """A ValueError unless the outputs go together: at first, if they have one structure.

        Args:
            teacher_outputs: what the teacher gave.
            student_outputs: what the student gave.
        """
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """A ValueError unless the loss can be computed for these two models.

        Args:
            teacher: the model that is learnt from.
            student: the model that learns.
        """


class _OfOutputs(DistillationLoss):
    """One loss for each output, at least one."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss_functions(loss)
        if all(one is None for one in tree.flatten(self.loss)):
            raise ValueError(f"{type(self).__name__}: loss must hold at least one loss, got {loss!r}")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        super().validate_outputs(teacher_outputs, student_outputs)
        try:
            tree.assert_same_paths(self.loss, teacher_outputs)
        except ValueError as error:
            raise ValueError(f"{type(self).__name__}: loss and outputs have other structures: {error}") from None

    def _one(self, loss: Any, of_teacher: Any, of_student: Any) -> Any:
        return ops.mean(loss(of_teacher, of_student))

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        each = zip(*(tree.flatten(nest) for nest in (self.loss, teacher_outputs, student_outputs)), strict=True)
        total = None
        for loss, of_teacher, of_student in each:
            if loss is not None:
                one = self._one(loss, of_teacher, of_student)
                total = one if total is None else ops.add(total, one)
        return total


class FeatureDistillation(_OfOutputs):
    """The loss between what a layer of the teacher gives and what one of the student gives.

    Args:
        loss: a name, a Loss or a function; for several outputs a nest of them, None for those that do not count.
        teacher_layer_name: the teacher's layer; None takes its outputs.
        student_layer_name: the student's layer; None takes its outputs.

    Raises:
        ValueError: there is no loss, or a name is unknown.

    Source: Keras 3, keras.distillation.FeatureDistillation.

    Example:
        >>> distillation.FeatureDistillation("mse").compute_loss(np.ones((1, 2)), np.zeros((1, 2)))
        Tensor(1., shape=(), dtype=float64)
    """

    def __init__(
        self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None
    ) -> None:
        super().__init__(loss)
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        named = (("teacher", teacher, self.teacher_layer_name), ("student", student, self.student_layer_name))
        for what, model, name in named:
            if name is None:
                continue
            if model.inputs is None:
                raise ValueError(
                    f"FeatureDistillation: {what}_layer_name={name!r} needs a {what} drawn with Input, or a Sequential"
                )
            try:
                model.get_layer(name)
            except ValueError as error:
                raise ValueError(f"FeatureDistillation: in the {what}: {error}") from None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        names = {"teacher_layer_name": self.teacher_layer_name, "student_layer_name": self.student_layer_name}
        return {"loss": _described(self.loss), **names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FeatureDistillation:
        """The loss of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**{**config, "loss": _made(config["loss"])})


class LogitsDistillation(_OfOutputs):
    """The loss between the outputs of both, logits, divided by a temperature.

    ``losses.KLDivergence()`` is given their softmax, and counts ``temperature ** 2`` times (Hinton, Vinyals and Dean
    2015); every other loss the divided outputs themselves, as in Keras 3.15 also the function ``"kl_divergence"``.

    Args:
        temperature: what outputs are divided by; larger ones make softer targets.
        loss: a name, a Loss or a function; for several outputs a nest of them, None for those that do not count.

    Raises:
        ValueError: ``temperature`` is not positive; there is no loss, or a name is unknown.

    Source: Keras 3, keras.distillation.LogitsDistillation; Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in
        a Neural Network".

    Example:
        >>> loss = distillation.LogitsDistillation(2.0, losses.KLDivergence())
        >>> float(loss.compute_loss(np.zeros((1, 3)), np.zeros((1, 3))))
        0.0
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        super().__init__(loss)
        if not temperature > 0:
            raise ValueError(f"LogitsDistillation: temperature must be positive, got {temperature!r}")
        self.temperature = float(temperature)

    def _one(self, loss: Any, of_teacher: Any, of_student: Any) -> Any:
        of_teacher, of_student = (ops.divide(x, self.temperature) for x in (of_teacher, of_student))
        if not isinstance(loss, losses.KLDivergence):
            return super()._one(loss, of_teacher, of_student)
        found = super()._one(loss, ops.softmax(of_teacher), ops.softmax(of_student))
        return ops.multiply(found, self.temperature**2)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {"temperature": self.temperature, "loss": _described(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LogitsDistillation:
        """The loss of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**{**config, "loss": _made(config["loss"])})
