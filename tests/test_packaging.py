"""The package: what is installed with it, and what each extra brings."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

import sam2_painter

ROOT = Path(sam2_painter.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(name: str) -> set[str]:
    """The requirements of a file, without comments and without the files it includes."""
    lines = [line.partition(" #")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    return {line for line in lines if line and not line.startswith(("#", "-r"))}


@pytest.mark.parametrize("extra", ["sam2", "modal", "mcp"])
def test_an_extra_is_its_requirements_file(extra):
    """`pip install sam2-painter[EXTRA]` brings what `pip install -r requirements-EXTRA.txt` does."""
    assert set(PROJECT["optional-dependencies"][extra]) == requirements(f"requirements-{extra}.txt")


def test_the_notebook_extra_is_what_the_notebooks_need():
    """JupyterLab and every library they import, in the ranges that the tests ask for."""
    extra = set(PROJECT["optional-dependencies"]["notebook"])
    assert extra <= requirements("requirements-dev.txt")
    code = "".join(path.read_text() for path in (ROOT / "notebooks").glob("*.ipynb"))
    imported = set(re.findall(r'"(?:from|import) (\w+)', code))
    known = {re.split(r"[\[><=]", line)[0] for line in extra | requirements("requirements.txt")}
    theirs = {"sam2_painter", "gradio_client", "IPython", "mcp"}  # 04 says what MCP needs; gradio brings its client
    assert imported - set(sys.stdlib_module_names) - theirs <= known


def test_the_default_install_has_no_torch():
    """The light install stays light."""
    assert not [line for line in requirements("requirements.txt") if line.startswith(("torch", "sam2"))]


def test_the_version_has_one_source():
    """The package's `__version__` is the project's, and the changelog's newest."""
    assert "version" in PROJECT["dynamic"]
    newest = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert newest.split()[1] == sam2_painter.__version__


def test_no_query_numbers_its_values():
    """Python 3.14 refuses ?1 with a tuple, 3.12 warns: values go by place or by name."""
    for path in ROOT.glob("sam2_painter/**/*.py"):
        assert not re.search(r"[=<>(,] ?\?\d", path.read_text()), path
