"""Several old paints under one mask: which pixel has which, and how they compare in the same light.

A photo is paint times light. Light changes smoothly, or along the edges of shadows, and then lightness and hue change
together: sun is warmer, the shade bluer, a niche has more of the wall's own hue. Paint changes along sharp borders in
any direction of colour. So the wall's colours are clustered, clusters are compared right at their common borders, where
the light on both is the same, and those whose step light can explain are one paint (`_join`). What is left are paints,
and the steps at their borders are the ratios of their reflectances (`_reflectances`).

One paint is the rule: `find_old_paints` returns None when nothing else is evident. In doubt a difference is light: what
light does to a wall must stay on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from .ledges import MOST as MOST_LEDGES
from .ledges import find_ledges
from .segments import (
    FLOOR,
    SCALE,
    Step,
    box_mean,
    broad,
    cluster,
    features,
    fill,
    steps_between,
    unmixed,
)
from .shares import PaintMap
from .srgb import ACROSS, LUMINANCE, WARM_COOL, log_chromaticity

MOST = 4  # paints told apart
SMALLEST = 1500  # pixels of the small picture; less of a wall is read as one paint
SMALL = 0.015  # of the mask: less below a ledge is left alone
STRIP = 27  # pixels of the small picture: hidden strips are narrower
STANDS_OUT = 0.5  # ln luminance
SAME_HUE = 0.3  # ln of red, green or blue
MEETING = 60  # pixels of the small picture: fewer of a wall near another do not meet it
ALIKE = 0.7  # ln luminance; and four times as much as a hue
MESH = 15  # pixels of the small picture: bricks seen from close by are lower
UNSEEN = 30  # pixels of border that the light of distant parts is worth

BOUNCED = 0.35  # of the light in a niche comes from the wall itself
DARKER = 0.3  # (ln red/green, ln blue/green): of a hue that far off is what is darker than the wall and yet no shade
COOLER = 0.6  # of that: towards the blue of the sky shade may be farther off
GLOW = 0.22  # ln luminance; coloured light changes it less
BLACK = -1.6  # ln luminance; shade is lighter
DEEP = 1.85  # ln luminance; so deep is no far shadow: what the lens smears only makes the border look soft
PALE = 0.6  # the hue of walls whose own does not make their shade deeper
EVEN = 0.08  # half the distance of the quartiles of ln luminance along the border of two paints
ROUGH = 0.27  # ln luminance: more spread within five pixels have shops, people and cars, but no wall


@dataclass(frozen=True, eq=False)
class OldPaints:
    """The N >= 2 paints under a mask; 0 is the main one.

    places: where each is. ratio: (N, 3) reflectance of each over that of the main one. area: (N,) its part of the mask.
    """

    places: PaintMap
    ratio: np.ndarray
    area: np.ndarray

    def evened(self, linear: np.ndarray) -> np.ndarray:
        """(h, w, 3) linear light of the small picture as it would be were all of it in the main paint."""
        even: np.ndarray = linear / (self.places.shares(linear) @ self.ratio.astype(np.float32))
        return even


def find_old_paints(linear: np.ndarray, mask: np.ndarray) -> OldPaints | None:
    """The paints under a mask of a small picture; None where it has one.

    linear: (h, w, 3) float32, linear light; mask: (h, w) uint8, 255 inside.
    """
    wall = (mask > 200).view(np.uint8)
    if np.count_nonzero(wall) < SMALLEST:
        return None
    x, y, w, h = cv2.boundingRect(wall)
    box = np.s_[max(0, y - 8) : y + h + 8, max(0, x - 8) : x + w + 8]
    inside = wall[box] > 0
    smooth = cv2.medianBlur(np.ascontiguousarray(linear[box]), 3)
    feature = features(smooth)
    # What a ledge explains is divided out, and the rest examined as if it were not there.
    ledge, even = _ledges(feature, smooth, inside)
    group = _segments(features(even) if ledge.any() else feature, even, inside)
    group, certain = _by_ledge(group, ledge)
    if len(certain) == 1:
        return None
    ratio, belongs = _reflectances(feature, smooth, group, certain)
    kept = np.unique(belongs)
    if len(kept) == 1:
        return None
    found = np.where(inside, np.searchsorted(kept, belongs)[group], -1).astype(np.int8)
    which = np.full(mask.shape, -1, np.int8)
    which[box] = _with_hidden_strips(found, smooth, np.log(ratio[kept]))
    area = np.bincount(which[which >= 0], minlength=len(kept)) / np.count_nonzero(inside)
    return OldPaints(PaintMap.of(linear, which, len(kept)), ratio[kept], area)


def one_paint(linear: np.ndarray, first: np.ndarray, second: np.ndarray, gap: int) -> bool:
    """Whether light explains how two walls differ: where they meet, or, when they do not, in their best lit parts.

    linear: (h, w, 3) light of a small picture. first, second: (h, w) bool. gap: pixels that may lie between two walls
    that meet.
    """
    feature = features(cv2.medianBlur(linear, 3))
    kernel, reach = np.ones((3, 3), np.uint8), np.ones((2 * gap + 9,) * 2, np.uint8)
    walls = [cv2.erode(part.view(np.uint8), kernel) for part in (first, second & ~first)]
    near = [cv2.bitwise_and(wall, cv2.dilate(other, reach)) for wall, other in (walls, walls[::-1])]
    touch = min(np.count_nonzero(part) for part in near) >= MEETING
    parts = [feature[part > 0] for part in (near if touch else walls)]
    if min(len(part) for part in parts) < MEETING:
        return False
    if not touch:
        parts = [part[part[:, 0] >= np.percentile(part[:, 0], 70)] for part in parts]
    dark, bright = sorted((np.median(part, 0) for part in parts), key=lambda level: float(level[0]))
    change = bright - dark
    if not touch and (change[0] > ALIKE or np.hypot(*change[1:]) > ALIKE / 4):
        return False  # with nothing to compare at a border, only what looks alike is one
    return light_explains(change, bright[1:], 0.05, False, 0) > 0


def _ledges(feature: np.ndarray, linear: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) uint8, a bit for each ledge a pixel is below; and `linear` as if the paint below were that above."""
    ledge, even = np.zeros(inside.shape, np.uint8), linear
    logs = np.log(linear + np.float32(0.002))
    for number, found in enumerate(find_ledges(feature[..., 0], inside)):
        if np.count_nonzero(found.below) >= SMALL * np.count_nonzero(inside):
            ledge |= found.below.view(np.uint8) << number
            even = even * np.exp(found.below[..., None] * found.step(logs, inside))
    return ledge, even


