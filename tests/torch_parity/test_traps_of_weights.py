"""Where weights differ between Lamina (as Keras) and PyTorch: layouts, order of gates, first values.

The numbers of the tests count the semantic traps of moving code or weights from one library to another. Layouts are
carried over by hand: the same numbers come out of both libraries.
"""

from __future__ import annotations

import numpy as np


def counting(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def with_weights(layer, *weights):
    """The layer with these weights; it is built by the shape that the test calls it with."""
    layer.set_weights(list(weights))
    return layer


def in_torch(torch, module, **weights):
    """A torch module with these arrays as weights."""
    module.load_state_dict({name: torch.tensor(np.ascontiguousarray(w)) for name, w in weights.items()})
    return module


def ours(layer, x, *weights):
    layer.build(x.shape)
    return with_weights(layer, *weights)(x)


def theirs(torch, module, x, **weights):
    return in_torch(torch, module, **weights)(torch.tensor(np.ascontiguousarray(x)))


def test_01_dense_kernel_is_in_out(told):
    kernel, bias, x = counting(3, 2), np.array([10, 20], "f4"), np.array([[1, 2, 3]], "f4")
    told(
        like_keras=(lambda k: ours(k.layers.Dense(2), x, kernel, bias), [[26, 42]]),
        torch=(lambda t: theirs(t, t.nn.Linear(3, 2), x, weight=kernel.T, bias=bias), [[26, 42]]),
    )


def test_02_convolution_kernel_is_height_width_in_out(told):
    kernel, x = counting(1, 2, 2, 3), np.array([[[[1, 10], [100, 1000]]]], "f4")
    want = [9630, 10741, 11852]  # each of the three: k[0,0] + 10 k[0,1] + 100 k[1,0] + 1000 k[1,1]
    told(
        like_keras=(lambda k: ours(k.layers.Conv2D(3, (1, 2), use_bias=False), x, kernel)[0, 0, 0], want),
        torch=(
            lambda t: theirs(
                t, t.nn.Conv2d(2, 3, (1, 2), bias=False), x.transpose(0, 3, 1, 2), weight=kernel.transpose(3, 2, 0, 1)
            )[0, :, 0, 0],
            want,
        ),
    )


def test_03_transposed_convolution_kernel_is_height_width_out_in(told):
    kernel, x = counting(1, 2, 3, 2), np.array([[[[1, 10]]]], "f4")
    want = [[10, 32, 54], [76, 98, 120]]  # at each of two places, three channels out: k[..., 0] + 10 k[..., 1]
    told(
        like_keras=(lambda k: ours(k.layers.Conv2DTranspose(3, (1, 2), use_bias=False), x, kernel)[0, 0], want),
        torch=(
            lambda t: (
                theirs(
                    t,
                    t.nn.ConvTranspose2d(2, 3, (1, 2), bias=False),
                    x.transpose(0, 3, 1, 2),
                    weight=kernel.transpose(3, 2, 0, 1),
                )[0, :, 0].T
            ),
            want,
        ),
    )


def test_04_depthwise_kernel_is_height_width_in_multiplier(told):
    """Channel c times m + j of the result is the j-th of channel c."""
    kernel, x = counting(1, 1, 2, 3) + 1, np.array([[[[1, 10]]]], "f4")
    want = [1, 2, 3, 40, 50, 60]
    told(
        like_keras=(
            lambda k: ours(k.layers.DepthwiseConv2D(1, depth_multiplier=3, use_bias=False), x, kernel)[0, 0, 0],
            want,
        ),
        torch=(
            lambda t: theirs(
                t,
                t.nn.Conv2d(2, 6, 1, groups=2, bias=False),
                x.transpose(0, 3, 1, 2),
                weight=kernel.transpose(2, 3, 0, 1).reshape(6, 1, 1, 1),
            )[0, :, 0, 0],
            want,
        ),
    )


def test_05_flatten_takes_channels_last(told):
    """A dense layer behind Flatten needs its kernel's rows in another order."""
    kernel, x = counting(4, 1), np.array([[[[1, 10], [100, 1000]]]], "f4")  # 1 x 2 pixels of 2 channels
    rows = kernel.reshape(1, 2, 2, 1).transpose(3, 2, 0, 1).reshape(1, 4)
    told(
        like_keras=(
            lambda k: ours(k.layers.Dense(1, use_bias=False), np.array(k.layers.Flatten()(x)), kernel),
            [[3210]],
        ),
        torch=(
            lambda t: t.nn.Flatten()(t.tensor(x.transpose(0, 3, 1, 2).copy())) @ t.tensor(rows).T,
            [[3210]],
        ),
    )


def test_05_flatten_without_the_turn_is_wrong(told):
    kernel, x = counting(4, 1), np.array([[[[1, 10], [100, 1000]]]], "f4")
    told(torch=(lambda t: t.nn.Flatten()(t.tensor(x.transpose(0, 3, 1, 2).copy())) @ t.tensor(kernel), [[3120]]))


def test_12_transposed_convolution_is_the_gradient_of_convolution(told):
    """An input of 1 lays the kernel down as it is; Flax without ``transpose_kernel`` would lay it down backwards."""
    x, kernel = np.array([[[1], [10]]], "f4"), np.array([1, 2, 3], "f4")
    told(
        like_keras=(
            lambda k: ours(k.layers.Conv1DTranspose(1, 3, use_bias=False), x, kernel.reshape(3, 1, 1))[0, :, 0],
            [1, 12, 23, 30],
        ),
        torch=(
            lambda t: theirs(
                t,
                t.nn.ConvTranspose1d(1, 1, 3, bias=False),
                x.transpose(0, 2, 1),
                weight=kernel.reshape(1, 1, 3),
            )[0, 0],
            [1, 12, 23, 30],
        ),
    )


STEPS = np.array([[[1.0], [-0.5], [2.0]]], "f4")
KERNEL = np.array([[0.5, -1.0, 1.5, 2.0]], "f4")  # of one unit's gates i, f, c, o
RECURRENT = np.array([[-0.3, 0.8, 0.2, -0.6]], "f4")
BIAS = np.array([0.1, 1.0, -0.2, 0.3], "f4")


def test_13_lstm_gates_are_input_forget_cell_output(told):
    """ONNX has them as input, output, forget, cell."""
    told(
        like_keras=(lambda k: ours(k.layers.LSTM(1), STEPS, KERNEL, RECURRENT, BIAS), [[0.650989]]),
        torch=(
            lambda t: theirs(
                t,
                t.nn.LSTM(1, 1, batch_first=True),
                STEPS,
                weight_ih_l0=KERNEL.T,
                weight_hh_l0=RECURRENT.T,
                bias_ih_l0=BIAS,
                bias_hh_l0=0 * BIAS,
            )[0][:, -1],
            [[0.650989]],
        ),
    )


def test_14_lstm_has_one_bias(told):
    """PyTorch's two are added; its own forward pass can't tell them apart."""
    other = np.array([0.4, -0.5, 0.6, 0.7], "f4")
    told(
        like_keras=(lambda k: ours(k.layers.LSTM(1), STEPS, KERNEL, RECURRENT, BIAS + other), [[0.71065]]),
        torch=(
            lambda t: theirs(
                t,
                t.nn.LSTM(1, 1, batch_first=True),
                STEPS,
                weight_ih_l0=KERNEL.T,
                weight_hh_l0=RECURRENT.T,
                bias_ih_l0=BIAS,
                bias_hh_l0=other,
            )[0][:, -1],
            [[0.71065]],
        ),
    )


def test_15_lstm_forgets_nothing_at_first(told):
    """The forget gate's bias begins at 1; PyTorch's biases are all drawn from U(-1/sqrt(h), 1/sqrt(h))."""

    def bias(k):
        layer = k.layers.LSTM(3)
        layer.build((1, 2, 3))
        return layer.get_weights()[2]

    def in_range(torch):
        torch.manual_seed(0)
        drawn = torch.nn.LSTM(3, 100).bias_ih_l0
        return [drawn.abs().max() <= 0.1, drawn.std()]

    told(like_keras=(bias, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]))
    told(torch=(in_range, [1, 0.1 / 3**0.5]), rtol=0.1)


