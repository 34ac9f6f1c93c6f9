"""`Painter(url=...)`: the same class against a server, with the same results and the same errors."""

from __future__ import annotations

import inspect
import multiprocessing
import threading
import warnings
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from conftest import DOOR, WALL, WINDOW, draw_building, free_port, make_studio, to_png
from engines import NamingEngine
from PIL import Image

from sam2_painter import InvalidInput, MaskNotFound, NotAnImage, Painter, Palette, Prompts, SessionNotFound, errors
from sam2_painter.errors import LayerNotFound, ServerUnavailable, SignInRequired, TooLarge
from sam2_painter.python import connection
from sam2_painter.python.remote import RemoteStudio
from sam2_painter.studio.studio import Studio
from sam2_painter.types import Layer, Paint

KINDS = {"wall": WALL, "window": WINDOW, "door": DOOR}
HALF = np.zeros((150, 200), bool)
HALF[:, 100:] = True
RED = Palette("Mine", (Paint("Barn", (120, 20, 20), "B 7", "Barns"), Paint("Chalk", (240, 240, 230))))


@pytest.fixture(scope="module")
def live(launch):
    """A server whose engine knows kinds."""
    return launch(NamingEngine(KINDS), requests_per_minute=1_000_000, sessions_per_minute=1_000_000)


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """A studio here, with the same engine."""
    made = make_studio(tmp_path_factory.mktemp("here"), NamingEngine(KINDS))
    yield made
    made.sessions.close()


def there(live, photo=None, **options):
    return Painter(draw_building() if photo is None else photo, name="house.png", url=live.url, **options)


ACTIONS = {
    "clicks": lambda p: p.click(100, 80).click(70, 130).click(70, 130, 0).paint("#b5c7a3"),
    "a painted wall is chosen": lambda p: p.click(100, 80).paint("red").deselect().click(100, 80).paint("blue"),
    "candidates": lambda p: p.click(70, 130).choose(1).paint("navy", 0.5, "multiply", light=2, shadow=0.5, name="Door"),
    "a box": lambda p: p.box(10, 10, 80, 80).box(40, 40, 90, 90, "subtract").paint("white"),
    "prompts": lambda p: p.segment(Prompts([[100, 80]], [1], [20, 20, 180, 140])).paint((1, 2, 3)),
    "a mask prompt": lambda p: (
        p.segment(Prompts(mask_input=HALF)).segment(Prompts.click(70, 130), "union").paint("tan")
    ),
    "points": lambda p: p.click(100, 80).add(70, 130).subtract(45, 60).remove_point(1).paint("red"),
    "a brush": lambda p: p.stroke([(5, 5), (90, 60)], 6).stroke([(9, 9)], 3, "subtract", edge_aware=True).paint("red"),
    "a polygon": lambda p: (
        p.polygon([(5, 5), (90, 60), (5, 60)]).remove_step(0).polygon([(1, 1), (9, 1), (9, 9)]).paint("red")
    ),
    "a mask of one's own": lambda p: p.import_mask(HALF).paint("red", mode="flat"),
    "kinds": lambda p: p.find("wall").find("door", "union").paint("garden sage").deselect().find("window").paint("red"),
    "every mask": lambda p: p.every_mask(points_per_side=8, progress=False).select(0, p.automatic[2]).paint("red"),
    "combining": lambda p: p.every_mask(progress=False).combine(0, 1).paint("red"),
    "layers": lambda p: (
        p.find("wall").paint("red").deselect().find("door").paint("red").tie_layers(0, 1).move_layer(0, 1)
        .edit_layer(0, color="blue", opacity=np.float32(0.25), visible=False).untie_layer(0)
    ),
    "choosing layers": lambda p: (
        p.find("wall").paint("red").deselect().find("door").paint("red").choose_layer(0).paint("blue")
    ),
    "one house": lambda p: p.find("window", point=(60, 60)).paint("red"),
    "choosing a wall": lambda p: p.find("wall").paint("red").deselect().choose_wall(100, 80).paint("blue"),
    "history": lambda p: p.click(100, 80).paint("red").undo().undo().redo().redo().remove_layer(0).undo(),
    "a palette": lambda p: p.use_palette(RED).click(100, 80).paint("b 7"),
    "the usual palette": lambda p: p.use_palette(RED).use_palette(None).click(100, 80).paint("garden sage"),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIONS)
