"""State dicts of whole networks of PyTorch, and files that it writes and reads."""

from __future__ import annotations

import numpy as np
import pytest
from compare import torch
from state_dicts import RNG, OwnAttention, check, images, norm, randomized, same

import lamina
from lamina import Input, Model, Sequential, layers, ops

nn = torch.nn
pytestmark = [pytest.mark.filterwarnings(f"ignore:.*{text}") for text in ("LSTM with projections", "is deprecated")]


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(11, 8), nn.Embedding(12, 8)
        self.transformer = nn.Transformer(8, 2, 2, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 12)

    def forward(self, a, b):
        mask = nn.Transformer.generate_square_subsequent_mask(b.shape[1])
        return self.head(self.transformer(self.source(a), self.target(b), tgt_mask=mask))


def test_a_whole_transformer():
    a, b = Input((None,), dtype="int64"), Input((None,), dtype="int64")
    x, y = layers.Embedding(11, 8)(a), layers.Embedding(12, 8)(b)
    for _ in range(2):
        x = layers.TransformerEncoder(16, 2)(x)
    x = layers.LayerNormalization(epsilon=1e-5)(x)
    for _ in range(2):
        y = layers.TransformerDecoder(16, 2)(y, x)
    y = layers.LayerNormalization(epsilon=1e-5)(y)
    model = Model([a, b], layers.Dense(12)(y))
    given = RNG.integers(0, 11, (2, 4)), RNG.integers(0, 12, (2, 3))

    class Both(lamina.Model):
        def __init__(self):
            super().__init__()
            self.model = model

        def call(self, a, b):
            return self.model([a, b])

    check(Translator(), Both(), given, tuple(map(torch.tensor, given)), many=True, like=True)


# ---- networks ----


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(Block(8, 8, 1), Block(8, 8, 1))
        self.layer2 = nn.Sequential(Block(8, 16, 2), Block(16, 16, 1))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.layer2(self.layer1(self.bn1(self.conv1(x)).relu()))
        return self.fc(x.mean((2, 3)))


def padded(x, filters, stride):
    if stride > 1:  # PyTorch pads both sides alike
        x = layers.ZeroPadding2D(1)(x)
    return layers.Conv2D(filters, 3, stride, "valid" if stride > 1 else "same", use_bias=False)(x)


def resnet(early):
    """early: whether shortcuts are drawn before their blocks."""

    def block(x, filters, stride):
        shortcut = x
        if early and (stride > 1 or x.shape[-1] != filters):
            shortcut = norm()(layers.Conv2D(filters, 1, stride, use_bias=False)(x))
        y = ops.relu(norm()(padded(x, filters, stride)))
        y = norm()(padded(y, filters, 1))
        if not early and (stride > 1 or x.shape[-1] != filters):
            shortcut = norm()(layers.Conv2D(filters, 1, stride, use_bias=False)(x))
        return ops.relu(layers.Add()([shortcut, y] if early else [y, shortcut]))

    inputs = Input((8, 8, 3))
    x = ops.relu(norm()(padded(inputs, 8, 1)))
    for filters, stride in ((8, 1), (8, 1), (16, 2), (16, 1)):
        x = block(x, filters, stride)
    return Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


def test_a_residual_network():
    check(ResNet(), resnet(early=False), *images(3, 8, 8), like=True)


