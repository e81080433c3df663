"""The networks of networks.py in PyTorch: same layers, sizes, losses, optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from network_data import (
    CONTEXT,
    DEPTH,
    FILTERS,
    HEADS,
    SYMBOLS,
    WIDTH,
    WORDS,
    WORDS_UNITS,
    WORDS_WIDTH,
)


def mlp() -> nn.Module:
    hidden = [nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.2)]
    return nn.Sequential(*hidden, nn.Linear(512, 10))


def small_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))


def cnn() -> nn.Module:
    convolutions = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25)]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(12 * 12 * 64, 128), nn.ReLU(), nn.Linear(128, 10))


class Normalized(nn.Module):
    def __init__(self, before: int, filters: int, size: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, filters, size, stride, padding=size // 2, bias=False)
        self.norm = nn.BatchNorm2d(filters, momentum=0.1, eps=1e-5)

    def forward(self, x: Any) -> Any:
        return self.norm(self.convolution(x))


class Residual(nn.Module):
    def __init__(self, before: int, filters: int, stride: int) -> None:
        super().__init__()
        self.first = Normalized(before, filters, 3, stride)
        self.second = Normalized(filters, filters, 3, 1)
        self.shortcut = Normalized(before, filters, 1, stride) if stride == 2 else nn.Identity()

    def forward(self, x: Any) -> Any:
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


def resnet20() -> nn.Module:
    parts: list[nn.Module] = [Normalized(3, 16, 3, 1), nn.ReLU()]
    before = 16
    for filters in (16, 32, 64):
        for block in range(3):
            parts.append(Residual(before, filters, 2 if filters > 16 and block == 0 else 1))
            before = filters
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 128, batch_first=True)
        self.dense = nn.Linear(128, 10)

    def forward(self, x: Any) -> Any:
        return self.dense(self.lstm(x)[1][0][0])


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WORDS_WIDTH)
        self.gru = nn.GRU(WORDS_WIDTH, WORDS_UNITS, batch_first=True)
        self.dense = nn.Linear(WORDS_UNITS, 2)

    def forward(self, x: Any) -> Any:
        return self.dense(self.gru(self.words(x))[1][0])


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Any) -> Any:
        n, t, _ = x.shape
        q, k, v = (h.view(n, t, HEADS, -1).transpose(1, 2) for h in self.qkv(self.norm1(x)).split(WIDTH, dim=2))
        h = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.dropout(self.out(h.transpose(1, 2).reshape(n, t, WIDTH)))
        return x + self.dropout(self.narrow(F.gelu(self.wide(self.norm2(x)))))


class Gpt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.positions = nn.Embedding(SYMBOLS, WIDTH), nn.Parameter(torch.randn(CONTEXT, WIDTH) * 0.02)
        self.dropout = nn.Dropout(0.1)
        self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, SYMBOLS)

    def forward(self, x: Any) -> Any:
        return self.head(self.norm(self.blocks(self.dropout(self.symbols(x) + self.positions))))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList([self.double(a, b) for a, b in zip((3, *FILTERS), FILTERS, strict=False)])
        pairs = list(zip(FILTERS[:0:-1], FILTERS[-2::-1], strict=True))
        self.up = nn.ModuleList([nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs])
        self.joined = nn.ModuleList([self.double(2 * b, b) for _, b in pairs])
        self.last = nn.Conv2d(FILTERS[0], 1, 1)

    @staticmethod
    def double(before: int, filters: int) -> nn.Module:
        first, second = Normalized(before, filters, 3, 1), Normalized(filters, filters, 3, 1)
        return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())

    def forward(self, x: Any) -> Any:
        beside = []
        for part in self.down:
            x = part(self.pool(x) if beside else x)
            beside.append(x)
        for up, part, skip in zip(self.up, self.joined, beside[-2::-1], strict=True):
            x = part(torch.cat([skip, up(x)], 1))
        return self.last(x)


class Pair(nn.Module):
    """One tower on both images; the difference of what it finds."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = tower()

    def forward(self, a: Any, b: Any) -> Any:
        return self.tower(a) - self.tower(b)


def tower() -> nn.Module:
    convolutions = [nn.Conv2d(1, 32, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 5), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(13 * 13 * 64, 128))


MODELS: dict[str, Callable[[], nn.Module]] = {
    "mlp": mlp,
    "small mlp": small_mlp,
    "cnn": cnn,
    "resnet-20": resnet20,
    "lstm": Recurrent,
    "gru": Words,
    "gpt": Gpt,
    "u-net": UNet,
    "siamese": Pair,
}
IMAGES = ("cnn", "resnet-20", "u-net", "siamese")


def contrastive(same: Any, difference: Any) -> Any:
    square = difference.square().sum(-1)
    far = F.relu(1.0 - (square + 1e-6).sqrt()).square()
    return (same * square + (1.0 - same) * far).mean()


@dataclass
class Network:
    name: str
    model: nn.Module
    train: Callable[..., Any]
    infer: Callable[..., Any]
    channels_last: bool

    @property
    def parameters(self) -> int:
        """Without the LSTM's second bias, which adds to the first (Keras's GRU has both)."""
        skip = "bias_hh" if self.name == "lstm" else "\0"
        return sum(p.numel() for name, p in self.model.named_parameters() if skip not in name)

    def batch(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """NumPy's batch as tensors, images in this network's memory format."""
        tensors = [torch.from_numpy(a) for a in arrays]
        if self.name in IMAGES:
            form = torch.channels_last if self.channels_last else torch.contiguous_format
            tensors = [t.permute(0, 3, 1, 2).contiguous(memory_format=form) if t.ndim == 4 else t for t in tensors]
        return tuple(tensors)


def build(name: str, channels_last: bool = False, fused: bool = False, compiled: bool = False) -> Network:
    """`compiled`: outputs and loss by torch.compile, forward and backward; the optimizer's step is eager."""
    model = MODELS[name]()
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=fused or None)

    def outputs(*inputs: Any) -> Any:
        return model(*inputs)

    def loss_of(*batch: Any) -> Any:
        *inputs, targets = batch
        y = model(*inputs)
        if name == "siamese":
            return contrastive(targets, y)
        if name == "u-net":
            return F.binary_cross_entropy_with_logits(y, targets)
        return F.cross_entropy(y.view(-1, y.shape[-1]), targets.view(-1))

    if compiled:
        outputs, loss_of = torch.compile(outputs), torch.compile(loss_of)

    def train(*batch: Any) -> Any:
        if not model.training:
            model.train()
        optimizer.zero_grad()
        loss = loss_of(*batch)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def infer(*inputs: Any) -> Any:
        if model.training:
            model.eval()
        with torch.inference_mode():
            return outputs(*inputs)

    return Network(name, model, train, infer, channels_last)