def test_the_same_verbs_make_the_same_session(live, studio, name):
    """Masks, selection, layers, history and picture are those of a painter here."""
    remote, local = there(live), Painter(draw_building(), name="house.png", studio=studio)
    for painter in (remote, local):
        assert ACTIONS[name](painter) is painter
    one, other = remote.session, local.session
    assert one.masks == other.masks
    assert one.canvas.layers == other.canvas.layers
    assert vars(one.selection) == vars(other.selection)
    assert (one.automatic, one.can_undo, one.can_redo, one.size, one.digest, one.name) == (
        (other.automatic, other.can_undo, other.can_redo, other.size, other.digest, other.name)
    )
    assert np.array_equal(remote.picture(), local.picture())
    assert np.array_equal(remote.picture(90), local.picture(90))
    assert remote.palette == local.palette
    assert repr(remote) == repr(local)


def test_what_is_asked_gets_the_same_answer(live, studio):
    """Colours, masks under a point, offers of ties, tried-on layers, galleries."""
    told = []
    for painter in (there(live), Painter(draw_building(), name="house.png", studio=studio)):
        painter.every_mask(progress=False).find("wall").paint("red").deselect().find("door").paint("red")
        tried = painter.picture(layers=[Layer(painter.layers[0].mask, (1, 2, 3), mode="flat")])
        told.append(
            (
                painter.wall_color(),
                [(one.rgb, round(one.share, 3)) for one in painter.wall_paints()],
                painter.color_at(70, 130),
                painter.describe("#b5c7a3"),
                painter.mask_at(70, 130).rle,
                painter.tie_offers(),
                painter.studio.categories,
                tried.tobytes(),
                repr(painter.masks),
                painter.layers._repr_html_(),
                painter._repr_html_(),
                np.asarray(painter).tobytes(),
            )
        )
    assert told[0] == told[1]


def test_schemes_there_are_schemes_here(live, studio):
    """Made, painted, switched and compared on the server as in this process."""
    told = []
    for painter in (there(live), Painter(draw_building(), name="house.png", studio=studio)):
        painter.find("wall").paint("red").add_scheme().edit_layer(0, color="navy").rename_scheme("B", "Sea")
        sheet = painter.compare_schemes(400)
        painter.choose_scheme("A").add_scheme("C").remove_scheme("C")
        told.append((painter.schemes, painter.scheme, painter.layers[0].color, sheet.tobytes()))
    assert told[0] == told[1]


def test_files_are_those_of_a_painter_here(live, studio, tmp_path):
    """Pictures, COCO, masks, OpenRaster, projects and recipes come as they do here; a project opens there again."""
    made = {}
    for place, painter in (("there", there(live)), ("here", Painter(draw_building(), name="house.png", studio=studio))):
        painter.find("wall").paint("red", mode="flat")
        folder = tmp_path / place
        folder.mkdir()
        files = [
            painter.save(folder / "out.png"),
            painter.save(folder / "out.jpg", 80),
            painter.export_coco(folder / "masks.json"),
            painter.export_png(folder / "masks.zip"),
            painter.save_recipe(folder / "recipe.json"),
        ]
        painter.export_ora(folder / "walls.ora")
        painter.save_project(folder / "work.zip")
        made[place] = [file.read_bytes() for file in files]
    assert made["there"] == made["here"]
    again = Painter.open_project(tmp_path / "here/work.zip", url=live.url)
    assert isinstance(again.studio, RemoteStudio)
    assert [layer.color for layer in again.layers] == [(255, 0, 0)]
    with pytest.raises(InvalidInput, match="exists already"):
        again.save(tmp_path / "there/out.png")


def test_recipes_are_applied_there(live):
    """With the warnings of what could not be done."""
    plain = draw_building()
    plain[(plain == DOOR).all(2)] = WALL
    bare = there(live, plain)
    made = there(live).find("wall").paint("red").deselect().find("door").paint("blue", name="Door")
    with pytest.warns(UserWarning, match="Door: No door was found"):
        bare.apply_recipe(made.studio.recipe(made.session_id))
    assert [layer.color for layer in bare.layers] == [(255, 0, 0)]


def test_photos_of_every_kind_are_sent(live, tmp_path):
    """A path with its name, bytes, open files, Pillow; what is said of a photo is said here."""
    path = tmp_path / "front.png"
    path.write_bytes(to_png(draw_building()))
    assert Painter(path, url=live.url).session.name == "front.png"
    with open(path, "rb") as file:
        assert Painter(file, url=live.url).session.size == (150, 200)
    assert Painter(path.read_bytes(), url=live.url).session.size == (150, 200)
    clear = Image.fromarray(draw_building()).convert("RGBA")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    with pytest.warns(UserWarning, match="white"):
        Painter(tmp_path / "clear.png", url=live.url)
    with pytest.raises(InvalidInput, match="what is being read"):
        Painter(path, url=live.url).click(100, 80).paint("red").save(path, overwrite=True)


