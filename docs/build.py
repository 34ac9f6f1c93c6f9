"""Builds the documentation site: `python docs/build.py [FOLDER]`, docs/site by default.

README, every page of docs/, the notebooks with what they show, and the API reference from the docstrings. The pages
need no network and no server: open index.html. Links between the sources become links between the pages; what is not
on the site is named without a link. Modules whose optional part is not installed here (torch and sam2, modal) are left
out of the reference and named.
"""

from __future__ import annotations

import os
import pkgutil
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pdoc
from markdown_it import MarkdownIt
from markdown_it.token import Token
from nbconvert import HTMLExporter
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sam2_painter

ROOT = Path(__file__).resolve().parents[1]
THEME = Path(__file__).with_name("theme")
FIRST = ("start", "tour", "walls", "schemes", "api", "mcp", "deploy", "modal", "limits")  # then the others
ELSEWHERE = {  # pages whose source is not in docs/
    "README.md": "index",
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
    "SECURITY.md": "security",
    "sam2_painter/engines/offline/MODEL_CARD.md": "model-card",
}
REFERENCE = "reference/sam2_painter.html"
OPTIONAL = {"sam2_painter.engines.sam2": "sam2", "sam2_painter.engines.remote.client": "modal"}


@dataclass(frozen=True)
class Page:
    """A page: its source, the name of its file without .html, its title, and its headings below: (id, text)."""

    source: Path
    name: str
    title: str
    body: str
    headings: tuple[tuple[str, str], ...] = ()


