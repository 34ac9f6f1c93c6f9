"""The page in a notebook's cell, on the very session that the cells paint: click there, go on in the next cell."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

from ..settings import Settings
from ..studio.studio import Studio
from .remote import RemoteStudio

if TYPE_CHECKING:
    from ..web.server import Served

_served: dict[Studio, tuple[set[str], Served]] = {}  # one server a studio, and what it was asked to have beside


@dataclass(frozen=True)
class Page:
    """The page of a session. A notebook shows it; at a prompt it says where it is.

    url: of the page, with the session in it. height: in pixels. note: what could not be had, or "".
    """

    url: str
    height: int
    note: str = ""
    owner: object = field(default=None, repr=False)  # the painter: as long as the page is kept, so is its session

    def _repr_html_(self) -> str:
        frame = (
            f'<iframe src="{escape(self.url)}" width="100%" height="{self.height}" style="border:0" '
            'title="SAM2 Painter" allow="fullscreen; clipboard-read; clipboard-write"></iframe>'
        )
        link = f'<a href="{escape(self.url)}" target="_blank" rel="noopener">Open it in a tab</a>'
        return f"{frame}<p>{link}. It lives as long as the kernel: run the cell again. {escape(self.note)}</p>"


def show(
    studio: Studio | RemoteStudio, session_id: str, *, height: int = 900, share: bool = False, owner: object = None
) -> Page:
    """The page on a session. The first one starts a server on this machine; later ones reuse it.

    share: by a public link, for a kernel on another machine than the browser.
    """
    if isinstance(studio, RemoteStudio):
        return Page(f"{studio.connection.url}/?session={session_id}", height, owner=owner)
    running = _served.get(studio)
    up = running is not None and running[1].is_running and (not share or "share" in running[0])
    with nullcontext() if up else _said("Opening the page; the first time takes some ten seconds."):
        served = serve(studio, share=share)
    address = (share and served.share_url) or served.url
    note = served.notes[-1] if share and not served.share_url else ""
    return Page(f"{address}/?session={session_id}", height, note or ("" if share else elsewhere()), owner)


def elsewhere(environ: Mapping[str, str] | None = None) -> str:
    """What to do where the browser is probably on another machine than this kernel; "" where it is not."""
    environ = os.environ if environ is None else environ
    share = (
        "Nothing shows above? This kernel runs on another machine than your browser: p.show(share=True) makes a link."
    )
    if "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in environ:
        return f"Colab: {share[0].lower()}{share[1:]}"
    if "JUPYTERHUB_API_URL" in environ or "BINDER_SERVICE_HOST" in environ:
        return f"JupyterHub: {share[0].lower()}{share[1:]}"
    if "VSCODE_PID" in environ or "VSCODE_IPC_HOOK_CLI" in environ:
        return (
            "VS Code: nothing shows above? Forward the port (Ports, below), or open the address in a browser; "
            "p.show(share=True) makes a public link."
        )
    return share if "SSH_CONNECTION" in environ else ""


@contextmanager
def _said(text: str) -> Iterator[None]:
    """Words in the cell while something takes long, gone when it is done. At a prompt nothing is said."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    if not shell or not hasattr(shell, "kernel"):
        yield
        return
    from IPython.display import HTML, display

    shown: Any = display(HTML(f"<p>{escape(text)}</p>"), display_id=True)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        shown.update(HTML(""))  # type: ignore[no-untyped-call]


def serve(studio: Studio, *, share: bool = False, mcp: bool = False) -> Served:
    """The server of this studio: the one that is up, or a new one on a free port of this machine.

    share: with a public link. mcp: with the verbs as MCP tools, too.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")  # of a progress bar that gradio does not show
        from ..web import server  # gradio takes seconds to import: not before somebody wants the page

    settings = replace(Settings.from_env(), share=share, mcp=mcp)
    running, wanted = _served.get(studio), {name for name in ("share", "mcp") if getattr(settings, name)}
    if running is not None:
        if running[1].is_running and wanted <= running[0]:
            return running[1]
        running[1].close()  # for one with more; or a cell has called gr.close_all()
    served = server.launch(studio, settings, prevent_thread_lock=True, any_port=True, quiet=True)
    _served[studio] = (wanted if served.share_url else wanted - {"share"}, served)  # no link now: tried again next time
    return served