def test_a_session_is_shared_with_the_page_and_closed(live):
    """`attach` goes on with a session by its id, `show` leads to it, `with` deletes it."""
    with there(live) as painter:
        other = Painter.attach(live.url, painter.session_id).find("wall").paint("red")
        assert [layer.color for layer in painter.layers] == [(255, 0, 0)]
        assert painter.show().url == f"{live.url}/?session={painter.session_id}"
    with pytest.raises(SessionNotFound, match="Open the photo again"):
        other.click(100, 80)
    assert "unknown" in repr(other)


@pytest.mark.parametrize(
    ("mistake", "kind", "sentence", "field"),
    [
        (lambda p: p.click(900, 900), InvalidInput, "outside", "points"),
        (lambda p: p.click((1, 2)), InvalidInput, "one by one", "x"),
        (lambda p: p.click(float("nan"), 1), InvalidInput, "number", ""),
        (lambda p: p.paint("red"), MaskNotFound, "Nothing is selected", ""),
        (lambda p: p.click(100, 80).paint("garden sag"), InvalidInput, "Did you mean 'Garden Sage'", "color"),
        (lambda p: p.click(100, 80).paint("red", opacity=2), InvalidInput, "opacity must be", "opacity"),
        (lambda p: p.click(100, 80).paint("red", mode="wet"), InvalidInput, "mode", "mode"),
        (lambda p: p.find("wall", point=(900, 60)), InvalidInput, "outside the 200x150", "points"),
        (lambda p: p.find("moon"), InvalidInput, "wall, window, door", "category"),
        (lambda p: p.select(99), MaskNotFound, "No mask 99", ""),
        (lambda p: p.mask_at(1, 1), MaskNotFound, "No mask at", ""),
        (lambda p: p.undo(), InvalidInput, "nothing to undo", "session_id"),
        (lambda p: p.edit_layer(0, color="red"), LayerNotFound, "No layer 0", ""),
        (lambda p: p.click(100, 80).paint("red").edit_layer(0, colour=1), InvalidInput, "it has name, color", "colour"),
        (lambda p: p.polygon([(1, 1)]), InvalidInput, "path must be", "path"),
        (lambda p: p.every_mask(points_per_side=0, progress=False), InvalidInput, "points_per_side", "points_per_side"),
        (lambda p: p.segment(Prompts([[1, 1]], [1], multimask_output=False)), InvalidInput, "candidate 0", "prompts"),
        (lambda p: p.save_recipe("never.json"), InvalidInput, "no paint", "session_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_are_the_same_errors(live, mistake, kind, sentence, field):
    """By class, sentence and field; nothing is changed by them."""
    with pytest.raises(kind, match=sentence) as caught:
        mistake(there(live))
    if field:
        assert caught.value.field == field


def test_what_is_no_photo_is_refused_as_here(launch):
    """NotAnImage and TooLarge come from the server."""
    small = launch(max_file_size=1000)
    with pytest.raises(NotAnImage, match="is a text file"):
        Painter(b"no picture", url=small.url)
    with pytest.raises(TooLarge):
        Painter(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8), url=small.url)


def test_one_signs_in_by_token_or_password(launch):
    """Either is sent with every request; wrong or none is SignInRequired."""
    guarded = launch(auth="ann:secret", auth_token="bearer-of-news")
    for how in ({"token": "bearer-of-news"}, {"auth": ("ann", "secret")}):
        painter = there(guarded, **how).click(100, 80).paint("red")
        assert Painter.attach(guarded.url, painter.session_id, **how).layers[0].color == (255, 0, 0)
    for how in ({}, {"token": "wrong"}, {"auth": ("ann", "wrong")}):
        with pytest.raises(SignInRequired):
            there(guarded, **how)


def test_under_a_path(launch):
    """The address is that of the page, with or without what hangs on it."""
    live = launch(root_path="/paint")
    for url in (f"{live.url}/paint", f"{live.url}/paint/", f"{live.url}/paint/api", f"{live.url}/paint/?session=1"):
        assert Painter(draw_building(), url=url).click(100, 80).selected


@pytest.mark.parametrize("url", ["localhost:7860", "ftp://x/", "", "http://", 7])
def test_what_is_no_address_is_told(url):
    """In one sentence, before anything is sent."""
    with pytest.raises(InvalidInput, match="url must be the address of a server") as caught:
        Painter(draw_building(), url=url)
    assert caught.value.field == "url"


def test_no_server_and_other_servers_are_told(tmp_path):
    """ServerUnavailable says whether nobody answers, or somebody else."""
    with pytest.raises(ServerUnavailable, match="cannot be reached"):
        Painter(draw_building(), url=f"http://127.0.0.1:{free_port()}")

    class Other(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(302 if "moved" in self.path else 200)
            self.send_header("Location", "https://elsewhere.example/")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"<h1>")

        def log_message(self, *_):
            pass

    other = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{other.server_port}"
        with pytest.raises(ServerUnavailable, match="does not answer as a SAM2 Painter server"):
            Painter(draw_building(), url=url)
        with pytest.raises(ServerUnavailable, match=r"leads to https://elsewhere\.example/"):
            Painter(draw_building(), url=f"{url}/moved")
    finally:
        other.shutdown()
        other.server_close()


class Hostile(BaseHTTPRequestHandler):
    """Answers every question with what it is told to."""

    body, endless = b"{}", False

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(self.body)
            while self.endless:
                self.wfile.write(bytes(2**16))

    do_GET = do_POST

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("body", "endless", "why"),
    [
        (b"{}", False, "lacks 'message'"),
        (b"[" * 10**6, False, "is no JSON"),
        (b"\xff", False, "is no JSON"),
        (b"[1]", False, "is no object"),
        (b"{", True, "more than 1 MB"),
    ],
    ids=["an empty object", "nested", "bytes", "a list", "without end"],
)
def test_a_server_that_answers_anything_is_told_apart(monkeypatch, body, endless, why):
    """One error, and no more memory than an answer may have."""
    monkeypatch.setattr(connection, "MAX_REPLY", 2**20)
    handler = type("Handler", (Hostile,), {"body": body, "endless": endless})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(ServerUnavailable, match=why):
            Painter(draw_building(), url=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


def test_the_server_has_its_own_engine_and_folder(live, studio, tmp_path):
    """What only makes sense here is refused beside url, and what only makes sense there without it."""
    for name, value in (("engine", "offline"), ("data_dir", tmp_path), ("studio", studio)):
        with pytest.raises(InvalidInput, match=f"leave {name} out"):
            there(live, **{name: value})
    with pytest.raises(InvalidInput, match="are for url"):
        Painter(draw_building(), token="x")
    with pytest.raises(InvalidInput, match="not both"):
        there(live, token="x", auth=("a", "b"))


def _count_layers(painter, queue):
    queue.put(len(painter.click(100, 80).paint("red").layers))


def test_it_works_in_a_forked_process(live):
    """A child has connections of its own, and the parent's go on."""
    painter, fork = there(live), multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads in a process that forks
        child = fork.Process(target=_count_layers, args=(painter, queue))
        child.start()
    assert queue.get() == 1
    child.join(60)
    assert len(painter.layers) == 1


def test_masks_are_sent_once(live):
    """The runs of a mask known here do not travel again: a click's answer is all that comes."""
    painter = there(live).every_mask(progress=False)
    many = len(painter.masks)
    asked = []
    get = painter.studio.connection.get
    painter.studio.connection.get = lambda path, *parts, **query: (
        asked.append((path, query)) or get(path, *parts, **query)
    )
    painter.click(100, 80)
    assert len(painter.masks) > many
    assert asked[0] == ("/session-state", {"first_mask": many})
    asked.clear()
    assert painter.selected.area
    assert asked[0] == ("/session-state", {"first_mask": len(painter.masks)})


def test_every_verb_of_the_studio_that_painters_call_is_there():
    """With the arguments painters give; the others are said to be the server's business."""
    for name, method in inspect.getmembers(RemoteStudio, inspect.isfunction):
        if name.startswith("_"):
            continue
        own = inspect.signature(inspect.unwrap(getattr(Studio, name))).parameters
        assert set(inspect.signature(method).parameters) <= set(own), name


def test_errors_are_made_by_name():
    """Every error that a server may name can be made here from its sentence."""
    from sam2_painter.python.connection import _named

    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.PainterError):
            made = _named(kind.__name__, 400, "Because.", "x", "7")
            assert type(made) is kind
    assert _named("WrongType", 422, "Because.", "x", "").field == "x"
    assert _named("Busy", 503, "Because.", "", "7").retry_after == 7
    assert type(_named("", 429, "Because.", "", "7")) is errors.TooManyRequests
    assert type(_named("os", 500, "Because.", "", "")) is ServerUnavailable
