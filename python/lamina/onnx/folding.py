"""What is known before any call: constants of constants, branches whose condition is one, weights in other shapes."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ..core.autograd import Array
from .graph import Graph, Node, branches
from .registry import make_of_arrays

_MOST = 1 << 22  # elements of a folded constant; larger ones are made anew in each call
_MOVING = ("Cast", "Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze")


def fold(graph: Graph) -> None:
    """Compute nodes of constants alone, and put in the nodes of branches that are always taken."""
    while _fold_once(graph):
        pass
    graph.drop_unused()


def _fold_once(graph: Graph) -> bool:
    """One pass; whether a branch was put in, whose nodes want another."""
    aliases: dict[str, str] = {}
    nodes: list[Node] = []
    branched = False
    results = {v.name for v in graph.outputs}
    uses = graph.uses()
    for node in graph.nodes:
        _rename(node, aliases)
        if node.op == "If" and not node.domain and node.inputs[0] in graph.constants:
            branch = _taken(node, graph.constants[node.inputs[0]])
            if branch is not None:
                nodes.extend(branch.nodes)
                for inner, outer in zip(branch.outputs, node.outputs, strict=True):
                    nodes.append(Node("Identity", [inner.name], [outer], {}, node.name, "", node.version))
                branched = True
                continue
        if node.outputs[0] not in results and (_is_identity(node) or _moved_weight(node, graph, uses)):
            source, result = node.inputs[0], node.outputs[0]
            aliases[result] = source  # for its readers
            uses[source] += uses[result] - 1
            continue
        if all(n in graph.constants or not n for n in node.inputs) and _computed(node, graph.constants):
            continue
        nodes.append(node)
    graph.nodes = nodes
    return branched


def _is_identity(node: Node) -> bool:
    return node.op == "Identity" and not node.domain


def _rename(node: Node, aliases: dict[str, str]) -> None:
    if not aliases:
        return
    node.inputs = [aliases.get(n, n) for n in node.inputs]
    for inner in branches(node):
        for nested in inner.nodes:
            _rename(nested, aliases)
        for v in inner.outputs:
            v.name = aliases.get(v.name, v.name)


def _taken(node: Node, condition: Array) -> Graph | None:
    branch = node.attributes.get("then_branch" if bool(condition.reshape(-1)[:1].any()) else "else_branch")
    return branch if isinstance(branch, Graph) and len(branch.outputs) == len(node.outputs) else None


def _computed(node: Node, constants: dict[str, Array]) -> bool:
    """Compute a node of constants, if NumPy can; its results become constants."""
    run = make_of_arrays(node, constants)
    if run is None:
        return False
    try:
        results = run(*(constants[n] if n else None for n in node.inputs))
    except (ValueError, TypeError, IndexError, KeyError):
        return False  # the executor says why, with the node's name
    results = results if isinstance(results, tuple) else (results,)
    if sum(r.size for r in results) > _MOST:
        return False
    constants.update({n: np.asarray(r) for n, r in zip(node.outputs, results, strict=False) if n})
    return True


def _moved_weight(node: Node, graph: Graph, uses: Counter[str]) -> bool:
    """Turn, reshape or convert a weight that only this node reads, once and for all; it keeps its name."""
    if node.op not in _MOVING or node.domain or node.inputs[0] not in graph.weights or uses[node.inputs[0]] > 1:
        return False
    if not all(n in graph.constants or not n for n in node.inputs[1:]):
        return False
    weight = graph.weights[node.inputs[0]]
    run = make_of_arrays(node, graph.constants)
    if run is None:
        return False
    try:
        value = run(weight.value, *(graph.constants[n] if n else None for n in node.inputs[1:]))
    except (ValueError, TypeError, IndexError, KeyError):
        return False  # the executor says why
    if value.dtype != weight.value.dtype:
        return False
    weight.value = value
    return True


__all__ = ["fold"]
