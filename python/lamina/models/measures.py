"""How long the layers of a model take, and how much memory: profile and memory_report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.explain import show

if TYPE_CHECKING:
    from .memory_table import MemoryReport
    from .profile_table import Profile


class Measures:
    """Mixin: what a step of a model takes."""

    def profile(self, x: Any, y: Any = None, sample_weight: Any = None, *, steps: int | None = None) -> Profile:
        """Time each layer, forward and backward, in captured steps on one batch, beside what this machine can do.

        The model stays as it is: a copy of it takes the steps.  Where an activation goes into the pass of the layer
        before it, its time is that layer's.  Rows "loss" and "optimizer" hold what belongs to no layer; what a step
        does in Python (data, metrics) is not in the profile.

        Args:
            x: inputs of one batch: an array, or a list or dict of arrays.
            y: targets, in the structure of the outputs; without them inference is profiled.
            sample_weight: a weight for each sample, or None.
            steps: how many steps are timed; None takes as many as fit into a second, 5 at least and 200 at most.

        Returns: a ``Profile``: a table, also ``rows``, ``to_dict()`` and ``plot()``.

        Raises:
            RuntimeError: there are targets, and ``compile`` was not called.
            ValueError: the arrays do not fit the model; ``steps`` is not positive; the step cannot be captured.
            TypeError: the model cannot be copied.

        Source: Lamina.

        Example:
            >>> model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(1, name="out")])
            >>> model.compile("sgd", "mse")
            >>> profile = model.profile(np.ones((8, 4), "float32"), np.ones((8, 1), "float32"))
            >>> profile.rows[0].layer, profile.rows[0].direction, profile.sum_ms > 0
            ('out', 'forward', True)
        """
        from .profiling import profile_step  # few programs need it

        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
            raise ValueError(f"profile: steps must be a positive integer or None, got {show(steps)}")
        return profile_step(self, x, y, sample_weight, steps)

    def memory_report(self, batch_size: int = 32, *, length: int | None = None) -> MemoryReport:
        """How much memory a training step and inference take, layer by layer, before anything is trained.

        A copy of the model takes both steps on zeros of its inputs' shapes without computing them: memory is taken as
        in a captured step, and almost none of it is touched.

        Args:
            batch_size: rows of a batch.
            length: what free sizes of the inputs are, such as the length of a sequence.

        Returns: a ``MemoryReport``: a table, also ``rows`` and ``to_dict()``.  Without ``compile`` it is that of
            inference alone.

        Raises:
            ValueError: ``batch_size`` is not positive; a size of the inputs is free, and ``length`` is not given; their
                shapes are not known; the step cannot be captured.
            TypeError: the model cannot be copied.

        Source: Lamina.

        Example:
            >>> model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(1, name="out")])
            >>> model.compile("adam", "mse")
            >>> report = model.memory_report(32)
            >>> report.weights, report.gradients, report.rows[0].layer
            (20, 20, 'out')
        """
        from .memory_report import report_memory

        for name, value in {"batch_size": batch_size, "length": length}.items():
            if value is None and name == "length":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"memory_report: {name} must be a positive integer, got {show(value)}")
        return report_memory(self, batch_size, length)
