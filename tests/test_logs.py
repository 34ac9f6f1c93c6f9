"""Log lines: one a verb, readable by people and machines, with nothing in them that is not for a log."""

import asyncio
import io
import json
import logging

import pytest

from sam2_painter import logs
from sam2_painter.errors import InvalidInput
from sam2_painter.settings import Settings
from sam2_painter.types import Coat


@pytest.fixture
def lines():
    """Everything logged, as key=value and as JSON, side by side."""
    plain, machine = io.StringIO(), io.StringIO()
    handlers = []
    for stream, formatter in ((plain, logs.KeyValueLine()), (machine, logs.JsonLine())):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        handlers.append(handler)
    root = logging.getLogger()
    level = root.level
    root.handlers += handlers
    root.setLevel(logging.DEBUG)
    yield lambda: (plain.getvalue().splitlines(), [json.loads(line) for line in machine.getvalue().splitlines()])
    root.handlers = [handler for handler in root.handlers if handler not in handlers]
    root.setLevel(level)


def of_verbs(records, session=None):
    """Only the lines that tell of a verb, of one session: servers of other tests may still be at work."""
    return [r for r in records if "verb" in r and session in (None, r.get("session"))]


def test_each_verb_is_one_line(studio, photo_bytes, lines):
    """Verb, the session's first letters, milliseconds, whether it was cached, and how it ended."""
    session = studio.open(photo_bytes, "secret-house.png")
    studio.generate(session.id)
    studio.generate(session.id)
    plain, records = lines()
    told = of_verbs(records, session.id[:6])
    assert [record["verb"] for record in told] == ["open", "generate", "generate"]
    assert [record.get("cached") for record in told] == [None, False, True]
    assert all(record["outcome"] == "ok" and record["ms"] >= 0 for record in told)
    assert len([line for line in plain if "verb=" in line and session.id[:6] in line]) == 3


def test_a_mistake_is_one_line_without_a_traceback(studio, photo_bytes, lines):
    """The kind of error is the outcome; a person's mistake is not the server's error."""
    session = studio.open(photo_bytes)
    with pytest.raises(InvalidInput):
        studio.click(session.id, 5000, 5)
    record = of_verbs(lines()[1], session.id[:6])[-1]
    assert (record["outcome"], record["level"]) == ("InvalidInput", "INFO")
    assert "traceback" not in record


def test_no_secrets_and_no_photo(studio, photo_bytes, lines):
    """Neither a whole session id, nor a password, nor a picture gets into a line."""
    session = studio.open(photo_bytes, "house.png")
    studio.paint(session.id, [Coat((1, 2, 3), studio.generate(session.id).session.automatic[0])])
    made = studio.download(session.id)
    settings = Settings.of(auth="ann:s3cret", auth_token="t0ken", modal_key="k3y", modal_secret="s33cret")
    logging.getLogger("sam2_painter").info("starting with %s", settings)
    text = "\n".join(lines()[0])
    for secret in (session.id, made.filename, "s3cret", "t0ken", "k3y", "s33cret", "PNG\\r\\n", "iVBOR"):
        assert secret not in text


def test_values_that_would_break_a_line_are_quoted():
    """A file name with a line end in it makes no second line and no second key."""
    record = logging.makeLogRecord({"msg": "open", "fields": {"name": 'a b="c"\nlevel=ERROR', "ms": 1.5}})
    line = logs.KeyValueLine().format(record)
    assert "\n" not in line
    assert 'name="a b=\\"c\\"\\nlevel=ERROR"' in line
    assert "ms=1.5" in line


def test_an_error_brings_its_traceback_in_the_same_line():
    """One line, whatever happens."""
    try:
        raise ValueError("boom")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": (ValueError, error, error.__traceback__)})
    assert "\n" not in logs.KeyValueLine().format(record)
    assert "boom" in json.loads(logs.JsonLine().format(record))["traceback"]


def test_what_is_turned_away_at_the_door_is_told_too(doors, lines):
    """A request with fields of the wrong type never reaches a verb, and is one line all the same."""
    assert doors.http("segment", session_id=5).status_code == 422
    told = [record for record in of_verbs(lines()[1]) if record["verb"] == "segment"]
    assert [(record["outcome"], record["field"]) for record in told] == [("WrongType", "session_id")]


def test_a_failed_sign_in_is_a_warning_without_the_password(lines):
    """Who reads the log sees from where somebody guesses."""
    pytest.importorskip("gradio", reason="the doors need gradio")
    from sam2_painter.web.middleware.auth import SignIn

    door = SignIn(("ann", "s3cret"), sleep=lambda seconds: asyncio.sleep(0))
    assert not asyncio.run(door.try_password("1.2.3.4", "ann", "my gue55"))
    (record,) = [record for record in lines()[1] if record["message"] == "failed sign-in"]
    assert (record["level"], record["address"], record["failures"]) == ("WARNING", "1.2.3.4", 1)
    assert "gue55" not in "".join(lines()[0])


def test_what_many_cause_is_logged_a_few_times():
    """Twenty equal warnings in ten seconds, then silence, then one line that says how many there were; others go on."""
    now = [0.0]
    throttle = logs.Throttle(clock=lambda: now[0])

    def passes(message: str, level: int = logging.WARNING) -> logging.LogRecord | None:
        record = logging.LogRecord("x", level, "x.py", 1, message, (), None)
        return record if throttle.filter(record) else None

    assert sum(passes("full") is not None for _ in range(1000)) == logs.MOST_EQUAL
    assert passes("something else")
    assert passes("full", logging.INFO)
    now[0] += logs.WINDOW_SECONDS
    told = passes("full")
    assert told is not None
    assert told.fields == {"not_logged": 1000 - logs.MOST_EQUAL}
