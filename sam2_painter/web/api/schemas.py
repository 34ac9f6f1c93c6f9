"""What goes in and out by the API: the names and types a client sees.

A mask travels as text: a base64 PNG of the photo's size, or COCO's compressed runs. Coordinates are pixels of the
photo as opened, upright. bbox is [x, y, width, height], box the same as [x1, y1, x2, y2].
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NotRequired

from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from ...types import CombineMode


@dataclass(frozen=True)
class Attachment:
    """A file somebody sent: its bytes, a path the server itself wrote them to, or base64 text. name: the file's."""

    content: bytes | Path | str
    name: str = ""


@dataclass(frozen=True)
class Caller:
    """Who asks. address: of the network, "" when unknown. operator: somebody who signed in."""

    address: str = ""
    operator: bool = False


class Point(TypedDict):
    """A click; label 1 (foreground, the default) or 0 (background)."""

    x: float
    y: float
    label: NotRequired[int]


class Box(TypedDict):
    """A rectangle from its upper left corner (x1, y1) to its lower right one (x2, y2)."""

    x1: float
    y1: float
    x2: float
    y2: float


class ColoredMask(TypedDict):
    """Paint for one mask: mask_id of the session, or a new mask as base64 PNG."""

    color: str
    mask_id: NotRequired[int | None]
    mask: NotRequired[str | None]
    opacity: NotRequired[float | None]


class Info(TypedDict):
    """What this server is and offers. categories: the kinds that find_walls knows."""

    message: str
    version: str
    endpoints: dict[str, str]
    categories: list[str]


class CacheCounts(TypedDict):
    """How many sessions there are, how many of them would be answered from memory, and what memory holds."""

    total_sessions: int
    sessions_with_cache: int
    total_cached_masks: int
    total_cached_embeddings: int


class CacheFill(TypedDict):
    """How full one cache is."""

    entries: int
    bytes: int
    max_bytes: int
    hits: int
    misses: int


class CacheReport(CacheCounts):
    """The counts, and every cache by name."""

    cache_enabled: bool
    total_cached_bytes: int
    caches: dict[str, CacheFill]


class ModalStatus(TypedDict):
    """ "not configured", "configured" (nothing asked yet), "healthy" or "failing: ..."."""

    status: str


class Health(TypedDict):
    """ "healthy", or "degraded" when something does not work; never asks a GPU to wake up."""

    status: str
    engine: str
    engine_reason: str
    modal_status: ModalStatus
    timestamp: str
    sessions_count: int
    cache_status: CacheCounts


class Uploaded(TypedDict):
    """A new session, and its photo as it is seen: base64 PNG up to 4 megapixels, JPEG above, always at full size."""

    session_id: str
    image_data: str
    width: int
    height: int
    message: str


class WidthHeight(TypedDict):
    """The size of the photo, in pixels."""

    width: int
    height: int


class Boxes(TypedDict):
    """The smallest box around a mask: bbox is [x, y, width, height], box [x1, y1, x2, y2]."""

    bbox: list[int]
    box: list[int]


class Candidate(TypedDict):
    """One of the masks the engine offers for the prompts."""

    mask_id: int
    mask: str
    score: float


class Segmented(Boxes):
    """The best mask, and all candidates, best first."""

    session_id: str
    mask: str
    score: float
    mask_id: int
    candidates: list[Candidate]


class FoundMask(Boxes):
    """One mask of the photo."""

    id: int
    mask: str
    score: float
    area: int
    stability_score: float


class Generated(TypedDict):
    """Every mask, largest first."""

    session_id: str
    masks: list[FoundMask]
    total_masks: int
    width: int
    height: int


class GeneratedCached(Generated):
    """Every mask; cached: nothing had to be computed."""

    cached: bool


class Combined(TypedDict):
    """The mask several became."""

    session_id: str
    combined_mask: str
    mask_id: int
    width: int
    height: int
    num_masks_combined: int


class Painted(TypedDict):
    """The picture with all of the session's paint."""

    session_id: str
    painted_image: str
    width: int
    height: int


class PaintedMasks(Painted):
    """The picture with all of the session's paint, and how many masks this call painted."""

    num_masks_painted: int


class NamedColor(TypedDict):
    """A paint: its name, and its colour as #rrggbb."""

    name: str
    color: str


class Palette(TypedDict):
    """The paints a session has to choose from. name: "Exterior paints", or the file they came from."""

    session_id: str
    name: str
    paints: list[NamedColor]


