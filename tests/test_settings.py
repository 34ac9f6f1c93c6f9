"""Settings: one table of defaults, variables and flags."""

import sys
from pathlib import Path

import pytest

from sam2_painter.errors import InvalidInput
from sam2_painter.settings import Settings, knobs, parse_size


def test_the_contract_s_variables_are_read(tmp_path):
    """The original's environment variables keep their names."""
    env = dict(
        MODAL_BASE_URL="http://127.0.0.1:9", UPLOAD_DIR=str(tmp_path / "u"), MASKS_DIR="m", RESULTS_DIR="r",
        MAX_FILE_SIZE="1048576",
    )  # fmt: skip
    settings = Settings.from_env(env)
    assert settings.modal.base_url == "http://127.0.0.1:9"
    assert settings.storage.upload_dir == tmp_path / "u"
    assert (settings.storage.masks_dir, settings.storage.results_dir) == (Path("m"), Path("r"))
    assert settings.max_file_size == 2**20


def test_no_address_is_built_in():
    """Nobody's GPU is called by default."""
    assert Settings().modal.base_url == ""


def test_folders_lie_under_the_data_folder():
    """One flag moves everything that is kept."""
    settings = Settings.from_args(["--data-dir", "/tmp/x"], {})
    assert settings.storage.upload_dir == Path("/tmp/x/uploads")
    assert settings.storage.results_dir == Path("/tmp/x/results")


def test_by_default_it_is_where_the_system_keeps_data(tmp_path, monkeypatch):
    """The folder of an earlier version is still used where there is one; a folder that is named always counts."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if sys.platform == "linux":
        assert Settings().storage.data_dir == tmp_path / "data" / "sam2-painter"
    assert not list(tmp_path.iterdir()), "asking makes nothing"
    (tmp_path / ".sam2_painter").mkdir()
    assert Settings().storage.upload_dir == tmp_path / ".sam2_painter" / "uploads"
    named = Settings.from_args(["--data-dir", str(tmp_path / "mine")], {})
    assert named.storage.data_dir == tmp_path / "mine"


def test_a_flag_beats_its_variable():
    """Flags over variables over defaults."""
    env = {"SAM2_PAINTER_PORT": "1000", "SAM2_PAINTER_HOST": "0.0.0.0"}
    settings = Settings.from_args(["--port", "2000"], env)
    assert (settings.port, settings.host, settings.engine) == (2000, "0.0.0.0", "auto")


def test_every_knob_has_its_own_variable_and_help(capsys):
    """`--help` names every flag with its variable, and no two share one."""
    with pytest.raises(SystemExit):
        Settings.from_args(["--help"], {})
    out = " ".join(capsys.readouterr().out.split())
    variables = [knob.env for knob in knobs()]
    assert len(set(variables)) == len(variables)
    for knob in knobs():
        assert knob.env in out
        assert knob.flag in out.replace("- ", "-")


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"SAM2_PAINTER_PORT": "x"}, "SAM2_PAINTER_PORT must be a whole number"),
        ({"SAM2_PAINTER_PORT": "70000"}, "from 1 to 65535"),
        ({"MAX_FILE_SIZE": "big"}, "MAX_FILE_SIZE must be bytes"),
        ({"SAM2_PAINTER_ENGINE": "magic"}, "one of auto, offline, sam2, modal"),
        ({"SAM2_PAINTER_SHARE": "perhaps"}, "true or false"),
        ({"SAM2_PAINTER_PAINT_LIMIT": "nan"}, "above 0"),
        ({"SAM2_PAINTER_AUTH": "justaname"}, "USER:PASSWORD"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_values_name_what_to_change(env, message):
    """One sentence: which variable, what is allowed."""
    with pytest.raises(InvalidInput, match=message):
        Settings.from_env(env)


def test_repr_hides_secrets():
    """A settings object may be logged."""
    shown = repr(Settings.of(auth="me:hunter22", modal_secret="ws-123", auth_token="tok-9"))
    assert not any(secret in shown for secret in ("hunter22", "ws-123", "tok-9"))


@pytest.mark.parametrize(("text", "size"), [("7", 7), ("1k", 1024), ("1.5 GB", 3 * 2**29), ("2MiB", 2**21)])
def test_sizes(text, size):
    """Sizes are bytes or have a unit."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("env", "name", "value"),
    [
        ({"PORT": "8080"}, "port", 8080),
        ({"GRADIO_SERVER_PORT": "8081"}, "port", 8081),
        ({"GRADIO_SERVER_PORT": "8081", "PORT": "8080"}, "port", 8080),
        ({"PORT": "8080", "SAM2_PAINTER_PORT": "8082"}, "port", 8082),
        ({"PORT": " ", "GRADIO_SERVER_PORT": "8081"}, "port", 8081),
        ({"GRADIO_SERVER_NAME": "0.0.0.0"}, "host", "0.0.0.0"),
        ({"GRADIO_ROOT_PATH": "/paint"}, "root_path", "/paint"),
        ({"GRADIO_ROOT_PATH": "/paint", "SAM2_PAINTER_ROOT_PATH": "/other"}, "root_path", "/other"),
    ],
    ids=str,
)
def test_variables_of_hosts_are_read_where_ours_are_not_set(env, name, value):
    """PORT as containers are given it, and Gradio's own; an error names the one that was read."""
    assert getattr(Settings.from_env(env), name) == value


def test_an_error_names_the_variable_that_was_read():
    """Not the one that could have been set."""
    with pytest.raises(InvalidInput, match="PORT must be a whole number, got 'x'"):
        Settings.from_env({"PORT": "x"})
