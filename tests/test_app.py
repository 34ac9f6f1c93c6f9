"""`python app.py`: quick help, clear refusals, a clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from conftest import free_port

pytest.importorskip("gradio", reason="the app needs gradio")

APP = Path(__file__).parents[1] / "app.py"


def start(*flags: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    """The app in a process of its own, its temporary files under `folder`."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SAM2_", "GRADIO_", "MODAL_"))}
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(APP), *flags],
        env={**inherited, "TMPDIR": str(temporary), "SAM2_PAINTER_DATA_DIR": str(folder / "data"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def wait_until_up(process: subprocess.Popen[str]) -> str:
    """Until it says where it is; what it says."""
    for line in process.stdout:
        if line.startswith("SAM2 Painter: "):
            return line
    raise AssertionError(process.stderr.read())


def test_help_is_quick_and_light(tmp_path):
    """--help lists every flag with its environment variable, without importing what serving needs."""
    code = (
        "import sys, runpy; sys.argv = ['app.py', '--help']\n"
        "try: runpy.run_path(sys.path[0] + '/app.py', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'gradio', 'torch', 'modal', 'numpy'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[0] = {str(APP.parent)!r}\n{code}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for word in ("--engine", "SAM2_PAINTER_ENGINE", "--host", "--data-dir", "MAX_FILE_SIZE"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("flags", "status", "sentence"),
    [
        (["--engine", "magic"], 2, "--engine must be one of auto, offline, sam2, modal"),
        (["--port", "90000"], 2, "--port must be from 1 to 65535"),
        (["--max-file-size", "huge"], 2, "--max-file-size must be bytes, or like 50MB"),
    ],
)
def test_wrong_flags(tmp_path, flags, status, sentence):
    """A flag that cannot be read is named in one sentence."""
    process = start(*flags, folder=tmp_path)
    _, said = process.communicate(timeout=120)
    assert process.returncode == status
    assert sentence in said
    assert "Traceback" not in said


def test_a_palette_that_cannot_be_read(tmp_path):
    """It says which file, and ends with status 1."""
    (tmp_path / "walls.gpl").write_text("no palette")
    process = start("--engine", "offline", "--palette", "walls.gpl", folder=tmp_path)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("SAM2 Painter cannot start. walls.gpl is no whole CSV, JSON, GIMP (.gpl)")
    assert "Traceback" not in said


def test_a_port_that_is_taken(tmp_path):
    """It says so, with what to do, and ends with status 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start("--engine", "offline", "--port", str(taken.getsockname()[1]), folder=tmp_path)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "--port" in said.splitlines()[-1]
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_it_ends_cleanly(tmp_path, number):
    """It serves until SIGINT or SIGTERM, leaves nothing in the temporary folder, and logs what it is told."""
    port = free_port()
    process = start("--engine", "offline", "--port", str(port), "--log-json", folder=tmp_path)
    url = f"http://127.0.0.1:{port}"
    assert url in wait_until_up(process)
    assert "SAM2 Painter" in httpx.get(f"{url}/", timeout=60).text
    sent = {"file": ("x.png", b"no photo")}
    assert httpx.post(f"{url}/api/upload", files=sent, timeout=60).status_code == 415
    process.send_signal(number)
    _, logged = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in logged
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert {"verb": "open", "outcome": "NotAnImage"}.items() <= lines[-1].items()
    left = [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]
    assert [path for path in left if path.name != ".ses"] == []  # onnxruntime writes that one, 51 bytes about itself


def test_log_lines(capsys):
    """key=value lines quote what would be read wrongly; JSON lines hold the same keys; tracebacks stay on one line."""
    import logging

    from sam2_painter import logs

    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        for as_json in (False, True):
            logs.set_up("INFO", as_json=as_json)
            logging.getLogger("house").info("a wall", extra={"fields": {"ms": 1.5, "name": 'x="1"\n', "empty": ""}})
            logging.getLogger("house").debug("not said")
            try:
                raise ValueError("broken")
            except ValueError:
                logging.getLogger("house").exception("oh")
        said = [line for line in capsys.readouterr().err.splitlines() if "house" in line]  # not of other threads
        plain, plain_error, as_object, error_object = said
    finally:
        logging.getLogger().handlers[:], logging.getLogger().level = before
    assert 'level=INFO logger=house message="a wall" ms=1.5 name="x=\\"1\\"\\n" empty=""' in plain
    assert "ValueError: broken" in plain_error
    assert json.loads(as_object) | {"time": ""} == {
        **{"time": "", "level": "INFO", "logger": "house", "message": "a wall"},
        **{"ms": 1.5, "name": 'x="1"\n', "empty": ""},
    }
    assert "ValueError: broken" in json.loads(error_object)["traceback"]


def test_demo_serves_everything_once(tmp_path):
    """`from app import demo` starts nothing and imports no Gradio; `demo.launch()` serves page and API, on one port."""
    program = """
import sys, app, httpx
assert "gradio" not in sys.modules
served = app.demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), prevent_thread_lock=True, quiet=True)
assert served.url.endswith(":" + sys.argv[1])
assert httpx.get(served.url, timeout=60).status_code == 200
assert httpx.get(served.url + "/api/health", timeout=60).json()["status"] == "healthy"
served.close()
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAM2_", "MODAL_"))}
    environment = {**kept, "SAM2_PAINTER_ENGINE": "offline", "SAM2_PAINTER_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-c", program, str(free_port())]
    done = subprocess.run(command, cwd=APP.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
