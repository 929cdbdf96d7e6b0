"""Modules of torch as people write them. Import it where torch is known to be there."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name

Tensor = Any


def mlp() -> Any:
    return nn.Sequential(
        nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 5)
    )


class LeNet(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 8, 5), nn.ReLU(), nn.AvgPool2d(2),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 10))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images).flatten(1)).log_softmax(-1)


class Residual(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding="same", groups=2)
        self.way = nn.Conv2d(3, 4, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(F.silu(self.norm(self.first(x))))
        return F.adaptive_avg_pool2d(F.relu(inner + self.way(x)), 1).flatten(1)


class Tokens(nn.Module):  # type: ignore[misc]
    """A small language model: weights of the embedding and of the head are one."""

    def __init__(self, words: int = 11, width: int = 16, length: int = 6) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.places = nn.Embedding(length, width)
        self.block = nn.TransformerEncoderLayer(
            width, 2, 32, dropout=0.0, batch_first=True, activation="gelu", norm_first=True
        )
        self.head = nn.Linear(width, words, bias=False)
        self.head.weight = self.words.weight

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        x = self.words(tokens) + self.places(torch.arange(length))
        mask = torch.full((length, length), float("-inf")).triu(1)
        return self.head(self.block(x, src_mask=mask)).flatten(0, 1)


class Encoder(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)

    def forward(self, x: Tensor, padding: Tensor) -> dict[str, Tensor]:
        hidden = self.layer(x, src_key_padding_mask=padding)
        seen = (~padding).unsqueeze(-1)
        pooled = (hidden * seen).sum(1) / seen.sum(1).clamp(min=1)
        return {"hidden": hidden * seen, "pooled": F.normalize(pooled, dim=-1)}


class Attention(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        made: tuple[Tensor, Tensor] = self.inner(x, y, y)
        return made


class Steps(nn.Module):  # type: ignore[misc]
    """A recurrent cell, once for each step of (batch, steps, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return state


class Counting(nn.Module):  # type: ignore[misc]
    """Adds up what it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(3))
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        self.total += x.sum(0)
        self.calls += 1
        return self.total / self.calls


class Called(nn.Module):  # type: ignore[misc]
    """A linear layer, and what a function makes of its result and of the input."""

    def __init__(self, function: Any, size: int = 3) -> None:
        super().__init__()
        self.function = function
        self.linear = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Any:
        return self.function(self.linear(x), x)


class Ops(nn.Module):  # type: ignore[misc]
    """Most of what is in the table, by name; x (2, 5, 6), i ints (2, 5) of 0 .. 3, b bool as x."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(6))
        self.register_buffer("steps", torch.arange(6) * 3)

    def forward(self, x: Tensor, i: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {
            **self.arithmetic(x, i, b), **self.shapes(x, i), **self.reductions(x, b),
            **self.layers(x, i),
        }  # fmt: skip

    def arithmetic(self, x: Tensor, i: Tensor, b: Tensor) -> dict[str, Tensor]:
        small, two = x.clamp(-1, 0.5), torch.tensor(2.5)
        return {
            "powers": x.pow(2) + x.pow(3) + (x.square() + 1).rsqrt() + (x.abs() + 1).pow(-0.5),
            "logs": (x.abs() + 0.1).log() + x.square().log1p() + (x * x + 1).log2(),
            "exps": x.exp() - small.expm1() + x.sigmoid() * x.tanh() + x.erf(),
            "least": torch.maximum(x, self.w) - torch.minimum(x, 2 * self.w) + x.clamp(max=0.3),
            "whole": x.floor() + 2 * x.ceil() + 3 * x.round() + 4 * x.trunc() + 5 * x.sign(),
            "quotients": two / (x + 5) + torch.div(x, 0.7, rounding_mode="floor") + (1 - x) / 3,
            "rectified": F.leaky_relu(x) + F.relu6(x) + F.hardtanh(x) + F.hardswish(x),
            "smooth": F.elu(x) + F.selu(x) + F.softplus(x) + F.mish(x) + F.logsigmoid(x),
            "gelus": F.gelu(x, approximate="tanh") + F.softsign(x) + F.glu(torch.cat([x, x], -1)),
            "ints": (i * 3 + self.steps[2] - 1) // 2 + i % 2 - i.long(),
            "mixed": i * 0.5 + x[..., 0] + x.long()[..., 1] + torch.lerp(x, 2 * x, 0.3)[..., 2],
            "masks": (x > 0) & (x <= 1) | ~(x == self.w) & b ^ b.logical_not(),
            "chosen": torch.where(b, x, 0.0) + x.masked_fill(b, -2.0) + b * 2,
            "fused": torch.addcmul(x, x, x, value=0.5) + torch.add(x, x, alpha=2),
        }

    def shapes(self, x: Tensor, i: Tensor) -> dict[str, Tensor]:
        return {
            "parts": x.split(2, -1)[1] + x.chunk(3, -1)[0],
            "joined": torch.cat([x, x * 2], 1).sum(0)
            + torch.stack([x, x + 1], 2).flatten(0, 2)[:10],
            "moved": x.flip(1)
            + x.roll(2, 1)
            + x.mT.reshape(2, 5, 6)
            + x.movedim(-1, 0).mT.mT.permute(1, 2, 0),
            "padded": F.pad(x, (1, 2, 0, 1), value=3.0) + F.pad(x, (2, 1, -1, 2)),
            "tiled": x.repeat(1, 2, 1) + x[:, :1].expand(-1, 10, -1) + x.unbind(1)[2].unsqueeze(1),
            "taken": x[:, torch.tensor([3, 0, 2])] + x.index_select(1, self.steps[:3] // 3),
            "gathered": x.gather(-1, i[..., None]) + F.one_hot(i, 4),
            "types": F.embedding(torch.zeros_like(i), x[0]) + F.embedding(i, x[1]),
            "triangles": torch.triu(x, 1) - x.tril(-1) + x[:, :1].squeeze(1).unsqueeze(1),
            "waves": x + torch.sin(torch.arange(5.0)[:, None] * torch.arange(6.0)),
        }

    def reductions(self, x: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {
            "spread": x.var(-1) + x.std(-1, unbiased=False) + x.mean(-1) + x.logsumexp(-1),
            "norms": F.normalize(x, dim=-1) + x.norm(1, -1, keepdim=True),
            "extremes": x.amax(1) + x.amin(1) + x.max(1).values + x.max() + x.min(),
            "places": x.argmax(-1) + x.argmin(-1) + x.max(-1).indices,
            "products": x[..., :2].prod(-1) + x.cumsum(1)[..., 0] + (x * b).sum((0, 1, 2)),
            "some": b.any(-1) | b.all(-1),
        }

    def layers(self, x: Tensor, i: Tensor) -> dict[str, Tensor]:
        heads, seen = x[:, None], (i > 0)[:, None, None, :]
        return {
            "multiplied": torch.bmm(x, x.mT) + torch.einsum("btd,bsd->bts", x, x) + x @ x.mT,
            "added": torch.addmm(self.w, x[0], x[0].mT @ x[0]) + F.linear(x, x[0, :1]),
            "normal": F.layer_norm(x, (5, 6)) + F.rms_norm(x, (6,), self.w),
            "grouped": F.group_norm(x.mT, 2).mT + x.softmax(1) + x.log_softmax(1),
            "causal": F.scaled_dot_product_attention(heads, heads, heads, is_causal=True),
            "attended": F.scaled_dot_product_attention(heads, heads, heads, attn_mask=seen),
            "signals": F.max_pool1d(F.conv1d(x, x[:, :, :3], padding=1), 2),
        }
