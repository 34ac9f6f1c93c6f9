"""The model card: what the shipped weights are, where they come from, and how good they are."""

from __future__ import annotations

from datetime import date

CARD = """# Weights of the offline engine

| | |
|---|---|
| What | `network-0.onnx`, `network-1.onnx`: borders, {classes} classes of what is seen, and likeness (what belongs together), {parameters} weights each, in half precision; their opinions are averaged. `scorers.npz`: three sets of gradient-boosted trees that guess how good a candidate mask is. |
| Trained | {day}, by `python -m training.train DATA`, from nothing; no other weights went in. |
| Data | trained on HSLU building-facade-segmentation-instance v1, CC BY 4.0: {photos} photos of building facades. |
| Data | {drawn} houses rendered by `training/houses.py`, ours, for the networks, and {houses} others for the scorers. The three example photos are not among them. |
| Licence | that of this project; the credit line above must stay with the weights. |
| Use | masks for repainting photos of buildings. Not for measuring, and not for deciding anything about people or property. |

## Figures on pictures held out

Each half of the photos and houses was judged by a network trained on the other half. "likeness": how often it is right
about two pixels, where those of one thing and those of two count the same (chance is 0.50). The scorers' houses are
others again.

| | {columns} |
|---|{rules}|
{networks}

The scorers, cross-validated by whole pictures (IoU of the candidate that the scorer ranks first, and of the
best there was; for "auto", the best of a picture's), on photos disguised by other paint, masonry, weather and
light, and on rendered houses:

| scorer | on | explained variance | ranked first | best candidate | rows |
|---|---|---|---|---|---|
{scorers}

## Where it is weak

The photos are of one town, and many are of the evening or edited to look so. Other buildings were met as rendered houses
only, which are plainer than real ones: flat faces, one renderer's materials. Sky was not annotated in the photos and is
learned from what is calm down from their top edge; doors, roofs and lawns are learned from rendered houses only, while
the photos count roofs and doors as part of the wall: expect them to be found less often than walls and windows.
Balconies, fences, shops and "other" are rare and hardly recognised.
"""  # fmt: skip  # noqa: E501


def _cell(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.2f}"


def model_card(day: date, photos: int, drawn: int, houses: int, figures: dict, parameters: int, classes: int) -> str:
    """The card as Markdown. figures: of "half0", "half1" (on what: see `network.check`) and "scorers" (see
    `scorers.fit`).
    """
    halves = {"half0": "first half -> second", "half1": "second half -> first"}
    judged = {f"{told}, {on}": f for half, told in halves.items() for on, f in figures[half].items()}
    columns = list(dict.fromkeys(name for f in judged.values() for name in f))
    return CARD.format(
        day=day.strftime("%Y-%m"),
        photos=photos,
        drawn=drawn,
        houses=houses,
        classes=classes,
        parameters=f"{parameters:,}",
        columns=" | ".join(columns),
        rules="|".join(["---"] * len(columns)),
        networks="\n".join(
            f"| {told} | {' | '.join(_cell(f.get(name)) for name in columns)} |" for told, f in judged.items()
        ),
        scorers="\n".join(
            f"| {name} | {on} | {f['explained']:.2f} | {f['ranked first']:.2f} | {f['best candidate']:.2f}"
            f" | {f['rows']} |"
            for name, both in figures["scorers"].items()
            for on, f in both.items()
        ),
    )
