"""SAM 2's image encoder: a photo's pixels to the maps that the decoder reads.

The trunk is the authors'. Behind it, the neck's 1x1 convolution and the decoder's own on the finer maps are one matrix
here, and no positions are computed that a still picture does not need.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

INPUT = 1024
"""Pixels of a side: photos are stretched to a square, not padded."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Encoder:
    """The image encoder of a SAM 2 model. dtype: bfloat16 runs the trunk in autocast; results are float32 anyway."""

    def __init__(self, model: nn.Module, device: torch.device, dtype: torch.dtype):
        self._device, self._dtype = device, dtype
        self._trunk = model.image_encoder.trunk
        coarse, middle, stride8, stride4 = (level.conv for level in model.image_encoder.neck.convs)
        decoder = model.sam_mask_decoder
        with torch.inference_mode():
            self._coarse, self._middle = _matrix(coarse), _matrix(middle)
            self._stride8 = _after(_matrix(stride8), _matrix(decoder.conv_s1))
            self._stride4 = _after(_matrix(stride4), _matrix(decoder.conv_s0))
            self._no_memory = model.no_mem_embed.view(-1)
            self._mean, self._std = (torch.tensor(v, device=device).view(3, 1, 1) for v in (MEAN, STD))

    def compile(self, **options: object) -> None:
        """Have torch compile the trunk, now rather than at the first photo. options: of torch.compile, its backend say.

        No CUDA graphs, the fastest of its modes: they belong to one thread, and photos come from many.
        """
        self._trunk = torch.compile(self._trunk, fullgraph=True, dynamic=False, **options)
        self(np.zeros((1, 1, 3), np.uint8))

    @torch.inference_mode()
    def __call__(self, pixels: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """(H, W, 3) uint8 RGB -> the image embedding (64*64, 256), stride 8 (128*128, 64), stride 4 (256*256, 32)."""
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            maps = self._trunk(self._input(pixels)[None])
        x4, x8, x16, x32 = (x[0].permute(1, 2, 0).float() for x in maps)  # (h, w, C), finest first
        coarse = x32 @ self._coarse[0] + self._coarse[1]
        coarse = coarse.repeat_interleave(2, dim=0).repeat_interleave(2, dim=1)
        image = x16 @ self._middle[0] + self._middle[1] + coarse + self._no_memory
        stride8 = x8 @ self._stride8[0] + self._stride8[1]
        stride4 = x4 @ self._stride4[0] + self._stride4[1]
        return image.flatten(0, 1), stride8.flatten(0, 1), stride4.flatten(0, 1)

    def _input(self, pixels: np.ndarray) -> Tensor:
        """(3, 1024, 1024): stretched with antialiasing as torchvision's Resize does, then normalised."""
        x = torch.tensor(pixels).permute(2, 0, 1)
        if self._device.type == "cuda":  # there the whole of it pays; elsewhere the resized photo is sent
            x = x.to(self._device)
        x = x.contiguous().float().div_(255)
        x = F.interpolate(x[None], (INPUT, INPUT), mode="bilinear", align_corners=False, antialias=True)[0]
        return (x.to(self._device) - self._mean) / self._std


def _matrix(conv: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """A 1x1 convolution as (in, out) matrix and (out,) bias."""
    return conv.weight[:, :, 0, 0].t().contiguous(), conv.bias


def _after(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """One matrix and bias that do what these two do, one after the other."""
    (a, a_bias), (b, b_bias) = ((m.cpu().double(), v.cpu().double()) for m, v in (first, second))  # no double on MPS
    device = first[0].device
    return (a @ b).float().to(device), (a_bias @ b + b_bias).float().to(device)
