"""What `modal deploy modal_sam2.py` asks Modal for: the real command line against a control plane on loopback."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import eventually, free_port, to_png
from engines import FloodEngine
from far_end import memory

from sam2_painter.engines.remote import wire
from sam2_painter.engines.remote.server import Service
from sam2_painter.engines.sam2.weights import RELEASES
from sam2_painter.photos.images import open_photo

pytest.importorskip("modal", reason="the Modal SDK is not installed (requirements-modal.txt)")
control_plane = pytest.importorskip("modal_control_plane")
deploy = control_plane.deploy

FILE = Path(__file__).parent.parent / "modal_sam2.py"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """A deployment with nothing set: what was printed, and the requests by name."""
    code, printed, asked = deploy(FILE, tmp_path_factory.mktemp("home"))
    assert code == 0, printed
    return printed, asked


@pytest.fixture(scope="module")
def function(deployed):
    """The one function that is created: all of class SAM2."""
    (created,) = [asked.function for name, asked in deployed[1] if name == "FunctionCreate"]
    return created


def image_lines(asked) -> list[str]:
    """Every line of the image's build, in order."""
    return [line for name, image in asked if name == "ImageGetOrCreate" for line in image.image.dockerfile_commands]


def test_it_deploys(deployed):
    """The command line ends well, and publishing is the last thing it asks for."""
    assert "App deployed" in deployed[0]
    assert [name for name, _ in deployed[1]][-1] == "AppPublish"


def test_it_runs_on_an_a100_and_scales_to_zero(function):
    """One A100 of 40 GB a container, none while nobody asks, four at most, gone after two quiet minutes."""
    assert (function.resources.gpu_config.gpu_type, function.resources.gpu_config.count) == ("A100-40GB", 1)
    scaling = function.autoscaler_settings
    assert (scaling.min_containers, scaling.max_containers, scaling.scaledown_window) == (0, 4, 120)


def test_it_wakes_from_a_snapshot_and_answers_many_at_a_time(function):
    """A memory snapshot is taken; sixteen questions share a container; each has five minutes, starting has ten."""
    assert function.checkpointing_enabled
    assert (function.max_concurrent_inputs, function.target_concurrent_inputs) == (16, 8)
    assert (function.timeout_secs, function.startup_timeout_secs) == (300, 600)


def test_its_address_wants_a_key(function):
    """The HTTP endpoint is behind Modal's proxy authentication; the method beside it needs the account."""
    web = function.method_definitions["web"].webhook_config
    assert web.requested_suffix == "sam2-painter"
    assert web.requires_proxy_auth
    assert set(function.method_definitions) == {"web", "answer"}


def test_its_image_holds_pinned_code_and_weights(deployed):
    """Every package has a version, SAM 2 a commit, and the weights are baked in at a revision."""
    lines = image_lines(deployed[1])
    (packages,) = [line for line in lines if "torch==" in line]
    assert all("==" in word for word in packages.split("--compile-bytecode ")[1].split())
    assert any("facebookresearch/sam2.git@2b90b9f5ceec907a1c18123530e92e794ad901a4" in line for line in lines)
    large = RELEASES["large"]
    assert f"RUN hf download {large.repo} {large.file} --revision {large.revision}" in lines
    assert {"ENV SAM2_BUILD_CUDA=0", "ENV HF_HOME=/opt/hf", "ENV SAM2_DTYPE=bfloat16"} <= set(lines)


def test_it_takes_our_package_along(deployed):
    """The engine and the wire are mounted, and nothing but Python files."""
    files = [f.filename for name, mount in deployed[1] if name == "MountGetOrCreate" for f in mount.files]
    assert {
        f"/root/sam2_painter/engines/{name}" for name in ("remote/wire.py", "remote/server.py", "sam2/engine.py")
    } <= set(files)
    assert all(name.endswith(".py") for name in files)


def test_what_the_deployer_sets_reaches_the_container(tmp_path):
    """Model, GPU and precision are baked into the image, so that a container starts as it was asked for."""
    env = dict(SAM2_MODEL="small", SAM2_GPU="L4", SAM2_DTYPE="float32", SAM2_MIN_CONTAINERS="1")
    code, printed, asked = deploy(FILE, tmp_path, **env)
    assert code == 0, printed
    lines = image_lines(asked)
    assert {f"ENV {name}={value}" for name, value in env.items()} <= set(lines)
    assert any(RELEASES["small"].revision in line for line in lines)
    (function,) = [request.function for name, request in asked if name == "FunctionCreate"]
    assert function.resources.gpu_config.gpu_type == "L4"
    assert function.autoscaler_settings.min_containers == 1


