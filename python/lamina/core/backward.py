"""The walk back over the tape: each recorded operation writes its inputs' gradients, the latest operation first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _native
from .grad_mode import grad_mode
from .memory import zero_pages
from .nodes import Array, Gradients, Lookup, Node, Result
from .recording import forbid_capture

if TYPE_CHECKING:
    from .autograd import Tensor
    from .recording import Watcher
    from .replica import Replica


_FREED = "backward: the tape was freed by an earlier backward(); pass retain_graph=True there"


def _reachable(root: Tensor, first: Node) -> list[tuple[Node, Tensor]]:
    """Every recorded result below root, the latest last; a result's node always comes after its inputs' nodes."""
    if first.backward is None:
        raise RuntimeError(_FREED)
    seen: dict[int, tuple[Node, Tensor]] = {first.sequence: (first, root)}
    stack = [first]
    while stack:
        for t in stack.pop().inputs:
            node = t._node
            if node is None or not t.requires_grad or node.sequence in seen:
                continue
            if node.backward is None:
                raise RuntimeError(_FREED)
            seen[node.sequence] = (node, t)
            stack.append(node)
    return [seen[s] for s in sorted(seen)]


class _Pending:
    """Gradients under way: one buffer a tensor, and how many tensors share a buffer, as views alias dy.

    Buffers are counted from where they are shared first; most never are, and an address costs as much as a dict.
    """

    __slots__ = ("buffers", "recording", "several", "shared")

    def __init__(self) -> None:
        self.recording = grad_mode.recording
        self.buffers: dict[int, Array] = {}
        self.several: dict[int, list[Array | None]] = {}  # of operations with several results: their dys
        self.shared: dict[int, int] = {}  # address of a buffer -> tensors that still read it; none for one alone

    def share(self, array: Array) -> None:
        """One more tensor reads the memory of an array."""
        address = _native.address(array)
        self.shared[address] = self.shared.get(address, 0) + 1

    def holds(self, array: Array) -> None:
        """An array is about to be shared: count the tensor that has it."""
        if not self.shared.get(_native.address(array)):
            self.share(array)

    def release(self, array: Array) -> None:
        if self.shared:
            address = _native.address(array)
            readers = self.shared.get(address)
            if readers:
                self.shared[address] = readers - 1

    def owned(self, t: Tensor) -> Array:
        """The buffer of t, safe to add to: copied first where another tensor still reads it."""
        array = self.buffers[id(t)]
        if self.shared and self.shared.get(_native.address(array), 0) > 1:
            self.release(array)
            array = self.buffers[id(t)] = _native.copy(array)
        return array


def _destination(t: Tensor, pending: _Pending, of_lookup: bool = False) -> tuple[Array, bool]:
    """Where t's gradient goes, and whether it is added to what is there."""
    if t._node is None:
        touched = t.touched
        if t._grad is None:
            t._grad = np.empty_like(t._array, order="C") if touched is None else zero_pages(t.shape, t.dtype)
        if touched is not None and not of_lookup:
            _native.touch_all(touched)
        if pending.recording is not None:
            pending.recording.reads_gradient(t)
        accumulate, t._grad_is_set = t._grad_is_set, True
        return t._grad, accumulate
    if id(t) in pending.buffers:
        return pending.owned(t), True
    buffer = pending.buffers[id(t)] = _native.empty(t._array.shape, t._array.dtype)
    return buffer, False


def _take_view(t: Tensor, dy: Array, pending: _Pending) -> None:
    """Give t the alias dy as its gradient, or add it to the one it has."""
    if t._node is not None and id(t) not in pending.buffers:
        pending.buffers[id(t)] = dy
        pending.share(dy)
        return
    destination, accumulate = _destination(t, pending)
    _native.copy_into(dy, destination, accumulate)


