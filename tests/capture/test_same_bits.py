"""Small networks of every family train to the same bits at any number of threads, more than there are cores too."""

import numpy as np
import pytest

import lamina
from lamina import _native, layers

THREADS = (1, 2, 3, 4, 8, 16, 64)


def images():
    inputs = lamina.Input((18, 18, 3))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Add()([x, layers.DepthwiseConv2D(3, padding="same")(layers.Conv2D(16, 5, padding="same")(x))])
    y = layers.Conv2DTranspose(8, 2, 2)(layers.Conv2D(16, 3, groups=4, padding="same")(layers.MaxPooling2D(2)(x)))
    y = layers.GroupNormalization(4)(layers.Concatenate()([x, y]))
    return lamina.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.AveragePooling2D(3)(y))))


def recurrent():
    hidden = [layers.Bidirectional(layers.LSTM(24, return_sequences=True)), layers.GRU(40, return_sequences=True)]
    return lamina.Sequential(
        [lamina.Input((9, 12)), *hidden, layers.Dropout(0.2), layers.SimpleRNN(20), layers.Dense(4)]
    )


def attention():
    inputs = lamina.Input((17,), dtype="int64")
    x = layers.Embedding(50, 32)(inputs)
    h = layers.MultiHeadAttention(4, 8)(x, x, use_causal_mask=True)
    x = layers.LayerNormalization()(layers.Add()([x, layers.Dropout(0.1)(h)]))
    x = layers.Dense(32)(layers.Dense(128, activation="gelu")(x))
    return lamina.Model(inputs, layers.Dense(4)(layers.GlobalMaxPooling1D()(x)))


def wide():
    hidden = [layers.Dense(n, activation=a) for n, a in ((300, "relu"), (257, "silu"), (64, "tanh"))]
    return lamina.Sequential([lamina.Input((200,)), *hidden, layers.Dense(4)])


RNG = np.random.default_rng(0)
NETWORKS = {
    "images": (images, RNG.standard_normal((12, 18, 18, 3), np.float32)),
    "recurrent": (recurrent, RNG.standard_normal((33, 9, 12), np.float32)),
    "attention": (attention, RNG.integers(0, 50, (10, 17))),
    "wide": (wide, RNG.standard_normal((130, 200), np.float32)),
}


def trained(build, x, captured: bool) -> list[bytes]:
    """Losses of three steps, and the weights and outputs after them."""
    lamina.utils.set_random_seed(3)
    model, loss_fn = build(), lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = lamina.optimizers.Adam(1e-2)
    optimizer.build(model.trainable_weights)
    y = np.arange(len(x)) % 4

    def step(x, y):
        loss = loss_fn(y, model(x, training=True))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    run = lamina.capture(step) if captured else step
    found = [np.asarray(run(x, y)).tobytes() for _ in range(3)]
    assert not captured or run.reason is None
    return [*found, *(np.asarray(w).tobytes() for w in model.weights), np.asarray(model(x)).tobytes()]


@pytest.mark.parametrize("name", NETWORKS)
def test_training_gives_the_same_bits_at_any_number_of_threads(name):
    build, x = NETWORKS[name]
    before = _native.get_num_threads()
    try:
        _native.set_num_threads(1)
        wanted = trained(build, x, captured=False)
        for threads in THREADS:
            _native.set_num_threads(threads)
            for captured in (False, True):
                assert trained(build, x, captured) == wanted, (threads, captured)
    finally:
        _native.set_num_threads(before)
