"""Painters in forked processes, as multiprocessing makes them on Linux by default."""

import gc
import multiprocessing
import os
import sys

import numpy as np
import pytest
from conftest import draw_building

from sam2_painter import Painter
from sam2_painter.errors import InvalidInput

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    # from Python 3.12 on; that it goes well all the same is what is tested here
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]
WALL_AT = (100, 80)


@pytest.fixture
def painter():
    """One that has worked: its engine's threads are there."""
    made = Painter(draw_building(), engine="offline")
    made.click(*WALL_AT).paint("#b5c7a3", mode="flat")
    yield made
    made.close()


@pytest.fixture
def pool(painter):
    """Forked after the painter worked."""
    with multiprocessing.get_context("fork").Pool(2) as made:
        yield made


def paint_another(color):
    """In a child: open a photo and paint it."""
    return tuple(
        Painter(draw_building(), engine="offline").click(*WALL_AT).paint(color, mode="flat").picture()[80, 100]
    )


def test_children_open_photos_of_their_own(pool):
    """A pool of processes paints many photos, after this one has painted."""
    colors = [(1, 2, 3), (200, 100, 50), (9, 9, 9)]
    assert pool.map_async(paint_another, colors).get(120) == colors


_inherited: list[Painter] = []


def paint_inherited(color):
    """In a child: go on with the painter that the parent made."""
    return tuple(_inherited[0].click(5, 5).edit_layer(0, color=color).picture()[80, 100])


def test_a_child_goes_on_with_its_parents_painter(painter):
    """It is the same session: the parent sees what the child did."""
    _inherited[:] = [painter]
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(paint_inherited, [(7, 8, 9)]).get(120) == (7, 8, 9)
    assert tuple(painter.picture()[80, 100]) == (7, 8, 9)
    assert painter.undo().layers[0].color == (181, 199, 163)


def in_a_child(work):
    """The exit status of a child that works and leaves as programs do, with everything that is done at exit."""
    child = os.fork()
    if not child:
        import atexit

        status = 1
        try:
            work()
            atexit._run_exitfuncs()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_that_ends_takes_nothing_with_it(painter):
    """Neither the parent's temporary folder nor its sessions go when a child forgets its painters and exits."""

    def forget():
        gc.collect()
        Painter(draw_building(), engine="offline").click(*WALL_AT)

    folder = painter.studio.sessions.upload_dir
    for work in (forget, lambda: None):
        assert in_a_child(work) == 0
        assert (folder / painter.session_id / "photo").is_file()
    assert painter.undo().redo().layers[0].color == (181, 199, 163)


def test_a_painter_forgotten_in_a_child_stays_the_parents(painter):
    """The copy's end is not the session's."""
    import sam2_painter.python.studios as studios

    box = [Painter(draw_building(), engine="offline")]
    sid, studio = box[0].session_id, box[0].studio

    def forget():
        box.clear()
        gc.collect()
        assert not studios._abandoned
        Painter(draw_building(), engine="offline")

    assert in_a_child(forget) == 0
    assert studio.session(sid).id == sid


def test_a_studio_that_was_given_cannot_be_opened_again(studio):
    """One sentence in the child, instead of hanging for ever."""
    given = Painter(draw_building(), studio=studio)

    def use():
        with pytest.raises(InvalidInput, match="before the process was forked"):
            given.click(*WALL_AT)

    assert in_a_child(use) == 0
    assert np.array_equal(given.click(*WALL_AT).photo.pixels, draw_building())


def test_a_program_that_uses_multiprocessing_leaves_nothing_behind(tmp_path):
    """Not in the folder for temporary files: the children's folders go, too."""
    import subprocess

    code = (
        "import multiprocessing as mp, test_fork\n"
        "from conftest import draw_building\n"
        "p = test_fork.Painter(draw_building(), engine='offline')\n"
        "p.click(100, 80)\n"
        "child = mp.get_context('fork').Process(target=test_fork.paint_another, args=((1, 2, 3),))\n"
        "child.start(); child.join(120); print(child.exitcode)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join((os.getcwd(), "tests"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "0", done.stderr
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("sam2_painter")]
