"""The house stands: imports run downward only, and the optional parts stay optional."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sam2_painter

ROOT = Path(sam2_painter.__file__).parent
FLOORS = (
    {"errors"},
    {"rle", "types", "settings", "deadline", "gate", "sources"},
    {"masks", "images", "containers", "colors", "records", "matte", "light"},
    {"paint", "surface", "overlay", "amg", "examples"},
    {"engines"},
    {"cache", "sessions", "memory", "edits", "verb"},
    {"exports", "studio"},
    {"web", "painter", "display", "notebook", "logs", "__main__"},
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def name_in_house(path: Path) -> str:
    """The part of the house a file belongs to: the package of its own, or the module."""
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Modules of the house a file imports, wherever in the file."""
    depth = len(path.relative_to(ROOT).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level == depth:  # relative to the package's top
                names = {alias.name for alias in node.names} - {"__version__"}  # the package's own, on no floor
                found |= {node.module.split(".")[0]} if node.module else names
            elif node.level == 0 and (node.module or "").startswith("sam2_painter."):
                found.add(node.module.split(".")[1])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_run_downward(path):
    """A module imports only from floors below its own, or from its own package or floor."""
    own = name_in_house(path)
    assert own in FLOOR_OF, f"{own} has no floor yet"
    for imported in imports_of(path) - {own}:
        assert FLOOR_OF[imported] <= FLOOR_OF[own], f"{own} imports {imported} from above"


def test_no_floor_imports_in_a_circle():
    """Modules of one floor may know each other, but never both ways."""
    knows = {}
    for path in MODULES:
        knows.setdefault(name_in_house(path), set()).update(imports_of(path) - {name_in_house(path)})

    def reaches(start, goal, seen=frozenset()):
        return any(n == goal or (n not in seen and reaches(n, goal, seen | {n})) for n in knows.get(start, ()))

    assert not [name for name in knows if reaches(name, name)]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_doors_know_gradio(path):
    """Everything below the doors works without gradio or FastAPI."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add((node.module or "").split(".")[0])
    if FLOOR_OF[name_in_house(path)] < len(FLOORS) - 1:
        assert "gradio" not in imported


def test_import_is_light():
    """`import sam2_painter` brings neither gradio nor torch nor modal, and costs little."""
    code = (
        "import time, sys; t = time.process_time(); import sam2_painter; s = time.process_time() - t;"
        "print([m for m in ('gradio', 'torch', 'modal', 'onnxruntime', 'sam2') if m in sys.modules]); print(s)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert out[0] == "[]"
    assert float(out[1]) < 5.0  # seconds of one core; half a second where it is quiet: it only catches a heavy import
