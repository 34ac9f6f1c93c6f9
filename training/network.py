"""The boundary and class network: a small encoder-decoder, trained from nothing on the annotated photos."""

from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from sam2_painter.engines.offline.network import CLASSES, LIKENESS, LIKENESS_BIAS

from .augment import augmented
from .data import IGNORED, UNKNOWN, Example, class_map
from .houses import house

SIDE = 768  # px: pictures are read at this size, as the engine shows them to the network
CROP = 320
BATCH = 6
PHOTOS = 0.6  # of the samples; the others are of rendered houses
PEAK_RATE = 4e-3
CLASS_WEIGHTS = (0.6, 1.0, 1.6, 1.0, 1.6, 1.6, 1.0, 1.6, 1.0, 0.8, 0.8)
ANCHORS, OTHERS, NEAR = 16, 320, 30  # pixels of a sample that are compared with others; NEAR is in likeness pixels
REPEATED = tuple(CLASSES.index(name) for name in ("window", "vegetation"))
TWIN_WEIGHT = 0.25  # of two pixels in different things of a repeated kind: they do look alike


@dataclass(frozen=True, eq=False)
class Sample:
    """image: (H, W, 3) uint8 RGB. classes, instances: see `data.class_map`."""

    image: np.ndarray
    classes: np.ndarray
    instances: np.ndarray


def conv(inner: int, outer: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)
    )


class Network(nn.Module):
    """(N, 3, H, W) RGB scaled to [-2, 2], H and W multiples of 32 -> boundary and class logits (N, 1 + classes, H/2,
    W/2), and likeness (N, LIKENESS, H/4, W/4): pixels of one thing are near each other there.
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
        self.likeness = nn.Sequential(conv(b, b), nn.Conv2d(b, LIKENESS, 1))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        x = x + self.whole(x.mean((2, 3), keepdim=True))
        for narrow, up, skip in zip(self.narrow, self.up, skips[-2::-1], strict=True):
            quarter = x  # in the end: what the last step starts from
            x = up(F.interpolate(narrow(x), scale_factor=2.0, mode="bilinear", align_corners=False) + skip)
        return self.head(x), self.likeness(quarter)


def border_map(instances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H/2, W/2) float32: 1 where a border between instances runs through the 2x2 block or beside it; and (H/2, W/2)
    float32: 0 where nobody knows, inside what is not annotated.
    """
    edge = np.zeros(instances.shape, np.uint8)
    edge[:, 1:] |= instances[:, 1:] != instances[:, :-1]
    edge[1:] |= instances[1:] != instances[:-1]
    height, width = edge.shape
    blocks = edge.reshape(height // 2, 2, width // 2, 2).max((1, 3))
    border = cv2.dilate(blocks, np.ones((2, 2), np.uint8)).astype(np.float32)
    return border, ((instances[::2, ::2] != UNKNOWN) | (border > 0)).astype(np.float32)


def at_side(image: np.ndarray, classes: np.ndarray, instances: np.ndarray) -> Sample:
    """A sample at SIDE pixels."""
    scale = SIDE / max(classes.shape)
    size = (round(classes.shape[1] * scale), round(classes.shape[0] * scale))
    return Sample(
        cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR),
        cv2.resize(classes, size, interpolation=cv2.INTER_NEAREST),
        cv2.resize(instances.astype(np.int16), size, interpolation=cv2.INTER_NEAREST).astype(np.int32),
    )


def read(examples: list[Example]) -> list[Sample]:
    """Each photo as a sample."""
    images = ((example.image(), example) for example in examples)
    return [at_side(image, *class_map(image, example.labels(), example.regions)) for image, example in images]


def draw(seeds: range) -> list[Sample]:
    """Rendered houses as samples."""
    houses = (house(seed) for seed in seeds)
    return [at_side(one.pixels, one.classes(), one.instances) for one in houses]


