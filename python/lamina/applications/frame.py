"""What all architectures have in common: their arguments, the input, the head, the weights."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from .. import activations, layers
from ..config import image_data_format
from ..core.suggest import unknown
from ..core.warn import warn
from ..layers import Input, SymbolicTensor
from ..layers.variable import unfilled
from ..models import Functional
from ..utils.download import get_file
from ..utils.settings import get_source_inputs

GOOGLE = "https://storage.googleapis.com/tensorflow/keras-applications/"
Sizes = tuple[int | None, ...]


class Files(NamedTuple):
    """ImageNet's weights: the address of the folder; the file and its checksum, whole and without the head."""

    folder: str
    whole: tuple[str, str | None]
    without_top: tuple[str, str | None]
    stored: tuple[str, str] | None = None  # the names at the address, where these are other ones


def usual_files(folder: str, name: str, whole: str, without_top: str) -> Files:
    """Files of the names that most of Keras's weights have."""
    stem = f"{name}_weights_tf_dim_ordering_tf_kernels"
    return Files(f"{GOOGLE}{folder}/", (f"{stem}.h5", whole), (f"{stem}_notop.h5", without_top))


class Frame:
    """The arguments of one call, checked, and what a model is drawn with."""

    def __init__(
        self, label: str, size: int, smallest: int = 32, *, include_top: bool, weights: Any, input_tensor: Any,
        input_shape: Any, pooling: str | None, classes: int, classifier_activation: Any, always_sized: bool = True,
    ) -> None:  # fmt: skip
        """size: of the images where nothing else is said;  always_sized: whether a head needs that."""
        self.label, self.include_top, self.pooling = label, bool(include_top), pooling
        self.classes, self.activation, self.weights = classes, classifier_activation, weights
        if image_data_format() != "channels_last":
            raise ValueError(
                f'{label}: takes images (N, H, W, C) alone; set config.set_image_data_format("channels_last")'
            )
        self._check()
        self.input_shape = self._shape(input_shape, size, smallest, always_sized)
        if input_tensor is None:
            self.x: Any = Input(self.input_shape)
        else:
            self.x = self._given(input_tensor, input_shape)
        self.sources = get_source_inputs(self.x)

    @property
    def is_imagenet(self) -> bool:
        return isinstance(self.weights, str) and self.weights == "imagenet"

    def _check(self) -> None:
        weights, label = self.weights, self.label
        known = weights is None or self.is_imagenet
        if not known and not (isinstance(weights, (str, os.PathLike)) and os.path.exists(weights)):
            raise ValueError(
                f'{label}: weights must be None, "imagenet" or the path of a file, got {weights!r}, which does not '
                "exist"
            )
        if isinstance(self.classes, bool) or not isinstance(self.classes, int) or self.classes < 1:
            raise ValueError(f"{label}: classes must be a positive integer, got {self.classes!r}")
        if self.pooling not in (None, "avg", "max"):
            raise unknown(f"pooling of {label}", self.pooling, ("avg", "max"))
        if self.is_imagenet and self.include_top and self.classes != 1000:
            raise ValueError(
                f"{label}: ImageNet's weights have 1000 classes, got classes={self.classes}; take include_top=False "
                "and a head of your own, or weights=None"
            )
        usual = activations.get("softmax"), activations.get(None)
        if self.include_top and weights is not None and activations.get(self.activation) not in usual:
            raise ValueError(
                f"{label}: with saved weights classifier_activation must be None or 'softmax', got {self.activation!r}"
            )

    def _shape(self, given: Any, size: int, smallest: int, always_sized: bool) -> Sizes:
        """The sizes of an image."""
        label = self.label
        if given is None:
            return (size, size, 3) if self.include_top and always_sized else (None, None, 3)
        shape = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else ()
        if len(shape) != 3 or not all(n is None or (type(n) is int and n > 0) for n in shape):
            raise ValueError(f"{label}: input_shape must be (height, width, channels), got {given!r}")
        channels = shape[2]
        if self.is_imagenet and channels != 3:
            raise ValueError(f"{label}: ImageNet's weights take 3 channels, got input_shape={shape}")
        if self.is_imagenet and self.include_top and always_sized and shape != (size, size, 3):
            raise ValueError(
                f"{label}: with its head ImageNet's weights take images of {(size, size, 3)}, got input_shape={shape}; "
                "include_top=False takes others"
            )
        if channels not in (1, 3):
            warn(f"{label}: expects 1 or 3 channels as a rule, got input_shape={shape}")
        if any(n is not None and n < smallest for n in shape[:2]):
            raise ValueError(f"{label}: images must be at least {smallest} x {smallest}, got input_shape={shape}")
        if self.include_top and always_sized and None in shape:
            raise ValueError(f"{label}: a head needs images of one size, got input_shape={shape}; or include_top=False")
        return shape

    def _given(self, x: Any, shape: Any) -> SymbolicTensor:
        if not isinstance(x, SymbolicTensor):
            raise TypeError(
                f"{self.label}: input_tensor must be a symbolic tensor, as Input(...) gives, got {type(x).__name__}"
            )
        if len(x.shape) != 4:
            raise ValueError(f"{self.label}: input_tensor must be images (N, H, W, C), got the shape {x.shape}")
        sizes = zip(x.shape[1:], self.input_shape, strict=True)
        if shape is not None and any(None not in pair and pair[0] != pair[1] for pair in sizes):
            raise ValueError(f"{self.label}: input_shape={shape} and the shape of input_tensor, {x.shape}, differ")
        return x

    # ---- the end of a model ----

    def pooled(self, x: Any, average: str | None = "avg_pool", maximum: str | None = "max_pool") -> Any:
        """What a model without a head ends with; the names of its layers."""
        if self.pooling == "avg":
            return layers.GlobalAveragePooling2D(name=average)(x)
        return layers.GlobalMaxPooling2D(name=maximum)(x) if self.pooling == "max" else x

    def classifier(self, x: Any, name: str = "predictions", **options: Any) -> Any:
        """The last layer of a head."""
        return layers.Dense(self.classes, activation=self.activation, name=name, **options)(x)

    def end(
        self, x: Any, average: str | None = "avg_pool", names: tuple[str | None, str | None] = ("avg_pool", "max_pool"),
        dropout: float = 0.0, **options: Any,
    ) -> Any:  # fmt: skip
        """The head of most models, means of all channels and a dense layer, or the pooling in its place.

        average: name of the pooling in a head;  names: of those without.
        """
        if not self.include_top:
            return self.pooled(x, *names)
        x = layers.GlobalAveragePooling2D(name=average)(x)
        if dropout > 0:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        return self.classifier(x, **options)