class OurBlock(lamina.Model):
    """With PyTorch's names."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(outputs, 3, stride, use_bias=False)
        self.bn1 = norm()
        self.conv2 = layers.Conv2D(outputs, 3, padding="same", use_bias=False)
        self.bn2 = norm()
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = Sequential([layers.Conv2D(outputs, 1, stride, use_bias=False), norm()])

    def call(self, x):
        y = self.bn2(self.conv2(ops.relu(self.bn1(self.conv1(self.pad(x))))))
        return ops.relu(y + (x if self.downsample is None else self.downsample(x)))


class OurResNet(lamina.Model):
    def __init__(self):
        super().__init__()
        self.conv1 = layers.Conv2D(8, 3, padding="same", use_bias=False)
        self.bn1 = norm()
        self.layer1 = [OurBlock(8, 8, 1), OurBlock(8, 8, 1)]
        self.layer2 = Sequential([OurBlock(8, 16, 2), OurBlock(16, 16, 1)])
        self.fc = layers.Dense(5)

    def call(self, x):
        x = ops.relu(self.bn1(self.conv1(x)))
        for block in self.layer1:
            x = block(x)
        return self.fc(ops.mean(self.layer2(x), (1, 2)))


def test_a_residual_network_by_names():
    report = check(ResNet(), OurResNet(), *images(3, 8, 8))
    assert report.how == "names"


def vgg():
    convolutions = [nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    convolutions += [nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Linear(8 * 2 * 3, 10), nn.BatchNorm1d(10), nn.ReLU(), nn.Dropout(), nn.Linear(10, 4)]
    return nn.Sequential(*convolutions, *head)


def test_vgg_flattens_channels_first():
    model = Sequential([
        Input((8, 12, 3)), layers.Conv2D(6, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(8, 3, padding="same"), norm(), layers.ReLU(), layers.MaxPooling2D(2), layers.Flatten(),
        layers.Dropout(0.5), layers.Dense(10), norm(), layers.ReLU(), layers.Dense(4),
    ])  # fmt: skip
    report = check(vgg(), model, *images(3, 8, 12), like=True)
    assert report.how == "order"


def test_flattened_features_are_normalized():
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.BatchNorm1d(36), nn.Linear(36, 4))
    model = Sequential([Input((5, 6, 2)), layers.Conv2D(3, 3), layers.Flatten(), norm(), layers.Dense(4)])
    check(module, model, *images(2, 5, 6))


def test_flattened_sequences():
    module = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(18, 4))
    model = Sequential([Input((8, 2)), layers.Conv1D(3, 3), layers.Flatten(), layers.Dense(4)])
    check(module, model, *images(2, 8))
    module = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(12, 4))
    model = Sequential([Input((4,), dtype="int64"), layers.Embedding(5, 3), layers.Flatten(), layers.Dense(4)])
    ids = RNG.integers(0, 5, (2, 4))
    check(module, model, ids, torch.tensor(ids))


@pytest.mark.parametrize("moved", [False, True])
def test_channels_first_flatten_as_pytorch(moved):
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 4))
    form = {"data_format": "channels_first"}
    flatten = layers.Flatten(**form) if moved else layers.Flatten()
    pool = layers.MaxPooling2D(2, **form)
    model = Sequential([Input((2, 6, 8)), layers.Conv2D(3, 3, **form), pool, flatten, layers.Dense(4)])
    _, t = images(2, 6, 8)
    check(module, model, t.numpy(), t)


class Own(lamina.Model):
    """No graph shows what is flattened: it is said."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = layers.Conv2D(3, 3), layers.Dense(4)

    def call(self, x):
        x = self.conv(x)
        return self.fc(ops.reshape(x, (x.shape[0], -1)))


class Theirs(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 3, 3), nn.Linear(36, 4)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


def test_flattened_is_said():
    module, model = randomized(Theirs()), Own()
    x, t = images(2, 5, 6)
    model(x)
    lamina.torch.load_state_dict(model, module.state_dict(), flattened={"fc": (3, 4, 3)})
    np.testing.assert_allclose(model(x).numpy(), module(t).detach().numpy(), atol=1e-6)
    back = lamina.torch.state_dict(model, flattened={"fc": (3, 4, 3)})
    np.testing.assert_array_equal(back["fc.weight"], module.fc.weight.detach().numpy())
    with pytest.raises(ValueError, match="there is no layer 'fd'"):
        lamina.torch.load_state_dict(model, module.state_dict(), flattened={"fd": (3, 4, 3)})


def autoencoder():
    down = [nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 6), nn.ReLU()]
    up = [nn.Linear(6, 64), nn.BatchNorm1d(64), nn.Unflatten(1, (4, 4, 4)), nn.ConvTranspose2d(4, 1, 2, 2)]
    return nn.Sequential(*down, *up)


