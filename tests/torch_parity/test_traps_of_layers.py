"""Where layers and functions of one name give different numbers in Lamina (as Keras) and in PyTorch.

The numbers of the tests count the semantic traps of moving code or weights from one library to another.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamina
from lamina import layers, ops


def row(*values):
    """A sequence of one channel, (1, T, 1)."""
    return np.array(values, "f4").reshape(1, -1, 1)


def in_row(torch, *values):
    """The same in PyTorch, (1, 1, T)."""
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, -1)


def test_06_same_padding_has_more_at_the_end(told):
    """Of stride 2 over an even length (0, 1), where PyTorch's users write (1, 1)."""
    ones = np.ones((3, 1, 1), "f4")
    told(
        like_keras=(lambda k: k.ops.conv(row(1, 2, 3, 4), ones, 2, "same")[0, :, 0], [6, 7]),
        torch=(lambda t: t.conv1d(in_row(t, 1, 2, 3, 4), t.ones(1, 1, 3), None, 2, 1)[0, 0], [3, 9]),
    )
    given = ops.conv(row(1, 2, 3, 4), ones, 2, padding=((1, 1),))
    np.testing.assert_array_equal(given[0, :, 0], [3, 9])  # how such a network is carried over
    lower = ops.conv(row(1, 2, 3, 4), ones, 2, "same_lower")  # ONNX's SAME_LOWER has more at the beginning
    np.testing.assert_array_equal(lower[0, :, 0], [3, 9])


def test_07_pooling_moves_by_its_window(told):
    """ONNX moves by 1."""
    told(
        like_keras=(lambda k: k.layers.MaxPooling1D(2)(row(0, 1, 2, 3))[0, :, 0], [1, 3]),
        torch=(lambda t: t.nn.MaxPool1d(2)(in_row(t, 0, 1, 2, 3))[0, 0], [1, 3]),
    )


def test_08_average_leaves_padding_out(told):
    """Keras's torch backend counts some of it."""
    told(
        lamina=(lambda k: k.layers.AveragePooling1D(3, 1, "same")(row(3, 3, 3))[0, :, 0], [3, 3, 3]),
        torch=(lambda t: t.nn.AvgPool1d(3, 1, 1)(in_row(t, 3, 3, 3))[0, 0], [2, 3, 2]),
    )
    counted = ops.average_pool(row(3, 3, 3), 3, 1, padding=1, divisor="padded")
    np.testing.assert_allclose(counted[0, :, 0], [2, 3, 2])


def test_09_average_of_a_window_beyond_the_padding(told):
    """Its last window has one place inside and one of padding: the third, beyond, doesn't count."""
    told(
        lamina=(
            lambda k: k.ops.average_pool(row(6, 6, 6, 6), 3, 2, 1, ceil_mode=True, divisor="padded")[0, :, 0],
            [4, 6, 3],
        ),
        torch=(lambda t: t.nn.AvgPool1d(3, 2, 1, ceil_mode=True)(in_row(t, 6, 6, 6, 6))[0, 0], [4, 6, 3]),
    )


def test_10_window_that_begins_in_the_padding_behind_is_dropped(told):
    told(
        lamina=(lambda k: k.ops.max_pool(row(1, 2), 2, 3, 1, ceil_mode=True)[0, :, 0], [1]),
        torch=(lambda t: t.nn.MaxPool1d(2, 3, 1, ceil_mode=True)(in_row(t, 1, 2))[0, 0], [1]),
    )


def test_11_dilated_pooling(told):
    """PyTorch has it of maxima alone, Keras has none."""
    x = (1, 5, 2, 0, 4)
    told(
        lamina=(lambda k: k.ops.max_pool(row(*x), 2, 1, dilation_rate=2)[0, :, 0], [2, 5, 4]),
        torch=(lambda t: t.nn.MaxPool1d(2, 1, dilation=2)(in_row(t, *x))[0, 0], [2, 5, 4]),
    )
    np.testing.assert_allclose(ops.average_pool(row(*x), 2, 1, dilation_rate=2)[0, :, 0], [1.5, 2.5, 3])


