"""The page's own files: the markup that Gradio carries, and scripts and styles that lie beside it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).with_name("static")


def _version() -> str:
    digest = sha256()
    for path in sorted(FOLDER.rglob("*.*")):
        digest.update(path.relative_to(FOLDER).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


VERSION = _version()
"""Names what is in all of them, as part of their address."""

# What gr.HTML runs. Addresses are beside the page's own, wherever a proxy may have put it.
LOADER = f"""
const folder = new URL("page/", location.origin + location.pathname.replace(/[^/]*$/, "")).href;
const root = element.querySelector(".sp");
const style = document.createElement("link");
style.rel = "stylesheet";
style.href = folder + "static/{VERSION}/page.css";
const styled = new Promise((resolve, reject) => {{
  style.onload = resolve;
  style.onerror = reject;
}});
document.head.append(style);
Promise.all([import(folder + "static/{VERSION}/page.js"), styled])
  .then(([{{ start }}]) => start(root, JSON.parse(props.value).boot, folder))
  .catch((error) => {{
    root.textContent = "The page could not be loaded whole. Check the connection and reload it.";
    console.error(error);
  }})
  .finally(() => (root.style.visibility = ""));
"""


def markup() -> str:
    """The page's HTML, less what scripts put into it."""
    return Path(__file__).with_name("page.html").read_text("utf-8")
