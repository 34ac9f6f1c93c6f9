"""Open a photo of a building, click a wall, see it in another colour."""

from importlib import import_module

__version__ = "0.2.0"

_HOME = {
    "AutoMask": "types",
    "InvalidInput": "errors",
    "Layer": "types",
    "Mask": "types",
    "MaskNotFound": "errors",
    "NotAnImage": "errors",
    "Paint": "types",
    "Painter": "python.painter",
    "PainterError": "errors",
    "Palette": "types",
    "Photo": "types",
    "Prompts": "types",
    "RLE": "rle",
    "Recipe": "sessions.recipe",
    "Session": "types",
    "SessionNotFound": "errors",
    "SessionStore": "sessions",
    "Settings": "settings",
    "Studio": "studio",
    "TooLarge": "errors",
    "load_engine": "engines",
}

_MODULES = {
    "colors": "paint.colors",
    "examples": "photos.examples",
    "notebook": "python.notebook",
    "palettes": "paint.palettes",
}  # go by a name of their own, too

_ROOMS = (
    "cli", "engines", "errors", "jobs", "logs", "masks", "paint", "photos", "python", "rle", "sessions", "settings",
    "studio", "types", "web",
)  # fmt: skip

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> object:
    """Public names are imported when first asked for: `import sam2_painter` is quick."""
    if name in _MODULES or name in _ROOMS:
        return import_module(f".{_MODULES.get(name, name)}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module 'sam2_painter' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES, *_ROOMS})
