"""How many bytes a request to each path may carry: little, but where a photo, a project or a mask is taken."""

from __future__ import annotations

import re

from .api.endpoints import ENDPOINTS, Endpoint
from .middleware.entrance import SIGN_IN_BYTES
from .middleware.paths import API, GRADIO_API, MCP, PAGE, is_under
from .page.routes import ACTIONS

SMALL = 2**20
MASKS = 16 * 2**20
"""Masks travel as base64 PNG, a few kilobytes each; clients of the original send all of theirs with every click."""

TOOL_CALL = 4 * 2**20
"""MCP is parsed beside everybody's answers: a photo as text is a small one there."""

_MASK_FIELDS = frozenset(("mask", "colored_masks", "all_masks"))
_BY_NAME = re.compile(rf"{GRADIO_API}/(?:call/v2|run|api|call)/([^/]+)/?")
_MIXED = frozenset((f"{GRADIO_API}/queue/join", f"{GRADIO_API}/run/predict", f"{GRADIO_API}/api/predict"))
"""Doors that learn from the body which endpoint is meant."""

TAKE_FILES = (
    {f"{GRADIO_API}/upload"}
    | {f"{API}{one.path}" for one in ENDPOINTS if one.attachments}
    | {f"{PAGE}/{name}" for name, action in ACTIONS.items() if action.takes_file}
)
_TAKE_MASKS = {f"{API}{one.path}" for one in ENDPOINTS if _MASK_FIELDS & one.fields.keys()}
_NAMES = {one.name: one for one in ENDPOINTS}


def most_bytes(path: str, largest: int) -> int:
    """For a request to `path`; largest: where a file is taken."""
    if path in TAKE_FILES:
        return largest
    if path in _TAKE_MASKS or path in _MIXED:
        return min(MASKS, largest)
    if is_under(path, MCP) or is_under(path, f"{GRADIO_API}/mcp"):
        return min(TOOL_CALL, largest)
    if path.rstrip("/") == "/login":
        return SIGN_IN_BYTES
    if named := _BY_NAME.fullmatch(path):
        return _of_endpoint(_NAMES.get(named[1]), largest)
    return SMALL


def _of_endpoint(endpoint: Endpoint | None, largest: int) -> int:
    """At Gradio's doors, where a body is parsed beside everybody's answers: a photo as text is a small one there."""
    if endpoint is None:
        return SMALL
    return min(MASKS, largest) if endpoint.attachments or _MASK_FIELDS & endpoint.fields.keys() else SMALL
