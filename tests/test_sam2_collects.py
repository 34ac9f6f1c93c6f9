"""SAM 2's own tests can be run: their environment is too large for every change, so here they are only collected."""

import ast
import os
import shlex
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
STUB = """
import sys
from unittest.mock import MagicMock

for name in ("torch", "torch.nn", "torch.nn.functional", "torch.utils", "torch.utils._python_dispatch", "sam2"):
    sys.modules[name] = MagicMock()
for name in {absent!r}:
    sys.modules[name] = None
"""
ABSENT = ("hypothesis", "playwright", "pytest_cov", "xdist", "jupyterlab", "nbclient", "mcp")
"""What other tests need and `tests/run_sam2` does not install."""


def test_the_tests_of_sam2_and_its_engine_can_be_imported(tmp_path):
    """With nothing of torch but its names, and without what only other tests need, every one of them is found."""
    (tmp_path / "torch_by_name.py").write_text(STUB.format(absent=ABSENT))
    plain = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTHONPATH": str(tmp_path)}
    started = (TESTS / "run_sam2").read_text().splitlines()[-1]
    options = shlex.split(started.removeprefix('exec "$venv/bin/python" ').removesuffix(' "$@"'))
    plugins = ["-p", "torch_by_name", "-p", "pytest_timeout", "-p", "no:cacheprovider"]
    command = [sys.executable, *options, *plugins, "--collect-only", "-q"]
    told = subprocess.run(command, env={**os.environ, **plain}, cwd=TESTS.parent, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    written = [node.name for node in ast.parse((TESTS / "test_sam2.py").read_text()).body if _is_test(node)]
    assert len(written) > 20
    assert not [name for name in written if f"::{name}" not in told.stdout]


def _is_test(node):
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
