"""The page's own files: the markup that Gradio carries, and scripts and styles that lie beside it."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
MARKUP = Path(__file__).with_name("markup")
STYLES = ("base", "bar", "stage", "tools", "start", "panel", "walls", "sheet", "small")
"""Later ones overrule earlier ones."""


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
const styled = {list(STYLES)}.map((name) => new Promise((resolve, reject) => {{
  const style = document.createElement("link");
  Object.assign(style, {{ rel: "stylesheet", href: `${{folder}}static/{VERSION}/styles/${{name}}.css` }});
  Object.assign(style, {{ onload: resolve, onerror: reject }});
  document.head.append(style);
}}));
Promise.all([import(folder + "static/{VERSION}/page.js"), ...styled])
  .then(([{{ start }}]) => start(root, JSON.parse(props.value).boot, folder))
  .catch((error) => {{
    root.textContent = "The page could not be loaded whole. Check the connection and reload it.";
    console.error(error);
  }})
  .finally(() => (root.style.visibility = ""));
"""


def markup() -> str:
    """The page's HTML, less what scripts put into it."""
    page = (MARKUP / "page.html").read_text("utf-8")
    return re.sub(r"<!-- (\w+\.html) -->", lambda part: (MARKUP / part[1]).read_text("utf-8"), page)