class TieOffers(TypedDict):
    """Pairs of layer ids that may lie on one old paint."""

    session_id: str
    offers: list[list[int]]


class OldPaint(TypedDict):
    """A paint that is on a wall now. name: of the paint it looks most like. share: of the mask, 0 to 1."""

    color: str
    name: str
    share: float


class Described(TypedDict):
    """What can be said of a colour.

    name: of the nearest paint, or CSS colour where no palette was loaded; distance: how far it is from that, CIEDE2000
    (below 1 nobody sees it). lrv: light reflectance value, 0 black to 100 white. harmonies: colours of a facade that go
    with it, by kind. paints: of a wall, each one that is on it now, the main one first.
    """

    session_id: str
    color: str
    name: str
    distance: float
    lrv: float
    harmonies: dict[str, list[str]]
    paints: list[OldPaint]


class MadeDownload(TypedDict):
    """A file that waits at image_url (relative to /api) until its session is deleted."""

    session_id: str
    image_url: str
    filename: str
    format: str
    size_bytes: int
    message: str


class DownloadEntry(TypedDict):
    """One file that waits."""

    filename: str
    size_bytes: int
    download_url: str


class Downloads(TypedDict):
    """The files of one session that wait."""

    downloads: list[DownloadEntry]
    total_files: int
    message: str


class StoredMask(Boxes):
    """A mask of the session. area: pixels."""

    mask: str
    score: float
    area: int


class PaintedLayer(Boxes):
    """A layer of paint. layer_id: its own, never given twice. area: pixels. mask_id: null when it has none. tie: layers
    of one number other than 0 lie on one old paint."""

    layer_id: int
    name: str
    color: str
    opacity: float
    mode: str
    light: float
    shadow: float
    visible: bool
    mask_id: int | None
    area: int
    tie: int


class SessionInfo(TypedDict):
    """What a session holds."""

    session_id: str
    filename: str
    width: int
    height: int
    created_at: str
    stored_masks: dict[str, StoredMask]
    masks_count: int
    layers: list[PaintedLayer]
    message: str


class Message(TypedDict):
    """What was done."""

    message: str


class EmbeddingInfo(TypedDict):
    """What the engine keeps of a photo. digest: sha256 of its pixels. shapes: of the arrays inside."""

    digest: str
    engine: str
    shapes: list[list[int]]
    bytes: int


class Embedded(TypedDict):
    """The engine's reading of the photo; cached: it was there already."""

    session_id: str
    embedding: EmbeddingInfo
    cached: bool
    message: str


class PointMask(Boxes):
    """The mask at a point; cached: the engine was not asked."""

    session_id: str
    mask: str
    mask_id: int
    score: float
    cached: bool


class Step(TypedDict):
    """One thing somebody did to a wall's shape. mode: "union" added, "subtract" took away, "intersect" kept what both
    have. points and box: what the engine was asked; path: of a stroke, with its radius, or of a polygon."""

    kind: Literal["prompts", "stroke", "polygon", "mask", "tidy"]
    mode: CombineMode
    points: list[Point]
    box: list[float] | None
    path: list[list[float]]
    radius: float


class Answer(TypedDict):
    """One of the engine's answers to the last step: the pixels, and the share of the photo, 0 to 1, that the wall would
    have with it."""

    choice: int
    area: int
    share: float
    chosen: bool


class Wall(Boxes):
    """The chosen wall. layer_id: its layer, null while it has no paint. area: pixels. share: of the photo, 0 to 1.
    steps: what its shape was made of, in order. answers: of the engine to the last step, the smallest wall first."""

    mask_id: int
    layer_id: int | None
    mask: str
    area: int
    share: float
    category: str
    steps: list[Step]
    answers: list[Answer]


class Work(TypedDict):
    """What a session holds now. revision: counts up with each change. wall: the chosen one, null for none. layers: in
    the order of painting. can_undo, can_redo: names of the actions, "" for none."""

    session_id: str
    revision: int
    wall: Wall | None
    layers: list[PaintedLayer]
    can_undo: str
    can_redo: str


class ListedMask(Boxes):
    """A mask of the session. area: pixels. automatic: found by the last "every mask". painted: a layer lies on it."""

    mask_id: int
    mask: str
    score: float
    area: int
    category: str
    automatic: bool
    painted: bool


class MaskList(TypedDict):
    """Every mask of a session."""

    session_id: str
    masks: list[ListedMask]
    total_masks: int


class Alive(TypedDict):
    """How long a session lives on without another use."""

    session_id: str
    seconds_left: float
