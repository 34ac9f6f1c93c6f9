"""Trains the network on kept crops."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from sam2_painter.engines.offline.network import LIKENESS_BIAS
from sam2_painter.engines.offline.surfaces import CLASSES

from .crops import Crops
from .data import BUILDING, BUILDING_CLASSES, GLAZED, GLAZED_CLASSES, IGNORED
from .encoder import FIRST_LATE, halved
from .network import Network
from .pairs import pairs

PEAK_RATE, ENCODER_RATE = 2.5e-3, 2.5e-4
BATCH = 6  # crops
SMOOTHING = 0.05
WEIGHTS = (0.8, 1.0, 1.2, 1.2, 1.2, 1.4, 1.0, 1.4, 1.0, 1.0, 0.8, 1.4, 0.9)  # of the classes


def class_loss(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Cross-entropy; where only a sum of classes is known, that of the sum. logits: (N, C, h, w). classes: (N, h,
    w).
    """
    weights = torch.tensor(WEIGHTS)
    exact = torch.where(classes < len(CLASSES), classes, IGNORED)
    value = F.cross_entropy(logits, exact, weight=weights, ignore_index=IGNORED, label_smoothing=SMOOTHING)
    chances = logits.log_softmax(1)
    for code, members in ((BUILDING, BUILDING_CLASSES), (GLAZED, GLAZED_CLASSES)):
        here = classes == code
        if here.any():
            value = value - 0.5 * torch.logsumexp(chances[:, list(members)], 1)[here].sum() / here.numel()
    return value


def border_loss(logits: torch.Tensor, border: torch.Tensor, sure: torch.Tensor) -> torch.Tensor:
    """Weighted cross-entropy and Dice, all (N, h, w)."""
    found = torch.sigmoid(logits) * sure
    dice = 1 - 2 * (found * border).sum() / (found.sum() + border.sum() + 1)
    return F.binary_cross_entropy_with_logits(logits, border, weight=(1 + 2 * border) * sure) + 0.5 * dice


def likeness_loss(likeness: torch.Tensor, anchors, others, alike, weights) -> torch.Tensor:
    """Cross-entropy of "these two are of one thing", whose logit is LIKENESS_BIAS less the squared distance."""
    count, size = likeness.shape[:2]
    flat = likeness.reshape(count, size, -1)
    one = torch.gather(flat, 2, anchors[:, None].expand(-1, size, -1))  # (N, D, A)
    index = others.reshape(count, 1, -1).expand(-1, size, -1)
    other = torch.gather(flat, 2, index).reshape(count, size, *others.shape[1:])  # (N, D, A, OTHERS)
    logits = LIKENESS_BIAS - ((one[..., None] - other) ** 2).sum(1)
    losses = F.binary_cross_entropy_with_logits(logits, alike.float(), reduction="none")
    return (losses * weights).sum() / (2 * weights.shape[0] * weights.shape[1])


def train(path: Path, crops: Crops, steps: int, seed: int = 0, minutes: float = 1e9) -> Network:
    """A network trained for `steps` batches, or until the time is over; an average over its last weights. What was
    begun in `path` is finished.
    """
    torch.manual_seed(seed)
    cv2.setNumThreads(1)
    network = Network()
    network.encoder.load_imagenet()
    network.to(memory_format=torch.channels_last).train()
    for name, weight in network.encoder.named_parameters():
        late = name.startswith("blocks.") and int(name.split(".")[1]) >= FIRST_LATE
        weight.requires_grad_(late and ".depth." not in name)  # no gradient reaches those: `encoder.FixedDepthwise`
    tuned = [weight for weight in network.encoder.parameters() if weight.requires_grad]
    new = [weight for name, weight in network.named_parameters() if not name.startswith("encoder.")]
    optimizer = torch.optim.AdamW([{"params": new}, {"params": tuned}], lr=PEAK_RATE, weight_decay=1e-2)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    begun, spent, first, mean = time.time(), 0.0, 1, None
    if path.exists():
        kept = torch.load(path, weights_only=True)
        network.load_state_dict(kept["network"])
        average.load_state_dict(kept["average"])
        optimizer.load_state_dict(kept["optimizer"])
        first, spent = kept["step"] + 1, kept["spent"]
    for step in range(first, steps + 1):
        now = spent + time.time() - begun
        done = max(step / steps, now / 60 / minutes)
        if done > 1:
            break
        rate = min(1.0, step / 60) * ((1 - done) ** 0.9 + 0.004)
        for group, peak in zip(optimizer.param_groups, (PEAK_RATE, ENCODER_RATE), strict=True):
            group["lr"] = rate * peak
        parts = _losses(np.random.default_rng([seed, step]), crops, network)
        optimizer.zero_grad()
        sum(parts).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        average.update_parameters(network)
        values = torch.stack([part.detach() for part in parts])
        mean = values if mean is None else 0.97 * mean + 0.03 * values
        if step % 20 == 0:
            told = " ".join(f"{value:.3f}" for value in mean.tolist())
            print(f"step {step}/{steps} borders classes likeness {told} {now:.0f} s", flush=True)
        if step % 100 == 0:
            state = {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
            }
            unfinished = path.with_suffix(".unfinished")
            torch.save(state | {"step": step, "spent": now}, unfinished)
            unfinished.replace(path)
    return average.module.eval()


def _losses(rng: np.random.Generator, crops: Crops, network: Network) -> list[torch.Tensor]:
    batch = crops.draw(rng, BATCH)
    features = torch.from_numpy(batch["features"].astype(np.float32)).contiguous(memory_format=torch.channels_last)
    with halved():
        output, likeness = (part.float() for part in network.decode(features))
    border, sure = (torch.from_numpy(batch[name].astype(np.float32)) for name in ("border", "sure"))
    compared = zip(
        *(pairs(rng, *(batch[name][k] for name in ("classes", "paints", "things"))) for k in range(BATCH)), strict=True
    )
    return [
        border_loss(output[:, 0], border, sure),
        class_loss(output[:, 1:], torch.from_numpy(batch["classes"].astype(np.int64))),
        likeness_loss(likeness, *(torch.from_numpy(np.stack(part)) for part in compared)),
    ]
