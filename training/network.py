"""The boundary and class network: a small encoder-decoder, trained from nothing on the annotated photos."""

from __future__ import annotations

import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .augment import augmented
from .data import CLASSES, IGNORED, Example, class_map

SIDE = 768  # px: photos are read at this size, as the engine shows them to the network
CROP = 320
BATCH = 6
PEAK_RATE = 4e-3
CLASS_WEIGHTS = (0.6, 1.0, 1.6, 1.6, 1.0, 1.6, 1.4, 0.8, 0.8)


def conv(inner: int, outer: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)
    )


class Network(nn.Module):
    """(N, 3, H, W) RGB scaled to [-2, 2], H and W multiples of 32 -> (N, 1 + classes, H/2, W/2): boundary and class
    logits.
    """

    def __init__(self, channels: tuple[int, ...] = (16, 28, 48, 80, 120)):
        super().__init__()
        a, b, c, d, e = channels
        self.down = nn.ModuleList(
            [
                conv(3, a, 2),
                nn.Sequential(conv(a, b, 2), conv(b, b)),
                nn.Sequential(conv(b, c, 2), conv(c, c)),
                nn.Sequential(conv(c, d, 2), conv(d, d), conv(d, d, 1, 2)),
                nn.Sequential(conv(d, e, 2), conv(e, e, 1, 2), conv(e, e, 1, 2)),
            ]
        )
        self.whole = nn.Conv2d(e, e, 1)
        self.narrow = nn.ModuleList([nn.Conv2d(e, d, 1), nn.Conv2d(d, c, 1), nn.Conv2d(c, b, 1), nn.Conv2d(b, a, 1)])
        self.up = nn.ModuleList([conv(d, d), conv(c, c), conv(b, b), conv(a, 20)])
        self.head = nn.Conv2d(20, 1 + len(CLASSES), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        x = x + self.whole(x.mean((2, 3), keepdim=True))
        for narrow, up, skip in zip(self.narrow, self.up, skips[-2::-1], strict=True):
            x = up(F.interpolate(narrow(x), scale_factor=2.0, mode="bilinear", align_corners=False) + skip)
        return self.head(x)


def border_map(instances: np.ndarray) -> np.ndarray:
    """(H/2, W/2) float32: 1 where a border between instances runs through the 2x2 block or beside it."""
    edge = np.zeros(instances.shape, np.uint8)
    edge[:, 1:] |= instances[:, 1:] != instances[:, :-1]
    edge[1:] |= instances[1:] != instances[:-1]
    height, width = edge.shape
    blocks = edge.reshape(height // 2, 2, width // 2, 2).max((1, 3))
    return cv2.dilate(blocks, np.ones((2, 2), np.uint8)).astype(np.float32)


def read(examples: list[Example]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(image, classes, instances) of each example at SIDE pixels."""
    samples = []
    for example in examples:
        classes, instances = class_map(example.labels(), example.regions)
        scale = SIDE / max(classes.shape)
        size = (round(classes.shape[1] * scale), round(classes.shape[0] * scale))
        samples.append(
            (
                cv2.resize(example.image(), size, interpolation=cv2.INTER_AREA),
                cv2.resize(classes, size, interpolation=cv2.INTER_NEAREST),
                cv2.resize(instances.astype(np.uint16), size, interpolation=cv2.INTER_NEAREST).astype(np.int32),
            )
        )
    return samples


def batch(rng: np.random.Generator, samples: list) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images (N, 3, CROP, CROP), borders (N, CROP/2, CROP/2), classes (N, CROP/2, CROP/2)."""
    images, borders, classes = [], [], []
    for k in rng.integers(len(samples), size=BATCH):
        image, kinds, instances = augmented(rng, CROP, *samples[k])
        images.append(image.astype(np.float32).transpose(2, 0, 1) / 255 * 4 - 2)
        borders.append(border_map(instances))
        classes.append(kinds[::2, ::2].astype(np.int64))
    return tuple(torch.from_numpy(np.stack(part)) for part in (images, borders, classes))


def loss(output: torch.Tensor, border: torch.Tensor, classes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted cross-entropy and Dice on the borders, cross-entropy on the classes."""
    logits = output[:, 0]
    found = torch.sigmoid(logits)
    dice = 1 - 2 * (found * border).sum() / (found.sum() + border.sum() + 1)
    edges = F.binary_cross_entropy_with_logits(logits, border, weight=1 + 3 * border)
    kinds = F.cross_entropy(output[:, 1:], classes, weight=weights, ignore_index=IGNORED)
    return edges + 0.5 * dice + kinds


def train(examples: list[Example], steps: int, seed: int) -> Network:
    """A network trained for `steps` batches, from nothing or from the weights in `start`. What is returned is an
    average over its last weights. A GPU is used when there is one.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    samples = read(examples)
    network = Network()
    network.to(device)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True
    )
    weights = torch.tensor(CLASS_WEIGHTS, device=device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=1e-3)
    # The last tenth of the schedule would be too slow to matter.
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=round(1.1 * steps), pct_start=0.03)
    begun, mean = time.time(), None
    for step in range(1, steps + 1):
        images, border, classes = (part.to(device) for part in batch(rng, samples))
        value = loss(network(images.contiguous(memory_format=torch.channels_last)), border, classes, weights)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        mean = value.item() if mean is None else 0.98 * mean + 0.02 * value.item()
        if step % 50 == 0:
            print(f"step {step}/{steps} loss {mean:.4f} {time.time() - begun:.0f} s", flush=True)
    return average.module.cpu().eval()


@torch.no_grad()
def check(network: Network, examples: list[Example]) -> dict[str, float]:
    """Figures on held-out photos: pixel accuracy, IoU of each class, best F-measure of the borders."""
    network.eval()
    found, true, both = (np.zeros(len(CLASSES)) for _ in range(3))
    edges = np.zeros((19, 3))  # thresholds x (hits, claimed, wanted)
    for image, classes, instances in read(examples):
        height, width = (v // 32 * 32 for v in classes.shape)
        x = torch.from_numpy(image[:height, :width].astype(np.float32).transpose(2, 0, 1)[None] / 255 * 4 - 2)
        output = network(x)[0].numpy()
        kinds, wanted = output[1:].argmax(0), classes[:height:2, :width:2]
        for k in range(len(CLASSES)):
            a, b = (kinds == k) & (wanted != IGNORED), wanted == k
            found[k], true[k], both[k] = found[k] + a.sum(), true[k] + b.sum(), both[k] + (a & b).sum()
        border = border_map(instances[:height, :width]) > 0
        for t in range(19):
            claim = output[0] > np.log((t + 1) / (19 - t))
            edges[t] += (claim & border).sum(), claim.sum(), border.sum()
    figures = {f"IoU {name}": both[k] / max(1, found[k] + true[k] - both[k]) for k, name in enumerate(CLASSES)}
    figures["accuracy"] = both.sum() / true.sum()
    figures["border F"] = (2 * edges[:, 0] / (edges[:, 1] + edges[:, 2])).max()
    return figures
