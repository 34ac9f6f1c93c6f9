"""Paint: a wall in another colour, with its light, shadow and texture left in place."""

from .composite import changed_box, color_at, composite, repaint, wall_color, white_wall
from .surface import Surface, analyse

__all__ = ["Surface", "analyse", "changed_box", "color_at", "composite", "repaint", "wall_color", "white_wall"]
