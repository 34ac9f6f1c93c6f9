"""How many actions does a person need to get a wall right? A scripted one who wants every wall, by the page's verbs.

    python benchmarks/hand.py DATA
    python benchmarks/hand.py DATA --write docs/hand.md --json hand.json

On the three examples, whose masks the renderer knows, and on the first ten photos of DATA/painter/dev by name, for
every wall of 2% of the photo: a click somewhere in the wall, 5 px from its border, never sought out. Of the answers
shown the best is taken, and up to two clicks follow in the middle of the widest error, as long as they help, unless
even the best is hopeless (below .8). Is the wall not nearly right then, it is drawn: a polygon around it from corner
to corner, at most 40 of them, "only the wall", windows and pipes not gone around, nor what stands at its rim; the same
for each further part. A hand is up to 3 px of the screen off; a person zooms in to draw, so that is 1.5 px of the photo
at twice its size (``--off`` says otherwise). After that whatever promises most an action: a polygon of at most 12
corners, the same after starting over, tidying the outline, a box around a window that is too much, a stroke of one
width, the brush that stops at borders, "remove every window", another click. What made it worse is undone. Each of
these is one action, choosing an answer, starting over and undoing too; presses count every corner of a polygon. After
twelve actions the wall is given up.

Done is an IoU of .95 with the painter's truth, where somebody judged (see ``painter.py``; a click may mean the wall's
face or all of its paint, whichever the answers are nearest to). Each wall is painted once it is right, and the next
one is begun with painted walls protected, in one session a photo. The same run gives the same actions.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.annotated import Scene, deepest, parser_of, photos, studio_with
from benchmarks.moves import Path as Line
from benchmarks.moves import Shape, Work, best_shape, covered, strokes
from benchmarks.painter import targets
from sam2_painter.engines import engine_names, load_engine
from sam2_painter.errors import InvalidInput, MaskNotFound
from sam2_painter.masks import tidying
from sam2_painter.photos import examples
from sam2_painter.rle import rle_to_mask
from sam2_painter.studio.studio import SelectMode, Studio
from sam2_painter.types import Coat, Session

GOAL, NEARLY = 0.95, 0.9  # IoU
LEAST = 0.02  # of the photo: smaller walls are not asked for
PHOTOS = 10
MOST_ACTIONS = 12
CLICKS = 2  # after the first, before anything is drawn
CORNERS, OFF = 40, 1.5  # of an outline at most; px of 1024 each may be off: 3 on a screen, zoomed in to 2
PRESS = 0.0003  # IoU that a corner must bring to be clicked
BRIDGED = 25  # px of 1024: what is narrower, such as a pipe, is not gone around
PARTS = 3  # of a wall that are drawn around
HELPS = 0.02  # IoU that a click must bring to be followed by another
HOPELESS = 0.8  # IoU of the best first answer with which nobody goes on who can draw
CHOICE = 0.01  # IoU by which another answer must be better to be taken
WORSE = 0.002  # IoU that may be lost unseen
LITTLE = 0.001  # IoU an action must promise; for less nobody goes on
TRUST = 0.5  # of what is hoped for comes true, until it is seen
SCREEN = 1600  # pixels of the photo's long side on the page
IN_WALL = ("window", "glass", "window frames", "shutter", "shutters", "door", "garage")  # left out of a rough polygon
KINDS = {  # what the truth calls things that "every ..." finds
    "window": ("window", "glass", "window frames"),
    "roof": ("roof", "right roof"),
    "trim": ("trim", "eaves", "sills", "surrounds", "cornices", "lintels", "door frame"),
    "shutter": ("shutter", "shutters"),
    "door": ("door", "garage"),
    "vegetation": ("vegetation", "trees", "bushes", "lawn"),
    "sky": ("sky",),
}
EXAMPLES = {  # walls of the examples, by their paint
    "brick-house": {"front wall": "A", "side wall": "A"},
    "town-house": {"plaster wall": "A", "ground floor": "B", "left house": "C", "left side": "C", "right house": "D"},
    "siding-cottage": {"front wall": "A", "wing wall": "A", "side wall": "A"},
}


@dataclass(frozen=True)
class Action:
    """One thing a person did: what, with how many presses, and the IoU after it."""

    kind: str
    presses: int
    iou: float


@dataclass
class Row:
    """What one wall took. share: of the photo."""

    photo: str
    share: float
    actions: list[Action] = field(default_factory=list)

    def until(self, goal: float) -> int | None:
        """Actions until the goal, None when it was not reached."""
        return next((count for count, one in enumerate(self.actions, 1) if one.iou >= goal), None)

    @property
    def best(self) -> float:
        return max((one.iou for one in self.actions), default=0.0)


@dataclass(frozen=True)
class Move:
    """What a person may do next. hoped: the IoU if all goes well; sure: it will, for it is seen before. actions: how
    many it is.
    """

    kind: str
    hoped: float
    do: Callable[[], Session]
    presses: int = 1
    sure: bool = False
    actions: int = 1


class Hand:
    """A person at one wall of a session."""

    def __init__(
        self,
        studio: Studio,
        session: Session,
        scene: Scene,
        aims: Sequence[np.ndarray],
        trust: dict[str, float],
        off: float = OFF,
    ):
        self.off = off
        self.studio, self.sid, self.size, self.scene = studio, session.id, session.size, scene
        self.scale = max(1.0, max(session.size) / SCREEN)
        self.aims, self.judged, self.trust = aims, scene.labels > 0, trust
        self.aim = aims[0]
        self.used: set[str] = set()
        self.tidied = False  # once is enough, and an outline is tidied already
        self.row = Row(scene.name, float(aims[0].mean()))

    def make(self, x: int, y: int) -> Row:
        """Make the wall right that is at (x, y)."""
        try:
            self.act("click", 1, lambda: self.studio.click(self.sid, x, y, scale=self.scale))
        except InvalidInput:  # all of it is painted already
            self.row.actions.append(Action("click", 1, 0.0))
        shown = [rle_to_mask(answer.rle) for answer in self.studio.answers(self.studio.session(self.sid))]
        best, self.aim = 0.0, self.aims[0]
        for aim in self.aims:
            at_best = max((Work(mask, aim, self.judged).iou for mask in shown), default=0.0)
            if at_best > best:
                best, self.aim = at_best, aim
        self.row.actions[-1] = Action("click", 1, self.work.iou)
        clicks = CLICKS
        if best >= HOPELESS:
            self.choose()
            clicks = 0
        while self.work.iou < GOAL and len(self.row.actions) < MOST_ACTIONS:
            before = self.work.iou
            if clicks < CLICKS:
                clicks += 1
                if self.step(self.click()) < before + HELPS:
                    clicks = CLICKS
                continue
            if before < NEARLY and self.undrawn:
                self.step(self.around(self.undrawn.pop(0)))
                continue
            moves = [(self.trusted(move) * (move.hoped - before) / move.actions, move) for move in self.moves()]
            promised, best = max(moves, key=lambda pair: pair[0])
            if promised < LITTLE:
                break
            self.step(best)
        return self.row

    # -- what there is to see ----------------------------------------------------------------------------------------

    @property
    def mask(self) -> np.ndarray:
        session = self.studio.session(self.sid)
        if session.selection.mask_id is None:
            return np.zeros(self.size, bool)
        return session.mask(session.selection.mask_id).segmentation

    @property
    def work(self) -> Work:
        return Work(self.mask, self.aim, self.judged)

    def trusted(self, move: Move) -> float:
        return 1.0 if move.sure else self.trust.get(move.kind, TRUST)

    # -- what a person does ------------------------------------------------------------------------------------------

    def act(self, kind: str, presses: int, do: Callable[[], Session]) -> None:
        """Do one thing and count it."""
        do()
        self.row.actions.append(Action(kind, presses, self.work.iou))

    def step(self, move: Move) -> float:
        """Make a move, take another answer where one is better, undo what made it worse; the IoU then."""
        before, revision = self.work.iou, self.studio.session(self.sid).revision
        try:
            self.act(move.kind, move.presses, move.do)
        except (InvalidInput, MaskNotFound):  # a sentence, and nothing was changed
            self.row.actions.append(Action(move.kind, move.presses, before))
        changed = self.studio.session(self.sid).revision != revision
        if changed and move.kind in ("click", "outline", "box"):
            self.choose(before)
        if changed and self.work.iou < before - WORSE:
            self.act("undo", 1, lambda: self.studio.undo(self.sid))
            while self.work.iou < before - WORSE:  # the answer that was taken is a step of its own
                self.act("undo", 1, lambda: self.studio.undo(self.sid))
        after = self.work.iou
        if not move.sure:
            came_true = np.clip((after - before) / max(1e-6, move.hoped - before), 0, 1)
            self.trust[move.kind] = (self.trust.get(move.kind, TRUST) + float(came_true)) / 2
        return after

    def choose(self, least: float = 0.0) -> None:
        """Take another of the answers where it is better, and no worse than what was there."""
        answers = self.studio.answers(self.studio.session(self.sid))
        if len(answers) < 2:
            return
        ious = [Work(rle_to_mask(answer.rle), self.aim, self.judged).iou for answer in answers]
        best = int(np.argmax(ious))
        if ious[best] > max(least, self.work.iou + CHOICE):
            self.act("choose", 1, lambda: self.studio.choose(self.sid, answers[best].choice))

    def moves(self) -> Iterator[Move]:
        """Everything that may help now."""
        work = self.work
        shape = best_shape(work)
        if shape is not None:
            yield self.drawn(shape)
        anew = self.outline
        if anew is not None and not anew.radius:
            yield Move("polygon", anew.iou, lambda: self.begin(anew.path), len(anew.path) + 1, True, 2)
        for path in self.undrawn:
            yield self.around(path)
        yield from self.boxed(work)
        if not self.tidied and work.mask.any():
            yield Move("tidy", work.after(*near_outline(work)), self.tidy)
        yield self.click()
        yield from self.brushed(work)
        yield from self.every(work)

    @cached_property
    def outline(self) -> Shape | None:
        """What one polygon makes of nothing."""
        return best_shape(Work(np.zeros(self.size, bool), self.aim, self.judged))

    @cached_property
    def undrawn(self) -> list[Line]:
        """Outlines of the wall's parts that were not drawn yet, the largest first."""
        return list(outlines(self.aim, self.stands, len(self.scene.name) + int(self.aim.sum()), self.off))

    @cached_property
    def stands(self) -> np.ndarray:
        """(H, W) bool: windows, doors and shutters."""
        ids = [region["id"] for region in self.scene.regions if region["cls"] in IN_WALL]
        there: np.ndarray = np.isin(self.scene.labels, ids)
        return there

    def around(self, path: Line) -> Move:
        """A polygon around a part of the wall, of which what stands in it is left out; begun anew where hardly anything
        else of the wall is right."""
        inside = covered(path, 0.0, self.size) > 0
        wall = inside & ~self.stands
        anew, more = (Work(one, self.aim, self.judged).iou for one in (wall, self.mask | wall))

        def do() -> Session:
            self.tidied = True
            if path in self.undrawn:
                self.undrawn.remove(path)
            if anew > more:
                return self.begin(path, only_wall=True)
            return self.studio.polygon(self.sid, path, "union", only_wall=True)

        return Move("outline", max(anew, more), do, len(path) + 1, False, 1 + (anew > more))

    def boxed(self, work: Work) -> Iterator[Move]:
        """A box around what stands in the wall and is selected."""
        extra = work.errors(False) & self.stands
        _, _, stats, _ = cv2.connectedComponentsWithStats(extra.astype(np.uint8))
        if len(stats) < 2:
            return
        x, y, w, h, gained = stats[1 + stats[1:, cv2.CC_STAT_AREA].argmax()].tolist()
        x1, y1, x2, y2 = x - 2, y - 2, x + w + 2, y + h + 2

        def do() -> Session:
            return self.studio.box(self.sid, x1, y1, x2, y2, "subtract", scale=self.scale)

        yield Move("box", work.after(gained, 0, False), do, 2)

    def tidy(self) -> Session:
        self.tidied = True
        return self.studio.tidy(self.sid)

    def begin(self, path: Line, only_wall: bool = False) -> Session:
        """Start over, with a polygon."""
        self.act("start over", 1, lambda: self.studio.clear_selection(self.sid))
        return self.studio.polygon(self.sid, path, "union", only_wall=only_wall)

    def click(self) -> Move:
        """A click in the middle of the widest error."""
        work = self.work
        x, y, adds = work.worst()
        hoped = work.after(work.part_at(x, y, adds), 0, adds)
        mode: SelectMode = "union" if adds else "subtract"
        return Move("click", hoped, lambda: self.studio.click(self.sid, x, y, int(adds), mode, scale=self.scale))

    def drawn(self, shape: Shape) -> Move:
        mode = "union" if shape.adds else "subtract"
        if shape.radius:
            return Move(
                "stroke",
                shape.iou,
                lambda: self.studio.stroke(self.sid, shape.path, shape.radius, mode),
                sure=True,
            )
        corners = len(shape.path)
        return Move("polygon", shape.iou, lambda: self.studio.polygon(self.sid, shape.path, mode), corners + 1, True)

    def brushed(self, work: Work) -> Iterator[Move]:
        """The brush that stops at borders, over the longest error."""
        for adds in (True, False):
            error = work.errors(adds)
            line = longest(error)
            if line is None:
                continue
            path, radius = line
            mode = "union" if adds else "subtract"
            gained = int(np.count_nonzero(error[covered(path, radius, self.size) > 0]))

            def do(path: Line = path, radius: float = radius, mode: Any = mode) -> Session:
                return self.studio.stroke(self.sid, path, radius, mode, edge_aware=True)

            yield Move("brush", work.after(gained, 0, adds), do)

    def every(self, work: Work) -> Iterator[Move]:
        """Take everything of a kind away."""
        extra = work.errors(False)
        for kind, classes in KINDS.items():
            if kind in self.studio.categories and kind not in self.used:
                ids = [region["id"] for region in self.scene.regions if region["cls"] in classes]
                gained = int(np.count_nonzero(extra & np.isin(self.scene.labels, ids)))

                def do(kind: str = kind) -> Session:
                    self.used.add(kind)
                    return self.studio.find(self.sid, kind, "subtract")

                if gained:
                    yield Move(f"every {kind}", work.after(gained, 0, False), do, 2)


