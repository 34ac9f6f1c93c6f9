"""What is written about the house is true: names are documented, examples run, links lead somewhere."""

import doctest
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import sam2_painter
from sam2_painter import Painter, Studio, errors
from sam2_painter.cli import arguments as cli
from sam2_painter.photos import examples
from sam2_painter.settings import Settings, knobs

ROOT = Path(sam2_painter.__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/*.md"), *ROOT.glob("training/*.md")])
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.glob("sam2_painter/**/*.py")
    if path.name != "__main__.py"
)
NEED = ("torch", "torchvision", "sam2", "modal", "gradio")  # may be missing where the default tests run


def imported(module):
    """The module, or a skip that says which optional part it needs."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name in NEED:
            pytest.skip(f"{module} needs {error.name}")
        raise


# -- docstrings


@pytest.mark.parametrize("name", sorted(sam2_painter.__all__))
def test_every_public_name_is_documented(name):
    """What `sam2_painter` exports says what it is, and so does every public member of it."""
    value = getattr(sam2_painter, name)
    if isinstance(value, str):  # the version
        return
    assert inspect.getdoc(value), f"{name} has no docstring"
    if inspect.isclass(value):
        for member, thing in vars(value).items():
            if not member.startswith("_") and (callable(thing) or isinstance(thing, (property, classmethod))):
                assert inspect.getdoc(thing), f"{name}.{member} has no docstring"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_for(module):
    """The docstring's first line is one sentence."""
    first = (inspect.getdoc(imported(module)) or "").partition("\n")[0]
    assert len(first) > 10, f"{module} has no docstring"


