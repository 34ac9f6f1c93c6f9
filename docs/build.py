"""Writes the API reference from the docstrings: `python docs/build.py [FOLDER]`, docs/api by default.

Modules whose optional part is not installed here (torch and sam2, modal) are left out and named.
"""

from __future__ import annotations

import pkgutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pdoc

import sam2_painter

OPTIONAL = {"sam2_painter.engines.sam2": "sam2", "sam2_painter.engines.remote.client": "modal"}


def modules() -> list[str]:
    """The package and its modules, less those whose optional part is missing here."""
    missing = {module: part for module, part in OPTIONAL.items() if find_spec(part) is None}
    for module, part in missing.items():
        sys.stdout.write(f"left out: {module} needs {part}\n")
    children = [found.name for found in pkgutil.iter_modules(sam2_painter.__path__, "sam2_painter.")]
    return ["sam2_painter", *children, r"!.*\.__main__", *(rf"!{module}\b" for module in missing)]


def build(folder: Path) -> None:
    """Write the HTML pages into `folder`."""
    for name in sam2_painter.__all__:  # they are imported when first asked for, which pdoc does not do
        setattr(sam2_painter, name, getattr(sam2_painter, name))
    pdoc.render.configure(docformat="markdown", footer_text=f"SAM2 Painter {sam2_painter.__version__}")
    pdoc.pdoc(*modules(), output_directory=folder)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("api")
    build(folder)
    sys.stdout.write(f"API reference: {folder / 'index.html'}\n")
