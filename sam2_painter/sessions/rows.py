"""A session from the rows the database holds of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ..types import Session
from . import records


class SessionRow(NamedTuple):
    """What the table of sessions holds of one."""

    name: str
    digest: str
    height: int
    width: int
    created_at: float
    used_at: float
    revision: int
    step: int
    automatic: str
    palette: str
    next_layer: int


def session_of(
    session_id: str,
    row: SessionRow,
    masks: Iterable[tuple[int, str, bytes]],
    steps: Sequence[tuple[int, str, str]],
    known: Session | None,
) -> Session:
    """The session that rows describe. masks: (id, record, counts) of those that are not `known`. steps: (id, action,
    canvas) of the step it is at, and of the one that can be redone. Rows that are damaged raise ValueError, LookupError
    or TypeError."""
    by_id, made = (dict(known.masks), set(known.made)) if known else ({}, set())
    for mask_id, text, counts in masks:
        record = json.loads(text)
        by_id[mask_id] = records.mask_from_record(record, records.rle_from_bytes(counts, (row.height, row.width)))
        made |= {mask_id} if record.get("made") else set()
    return Session(
        id=session_id,
        name=row.name,
        digest=row.digest,
        size=(row.height, row.width),
        masks=MappingProxyType(by_id),
        made=frozenset(made),
        automatic=tuple(json.loads(row.automatic)),
        palette=records.palette_from_record(json.loads(row.palette)) if row.palette else None,
        canvas=records.canvas_from_record(json.loads(steps[0][2]), by_id.__getitem__),
        next_layer=row.next_layer,
        can_undo=steps[0][1],
        can_redo=steps[1][1] if len(steps) > 1 else "",
        created_at=row.created_at,
        used_at=row.used_at,
        revision=row.revision,
    )