def near_outline(work: Work) -> tuple[float, float, bool]:
    """What `Work.after` takes for all errors near the outline made right: as many missing pixels as there are."""
    reach = max(tidying.LEAST_REACH, round(max(work.mask.shape) * tidying.REACH))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    outline = cv2.dilate(work.mask.astype(np.uint8), kernel) != cv2.erode(work.mask.astype(np.uint8), kernel)
    missing, extra = (int(np.count_nonzero(work.errors(adds) & outline)) for adds in (True, False))
    return missing, -extra, True


def outlines(aim: np.ndarray, stands: np.ndarray, seed: int, off: float = OFF) -> Iterator[Line]:
    """Polygons around the parts of a wall, the largest first, as somebody clicks them who sees its corners.

    stands: (H, W) bool, windows and what else is left out of a rough polygon: what of it lies at the wall's rim is gone
    around or taken in, whichever takes fewer corners for what is right. off: px of 1024 each corner may be off.
    """
    scale = max(aim.shape) / 1024
    shaken = np.random.default_rng(seed)
    ways = [_rings(one, scale) for one in (aim, aim | _beside(aim, stands))]
    found = max(ways, key=lambda rings: _right(rings, aim, stands) - PRESS * sum(map(len, rings)))
    for corners in found:
        moved = corners + 0.5 + shaken.uniform(-1, 1, corners.shape) * off * scale / np.sqrt(2)
        yield [(float(x), float(y)) for x, y in moved]