def test_19_dropout_of_a_recurrent_layer_is_of_its_inputs(told):
    """One mask for all steps; PyTorch's ``dropout`` is between layers: of one layer it is nothing."""
    ones = np.ones((1, 5, 40), "f4")

    def dropped(k):
        layer = k.layers.SimpleRNN(40, None, dropout=0.5, return_sequences=True, seed=1)
        layer.build(ones.shape)
        layer.set_weights([np.eye(40, dtype="f4"), np.zeros((40, 40), "f4"), np.zeros(40, "f4")])
        y = k.ops.convert_to_numpy(layer(ones, training=True))[0]
        assert set(np.unique(y[0])) == {0, 2}
        return (y == y[:1]).all()

    def kept(torch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says so
            layer = torch.nn.RNN(40, 40, dropout=0.5, nonlinearity="relu")
        module = layer.train()
        torch.nn.init.eye_(module.weight_ih_l0)
        for w in (module.weight_hh_l0, module.bias_ih_l0, module.bias_hh_l0):
            torch.nn.init.zeros_(w)
        return module(torch.tensor(ones[0]))[0].unique()

    told(like_keras=(dropped, True), torch=(kept, [1]))


KEYS = np.zeros((1, 2, 1), "f4")  # equal scores, so that a mean comes out
VALUES = np.array([[[1], [10]]], "f4")


def plain_attention(k, **options):
    """What one head of one feature gives, whose kernels are 1 for values and outputs, 0 for queries and keys."""
    layer = k.layers.MultiHeadAttention(1, 1, use_bias=False)
    layer.build(VALUES.shape, VALUES.shape)
    layer.set_weights([np.full((1, 1, 1), v, "f4") for v in (0, 0, 1, 1)])
    return layer(VALUES, VALUES, **options)[0, :, 0]


def torch_attention(torch, **options):
    module = torch.nn.MultiheadAttention(1, 1, bias=False, batch_first=True)
    module.load_state_dict(
        {"in_proj_weight": torch.tensor([[0.0], [0.0], [1.0]]), "out_proj.weight": torch.tensor([[1.0]])}
    )
    x = torch.tensor(VALUES)
    return module(x, x, x, **options)[0][0, :, 0]


def test_20_true_in_a_mask_is_kept(told):
    """PyTorch's layers hide where it is True."""
    mask = np.array([[True, False], [True, False]])
    told(
        like_keras=(lambda k: plain_attention(k, attention_mask=mask[None]), [1, 1]),
        torch=(lambda t: torch_attention(t, attn_mask=t.tensor(mask)), [10, 10]),
    )


def test_20_true_in_the_mask_of_the_function_is_kept(told):
    """PyTorch's function keeps where it is True, against its layers."""
    mask, q, v = np.array([[True, False]]), KEYS[:, :1], VALUES
    told(
        like_keras=(
            lambda k: k.ops.dot_product_attention(
                q[:, :, None], KEYS[:, :, None], v[:, :, None], mask=mask[None, None]
            )[0, 0, 0],
            [1],
        ),
        torch=(
            lambda t: t.nn.functional.scaled_dot_product_attention(
                *(t.tensor(a) for a in (q, KEYS, v)), attn_mask=t.tensor(mask)
            )[0, 0],
            [1],
        ),
    )


def test_21_causality_counts_from_the_first_key(told):
    """The first of two queries sees one of three keys; by the other rule, "bottom_right", it would see two."""
    q, k_, v = np.zeros((1, 2, 1, 1), "f4"), np.zeros((1, 3, 1, 1), "f4"), row(1, 2, 6)[..., None]
    told(
        like_keras=(lambda k: k.ops.dot_product_attention(q, k_, v, is_causal=True)[0, :, 0, 0], [1, 1.5]),
        torch=(
            lambda t: t.nn.functional.scaled_dot_product_attention(
                *(t.tensor(a[:, :, 0]) for a in (q, k_, v)), is_causal=True
            )[0, :, 0],
            [1, 1.5],
        ),
    )
    other = ops.dot_product_attention(q, k_, v, is_causal=True, causal_alignment="bottom_right")
    np.testing.assert_allclose(other[0, :, 0, 0], [1.5, 3])


def test_22_what_sees_nothing_is_zero(told):
    """Keras's torch backend gives the mean of all, PyTorch's layer NaN where the weights are wanted."""
    mask = np.zeros((2, 2), bool)
    told(
        lamina=(lambda k: plain_attention(k, attention_mask=mask[None]), [0, 0]),
        keras=(lambda k: plain_attention(k, attention_mask=mask[None]), [5.5, 5.5]),
        torch=(lambda t: torch_attention(t, attn_mask=~t.tensor(mask), need_weights=True), [np.nan, np.nan]),
    )


def test_23_causality_is_a_flag(told):
    """PyTorch's layer takes its flag for a hint about a mask that it still needs."""

    def refused(torch):
        with pytest.raises(RuntimeError, match="attn_mask"):
            torch_attention(torch, is_causal=True)
        return torch_attention(
            torch, attn_mask=torch.tensor([[False, True], [False, False]]), is_causal=True, need_weights=False
        )

    told(
        like_keras=(lambda k: plain_attention(k, use_causal_mask=True), [1, 5.5]),
        torch=(refused, [1, 5.5]),
    )


def test_25_batch_stands_first(told):
    """PyTorch's layer takes the second axis for it unless it is told ``batch_first``."""
    x = np.array([[[1], [3]], [[5], [9]]], "f4")

    def ours(k):
        layer = k.layers.MultiHeadAttention(1, 1, use_bias=False)
        layer.build(x.shape, x.shape)
        layer.set_weights([np.full((1, 1, 1), v, "f4") for v in (0, 0, 1, 1)])
        return layer(x, x)[..., 0]

    def second(torch):
        module = torch.nn.MultiheadAttention(1, 1, bias=False)
        module.load_state_dict(
            {"in_proj_weight": torch.tensor([[0.0], [0.0], [1.0]]), "out_proj.weight": torch.tensor([[1.0]])}
        )
        return module(*[torch.tensor(x)] * 3)[0][..., 0]

    told(like_keras=(ours, [[2, 2], [7, 7]]), torch=(second, [[3, 6], [3, 6]]))


def test_26_momentum_weighs_the_old_mean(told):
    """Keras's is 1 minus PyTorch's."""
    tens = np.full((4, 1), 10, "f4")

    def ours(k):
        layer = k.layers.BatchNormalization(momentum=0.75)
        layer(tens, training=True)
        return layer.moving_mean

    def theirs(torch):
        layer = torch.nn.BatchNorm1d(1, momentum=0.75)
        layer(torch.tensor(tens))
        return layer.running_mean

    told(like_keras=(lambda k: k.ops.convert_to_numpy(ours(k)), [2.5]), torch=(theirs, [7.5]))


def test_26_default_momentum(told):
    told(
        like_keras=(lambda k: k.layers.BatchNormalization().momentum, 0.99),
        torch=(lambda t: t.nn.BatchNorm1d(1).momentum, 0.1),
    )


NEARLY_CONSTANT = np.array([[-0.01], [0.01]], "f4")


def test_27_batch_normalization_adds_a_thousandth(told):
    """0.01 / sqrt(0.0001 + 0.001); PyTorch adds 0.00001."""
    told(
        like_keras=(
            lambda k: k.layers.BatchNormalization()(NEARLY_CONSTANT, training=True)[:, 0],
            [-0.301511, 0.301511],
        ),
        torch=(lambda t: t.nn.BatchNorm1d(1)(t.tensor(NEARLY_CONSTANT))[:, 0], [-0.953463, 0.953463]),
    )


def test_28_running_variance_divides_by_n(told):
    """0.9 + 0.1 * 1; PyTorch keeps that of n - 1, 0.9 + 0.1 * 2."""
    pair = np.array([[0], [2]], "f4")

    def ours(k):
        layer = k.layers.BatchNormalization(momentum=0.9)
        layer(pair, training=True)
        return k.ops.convert_to_numpy(layer.moving_variance)

    def theirs(torch):
        layer = torch.nn.BatchNorm1d(1)
        layer(torch.tensor(pair))
        return layer.running_var

    told(like_keras=(ours, [1.0]), torch=(theirs, [1.1]))


def test_29_layer_normalization_adds_a_thousandth(told):
    x = NEARLY_CONSTANT.T
    told(
        like_keras=(lambda k: k.layers.LayerNormalization()(x)[0], [-0.301511, 0.301511]),
        torch=(lambda t: t.nn.LayerNorm(2)(t.tensor(x))[0], [-0.953463, 0.953463]),
    )


def test_30_gelu_of_layers_is_exact(told):
    one = np.ones(1, "f4")
    told(
        like_keras=(lambda k: k.layers.Activation("gelu")(one), [0.8413447]),
        torch=(lambda t: t.nn.GELU()(t.tensor(one)), [0.8413447]),
        rtol=1e-6,
    )


def test_30_gelu_of_operations_is_the_approximation_by_tanh(told):
    one = np.ones(1, "f4")
    told(
        like_keras=(lambda k: k.ops.gelu(one), [0.8411920]),
        torch=(lambda t: t.nn.functional.gelu(t.tensor(one), approximate="tanh"), [0.8411920]),
        rtol=1e-6,
    )


def test_31_slopes_of_leaky_relu(told):
    x = np.array([-1], "f4")
    told(
        like_keras=(lambda k: k.layers.LeakyReLU()(x), [-0.3]),
        torch=(lambda t: t.nn.LeakyReLU()(t.tensor(x)), [-0.01]),
    )
    assert ops.leaky_relu(x)[0] == np.float32(-0.2)
    assert layers.Activation("leaky_relu")(x)[0] == np.float32(-0.2)


def test_32_hard_sigmoid_reaches_one_at_three(told):
    """relu6(x + 3) / 6; Keras 2 and ONNX have 0.2 x + 0.5, which is 0.7 here."""
    one = np.ones(1, "f4")
    told(
        like_keras=(lambda k: k.ops.hard_sigmoid(one), [2 / 3]),
        torch=(lambda t: t.nn.Hardsigmoid()(t.tensor(one)), [2 / 3]),
    )


def test_33_softmax_goes_along_the_last_axis(told):
    """PyTorch without ``dim`` takes the first one of three axes; ONNX before opset 13 all from the second on."""
    zeros = np.zeros((2, 3, 4), "f4")

    def implicit(torch):
        with pytest.warns(UserWarning, match="Implicit dimension"):
            return torch.nn.functional.softmax(torch.tensor(zeros))[0, 0, 0]

    told(
        like_keras=(lambda k: k.layers.Softmax()(zeros)[0, 0, 0], 1 / 4),
        torch=(implicit, 1 / 2),
    )


def test_34_row_of_padding_is_trained(told):
    """``mask_zero`` makes a mask alone; PyTorch's ``padding_idx`` is a row of zeros without a gradient."""
    indices = np.array([[0, 1, 0]])

    def theirs(torch):
        table = torch.nn.Embedding(2, 1, padding_idx=0)
        table(torch.tensor(indices)).sum().backward()
        return table.weight.grad[:, 0]

    def ours(lamina):
        table = lamina.layers.Embedding(2, 1, mask_zero=True)
        y = table(indices)
        assert np.array_equal(y.mask, [[False, True, False]])
        lamina.ops.sum(y).backward()
        return table.weights[0].grad[:, 0]

    told(lamina=(ours, [2, 1]), torch=(theirs, [0, 1]))


def test_34_negative_indices_are_refused():
    """ONNX's Gather counts them from the end."""
    table = layers.Embedding(3, 2)
    with pytest.raises((IndexError, ValueError), match="-1"):
        table(np.array([-1]))
    assert lamina.ops.take(np.array([1.0, 2, 3]), -1) == 3


def test_35_cubic_weights(told):
    """Cubics of slope -0.5; PyTorch's has -0.75, and -0.5 with ``antialias``."""
    impulse = np.zeros((1, 5, 9, 1), "f4")
    impulse[:, :, 4] = 1

    def ours(k, **rule):
        return k.ops.image.resize(impulse, (5, 18), "bicubic", **rule)[0, 2, 5:9, 0]

    def theirs(torch, **options):
        y = torch.nn.functional.interpolate(
            torch.tensor(impulse.transpose(0, 3, 1, 2)), (5, 18), mode="bicubic", **options
        )
        return y[0, 0, 2, 5:9]

    half = [-0.0234375, -0.0703125, 0.2265625, 0.8671875]
    three_quarters = [-0.03515625, -0.10546875, 0.26171875, 0.87890625]
    told(lamina=(ours, half), torch=(theirs, three_quarters))
    told(lamina=(lambda k: ours(k, rule="torch"), three_quarters), torch=(lambda t: theirs(t, antialias=True), half))
