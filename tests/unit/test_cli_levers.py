"""The commands by which operators pause, drain and change things while the gateway runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from limner.__main__ import main
from limner.job import Status
from limner.request import Lane
from limner.store import Store, Trouble
from limner.store.metrics.prometheus import page
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine

TOML = """
[[engine]]
name = "stage"
driver = "rehearsal"
fast = { slots = 2, gap_s = 1.5 }
relaxed = { slots = 1 }
"""


@pytest.fixture(autouse=True)
def store(redis_url, monkeypatch, tmp_path):
    """The store that the commands open: on the server's own clock; its operator is olga."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    monkeypatch.setenv("LIMNER_CONFIG", str(tmp_path / "limner.toml"))
    monkeypatch.setenv("LOGNAME", "olga")
    Path("limner.toml").write_text(TOML, encoding="utf-8")
    store = Store(redis_url)
    store.redis.flushall()
    a_worker(store, an_engine(fast=2, fast_gap_s=0, relaxed=1))
    yield store
    store.close()


@pytest.fixture
def says(capsys):
    """Run a command and return what it prints."""

    def run(*arguments: str, code: int = 0) -> str:
        assert main(arguments) == code
        out, err = capsys.readouterr()
        return out + err

    return run


def take(store, job):
    return store.lanes.take(job.id, job.id, WORKER, MESSAGES)


@pytest.mark.parametrize(
    ("subject", "name"), [("lane", "fast"), ("engine", "stage"), ("client", "ann")]
)
def test_what_is_paused_is_why_a_job_waits_until_it_is_resumed(store, says, subject, name):
    store.clients.add("ann")
    job = an_accepted_job(store)
    what = f"{subject} {name}"

    assert f"nothing until `limner resume {what}`" in says("pause", subject, name)
    assert says("pause", subject, name) == f"The {what} was paused already.\n"
    assert take(store, job).state == "wait"

    said = says("job", job.id)
    assert f"waits for     {subject} paused" in said
    assert f"is paused by an operator: `limner resume {what}`." in said
    assert says("resume", subject, name) == f"The {what} is resumed.\n"
    assert store.jobs.get(job.id).status is Status.SUBMITTED
    assert says("resume", subject, name) == f"The {what} is not paused.\n"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["pause", "lane", "slow"], "'slow'"),
        (["pause", "engine", "nobody"], "'nobody'"),
        (["resume", "client", "nobody"], "'nobody'"),
        (["drain", "nobody"], "'nobody'"),
        (["engines", "set", "nobody", "--weight", "2"], "'nobody'"),
        (["engines", "set", "stage"], "--clear"),
        (["engines", "set", "stage", "--fast-slots", "1.5"], "--fast-slots"),
        (["engines", "set", "stage", "--fast-slots", "10001"], "--fast-slots"),
        (["engines", "set", "stage", "--relaxed-gap", "-1"], "--relaxed-gap"),
        (["engines", "set", "stage", "--weight", "0"], "--weight"),
    ],
)
def test_a_wrong_command_is_refused_by_name_and_changes_nothing(store, says, arguments, names):
    assert names in says(*arguments, code=2)
    assert store.levers.audit(10) == ()


def test_an_engine_drains_and_says_when_it_has(store, says):
    job = an_accepted_job(store)
    take(store, job)

    assert "Left to finish there: 1 drawing." in says("drain", "stage")
    assert "Left to finish there: 1 drawing." in says("drain", "stage", "--wait", "0.01", code=1)
    row = says("engines").splitlines()[1]
    assert "draining  by an operator: `limner resume engine stage`" in row
    store.lanes.cancel(job.id)
    assert "Left to finish there: nothing." in says("drain", "stage", "--wait", "60")
    assert " drained " in says("engines")
    assert "is draining, by an operator" in says("job", an_accepted_job(store).id)
    says("resume", "engine", "stage")
    assert " ok" in says("engines")