def test_an_autoencoder_makes_images_of_features():
    inputs = Input((8, 8, 1))
    x = layers.ReLU()(layers.Conv2D(4, 3, 2)(layers.ZeroPadding2D(1)(inputs)))
    x = layers.Dense(6, "relu")(layers.Flatten()(x))
    x = layers.Reshape((4, 4, 4))(norm()(layers.Dense(64)(x)))
    model = Model(inputs, layers.Conv2DTranspose(1, 2, 2)(x))
    check(autoencoder(), model, *images(1, 8, 8), like=True)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, padding=1)
        self.bottom = nn.Conv2d(4, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.merge = nn.Conv2d(8, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        a = self.down(x).relu()
        b = self.bottom(nn.functional.max_pool2d(a, 2)).relu()
        return self.head(self.merge(torch.cat([a, self.up(b)], 1)).relu())


def test_a_u_net():
    inputs = Input((8, 8, 3))
    a = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    b = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.MaxPooling2D(2)(a))
    c = layers.Concatenate()([a, layers.Conv2DTranspose(4, 2, 2)(b)])
    y = layers.Conv2D(2, 1)(layers.Conv2D(4, 3, padding="same", activation="relu")(c))
    check(UNet(), Model(inputs, y), *images(3, 8, 8), like=True)


class GPT(nn.Module):
    """As nanoGPT: tied weights, one linear module for query, key and value."""

    def __init__(self, tied=True):
        super().__init__()
        blocks = []
        for _ in range(2):
            attention, mlp = OwnAttention(), nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 8))
            parts = {"ln_1": nn.LayerNorm(8), "attn": attention, "ln_2": nn.LayerNorm(8), "mlp": mlp}
            blocks.append(nn.ModuleDict(parts))
        self.wte, self.wpe = nn.Embedding(11, 8), nn.Embedding(6, 8)
        self.h = nn.ModuleList(blocks)
        self.ln_f = nn.LayerNorm(8)
        self.lm_head = nn.Linear(8, 11, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = x + block["attn"](block["ln_1"](x))
            x = x + block["mlp"](block["ln_2"](x))
        return self.lm_head(self.ln_f(x))


def test_gpt():
    ids = Input((None,), dtype="int64")
    table = layers.ReversibleEmbedding(11, 8)
    x = table(ids)
    x = x + layers.PositionEmbedding(6)(x)
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.MultiHeadAttention(2, 4)(y, y, use_causal_mask=True)
        y = layers.Dense(32, "gelu")(layers.LayerNormalization(epsilon=1e-5)(x))
        x = x + layers.Dense(8)(y)
    model = Model(ids, table(layers.LayerNormalization(epsilon=1e-5)(x), reverse=True))
    given = RNG.integers(0, 11, (2, 5))
    report = check(GPT(), model, given, torch.tensor(given), like=True)
    assert any("lm_head.weight' is the same as 'wte.weight'" in note for note in report.notes)


def test_gpt_of_encoder_layers():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True)
    module = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    class Causal(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = module

        def forward(self, x):
            return self.blocks(x, nn.Transformer.generate_square_subsequent_mask(x.shape[1]))

    model = Sequential([Input((None, 8)), *(layers.TransformerDecoder(16, 2, normalize_first=True) for _ in range(2))])
    check(Causal(), model, *same(2, 5, 8), like=True)


class CRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d((4, 1)))
        self.rnn = nn.LSTM(4, 5, 2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(10, 7)

    def forward(self, x):
        x = self.conv(x).squeeze(2).transpose(1, 2)
        return self.fc(self.rnn(x)[0])


def test_a_recognizer():
    inputs = Input((4, 10, 1))
    x = layers.MaxPooling2D((4, 1))(layers.ReLU()(norm()(layers.Conv2D(4, 3, padding="same")(inputs))))
    x = layers.Reshape((10, 4))(x)
    for _ in range(2):
        x = layers.Bidirectional(layers.LSTM(5, return_sequences=True))(x)
    check(CRNN(), Model(inputs, layers.Dense(7)(x)), *images(1, 4, 10), like=True)


def test_siamese():
    class Twins(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))

        def forward(self, a, b):
            return (self.encoder(a) - self.encoder(b)).abs()

    class Ours(lamina.Model):
        def __init__(self):
            super().__init__()
            self.encoder = Sequential([layers.Dense(5), layers.ReLU(), layers.Dense(3)])

        def call(self, a, b):
            return ops.abs(self.encoder(a) - self.encoder(b))

    (a, ta), (b, tb) = same(2, 6), same(2, 6)
    report = check(Twins(), Ours(), (a, b), (ta, tb), many=True)
    assert report.how == "names"


def test_separable_convolutions():
    module = nn.Sequential(nn.Conv2d(3, 6, 3, groups=3, bias=False), nn.Conv2d(6, 4, 1))
    check(module, layers.SeparableConv2D(4, 3, depth_multiplier=2), *images(3, 6, 5), like=True)


