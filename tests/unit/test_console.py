"""What becomes of our output when nobody takes it: the work goes on, and nobody waits."""

from __future__ import annotations

import os
import threading

import pytest

from limner import console as module
from limner.console import Console
from tests.conftest import wait_until


class Pipe:
    def __init__(self) -> None:
        reading, writing = os.pipe()
        self.reader = os.fdopen(reading, "rb", buffering=0)
        self.stream = os.fdopen(writing, "w", encoding="utf-8")

    def read(self, most: int) -> bytes:
        return self.reader.read(most)


@pytest.fixture
def pipe():
    pipe = Pipe()
    yield pipe
    pipe.reader.close()
    pipe.stream.close()


def test_lines_come_in_order_and_whole(pipe):
    with Console(pipe.stream) as console:
        console.say_as("api", "first")
        console.say("second\nthird")
        console.write("fourth")

    assert pipe.read(1000).decode() == "api       | first\nsecond\nthird\nfourth"


def test_a_reader_that_is_gone_stops_nobody(pipe):
    pipe.reader.close()
    with Console(pipe.stream) as console:
        for number in range(100):
            console.say_as("api", str(number))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_disk_stops_nobody():
    with open("/dev/full", "w") as full, Console(full) as console:
        console.say("lost")


def test_a_reader_that_does_not_read_stops_nobody_and_learns_what_it_missed(pipe, monkeypatch):
    monkeypatch.setattr(module, "WAITING_MAX", 10)
    console = Console(pipe.stream)
    done = threading.Event()

    def speak() -> None:
        for number in range(2000):
            console.say_as("api", f"{number} " + "x" * 1000)
        done.set()

    threading.Thread(target=speak, daemon=True).start()
    assert done.wait(30), "whoever spoke had to wait for the reader"

    # What matters most is never left out.
    console.say("the token")
    taken = bytearray()

    def arrived() -> bool:
        taken.extend(pipe.read(65536))
        return b"the token" in taken

    wait_until(arrived, what="the line that must not be lost")
    assert b" dropped unread)" in taken


def test_lines_that_follow_quickly_are_written_together(pipe, monkeypatch):
    monkeypatch.setattr(module, "COLLECT_S", 60.0)
    console = Console(pipe.stream)
    console.say("first")

    assert pipe.read(65536) == b"first\n"
    wait_until(lambda: console._out._collecting, what="the writer, at rest")
    for _ in range(module.COLLECT_LINES):
        console.say("more", may_drop=True)
    assert pipe.read(65536) == b"more\n" * module.COLLECT_LINES


def test_a_pipe_that_may_not_block_gets_everything(pipe):
    os.set_blocking(pipe.stream.fileno(), False)
    wanted = 300_000
    with Console(pipe.stream) as console:
        console.write("x" * wanted)
        taken = 0
        while taken < wanted:
            taken += len(pipe.read(65536))

    assert taken == wanted


def test_a_forked_child_writes_its_own_lines_and_none_of_its_parents(pipe):
    console = Console(pipe.stream)
    os.set_blocking(pipe.reader.fileno(), False)
    # More than the pipe holds: the thread is in the middle of a line, and one waits behind it.
    console.say("x" * 300_000)
    wait_until(lambda: console._out._writing, what="the first line on its way")
    console.say("the parent's")
    childs = Pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(childs.stream.fileno(), pipe.stream.fileno())
            with console:
                console.say("the child's")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    childs.stream.close()

    assert childs.reader.read() == b"the child's\n"
    taken = bytearray()

    def arrived() -> bool:
        taken.extend(pipe.reader.read(65536) or b"")
        return b"the parent's" in taken

    wait_until(arrived, what="the parent's lines")
    childs.reader.close()
