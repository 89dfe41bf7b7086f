"""What the grading receiver lets pass and what it marks."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from limner.callback.signature import sign
from stack import grader as module
from stack.grader import Grader, serve

SECRET, OTHER = "whsec_" + "a2tr" * 8, "whsec_" + "b2tr" * 8
NOW_S = 1_800_000_000


def a_callback(
    seq: int,
    status: int = 0,
    secret: str = SECRET,
    at_s: int = NOW_S,
    epoch: str = "0a1b2c3d4e",
    **more,
):
    body = json.dumps({"id": "j", "seq": seq, "status": status} | more).encode()
    return sign(f"msg_j_{seq}_{epoch}", at_s, body, [secret]), body


def marks(*callbacks) -> dict:
    grader = Grader([SECRET], now=lambda: NOW_S)
    for headers, body in callbacks:
        grader.grade(headers, body)
    return grader.marks()


def test_events_in_order_pass():
    found = marks(a_callback(1, -1), a_callback(2), a_callback(3, 1))

    assert found["passed"]
    assert (found["events"], found["ended"], found["gaps"]) == (3, 1, 0)


def test_a_duplicate_passes_and_a_different_one_under_its_id_does_not():
    assert marks(a_callback(1), a_callback(1))["duplicates"] == 1
    found = marks(a_callback(1), a_callback(1, progress=5))

    assert found["broken"]["duplicate_differs"] == 1
    assert not found["passed"]


def test_a_late_duplicate_is_counted_and_passes():
    found = marks(a_callback(1), a_callback(2), a_callback(1))

    assert found["passed"]
    assert found["late_duplicates"] == 1


def test_a_job_may_go_on_after_its_end_in_another_epoch_only_and_above_what_was_told():
    told = [a_callback(1, -1), a_callback(2, 1)]
    found = marks(
        *told, a_callback(120, -1, epoch="ffffffffff"), a_callback(121, 1, epoch="ffffffffff")
    )
    assert found["passed"]
    assert (found["told_anew"], found["gaps"], found["ended"]) == (1, 0, 1)

    assert marks(*told, a_callback(120, -1))["broken"]["after_end"] == 1
    assert marks(*told, a_callback(2, 1, epoch="ffffffffff"))["broken"]["duplicate_differs"] == 1
    late = marks(*told, a_callback(120, 1, epoch="ffffffffff"), a_callback(3))
    assert late["broken"]["after_end"] == 1


def test_a_gap_is_counted_and_what_fills_it_later_is_out_of_order():
    assert marks(a_callback(1), a_callback(3))["gaps"] == 1
    assert marks(a_callback(1), a_callback(3), a_callback(2))["broken"]["order"] == 1


def test_nothing_new_may_follow_the_end():
    found = marks(a_callback(1, 2), a_callback(2))

    assert found["broken"]["after_end"] == 1
    assert marks(a_callback(1, 1), a_callback(1, 1))["passed"]


def test_a_replay_may_come_at_any_time():
    headers, body = a_callback(1, -1)
    found = marks(a_callback(2, 1), (headers | {"x-limner-replay": "1"}, body))

    assert found["passed"]
    assert found["replays"] == 1


@pytest.mark.parametrize(
    "callback",
    [
        a_callback(1, secret=OTHER),
        a_callback(1, at_s=NOW_S - 301),
        ({}, b"{}"),
        (a_callback(1)[0], b"{}"),
    ],
    ids=["other secret", "old", "unsigned", "changed"],
)
def test_what_is_not_signed_breaks_a_rule(callback):
    assert marks(callback)["broken"]["signature"] == 1


@pytest.mark.parametrize("body", [b"[]", b"no", b'{"id":"j"}', b'{"id":1,"seq":"x","status":0}'])
def test_a_body_of_another_shape_breaks_a_rule(body):
    assert marks((sign("msg", NOW_S, body, [SECRET]), body))["broken"]["shape"] == 1


def test_marks_are_shown_over_http_and_paths_behave_as_they_are_called():
    server = serve(Grader([SECRET], now=lambda: NOW_S), "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}/"
    try:
        headers, body = a_callback(1)
        request = urllib.request.Request(base, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 204
        with urllib.request.urlopen(base, timeout=5) as answer:
            assert json.load(answer)["events"] == 1
        with urllib.request.urlopen(base + "jobs", timeout=5) as answer:
            assert json.load(answer)["j"]["acknowledged"] == 1
        dead = urllib.request.Request(base + "dead", data=body, headers=headers)
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(dead, timeout=5)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def graded():
    """A grader and the address it listens at."""
    grader = Grader([SECRET], now=lambda: NOW_S)
    server = serve(grader, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield grader, ("127.0.0.1", server.server_port)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("length", "status"),
    [("65537", 413), ("9" * 5000, 413), ("-1", 400), ("1e3", 400), ("٣", 400), ("0x10", 400)],
)
def test_a_body_that_no_callback_has_is_refused_unread(graded, length, status):
    grader, address = graded
    with socket.create_connection(address, timeout=5) as line:
        line.sendall(f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
        answer = b""
        while more := line.recv(4096):
            answer += more

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert grader.marks()["callbacks"] == 0


def test_the_largest_callback_is_graded(graded):
    grader, (host, port) = graded
    body = b'{"test": true}'.ljust(65536)
    request = urllib.request.Request(
        f"http://{host}:{port}/", data=body, headers=sign("msg_t", NOW_S, body, [SECRET])
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 204
    assert grader.marks()["tests"] == 1


def test_a_sender_that_stops_in_the_middle_does_not_keep_its_thread(monkeypatch):
    monkeypatch.setattr(module, "READ_S", 0.2)
    grader = Grader([SECRET])
    server = serve(grader, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as line:
            line.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n123")
            assert line.recv(100) == b""
    finally:
        server.shutdown()
        server.server_close()
    assert grader.marks()["callbacks"] == 0


def test_the_grader_needs_nothing_but_the_standard_library():
    text = Path(module.__file__).read_text(encoding="utf-8")
    imported = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))

    assert imported <= set(sys.stdlib_module_names)