def test_weights_of_a_users_own():
    class Patch(nn.Module):
        def __init__(self):
            super().__init__()
            self.cls_token = nn.Parameter(torch.randn(1, 1, 4))
            self.proj = nn.Linear(3, 4)

        def forward(self, x):
            return torch.cat([self.cls_token.expand(x.shape[0], -1, -1), self.proj(x)], 1)

    class Ours(lamina.Model):
        def __init__(self):
            super().__init__()
            self.proj = layers.Dense(4)
            self.cls_token = self.add_weight((1, 1, 4))

        def call(self, x):
            return ops.concatenate([ops.broadcast_to(self.cls_token, (x.shape[0], 1, 4)), self.proj(x)], 1)

    check(Patch(), Ours(), *same(2, 3, 3))


@pytest.mark.parametrize("old", [False, True])
def test_weight_norm(old):
    norm_of = torch.nn.utils.weight_norm if old else torch.nn.utils.parametrizations.weight_norm
    module = nn.Sequential(norm_of(nn.Conv2d(3, 4, 3)), nn.Flatten(), norm_of(nn.Linear(16, 2)))
    module = randomized(module)
    model = Sequential([Input((4, 4, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
    x, t = images(3, 4, 4)
    lamina.torch.load_state_dict(model, module.state_dict())
    np.testing.assert_allclose(model(x).numpy(), module(t).detach().numpy(), atol=1e-5)


# ---- files ----


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("how", ["zip", "stream", "protocol 4", "safetensors", "torch tensors"])
def test_files_of_all_kinds(dtype, how, tmp_path):
    module = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.BatchNorm1d(4), nn.Linear(4, 3)).to(dtype)
    model = Sequential([Input((5,)), layers.Dense(4), layers.ReLU(), norm(), layers.Dense(3)])
    state = module.state_dict()
    path = tmp_path / ("m.safetensors" if how == "safetensors" else "m.pt")
    if how == "safetensors":
        pytest.importorskip("safetensors.torch").save_file(state, path)
    elif how != "torch tensors":
        options = {"stream": {"_use_new_zipfile_serialization": False}, "protocol 4": {"pickle_protocol": 4}}
        torch.save(state, path, **options.get(how, {}))
    lamina.torch.load_state_dict(model, state if how == "torch tensors" else path)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), state["0.weight"].float().numpy().T)
    np.testing.assert_array_equal(model.layers[2].moving_mean.numpy(), state["2.running_mean"].float().numpy())


def test_checkpoints_and_wrappers(tmp_path):
    module = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(module.parameters())
    wrapped = {f"module.{k}": v for k, v in module.state_dict().items()}
    saved = {"epoch": 3, "model_state_dict": wrapped, "optimizer_state_dict": optimizer.state_dict()}
    torch.save(saved, tmp_path / "c.pth")
    layer = layers.Dense(2)
    layer.build((None, 3))
    lamina.torch.load_state_dict(layer, tmp_path / "c.pth")
    np.testing.assert_array_equal(layer.kernel.numpy(), module.weight.detach().numpy().T)
    found = lamina.torch.load(tmp_path / "c.pth")
    assert found["epoch"] == 3
    assert found["optimizer_state_dict"]["param_groups"][0]["betas"] == (0.9, 0.999)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
def test_files_that_are_written(suffix, tmp_path):
    model = Sequential([Input((6, 6, 2)), layers.Conv2D(3, 3), norm(), layers.Flatten(), layers.Dense(2)])
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, 2)).eval()
    path = tmp_path / f"m{suffix}"
    lamina.torch.save_state_dict(model, path)
    if suffix == ".safetensors":
        state = pytest.importorskip("safetensors.torch").load_file(path)
    else:
        state = torch.load(path, weights_only=True)
    assert module.load_state_dict(state).missing_keys == []
    x, t = images(2, 6, 6)
    np.testing.assert_allclose(model(x).numpy(), module(t).detach().numpy(), atol=1e-6)
    again = lamina.torch.load(path)
    assert list(again) == list(lamina.torch.state_dict(model))


def test_scripted_and_whole_modules_are_named(tmp_path):
    module = nn.Linear(2, 2)
    torch.jit.script(module).save(tmp_path / "s.pt")
    with pytest.raises(ValueError, match="TorchScript"):
        lamina.torch.load(tmp_path / "s.pt")
    torch.save(module, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=r"names 'torch.nn.modules.linear.Linear'.*torch.save\(model.state_dict"):
        lamina.torch.load(tmp_path / "w.pt")
