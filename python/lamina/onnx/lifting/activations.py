"""Activations that are written out: hard swish, swish, GELU, Mish."""

from __future__ import annotations

import math

from ..graph import Node
from .view import View, near


def factors(view: View, node: Node) -> tuple[list[str], float]:
    """What a product is made of: values, and one number."""
    values: list[str] = []
    number = 1.0
    stack = list(node.inputs) if node.op == "Mul" else [node.inputs[0]]
    if node.op == "Div":
        divisor = view.scalar(node.inputs[1])
        if not divisor:
            return list(node.inputs), math.nan
        number /= divisor
    while stack:
        name = stack.pop()
        scalar = view.scalar(name)
        inner = view.maker(name, "Mul", "Div")
        if scalar is not None:
            number *= scalar
        elif inner is not None and inner.op == "Mul":
            stack.extend(inner.inputs)
        elif inner is not None and view.scalar(inner.inputs[1]):
            number /= view.scalar(inner.inputs[1]) or 1.0
            stack.append(inner.inputs[0])
        else:
            values.append(name)
    return values, number


def gate(view: View, node: Node) -> bool:
    """A product of x and a function of x."""
    if node.op not in ("Mul", "Div"):
        return False
    values, number = factors(view, node)
    if len(values) != 2:
        return False
    for x, other in (values, values[::-1]):
        found = _of(view, x, other, number)
        if found is not None:
            op, attributes, version = found
            node.op, node.inputs, node.attributes, node.version = op, [x], attributes, version
            return True
    return False


def _of(view: View, x: str, name: str, number: float) -> tuple[str, dict[str, str], int] | None:
    """The activation that x times ``name`` times a number is."""
    clip = view.maker(name, "Clip")
    if (
        clip is not None
        and near(number, 1 / 6)
        and _bounds(view, clip) == (0.0, 6.0)
        and _plus(view, clip.inputs[0], x, 3)
    ):
        return "HardSwish", {}, 14
    hard = view.maker(name, "HardSigmoid")
    if hard is not None and near(number, 1) and hard.inputs[0] == x and near(hard.attributes.get("alpha", 0.2), 1 / 6):
        return ("HardSwish", {}, 14) if near(hard.attributes.get("beta", 0.5), 0.5) else None
    sigmoid = view.maker(name, "Sigmoid")
    if sigmoid is not None and near(number, 1) and sigmoid.inputs[0] == x:
        return "Swish", {}, 24
    tanh = view.maker(name, "Tanh")
    if tanh is not None and near(number, 1):
        softplus = view.maker(tanh.inputs[0], "Softplus")
        return ("Mish", {}, 18) if softplus is not None and softplus.inputs[0] == x else None
    added = view.maker(name, "Add")
    pair = None if added is None else view.with_scalar(added)
    if pair is None or not near(pair[1], 1) or not near(number, 0.5):
        return None
    erf = view.maker(pair[0], "Erf")
    if erf is not None:
        product = view.maker(erf.inputs[0], "Mul", "Div")
        if product is not None:
            values, scale = factors(view, product)
            return ("Gelu", {}, 20) if values == [x] and near(scale, 2**-0.5) else None
    tanh = view.maker(pair[0], "Tanh")
    if tanh is not None and _is_cubic(view, tanh.inputs[0], x):
        return "Gelu", {"approximate": "tanh"}, 20
    return None


def _bounds(view: View, clip: Node) -> tuple[float | None, float | None]:
    if "min" in clip.attributes or "max" in clip.attributes:
        return clip.attributes.get("min"), clip.attributes.get("max")
    low, high = ([*clip.inputs, "", ""])[1:3]
    return view.scalar(low), view.scalar(high)


def _plus(view: View, name: str, x: str, number: float) -> bool:
    node = view.maker(name, "Add")
    pair = None if node is None else view.with_scalar(node)
    return pair is not None and pair[0] == x and near(pair[1], number)


def _is_cubic(view: View, name: str, x: str) -> bool:
    """Whether a value is sqrt(2 / pi) (x + 0.044715 x^3)."""
    product = view.maker(name, "Mul")
    if product is None:
        return False
    values, scale = factors(view, product)
    if len(values) != 1 or not near(scale, math.sqrt(2 / math.pi)):
        return False
    added = view.maker(values[0], "Add")
    if added is None or x not in added.inputs:
        return False
    cubic = view.maker(added.inputs[1] if added.inputs[0] == x else added.inputs[0], "Mul")
    if cubic is None:
        return False
    values, scale = factors(view, cubic)
    power = view.maker(values[0], "Pow") if len(values) == 1 else None
    cubed = values == [x] * 3 or (power is not None and power.inputs[0] == x and near(view.scalar(power.inputs[1]), 3))
    return cubed and near(scale, 0.044715)


def nothing(view: View, node: Node) -> bool:
    """x * 1, x / 1, x + 0 and x - 0 of a node between others: readers take x."""
    neutral = {"Mul": 1.0, "Div": 1.0, "Add": 0.0, "Sub": 0.0}
    if node.op not in neutral or any(v.name == node.outputs[0] for v in view.graph.outputs):
        return False
    pair = view.with_scalar(node)
    if pair is None or pair[1] != neutral[node.op] or (node.op in ("Div", "Sub") and pair[0] != node.inputs[0]):
        return False
    (other,) = (n for n in node.inputs if n != pair[0])
    array = view.graph.constants[other]
    if (array.ndim and array.dtype.kind != "f") or pair[0] not in view.makers:
        return False  # an axis in the constant makes a size, which has none, a list
    readers = view.readers.get(node.outputs[0], [])
    if sum(r.inputs.count(node.outputs[0]) for r in readers) != view.uses[node.outputs[0]]:
        return False  # a branch reads it, too
    for reader in readers:
        reader.inputs = [pair[0] if n == node.outputs[0] else n for n in reader.inputs]
    return True
