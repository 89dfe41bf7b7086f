"""What the demo shows and refuses, callback by callback."""

from __future__ import annotations

import io

import pytest

from limner.console import Console, bar
from stack.demo import LINE_WIDTH, Board, DemoFailed, DemoJob
from stack.receiver import ReceivedCallback


def told(seq: int, status: int, progress: int = 0, **more) -> ReceivedCallback:
    return ReceivedCallback(True, {"seq": seq, "status": status, "progress": progress, **more})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_than_on_a_terminal_each_callback_is_one_plain_line():
    stream = io.StringIO()
    fast, relaxed = drawings = [DemoJob("fast"), DemoJob("relaxed")]
    board = Board(Console(stream), drawings)
    for drawing, callback in ((fast, told(1, -1)), (relaxed, told(1, -1)), (fast, told(2, 0, 42))):
        drawing.hear(callback)
        board.show(drawing)
    assert stream.getvalue() == (
        "  fast     -1 submitted    0 %  callback 1, signed\n"
        "  relaxed  -1 submitted    0 %  callback 1, signed\n"
        "  fast      0 drawing     42 %  callback 2, signed\n"
    )


def test_on_a_terminal_two_lines_are_written_over(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    drawings = [DemoJob("fast"), DemoJob("relaxed")]
    board = Board(Console(stream), drawings)
    drawings[0].hear(told(1, 0, 100))
    board.show(drawings[0])
    before, after = stream.getvalue().split("\x1b[2A")
    assert before.count("\n") == after.count("\n") == 2
    assert bar(100, 24) in after
    assert all(len(line) <= LINE_WIDTH + len("\r\x1b[2K") for line in after.splitlines())


def test_on_a_narrow_terminal_nothing_is_written_over(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    drawings = [DemoJob("fast")]
    board = Board(Console(stream), drawings)
    drawings[0].hear(told(1, -1))
    board.show(drawings[0])
    assert "\x1b[1A" not in stream.getvalue()


@pytest.mark.parametrize(
    ("callbacks", "why"),
    [
        ([ReceivedCallback(False, {"seq": 1, "status": -1})], "wrong signature"),
        ([told(2, 0, 10), told(1, -1)], "out of order"),
        ([told(1, -1), told(1, -1)], "out of order"),
        ([told(1, 1, 100), told(2, 0, 50)], "out of order"),
        ([told(1, 2, reason="No paint.")], "No paint."),
    ],
)
def test_a_broken_promise_fails_the_demo(callbacks, why):
    drawing = DemoJob("fast")
    *good, bad = callbacks
    for callback in good:
        drawing.hear(callback)
    with pytest.raises(DemoFailed, match=why):
        drawing.hear(bad)


@pytest.mark.parametrize(("percent", "full"), [(-5, 0), (0, 0), (50, 5), (100, 10), (140, 10)])
def test_a_bar_is_as_full_as_the_work_is_done(percent, full):
    assert bar(percent, 10) == "━" * full + "─" * (10 - full)