VERBS = sorted(name for name in dir(Studio) if hasattr(getattr(Studio, name), "limit"))
ELSEWHERE = {  # verbs of the studio that a Painter has under another name, or does by itself
    "open": "__init__",
    "embed": "click",
    "generate": "every_mask",
    "generate_at": "click",
    "segment_parts": "add",
    "clear_selection": "deselect",
    "add_mask": "segment",
    "paint_shown": "picture",
    "download": "save",
    "download_schemes": "save_schemes",
    "download_pictures": "save",
    "download_sheet": "save_sheet",
    "make_sheet": "save_sheet",
    "scheme_pictures": "compare_schemes",
    "revoke_sheet": "save_sheet",
    "export": "export_coco",
    "choose_at": "choose_wall",
    "choose_wall": "choose_layer",
    "point": "add",
    "paint_wall": "paint",
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented_and_has_its_word_in_python(verb):
    """Each verb of the studio says what it does, and `Painter` has it too."""
    assert inspect.getdoc(getattr(Studio, verb))
    assert hasattr(Painter, ELSEWHERE.get(verb, verb)), f"Painter lacks {verb}"


def test_every_endpoint_is_documented():
    """The API's own list of endpoints has a sentence for each."""
    api = imported("sam2_painter.web.api.endpoints")
    for endpoint in api.ENDPOINTS:
        assert len(endpoint.summary) > 10, f"{endpoint.path} says nothing"


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module):
    """Every `>>>` prints what it says."""
    results = doctest.testmod(imported(module), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert results.failed == 0


# -- the site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """What `python docs/build.py` makes."""
    pytest.importorskip("pdoc", reason="pdoc writes the reference")
    folder = tmp_path_factory.mktemp("site")
    made = subprocess.run(
        [sys.executable, "docs/build.py", str(folder)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},  # as somebody types it
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return folder


@pytest.mark.timeout(600)
def test_the_reference_has_every_public_name(site):
    """Its front page those of the package, and each class its members."""
    front = (site / "reference" / "sam2_painter.html").read_text()
    for name in sam2_painter.__all__:
        assert f'id="{name}"' in front, f"{name} is not in the reference"
    assert 'id="Painter.click"' in (site / "reference" / "sam2_painter" / "python" / "painter.html").read_text()


@pytest.mark.timeout(600)
def test_the_site_has_every_page_and_notebook(site):
    """Each of docs/ and notebooks/ is one, under its own name, and in the contents of all others."""
    front = (site / "index.html").read_text()
    for source in [*ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/*.ipynb")]:
        name = "documentation" if source.stem == "README" else source.stem
        assert (site / f"{name}.html").is_file()
        assert f'href="{name}.html"' in front, f"{name} is not in the contents"


@pytest.mark.timeout(600)
def test_links_of_the_site_lead_somewhere(site):
    """To pages, pictures and headings that are there; nothing that a page needs comes from the network."""
    for page in site.glob("*.html"):
        text = page.read_text()
        ids = set(re.findall(r'\bid="([^"]+)"', text))
        for target in re.findall(r'\b(?:href|src)="([^"]+)"', text):
            path, _, anchor = target.partition("#")
            if not re.match("[a-z]+:", target):
                assert not path or (site / path).is_file(), f"{page.name} links to {target}"
                assert path or anchor in ids, f"{page.name} links to {target}"
    for page in site.rglob("*.html"):
        assert not re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?:https?:)?//[^"]+"', page.read_text())
    assert "http" not in (site / "style.css").read_text()


# -- pages


def blocks(language):
    """(page, number, text) of every fenced block of that language on our pages."""
    fence = re.compile(rf"^ *```{language}\n(.*?)^ *```", re.M | re.S)
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, text in enumerate(fence.findall(page.read_text()), 1)
    ]


@pytest.fixture
def desk(tmp_path):
    """A folder with a photo called house.jpg in it, as the README assumes."""
    shutil.copy(examples.path("brick-house"), tmp_path / "house.jpg")
    return tmp_path


def run(command, folder, **environment):
    """Run a command in `folder`, with the house on the path and the offline engine; its output."""
    known = {"PYTHONPATH": str(ROOT), "SAM2_PAINTER_ENGINE": "offline", "HOME": str(folder), "MPLBACKEND": "agg"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **known, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def at(server, text):
    """The text with the address of a server that is up."""
    return re.sub(r"http://(127\.0\.0\.1|localhost):7860", server.url, text)


@pytest.mark.parametrize("text", blocks("python"))
def test_python_on_our_pages_runs(text, desk, request):
    """Copied from the page and pasted, it works; what needs somebody's own GPUs is compiled only."""
    compile(text, "README", "exec")
    if 'engine="modal"' in text or 'engine="sam2"' in text:
        return
    if ":7860/mcp" in text:
        text = at(request.getfixturevalue("launch")(mcp=True), text)
    elif ":7860" in text:
        text = at(request.getfixturevalue("server"), text)
    run([sys.executable, "-c", text], desk)


@pytest.mark.parametrize("text", [*blocks("bash"), *blocks("sh"), *blocks("shell")])
def test_commands_on_our_pages_work(text, desk, request):
    """Blocks that use curl are run against a server; every other command is checked word by word."""
    if "curl" in text:
        run(["bash", "-euo", "pipefail", "-c", at(request.getfixturevalue("server"), text)], desk)
        return
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "$":
            words = words[1:]
        if words:
            check(words)


FREE = {"cd", "source", "git", "jupyter", "docker", "export", "modal", "nbstripout", "pipx"}  # other people's commands


def check(words):
    """Fail unless the command would do what it says: its files are there, its flags and variables are known."""
    variables = {knob.env for knob in knobs()}
    while re.fullmatch(r"[A-Z_0-9]+=.*", words[0]):
        name = words.pop(0).partition("=")[0]
        assert name in variables | {"BUILDINGS_DATA", "PYTHONPATH", "SAM2_PAGE_AUTH"}, f"no setting {name}"
        if not words:
            return
    if words[0] == "export":
        assert words[1].partition("=")[0] in variables
    program, *arguments = words
    if program == "uvx":
        assert arguments[:2] == ["--from", "."]
        program, *arguments = arguments[2:]
    if program == "sam2-painter":
        if arguments[0] == "serve":
            Settings.from_args(arguments[1:], {})
        elif arguments[0] != "modal":
            cli.parser().parse_args(arguments)  # ends the program, too
        return
    if program.startswith("python"):
        if arguments[:1] == ["app.py"]:
            if arguments[1:] != ["--help"]:
                Settings.from_args(arguments[1:], {})  # ends the program at a flag it does not know
            return
        if arguments[0] == "-m":
            module, *arguments = arguments[1:]
            assert module in {"venv", "pip", "pytest", *MODULES}, f"there is no module {module}"
        program = "files"
    assert program in FREE | {"files", "pip", "pytest", "ruff", ".ci/run"}, f"nobody checks the command {program}"
    for word in arguments:
        if re.fullmatch(r"[\w./-]+\.(py|txt|md|ipynb|toml)", word):
            assert (ROOT / word).is_file(), f"{' '.join(words)}: there is no {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Every relative link and picture exists; every anchor has its heading."""
    text = page.read_text()
    targets = re.findall(r"\]\(([^)\s]+)", text) + re.findall(r"(?:src|href|srcset)=\"([^\"]+)\"", text)
    headings = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", text, re.M)}
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        assert not path or (page.parent / path).exists(), f"{page.name} links to {path}"
        assert path or anchor in headings, f"{page.name} links to #{anchor}"


def test_the_tree_of_errors_is_the_one_drawn():
    """The docstring of `errors` names every error under the one it is a kind of, and no other."""
    drawn, parent = {"PainterError": "Exception"}, ""
    for mark, name in re.findall(r"^ +([x+]) (\w+)", inspect.getdoc(errors) or "", re.MULTILINE):
        drawn[name] = "PainterError" if mark == "x" else parent
        parent = name if mark == "x" else parent
    kinds = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.PainterError)]
    assert drawn == {kind.__name__: kind.__bases__[0].__name__ for kind in kinds}


def test_there_is_a_readme_with_python_in_it():
    """The three-line use is there, and therefore run above."""
    assert "Painter(" in (ROOT / "README.md").read_text()
