"""Activations that operations apply in their own pass, and where the gradient is taken back through them."""

from __future__ import annotations


class _Forward(str):
    """An activation's name for the forward pass alone."""

    __slots__ = ()


# relu in the forward pass alone: the only reader of the result is a max_pool with ``of_relu``, whose backward takes the
# gradient back through both.  It has fewer values to go over: a window's largest value is above zero exactly where the
# place that it came from is, and no other place has a gradient.
RELU_FORWARD = _Forward("relu")


def in_backward(activation: str) -> str:
    """The activation through which an operation's backward goes."""
    return "linear" if activation is RELU_FORWARD else activation
