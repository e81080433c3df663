"""Errors name the operation that was called, also where it is made of others."""

from __future__ import annotations

import inspect
import random
import re

import numpy as np
import pytest
from fuzz import judge
from fuzz.programs import Programs

from lamina import ops

X = np.ones((2, 5, 5, 3), np.float32)
W, ONE = np.ones((3, 3, 3, 2), np.float32), np.ones((1, 1, 6, 4), np.float32)

COMPOSED = [
    (lambda: ops.separable_conv(X, W, ONE, strides=0), "separable_conv: strides must be at least 1, got 0"),
    (lambda: ops.separable_conv(X, W, ONE, padding="full"), "separable_conv: padding is 'full', expected"),
    (lambda: ops.separable_conv(X, W, ONE, activation="selu"), "separable_conv: activation"),
    # w is no argument of separable_conv: the part keeps its name
    (lambda: ops.separable_conv(X, W[..., 0], ONE), "separable_conv: depthwise_conv: w must be (kh, kw, C, m)"),
    (lambda: ops.separable_conv(X, W, ONE[:, :, :5]), "separable_conv: conv: x is (2, 3, 3, 6) but w takes 5 channels"),
    (lambda: ops.conv2d(X, ONE), "conv2d: x is (2, 5, 5, 3) but w takes"),
    (lambda: ops.conv2d(X, W.astype("f8")), "conv2d: w is float64, expected float32"),
    (lambda: ops.depthwise_conv2d(X, W, dilation_rate=-1), "depthwise_conv2d: dilation_rate must be"),
    (lambda: ops.max_pool2d(X, 0), "max_pool2d: pool_size must be at least 1"),
    (lambda: ops.average_pool2d(X, 2, (1, 2, 3)), "average_pool2d: strides must be"),
    (lambda: ops.global_max_pool2d(X[:, :0]), "global_max_pool2d: x is"),
    (lambda: ops.true_divide(X, X[:, 1:]), "true_divide: x is"),
    (lambda: ops.remainder(X), "remainder() missing 1 required positional argument"),
    (lambda: ops.std(X, axis=7), "std: axis 7 is outside x"),
    (lambda: ops.moments(X, 9), "moments: "),
    (lambda: ops.ptp(X[:0], axis=0), "ptp: x is (0, 5, 5, 3)"),
    (lambda: ops.mean_absolute_error(X, X[0]), "mean_absolute_error: y_true is"),
    (lambda: ops.multi_hot([0, 1], 0), "multi_hot: num_classes must be"),
    (lambda: ops.vdot(np.ones(2), np.ones(3)), "vdot: matmul: a is (2,), b is (3,)"),
    (lambda: ops.linspace(np.ones(2), 1, 3, axis=5), "linspace: axis 5 is out of bounds"),
    (lambda: ops.ones(2, "bfloat16"), "ones: dtype must be a type of numbers"),
]


@pytest.mark.parametrize("case", range(len(COMPOSED)))
def test_composed_operations(case):
    call, expected = COMPOSED[case]
    with pytest.raises((ValueError, TypeError, IndexError)) as error:
        call()
    assert str(error.value).startswith(expected)


def refused(call, names):
    """The message with which a call is refused, or ""."""
    try:
        with np.errstate(all="ignore"):
            exec(call, names)
    except (ValueError, TypeError, IndexError) as error:
        return str(error)
    except Exception:  # other kinds are for the fuzzer to judge
        pass
    return ""


@pytest.mark.filterwarnings("ignore")
def test_names_of_all_operations():
    draw = Programs(random.Random(5))
    tried = 0
    while tried < 1500:
        *values, call = draw.make("ops").split("\ncheck.")[0].split("\n")
        name = re.match(r"r = ops\.(\w+)\(", call)
        if not name or re.search(r"\*\*|2147|1000000", call + "".join(values)):
            continue
        names = dict(judge.NAMES)
        try:
            exec("\n".join(values), names)
        except Exception:  # the values of a program are no part of the test
            continue
        tried += 1
        message = refused(call, names)
        said = re.match(r"([a-z_]\w*)( loss)?( [a-z_]\w*)?: ", message)
        parameters = inspect.signature(getattr(ops, name[1])).parameters
        assert not said or said[1] == name[1] or said[1] in parameters, (call, message)
