"""The house stands: imports run downward only, and the optional parts stay optional."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sam2_painter

ROOT = Path(sam2_painter.__file__).parent
ROOMS = {  # what each may touch; all may touch the root's own modules
    "jobs": set(),
    "photos": {"jobs"},  # decoding waits for its share of memory
    "masks": {"photos"},
    "paint": {"photos", "masks"},
    "sessions": {"masks", "paint", "jobs"},
    "engines": {"masks", "photos", "jobs"},
    "studio": {"photos", "masks", "paint", "jobs", "sessions", "engines"},
    "web": {"photos", "masks", "paint", "jobs", "sessions", "engines", "studio"},
    "cli": {"photos", "masks", "paint", "jobs", "sessions", "engines", "studio", "web"},
    "python": {"photos", "masks", "paint", "jobs", "sessions", "engines", "studio", "web"},
}
MODULES = sorted(ROOT.rglob("*.py"))


def dotted(path: Path) -> str:
    """The module's name below the package: "paint.surface"; a room's own `__init__` is the room."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path) for path in MODULES}


def imports_of(path: Path, *, at_start: bool = False) -> set[str]:
    """Modules of the house a file imports; at_start: only those it cannot be imported without."""
    here = ["", *path.relative_to(ROOT).parts[:-1]]
    tree = ast.parse(path.read_text())
    found = set()
    for node in tree.body if at_start else ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = ".".join([*here[1 : len(here) - node.level + 1], *(node.module or "").split(".")]).strip(".")
            elif (node.module or "").split(".")[0] == "sam2_painter":
                base = node.module.partition(".")[2]
            else:
                continue
            below = {f"{base}.{alias.name}".strip(".") for alias in node.names} & NAMES
            found |= below or {base}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_touches_only_what_it_may(path):
    """A module imports from its own room, from the root, and from the rooms its own may touch."""
    room = dotted(path).split(".")[0]
    touched = {name.split(".")[0] for name in imports_of(path)} & ROOMS.keys() - {room}
    if room in ROOMS:
        assert touched <= ROOMS[room], f"{room} touches {sorted(touched - ROOMS[room])}"
    elif room != "__main__":  # the command line is a door of its own
        assert not touched, f"the root touches {sorted(touched)}"


def test_every_folder_is_a_room():
    """No folder of code stands outside the table."""
    assert {path.relative_to(ROOT).parts[0] for path in MODULES if path.parent != ROOT} == ROOMS.keys()


def test_the_table_of_rooms_is_true():
    """CONTRIBUTING lists every room, with what it may touch as it is held here."""
    text = (ROOT.parent / "CONTRIBUTING.md").read_text()
    told: dict[str, set[str]] = {}
    for room, may in re.findall(r"^\| `(\w+)/` \|.*\| ([^|]+) \|$", text, re.MULTILINE):
        named, _, less = may.partition(" but ")
        others = set(told) if named == "all above" else set(named.split(", ")) - {"nothing"}
        told[room] = others - {less}
    assert told == ROOMS


def test_the_root_is_small():
    """At most eight modules lie in the root of the package, beside its own `__init__`."""
    assert len([path for path in MODULES if path.parent == ROOT and path.name != "__init__.py"]) <= 8


def test_a_module_can_be_read_at_one_sitting():
    """No file of the package, code or page, is longer than 450 lines."""
    files = [path for path in ROOT.rglob("*") if path.suffix in {".py", ".js", ".css", ".html"}]
    long = {str(path.relative_to(ROOT)): n for path in files if (n := len(path.read_text().splitlines())) > 450}
    assert not long


def test_no_module_imports_itself_by_way_of_others():
    """There is no circle of imports."""
    knows = {
        dotted(path): imports_of(path, at_start=True) - {dotted(path)} for path in MODULES if path.name != "__init__.py"
    }

    def reaches(start, goal, seen):
        for name in knows.get(start, ()):
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                if reaches(name, goal, seen):
                    return True
        return False

    assert not [name for name in knows if reaches(name, name, set())]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_doors_know_gradio(path):
    """Everything below the doors works without gradio, FastAPI and Starlette."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add((node.module or "").split(".")[0])
    if dotted(path).split(".")[0] not in {"web", "python"} and dotted(path) != "engines.remote.server":
        assert not imported & {"gradio", "fastapi", "starlette"}


def test_import_is_light():
    """`import sam2_painter` brings neither gradio nor torch nor modal, and hardly a module of any other's."""
    code = (
        "import sys; before = set(sys.modules); import sam2_painter; new = set(sys.modules) - before;"
        "print([m for m in ('gradio', 'torch', 'modal', 'onnxruntime', 'sam2') if m in sys.modules]); print(len(new))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert out[0] == "[]"
    assert int(out[1]) < 50  # modules: what we have is imported where it is used; numpy alone has some 150
