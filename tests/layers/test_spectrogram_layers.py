"""STFTSpectrogram and MelSpectrogram against NumPy's Fourier transform, trained, in captured steps, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import capture, layers, models
from lamina.core.autograd import Tensor
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)


def transform(x, length, step, n, window):
    """(N, C, frames, frequencies) of x (N, T, C)."""
    frames = np.lib.stride_tricks.sliding_window_view(x, length, axis=1)[:, ::step]  # (N, frames, C, length)
    return np.moveaxis(np.fft.rfft(frames * window, n), 2, 1)


@pytest.mark.parametrize("mode", ["log", "magnitude", "psd", "real", "imag", "angle", "stft"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("expand_dims", [False, True])
def test_stft_is_numpys(mode, data_format, expand_dims):
    x = RNG.standard_normal((2, 21, 3))
    window = np.hanning(8 + 1)[:-1]
    z = transform(x, 8, 3, 16, window)
    power = np.abs(z) ** 2
    magnitude = np.sqrt(np.maximum(power, 1e-7))
    twice = np.r_[1, np.full(7, 2), 1]
    want = {"log": np.log(magnitude), "magnitude": magnitude, "psd": power * twice, "real": z.real, "imag": z.imag,
            "angle": np.angle(z), "stft": np.concatenate([z.real, z.imag], -1)}[mode]  # fmt: skip
    n, c, frames, bins = want.shape
    last = {False: want.transpose(0, 2, 1, 3).reshape(n, frames, c * bins), True: want.transpose(0, 2, 3, 1)}
    first = {False: want.transpose(0, 1, 3, 2).reshape(n, c * bins, frames), True: want}
    layer = layers.STFTSpectrogram(mode, 8, 3, 16, "hann", True, None, expand_dims=expand_dims,
                                   data_format=data_format, dtype="float64")  # fmt: skip
    given = x if data_format == "channels_last" else x.transpose(0, 2, 1)
    expected = (last if data_format == "channels_last" else first)[expand_dims]
    if mode == "angle":  # where the imaginary part is 0 but for rounding, either sign of pi is right
        difference = np.exp(1j * layer(given).numpy()) - np.exp(1j * expected)
        np.testing.assert_allclose(np.abs(difference), 0, atol=1e-9)
    else:
        np.testing.assert_allclose(layer(given), expected, rtol=1e-7, atol=1e-9)
    assert layer.compute_output_shape(given.shape) == expected.shape


def test_stft_options():
    layer = layers.STFTSpectrogram(frame_length=6)
    assert layer.compute_output_shape((None, 21, 2)) == (None, 6, 10)
    assert layers.STFTSpectrogram(frame_length=6, padding="same").compute_output_shape((4, 21, 1)) == (4, 7, 5)
    assert [w.name for w in build(layer).weights] == ["real_kernel", "imag_kernel"]
    assert [w.name for w in build(layers.STFTSpectrogram("imag", 6)).weights] == ["imag_kernel"]
    for options, message in (
        ({"mode": "power"}, "mode of STFTSpectrogram"), ({"padding": "causal"}, "padding of STFTSpectrogram"),
        ({"frame_length": 4, "frame_step": 5}, "frame_step must be at most frame_length=4, got 5"),
        ({"frame_length": 4, "fft_length": 3}, "fft_length must be at least frame_length=4, got 3"),
        ({"scaling": "power"}, "scaling of STFT"), ({"frame_length": 0}, "frame_length must be a positive integer"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            layers.STFTSpectrogram(**options)
    with pytest.raises(ValueError, match="the frame covers 256 but the input has only 9"):
        layers.STFTSpectrogram()(np.zeros((1, 9, 1), np.float32))
    with pytest.raises(ValueError, match=r"x is \(3, 9\), expected a batch of sequences"):
        layers.STFTSpectrogram()(np.zeros((3, 9), np.float32))


def test_frames_at_their_edges():
    whole = layers.STFTSpectrogram("real", 8, 8, 8)
    assert whole.compute_output_shape((None, 24, 1)) == (None, 3, 5)
    for options in ({"frame_step": 9}, {"fft_length": 7}, {"frame_step": 0}, {"frame_length": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            layers.STFTSpectrogram(**{"frame_length": 8, **options})
    for length, step in ((1, 1), (2, 1), (3, 1), (4, 2), (7, 3)):
        one = layers.STFTSpectrogram(frame_length=length)
        assert one.compute_output_shape((None, 30, 1))[1] == (30 - length) // step + 1
    mel = layers.MelSpectrogram(16, 4, num_mel_bins=2)
    assert mel(np.zeros((1, 9), np.float32)).shape == mel.compute_output_shape((1, 9)) == (1, 2, 3)
    with pytest.raises(ValueError, match="is too short"):
        mel(np.zeros((1, 8), np.float32))


def build(layer):
    layer.build((None, 21, 1))
    return layer


@pytest.mark.parametrize(("mag_exp", "to_db"), [(2.0, True), (1.0, False), (2.0, False), (0.5, True)])
@pytest.mark.parametrize("sequence_length", [None, 10, 13])
def test_mel_is_the_power_in_bands(mag_exp, to_db, sequence_length):
    layer = layers.MelSpectrogram(16, 5, sequence_length, "hamming", 8000, 4, 100.0, power_to_db=to_db,
                                  mag_exp=mag_exp, top_db=30.0, ref_power=0.5, dtype="float64")  # fmt: skip
    x = RNG.standard_normal((2, 40))
    n = sequence_length or 16
    window = np.zeros(16)
    window[(16 - n) // 2 : (16 - n) // 2 + n] = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(n) / n)
    padded = np.pad(x, ((0, 0), (8, 8)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, 16, axis=1)[:, ::5]
    spectrum = np.abs(np.fft.rfft(frames * window)) ** mag_exp

    def mel(hertz):
        return 1127.0 * np.log(1 + hertz / 700.0)

    edges = np.linspace(mel(100.0), mel(4000.0), 6)
    bands = np.zeros((9, 4))
    for i in range(1, 9):
        m = mel(i * 500.0)
        for j in range(4):
            low, middle, high = edges[j : j + 3]
            bands[i, j] = max(0.0, min((m - low) / (middle - low), (high - m) / (high - middle)))
    want = (spectrum @ bands).swapaxes(1, 2)
    if to_db:
        want = 10 * np.log10(np.maximum(want, 1e-10)) - 10 * np.log10(0.5)
        want = np.maximum(want, want.max() - 30)
    np.testing.assert_allclose(layer(x), want, rtol=1e-9, atol=1e-9)
    assert layer.compute_output_shape((2, 40)) == want.shape == (2, 4, 9)


def test_mel_of_one_sound_and_in_a_model():
    layer = layers.MelSpectrogram(16, 4, num_mel_bins=5, top_db=200.0)
    x = RNG.standard_normal((3, 50)).astype(np.float32)
    np.testing.assert_array_equal(layer(x[1]), layer(x[1:2])[0])
    step = capture(layer)
    np.testing.assert_array_equal(step(Tensor(x)).numpy(), layer(x).numpy())
    assert step.reason is None
    model = models.Sequential([
        layers.Input((50,)), layer, layers.Permute((2, 1)), layers.GlobalAveragePooling1D(), layers.Dense(1)
    ])  # fmt: skip
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(x, np.zeros(3), epochs=2, verbose=0).history["loss"]).all()
    exact = layers.MelSpectrogram(8, 3, num_mel_bins=2, power_to_db=False, dtype="float64", min_freq=0.0)
    check_gradients(exact, RNG.standard_normal((2, 11)))


def test_mel_names_what_is_wrong():
    make = layers.MelSpectrogram
    for options, message in (
        ({"fft_length": 0}, "fft_length must be a positive integer"),
        ({"fft_length": 8, "sequence_length": 9}, "sequence_length=9 is larger than fft_length=8"),
        ({"window": "blackman"}, "window of MelSpectrogram"), ({"window": [1.0, 2.0]}, "expected sequence_length"),
        ({"min_freq": 9000.0}, "expected 0 <= min_freq < max_freq"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            make(**options)
    with pytest.raises(TypeError, match="top_db must be a number"):
        make(top_db="80")
    with pytest.raises(ValueError, match="too short: its ends are mirrored over 1024 samples"):
        make()(np.zeros((1, 1000), np.float32))
    with pytest.raises(ValueError, match=r"expected \(samples,\) or \(N, samples\)"):
        make()(np.zeros((1, 2, 1000), np.float32))
