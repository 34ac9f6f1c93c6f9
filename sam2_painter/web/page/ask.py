"""One request of the page: what the browser sent, of any JSON type, and the file that came with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidInput, SessionNotFound
from ...studio.walls import MAX_POINTS
from ...types import Prompts, whole_number
from ..api.schemas import Attachment


@dataclass(frozen=True)
class Ask:
    """One request of the page. `get` gives what was sent, of any JSON type: verbs check what they take.

    file: what came with it.
    """

    values: Mapping[str, Any]
    file: Attachment | None = None

    @classmethod
    def read(cls, data: object, file: Attachment | None = None) -> Ask:
        """Raises InvalidInput when it is no object."""
        if not isinstance(data, dict):
            raise InvalidInput("This request has no data. Reload the page.")
        return cls(data, file)

    def get(self, name: str, otherwise: Any = None) -> Any:
        return self.values.get(name, otherwise)

    @property
    def sid(self) -> str:
        """The session; SessionNotFound when none was named."""
        sid = self.get("sid")
        if not isinstance(sid, str):
            raise SessionNotFound("")
        return sid

    @property
    def have(self) -> Mapping[str, object]:
        """Keys of the pictures the browser holds."""
        have = self.get("have")
        return have if isinstance(have, dict) else {}

    def whole(self, name: str) -> int:
        """A whole number."""
        return whole_number(self.get(name), name, -(2**31), 2**31 - 1)

    def items(self, name: str, most: int) -> list[Any]:
        """A list of at most so many."""
        items = self.get(name)
        if not isinstance(items, list) or not 0 < len(items) <= most:
            raise InvalidInput(f"{name} must be a list of 1 to {most}", name)
        return items

    def point(self, name: str) -> tuple[float, float] | None:
        """A place [x, y], None where none was sent."""
        if self.get(name) is None:
            return None
        x, y = Prompts([self.items(name, 2)], [1]).point_coords[0].tolist()  # type: ignore[arg-type]  # it checks
        return x, y

    def path(self) -> list[tuple[float, float]]:
        """A line or polygon [[x, y], ...]."""
        points = self.items("path", MAX_POINTS)
        if not all(isinstance(point, list) and len(point) == 2 for point in points):
            raise InvalidInput("path must be a list of [x, y]", "path")
        return [(x, y) for x, y in points]

    @property
    def revision(self) -> int | None:
        """That of the session the page saw, None where it does not say."""
        return None if self.get("revision") is None else self.whole("revision")

    @property
    def protect(self) -> bool:
        """Whether other painted walls are left alone."""
        return self.get("protect") is not False

    def meant(self) -> dict[str, Any]:
        """Which wall is meant, as the verbs about walls take it."""
        meant: dict[str, Any] = {"revision": self.revision}
        return meant if self.get("layer_id") is None else meant | {"layer_id": self.whole("layer_id")}

    def added(self) -> dict[str, Any]:
        """That, and what becomes of other walls where something is added to it."""
        return self.meant() | {"protect": self.protect, "take": self.get("take") is True}

    def sent(self) -> Attachment:
        """The file that came with it."""
        if self.file is None:
            raise InvalidInput("This request needs a file.", "file")
        return self.file
