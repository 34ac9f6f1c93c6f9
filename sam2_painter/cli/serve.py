"""`sam2-painter serve`, or `python app.py`: the page, Gradio's API, plain HTTP and MCP; `--help` lists the flags."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from .. import logs
from ..errors import PainterError
from ..settings import Settings

EXIT_SECONDS = 1.0


def main(argv: Sequence[str] | None = None, prog: str = "app.py") -> None:
    """Serve until SIGINT or SIGTERM. Ends the program with status 1 and a sentence when it cannot start.

    prog: what the help calls the program.
    """
    settings = Settings.from_args(argv, prog=prog)
    logs.set_up(settings.log_level, as_json=settings.log_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # while it starts; the server then has its own
    with suppress(KeyboardInterrupt):
        try:
            serve(settings)
        except PainterError as error:
            sys.exit(f"SAM2 Painter cannot start. {error}")
    # What people did is on disk. Python would now wait for threads that work for nobody any more, such as an engine's.
    leave = threading.Timer(EXIT_SECONDS, os._exit, (0,))
    leave.daemon = True
    leave.start()


def serve(settings: Settings) -> None:
    """A studio as the settings say, behind every door."""
    from ..studio.studio import Studio
    from ..web import files, server  # Gradio takes seconds to import: not for --help

    studio = Studio.from_settings(settings)
    try:
        server.launch(studio, settings)
    finally:
        studio.sessions.close()
        files.remove_private_folder()