def test_16_recurrent_kernels_begin_orthogonal(told):
    """R R^T is the identity; PyTorch draws all from U(-1/sqrt(h), 1/sqrt(h)), whose R R^T has 1/3 on its diagonal."""

    def product(k):
        layer = k.layers.SimpleRNN(5)
        layer.build((1, 2, 3))
        recurrent = layer.get_weights()[1]
        return recurrent @ recurrent.T

    def diagonal(torch):
        torch.manual_seed(0)
        drawn = torch.nn.RNN(3, 200).weight_hh_l0
        return (drawn @ drawn.T).diagonal().mean()

    told(like_keras=(product, np.eye(5)))
    told(torch=(diagonal, 1 / 3), rtol=0.05)


Z_R_H = {  # one unit's gates in Keras's order: update, reset, candidate
    "kernel": np.array([[0.5, -1.0, 1.5]], "f4"),
    "recurrent": np.array([[-0.3, 0.8, 0.9]], "f4"),
    "bias": np.array([[0.1, 0.2, -0.2], [0.3, -0.4, 0.5]], "f4"),  # of the input, of the state
}


def torch_gru(torch, order):
    """PyTorch's layer with Keras's weights, gates in this order."""
    return theirs(
        torch,
        torch.nn.GRU(1, 1, batch_first=True),
        STEPS,
        weight_ih_l0=Z_R_H["kernel"][:, order].T,
        weight_hh_l0=Z_R_H["recurrent"][:, order].T,
        bias_ih_l0=Z_R_H["bias"][0, order],
        bias_hh_l0=Z_R_H["bias"][1, order],
    )[0][:, -1]