def test_a_paused_engine_that_is_also_down_shows_both(store, says):
    job = an_accepted_job(store)
    take(store, job)
    down = Trouble(engine_state="down", engine_why="no answer", pause_s=50, pause_max_s=50)
    store.lanes.give_back(job.id, job.id, down, MESSAGES)
    says("pause", "engine", "stage")

    assert "paused  by an operator: `limner resume engine stage`; down: no answer" in says(
        "engines"
    )


def test_an_engines_limits_are_set_shown_and_cleared(store, says):
    said = says("engines", "set", "stage", "--fast-slots", "4", "--relaxed-gap", "2.5")
    assert said == "stage: fast slots, relaxed gap changed. It counts from the next start on.\n"
    assert says("engines", "set", "stage", "--fast-slots", "4") == "stage: nothing has changed.\n"

    said = says("engines")
    assert "0/4" in said
    assert (
        "stage: an operator has set fast slots 4 (limner.toml: 2), relaxed gap 2.5 s (limner.toml: 0);"
        " `limner engines set stage --clear` ends that." in said
    )
    engine = store.engines.all()[0]
    assert (engine.slots[Lane.FAST], engine.gap_s[Lane.RELAXED]) == (4, 2.5)

    says("engines", "set", "stage", "--fast-slots", "none")
    assert set(store.engines.all()[0].overridden) == {"relaxed_gap_ms"}
    says("engines", "set", "stage", "--clear", "--weight", "2")
    assert set(store.engines.all()[0].overridden) == {"weight"}
    says("engines", "set", "stage", "--clear")
    assert "an operator has set" not in says("engines")


def test_the_audit_trail_says_who_changed_what(store, says):
    assert says("audit") == "No operator has changed anything.\n"
    says("pause", "lane", "fast")
    says("engines", "set", "stage", "--fast-slots", "4", "--weight", "2")

    head, newest, first = says("audit").splitlines()
    assert head.split() == ["WHEN", "WHO", "WHAT", "CHANGE"]
    assert newest.endswith("cli:olga  engine stage  fast_slots: - → 4, weight: - → 2")
    assert first.endswith("cli:olga  lane fast     halt: - → paused")
    assert len(says("audit", "--limit", "1").splitlines()) == 2


def test_an_account_without_a_name_is_told_by_its_number(store, says, monkeypatch):
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("cli.show.getpass.getuser", nameless)
    monkeypatch.setattr("cli.show.os.getuid", lambda: 4711)
    says("pause", "lane", "fast")
    assert store.levers.audit(1)[0].who == "cli:4711"


def test_what_is_paused_is_in_the_metrics(store, says):
    store.clients.add("ann")
    for what in (("lane", "fast"), ("client", "ann")):
        says("pause", *what)
    says("drain", "stage")

    said = page(store.numbers.read()).decode()
    for labels in (
        'how="paused",name="fast",what="lane"',
        'how="paused",name="ann",what="client"',
        'how="draining",name="stage",what="engine"',
    ):
        assert f"limner_halted{{{labels}}} 1.0" in said
    assert 'limner_warnings{code="paused",subject="lane fast"} 1.0' in said


def test_doctor_tells_what_is_paused_but_not_as_a_fault(says, capsys):
    says("pause", "lane", "fast")
    main(["doctor"])
    said = capsys.readouterr().out
    assert "-   The lane fast is paused, by an operator: it starts nothing." in said


def test_operators_are_created_listed_changed_and_removed(store, says):
    assert says("operators", "list").startswith("There are no operators yet")
    said = says("operators", "add", "otto", "--role", "view")
    token = said.splitlines()[1].split()[1]
    assert store.operators.by_token(token).name == "otto"
    says("operators", "set", "otto", "--role", "steer")
    assert says("operators", "list").splitlines()[1].split() == ["otto", "steer"]
    newer = says("operators", "rotate-token", "otto").split()[1]
    assert store.operators.by_token(token) is None
    assert store.operators.by_token(newer).role == "steer"
    assert "'otto' already" in says("operators", "add", "otto", "--role", "view", code=2)
    says("operators", "remove", "otto")
    assert "'otto'" in says("operators", "remove", "otto", code=2)
    assert {line.who for line in store.levers.audit(9)} == {"cli:olga"}
