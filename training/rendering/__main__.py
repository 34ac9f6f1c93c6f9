"""``python -m training.rendering FOLDER``: write every example as a JPEG."""

import argparse
from pathlib import Path

from sam2_painter.photos.examples import NAMES
from sam2_painter.photos.images import encode

from . import JPEG_QUALITY, WIDTH, render


def main(arguments: list[str] | None = None) -> None:
    """Render all examples into the folder named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.rendering", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the JPEG files go; made when it is not there")
    parser.add_argument("--width", type=int, default=WIDTH, help=f"in pixels ({WIDTH})")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        data = encode(render(name, options.width).pixels, "JPEG", JPEG_QUALITY)
        (options.folder / f"{name}.jpg").write_bytes(data)


if __name__ == "__main__":
    main()