def test_17_gru_gates_are_update_reset_candidate(told):
    """PyTorch has them as reset, update, candidate."""
    told(
        like_keras=(lambda k: ours(k.layers.GRU(1), STEPS, *Z_R_H.values()), [[0.122067]]),
        torch=(lambda t: torch_gru(t, [1, 0, 2]), [[0.122067]]),
    )


def test_17_gru_with_gates_in_the_wrong_order(told):
    told(torch=(lambda t: torch_gru(t, [0, 1, 2]), [[0.9183]]))


def test_18_gru_resets_after_the_product(told):
    """PyTorch has this form alone; ONNX's default is the other one, whose two biases are one."""
    told(
        like_keras=(
            lambda k: ours(
                k.layers.GRU(1, reset_after=False), STEPS, Z_R_H["kernel"], Z_R_H["recurrent"], Z_R_H["bias"].sum(0)
            ),
            [[0.199589]],
        ),
        torch=(lambda t: torch_gru(t, [1, 0, 2]), [[0.122067]]),
    )


def test_24_attention_has_a_kernel_each_for_query_key_and_value(told):
    """(features, heads, size) each, and (heads, size, features) back; PyTorch packs the three, transposed, into one."""
    width, heads = 4, 2
    draw = np.random.default_rng(0)
    query, key, value, out = (draw.standard_normal((width, width)).astype("f4") for _ in range(4))
    biases = draw.standard_normal((4, width)).astype("f4")
    x = draw.standard_normal((1, 3, width)).astype("f4")

    def divided(k):
        layer = k.layers.MultiHeadAttention(heads, width // heads)
        layer.build(x.shape, x.shape)
        split = [w.reshape(width, heads, -1) for w in (query, key, value)]
        small = [b.reshape(heads, -1) for b in biases[:3]]
        weights = [a for pair in zip(split, small, strict=True) for a in pair]
        layer.set_weights([*weights, out.reshape(heads, -1, width), biases[3]])
        return layer(x, x)[0, 0]

    def packed(torch):
        module = in_torch(
            torch,
            torch.nn.MultiheadAttention(width, heads, batch_first=True),
            in_proj_weight=np.concatenate([query.T, key.T, value.T]),
            in_proj_bias=biases[:3].ravel(),
            **{"out_proj.weight": out.T, "out_proj.bias": biases[3]},
        )
        return module(*[torch.tensor(x)] * 3)[0][0, 0]

    want = [2.201495, 6.085615, -5.735922, 3.650492]
    told(like_keras=(divided, want), torch=(packed, want))


def test_46_embeddings_begin_within_a_twentieth(told):
    """U(-0.05, 0.05), whose deviation is 0.0289; PyTorch's N(0, 1) is 35 times as wide."""

    def deviation(k):
        k.utils.set_random_seed(0)
        layer = k.layers.Embedding(1000, 50)
        layer.build((1,))
        return layer.get_weights()[0].std()

    def normal(torch):
        torch.manual_seed(0)
        return torch.nn.Embedding(1000, 50).weight.std()

    told(like_keras=(deviation, 0.1 / 12**0.5), torch=(normal, 1.0), rtol=0.02)
