"""``limner top``: what it shows, that it fits, and that it leaves the terminal as it was."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import cli.top
from cli.top.controls import HINT, Controls
from cli.top.keys import Keys
from cli.top.look import Observer
from cli.top.screen import screen, share_lines
from limner.__main__ import main
from limner.callback.policy import DeadLetter, Event, Kind
from limner.errors import StoreDown
from limner.reasons import Reason
from limner.request import Lane
from limner.store import Store
from limner.store.metrics.loads import Load
from limner.store.outbox import AttemptReport, Poster
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine

POSTER = Poster.of("poster", threads=8, kept_ms=1000_000)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("LIMNER_") or name in ("COLUMNS", "LINES", "NO_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def busy(store):
    """A lane with a full engine: ann draws twice and waits, bob waits, and one job of each has failed."""
    for name in ("ann", "bob", "idle"):
        store.clients.add(name)
    a_worker(store, an_engine(fast=2))
    for client in ("bob", "ann"):
        job = an_accepted_job(store, client=client)
        store.lanes.take(job.id, "token", WORKER, MESSAGES)
        store.lanes.failed(job.id, "token", "No.", Reason.MODERATED)
    for _ in range(2):
        job = an_accepted_job(store, client="ann")
        store.lanes.take(job.id, job.id, WORKER, MESSAGES)
    for client in ("ann", "bob", "bob"):
        an_accepted_job(store, client=client)
    return store


def started(store, client: str) -> None:
    job = an_accepted_job(store, client=client)
    store.lanes.take(job.id, job.id, WORKER, MESSAGES)


def rendered(snapshot, columns: int = 80, lines: int = 24, trouble: str = "") -> list[str]:
    out = Console(width=columns, height=lines, color_system=None)
    with out.capture() as captured:
        out.print(screen(snapshot, trouble, HINT, columns, lines), end="")
    return captured.get().splitlines()


# -- what it shows --------------------------------------------------------------------------------


def test_one_snapshot_is_plain_lines_where_there_is_no_terminal(
    busy, redis_url, monkeypatch, capsys
):
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)

    assert main(["top"]) == 0

    said = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line}
    assert "\x1b" not in said
    assert (rows["fast"][0], rows["fast"][-2:]) == ("3", ["2/2", "1"])
    assert rows["stage"][:4] == ["rehearsal", "2/2", "0/1", "ok"]
    assert rows["ann"] == ["1", "2", "100%"]
    assert rows["bob"] == ["2", "0", "0%"]
    assert "idle" not in rows
    assert said.count("moderated") == 2


def test_one_snapshot_in_json_has_the_same(busy, redis_url, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)

    assert main(["top", "--json"]) == 0

    body = json.loads(capsys.readouterr().out)
    assert [lane["name"] for lane in body["lanes"]] == ["fast", "relaxed"]
    assert set(body["lanes"][0]) == {
        *("name", "waiting", "oldestS", "slots", "busy", "workers", "stalledS", "halt"),
        *("startsPerMin", "lastHour"),
    }
    assert (body["lanes"][0]["waiting"], body["lanes"][0]["busy"]) == (3, 2)
    assert body["engines"][0]["fast"] == {"slots": 2, "busy": 2, "gapS": 0.0}
    assert body["clients"] == [
        {"name": "ann", "waiting": 1, "running": 2, "taken": 1.0, "paused": False, "cost": 0},
        {"name": "bob", "waiting": 2, "running": 0, "taken": 0.0, "paused": False, "cost": 0},
    ]
    assert [one["client"] for one in body["failures"]] == ["ann", "bob"]
    assert {one["reasonCode"] for one in body["failures"]} == {"moderated"}
    assert set(body["callbacks"]) == {"waiting", "lateS", "deadLetterJobs", "deadLetters"}


def test_nothing_running_is_taken_by_nobody(store):
    store.clients.add("ann")
    an_accepted_job(store, client="ann")

    snapshot = Observer(store).look()

    assert (snapshot.loads, snapshot.taken()) == ({"ann": Load(1, 0)}, {"ann": None})


def test_dead_letters_are_shown_with_their_reason(store):
    job = an_accepted_job(store)
    a_worker(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    (taken,) = store.outbox.take(POSTER, 1, "t")
    store.outbox.done(POSTER, taken, AttemptReport("dead", why="exhausted"), go_on=False)

    lines = rendered(Observer(store).look())

    (line,) = [line for line in lines if "exhausted" in line]
    assert line.startswith(job.id)


def test_starts_per_minute_are_told_once_they_have_been_watched_for_a_while(store, clock):
    a_worker(store, an_engine(fast=100, relaxed=100))
    observer = Observer(store)
    started(store, "ann")
    assert observer.look().per_minute == {}
    clock.pass_s(4)
    assert observer.look().per_minute == {}

    for _ in range(3):
        started(store, "ann")
    clock.pass_s(26)
    assert observer.look().per_minute == {Lane.FAST: 6.0, Lane.RELAXED: 0.0}

    clock.pass_s(60)
    assert observer.look().per_minute[Lane.FAST] == 0.0
    clock.pass_s(-3600)
    assert observer.look().per_minute == {}


def test_loads_that_take_long_to_read_are_read_less_often(store):
    store.clients.add("ann")
    now = [0.0]
    observer = Observer(store, lambda: now[0])
    read = store.loads.of
    calls = []

    def slowly(names):
        calls.append(now[0])
        now[0] += 0.5
        return read(names)

    store.loads.of = slowly
    for _ in range(40):
        observer.look()
        now[0] += 1.0
    assert calls == [0.0, 10.5, 21.0, 31.5]


def test_loads_of_more_clients_than_one_round_trip_takes_are_all_read(store, monkeypatch):
    monkeypatch.setattr("limner.store.metrics.loads.STEP", 3)
    names = [f"client-{number}" for number in range(8)]
    for name in names[::2]:
        an_accepted_job(store, client=name)

    assert store.loads.of(names) == dict.fromkeys(names[::2], Load(1, 0))


# -- last failures --------------------------------------------------------------------------------


def test_the_last_failures_are_kept_newest_first_and_cancelled_jobs_are_none(store):
    a_worker(store, an_engine(fast=100))
    cancelled = an_accepted_job(store)
    store.lanes.cancel(cancelled.id)
    ids = []
    for _ in range(60):
        job = an_accepted_job(store)
        store.lanes.take(job.id, "token", WORKER, MESSAGES)
        store.lanes.failed(job.id, "token", "No.", Reason.MODERATED)
        ids.insert(0, job.id)

    assert [job.id for job in store.jobs.failures(20)] == ids[:20]
    assert [job.id for job in store.jobs.failures(100)] == ids[:50]


def test_a_failure_whose_job_is_no_longer_kept_is_left_out(busy):
    newest, older = busy.jobs.failures(10)
    busy.redis.delete(f"limner:job:{newest.id}")

    assert [job.id for job in busy.jobs.failures(10)] == [older.id]


# -- the screen -----------------------------------------------------------------------------------


@pytest.fixture
def crowded(busy):
    """Much more of everything than fits."""
    snapshot = Observer(busy).look()
    (engine,) = snapshot.numbers.engines
    why = "http://gpu-12.example:8188 cannot be reached, and more words than there is room for"
    engines = tuple(
        replace(engine, name=f"engine-{number:02}", state="down" if number == 20 else "ok", why=why)
        for number in range(30)
    )
    event = Event("a" * 32, 3, Kind.TERMINAL, "msg_x", 0, {"status": "done"})
    return replace(
        snapshot,
        numbers=replace(snapshot.numbers, engines=engines),
        loads={f"client-with-a-long-name-{number}": Load(number, 2) for number in range(40)},
        dead=(DeadLetter(event, "exhausted", 0),) * 9,
        failures=snapshot.failures * 9,
    )


@pytest.mark.parametrize("size", [(80, 24), (80, 50), (120, 40), (60, 14), (40, 8), (20, 2)])
def test_it_fits_whatever_the_size_of_the_terminal(crowded, size):
    columns, lines = size

    shown = rendered(crowded, columns, lines)

    assert len(shown) <= lines
    assert all(len(line) <= columns for line in shown)
    assert shown[0].startswith("Limner")


def test_at_80_columns_each_table_is_there_and_says_how_much_of_it_is_missing(crowded):
    shown = rendered(crowded)
    heads = [line.partition("  ")[0] for line in shown]

    for title in ("ENGINE", "CLIENT", "DEAD LETTER OF JOB", "FAILED JOB"):
        assert any(re.fullmatch(rf"{title} \(\d+ of \d+\)", head) for head in heads), title
    assert {"LANE", "fast", "relaxed", "CALLBACKS"} <= set(heads)
    # What is wrong first, and ids as other commands take them.
    assert shown[heads.index("relaxed") + 3].startswith("engine-20")
    assert any(line.startswith(crowded.failures[0].id) for line in shown)


def test_an_outage_is_said_above_what_was_seen_last(busy):
    shown = rendered(Observer(busy).look(), trouble="Redis cannot be reached: \x1b[2Jrefused.")

    assert "Redis cannot be reached: \\x1b[2Jrefused." in shown[0]
    assert any(line.startswith("ann") for line in shown)


@given(st.lists(st.integers(1, 40), max_size=8), st.integers(0, 80))
def test_lines_are_shared_without_waste_and_never_exceeded(wanted, lines):
    kept = share_lines(wanted, lines)

    used = sum(kept) + 2 * len(kept)
    assert used <= lines
    assert all(1 <= count <= most for count, most in zip(kept, wanted, strict=False))
    if len(kept) == len(wanted):
        assert used == min(lines, sum(wanted) + 2 * len(wanted))
    # None gets two rows more than another that would like more.
    starved = [count for count, most in zip(kept, wanted, strict=False) if count < most]
    assert max(kept, default=0) <= min(starved, default=40) + 1


# -- live -----------------------------------------------------------------------------------------


class Pressed:
    """Keys, in their order; None: a second passes."""

    def __init__(self, *keys: str | None) -> None:
        self.keys = list(keys)

    def __enter__(self) -> Pressed:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def pressed_within(self, _seconds: float) -> str | None:
        return self.keys.pop(0)


def test_it_goes_on_through_an_outage_until_q_is_pressed(busy, monkeypatch):
    keys = Pressed(None, "x", None, "q")
    monkeypatch.setattr(cli.top, "Keys", lambda: keys)
    observer = Observer(busy)
    looks = [observer.look, observer.look, None, observer.look]

    class Stumbling:
        def look(self):
            look = looks.pop(0)
            if look is None:
                raise StoreDown("Redis cannot be reached.")
            return look()

    out = Console(width=80, height=24, force_terminal=True)
    with out.capture() as captured:
        cli.top._live(out, Stumbling(), Controls(busy.levers, "cli:sten"))

    assert looks == keys.keys == []
    assert captured.get().count("Redis cannot be reached.") == 1


# -- pausing and resuming -------------------------------------------------------------------------

RIGHT, LEFT, ESC, ENTER = "\x1b[C", "\x1b[D", "\x1b", "\r"


@pytest.fixture
def press(busy):
    """Presses keys, and returns the line above the tables."""
    controls = Controls(busy.levers, "cli:sten")

    def pressed(*keys: str) -> str:
        for key in keys:
            assert not controls.press(key, Observer(busy).look())
        return controls.line

    return pressed


def test_what_is_chosen_is_paused_and_resumed_and_audited(busy, press):
    assert press("p") == "pause lane fast (1 of 5)? ←→ type Enter Esc"
    assert press(RIGHT, RIGHT).startswith("pause engine stage (3 of 5)?")
    assert press(LEFT, LEFT, LEFT).startswith("pause client bob (5 of 5)?")
    assert press(ENTER) == "The client bob is paused."
    assert busy.levers.halted().clients == ("bob",)

    assert press("r").startswith("resume client bob (1 of 1)?")
    assert press(ENTER) == "The client bob is resumed."
    assert busy.levers.halted().clients == ()
    assert [line.who for line in busy.levers.audit(2)] == ["cli:sten", "cli:sten"]


def test_typing_narrows_the_choice(busy, press):
    assert press("p", *"sta").startswith("pause [sta] engine stage (1 of 1)?")
    assert press("x") == "pause [stax]: none has that in its name. Esc leaves"
    assert press(ENTER, "\x7f").startswith("pause [sta] engine stage")
    assert press(ENTER) == "The engine stage is paused."


def test_escape_changes_nothing_and_q_is_a_letter_while_choosing(busy, press):
    before = busy.levers.audit(10)

    assert press("p", "q", ESC) == HINT
    assert press("r") == "There is nothing to resume."
    assert busy.levers.audit(10) == before


def test_what_cannot_be_done_says_why(busy, press, monkeypatch):
    def away(*_: object) -> bool:
        raise StoreDown("Redis cannot be reached.")

    monkeypatch.setattr(busy.levers, "halt", away)

    assert press("p", ENTER) == "The lane fast is not paused: Redis cannot be reached."


@pytest.mark.parametrize("sent", [b"\x1b[C", b"\x1bOC", b"\x1b", b"q", b"\t"])
def test_a_key_is_read_whole(monkeypatch, sent):
    ours, terminal = pty.openpty()
    with open(terminal, "rb", buffering=0) as stdin, open(ours, "wb", buffering=0) as keyboard:
        monkeypatch.setattr(sys, "stdin", stdin)
        with Keys() as keys:
            keyboard.write(sent)
            assert keys.pressed_within(5) == sent.decode()
            assert keys.pressed_within(0) is None


@pytest.fixture
def on_a_terminal(redis_url, monkeypatch):
    """``limner top`` on a terminal of its own; the store of the tests has another clock."""
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann")
    an_accepted_job(store, client="ann")
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-m", "limner", "top"])
    yield pid, terminal
    os.close(terminal)
    store.close()


def read_until(terminal: int, mark: str | None) -> str:
    """Return what comes to the terminal until ``mark`` does; None: until it is closed."""
    said = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        said += piece
        if (mark is not None and mark.encode() in said) or not piece:
            return said.decode()
    pytest.fail(f"{mark!r} did not come: {said!r}")


@pytest.mark.parametrize(("end", "code"), [("q", 0), (signal.SIGTERM, 143), ("\x03", 130)])
def test_it_leaves_the_terminal_as_it_was(on_a_terminal, end, code):
    pid, terminal = on_a_terminal
    shown = read_until(terminal, "ann")
    assert "\x1b[?1049h" in shown

    if isinstance(end, str):
        os.write(terminal, end.encode())
    else:
        os.kill(pid, end)

    rest = read_until(terminal, None)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == code
    assert rest.count("\x1b[?1049l") == rest.count("\x1b[?25h") == 1


def test_the_time_is_that_of_redis(store, clock):
    clock.now_ms = round(datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC).timestamp() * 1000)

    assert "2031-02-03 04:05:06 UTC" in rendered(Observer(store).look())[0]