def _step_back(node: Node, dy: Any, pending: _Pending) -> None:
    """Run one node's backward; dy is a list where the operation has several results."""
    if node.is_view:
        pending.holds(dy)
        if type(node) is Result:
            pending.share(dy)
            pending.several.setdefault(id(node.inputs[0]), [None] * node.count)[node.index] = dy
            return
        for x, dx in zip(node.inputs, node.backward(dy), strict=True):
            if x.requires_grad and dx is not None:
                _take_view(x, dx, pending)
        return
    grads = Gradients(len(node.inputs))
    of_lookup, recorded = type(node) is Lookup, pending.recording is not None
    for i, x in enumerate(node.inputs):
        if x.requires_grad:
            if x._node is None and x._grad is not None and x.touched is None and not recorded:  # as most weights are
                grads[i], accumulate = x._grad, x._grad_is_set
                x._grad_is_set = True
            else:
                grads[i], accumulate = _destination(x, pending, of_lookup)
            if accumulate:
                grads.accumulate |= 1 << i
    node.backward(dy, grads)


def _completion(order: list[tuple[Node, Tensor]], replica: Replica) -> Callable[[Node], None] | None:
    """To call behind each node: tells the replica of the leaves whose gradients are complete."""
    tell = replica.backward_begins()
    if tell is None:
        return None
    uses = Counter(id(x) for node, _ in order for x in node.inputs if x._node is None and x.requires_grad)

    def behind(node: Node) -> None:
        for x in node.inputs:
            if x._node is None and x.requires_grad:
                uses[id(x)] -= 1
                if not uses[id(x)] and x._grad_is_set:
                    tell(x)

    return behind


def _share(root: Tensor) -> Array:
    """The gradient of a replica's loss: it counts by the replica's part of all samples, so that gradients add up."""
    assert grad_mode.replica is not None
    return _native.cast_forward(grad_mode.replica.share.reshape(root.shape), root.dtype)


def _watched(watcher: Watcher) -> Callable[[Node, Any, _Pending], None]:
    """``_step_back`` with somebody who is told."""
    return lambda node, dy, pending: watcher.steps_back(node, lambda: _step_back(node, dy, pending))


def backward(root: Tensor, gradient: Any, retain_graph: bool) -> None:
    """Walk the tape from root, the latest operation first (reverse-mode differentiation).

    ``gradient`` is d(final)/d(root), of root's shape; None means 1 where root has one element.  Each node is
    freed once it is done, so that activations live no longer than they are needed, unless ``retain_graph``.
    """
    if not root.requires_grad:
        raise RuntimeError(
            "backward: this tensor depends on nothing with requires_grad=True (made under no_grad, or from the result "
            "of a captured step, which carries no tape: call backward() inside of the step)"
        )
    weighed = grad_mode.replica is not None and grad_mode.replica.weighs
    if gradient is None:
        if root.size != 1:
            raise ValueError(
                f"backward: a tensor of shape {root.shape} needs gradient=; only one element can go without"
            )
        seed = _native.full(root.shape, 1.0, root.dtype) if not weighed else _share(root)
    else:
        seed = np.asarray(gradient, dtype=root.dtype, order="C")
        if isinstance(gradient, np.ndarray) and seed is not gradient:
            forbid_capture("backward(gradient) converted its argument: give the tensor's dtype, C-contiguous")
        if seed.shape != root.shape:
            raise ValueError(f"backward: gradient has shape {seed.shape}, the tensor {root.shape}")
    pending = _Pending()
    if root._node is None:
        _take_view(root, seed, pending)
        return
    pending.buffers[id(root)] = seed
    if gradient is not None:
        pending.holds(seed)
        pending.share(seed)  # it is the caller's, who may use it again: nothing is added to it
    order = _reachable(root, root._node)
    completed = None if grad_mode.replica is None else _completion(order, grad_mode.replica)
    watcher = None if pending.recording is None else pending.recording.watcher
    step_back = _step_back if watcher is None else _watched(watcher)
    while order:
        node, t = order.pop()
        dy = pending.buffers.pop(id(t), None)
        if dy is not None:
            step_back(node, dy, pending)
            pending.release(dy)
        elif dys := pending.several.pop(id(t), None):
            step_back(node, dys, pending)
            for dy in dys:
                if dy is not None:
                    pending.release(dy)
        if completed is not None:
            completed(node)
        if not retain_graph:
            node.backward, node.inputs = None, ()
