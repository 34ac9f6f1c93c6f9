"""Painting from the command line: photos and folders of them, by one recipe.

python -m sam2_painter paint photo.jpg --point 500,300 --color "#b5c7a3" -o out.png
python -m sam2_painter paint photos/ --point 50%,40% --color "garden sage" -o painted/
python -m sam2_painter masks photo.jpg -o masks.zip
"""

from __future__ import annotations

import sys

from .cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