def model(frame: Frame, name: str | None, draw: Callable[[Frame], Any], files: Files | None) -> Functional:
    """The model that ``draw`` draws from ``frame.x``, with its weights."""
    with unfilled() if frame.weights is not None else contextlib.nullcontext():
        made = Functional(frame.sources if len(frame.sources) > 1 else frame.sources[0], draw(frame), name=name)
    if frame.is_imagenet:
        if files is None:
            raise ValueError(f"{frame.label}: there are no weights of ImageNet for these arguments")
        file, checksum = files.whole if frame.include_top else files.without_top
        stored = file if files.stored is None else files.stored[0 if frame.include_top else 1]
        made.load_weights(get_file(file, files.folder + stored, cache_subdir="models", file_hash=checksum))
    elif frame.weights is not None:
        made.load_weights(frame.weights)
    return made


class Architecture(Protocol):
    """A function that makes a model, with the arguments that most have."""

    __name__: str

    def __call__(
        self, include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None,
        pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str = "",
    ) -> Functional: ...  # fmt: skip


def architecture(
    room: str, label: str, own_name: str, about: str, draw: Callable[[Frame], Any], files: Files, size: int = 224,
    smallest: int = 32,
) -> Architecture:  # fmt: skip
    """The public function of a model with the arguments that most have.

    room: the file whose it is;  label: its name;  own_name: the model's;  about: as ``document`` takes it.
    """

    def make(
        include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None,
        pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str = own_name,
    ) -> Functional:  # fmt: skip
        frame = Frame(
            label, size, smallest, include_top=include_top, weights=weights, input_tensor=input_tensor,
            input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
        )  # fmt: skip
        return model(frame, name, draw, files)

    document(make, room, label, about)
    return make


def document(make: Any, room: str, label: str, about: str) -> None:
    """Give a function its name and its docstring.

    about: what the model is, its source, and after a bar an option that keeps the example small, or "large" for a model
        of so many numbers that the example makes none.
    """
    text, source, options = (part.strip() for part in about.split("|"))
    if options == "large":
        example = f"""
        >>> applications.{label}(classes=10)
        Traceback (most recent call last):
        ...
        ValueError: {label}: ImageNet's weights have 1000 classes, got classes=10; ..."""
    else:
        given = options or 'include_top=False, pooling="avg"'
        example = f"""
        >>> model = applications.{label}(weights=None, input_shape=(96, 96, 3), {given})
        >>> model(np.zeros((2, 96, 96, 3))).shape[0]
        2"""
    make.__name__ = make.__qualname__ = label
    make.__module__ = f"{__package__}.{room}"
    make.__doc__ = f"""{text}

    Source: Keras 3, keras.applications.{label}; {source}

    Example:{example}
    """
