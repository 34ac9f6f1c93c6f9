"""Requests that nobody would write, and pictures that no camera made: no 500, no trace, no growth.

FUZZ_REQUESTS (default 230) says how many requests are generated in all; 5000 take some minutes.
"""

import io
import os
import random
from collections import Counter

import pytest
from conftest import Doors, draw_building
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("gradio", reason="the doors need gradio")

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "230"))
ALLOWED = {200, 206, 304, 400, 401, 404, 405, 409, 413, 415, 416, 422, 503, 504}


@pytest.fixture(scope="module")
def live(launch):
    """A server of this file's own, with limits that are never reached."""
    return launch(requests_per_minute=10_000_000, sessions_per_minute=10_000_000)


def test_no_generated_request_is_a_500(live):
    """Schemathesis makes requests of our OpenAPI document, valid and not; half of them about a real session."""
    schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")
    doors = Doors(live)
    schema = schemathesis.openapi.from_url(f"{live.url}/api/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    each = max(1, REQUESTS // len(operations))
    statuses: Counter[int] = Counter()
    sessions: list[str] = []

    def fresh_session() -> str:
        if not sessions or live.http.get(f"/session/{sessions[-1]}").status_code != 200:
            sessions.append(doors.open())
            live.http.post("/generate-masks", json={"session_id": sessions[-1]})
        return sessions[-1]

    for operation in operations:

        @seed(0)
        @settings(
            max_examples=each,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), real=st.booleans())
        def ask(case, real):
            if real and isinstance(case.body, dict):
                case.body["session_id"] = fresh_session()
            for where in (case.path_parameters, case.query):
                if real and where and "session_id" in where:
                    where["session_id"] = fresh_session()
            reply = case.call(timeout=60)
            statuses[reply.status_code] += 1
            assert reply.status_code in ALLOWED, (case.method, case.path, case.body, reply.text)
            if reply.status_code >= 400:
                assert reply.json().keys() == {"detail"}
            else:
                case.validate_response(reply, checks=[schemathesis.checks.not_a_server_error])

        ask()
    assert statuses.total() >= each * len(operations) * 0.8
    assert statuses[200] > statuses.total() * 0.1, statuses


def pictures() -> dict[str, bytes]:
    """One small building in every format we read, and in some we do not."""
    image = Image.fromarray(draw_building(64, 48))
    kinds = {
        "png": {},
        "jpeg": {"quality": 80},
        "bmp": {},
        "tiff": {"compression": "tiff_lzw"},
        "webp": {"quality": 70},
        "gif": {},
        "ico": {},
    }
    made = {}
    for kind, options in kinds.items():
        out = io.BytesIO()
        image.save(out, kind.upper(), **options)
        made[kind] = out.getvalue()
    return made


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The file with bytes changed, cut, repeated, or put in front of another."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(out))
        match chance.randrange(5):
            case 0:
                out[at] = chance.randrange(256)
            case 1:
                out[at : at + 4] = chance.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"])
            case 2:
                del out[at : at + chance.randint(1, 64)]
            case 3:
                out[at:at] = out[at : at + chance.randint(1, 64)]
            case 4:
                out = out[: max(1, at)]
        if not out:
            break
    return bytes(out) or b"\0"


def test_no_mutated_picture_breaks_anything(live):
    """300 damaged files of every format: opened or refused with a sentence, nothing left behind, memory bounded."""
    chance = random.Random(0)
    originals = pictures()
    before, statuses = resident_mb(), Counter()
    folders = [live.folder / "uploads", live.folder / "results"]
    kept = {path for folder in folders for path in folder.rglob("*")}
    for number in range(300):
        kind = chance.choice(list(originals))
        reply = live.http.post("/upload", files={"file": (f"{number}.{kind}", mutated(originals[kind], chance))})
        statuses[reply.status_code] += 1
        assert reply.status_code in {200, 400, 413, 415}, reply.text
        if reply.status_code == 200:
            assert live.http.delete(f"/session/{reply.json()['session_id']}").status_code == 200
        else:
            assert reply.json()["detail"]
    assert {path for folder in folders for path in folder.rglob("*")} == kept
    assert statuses[200] > 10
    assert statuses[415] > 10
    assert resident_mb() - before < 250


def resident_mb() -> float:
    """Of this process, which the server is part of; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0
