"""The networks of networks.py in PyTorch: same layers, sizes, losses, optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from network_data import CONTEXT, DEPTH, HEADS, SYMBOLS, WIDTH


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


def siamese() -> nn.Module:
    convolutions = [nn.Conv2d(1, 32, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 5), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(13 * 13 * 64, 128))


MODELS: dict[str, Callable[[], nn.Module]] = {
    "mlp": mlp,
    "small mlp": small_mlp,
    "cnn": cnn,
    "resnet-20": resnet20,
    "lstm": Recurrent,
    "gpt": Gpt,
    "siamese": siamese,
}
IMAGES = ("cnn", "resnet-20", "siamese")


def contrastive(same: Any, a: Any, b: Any) -> Any:
    square = (a - b).square().sum(-1)
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
        """Without the LSTM's second bias, which adds to the first."""
        return sum(p.numel() for name, p in self.model.named_parameters() if "bias_hh" not in name)

    def batch(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """NumPy's batch as tensors, images in this network's memory format."""
        tensors = [torch.from_numpy(a) for a in arrays]
        if self.name in IMAGES:
            form = torch.channels_last if self.channels_last else torch.contiguous_format
            tensors = [t.permute(0, 3, 1, 2).contiguous(memory_format=form) if t.ndim == 4 else t for t in tensors]
        return tuple(tensors)


def build(name: str, channels_last: bool = False, fused: bool = False) -> Network:
    model = MODELS[name]()
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    pair = name == "siamese"
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=fused or None)

    def loss_of(*batch: Any) -> Any:
        if pair:
            return contrastive(batch[2], model(batch[0]), model(batch[1]))
        y = model(batch[0])
        return F.cross_entropy(y.view(-1, y.shape[-1]), batch[1].view(-1))

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
            return model(inputs[0]) - model(inputs[1]) if pair else model(inputs[0])

    return Network(name, model, train, infer, channels_last)