def pairs(rng: np.random.Generator, classes: np.ndarray, instances: np.ndarray) -> tuple[np.ndarray, ...]:
    """What to compare in a sample: (anchors (A,), others (A, OTHERS), alike (A, OTHERS), weights (A, OTHERS)).

    Indices into the flat likeness map, of which classes and instances (h, w) are the truth. Half of the others are
    anywhere, half are near the anchor. Of each anchor, what is alike weighs as much as what is not.
    """
    height, width = instances.shape
    names, inverse, counts = np.unique(instances, return_inverse=True, return_counts=True)
    chance = np.sqrt(counts) * (names > 0)
    if not chance.any():
        nothing = np.zeros((ANCHORS, OTHERS))
        return np.zeros(ANCHORS, np.int64), nothing.astype(np.int64), nothing.astype(bool), nothing
    order, starts = np.argsort(inverse.ravel(), kind="stable"), np.cumsum(counts) - counts
    chosen = rng.choice(len(names), ANCHORS, p=chance / chance.sum())
    anchors = order[starts[chosen] + (rng.random(ANCHORS) * counts[chosen]).astype(int)]
    y, x = np.divmod(anchors, width)
    others = rng.integers(height * width, size=(ANCHORS, OTHERS))
    half = (ANCHORS, OTHERS // 2)
    near_y = np.clip(y[:, None] + rng.normal(0, NEAR, half), 0, height - 1).astype(int)
    near_x = np.clip(x[:, None] + rng.normal(0, NEAR, half), 0, width - 1).astype(int)
    others[:, : OTHERS // 2] = near_y * width + near_x
    kinds, ids = classes.ravel(), instances.ravel()
    alike = ids[others] == ids[anchors][:, None]
    twins = ~alike & (kinds[others] == kinds[anchors][:, None]) & np.isin(kinds[anchors], REPEATED)[:, None]
    weights = np.where(twins, TWIN_WEIGHT, 1.0) * (ids[others] != UNKNOWN)
    for side in (alike, ~alike):
        weights /= np.where(side, np.maximum((weights * side).sum(axis=1, keepdims=True), 1e-6), 1)
    return anchors, others, alike, weights


def batch(rng: np.random.Generator, photos: list[Sample], houses: list[Sample]) -> tuple[torch.Tensor, ...]:
    """Images (N, 3, CROP, CROP); borders, how sure they are, and classes (N, CROP/2, CROP/2); `pairs` of each."""
    parts = []
    for _ in range(BATCH):
        samples = photos if rng.random() < PHOTOS else houses
        one = samples[rng.integers(len(samples))]
        image, classes, instances = augmented(rng, CROP, one.image, one.classes, one.instances)
        parts.append(
            (
                image.astype(np.float32).transpose(2, 0, 1) / 255 * 4 - 2,
                *border_map(instances),
                classes[::2, ::2].astype(np.int64),
                *pairs(rng, classes[2::4, 2::4], instances[2::4, 2::4]),
            )
        )
    return tuple(torch.from_numpy(np.stack(part)) for part in zip(*parts, strict=True))


def likeness_loss(likeness: torch.Tensor, anchors, others, alike, weights) -> torch.Tensor:
    """Cross-entropy of "these two are the same thing", whose logit is LIKENESS_BIAS less the squared distance."""
    count, size = likeness.shape[:2]
    flat = likeness.reshape(count, size, -1)
    one = torch.gather(flat, 2, anchors[:, None].expand(-1, size, -1))  # (N, D, A)
    index = others.reshape(count, 1, -1).expand(-1, size, -1)
    other = torch.gather(flat, 2, index).reshape(count, size, *others.shape[1:])  # (N, D, A, OTHERS)
    logits = LIKENESS_BIAS - ((one[..., None] - other) ** 2).sum(1)
    losses = F.binary_cross_entropy_with_logits(logits, alike.float(), reduction="none")
    return (losses * weights).sum() / (2 * weights.shape[0] * weights.shape[1])


def loss(network: Network, class_weights: torch.Tensor, images, border, sure, classes, *compared) -> torch.Tensor:
    """Weighted cross-entropy and Dice on the borders, cross-entropy on the classes and on the likeness of pairs."""
    output, likeness = network(images.contiguous(memory_format=torch.channels_last))
    logits = output[:, 0]
    found = torch.sigmoid(logits) * sure
    dice = 1 - 2 * (found * border).sum() / (found.sum() + border.sum() + 1)
    edges = F.binary_cross_entropy_with_logits(logits, border, weight=(1 + 3 * border) * sure)
    kinds = F.cross_entropy(output[:, 1:], classes, weight=class_weights, ignore_index=IGNORED)
    return edges + 0.5 * dice + kinds + likeness_loss(likeness, *compared)


def train(examples: list[Example], houses: range, steps: int, seed: int) -> Network:
    """A network trained from nothing for `steps` batches of photos and of houses rendered from these seeds. What is
    returned is an average over its last weights. A GPU is used when there is one.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    photos, drawn = read(examples), draw(houses)
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
        value = loss(network, weights, *(part.to(device) for part in batch(rng, photos, drawn)))
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        now = value.item()
        mean = now if mean is None else 0.98 * mean + 0.02 * now
        if step % 50 == 0:
            print(f"step {step}/{steps} loss {mean:.4f} {time.time() - begun:.0f} s", flush=True)
    return average.module.cpu().eval()


@torch.no_grad()
def check(network: Network, samples: list[Sample]) -> dict[str, float]:
    """Figures on held-out pictures: pixel accuracy, IoU of each class, best F-measure of the borders, and how often
    likeness is right about two pixels, where alike and not alike count the same.
    """
    network.eval()
    rng = np.random.default_rng(0)
    found, true, both = (np.zeros(len(CLASSES)) for _ in range(3))
    edges = np.zeros((19, 3))  # thresholds x (hits, claimed, wanted)
    right = []
    for sample in samples:
        height, width = (v // 32 * 32 for v in sample.classes.shape)
        image, classes, instances = (part[:height, :width] for part in vars(sample).values())
        x = torch.from_numpy(image.astype(np.float32).transpose(2, 0, 1)[None] / 255 * 4 - 2)
        output, likeness = (part[0].numpy() for part in network(x))
        kinds, wanted = output[1:].argmax(0), classes[::2, ::2]
        for k in range(len(CLASSES)):
            a, b = (kinds == k) & (wanted != IGNORED), wanted == k
            found[k], true[k], both[k] = found[k] + a.sum(), true[k] + b.sum(), both[k] + (a & b).sum()
        border, sure = border_map(instances)
        for t in range(19):
            claim = (output[0] > np.log((t + 1) / (19 - t))) & (sure > 0)
            edges[t] += (claim & (border > 0)).sum(), claim.sum(), border.sum()
        anchors, others, alike, weights = pairs(rng, classes[2::4, 2::4], instances[2::4, 2::4])
        flat = likeness.reshape(LIKENESS, -1)
        distance = ((flat[:, anchors][:, :, None] - flat[:, others]) ** 2).sum(0)
        right.append((((distance < LIKENESS_BIAS) == alike) * weights).sum() / max(weights.sum(), 1e-6))
    seen = [k for k in range(len(CLASSES)) if true[k]]
    figures = {f"IoU {CLASSES[k]}": float(both[k] / max(1, found[k] + true[k] - both[k])) for k in seen}
    figures["accuracy"] = float(both.sum() / true.sum())
    figures["border F"] = float((2 * edges[:, 0] / (edges[:, 1] + edges[:, 2])).max())
    figures["likeness"] = float(np.mean(right))
    return figures
