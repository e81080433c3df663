"""One line a layer: its constructor's arguments, the shape it is called with, what else check_layer must know.

Every exported layer stands here; a test fails for one that does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import layers
from ..layers import Layer
from .layer_checks import LayerCheck

SEQUENCE = (3, 4, 2)  # (N, T, C)
IMAGE = (2, 5, 6, 3)  # (N, H, W, C)
VOLUME = (2, 3, 4, 3, 2)  # (N, D, H, W, C)
STATE = (3, 4)


def _table() -> Iterator[tuple[Any, ...]]:
    """(class, options, inputs, further arguments of LayerCheck)."""
    la: Any = layers
    yield la.Dense, {"units": 3, "activation": "tanh"}, (4, 5)
    yield la.Dense, {"units": 3, "use_bias": False, "kernel_regularizer": "l2"}, SEQUENCE, {"time": 1}
    yield la.Linear, {"units": 3, "out_features": "tanh"}, (4, 5)
    yield la.Embedding, {"input_dim": 7, "output_dim": 3}, STATE, {"integers": 7}
    yield la.Embedding, {"input_dim": 7, "output_dim": 3, "mask_zero": True, "sparse": True}, STATE, {"integers": 7}
    yield la.ReversibleEmbedding, {"input_dim": 7, "output_dim": 3, "logit_soft_cap": 2.0}, STATE, {"integers": 7}
    yield la.EinsumDense, {"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d"}, SEQUENCE
    yield (
        la.EinsumDense,
        {"equation": "...x,xy->...y", "output_shape": 4, "bias_axes": "y", "activation": "tanh"},
        IMAGE,
    )
    yield la.PositionEmbedding, {"sequence_length": 4}, SEQUENCE, {"time": 1}
    yield la.SinePositionEncoding, {}, SEQUENCE, {"time": 1, "smooth": False}
    yield la.Conv1D, {"filters": 3, "kernel_size": 2, "padding": "causal", "activation": "tanh"}, SEQUENCE, {"time": 1}
    yield la.Conv2D, {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE
    yield la.Conv2D, {"filters": 6, "kernel_size": (2, 3), "dilation_rate": (2, 1), "groups": 3}, IMAGE
    yield la.Conv2D, {"filters": 4, "kernel_size": 3, "padding": "same_lower", "padding_mode": "circular"}, IMAGE
    yield la.Conv3D, {"filters": 2, "kernel_size": 2, "strides": (1, 2, 1), "padding": "same"}, VOLUME
    yield la.Conv1DTranspose, {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, SEQUENCE, {"time": 1}
    yield la.Conv2DTranspose, {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": 1}, IMAGE
    yield la.Conv3DTranspose, {"filters": 2, "kernel_size": 2, "strides": (1, 2, 1)}, VOLUME
    yield la.DepthwiseConv1D, {"kernel_size": 2, "padding": "causal", "use_bias": False}, SEQUENCE, {"time": 1}
    yield (
        la.DepthwiseConv1D,
        {"kernel_size": 2, "padding": "same_lower", "padding_mode": "reflect"},
        SEQUENCE,
        {"time": 1},
    )
    yield la.DepthwiseConv2D, {"kernel_size": 3, "depth_multiplier": 2}, IMAGE
    yield la.SeparableConv1D, {"filters": 3, "kernel_size": 2, "activation": "tanh"}, SEQUENCE, {"time": 1}
    yield (
        la.SeparableConv1D,
        {"filters": 3, "kernel_size": 3, "padding": 1, "padding_mode": "replicate"},
        SEQUENCE,
        {"time": 1},
    )
    yield la.SeparableConv2D, {"filters": 4, "kernel_size": 3, "strides": 2, "depth_multiplier": 2}, IMAGE
    yield la.MaxPooling1D, {"pool_size": 2}, SEQUENCE, {"time": 1}
    yield la.MaxPooling2D, {"pool_size": (2, 3), "strides": 1}, IMAGE
    yield la.MaxPooling3D, {"pool_size": 2, "padding": "same"}, VOLUME
    yield la.MaxUnpooling1D, {"padding": "same"}, (SEQUENCE, SEQUENCE), {"integers": (0, 8)}
    yield la.MaxUnpooling2D, {"pool_size": (2, 3), "output_shape": (11, 18)}, (IMAGE, IMAGE), {"integers": (0, 198)}
    yield la.MaxUnpooling3D, {"strides": 1, "padding": 1}, (VOLUME, VOLUME), {"integers": (0, 6)}
    yield la.LpPooling1D, {"norm_type": 2, "padding": "same"}, SEQUENCE, {"time": 1}
    yield la.LpPooling2D, {"norm_type": 4, "pool_size": (2, 3), "strides": 1}, IMAGE
    yield la.LpPooling3D, {"norm_type": 2.0, "ceil_mode": True}, VOLUME
    yield la.AveragePooling1D, {"pool_size": 2, "padding": "same"}, SEQUENCE, {"time": 1}
    yield la.AveragePooling2D, {"pool_size": 2}, IMAGE
    yield la.AveragePooling3D, {"pool_size": (2, 2, 3), "padding": 1, "divisor": "padded", "ceil_mode": True}, VOLUME
    yield la.GlobalMaxPooling1D, {}, SEQUENCE, {"time": 1}
    yield la.GlobalMaxPooling2D, {"keepdims": True}, IMAGE
    yield la.GlobalMaxPooling3D, {}, VOLUME
    yield la.GlobalAveragePooling1D, {"keepdims": True}, SEQUENCE, {"time": 1}
    yield la.GlobalAveragePooling2D, {}, IMAGE
    yield la.GlobalAveragePooling3D, {"keepdims": True}, VOLUME
    yield la.AdaptiveMaxPooling1D, {"output_size": 3}, SEQUENCE, {"time": 1}
    yield la.AdaptiveMaxPooling2D, {"output_size": (2, 4)}, IMAGE
    yield la.AdaptiveMaxPooling3D, {"output_size": 2}, VOLUME
    yield la.AdaptiveAveragePooling1D, {"output_size": 3}, SEQUENCE, {"time": 1}
    yield la.AdaptiveAveragePooling2D, {"output_size": (2, 4)}, IMAGE
    yield la.AdaptiveAveragePooling3D, {"output_size": 2}, VOLUME
    yield la.UpSampling1D, {"size": 2}, SEQUENCE, {"time": 1}
    yield la.UpSampling1D, {"size": 3, "interpolation": "bicubic"}, SEQUENCE
    yield la.UpSampling2D, {"size": (2, 3), "interpolation": "bilinear"}, IMAGE
    yield la.UpSampling2D, {"size": 2, "interpolation": "lanczos3"}, IMAGE
    yield la.UpSampling3D, {"size": (2, 1, 3)}, VOLUME
    yield la.UpSampling3D, {"size": 2, "interpolation": "bilinear"}, VOLUME
    yield la.ZeroPadding3D, {"padding": ((1, 0), (0, 2), (1, 1))}, VOLUME
    yield la.Cropping3D, {"cropping": ((1, 0), (0, 2), (1, 1))}, VOLUME
    yield la.ZeroPadding1D, {"padding": (1, 2)}, SEQUENCE, {"time": 1}
    yield la.ZeroPadding2D, {"padding": ((1, 0), (2, 3))}, IMAGE
    yield la.Cropping1D, {"cropping": (1, 1)}, SEQUENCE, {"time": 1}
    yield la.Cropping2D, {"cropping": ((1, 0), (0, 3))}, IMAGE
    yield la.BatchNormalization, {"momentum": 0.9}, (6, 3)
    yield la.BatchNormalization, {"axis": 1, "scale": False}, IMAGE
    yield (
        la.BatchNormalization,
        {"renorm": True, "renorm_clipping": {"rmax": 2.0, "dmax": 3}},
        SEQUENCE,
        {
            "smooth": False  # the corrections have no gradient
        },
    )
    yield la.GroupNormalization, {"groups": 2}, (2, 3, 5, 6)
    yield la.GroupNormalization, {"groups": -1, "axis": 1, "scale": False}, IMAGE
    yield la.LayerNormalization, {}, SEQUENCE, {"time": 1}
    yield la.LayerNormalization, {"axis": (1, 2), "center": False}, SEQUENCE, {"time": 1}
    yield la.RMSNormalization, {}, SEQUENCE, {"time": 1}
    yield la.RMSNormalization, {"use_scale": False}, SEQUENCE, {"time": 1}
    yield la.RMSNormalization, {"axis": (1, 2)}, SEQUENCE, {"time": 1}
    yield la.UnitNormalization, {"axis": [1, 2]}, SEQUENCE, {"time": 1}
    yield la.Rescaling, {"scale": 0.5, "offset": [0.1, 0.2]}, SEQUENCE, {"time": 1}
    yield la.Normalization, {"axis": -1}, SEQUENCE, {"time": 1}
    yield la.Normalization, {"axis": (1, 2), "mean": [0.5, 1.5], "variance": [2.0, 3.0], "invert": True}, SEQUENCE
    yield la.CenterCrop, {"height": 3, "width": 2}, IMAGE
    yield la.CenterCrop, {"height": 7, "width": 3}, IMAGE
    yield la.Resizing, {"height": 3, "width": 8}, IMAGE
    yield la.Resizing, {"height": 4, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 0.5}, IMAGE
    yield la.Resizing, {"height": 2, "width": 3, "interpolation": "bicubic", "antialias": True}, IMAGE
    yield la.RandomCrop, {"height": 3, "width": 4, "seed": 3}, IMAGE
    yield la.RandomFlip, {"mode": "horizontal", "seed": 3}, IMAGE
    yield la.RandomContrast, {"factor": 0.4, "value_range": (-9, 9), "seed": 3}, IMAGE
    yield la.RandomBrightness, {"factor": 0.4, "value_range": (-9, 9), "seed": 3}, IMAGE
    yield la.RandomRotation, {"factor": 0.3, "seed": 3}, IMAGE
    yield la.RandomZoom, {"height_factor": 0.3, "width_factor": (-0.2, 0.1), "seed": 3}, IMAGE
    yield la.RandomTranslation, {"height_factor": 0.3, "width_factor": 0.2, "fill_mode": "wrap", "seed": 3}, IMAGE
    yield la.RandomPerspective, {"scale": 0.5, "seed": 3}, IMAGE
    yield la.RandomShear, {"x_factor": 0.3, "y_factor": 0.2, "seed": 3}, IMAGE
    yield la.CategoryEncoding, {"num_tokens": 5, "output_mode": "count"}, STATE, {"integers": 7}
    yield la.Discretization, {"bin_boundaries": [-0.5, 0.2, 0.9], "output_mode": "multi_hot"}, STATE, {"smooth": False}
    yield (
        la.IntegerLookup,
        {"vocabulary": [5, 1, 3], "num_oov_indices": 2, "output_mode": "count"},
        STATE,
        {"integers": 7},
    )
    ranged = {"value_range": (-9, 9)}
    yield la.RandomHue, {"factor": 0.5, "seed": 3, **ranged}, IMAGE
    yield la.RandomSaturation, {"factor": 0.9, "seed": 3, **ranged}, IMAGE
    yield la.RandomColorDegeneration, {"factor": 0.5, "seed": 3, **ranged}, IMAGE
    yield la.RandomGrayscale, {"seed": 3}, IMAGE
    yield la.RandomColorJitter, {"brightness_factor": 0.2, "hue_factor": 0.3, "seed": 3, **ranged}, IMAGE
    yield la.RandomInvert, {"seed": 3, **ranged}, IMAGE
    yield la.RandomPosterization, {"factor": (2, 5), "seed": 3, **ranged}, IMAGE
    yield la.RandomSharpness, {"factor": 0.9, "seed": 3, **ranged}, IMAGE
    yield la.RandomGaussianBlur, {"kernel_size": (3, 5), "sigma": (0.3, 1.0), "seed": 3, **ranged}, IMAGE
    yield la.RandomErasing, {"seed": 3, **ranged}, IMAGE
    yield la.Solarization, {"addition_factor": 0.2, "threshold_factor": 0.5, "seed": 3, **ranged}, IMAGE
    yield la.RandomElasticTransform, {"scale": 0.9, "seed": 3, **ranged}, IMAGE
    yield la.MaxNumBoundingBoxes, {"max_number": 3}, IMAGE
    yield la.Equalization, {"bins": 16, **ranged}, IMAGE, {"smooth": False}
    yield la.ContrastLimitedAdaptiveHistogramEqualization, {"tile_grid_size": 2, **ranged}, IMAGE, {"smooth": False}
    yield la.AutoContrast, {**ranged}, IMAGE, {"smooth": False}
    yield la.MixUp, {"alpha": 0.4, "seed": 3}, IMAGE
    yield la.CutMix, {"factor": 0.8, "seed": 3}, IMAGE
    yield la.Pipeline, {"layers": [la.Rescaling(0.5), la.RandomFlip(seed=3)]}, IMAGE
    frames = {"frame_length": 4, "frame_step": 3, "fft_length": 6}
    yield la.STFTSpectrogram, {"mode": "psd", **frames}, (2, 9, 2)
    yield la.STFTSpectrogram, {"mode": "stft", "padding": "same", **frames}, (2, 9, 2)
    yield la.MelSpectrogram, {"fft_length": 8, "sequence_stride": 3, "num_mel_bins": 2, "sampling_rate": 4000}, (2, 12)
    yield la.Activation, {"activation": "gelu"}, SEQUENCE, {"time": 1}
    yield la.ReLU, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.5}, (4, 5)
    yield la.LeakyReLU, {"negative_slope": 0.2}, (4, 5)
    yield la.ELU, {"alpha": 0.5}, (4, 5)
    yield la.PReLU, {"alpha_initializer": "ones", "shared_axes": [1]}, SEQUENCE, {"time": 1}
    yield la.Softmax, {"axis": (1, 2)}, SEQUENCE, {"time": 1}
    yield la.Dropout, {"rate": 0.4, "noise_shape": (None, 1, 2), "seed": 3}, SEQUENCE, {"time": 1}
    yield la.AlphaDropout, {"rate": 0.4, "noise_shape": (None, 1, 2), "seed": 3}, SEQUENCE, {"time": 1}
    yield la.DropPath, {"rate": 0.3, "seed": 3}, SEQUENCE, {"time": 1}
    yield la.SpatialDropout3D, {"rate": 0.4}, VOLUME
    yield la.Identity, {}, SEQUENCE, {"time": 1}
    yield (
        la.SpectralNormalization,
        {"layer": la.Dense(3), "power_iterations": 2},
        SEQUENCE,
        {
            "time": 1,
            "smooth": False,  # training changes the kernel
        },
    )
    yield la.SpatialDropout1D, {"rate": 0.4}, SEQUENCE, {"time": 1}
    yield la.SpatialDropout2D, {"rate": 0.4}, IMAGE
    yield la.GaussianNoise, {"stddev": 0.5, "seed": 1}, SEQUENCE, {"time": 1}
    yield la.GaussianDropout, {"rate": 0.5}, SEQUENCE, {"time": 1}
    yield la.ActivityRegularization, {"l1": 0.1, "l2": 0.2}, (4, 5)
    yield la.Flatten, {}, SEQUENCE, {"time": 1}
    yield la.Reshape, {"target_shape": (2, -1)}, SEQUENCE, {"time": 1}
    yield la.Permute, {"dims": (2, 1)}, SEQUENCE, {"time": 1}
    yield la.RepeatVector, {"n": 3}, (4, 5)
    yield la.Concatenate, {"axis": 1}, [SEQUENCE, SEQUENCE]
    for merge in (la.Add, la.Subtract, la.Multiply, la.Average, la.Maximum, la.Minimum):
        yield merge, {}, [SEQUENCE, SEQUENCE]
    yield la.Dot, {"axes": (2, 1), "normalize": True}, [(3, 4, 2), (3, 2, 5)]
    yield la.MultiHeadAttention, {"num_heads": 2, "key_dim": 3, "use_gate": True}, (SEQUENCE, SEQUENCE), {"time": 1}
    yield la.MultiHeadAttention, {"num_heads": 2, "key_dim": 3, "sliding_window": 2}, (SEQUENCE, SEQUENCE), {"time": 1}
    yield la.MultiHeadAttention, {"num_heads": 2, "key_dim": 3, "attention_axes": 2}, (IMAGE, IMAGE)
    yield la.RotaryEmbedding, {"max_wavelength": 100}, SEQUENCE, {"time": 1}
    rotary = la.RotaryEmbedding(scaling_factor=2)
    turned = {"num_heads": 2, "key_dim": 4, "rotary_embedding": rotary}
    yield la.MultiHeadAttention, turned, (SEQUENCE, SEQUENCE), {"time": 1}
    shaped = {"num_heads": 2, "key_dim": 3, "logit_soft_cap": 0.7, "alibi": True, "causal_alignment": "bottom_right"}
    yield la.MultiHeadAttention, shaped, (SEQUENCE, SEQUENCE), {"time": 1}
    grouped = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
    yield la.GroupedQueryAttention, grouped, (SEQUENCE, SEQUENCE), {"time": 1}
    yield la.GroupedQueryAttention, {**grouped, "alibi": [0.5, 0.2, 0.1, 0.0]}, (SEQUENCE, SEQUENCE), {"time": 1}
    yield la.Attention, {"use_scale": True}, [SEQUENCE, SEQUENCE]
    yield la.Attention, {"score_mode": "concat"}, [SEQUENCE, SEQUENCE, SEQUENCE]
    yield la.AdditiveAttention, {}, [SEQUENCE, SEQUENCE]
    yield la.TransformerEncoder, {"intermediate_dim": 5, "num_heads": 2, "activation": "gelu"}, SEQUENCE, {"time": 1}
    decoder = {"intermediate_dim": 5, "num_heads": 2, "normalize_first": True, "activation": "gelu"}
    yield la.TransformerDecoder, decoder, SEQUENCE, {"time": 1}
    yield la.TransformerDecoder, {**decoder, "dropout": 0.2}, (SEQUENCE, SEQUENCE), {"time": 1}
    yield la.Masking, {"mask_value": 0.5}, SEQUENCE
    yield la.TimeDistributed, {"layer": la.Dense(3)}, SEQUENCE, {"time": 1}
    paired = {"encoder": la.Dense(3, activation="tanh"), "distance": "l2", "head": la.Dense(1)}
    yield la.Siamese, paired, [(3, 4), (3, 4)]
    yield la.Siamese, {"encoder": la.Dense(3), "distance": "cosine"}, [SEQUENCE, SEQUENCE, SEQUENCE]
    narrower = [la.Conv2D(4, 3, strides=2, padding="same"), la.BatchNormalization(), la.ReLU()]
    yield la.Residual, {"block": narrower, "activation": "relu", "drop_path": 0.3, "seed": 1}, IMAGE, {"smooth": False}
    yield la.Residual, {"block": la.Dense(3, activation="tanh")}, (4, 5)
    before = {"normalization": la.LayerNormalization(), "normalize_first": True}
    yield la.Residual, {"block": la.Dense(2), "shortcut": None, "drop_path": 0.3, **before}, SEQUENCE, {"time": 1}
    yield la.Residual, {"block": la.Dense(2), "normalization": la.RMSNormalization()}, SEQUENCE, {"time": 1}
    yield la.SimpleRNN, {"units": 3, "return_sequences": True}, SEQUENCE, {"time": 1}
    yield la.GRU, {"units": 3, "return_state": True}, SEQUENCE, {"time": 1}
    yield la.GRU, {"units": 3, "reset_after": False, "go_backwards": True}, SEQUENCE, {"time": 1}
    yield la.LSTM, {"units": 3, "dropout": 0.2, "unit_forget_bias": False}, SEQUENCE, {"time": 1}
    yield la.LSTM, {"units": 3, "activation": "softsign", "return_sequences": True}, SEQUENCE, {"time": 1}
    yield la.LSTM, {"units": 3, "proj_size": 2, "return_state": True}, SEQUENCE, {"time": 1}
    yield la.LSTM, {"units": 3, "use_layer_norm": True, "return_sequences": True}, SEQUENCE, {"time": 1}
    yield la.GRU, {"units": 3, "use_layer_norm": True, "recurrent_dropout": 0.2}, SEQUENCE, {"time": 1}
    yield la.SimpleRNN, {"units": 3, "use_layer_norm": True}, SEQUENCE, {"time": 1}
    convolved = {"filters": 3, "kernel_size": 2, "padding": "same"}
    yield la.ConvLSTM1D, {**convolved, "return_sequences": True}, (2, 3, 4, 2), {"time": 1, "leading": 2}
    strided = {"filters": 2, "kernel_size": (2, 3), "strides": (1, 2), "return_state": True}
    yield la.ConvLSTM2D, strided, (2, 3, *IMAGE[1:]), {"leading": 2}
    dropped = {**convolved, "dropout": 0.2, "recurrent_dropout": 0.3}
    yield la.ConvLSTM2D, dropped, (2, 3, 3, 4, 2), {"time": 1, "leading": 2}
    yield la.ConvLSTM3D, {**convolved, "go_backwards": True}, (1, 2, 2, 3, 3, 2), {"time": 1, "leading": 2}
    yield la.RNN, {"cell": la.GRUCell(3)}, SEQUENCE, {"time": 1}
    yield la.Bidirectional, {"layer": la.LSTM(3, return_sequences=True), "merge_mode": "ave"}, SEQUENCE, {"time": 1}
    yield la.SimpleRNNCell, {"units": 4}, ((3, 2), [STATE])
    yield la.GRUCell, {"units": 4, "recurrent_activation": "hard_sigmoid"}, ((3, 2), [STATE])
    yield la.LSTMCell, {"units": 4}, ((3, 2), [STATE, STATE])
    yield la.LSTMCell, {"units": 4, "proj_size": 3}, ((3, 2), [(3, 3), STATE])
    yield la.StackedRNNCells, {"cells": [la.GRUCell(4), la.LSTMCell(4)]}, ((3, 2), [[STATE], [STATE, STATE]])


# Layers that are no functions of a tensor, and why each needs tests of its own instead.
WITHOUT_EXAMPLE = {
    "InputLayer": "is the place where data enters",
    "Lambda": "holds a function of the user's",
    "Layer": "is the base class",
    "AugMix": "chooses in Python, so that no step with it is captured",
    "RandAugment": "chooses in Python, so that no step with it is captured",
    "Wrapper": "is a base class without a call",
    "HashedCrossing": "works in Python, so that no step with it is captured",
    "Hashing": "works in Python, so that no step with it is captured",
    "StringLookup": "takes text",
    "TextVectorization": "takes text",
    "OpLayer": "is made by operations on symbolic tensors",
}


def layer_checks() -> list[LayerCheck]:
    """The table's lines."""
    return [LayerCheck(row[0], row[1], row[2], **(row[3] if len(row) > 3 else {})) for row in _table()]


def exported_layers() -> dict[str, type[Layer]]:
    """Every public class of layers by name, aliases once."""
    found = {n: getattr(layers, n) for n in layers.__all__ if isinstance(getattr(layers, n), type)}
    return {k.__name__: k for k in found.values() if issubclass(k, Layer)}


__all__ = ["WITHOUT_EXAMPLE", "exported_layers", "layer_checks"]
