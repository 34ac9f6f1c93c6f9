"""Runs the notebooks and stores what they show: `python docs/run_notebooks.py [NAME...]`.

On the offline engine, in an empty folder. Pictures are stored small, so that a notebook stays below a megabyte, and
nothing is stored that would not be there another time: the page in a cell, progress bars, addresses.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SIDE, QUALITY = 560, 70
PAGE = "<p><i>The page opens here. Run the cell to see it.</i></p>"


def run(path: Path) -> None:
    """Execute one notebook from top to bottom and write it back with its outputs."""
    notebook = nbformat.read(path, 4)
    for name in [name for name in os.environ if name.startswith(("SAM2_", "MODAL_"))]:
        del os.environ[name]
    os.environ["SAM2_PAINTER_ENGINE"] = "offline"
    os.environ["PYTHONPATH"] = str(NOTEBOOKS.parent)
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place, allow_errors=True).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := _kept(output)) is not None]
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, path)
    sys.stdout.write(f"{path.name}: {path.stat().st_size / 1000:.0f} kB\n")


def _kept(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """An output as it is stored, None for what goes."""
    if output.output_type == "stream":
        return None if output.name == "stderr" else output
    if output.output_type == "error":
        output.traceback = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in output.traceback]
        return output
    html = output.data.get("text/html", "")
    if "application/vnd.jupyter.widget-view+json" in output.data or (html == "" and set(output.data) == {"text/html"}):
        return None
    if html:
        output.data = {"text/plain": output.data.get("text/plain", ""), "text/html": _small(html)}
    elif "image/png" in output.data:
        output.data = {"text/plain": output.data.get("text/plain", ""), **_picture(output.data["image/png"])}
    return output


def _small(html: str) -> str:
    if "<iframe" in html:
        return PAGE
    return re.sub(r"data:image/jpeg;base64,([^\"]+)", lambda found: f"data:image/jpeg;base64,{_jpeg(found[1])}", html)


def _picture(png: str) -> dict[str, str]:
    """A plot as the smaller of PNG with few colours and JPEG."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    out = io.BytesIO()
    picture.quantize(64).save(out, "PNG", optimize=True)
    few, jpeg = base64.b64encode(out.getvalue()).decode(), _jpeg(png, 900)
    return {"image/png": few} if len(few) < 60_000 else {"image/jpeg": jpeg}


def _jpeg(data: str, side: int = SIDE) -> str:
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True)
    return base64.b64encode(out.getvalue()).decode()


if __name__ == "__main__":
    named = [Path(name).resolve() for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb"))
    for path in named:
        run(path)
