"""The Dockerfile, as far as it can be checked without a builder: its files are there, its health check is true."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", "")


def test_what_is_copied_is_there_and_let_through():
    """Every source of COPY is a file or folder of ours that .dockerignore lets into the build."""
    copied = [one for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE) for one in line.split()[:-1]]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert "app.py" in copied
    for source in copied:
        assert (ROOT / source).exists()
        assert source.removeprefix("./") in allowed


def test_it_does_not_run_as_root():
    """The last user that is named is one of its own, and the data folder is its."""
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["painter"]
    assert "chown painter: /data" in DOCKERFILE
    assert "SAM2_PAINTER_DATA_DIR=/data" in DOCKERFILE


@pytest.mark.parametrize("variable", ["PORT", "SAM2_PAINTER_PORT"])
def test_the_health_check(server, variable):
    """It succeeds where the server answers, on whatever port it was given, and fails where nobody does."""
    _, *command = json.loads(re.search(r"HEALTHCHECK .*? CMD (\[.*\])", DOCKERFILE)[1])

    def status(port: int) -> int:
        done = subprocess.run([sys.executable, *command], env={variable: str(port)}, stderr=subprocess.DEVNULL)
        return done.returncode

    assert status(server.settings.port) == 0
    assert status(1) == 1