def _beside(aim: np.ndarray, stands: np.ndarray) -> np.ndarray:
    """(H, W) bool: of what stands in walls, that within the hull of a part of this wall."""
    inside = np.zeros(aim.shape, np.uint8)
    for outline in cv2.findContours(aim.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
        if cv2.contourArea(outline) >= LEAST / 4 * aim.size:
            cv2.fillPoly(inside, [cv2.convexHull(outline)], 1)
    there: np.ndarray = stands & (inside > 0)
    return there


def _right(rings: Sequence[np.ndarray], aim: np.ndarray, stands: np.ndarray) -> float:
    """IoU of what rings hold, without what stands in them."""
    inside = np.zeros(aim.shape, np.uint8)
    for ring in rings:
        cv2.fillPoly(inside, [ring.astype(np.int32)], 1)
    held = (inside > 0) & ~stands
    return float(np.count_nonzero(held & aim) / max(1, np.count_nonzero(held | aim)))


def _rings(part: np.ndarray, scale: float) -> list[np.ndarray]:
    """(N, 2) corners around each part of a mask, what is narrower than BRIDGED closed."""
    size = round(BRIDGED * scale) | 1
    room = cv2.copyMakeBorder(part.astype(np.uint8), size, size, size, size, cv2.BORDER_REPLICATE)
    whole = cv2.morphologyEx(room, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))[size:-size, size:-size]
    found, _ = cv2.findContours(np.ascontiguousarray(whole), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rings = []
    for outline in sorted(found, key=cv2.contourArea, reverse=True)[:PARTS]:
        if cv2.contourArea(outline) < LEAST / 4 * part.size:
            break
        corners = _fewest(cv2.approxPolyDP(outline, 1.5 * scale, True)[:, 0].astype(float), 3.0 * scale)
        if len(corners) > 2:
            rings.append(corners)
    return rings


def _fewest(corners: np.ndarray, tolerance: float) -> np.ndarray:
    """The corners without those that matter least (Visvalingam & Whyatt, 1993), at most CORNERS: a corner goes while
    its triangle is flatter than the tolerance, or there are too many."""
    corners = corners.copy()
    while len(corners) > 3:
        before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
        one, two = corners - before, after - before
        doubled = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
        least = int(doubled.argmin())
        if len(corners) <= CORNERS and doubled[least] > tolerance * max(1e-6, float(np.hypot(*two[least]))):
            break
        corners = np.delete(corners, least, axis=0)
    return corners


def longest(error: np.ndarray) -> tuple[Line, float] | None:
    """The line that a broad brush takes along the largest error, and its radius."""
    found = list(strokes(error, 1))
    return found[-1] if found else None


# -- photos ----------------------------------------------------------------------------------------------------------


def example_photos() -> Iterator[Scene]:
    """The examples, with the masks that their renderer knows."""
    from training import rendering

    for name, walls in EXAMPLES.items():
        yield scene_of(name, examples.path(name), rendering.masks(name), walls)


def scene_of(name: str, photo: Path | np.ndarray, parts: dict[str, np.ndarray], walls: dict[str, str]) -> Scene:
    """A photo whose parts are known as masks; walls: the paint of those that are walls."""
    labels = np.zeros(next(iter(parts.values())).shape, np.uint16)
    regions = []
    for number, (part, mask) in enumerate(parts.items(), 1):
        labels[mask] = number
        click = list(deepest(mask)[1:])
        cls = "wall" if part in walls else part
        paint = walls.get(part, "")
        regions.append(dict(id=number, cls=cls, paint=paint, part=part, area=float(mask.mean()), click=click))
    return Scene(name, photo, labels, regions)


# -- the measurement -------------------------------------------------------------------------------------------------


def measure(studio: Studio, scene: Scene, off: float = OFF, trust: dict[str, float] | None = None) -> list[Row]:
    """Make every wall of a photo right, the largest first, and paint each. off: see `outlines`. trust: what a person
    has learned of each tool, and learns."""
    session = studio.open(scene.photo, scene.name)
    studio.embed(session.id)
    rows, trust = [], {} if trust is None else trust
    done = np.zeros(scene.labels.shape, bool)
    wanted = [target for target in targets(scene.name, scene.labels, scene.regions) if target.cls == "wall"]
    for target in sorted(wanted, key=lambda target: -np.count_nonzero(target.aims[0])):
        face = target.aims[0]
        if face.mean() < LEAST or np.count_nonzero(face & done) > NEARLY * np.count_nonzero(face):
            continue  # too small, or painted along with a wall of the same paint
        studio.clear_selection(session.id)
        aims = [aim & ~done if k else aim for k, aim in enumerate(target.aims)]
        hand = Hand(studio, session, scene, aims, trust, off)
        rows.append(hand.make(*target.elsewhere[0]))
        if hand.mask.any():
            studio.paint_wall(session.id, Coat((180, 200, 170)))
            done |= hand.aim
    studio.close(session.id)
    return rows


def figures(rows: Sequence[Row], goal: float) -> str:
    """Median, worst and shares of rows, as cells of a table."""
    counts = [row.until(goal) for row in rows]
    reached = [count for count in counts if count is not None]
    ordered = sorted(count if count is not None else MOST_ACTIONS + 1 for count in counts)
    middle = ordered[len(ordered) // 2]
    median = str(middle) if middle <= MOST_ACTIONS else "never"
    worst = str(ordered[-1]) if ordered[-1] <= MOST_ACTIONS else f"{len(counts) - len(reached)} never"
    within = [f"{np.mean([count <= most for count in ordered]):.0%}" for most in (3, 5, 8)]
    return " | ".join([median, worst, *within])


def table(title: str, rows: Sequence[Row]) -> str:
    """By photo and in all, as Markdown."""
    lines = []
    for goal in (GOAL, NEARLY):
        lines += [
            f"{title}, actions until IoU {goal:.2f}".replace("0.", "."),
            "",
            "| photo | walls | median | worst | within 3 | within 5 | within 8 |",
            "|---|---|---|---|---|---|---|",
        ]
        for photo in dict.fromkeys(row.photo for row in rows):
            some = [row for row in rows if row.photo == photo]
            lines.append(f"| {photo} | {len(some)} | {figures(some, goal)} |")
        for name, inside in (("the examples", True), ("the ten photos", False)):
            some = [row for row in rows if (row.photo in EXAMPLES) == inside]
            if some:
                lines.append(f"| **{name}** | {len(some)} | {figures(some, goal)} |")
        lines += [f"| **all** | {len(rows)} | {figures(rows, goal)} |", ""]
    kinds: dict[str, int] = {}
    for one in (one for row in rows for one in row.actions):
        kinds[one.kind] = kinds.get(one.kind, 0) + 1
    used = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: -item[1]))
    presses = float(np.median([sum(one.presses for one in row.actions) for row in rows]))
    lines.append(f"What was done: {used}. The median wall took {presses:.0f} presses, corners of polygons counted.")
    return "\n".join(lines)


