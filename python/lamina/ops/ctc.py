"""Connectionist temporal classification: short sequences of labels from longer ones of predictions."""

from __future__ import annotations

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wants_grad, wrap
from ..core.autograd import unchecked_record as record
from ..core.suggest import unknown
from ..core.trial import trial
from .conversion import TensorLike, float_tensor, forbid_in_capture, index_array, integer_tensor

_STRATEGIES = ("greedy", "beam_search")


def _integers(op: str, name: str, x: TensorLike) -> Array:
    return index_array(integer_tensor(op, name, x))


def ctc_loss(
    target: TensorLike,
    output: TensorLike,
    target_length: TensorLike,
    output_length: TensorLike,
    mask_index: int = 0,
) -> Tensor:
    """``-log`` of the probability that the outputs spell the targets: labels in order, each over one step or several,
    with blanks between them at will, which equal neighbours need.

    Args:
        target: labels (batch, labels), integers other than ``mask_index``.
        output: logits (batch, steps, classes).
        target_length: (batch,) integers, how many labels of each sequence count.
        output_length: (batch,) integers, how many steps count; the gradient of the others is 0.
        mask_index: the class that means blank.

    Returns: losses (batch,); 0 for a sequence of no steps and no labels.

    Raises:
        ValueError: shapes do not fit; a length is out of its range; a label is no class, or the blank; the labels of a
            sequence, and a blank for each repetition, need more steps than it has.
        TypeError: targets or lengths are no integers.

    Source: Keras 3, keras.ops.ctc_loss; Graves et al. 2006, "Connectionist Temporal Classification", section 4.

    Example:
        >>> round(float(ops.ctc_loss([[1]], np.zeros((1, 2, 2)), [1], [2])[0]), 4)  # log(4 / 3)
        0.2877
    """
    x = float_tensor(output)
    labels = _integers("ctc_loss", "target", target)
    counts = _integers("ctc_loss", "target_length", target_length)
    if trial.running:  # the labels of stand-ins say nothing
        counts = np.zeros_like(counts)
    steps = _integers("ctc_loss", "output_length", output_length)
    loss, gradient = _native.ctc_loss_forward(x._array, labels, counts, steps, mask_index, wants_grad(x))
    if gradient is None:
        return wrap(loss)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.ctc_loss_backward(gradient, dy, grads[0], grads.accumulate)

    return record(loss, (x,), backward)


def _greedy(x: Array, lengths: Array, merge_repeated: bool, blank: int) -> tuple[Array, Array]:
    best = x.argmax(-1)
    counts = np.arange(x.shape[1]) < lengths[:, None]
    kept = counts & (best != blank)
    if merge_repeated:
        kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    order = np.argsort(~kept, axis=1, kind="stable")
    labels = np.take_along_axis(np.where(kept, best, -1), order, axis=1).astype(np.int32)
    scores = -np.where(counts, x.max(-1), 0).sum(1, keepdims=True)
    return labels[None], scores.astype(x.dtype)


class _Prefixes:
    """The prefixes that a beam search has met: a prefix is a number, the prefix before it and a last label."""

    def __init__(self) -> None:
        self.before, self.last = [-1], [-1]  # 1 is free: the empty prefix has none before it, and no label
        self._numbers: dict[tuple[int, int], int] = {}

    def longer(self, prefix: int, label: int) -> int:
        number = self._numbers.setdefault((prefix, label), len(self.before))
        if number == len(self.before):
            self.before.append(prefix)
            self.last.append(label)
        return number

    def labels(self, prefix: int) -> list[int]:
        found = []
        while prefix:
            found.append(self.last[prefix])
            prefix = self.before[prefix]
        return found[::-1]


def _beam(log_p: Array, width: int, blank: int) -> list[tuple[float, list[int]]]:
    """The best prefixes of one sequence with the logarithms of their probabilities, the best first."""
    prefixes, beam = _Prefixes(), [0]
    ends = np.array([[0.0], [-np.inf]])  # probabilities with a blank at the end, and with the last label
    for step in log_p:
        k = len(beam)
        last = np.array([prefixes.last[b] for b in beam])
        total = np.logaddexp(*ends)
        longer = total[:, None] + step
        again = np.arange(k)[last >= 0]
        longer[again, last[again]] = ends[0, again] + step[last[again]]  # the same label once more needs a blank
        longer[:, blank] = -np.inf
        stays = np.stack([total + step[blank], np.where(last >= 0, ends[1] + step[last], -np.inf)])
        place = {b: i for i, b in enumerate(beam)}
        for i, b in enumerate(beam):  # prefixes that are one label longer than another of the beam
            shorter = place.get(prefixes.before[b])
            if shorter is not None:
                stays[1, i] = np.logaddexp(stays[1, i], longer[shorter, last[i]])
                longer[shorter, last[i]] = -np.inf
        scores = np.concatenate([np.logaddexp(*stays), longer.ravel()])
        chosen = np.argsort(-scores, kind="stable")[:width]
        chosen = chosen[scores[chosen] > -np.inf]
        found = []
        for j in chosen:
            row, label = divmod(int(j) - k, log_p.shape[1])
            found.append(beam[j] if j < k else prefixes.longer(beam[row], label))
        old = chosen < k
        ends = np.where(
            old, stays[:, np.where(old, chosen, 0)], np.stack([np.full(len(chosen), -np.inf), scores[chosen]])
        )
        beam = found
    scores = np.logaddexp(*ends)
    return [(float(scores[i]), prefixes.labels(beam[i])) for i in np.argsort(-scores, kind="stable")]


