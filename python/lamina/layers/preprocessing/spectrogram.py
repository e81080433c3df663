"""Sounds as images of their frequencies over time: STFTSpectrogram, MelSpectrogram.

The Fourier transforms of frames are products with cosines and sines, so that gradients and captured steps follow.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import config, initializers, ops
from ...core.autograd import Array, Tensor
from ...core.explain import is_number
from ...core.suggest import unknown
from ...ops.windows import window_values
from .. import arguments
from ..base import Layer
from ..options import LayerOptions, Unpack
from ..symbolic import Shape

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(Layer):
    """Short-time Fourier transform of sequences, whose cosines and sines may be trained.

    Args:
        mode: "log" or "magnitude" of each frequency; "psd", power with both signs of a frequency together; "real",
            "imag" or "angle"; "stft", real parts and then imaginary ones.
        frame_length: steps of a frame.
        frame_step: distance of frames, at most ``frame_length``; None means half of it.
        fft_length: length of the transform, which has half as many frequencies and one; None takes the power of two
            from ``frame_length``.
        window: name of a window, its values, or None, as for ``initializers.STFT``.
        periodic: whether the window is periodic, as spectra want it.
        scaling: "density" divides by the window's norm, "spectrum" by its sum; None by nothing.
        padding: "valid", or "same", zeros at both ends for T / ``frame_step`` frames, rounded up.
        expand_dims: whether frequencies have an axis of their own.

    Input shape: (N, T, C); (N, C, T) with ``data_format="channels_first"``.

    Output shape: (N, frames, C * frequencies), with ``expand_dims`` (N, frames, frequencies, C); with channels first
        (N, C * frequencies, frames) and (N, C, frames, frequencies).

    Weights: ``real_kernel`` and ``imag_kernel`` (frame_length, 1, frequencies), as far as the mode needs them.

    Raises:
        ValueError: an option is out of range or unknown; the input has other axes or is shorter than a frame.

    Source: Keras 3, STFTSpectrogram.

    Example:
        >>> layers.STFTSpectrogram(frame_length=256, frame_step=128)(np.ones((2, 1024, 1), "float32")).shape
        (2, 7, 129)
    """

    _float_input = True

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if mode not in _MODES:
            raise unknown(f"mode of {self._label()}", mode, _MODES)
        if padding not in ("valid", "same"):
            raise unknown(f"padding of {self._label()}", padding, ("valid", "same"))
        initializers.STFT("real", window, scaling, periodic)  # an unknown option shows now
        self.mode, self.window, self.periodic, self.scaling = mode, window, periodic, scaling
        self.padding, self.expand_dims = padding, expand_dims
        self.data_format = arguments.data_format(self, data_format)
        self.frame_length = arguments.positive(self, "frame_length", frame_length)
        if frame_step is not None and arguments.positive(self, "frame_step", frame_step) > frame_length:
            raise ValueError(f"{self._label()}: frame_step must be at most {frame_length=}, got {frame_step}")
        if fft_length is not None and arguments.positive(self, "fft_length", fft_length) < frame_length:
            raise ValueError(f"{self._label()}: fft_length must be at least {frame_length=}, got {fft_length}")
        self.frame_step, self.fft_length = frame_step, fft_length
        self._step = frame_step or max(1, frame_length // 2)
        self._bins = (fft_length or 2 ** math.ceil(math.log2(frame_length))) // 2 + 1

    def build(self, input_shape: Any) -> None:
        shape = (self.frame_length, 1, self._bins)
        for side, unused in (("real", "imag"), ("imag", "real")):
            if self.mode != unused:
                kernel = initializers.STFT(side, self.window, self.scaling, self.periodic)
                setattr(self, f"{side}_kernel", self.add_weight(shape, kernel, name=f"{side}_kernel"))

    def _part(self, inputs: Tensor, side: str) -> Tensor:
        """One part of the transform, (N, C, frames, frequencies)."""
        x = ops.transpose(inputs, (0, 2, 1)) if self.data_format == "channels_last" else inputs
        n, channels, steps = x.shape
        kernel = getattr(self, f"{side}_kernel")
        y = ops.conv(ops.reshape(x, (n * channels, steps, 1)), kernel, self._step, self.padding, "channels_last")
        return ops.reshape(y, (n, channels, *y.shape[1:]))

    def call(self, inputs: Tensor) -> Tensor:
        self._frames(inputs.shape)
        if self.mode in ("real", "imag"):
            return self._arranged(self._part(inputs, self.mode))
        real, imag = self._part(inputs, "real"), self._part(inputs, "imag")
        if self.mode == "angle":
            return self._arranged(ops.arctan2(imag, real))
        if self.mode == "stft":
            return self._arranged(ops.concatenate([real, imag], axis=3))
        power = ops.add(ops.square(real), ops.square(imag))
        if self.mode == "psd":
            twice = np.full(self._bins, 2.0, self._dtype)
            twice[[0, -1]] = 1.0
            return self._arranged(ops.multiply(power, twice))
        magnitude = ops.sqrt(ops.maximum(power, config.epsilon()))
        if self.mode == "log":
            magnitude = ops.log(ops.maximum(magnitude, config.epsilon()))
        return self._arranged(magnitude)

    def _arranged(self, y: Tensor) -> Tensor:
        """(N, C, frames, frequencies) with its axes in the order of the result."""
        n, channels, frames, bins = y.shape
        if self.data_format == "channels_last":
            if self.expand_dims:
                return ops.transpose(y, (0, 2, 3, 1))
            return ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (n, frames, channels * bins))
        return y if self.expand_dims else ops.reshape(ops.transpose(y, (0, 1, 3, 2)), (n, channels * bins, frames))

    def _frames(self, shape: Shape) -> int | None:
        arguments.check_axes(shape, self.data_format, 1)
        _, (steps,) = arguments.stored(shape, self.data_format, 1)
        found = arguments.windows_output((steps,), (self.frame_length,), (self._step,), self.padding, (1,), "frame")
        return found[0]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        frames = self._frames(input_shape)
        channels, _ = arguments.stored(input_shape, self.data_format, 1)
        n, bins = input_shape[0], self._bins * (2 if self.mode == "stft" else 1)
        together = None if channels is None else channels * bins
        if self.data_format == "channels_last":
            return (n, frames, bins, channels) if self.expand_dims else (n, frames, together)
        return (n, channels, frames, bins) if self.expand_dims else (n, together, frames)


class MelSpectrogram(Layer):
    """Power of sounds in bands of the mel scale over time, in decibels.

    Args:
        fft_length: length of the transform.
        sequence_stride: distance of frames in samples.
        sequence_length: samples of a frame, at most ``fft_length``, which None means; zeros surround them.
        window: "hann", "hamming", the values of a window, or None.
        sampling_rate: samples a second.
        num_mel_bins: bands.
        min_freq: lowest frequency of the bands, in hertz.
        max_freq: highest; None means half of ``sampling_rate``.
        power_to_db: whether the result is ``10 log10(power / ref_power)``.
        top_db: decibels below the largest of the whole batch at which the result is cut off.
        mag_exp: exponent of the magnitudes: 1 for these, 2 for power.
        min_power: least power that is taken the logarithm of.
        ref_power: the power of 0 decibels.

    Input shape: (samples,) or (N, samples), at least ``fft_length // 2 + 1`` of them.

    Output shape: (num_mel_bins, frames) or (N, num_mel_bins, frames); frames = samples // ``sequence_stride`` + 1.

    Raises:
        ValueError: an option is out of range; the input has other axes or is too short to be mirrored at its ends.

    Source: Keras 3, MelSpectrogram; the mel scale of the HTK book.

    Example:
        >>> sound = np.random.rand(16000).astype("float32")
        >>> layers.MelSpectrogram(num_mel_bins=64)(sound).shape
        (64, 32)
    """

    _float_input = True
    fft_length: int
    sequence_stride: int
    sampling_rate: int
    num_mel_bins: int

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("fft_length", fft_length), ("sequence_stride", sequence_stride),
                            ("sampling_rate", sampling_rate), ("num_mel_bins", num_mel_bins)):  # fmt: skip
            setattr(self, name, arguments.positive(self, name, value))
        self.sequence_length = arguments.positive(self, "sequence_length", sequence_length or fft_length)
        if self.sequence_length > fft_length:
            raise ValueError(
                f"{self._label()}: sequence_length={sequence_length} is larger than fft_length={fft_length}"
            )
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        numbers: dict[str, Any] = {"min_freq": min_freq, "max_freq": self.max_freq, "top_db": top_db}
        numbers |= {"mag_exp": mag_exp, "min_power": min_power, "ref_power": ref_power}
        for name, value in numbers.items():
            if not is_number(value):
                raise TypeError(f"{self._label()}: {name} must be a number, got {value!r}")
        if not 0 <= min_freq < self.max_freq:
            raise ValueError(f"{self._label()}: expected 0 <= min_freq < max_freq, got {min_freq} and {self.max_freq}")
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power, self.window = min_power, ref_power, window
        self._built = True
        self._window_values()

    def _window_values(self) -> Array:
        n = self.sequence_length
        if self.window is None:
            return np.ones(n)
        if isinstance(self.window, str):
            if self.window not in ("hann", "hamming"):
                raise unknown(f"window of {self._label()}", self.window, ("hann", "hamming"))
            return window_values(self.window, n, True)
        values = np.asarray(self.window, np.float64)
        if values.shape != (n,):
            raise ValueError(f"{self._label()}: the window is {values.shape}, expected sequence_length values, ({n},)")
        return values

    def _constants(self) -> tuple[Array, Array]:
        """Cosines and sines under the window, (sequence_length, 1, 2 * frequencies), and the weights of the bands."""
        if "_kernel" not in vars(self):
            bins = self.fft_length // 2 + 1
            turns = np.outer(np.arange(self.sequence_length), np.arange(bins)) % self.fft_length
            angle = 2 * np.pi / self.fft_length * turns
            parts = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) * self._window_values()[:, None]
            bands = mel_bands(self.num_mel_bins, bins, self.sampling_rate, self.min_freq, self.max_freq)
            self.__dict__["_kernel"] = parts[:, None].astype(self._dtype), bands.astype(self._dtype)
        return self.__dict__["_kernel"]

    def call(self, inputs: Tensor) -> Tensor:
        frames = self._frames(inputs.shape)
        x = ops.expand_dims(inputs, 0) if inputs.ndim == 1 else inputs
        half, missing = self.fft_length // 2, self.fft_length - self.sequence_length
        x = ops.pad(x, ((0, 0), (half, half)), mode="reflect")
        first = missing // 2  # what the window leaves out at the beginning of the first frame
        last = first + (frames - 1) * self.sequence_stride + self.sequence_length
        kernel, bands = self._constants()
        y = ops.conv(ops.expand_dims(x[:, first:last], -1), kernel, self.sequence_stride, data_format="channels_last")
        bins = bands.shape[0]
        power = ops.add(ops.square(y[..., :bins]), ops.square(y[..., bins:]))
        spectrum = power if self.mag_exp == 2 else ops.power(power, self.mag_exp / 2)
        mel = ops.swapaxes(ops.matmul(spectrum, bands), 1, 2)
        if self.power_to_db:
            decibels = ops.multiply(ops.log10(ops.maximum(mel, self.min_power)), 10.0)
            decibels = ops.subtract(decibels, 10.0 * math.log10(max(abs(self.ref_power), self.min_power)))
            mel = ops.maximum(decibels, ops.subtract(ops.max(decibels), self.top_db)) if decibels.size else decibels
        return ops.squeeze(mel, 0) if inputs.ndim == 1 else mel

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: Any = "float32",
    ) -> Tensor:
        """The weights of frequencies in bands of the mel scale: a spectrum times this matrix.

        Args:
            num_mel_bins: bands.
            num_spectrogram_bins: frequencies of the spectrum, from 0 to half of ``sampling_rate``.
            sampling_rate: samples a second.
            lower_edge_hertz: lowest frequency of the bands.
            upper_edge_hertz: highest.
            dtype: type of the result.

        Returns: (num_spectrogram_bins, num_mel_bins).
        """
        bands = mel_bands(num_mel_bins, num_spectrogram_bins, sampling_rate, lower_edge_hertz, upper_edge_hertz)
        return Tensor(bands, dtype=dtype)

    def _frames(self, shape: Shape) -> Any:
        if len(shape) not in (1, 2):
            raise ValueError(f"the input is {shape}, expected (samples,) or (N, samples)")
        samples = shape[-1]
        if samples is None:
            return None
        if samples <= self.fft_length // 2:
            raise ValueError(
                f"the input {shape} is too short: its ends are mirrored over {self.fft_length // 2} samples; pad it "
                "or take a smaller fft_length"
            )
        return (samples + self.fft_length // 2 * 2 - self.fft_length) // self.sequence_stride + 1

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.num_mel_bins, self._frames(input_shape))


def mel_bands(bands: int, bins: int, rate: float, lowest: float, highest: float) -> Array:
    """(bins, bands): triangles over the frequencies of a spectrum, of equal width on the mel scale, of height 1."""

    def mel(hertz: Any) -> Any:
        """But for a factor, which all share."""
        return np.log1p(np.asarray(hertz) / 700.0)

    frequencies = mel(np.linspace(0, rate / 2, bins))[1:, None]
    edges = np.linspace(mel(lowest), mel(highest), bands + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequencies - low) / (centre - low), (high - frequencies) / (high - centre)
    return np.pad(np.maximum(0.0, np.minimum(rising, falling)), ((1, 0), (0, 0)))  # the constant part is left out


__all__ = ["MelSpectrogram", "STFTSpectrogram"]
