"""The network: an ImageNet encoder under a light decoder that sees borders, classes and what is of one thing."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from sam2_painter.engines.offline.network import LIKENESS
from sam2_painter.engines.offline.surfaces import CLASSES

from .encoder import TAPS, Encoder

WIDTHS = (64, 80, 112, 144)  # channels of the decoder at strides 4, 8, 16, 32


def conv(inner: int, outer: int) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(nn.Conv2d(inner, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True))


class Network(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1], sides multiples of 32 -> border and class logits (N, 1 + classes, H/4, W/4),
    likeness (N, LIKENESS, H/4, W/4).
    """

    def __init__(self, drop: float = 0.05) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.drop = nn.Dropout2d(drop)
        self.bring = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inner, outer, 1, bias=False), nn.BatchNorm2d(outer))
            for inner, outer in zip(TAPS.values(), WIDTHS, strict=True)
        )
        self.whole = nn.Conv2d(WIDTHS[-1], WIDTHS[-1], 1)
        self.deep = conv(WIDTHS[-1], WIDTHS[-1])
        self.narrow = nn.ModuleList(nn.Conv2d(WIDTHS[k + 1], WIDTHS[k], 1) for k in range(3))
        self.up = nn.ModuleList(conv(width, width) for width in WIDTHS[:-1])
        self.head = nn.Conv2d(WIDTHS[0], 1 + len(CLASSES), 1)
        self.likeness = nn.Sequential(conv(WIDTHS[0], WIDTHS[0]), nn.Conv2d(WIDTHS[0], LIKENESS, 1))

    def decode(self, early: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From the features of `Encoder.early`."""
        taps = [early, *self.encoder.late(early)]
        skips = [bring(self.drop(tap)) for bring, tap in zip(self.bring, taps, strict=True)]
        x = F.relu(skips[-1])
        x = self.deep(x + self.whole(x.mean((2, 3), keepdim=True)))
        for k in (2, 1, 0):
            x = F.interpolate(self.narrow[k](x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = self.up[k](x + skips[k])
        return self.head(x), self.likeness(x)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the class."""
        return self.decode(self.encoder.early(pictures))