def _beam_search(x: Array, lengths: Array, width: int, top_paths: int, blank: int) -> tuple[Array, Array]:
    labels = np.full((top_paths, *x.shape[:2]), -1, np.int32)
    scores = np.full((len(x), top_paths), -np.inf, x.dtype)
    largest = x.max(-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        log_p = x - largest - np.log(np.exp(x - largest).sum(-1, keepdims=True))
        for n, steps in enumerate(lengths):
            for i, (score, path) in enumerate(_beam(log_p[n, :steps].astype(np.float64), width, blank)[:top_paths]):
                labels[i, n, : len(path)], scores[n, i] = path, score
    return labels, scores


def ctc_decode(
    inputs: TensorLike,
    sequence_lengths: TensorLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Tensor, Tensor]:
    """The labels that outputs spell, most likely.

    Args:
        inputs: logits (batch, steps, classes).
        sequence_lengths: (batch,) integers, how many steps count.
        strategy: "greedy" takes the best class of each step; "beam_search" adds up all ways to spell the same labels,
            for the ``beam_width`` best beginnings at each step.
        beam_width: beginnings that a beam search keeps.
        top_paths: results that a beam search gives, the best first; at most ``beam_width``.
        merge_repeated: whether equal labels without a blank between them are one; a beam search always merges them.
        mask_index: the class that means blank.

    Returns: labels (paths, batch, steps), int32, behind whose end -1 stands; and for "greedy" minus the sum of the
        chosen logits (batch, 1), for "beam_search" the logarithms of the probabilities (batch, paths), -inf where there
        are fewer paths.  Neither has a gradient.

    Raises:
        ValueError: a shape, a length, a width or the blank is out of its range; the strategy is unknown; a beam search
            is asked not to merge.
        TypeError: lengths are no integers.

    Source: Keras 3, keras.ops.ctc_decode; Graves et al. 2006, section 3.2; Hannun et al. 2014, "First-Pass Large
        Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs", for the beam search.

    Example:
        >>> scores = np.eye(3)[[[1, 1, 0, 2]]]  # a, a, blank, b
        >>> labels, score = ops.ctc_decode(scores, [4])
        >>> labels.numpy()
        array([[[ 1,  2, -1, -1]]], dtype=int32)
    """
    x, lengths = float_tensor(inputs)._array, _integers("ctc_decode", "sequence_lengths", sequence_lengths)
    forbid_in_capture("ctc_decode")
    if x.ndim != 3 or not x.shape[2]:
        raise ValueError(f"ctc_decode: inputs must be (batch, steps, classes), got {x.shape}")
    if lengths.shape != x.shape[:1]:
        raise ValueError(f"ctc_decode: sequence_lengths are {lengths.shape}, expected {x.shape[:1]}")
    wrong = lengths[(lengths < 0) | (lengths > x.shape[1])]
    if wrong.size:
        raise ValueError(f"ctc_decode: a sequence length is {wrong[0]}, the inputs have 0 to {x.shape[1]} steps")
    if not 0 <= mask_index < x.shape[2]:
        raise ValueError(f"ctc_decode: mask_index must be one of {x.shape[2]} classes, got {mask_index}")
    if strategy == "greedy":
        if top_paths != 1:
            raise ValueError(f'ctc_decode: "greedy" finds one path, top_paths={top_paths} needs strategy="beam_search"')
        labels, scores = _greedy(x, lengths, merge_repeated, mask_index)
    elif strategy == "beam_search":
        if not merge_repeated:
            raise ValueError("ctc_decode: a beam search always merges repeated labels; merge_repeated must be True")
        if not 1 <= top_paths <= beam_width:
            raise ValueError(f"ctc_decode: top_paths must be 1 to beam_width={beam_width}, got {top_paths}")
        labels, scores = _beam_search(x, lengths, beam_width, top_paths, mask_index)
    else:
        raise unknown("strategy", strategy, _STRATEGIES)
    return wrap(labels), wrap(scores)


__all__ = ["ctc_decode", "ctc_loss"]
