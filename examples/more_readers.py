"""Rarer layers on the task of examples/many_readers.py: unpooling, Lp pooling, spectra, films, greys as words.

    pip install ".[examples]" && python examples/more_readers.py [--epochs N]

The 1,797 8 x 8 images of scikit-learn; a fixed fifth is held out. Printed are each network's weights and its accuracy,
which are drawn, too.
"""

from __future__ import annotations

from many_readers import chain, compare

import lamina
from lamina import layers


def unpooled(x):
    """Maxima go back to where they stood, and what is around them is filled in."""
    x = layers.Conv2D(24, 3, padding="same", activation="relu")(x)
    x = layers.MaxUnpooling2D(2)(*layers.MaxPooling2D(2, return_indices=True)(x))
    return layers.Flatten()(layers.LpPooling2D(2, 2)(layers.Conv2D(16, 3, activation="relu")(x)))


def unpooled_line(x):
    """The same along a line of pixels."""
    x = layers.Conv1D(16, 9, activation="relu")(layers.Reshape((64, 1))(x))
    x = layers.MaxUnpooling1D(4)(*layers.MaxPooling1D(4, return_indices=True)(x))
    x = layers.Conv1D(32, 9, strides=2, activation="relu")(layers.Cropping1D((4, 4))(layers.UpSampling1D(2)(x)))
    return layers.Flatten()(layers.AdaptiveMaxPooling1D(6)(layers.LpPooling1D(2, 2)(x)))


def film_of_pieces(x):
    """The picture as a film of four pieces, two rows each; the maxima of the film go back to their places."""
    x = layers.ConvLSTM2D(16, 3, padding="same", return_sequences=True)(layers.Reshape((4, 2, 8, 1))(x))
    x = layers.MaxUnpooling3D((1, 1, 2))(*layers.MaxPooling3D((1, 1, 2), return_indices=True)(x))
    return layers.Flatten()(layers.AdaptiveAveragePooling3D((4, 1, 8))(layers.LpPooling3D(2, (2, 1, 1))(x)))


def counted(x):
    """Each pixel is one of seventeen greys, told apart as words would be."""
    greys = lamina.ops.cast(layers.Flatten()(x) * 16, "int32")
    x = layers.Dropout(0.5)(layers.Flatten()(layers.CategoryEncoding(17, "one_hot")(greys)))
    x = layers.ActivityRegularization(l2=1e-6)(layers.Linear(64, activation="relu")(x))
    return layers.Concatenate()([x, layers.Softmax()(layers.Linear(16)(x))])


KINDS = {
    "maxima where they stood": unpooled,
    "maxima along a line": unpooled_line,
    "film of pieces": film_of_pieces,
    "film of volumes": chain(
        layers.Reshape((2, 4, 8, 1, 1)), layers.ConvLSTM3D(16, (3, 3, 1), padding="same"), layers.Flatten()
    ),
    "greys as words": counted,
    "volume": chain(
        layers.Reshape((8, 8, 1, 1)),
        layers.Conv3D(24, (3, 3, 1), activation="relu"),
        layers.Cropping3D(((0, 1), (0, 1), (0, 0))),
        layers.AdaptiveMaxPooling3D((3, 3, 1)),
        layers.Conv3D(64, (2, 2, 1), activation="relu"),
        layers.GlobalAveragePooling3D(),
    ),
    "largest anywhere": chain(
        layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu"), layers.GlobalMaxPooling2D()
    ),
    "cell by cell": chain(layers.Reshape((8, 8)), layers.RNN([layers.SimpleRNNCell(48), layers.SimpleRNNCell(48)])),
    "spectra": chain(
        layers.Reshape((64, 1)),
        layers.STFTSpectrogram("real", frame_length=16, frame_step=4, fft_length=16, padding="same"),
        layers.Lambda(lambda x: 4 * x),
        layers.Conv1D(48, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
    ),
}


if __name__ == "__main__":
    compare(KINDS, 0.93, "more_readers.png", __doc__)
