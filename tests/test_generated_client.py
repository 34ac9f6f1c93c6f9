"""A client generated from our OpenAPI document: it imports, is typed, and does the job."""

import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from types import ModuleType

import httpx
import pytest
from conftest import draw_building, to_png

pytest.importorskip("gradio", reason="the doors need gradio")
pytest.importorskip("openapi_python_client", reason="it writes the client")

from sam2_painter.web.api import openapi
from sam2_painter.web.api.endpoints import ENDPOINTS


@pytest.fixture(scope="module")
def client_package(tmp_path_factory) -> Iterator[ModuleType]:
    """The package that openapi-python-client writes, imported."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(openapi.document()))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none"]
    command += ["--output-path", "sam2_painter_client"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower(), done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module("sam2_painter_client")
    sys.path.remove(str(folder))


def test_every_module_imports(client_package):
    """Each endpoint is a module, and each of them and of the models imports."""
    found = [module.name for module in pkgutil.walk_packages(client_package.__path__, "sam2_painter_client.")]
    for name in found:
        importlib.import_module(name)
    assert {f"sam2_painter_client.api.default.{endpoint.name}" for endpoint in ENDPOINTS} <= set(found)


def test_its_models_have_short_names(client_package):
    """A type that many endpoints share is one model."""
    models = importlib.import_module("sam2_painter_client.models").__all__
    assert {"MaskFormat", "ImageFormat", "CombineMode", "SegmentRequest", "Segmented"} <= set(models)
    assert max(map(len, models)) <= 50


def test_it_paints_a_wall(client_package, launch):
    """Upload, segment, paint and ask what the session holds, with nothing but the client."""
    live = launch()
    models = importlib.import_module("sam2_painter_client.models")
    types = importlib.import_module("sam2_painter_client.types")
    client = client_package.Client(base_url=live.url, timeout=httpx.Timeout(60))

    def ask(name: str, **fields):
        reply = importlib.import_module(f"sam2_painter_client.api.default.{name}").sync_detailed(
            client=client, **fields
        )
        assert reply.status_code == 200, reply.content[:300]
        return reply.parsed

    photo = types.File(BytesIO(to_png(draw_building())), "building.png", "image/png")
    opened = ask("upload", body=models.UploadRequest(file=photo))
    point = models.Point(x=100, y=80, label=1)
    found = ask("segment", body=models.SegmentRequest(session_id=opened.session_id, points=[point]))
    x, y, w, h = found.bbox
    assert found.box == [x, y, x + w, y + h]
    paint = models.PaintMaskRequest(session_id=opened.session_id, mask_id=found.mask_id, color="#b5c7a3")
    assert ask("paint_mask", body=paint).painted_image
    held = ask("session_info", session_id=opened.session_id)
    assert held.layers[0].color == "#b5c7a3"
