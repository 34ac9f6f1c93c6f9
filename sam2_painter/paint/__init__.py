"""Paint: a wall in another colour, with its light, shadow and texture left in place."""

from .composite import changed_box, color_at, composite, repaint, wall_color, wall_paints, white_wall
from .surface import OldPaint, Surface, analyse
from .ties import tie_offers, tied_walls

__all__ = [
    "OldPaint",
    "Surface",
    "analyse",
    "changed_box",
    "color_at",
    "composite",
    "repaint",
    "tie_offers",
    "tied_walls",
    "wall_color",
    "wall_paints",
    "white_wall",
]
