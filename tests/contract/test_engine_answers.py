"""Whatever a peer sends, and wherever, costs little and ends in one of our errors: on every remote driver."""

from __future__ import annotations

import dataclasses
import json
import math
import threading
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

import engines
from engines.comfyui import listener
from engines.comfyui.frames import read_frame
from engines.remote import reading
from engines.remote import session as remote
from engines.remote.reading import read_json
from engines.remote.session import NoAnswer, Remote
from limner.engine import Brief, Engine
from limner.errors import BadResult, EngineError, Rejected
from tests.contract.hosted_drivers import DASHSCOPE, GEMINI, YOUCHUAN
from tests.contract.remote_drivers import (
    BFL,
    COG,
    COMFYUI,
    FAL,
    KEY_VARIABLE,
    MJPROXY,
    OPENAI,
    REPLICATE,
    SDAPI,
    SDCPP,
    Driver,
)
from tests.standins.loopback import Answer, Asked, Loopback, as_json

MB = 1024 * 1024
#: bounds that a test reaches in moments
SMALL = {"ANSWER_MAX_BYTES": MB, "DRAWING_MAX_BYTES": 2 * MB, "PICTURE_MAX_BYTES": MB}


class Endless:
    """A body that never ends, and counts what was taken of it."""

    def __init__(self, piece: bytes, most: int = 64) -> None:
        self._piece, self._left = piece * (MB // len(piece)), most
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._left:
            raise StopIteration
        self._left -= 1
        self.sent += 1
        return self._piece


def deep_list() -> Answer:
    return Answer(b"[" * 100_000 + b"]" * 100_000)


def deep_table() -> Answer:
    return Answer(b'{"error":' * 50_000 + b"1" + b"}" * 50_000)


def rather_deep() -> Answer:
    return Answer(b'{"data":' * 300 + b"1" + b"}" * 300)


def deep_error() -> Answer:
    return dataclasses.replace(deep_table(), status=400)


def many_values() -> Answer:
    return Answer(b"[" + b"{}," * 1_000_000 + b"{}]")


def endless() -> Answer:
    return Answer(Endless(b'{"a": 1},'))


def endless_error() -> Answer:
    return Answer(Endless(b"<html>"), status=500, kind="text/html")


def endless_redirect() -> Answer:
    return Answer(Endless(b"<html>"), status=302, headers={"Location": "/elsewhere"})


def endless_stream() -> Answer:
    return Answer(Endless(b"data: {}\n\n"), kind="text/event-stream")


def endless_line() -> Answer:
    return Answer(Endless(b"data: aaaaaaaa"), kind="text/event-stream")


def odd_numbers() -> Answer:
    return Answer(b'{"exec_info": {"queue_remaining": Infinity}, "progress": 1' + b"0" * 400 + b"}")


def not_text() -> Answer:
    return Answer(b"\xff\xfe{}\x00")


HOSTILE = [
    deep_list,
    deep_table,
    rather_deep,
    deep_error,
    many_values,
    endless,
    endless_error,
    endless_redirect,
    endless_stream,
    endless_line,
    odd_numbers,
    not_text,
]


#: how many times as long an engine waits each time it gave up before it had asked for the path
PATIENCE = (1, 3, 10, 30)
#: the options that say how long an engine bears silence
WAITS = {"silent_s", "patience_s"}


#: what is set up at one driver: the stand-in's own arguments, options, and the paths that answer oddly
SETUPS: dict[Driver, tuple[dict, dict, list[str]]] = {
    COMFYUI: (
        {"seconds": 0.05},
        {"patience_s": 0.2, "poll_s": 0.2},
        ["/prompt", "/queue", "/history", "/view", "/features", "/object_info"],
    ),
    COG: (
        {"step_s": 0.01},
        {"silent_s": 0.3},
        ["/health-check", "/openapi.json", "/predictions"],
    ),
    SDAPI: (
        {"step_s": 0.01},
        {"silent_s": 0.3, "checkpoint": "random"},
        [
            *("/sdapi/v1/txt2img", "/sdapi/v1/progress", "/internal/progress"),
            *("/internal/pending", "/sdapi/v1/sd-models"),
        ],
    ),
    SDCPP: (
        {"step_s": 0.01},
        {"silent_s": 0.3},
        ["/sdcpp/v1/capabilities", "/sdcpp/v1/img_gen", "/sdcpp/v1/jobs"],
    ),
    OPENAI: (
        {"faults": ("url", "json-only")},
        {"sizes": ["128x192"], "partial_images": 1},
        ["/v1/models", "/v1/images", "/pictures"],
    ),
    MJPROXY: (
        {},
        {"poll_s": 0.02, "silent_s": 0.3, "late_s": 0.1},
        ["/mj/submit", "/mj/task", "/"],
    ),
    REPLICATE: ({}, {"silent_s": 0.3}, ["/v1/models", "/v1/predictions/"]),
    FAL: ({}, {"silent_s": 0.3}, ["/api/openapi", "/acme/painter/requests"]),
    BFL: ({}, {"silent_s": 0.3}, ["/v1/flux", "/eu/result"]),
    YOUCHUAN: ({}, {"silent_s": 0.3}, ["/v1/tob/diffusion", "/v1/tob/job", "/cdn"]),
    GEMINI: ({}, {}, ["/v1beta/models", "/v1beta/models/gemini-2.5-flash-image:"]),
    DASHSCOPE: ({}, {"silent_s": 0.3}, ["/api/v1/services", "/api/v1/tasks/t", "/oss"]),
}


def bounded(call: Callable[[], object]) -> None:
    """Let a call end as it likes, but for errors that are not ours, or would be the caller's."""
    try:
        call()
    except Rejected:
        pytest.fail("the caller is told that it was the request")
    except EngineError:
        pass


def ask_for_everything(engine: Engine, brief: Brief, seconds: float) -> None:
    """Call whatever an engine can do, and close it; ``seconds``: what a drawing may take."""
    stop = threading.Event()
    # A drawing that the bad answers do not concern may go on for ever, as far as they tell.
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    try:
        bounded(engine.health)
        bounded(engine.capabilities)
        bounded(lambda: list(engine.watch(engine.submit(brief), brief, stop)))
        bounded(lambda: engine.cancel(engine.submit(brief)))
    finally:
        timer.cancel()
        engine.close()


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.__name__)
@pytest.mark.parametrize(
    ("driver", "path"),
    [(driver, path) for driver, (*_, paths) in SETUPS.items() for path in paths],
    ids=lambda value: getattr(value, "driver", value),
)
def test_a_hostile_answer_ends_in_an_error_and_is_not_read_to_its_end(
    driver, path, hostile, brief, monkeypatch
):
    for name, value in SMALL.items():
        monkeypatch.setattr(remote, name, value)
    monkeypatch.setattr("engines.openai.request.DRAWING_MAX_BYTES", SMALL["DRAWING_MAX_BYTES"])
    monkeypatch.setattr("engines.cog.server.DRAWING_MAX_BYTES", SMALL["DRAWING_MAX_BYTES"])
    monkeypatch.setattr("engines.sdapi.engine.DRAWING_MAX_BYTES", SMALL["DRAWING_MAX_BYTES"])
    monkeypatch.setattr("engines.hosted.account.DRAWING_MAX_BYTES", SMALL["DRAWING_MAX_BYTES"])
    monkeypatch.setattr("engines.sdapi.native.DRAWING_MAX_BYTES", SMALL["DRAWING_MAX_BYTES"])
    monkeypatch.setattr("engines.comfyui.server.PICTURE_MAX_BYTES", SMALL["PICTURE_MAX_BYTES"])
    # Else a first answer that takes long spares the server a second question.
    monkeypatch.setattr("engines.sdapi.engine.HEALTH_SPARE_S", math.inf)
    monkeypatch.setenv(KEY_VARIABLE, driver.key)
    manner, options, _ = SETUPS[driver]
    server = driver.stand_in(**manner)
    bodies: list[Answer] = []
    right = server.answer

    def answer(asked: Asked) -> Answer:
        if not asked.path.startswith(path) or asked.headers.get("upgrade"):
            return right(asked)
        bodies.append(hostile())
        return bodies[-1]

    monkeypatch.setattr(server, "answer", answer)
    with server:
        for times in PATIENCE:
            if not bodies:
                waits = {name: options[name] * times for name in WAITS & options.keys()}
                engine = engines.load(driver.entry(server.url, **options | waits))
                ask_for_everything(engine, brief, 1.5 * times)

    assert bodies
    most = max((b.body.sent for b in bodies if isinstance(b.body, Endless)), default=0)
    # What is in the sockets' buffers comes on top.
    assert most < 20, f"{most} MB were sent"


