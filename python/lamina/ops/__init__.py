"""Differentiable functions on tensors, with the names of ``keras.ops``; each file is one family of native operations.

Arguments may be Tensors, arrays, numbers or nested lists of numbers.  Every function here also takes the symbolic
tensors of a functional model that is being drawn.  This file binds Tensor's operators and methods to them, too.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..core.autograd import Tensor
from ..core.rooms import open_rooms
from .conversion import op
from .namespaces import namespaces

if TYPE_CHECKING:
    from types import ModuleType

    from .activation import *
    from .activation_variants import *
    from .affine import *
    from .attention import *
    from .bitwise import *
    from .blocks import *
    from .colour import *
    from .comparison import *
    from .complex_pairs import *
    from .control_flow import *
    from .conversion import *
    from .convolution import *
    from .counting import *
    from .creation import *
    from .ctc import *
    from .dense import *
    from .diagonal import *
    from .dropout import *
    from .elementwise import *
    from .embedding import *
    from .error_function import *
    from .expansion import *
    from .fourier import *
    from .image_filters import *
    from .image_patches import *
    from .image_transforms import *
    from .images import *
    from .linear_algebra import *
    from .loss import *
    from .matrix_factors import *
    from .matrix_solvers import *
    from .nan_reduction import *
    from .normalization import *
    from .normalization_composed import *
    from .own_operation import *
    from .pooling import *
    from .rearrangement import *
    from .recurrent import *
    from .reduction import *
    from .reshape import *
    from .scatter import *
    from .segments import *
    from .series import *
    from .similarity import *
    from .sorting import *
    from .special import *
    from .trigonometry import *
    from .windows import *

    __all__: list[str]
    image: ModuleType
    linalg: ModuleType
    nn: ModuleType
    numpy: ModuleType

open_rooms(__name__, made=lambda name, function: op(function, name))
image, linalg, nn, numpy = namespaces(__name__).values()


def _swapped(function: Any) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        return function(other, self)

    return operator


def _comparison(function: Any, with_none: bool) -> Any:
    """``x == None`` is False and ``x != None`` True, as for arrays of objects; all else is element by element."""

    def operator(self: Tensor, other: Any) -> Any:
        return with_none if other is None else function(self, other)

    return operator


def _reduction_method(function: Any) -> Any:
    """NumPy's functions call these methods with arguments of their own: np.mean(tensor) is tensor.mean()."""

    def method(self: Tensor, *args: Any, out: None = None, dtype: Any = None, ddof: int = 0, **kwargs: Any) -> Any:
        for name, value in (("out", out), ("ddof", ddof or None)):
            if value is not None:
                raise TypeError(f"{function.__name__}: {name}= is not supported; got {value!r}")
        return function(self if dtype is None else self.astype(dtype), *args, **kwargs)

    return method


def _sizes(args: tuple[Any, ...]) -> Any:
    """The arguments of ``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
    return args[0] if len(args) == 1 else args


def tensor_methods() -> dict[str, Any]:
    """The operators and methods that operations give to Tensor, by name; symbolic tensors have the same."""
    module = sys.modules[__name__]

    def f(name: str) -> Any:
        return getattr(module, name)

    binary = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide"}
    binary |= {"mod": "mod", "pow": "power", "matmul": "matmul"}
    binary |= {"and": "logical_and", "or": "logical_or", "xor": "logical_xor"}
    methods: dict[str, Any] = {}
    for name, operation in binary.items():
        methods[f"__{name}__"] = f(operation)
        methods[f"__r{name}__"] = _swapped(f(operation))
    for name, operation in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
        methods[f"__{name}__"] = f(operation)
    methods["__eq__"] = _comparison(f("equal"), False)
    methods["__ne__"] = _comparison(f("not_equal"), True)
    methods |= {"__neg__": f("negative"), "__abs__": f("abs"), "__invert__": f("logical_not")}
    methods |= {"__getitem__": f("getitem"), "astype": f("cast"), "__pos__": lambda self: self}
    for name in ("sum", "mean", "max", "min", "prod", "std", "var", "argmax", "argmin", "any", "all", "cumsum"):
        methods[name] = _reduction_method(f(name))
    for name in ("flatten", "ravel", "squeeze", "swapaxes", "repeat", "clip", "round"):
        methods[name] = f(name)
    reshape, transpose = f("reshape"), f("transpose")
    methods["reshape"] = lambda self, *shape: reshape(self, _sizes(shape))
    methods["transpose"] = lambda self, *axes: transpose(self, _sizes(axes) if axes else None)
    methods["T"] = property(transpose)
    return methods


for _name, _method in tensor_methods().items():
    setattr(Tensor, _name, _method)
