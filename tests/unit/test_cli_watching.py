"""How a job that is watched is shown, and how long a gateway that is away is waited for."""

from __future__ import annotations

import io

import pytest

from cli import watching
from cli.watching import JobBoard, in_words, news
from net.calling import CallMissed, CallRefused

JOB = {
    "id": "1" * 32,
    "seq": 0,
    "status": -2,
    "fast": True,
    "position": 3,
    "startsInS": None,
    "waitsFor": None,
    "progress": 0,
    "engine": None,
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "waiting in the fast lane, position 3"),
        ({"startsInS": 42.0}, "waiting in the fast lane, position 3, starts in about 42 s"),
        ({"position": None, "fast": False}, "waiting in the relaxed lane"),
        ({"waitsFor": "lane paused"}, "waiting in the fast lane: lane paused by an operator"),
        ({"status": -1, "engine": "stage"}, "submitted to stage"),
        ({"status": 0, "progress": 50, "engine": "stage"}, "━" * 15 + "─" * 15 + "  50 %  stage"),
    ],
)
def test_a_line_says_where_the_job_stands(changes, said):
    assert in_words(JOB | changes) == said


def test_on_a_terminal_one_line_is_written_over_and_left_at_the_end():
    out = Terminal()
    board = JobBoard(out)

    for changes in ({}, {}, {"status": 0, "progress": 9, "engine": "\x1b[2Jstage"}, {"status": 1}):
        board.show(JOB | changes)
    board.end()
    board.end()

    assert out.getvalue().count("\r\x1b[K") == 3
    assert out.getvalue().count("\n") == 1
    assert "\\x1b[2Jstage" in out.getvalue()


def test_a_failed_job_takes_its_line_with_it():
    out = Terminal()
    board = JobBoard(out)
    board.show(JOB)
    board.show(JOB | {"status": 2})
    board.end()
    assert out.getvalue().endswith("\r\x1b[K")


class Gateway:
    """Answers as its test says, one look after the other."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)

    def get(self, _path, _query, wait_s):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_gateway_that_restarts_or_is_busy_is_asked_again_when_it_says(monkeypatch):
    slept = []
    monkeypatch.setattr(watching.time, "sleep", slept.append)
    done = JOB | {"status": 1, "seq": 3}
    away, busy = (
        CallMissed("away"),
        [CallRefused(503, "busy", {}, s) for s in (None, 0.0, 2.0, 9e9)],
    )

    told = list(news(Gateway(away, *busy, JOB, JOB | {"position": 1}, away, done), JOB))

    assert slept == [1.0, 1.0, 1.0, 2.0, 60.0, 1.0]
    assert [one["position"] for one in told] == [3, 1, 3]
    assert told[-1] == done


def test_it_is_not_waited_for_ever_and_a_refusal_that_stays_is_final(monkeypatch):
    moments = iter(range(0, 10_000, 25))
    monkeypatch.setattr(watching.time, "sleep", lambda _s: None)
    monkeypatch.setattr(watching.time, "monotonic", lambda: float(next(moments)))

    with pytest.raises(CallMissed):
        list(news(Gateway(*[CallMissed("away")] * 9), JOB))
    with pytest.raises(CallRefused):
        list(news(Gateway(CallRefused(404, "gone", {})), JOB))
