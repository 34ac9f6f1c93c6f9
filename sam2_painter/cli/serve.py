"""`sam2-painter serve`, or `python app.py`: the page, Gradio's API, plain HTTP and MCP; `--help` lists the flags."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import logs
from ..errors import PainterError
from ..settings import Settings

if TYPE_CHECKING:
    from ..web.server import Served

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


class Demo:
    """What programs for Gradio's apps look for in app.py: `from app import demo; demo.launch()`.

    It serves everything `main` does, as the environment says, for Gradio's page alone would have neither /api nor
    sign-in nor limits. Nothing is started, and Gradio not even imported, before `launch`.
    """

    def launch(
        self,
        *,
        server_name: str | None = None,
        server_port: int | None = None,
        share: bool | None = None,
        auth: tuple[str, str] | None = None,
        root_path: str | None = None,
        mcp_server: bool | None = None,
        inbrowser: bool = False,
        prevent_thread_lock: bool = False,
        quiet: bool = False,
    ) -> Served:
        """Serve until SIGINT or SIGTERM; with prevent_thread_lock come back at once. The names are Gradio's.

        What is None is as the environment says. Raises InvalidInput where it cannot start.
        """
        from ..studio.studio import Studio
        from ..web import server

        given: dict[str, Any] = {
            "host": server_name,
            "port": server_port,
            "share": share,
            "auth": None if auth is None else ":".join(auth),
            "root_path": root_path,
            "mcp": mcp_server,
        }
        settings = replace(Settings.from_env(), **{name: value for name, value in given.items() if value is not None})
        return server.launch(
            Studio.from_settings(settings),
            settings,
            inbrowser=inbrowser,
            prevent_thread_lock=prevent_thread_lock,
            quiet=quiet,
        )
