"""`sam2-painter`, or `python -m sam2_painter`: serve the page, paint photos, tell the paints of walls, find masks,
put SAM 2 on Modal.

sam2-painter serve --engine offline
sam2-painter paint photo.jpg --point 500,300 --color "#b5c7a3" -o out.png
sam2-painter paint photos/ --point 50%,40% --color "garden sage" -o painted/
sam2-painter colors photo.jpg --all wall
sam2-painter masks photo.jpg -o masks.zip
sam2-painter modal deploy
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .studio.studio import Studio


def main(argv: Sequence[str] | None = None, studio: Studio | None = None) -> int:
    """Do what the arguments say, by default those of the command line; the exit status.

    studio: for `paint`, `colors` and `masks` to work in; by default one of their own.
    """
    match sys.argv[1:] if argv is None else list(argv):
        case ["serve", *flags]:
            from .cli import serve

            serve.main(flags, prog="sam2-painter serve")
            return 0
        case ["modal", *words]:
            sys.argv = ["modal_sam2.py", *words]
            runpy.run_module("modal_sam2", run_name="__main__")
            return 0
        case words:
            from .cli import commands

            return commands.main(words, studio)


if __name__ == "__main__":
    sys.exit(main())
