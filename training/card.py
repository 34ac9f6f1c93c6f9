"""The model card: what the shipped weights are, where they come from, and how good they are."""

from __future__ import annotations

from datetime import date

CARD = """# Weights of the offline engine

| | |
|---|---|
| What | `network-0.onnx`, `network-1.onnx`: borders and {classes} classes of building parts, {parameters} weights each, in half precision; their opinions are averaged. `scorers.npz`: three sets of gradient-boosted trees that guess how good a candidate mask is. |
| Trained | {day}, by `python -m training.train DATA`, from nothing; no other weights went in. The shipped weights are of a run that was stopped and resumed from its finished parts: networks and samples of the photos first, the houses and the scorers later. |
| Data | trained on HSLU building-facade-segmentation-instance v1, CC BY 4.0: {photos} photos of building facades. |
| Data | {houses} houses rendered by `training/houses.py`, ours. Only the scorers learned from them, with 120 of the photos, both kinds weighing the same; the networks saw photos only. The three example photos are not among them. |
| Licence | that of this project; the credit line above must stay with the weights. |
| Use | masks for repainting photos of buildings. Not for measuring, and not for deciding anything about people or property. |

## Figures on photos held out

Each half of the photos was judged by a network trained on the other half.

| network | {half_columns} |
|---|{half_rules}|
| first half -> second | {half0} |
| second half -> first | {half1} |

The scorers, cross-validated by whole pictures (IoU of the candidate that the scorer ranks first, and of the
best there was; for "auto", the best of a picture's), on photos disguised by other paint, masonry, weather and
light, and on rendered houses:

| scorer | on | explained variance | ranked first | best candidate | rows |
|---|---|---|---|---|---|
{scorers}

## Where it is weak

The photos are much alike, and many are of the evening or edited to look so. The networks met other buildings through
heavy augmentation only: other paint, masonry, skies, shadows and light. The rendered houses are plainer than real
ones: flat faces, one renderer's materials. Balconies, fences, shops, ground and
"other" are rare in them and hardly recognised: the engine offers only walls, windows, vegetation and sky by name. Doors and
roofs were not annotated and are taken for walls or windows; sky was not annotated either and is learned from what is left above
the roofs.
"""  # fmt: skip  # noqa: E501


def model_card(day: date, photos: int, houses: int, figures: dict, parameters: int, classes: int) -> str:
    """The card as Markdown. figures: of "half0", "half1" (see `network.check`) and "scorers" (see `scorers.check`)."""
    columns = list(figures["half0"])
    return CARD.format(
        day=day.strftime("%Y-%m"),
        photos=photos,
        houses=houses,
        classes=classes,
        parameters=f"{parameters:,}",
        half_columns=" | ".join(columns),
        half_rules="|".join(["---"] * len(columns)),
        **{half: " | ".join(f"{figures[half][name]:.2f}" for name in columns) for half in ("half0", "half1")},
        scorers="\n".join(
            f"| {name} | {on} | {f['explained']:.2f} | {f['ranked first']:.2f} | {f['best candidate']:.2f}"
            f" | {f['rows']} |"
            for name, both in figures["scorers"].items()
            for on, f in both.items()
        ),
    )