# -- the reading itself --------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_json_is_read_as_deep_as_real_answers_are():
    assert read_json(nested(reading.DEPTH_MAX))
    assert read_json(json.dumps({"a": [{"b": "[[[[" * 100}]})) == {"a": [{"b": "[[[[" * 100}]}


@pytest.mark.parametrize("depth", [reading.DEPTH_MAX + 1, 900, 200_000])
def test_json_that_is_nested_too_deeply_is_a_bad_result(depth):
    with pytest.raises(BadResult, match="nested"):
        read_json(nested(depth))


def test_json_of_too_many_values_is_not_even_begun():
    data = b"[" + b"{}," * reading.VALUES_MAX + b"{}]"
    tracemalloc.start()
    try:
        with pytest.raises(BadResult, match="too many values"):
            read_json(data)
        assert tracemalloc.get_traced_memory()[1] < MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"NaN,", b"1" * 5000])
def test_what_is_no_json_is_a_bad_result(text):
    with pytest.raises(BadResult):
        read_json(text)


class Dripping(Loopback):
    """Never silent for long, and never at an end."""

    def answer(self, asked: Asked) -> Answer:
        def drops() -> Iterator[bytes]:
            while self.pause(0.02, asked):
                yield b" "

        if asked.path == "/quick":
            return as_json({})
        return Answer(drops(), status=500 if asked.path == "/error" else 200)


