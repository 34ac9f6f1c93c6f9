"""Every notebook runs from top to bottom on the offline engine, and the page in a cell is one with the cells."""

import base64
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from conftest import draw_building, free_port
from PIL import Image

from sam2_painter import Painter
from sam2_painter.photos import examples
from sam2_painter.photos.images import fit, open_photo
from sam2_painter.python import display, notebook

nbformat = pytest.importorskip("nbformat", reason="the notebooks need nbclient")
nbclient = pytest.importorskip("nbclient", reason="the notebooks need nbclient")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """An empty folder to work in, as a newcomer has it; no settings, no GPU service."""
    for name in [name for name in os.environ if name.startswith(("SAM2_", "MODAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SAM2_PAINTER_ENGINE", "offline")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    return tmp_path


def sources(opened, kind):
    return ["".join(cell.source) for cell in opened.cells if cell.cell_type == kind]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_as_they_ran(path):
    """Run in order, at most 1 MB each, no picture stored twice, no page of a server that is gone, no log; a title and
    an install cell at the top, which name no place we are not at; at least half as much prose as code."""
    raw = json.loads(path.read_text())
    opened = nbformat.read(path, 4)
    nbformat.validate(opened)
    assert path.stat().st_size <= 1_000_000
    ran = [cell for cell in raw["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in ran] == list(range(1, len(ran) + 1))
    outputs = [output for cell in ran for output in cell["outputs"]]
    assert outputs
    for output in outputs:
        kinds = set(output.get("data", ()))
        assert not ("text/html" in kinds and kinds & {"image/png", "image/jpeg"})
        assert not re.search(r"\bINFO\b.*HTTP Request", "".join(output.get("data", {}).get("text/plain", "")), re.S)
        assert "<iframe" not in "".join(output.get("data", {}).get("text/html", ""))
    prose, code = sources(opened, "markdown"), sources(opened, "code")
    assert prose[0].startswith("# ")
    assert "YOUR-GITHUB-NAME" not in "".join([*prose, *code])
    assert all(line.startswith("#") for line in code[0].splitlines())
    assert "%pip install" in code[0]
    assert 2 * len(prose) >= len(code)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path, desk):
    """From a clean folder, in order, without an error that is not meant, and without a warning."""
    opened = nbformat.read(path, 4)
    place = {"metadata": {"path": desk}}
    client = nbclient.NotebookClient(opened, timeout=240, startup_timeout=120, kernel_name="python3", resources=place)
    client.execute()
    for cell in opened.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                assert len(output.traceback) == 1, "our errors are one line"
            warned = output.get("name") == "stderr" and "Warning" in output.text
            assert not warned, output.text


# -- the page


def test_painters_of_a_studio_share_one_server(studio):
    """Each page is an iframe on its own session; a server that was closed is started again."""
    pytest.importorskip("gradio", reason="the page needs gradio")
    painter = Painter(draw_building(), studio=studio)
    page, other = painter.show(height=700), Painter(draw_building(), studio=studio).show()
    address, _, session_id = page.url.partition("/?session=")
    assert session_id == painter.session_id
    assert other.url.startswith(address)
    assert other.url != page.url
    assert 'height="700"' in page._repr_html_()
    assert f'src="{page.url}"' in page._repr_html_()
    assert httpx.get(f"{address}/api/session/{session_id}", timeout=60).json()["stored_masks"] == {}
    assert page.owner is painter
    notebook.serve(studio).close()  # as gr.close_all() would
    assert httpx.get(painter.show().url, timeout=60).is_success
    notebook.serve(studio).close()


PLACES = {
    "Colab": ({"COLAB_RELEASE_TAG": "release"}, "^Colab: nothing shows above.*share=True"),
    "JupyterHub": ({"JUPYTERHUB_API_URL": "http://hub"}, "^JupyterHub: nothing shows above.*share=True"),
    "Binder": ({"BINDER_SERVICE_HOST": "10.0.0.1"}, "^JupyterHub: .*share=True"),
    "VS Code": ({"VSCODE_PID": "1"}, "^VS Code: nothing shows above.* Forward the port .*share=True"),
    "VS Code elsewhere": ({"VSCODE_IPC_HOOK_CLI": "/run/x", "SSH_CONNECTION": "a b"}, "^VS Code: "),
    "ssh": ({"SSH_CONNECTION": "10.0.0.2 5 10.0.0.1 22"}, "^Nothing shows above.*share=True"),
    "here": ({}, "^$"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_kernel_elsewhere_says_what_to_do(place):
    """Where the browser can hardly reach this machine: how to see the page all the same."""
    environ, says = PLACES[place]
    assert re.search(says, notebook.elsewhere(environ))


def test_colab_is_known_by_its_module(monkeypatch):
    """As Colab's own notebooks find out."""
    monkeypatch.setitem(sys.modules, "google.colab", object())
    assert notebook.elsewhere({}).startswith("Colab: ")


def test_words_come_before_the_page(studio, monkeypatch):
    """In a kernel the wait is told before the server is started, not once it is up, and goes when it is done."""
    ipython = pytest.importorskip("IPython", reason="notebooks have it")
    told, waiting = [], []

    class Shown:
        def update(self, html):
            told.append(html.data)

    def display(html, display_id):
        told.append(html.data)
        return Shown()

    def serve(studio, *, share):
        waiting.extend(told)
        return served

    served = SimpleNamespace(is_running=True, url="http://127.0.0.1:1", share_url="", notes=[])
    monkeypatch.setattr(ipython, "get_ipython", lambda: SimpleNamespace(kernel=1))
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(notebook, "serve", serve)
    assert notebook.show(studio, "abc").url == "http://127.0.0.1:1/?session=abc"
    assert waiting == ["<p>Opening the page; the first time takes some ten seconds.</p>"]
    assert told == [*waiting, ""]
    monkeypatch.setitem(notebook._served, studio, (set(), served))
    notebook.show(studio, "abc")
    assert len(told) == 2, "a page that is up needs no words"


# -- in JupyterLab

AT = (800, 660)  # on the front wall of notebook 01's photo
TRACKER = ".jupyter/lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"


@pytest.fixture
def lab(desk):
    """JupyterLab with notebook 01 open: its address."""
    pytest.importorskip("jupyterlab", reason="the page is shown in JupyterLab")
    (desk / NOTEBOOKS[0].name).write_text(NOTEBOOKS[0].read_text())
    (desk / TRACKER).parent.mkdir(parents=True)
    (desk / TRACKER).write_text('{"windowingMode": "none"}')  # every cell is in the document, seen or not
    port, token = free_port(), secrets.token_hex(8)
    knobs = [f"port={port}", "ip=127.0.0.1", "open_browser=False", "allow_root=True"]
    options = [*(f"--ServerApp.{knob}" for knob in knobs), f"--IdentityProvider.token={token}"]
    log = (desk / "lab.log").open("w")
    server = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], cwd=desk, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/api")
        yield f"{address}/lab/tree/{NOTEBOOKS[0].name}?token={token}"
    finally:
        server.terminate()
        server.wait(60)
        log.close()


def wait_for(address, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            return httpx.get(address, timeout=60).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.3)
    raise AssertionError(f"{address} does not answer")


def run_cell(cells, number):
    """Run one code cell, by hand, and wait until it is done."""
    cell = cells.nth(number)
    cell.locator(".cm-content").first.click()
    cell.page.keyboard.press("Shift+Enter")
    cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]")).wait_for()
    return cell


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_click_in_the_page_is_there_in_the_next_cell(lab):
    """In JupyterLab: run notebook 01 up to the page, click a wall in it, run the next cell: there is the mask."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="a browser is driven by playwright")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        assert os.environ.get("CI") != "true", "this test needs Chromium on PATH"
        pytest.skip("no Chromium on PATH")
    code = sources(nbformat.read(NOTEBOOKS[0], 4), "code")
    shows = next(number for number, text in enumerate(code) if "p.show(" in text)
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=120_000)
        tab = browser.new_page(viewport={"width": 1400, "height": 1000})
        tab.set_default_timeout(90_000)
        tab.goto(lab)
        cells = tab.locator(".jp-Notebook .jp-CodeCell")
        cells.first.locator(".cm-content").wait_for()
        tab.get_by_text(re.compile(r"\| Idle")).first.wait_for()  # earlier, a cell is not run at all
        for number in (1, shows):
            run_cell(cells, number)
        frame = tab.frame_locator("iframe[title='SAM2 Painter']")
        frame.locator('.sp[data-state="photo"]').wait_for()
        click_photo(frame.locator(".sp-view canvas").first, AT, (1600, 1200))
        frame.locator("body").evaluate(SELECTED)
        answer = run_cell(cells, shows + 1).locator(".jp-OutputArea figure")
        assert re.search(r"Mask \d+: .*% of the photo", answer.inner_text())
        shown = picture(answer.locator("img").get_attribute("src"))
        browser.close()
    photo = fit(open_photo(examples.path("brick-house")).pixels, display.SCREEN)
    x, y = (round(v * display.SCREEN / 1600) for v in AT)
    around = np.s_[y - 4 : y + 5, x - 4 : x + 5]
    tint = 0.75 * photo[around].mean((0, 1)) + 0.25 * np.array([255, 120, 0])
    assert abs(shown[around].mean((0, 1)) - tint).max() < 6


SELECTED = """async () => {
  while (window.sam2painter.state.session.selection.mask_id === null) await new Promise((done) => setTimeout(done, 50));
}"""


def click_photo(canvas, point, size):
    """Click the pixel (x, y) of a photo of size (W, H) that fills the canvas as far as it goes."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    scale = min(box["width"] / size[0], box["height"] / size[1])
    x = box["width"] / 2 + (point[0] - size[0] / 2) * scale
    y = box["height"] / 2 + (point[1] - size[1] / 2) * scale
    canvas.click(position={"x": x, "y": y})


def picture(data_url):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data_url.partition(",")[2]))).convert("RGB"))