def sources() -> dict[Path, str]:
    """Every source, and what its page is called, in the order of the contents."""
    docs = {path.stem: path for path in sorted((ROOT / "docs").glob("*.md")) if path.stem != "README"}
    order = [name for name in FIRST if name in docs] + [name for name in docs if name not in FIRST]
    found = {ROOT / "README.md": "index"} | {docs[name]: name for name in order}
    found |= {path: path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    found |= {ROOT / "docs/README.md": "documentation"}
    return found | {ROOT / path: name for path, name in ELSEWHERE.items()}


def slug(heading: str) -> str:
    """A heading's anchor, as code hosts make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def highlighted(code: str, language: str, _: str = "") -> str:
    """Code as HTML with its words marked; plain where the language is not known."""
    try:
        lexer = get_lexer_by_name(language or "text")
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))


def read(source: Path, names: dict[Path, str], copy: Callable[[Path], str]) -> Page:
    """The page of a source. copy: puts a file of ours onto the site, and says where."""
    if source.suffix == ".ipynb":
        exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
        notebook = nbformat.read(source, 4)
        body, _ = exporter.from_notebook_node(notebook)
        body = re.sub(r'href="(\d\d_\w+)\.ipynb"', r'href="\1.html"', body)
        title = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)
        return Page(source, names[source], title[1] if title else source.stem, f'<div class="notebook">{body}</div>')
    markdown = MarkdownIt("commonmark", {"highlight": highlighted}).enable("table")
    tokens = markdown.parse(source.read_text())
    headings = []
    for before, token in pairwise(tokens):  # text stands between the tokens that open and close what it is in
        if token.type == "inline":
            _lead(token.children or [], source, names, copy)
        if before.type == "heading_open":
            before.attrSet("id", slug(token.content))
            headings.append((before.tag, slug(token.content), "".join(part.content for part in token.children or ())))
    title = next((text for tag, _, text in headings if tag == "h1"), source.stem)
    below = tuple((anchor, text) for tag, anchor, text in headings if tag == "h2")
    return Page(source, names[source], title, markdown.renderer.render(tokens, markdown.options, {}), below)


def _lead(children: list[Token], source: Path, names: dict[Path, str], copy: Callable[[Path], str]) -> None:
    """Let links and pictures lead to where their targets are on the site; a link to what is not there is none."""
    for token in children:
        kind = "src" if token.type == "image" else "href"
        target = str(token.attrGet(kind) or "")
        if not target or re.match(r"[a-z]+:|#", target):
            continue
        path, _, anchor = target.partition("#")
        there = Path(os.path.normpath(source.parent / unquote(path)))
        if token.type == "image":
            token.attrSet("src", copy(there))
        elif there in names:
            token.attrSet("href", f"{names[there]}.html" + (f"#{anchor}" if anchor else ""))
        elif there == ROOT / "notebooks":
            token.attrSet("href", "01_paint_a_house.html")
        else:
            closing = children[children.index(token) :]
            next(one for one in closing if one.type == "link_close").tag = token.tag = "span"
            token.attrs.clear()


def contents(pages: list[Page], shown: Page) -> str:
    """The list of pages, with the headings of the one that is shown."""
    rows = []
    for group, members in _groups(pages):
        rows.append(f"<p>{escape(group)}</p>")
        for page in members:
            title = "Overview" if page.name == "index" else page.title
            here = ' aria-current="page"' if page is shown else ""
            rows.append(f'<a href="{page.name}.html"{here}>{escape(title)}</a>')
            if page is shown:
                rows += [f'<a class="below" href="#{anchor}">{escape(text)}</a>' for anchor, text in page.headings]
    rows.append(f'<p>Reference</p><a href="{REFERENCE}">Python, from the docstrings</a>')
    return "\n".join(rows)


def _groups(pages: list[Page]) -> list[tuple[str, list[Page]]]:
    notebooks = [page for page in pages if page.source.suffix == ".ipynb"]
    more = [page for page in pages if page.name in {"documentation", *ELSEWHERE.values()} - {"index"}]
    return [
        ("SAM2 Painter", [page for page in pages if page not in notebooks and page not in more]),
        ("Notebooks", notebooks),
        ("The project", more),
    ]


def modules() -> list[str]:
    """The package and its modules, less those whose optional part is missing here."""
    missing = {module: part for module, part in OPTIONAL.items() if find_spec(part) is None}
    for module, part in missing.items():
        sys.stdout.write(f"left out: {module} needs {part}\n")
    children = [found.name for found in pkgutil.iter_modules(sam2_painter.__path__, "sam2_painter.")]
    return ["sam2_painter", *children, r"!.*\.__main__", *(rf"!{module}\b" for module in missing)]


def build_reference(folder: Path) -> None:
    """Write the reference into `folder`."""
    for name in sam2_painter.__all__:  # they are imported when first asked for, which pdoc does not do
        setattr(sam2_painter, name, getattr(sam2_painter, name))
    pdoc.render.configure(docformat="markdown", footer_text=f"SAM2 Painter {sam2_painter.__version__}")
    pdoc.pdoc(*modules(), output_directory=folder)


def build_pages(folder: Path) -> None:
    """Write the pages, their pictures and their style into `folder`."""
    (folder / "images").mkdir(parents=True, exist_ok=True)

    def copy(picture: Path) -> str:
        shutil.copy(picture, folder / "images" / picture.name)
        return f"images/{picture.name}"

    names = sources()
    pages = [read(source, names, copy) for source in names]
    frame = (THEME / "page.html").read_text()
    for page in pages:
        title = page.title if page.name == "index" else f"{page.title} · SAM2 Painter"
        filled = frame.replace("{title}", escape(title)).replace("{contents}", contents(pages, page))
        (folder / f"{page.name}.html").write_text(filled.replace("{body}", page.body))
    light, dark = HtmlFormatter(style="default"), HtmlFormatter(style="github-dark")
    words = f"{light.get_style_defs('pre')}\n@media (prefers-color-scheme: dark) {{\n{dark.get_style_defs('pre')}\n}}\n"
    (folder / "style.css").write_text(words + (THEME / "style.css").read_text())


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("site")
    build_pages(folder)
    build_reference(folder / "reference")
    sys.stdout.write(f"The documentation: {folder / 'index.html'}\n")
