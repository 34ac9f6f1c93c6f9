"""Open a photo of a building, click a wall, see it in another colour."""

from importlib import import_module

__version__ = "0.2.0"

_HOME = {
    "AutoMask": "types",
    "InvalidInput": "errors",
    "Layer": "types",
    "Mask": "types",
    "Painter": "python.painter",
    "PainterError": "errors",
    "Photo": "types",
    "Prompts": "types",
    "RLE": "rle",
    "Session": "types",
    "SessionStore": "sessions",
    "Settings": "settings",
    "Studio": "studio",
    "load_engine": "engines",
}

_MODULES = {
    "colors": "paint.colors",
    "examples": "photos.examples",
    "notebook": "python.notebook",
}  # go by a name of their own, too

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> object:
    """Public names are imported when first asked for: `import sam2_painter` is quick."""
    if name in _MODULES:
        return import_module(f".{_MODULES[name]}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module 'sam2_painter' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])