def _by_ledge(group: np.ndarray, ledge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) int8 groups, those above and below a ledge apart, the main one first; (N,) bool, the main ones' parts."""
    inside = group >= 0
    apart = np.where(inside, group.astype(np.int16) * (1 << MOST_LEDGES) + ledge, -1)
    names, index = np.unique(apart[inside], return_inverse=True)
    parts = np.full(group.shape, -1, np.int8)
    parts[inside] = index
    order = _by_breadth(parts, len(names))
    return np.where(inside, np.argsort(order)[parts], -1).astype(np.int8), names[order] < 1 << MOST_LEDGES


def _by_breadth(group: np.ndarray, count: int) -> np.ndarray:
    """(N,) the groups' numbers, the wall's first: it is broad, where trim, however much of it, is narrow."""
    owns = [(group == number).view(np.uint8) for number in range(count)]
    weight = [float(broad(own)[own > 0].sum()) + 0.2 * np.count_nonzero(own) for own in owns]
    return np.argsort([-v for v in weight], kind="stable")


def _segments(feature: np.ndarray, linear: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(h, w) int8: what may be the paint of each pixel, the main one first, -1 outside."""
    one = np.where(inside, 0, -1).astype(np.int8)
    clear = unmixed(feature, inside)
    if np.count_nonzero(clear) < SMALLEST // 3:
        return one
    which, centres = cluster(feature, clear)
    paint = _join(feature, linear, which, centres)
    paint = _join_woven(feature, paint)
    if paint.max() == 0:
        return one
    paint = fill(paint, inside, int(paint.max()) + 1)
    left, paint[inside] = np.unique(paint[inside], return_inverse=True)  # of some, single pixels were all
    return np.where(inside, np.argsort(_by_breadth(paint, len(left)))[paint], -1).astype(np.int8)


def _join(feature: np.ndarray, linear: np.ndarray, which: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(h, w) int8 the paint of each pixel: clusters are joined greedily while the sum of evidence speaks for it."""
    count = len(centres)
    clear = which >= 0
    areas = np.bincount(which[clear], minlength=count)
    sums = np.stack([np.bincount(which[clear], linear[..., c][clear], count) for c in range(3)], -1)
    colours = sums / np.maximum(areas, 1)[:, None]
    apart = np.abs(centres[:, None] - centres[None])
    alike = (apart[..., 0] < 0.5) & (apart[..., 1:].max(-1) < 0.15)
    steps = steps_between(feature, which, count, alike)
    score = np.zeros((count, count))
    for one, two in combinations(range(count), 2):
        bright, dark = (one, two) if centres[one][0] >= centres[two][0] else (two, one)
        pair = _Pair(centres[bright], centres[dark], colours[bright], colours[dark])
        same, weight = pair.sameness(steps.get((one, two)), first_is_bright=bright == one)
        score[one, two] = score[two, one] = same * (weight + 0.02 * min(areas[one], areas[two]))
    group = np.arange(count)
    while True:
        names = np.unique(group)
        member = (group == names[:, None]).astype(float)
        total = np.triu(member @ score @ member.T, 1)
        one, two = (int(v) for v in np.unravel_index(total.argmax(), total.shape))
        if total[one, two] <= 0:
            break
        group[group == names[two]] = names[one]
    _, group = np.unique(group, return_inverse=True)
    return np.where(clear, group[which], -1).astype(np.int8)


@dataclass(frozen=True)
class _Pair:
    """Two clusters, the brighter first: centres in features, mean colours in linear light."""

    bright: np.ndarray
    dark: np.ndarray
    bright_colour: np.ndarray
    dark_colour: np.ndarray

    def sameness(self, step: Step | None, first_is_bright: bool) -> tuple[float, int]:
        """How surely both are one paint, from -1 to 1, and the pixels of border that tell it."""
        apart = self.bright - self.dark
        if step is None:
            return 0.5 * self._explained(apart, False, 0), 0
        sign = 1 if first_is_bright else -1
        change = sign * step.change
        sharp = float(np.linalg.norm(change / SCALE) / (np.linalg.norm(apart / SCALE) + 1e-6))
        if sharp < 0.45 or change[0] < 0 < apart[0] - 0.3 or step.woven:
            return 1.0, step.length  # one runs into the other
        if step.soft:
            light = self._explained(apart, False, 0)
            deep = abs(change[0]) > DEEP and np.hypot(*self.bright[1:]) < PALE
            return (light if light < 0 and deep else max(0.0, 0.5 * light)), step.length
        return self._explained(change, step.strip[not first_is_bright] > 0.6, sign * step.above), step.length

    def _explained(self, change: np.ndarray, thin: bool, above: float) -> float:
        """`light_explains` of a change, less what the floor of `features` does to the hue of dark colours."""
        bright = self.bright_colour
        light = max(np.exp(self.bright[0] - change[0]) - FLOOR, 2e-4) / max(np.exp(self.bright[0]) - FLOOR, 2e-4)
        fade = log_chromaticity(bright * light + FLOOR) - log_chromaticity(bright + FLOOR)
        noise = 0.2 * float(np.exp(-self.dark_colour.min() / 0.006))
        change = change + np.array([0, fade @ WARM_COOL, fade @ ACROSS])
        return light_explains(change, self.bright[1:], noise, thin, above)


def light_explains(step: np.ndarray, own_hue: np.ndarray, noise: float, thin: bool, above: float) -> float:
    """How far light can explain the step up to a brighter group of pixels: 1 surely, -1 surely not.

    step: (3,) of `features`. own_hue: (2,) of the brighter group, warm to cool and across. noise: of the hues. thin:
    the brighter group is a strip, as trim is. above: it lies above the other (1), below it (-1), beside it (0).
    """
    lightness, along, across = (float(v) for v in step)
    # Light that has been on the wall before, in niches and under eaves, is darker and has more of the wall's own hue.
    if lightness > 0.3:
        again = np.clip(-(along * own_hue[0] + across * own_hue[1]) / (own_hue @ own_hue + 0.01), 0, BOUNCED)
        again *= np.clip(np.hypot(*own_hue) / 0.2 - 1, 0, 1)
        along, across = along + again * own_hue[0], across + again * own_hue[1]
    # Sun is warmer than the shade beside it; very much so when it is low, but then along the axis and nowhere else.
    strong = 1 - np.exp(-max(lightness, 0))
    high = 0.12 + 0.45 * strong
    if thin:  # strips of sun are rarer than trim
        high -= 0.16 * min(lightness, 1.6)
    else:
        high += 0.55 * strong * max(0, 1 - abs(across) / 0.1)
    low = -max(0.3 - 0.6 * lightness, 0.12)
    deepest = 1.9 if np.hypot(along, across) < 0.07 else 2.3  # lamps leave less dark what they do not reach
    excess = max(abs(across) - 0.14 - noise, along - high - noise, low - along - noise, (lightness - deepest) / 3)
    if lightness > 1 and along < 0 and np.hypot(*own_hue) < 0.25:  # a grey so much brighter, and yet cooler, is no sun
        excess = max(excess, float(np.hypot(along, across)) - 0.11 - noise)
    # Trim or a plinth: darker and not bluer, on a wall without a hue that both would have to share.
    neutral = abs(own_hue[1]) < 0.2 and -0.45 < own_hue[0] < 0.35
    if lightness > 0.5 and abs(along) < 0.09 + noise and neutral and (thin or above > 0.75):
        excess = max(excess, min((lightness - (0.6 if thin else 0.8)) / 3, 0.08))
    return float(np.clip(-excess / 0.08, -1, 1))


def _join_woven(feature: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(h, w) int8 groups, from 0, where the interwoven ones (`Step.woven`) are one."""
    while True:
        count = int(group.max()) + 1
        woven = [pair for pair, step in steps_between(feature, group, count).items() if step.woven]
        if not woven:
            return group
        first, second = woven[0]
        group = np.where(group == second, first, group)
        group = np.where(group > second, group - 1, group).astype(np.int8)


def _reflectances(
    feature: np.ndarray, linear: np.ndarray, group: np.ndarray, certain: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) reflectance of each group over that of group 0, and (N,) the group it belongs to: 0 where it is light.

    certain: (N,) bool, groups that are paints whatever they look like.
    """
    count = len(certain)
    areas = np.bincount(group[group >= 0], minlength=count)
    logs = np.log(linear + np.float32(0.002))
    steps = steps_between(np.dstack([feature, logs]), group, count, careful=True)

    def best_lit(own: np.ndarray) -> np.ndarray:
        luminance = logs[own] @ LUMINANCE
        best: np.ndarray = np.median(logs[own][luminance >= np.percentile(luminance, 70)], 0)
        return best

    # The reflectances (ln) that explain the steps at all borders best, by least squares; where two do not meet, that
    # the best lit parts of both have the same light is all there is to go by.
    lit = [best_lit(group == number) for number in range(count)]
    sights: list[tuple[int, int, float, np.ndarray]] = [(0, n, UNSEEN, lit[0] - lit[n]) for n in range(1, count)]
    for (first, second), step in steps.items():
        if not step.soft:  # what differs along a soft border has more to it than paint
            weight = step.length / (1 + (step.spread / 0.5) ** 2)
            sights.append((first, second, weight, step.change[3:]))
    rows, values = np.zeros((len(sights), count)), np.zeros((len(sights), 3))
    for row, (first, second, weight, change) in enumerate(sights):
        rows[row, [first, second]], values[row] = (weight, -weight), weight * change
    level = np.vstack([np.zeros(3), np.linalg.lstsq(rows[:, 1:], values, rcond=None)[0]])

    rim = group >= 0  # two pixels along the mask's border, where much is mixed with what is beside the wall
    rim &= cv2.erode(rim.view(np.uint8), np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1) == 0
    belongs = np.zeros(count, int)
    kept: list[int] = []
    for number in range(1, count):
        from_main = steps.get((0, number))
        share, rough = areas[number] / areas.sum(), _roughness(feature[..., 0], group == number)
        edges = [step for pair, step in steps.items() if number in pair]
        edge = from_main or max(edges, key=lambda step: step.length, default=None)
        own = _is_paint(level[number], share, rough, from_main, edge)
        own = own and not (from_main is not None and from_main.thin[1] > 0.8 and _is_net(group, number))
        own = own and rim[group == number].mean() < 0.5
        own = bool(own or (certain[number] and share >= SMALL))
        if own and len(kept) < MOST - 1:
            same = [other for other in kept if np.abs(level[number] - level[other]).max() < 0.2]
            belongs[number] = same[0] if same else number
            kept += [] if same else [number]
    return np.exp(level), belongs


def _with_hidden_strips(which: np.ndarray, linear: np.ndarray, level: np.ndarray) -> np.ndarray:
    """(h, w) int8 paints where strips that were taken for the main one have their own.

    White trim in the shade looks as a grey wall does in the sun, and goes with it. But it is a strip, and stands out
    from the wall on both sides of it by just as much as the trim elsewhere does. level: (N, 3) ln of reflectances.
    """
    inside = which >= 0
    logs = np.log(linear + np.float32(0.002))
    luminance = np.log(cv2.transform(linear, LUMINANCE.reshape(1, 3)) + np.float32(0.002))
    steps = np.log(np.exp(level) @ LUMINANCE).astype(np.float32)
    even = luminance - steps[which]  # where which is -1 the last; it is not looked at
    window = np.ones((STRIP, STRIP), np.uint8)

    def lowest(values: np.ndarray) -> np.ndarray:
        """What remains of values inside when strips higher than what is on both sides are cut off."""
        eroded = cv2.erode(np.where(inside, values, np.float32(99)), window)
        opened: np.ndarray = cv2.dilate(np.where(inside, eroded, np.float32(-99)), window)
        return opened

    found = which.copy()
    for number in range(1, len(level)):
        if abs(steps[number]) < STANDS_OUT:
            continue
        sign = np.float32(np.sign(steps[number]))
        ridge = sign * even - lowest(sign * even)
        strip = (which == 0) & (abs(ridge - abs(steps[number])) < 0.3 * abs(steps[number]))
        if not strip.any():
            continue
        wall = ((which == 0) & ~strip).astype(np.float32)
        norm = box_mean(wall, STRIP)
        beside = box_mean(logs * wall[..., None], STRIP) / (norm[..., None] + np.float32(1e-6))
        change = logs - beside - level[number].astype(np.float32)
        mean = change.mean(-1)
        off = np.abs(change - mean[..., None]).max(-1)
        strip &= (norm > 0.05) & (off < SAME_HUE) & (abs(mean) < 0.3 * abs(steps[number]))
        solid = cv2.morphologyEx(strip.view(np.uint8), cv2.MORPH_OPEN, np.ones((4, 4), np.uint8))
        found[strip & (cv2.dilate(solid, np.ones((5, 5), np.uint8)) > 0)] = number
    return found


def _roughness(luminance: np.ndarray, own: np.ndarray) -> float:
    """Median spread of ln luminance within five pixels, of the pixels that are a group's own."""
    weight = own.astype(np.float32)
    near = box_mean(weight, 2)[own]
    mean, square = (box_mean(values, 2)[own] / near for values in (luminance * weight, luminance**2 * weight))
    return float(np.median(np.sqrt(np.maximum(square - mean * mean, 0))))


def _is_net(group: np.ndarray, number: int) -> bool:
    """Whether a group lies in the main one as mortar between bricks does: closing its meshes covers far more."""
    own = (group == number).view(np.uint8)
    closed = cv2.morphologyEx(own, cv2.MORPH_CLOSE, np.ones((MESH, MESH), np.uint8))
    return bool(np.count_nonzero(closed[group == 0]) > 1.5 * np.count_nonzero(own))


def _is_paint(level: np.ndarray, share: float, rough: float, step: Step | None, edge: Step | None) -> bool:
    """Whether a group is worth telling from the main paint, and surely no light.

    level: (3,) ln of its reflectance over that of the main one. share: of the mask. rough: median spread of ln
    luminance within five pixels. step: from the main one to it; edge: the same, or where they do not meet, as on both
    sides of a cornice, at its longest border.
    """
    own_hue = level[[0, 2]] - level[1]
    luminance = float(np.log(np.exp(level) @ LUMINANCE))
    if share < 0.004 or (abs(luminance) < 0.2 and np.abs(own_hue).max() < 0.22):
        return False
    if abs(luminance) < GLOW and abs(own_hue[0]) < 0.1 and (step is None or step.spread > EVEN):
        return False  # lamps, and the sky in a pane: more yellow or bluer, and not by as much everywhere
    if (
        luminance < BLACK
        and edge is not None
        and edge.length >= 40
        and not (edge.soft or edge.woven)
        and edge.spread < 2 * EVEN
        and rough < 0.15
        and share > SMALL
    ):
        return True  # so dark is no shade that is as dark all along its sharp edge
    if step is not None and step.length >= 40:
        change = np.array([luminance, own_hue @ WARM_COOL, own_hue @ ACROSS]) * np.sign(luminance)
        if min(step.thin) > 0.85 and abs(luminance) < 0.6:
            return False  # neither is broad anywhere: bricks of several kinds
        if step.thin[1] > 0.85 and abs(luminance) < 0.3 and np.hypot(*own_hue) < DARKER:
            return False  # stains, single bricks: little is lost where it is trim after all
        if step.woven or (step.soft and light_explains(change, np.zeros(2), 0.05, False, 0) > 0):
            return False
    if (luminance < -2.3 and share < 0.15) or (luminance < -0.5 and share < 0.03):
        return False  # lamps, pipes, gratings, open windows: they may stay dark
    plinth = step is not None and step.above > 0.35 and np.abs(own_hue).max() < 0.12
    panels = step is not None and step.thin[0] > 0.5 and share > 0.1  # the main paint is their frame
    along, across = float(own_hue @ WARM_COOL), float(own_hue @ ACROSS)
    # Another house: broad on both sides of a border along which the step is everywhere the same.
    house = step is not None and max(step.thin) < 0.3 and step.spread < EVEN / 2 and not step.soft and share > 0.1
    if (
        luminance < -0.3
        and np.hypot(min(along, 0) * COOLER + max(along, 0), across) < (0.7 * DARKER if house else DARKER)
        and not (plinth or panels)
    ):
        return False  # shade, niches, soffits, what is under a balcony: less light, from the sky or from other walls
    return luminance >= 0.1 or rough <= (ROUGH if luminance > -0.7 else 0.7 * ROUGH)  # shops, people, cars