def written(page: str, made: str, begin: str = "<!-- benchmarks/hand.py -->", end: str = "<!-- end -->") -> str:
    """A page with the table between its two comments made anew."""
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"the page needs {begin} and {end}")
    return f"{before}{begin}\n\n{made}\n\n{end}{after}"


def main() -> None:
    """Parse the command line and print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--engine", choices=engine_names(), default="offline")
    parser.add_argument("--photos", type=int, default=PHOTOS, help="of the data")
    parser.add_argument("--no-examples", action="store_true")
    parser.add_argument("--off", type=float, default=OFF, help="px of 1024 that corners may be off")
    parser.add_argument("--verbose", action="store_true", help="print every action")
    parser.add_argument("--json", type=Path, help="write every action there")
    parser.add_argument("--write", type=Path, help="a page that has the table between two comments")
    args = parser.parse_args()
    engine = load_engine(args.engine)
    rows: list[Row] = []
    trust: dict[str, float] = {}
    begun = time.perf_counter()
    with studio_with(engine) as studio:
        scenes = [*(() if args.no_examples else example_photos()), *photos(args.data, most=args.photos)]
        for scene in scenes:
            rows += measure(studio, scene, args.off, trust)
            some = [row for row in rows if row.photo == scene.name]
            for row in some if args.verbose else ():
                steps = ", ".join(f"{one.kind} {one.iou:.2f}" for one in row.actions)
                print(f"{row.photo} {row.share:.1%}: {steps}", flush=True)
            done = time.perf_counter() - begun
            if args.json:
                told = [dict(photo=v.photo, share=v.share, actions=[vars(one) for one in v.actions]) for v in rows]
                args.json.write_text(json.dumps(told, indent=1) + "\n")
            print(f"{scene.name}: {len(some)} walls, {done:.0f} s", file=sys.stderr, flush=True)
    made = table(engine.title, rows)
    print(made)
    if args.write:
        args.write.write_text(written(args.write.read_text(), made))


if __name__ == "__main__":
    main()