@pytest.fixture(scope="module")
def page_deployed(tmp_path_factory):
    """A deployment with the page: the requests by name."""
    code, printed, asked = deploy(FILE, tmp_path_factory.mktemp("home"), SAM2_PAGE_AUTH="anna:secret")
    assert code == 0, printed
    return asked


def test_the_page_comes_along_when_it_has_a_sign_in(page_deployed):
    """One container without a GPU, on a volume, at an address of its own; the GPU containers are as without it."""
    made = {asked.function.function_name: asked.function for name, asked in page_deployed if name == "FunctionCreate"}
    assert set(made) == {"SAM2.*", "page"}
    page = made["page"]
    web = page.webhook_config
    assert (web.requested_suffix, web.web_server_port, web.requires_proxy_auth) == ("sam2-painter-page", 7860, False)
    assert page.autoscaler_settings.max_containers == 1
    assert not page.resources.gpu_config.gpu_type
    assert [mount.mount_path for mount in page.volume_mounts] == ["/data"]
    (secret,) = [
        dict(asked.env_dict) for name, asked in page_deployed if name == "SecretGetOrCreate" and asked.env_dict
    ]
    assert secret == {"SAM2_PAGE_AUTH": "anna:secret"}


def test_the_image_of_the_page_holds_all_of_the_package(page_deployed):
    """What requirements.txt names, and our scripts, styles and weights beside the Python files."""
    assert any("gradio>=" in line and "onnxruntime>=" in line for line in image_lines(page_deployed))
    files = {f.filename for name, mount in page_deployed if name == "MountGetOrCreate" for f in mount.files}
    assert {Path(name).suffix for name in files} >= {".py", ".js", ".css", ".html", ".onnx", ".jpg"}


def test_the_page_answers_behind_its_sign_in(tmp_path, monkeypatch):
    """What runs in the page's container, run here: it wants the sign-in, answers to its address at Modal, and has its
    masks from the app's GPU containers."""
    monkeypatch.setenv("SAM2_PAGE_AUTH", "anna:secret")
    module = runpy.run_path(str(FILE), run_name="modal_sam2")
    command, env = module["page_command"]()
    port, service = free_port(), Service(FloodEngine(), memory())

    def answer(op, body):
        told = service.answer(op, body)
        return told.status, told.body, told.retry_after

    with control_plane.deployed("sam2-painter", answer) as (address, _):
        account = {"MODAL_SERVER_URL": address, "MODAL_TOKEN_ID": "ak-1", "MODAL_TOKEN_SECRET": "as-1"}
        own = {"SAM2_PAINTER_DATA_DIR": str(tmp_path), "SAM2_PAINTER_HOST": "127.0.0.1", "HOME": str(tmp_path)}
        words = [str(port) if word == str(module["PAGE_PORT"]) else word for word in command]
        running = subprocess.Popen(words, cwd=FILE.parent, env={**env, **account, **own})
        try:
            http = httpx.Client(
                base_url=f"http://127.0.0.1:{port}", timeout=60, headers={"Host": "you--sam2-painter-page.modal.run"}
            )
            assert eventually(lambda: _is_up(http), seconds=200)
            assert http.post("/api/upload", files={"file": halves(90, 200)}).status_code == 401
            http.auth = ("anna", "secret")
            assert http.get("/").is_success
            sid = http.post("/api/upload", files={"file": halves(90, 200)}).json()["session_id"]
            found = http.post("/api/segment", json={"session_id": sid, "points": [{"x": 5, "y": 5, "label": 1}]})
            assert found.json()["bbox"] == [0, 0, 40, 40]
            assert http.get("/api/health").json()["engine"].endswith("(app sam2-painter)")
        finally:
            running.terminate()
            running.wait(60)


def _is_up(http: httpx.Client) -> bool:
    try:
        return http.get("/api/health").is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def modal_sam2(monkeypatch):
    """The module, its containers answering here; a photo of 13 rows breaks the container it comes to."""
    monkeypatch.syspath_prepend(FILE.parent)
    import modal_sam2

    service = Service(FloodEngine(), memory())

    class Containers:
        """Answers as the deployed class does."""

        class answer:
            @staticmethod
            def starmap(questions, return_exceptions):
                for op, body in questions:
                    if wire.unpack(body)["size"][0] == 13:
                        yield ConnectionError("the container is gone")
                        continue
                    answer = service.answer(op, body)
                    yield answer.status, answer.body, answer.retry_after

    monkeypatch.setattr(modal_sam2, "SAM2", Containers)
    return modal_sam2


def halves(left: int, right: int, height: int = 40) -> bytes:
    """A photo file of two greys, 80 pixels wide."""
    pixels = np.full((height, 80, 3), left, np.uint8)
    pixels[:, 40:] = right
    return to_png(pixels)


