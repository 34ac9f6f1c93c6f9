"""What a house painter tells apart in a photo of a building."""

from __future__ import annotations

CLASSES = (
    "wall",
    "roof",
    "eaves",
    "trim",
    "shutter",
    "door",
    "window",
    "balcony",
    "vegetation",
    "ground",
    "sky",
    "car",
    "other",
)
"""The classes of the network, in the order of its outputs."""