def test_an_answer_that_drips_is_given_up_after_a_time(monkeypatch):
    # A second between two bytes is far more than the drops take: what ends it is the limit of the whole.
    monkeypatch.setattr(remote, "QUICK_S", 0.5)
    monkeypatch.setattr(remote, "WHOLE_S", 1.2)
    with Dripping() as server:
        patient = Remote(server.url, read_s=1.0)
        with pytest.raises(NoAnswer):
            patient.get_json("/slow")
        with pytest.raises(EngineError) as caught:
            patient.get_json("/error")
        # Its status says enough.
        assert isinstance(caught.value, remote.Answered)
        with pytest.raises(NoAnswer):
            patient.download(f"{server.url}/picture")
        patient.close()


def test_a_quick_question_is_given_up_quickly(monkeypatch):
    # Who waited for the whole answer would wait for ever.
    monkeypatch.setattr(remote, "WHOLE_S", math.inf)
    with Dripping() as server:
        quick = Remote(server.url, read_s=0.2)
        with pytest.raises(NoAnswer):
            quick.get_json("/slow")
        quick.close()


def test_answers_that_are_read_to_their_end_leave_their_connection_for_the_next():
    seen = set()

    class Counting(Loopback):
        def answer(self, asked: Asked) -> Answer:
            seen.add(threading.get_ident())
            return as_json({"error": "no"}, 404 if asked.path == "/no" else 200)

    with Counting() as server:
        asking = Remote(server.url)
        for path in ("/yes", "/no", "/yes", "/no"):
            bounded(lambda path=path: asking.get_json(path))
        asking.close()

    # The stand-in has a thread for each connection.
    assert len(seen) == 1


class Pointing(Loopback):
    """Redirects, as often as the path says, to a picture."""

    def answer(self, asked: Asked) -> Answer:
        left = int(asked.path.strip("/"))
        if not left:
            return Answer(b"picture")
        return Answer(Endless(b"<html>"), status=302, headers={"Location": f"/{left - 1}"})


def test_redirects_to_a_picture_are_followed_a_few_times_without_reading_them():
    with Pointing() as elsewhere:
        asking = Remote("http://127.0.0.1:1")
        assert asking.download(f"{elsewhere.url}/{remote.REDIRECTS_MAX}") == b"picture"
        with pytest.raises(BadResult):
            asking.download(f"{elsewhere.url}/{remote.REDIRECTS_MAX + 1}")
        asking.close()


@pytest.mark.parametrize(
    "frame",
    [
        nested(100_000).decode(),
        '{"type": "progress", "data": ' + nested(500).decode() + "}",
        b"\x00\x00\x00\x04\x00\x01\x86\xa0" + nested(50_000),
        '{"type": "progress", "data": {"prompt_id": "p", "node": "1", "value": 1'
        + "0" * 400
        + ', "max": 1}}',
    ],
)
def test_a_frame_that_cannot_be_read_tells_nothing(frame):
    assert read_frame(frame) == []


def test_the_frames_that_wait_to_be_read_are_few_and_small():
    assert listener.FRAME_MAX_BYTES * (listener.FRAMES_WAITING + 1) <= 64 * MB