def test_a_folder_is_painted(tmp_path, modal_sam2):
    """Every photo of the folder is asked about at its own (x, y), and painted there; other files are left alone."""
    for name, data in (("a.png", halves(200, 90)), ("b.png", halves(90, 200)), ("notes.txt", b"no photo")):
        (tmp_path / name).write_bytes(data)
    modal_sam2.paint_folder.info.raw_f(str(tmp_path), "#c02020", x=0.25, y=0.5, out=str(tmp_path / "out"), opacity=1.0)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    for name in ("a.png", "b.png"):
        before, after = (open_photo(folder / name).pixels.astype(int) for folder in (tmp_path, tmp_path / "out"))
        assert (np.abs(after - before)[:, 50:] == 0).all()
        assert (after[:, 5:30, 0] - after[:, 5:30, 1] > 30).all()


def test_what_cannot_be_painted_does_not_stop_the_rest(tmp_path, modal_sam2, capsys):
    """A file that is no photo and a container that dies are a line each; photos of one name do not overwrite."""
    for name in ("a.png", "a.jpg", "z.png"):
        (tmp_path / name).write_bytes(halves(200, 90))
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    (tmp_path / "killer.png").write_bytes(halves(200, 90, height=13))
    modal_sam2.paint_folder.info.raw_f(str(tmp_path), "red", out=str(tmp_path / "out"))
    said = capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg.png", "a.png.png", "z.png"]
    assert "killer.png: Modal failed (ConnectionError)." in said
    assert "broken.jpg: " in said
    assert said.endswith("3 of 5 photos painted.\n")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (dict(color="mud-ish"), "mud-ish"),
        (dict(x=1.5), "x must be from 0 to 1"),
        (dict(opacity=7.0), "opacity must be from 0 to 1"),
        (dict(folder="/nowhere"), "/nowhere"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_wrong_words_to_paint_folder(tmp_path, modal_sam2, wrong, sentence):
    """One sentence, before any container is asked."""
    with pytest.raises(SystemExit, match=sentence):
        modal_sam2.paint_folder.info.raw_f(**{"folder": str(tmp_path), "color": "red", **wrong})


def run_as_a_program(*words: str, without_sdk: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python modal_sam2.py WORDS`, without an account of this machine's own."""
    code = f"import sys, runpy; sys.argv = ['modal_sam2.py', *{list(words)!r}]; "
    code += "sys.modules['modal'] = None; " if without_sdk else ""
    code += "runpy.run_path('modal_sam2.py', run_name='__main__'); "
    code += "assert not {'torch', 'fastapi', 'gradio'} & set(sys.modules)"
    env = {k: v for k, v in os.environ.items() if not k.startswith("MODAL_")} | variables
    env.setdefault("MODAL_CONFIG_PATH", os.devnull)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=FILE.parent, capture_output=True, text=True, timeout=120, env=env
    )


@pytest.mark.parametrize("words", [(), ("deploy",), ("serve",)], ids=str)
def test_without_the_modal_sdk_it_says_what_to_install(words):
    """One sentence and status 1, and no traceback."""
    done = run_as_a_program(*words, without_sdk=True)
    assert done.returncode == 1
    assert (
        done.stderr
        == "The Modal SDK is missing here: pip install -r requirements-modal.txt (or sam2-painter[modal]).\n"
    )


@pytest.mark.parametrize(("words", "without_sdk"), [(["deploy", "--help"], False), (["--help"], True)])
def test_asked_for_help_it_explains_itself(words, without_sdk):
    """`--help` says what to do, with and without the SDK, and imports neither torch nor fastapi."""
    done = run_as_a_program(*words, without_sdk=without_sdk)
    assert done.returncode == 0, done.stderr
    assert "modal deploy modal_sam2.py" in done.stdout


def test_run_by_itself_without_an_account_it_says_what_is_missing():
    """`python modal_sam2.py` deploys; where it cannot, one sentence says why."""
    done = run_as_a_program()
    assert done.returncode == 1
    assert done.stderr.startswith("No Modal account is set up on this machine: run `modal setup` first")


def test_run_by_itself_it_deploys(tmp_path):
    """`python modal_sam2.py` does what `modal deploy modal_sam2.py` does."""
    code, printed, asked = deploy(FILE, tmp_path, command=[sys.executable, str(FILE)])
    assert code == 0, printed
    assert [name for name, _ in asked][-1] == "AppPublish"


def test_words_it_does_not_know():
    """One sentence that names them."""
    done = run_as_a_program("sevre")
    assert done.returncode == 1
    assert done.stderr == "modal_sam2.py takes deploy, serve [PORT] or --help, not 'sevre'.\n"
