"""``--json``: every command has it, says one object of known names, and nothing besides."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta

import click
import pytest

from cli import greeting, parser, processes
from engines import check
from engines.sketch import sheet
from limner.__main__ import main
from limner.console import Console
from limner.pictures.image_store import Images
from limner.reasons import Reason
from limner.settings import Settings
from limner.store import Store
from limner.store.aside import Why
from limner.store.lanes import Trouble
from limner.store.operators import Role
from limner.store.outbox import AttemptReport, Poster
from stack.demo import Board, DemoJob
from stack.engines_asked import AskedEngine
from stack.receiver import ReceivedCallback
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job
from workers.posting import trial

POSTER = Poster.of("poster", threads=8, kept_ms=1000_000)
#: names of ours; what callers, engines and receivers name is theirs
NAME = re.compile(r"[a-z][a-zA-Z0-9]*")
THEIRS = ("applied", "notes")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

CLIENT = {
    *("name", "disabled", "lanes", "waitingCap", "ratePerS", "inlineQuotaMb"),
    *("callbackHost", "callbackAllow", "paused", "share", "inFlight", "perDay", "perMonth"),
    *("costPerDay", "costPerMonth"),
}
STATE = {
    *("callbacksDisabledAt", "callbacksFailingSince", "callbackFailures", "inlineBytes"),
    *("inlineBytesOfEndedJobs", "secrets", "waiting", "running", "usedPerDay", "usedPerMonth"),
    *("costToday", "costThisMonth", "costEver", "costByEngine"),
}
ENGINE = {
    *("name", "driver", "fast", "relaxed", "state", "why", "pausedS", "workers"),
    *("halt", "setByOperators", "cost"),
}
LETTER = {"job", "client", "seq", "id", "what", "at", "givenUpAt", "why", "destination", "error"}
HALT = {"subject", "name", "halt", "changed"}
#: what operators see of a job besides what the API shows
SEEN = {
    *(
        "client",
        "parent",
        "submitted",
        "cost",
        "workersLost",
        "seqsSkipped",
        "timeline",
        "callbacks",
    ),
    "whyItWaits",
}
#: each command that answers by itself → the names of its answer, and of the things under `data`
ANSWERS = {
    "clients add shop": ({"client", "token", "secret"}, None),
    "clients list": ({"data"}, CLIENT),
    "clients show ann": (CLIENT | STATE, None),
    "clients set ann --rate 2": (CLIENT, None),
    "clients disable ann": (CLIENT, None),
    "clients enable ann": (CLIENT, None),
    "clients rotate-token ann": ({"client", "token"}, None),
    "clients rotate-secret ann": ({"client", "secret"}, None),
    "clients rotate ann": ({"client", "secret"}, None),
    "clients remove bob": ({"client", "removed"}, None),
    "engines": ({"data", "trouble"}, ENGINE | {"price"}),
    "engines retry stage": ({"engine", "wasPaused"}, None),
    "callbacks dead": ({"data"}, LETTER),
    "callbacks resend --all": ({"found", "callbacks", "jobs"}, None),
    "callbacks resend --client ann --yes": ({"found", "callbacks", "jobs"}, None),
    "callbacks enable ann --untested": ({"client", "enabled"}, None),
    "engines set stage --fast-slots 1 --weight 2": ({"engine", "changed"}, None),
    "pause lane fast": (HALT, None),
    "resume client ann": (HALT, None),
    "drain stage": ({"engine", "halt", "running"}, None),
    "operators add eve --role view": ({"operator", "role", "token"}, None),
    "operators list": ({"data"}, {"name", "role"}),
    "operators set dan --role view": ({"operator", "role"}, None),
    "operators rotate-token dan": ({"operator", "token"}, None),
    "operators remove dan": ({"operator", "removed"}, None),
    "console link --client ann": ({"client", "url", "expiresInS"}, None),
    "console link --operator dan": ({"operator", "url", "expiresInS"}, None),
    "audit": ({"data"}, {"at", "who", "what", "changes"}),
    "jobs cancel --client ann --yes": ({"found", "cancelled"}, None),
    "jobs front --client ann --yes": ({"found", "moved"}, None),
    "messages": ({"data"}, {"at", "queue", "why", "about", "sizeBytes", "text"}),
    "messages drop": ({"deleted"}, None),
    "schema": (
        {
            *("schema", "readableFrom", "markedBy", "markedAt", "state", "limner", "limnerSchema"),
            "data",
        },
        {"schema", "since", "readableFrom", "about"},
    ),
    "schema back": ({"schema", "before", "changed"}, None),
    "images prune": ({"deleted", "data", "beyondKeepMbBytes", "missed"}, {"kind", "day"}),
    "images adopt": ({"imageFolder", "imageStore"}, None),
    "top": ({"at", "lanes", "engines", "clients", "callbacks", "failures", "warnings"}, None),
    "doctor": ({"ok", "data"}, {"ok", "text"}),
    "api --print": ({"command"}, None),
    "worker fast --print": ({"command"}, None),
    "beat --print": ({"command"}, None),
    "flower --print": ({"command"}, None),
}
#: each other command, and the test below that has it
ELSEWHERE = {
    "job": "test_a_job_is_told_as_the_api_tells_it_with_what_operators_see_besides",
    "jobs": "test_many_jobs_are_listed_as_the_api_tells_them",
    "jobs list": "test_many_jobs_are_listed_as_the_api_tells_them",
    "jobs front": "test_what_came_of_moving_a_job_to_the_front",
    "jobs again": "test_a_command_that_becomes_another_passes_the_option_on",
    "engines check": "test_each_step_of_a_check_is_a_line_of_json",
    "callbacks try": "test_each_step_of_a_trial_is_a_line_of_json",
    "up": "test_the_greeting_is_one_line_among_those_of_the_log",
    "demo": "test_each_callback_of_the_demo_is_reported",
    "reload": "test_a_reload_is_told_with_what_changed",
}
#: `verify` prints JSON always, and `completion` what a shell reads
OTHERS = {"sketch": "test_a_sketch_says_what_was_understood", "verify": "", "completion": ""}
#: over HTTP: see `test_callers_commands.py`, under `acceptance`
CALLERS = {"draw", "press", "follow", "cancel", "status", "listen"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LIMNER_IMAGE_STORE", str(tmp_path / "pictures"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "limner.toml").write_text(
        '[[engine]]\nname = "stage"\ndriver = "rehearsal"\nseconds = 0.05\nfast = { slots = 2 }\n'
    )


@pytest.fixture
def store(redis_url, monkeypatch):
    """The store that the commands open, with one of everything they list."""
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    store = Store(redis_url)
    store.redis.flushall()
    yield store
    store.close()


@pytest.fixture
def furnished(store, tmp_path):
    store.clients.add("ann", callback_url="https://ann.example/hook?key=hidden")
    store.clients.add("bob")
    job = an_accepted_job(store)
    a_worker(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    (taken,) = store.outbox.take(POSTER, 1, "t")
    store.outbox.done(POSTER, taken, AttemptReport("dead", why="exhausted"), go_on=False)
    store.aside.put("fast", Why.UNKNOWN_TASK, b"garbage")
    store.operators.add("cli:me", "dan", Role.STEER)
    store.levers.note("cli:me", "lane fast", {"halt": "paused"})
    images = Images.of(Settings.load(), store.folders)
    images.put("drawings", b"old", "png", datetime.now(UTC) - timedelta(days=40))
    return job


def commands(of: click.Command, *before: str):
    """Yield the words of every command and action that runs something."""
    if of.callback:
        yield " ".join(before)
    for name, command in getattr(of, "commands", {}).items():
        yield from commands(command, *before, name)


def test_every_command_is_tried_here():
    tried = {*ELSEWHERE, *OTHERS, *CALLERS}
    for answer in ANSWERS:
        words = answer.split()
        tried |= {" ".join(words[:1]), " ".join(words[:2])}
    assert set(commands(parser.build())) - tried == set()
    assert {name for name in (*ELSEWHERE.values(), *OTHERS.values()) if name} <= set(globals())


def names_in(value: object):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name not in THEIRS:
                yield from names_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names_in(inner)


@pytest.mark.parametrize("command", ANSWERS)
def test_a_commands_answer_is_one_object_of_the_names_that_were_promised(
    furnished, capsys, command
):
    # What was set aside is a warning.
    assert main([*command.split(), "--json"]) == (1 if command == "doctor" else 0)

    said = capsys.readouterr()
    body = json.loads(said.out)
    names, names_of_data = ANSWERS[command]
    assert said.err == ""
    assert set(body) == names
    if names_of_data:
        assert body["data"]
        assert all(set(one) == names_of_data for one in body["data"])
    assert all(map(NAME.fullmatch, names_in(body)))
    times = [v for one in body.get("data", []) for k, v in one.items() if k in ("at", "givenUpAt")]
    assert all(map(TIME.fullmatch, times))
    assert "hidden" not in said.out


def test_lists_of_nothing_are_empty_lists(store, capsys):
    for command in ("clients list", "callbacks dead", "messages", "images prune --dry-run"):
        assert main([*command.split(), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["data"] == []


def test_the_option_may_stand_before_an_action_too(furnished, capsys):
    assert main(["messages", "--json", "drop"]) == 0
    assert json.loads(capsys.readouterr().out) == {"deleted": 1}


def test_a_job_is_told_as_the_api_tells_it_with_what_operators_see_besides(
    furnished, store, capsys
):
    from schemas.limner.job import job_body

    for job in (furnished, an_accepted_job(store, prompt_en="a fox \x1b[2J in the snow")):
        assert main(["job", job.id, "--json"]) == 0

        body = json.loads(capsys.readouterr().out)
        shown = job_body(store.jobs.get(job.id))
        assert {name: body[name] for name in shown} == shown
        assert set(body) - set(shown) == SEEN
        assert [one["what"] for one in body["timeline"]][:1] == ["accepted"]
        assert all(map(NAME.fullmatch, names_in(body)))
    assert body["whyItWaits"] == ["Engine stage has room for it.", body["whyItWaits"][1]]


def test_an_engines_answer_has_its_use_and_its_pause(furnished, store, capsys):
    refused = Trouble(engine_state="refused", engine_why="credit", pause_s=600, pause_max_s=600)
    store.lanes.give_back(furnished.id, "token", refused, MESSAGES)
    an = an_accepted_job(store)
    assert an.status == "waiting"

    main(["engines", "--json"])

    (engine,) = json.loads(capsys.readouterr().out)["data"]
    assert engine["fast"] == {"slots": 2, "busy": 0, "gapS": 0.0}
    assert (engine["state"], engine["why"], engine["workers"]) == ("refused", "credit", 1)
    assert 0 < engine["pausedS"] <= 600


def test_without_redis_engines_are_listed_and_the_trouble_is_told(monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://127.0.0.1:1/0")

    assert main(["engines", "--json"]) == 1

    body = json.loads(capsys.readouterr().out)
    assert body["trouble"].startswith("Redis cannot be reached")
    assert body["data"][0]["state"] is None


def test_what_doctor_finds_wrong_is_in_its_answer_and_in_its_exit_code(monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://127.0.0.1:1/0")

    assert main(["doctor", "--json"]) == 1

    body = json.loads(capsys.readouterr().out)
    assert body["ok"] is False
    assert any(one["ok"] is False and "Redis" in one["text"] for one in body["data"])


def test_an_error_is_one_line_on_standard_error_and_no_json(store, capsys):
    assert main(["job", "nobody", "--json"]) == 1
    assert capsys.readouterr() == ("", "limner: There is no such job.\n")


def test_a_health_check_says_who_was_asked(monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_PORT", "1")

    assert main(["api", "--check", "--json"]) == 1

    asked = {"ok": False, "address": "127.0.0.1:1", "path": "/healthz"}
    assert json.loads(capsys.readouterr().out) == asked
    assert processes.processes.ping("fast", "1", as_json=True)[-1] == "--json"


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("engines check stage", "engines.check"),
        ("callbacks try https://ann.example --client ann", "workers.posting.trial"),
        ("callbacks enable ann", "workers.posting.trial"),
        ("jobs again --client ann", "api.again"),
    ],
)
def test_a_command_that_becomes_another_passes_the_option_on(
    furnished, monkeypatch, command, module
):
    seen: list[list[str]] = []
    monkeypatch.setattr("cli.processes.os.execvpe", lambda file, args, env: seen.append(args))
    monkeypatch.setattr("cli.processes.os.chdir", lambda folder: None)

    main([*command.split(), "--json"])

    (became,) = seen
    assert became[2:4] == ["limner.child", module]
    assert became[-1] == "--json"


def steps(capsys) -> list[dict[str, object]]:
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(set(step) == {"step", "ok", "text"} for step in found)
    return found


def test_each_step_of_a_check_is_a_line_of_json(capsys):
    assert check.main(["stage", "--json"]) == 0

    assert [step["step"] for step in steps(capsys)][:2] == ["settings", "health"]


def test_each_step_of_a_trial_is_a_line_of_json(furnished, capsys):
    assert trial.main(["http://127.0.0.1:1/", "--client", "ann", "--json"]) == 1

    *_, last = steps(capsys)
    assert (last["step"], last["ok"]) == ("policy", False)


def test_a_sketch_says_what_was_understood(capsys, tmp_path):
    out = str(tmp_path / "fox.png")

    assert sheet.main(["a fox in the snow", "--shrink", "8", "--out", out, "--json"]) == 0

    said = capsys.readouterr()
    assert said.err == ""
    assert set(json.loads(said.out)) == {"picture", "understood", "ignored", "painter"}


def test_each_callback_of_the_demo_is_reported(capsys):
    told: list[dict[str, object]] = []
    drawing = DemoJob("fast")
    drawing.hear(ReceivedCallback(True, {"seq": 1, "status": 0, "progress": 42}))

    with Console() as console:
        Board(console, [drawing], told.append).show(drawing)

    job = {"seq": 1, "status": 0, "progress": 42}
    assert told == [{"lane": "fast", "callback": 1, "job": job}]


def test_the_greeting_is_one_line_among_those_of_the_log(store, tmp_path):
    engines = (AskedEngine("gpu", "sdapi", "down", "it is not there"),)
    settings = Settings.load({"LIMNER_DATA_DIR": str(tmp_path)})

    told = greeting.started(settings, store, "Valkey 9.1", engines, flower=False, private=False)
    body = greeting.body(settings, told)

    assert set(body) == {
        *("process", "at", "level", "event", "api", "docs", "console", "flower", "redis"),
        *("engines", "client", "credentials"),
    }
    assert (body["client"], body["flower"]) == ("local", None)
    assert body["credentials"] == str(settings.data_dir / "local.env")
    assert body["engines"] == [
        {"name": "gpu", "driver": "sdapi", "state": "down", "why": "it is not there"}
    ]
    assert body["console"] == "http://127.0.0.1:8000/"
    assert TIME.fullmatch(body["at"])


def test_a_reload_is_told_with_what_changed(monkeypatch, capsys):
    told = {"reloaded": True, "changed": ["lease_s: 15.0 → 20.0"], "finishing": ["fast"]}
    monkeypatch.setattr(processes, "ask_reload", lambda _data_dir: told)
    assert main(["reload", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told


def test_reason_codes_stay_as_the_api_has_them(store, capsys):
    job = an_accepted_job(store)
    a_worker(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    store.lanes.failed(job.id, "token", "No.", Reason.MODERATED)

    main(["job", job.id, "--json"])

    body = json.loads(capsys.readouterr().out)
    assert (body["status"], body["reasonCode"]) == (2, "moderated")


@pytest.mark.parametrize("command", ["jobs list", "jobs"])
def test_many_jobs_are_listed_as_the_api_tells_them(furnished, store, capsys, command):
    from schemas.limner.job import job_body

    main([*command.split(), "--client", "ann", "--json"])

    shown = job_body(store.jobs.get(furnished.id)) | {"client": "ann"}
    assert json.loads(capsys.readouterr().out) == {"data": [shown]}


def test_what_came_of_moving_a_job_to_the_front(furnished, store, capsys):
    waiting = an_accepted_job(store)

    for job, answer, code in ((waiting.id, "moved", 0), (furnished.id, "running", 1)):
        assert main(["jobs", "front", job, "--json"]) == code
        assert json.loads(capsys.readouterr().out) == {"job": job, "answer": answer}


def test_without_yes_the_count_is_told_and_nothing_done(furnished, store, capsys):
    for command, done in (("jobs cancel", "cancelled"), ("callbacks resend", "callbacks")):
        assert main([*command.split(), "--client", "ann", "--json"]) == 1
        body = json.loads(capsys.readouterr().out)
        assert (body["found"], body[done]) == (1, 0)
    assert not store.jobs.get(furnished.id).status.ended


def test_what_operators_set_and_halt_is_in_the_answers(furnished, store, capsys):
    main(["engines", "set", "stage", "--fast-slots", "1", "--json"])
    assert json.loads(capsys.readouterr().out) == {"engine": "stage", "changed": ["fastSlots"]}
    main(["pause", "engine", "stage", "--json"])
    main(["pause", "client", "ann"])
    capsys.readouterr()

    main(["engines", "--json"])
    (engine,) = json.loads(capsys.readouterr().out)["data"]
    assert (engine["halt"], engine["setByOperators"]) == ("paused", ["fastSlots"])
    assert engine["fast"]["slots"] == 1
    main(["clients", "show", "ann", "--json"])
    assert json.loads(capsys.readouterr().out)["paused"] is True
    main(["audit", "--limit", "3", "--json"])
    *_, first = json.loads(capsys.readouterr().out)["data"]
    change = {"field": "fast_slots", "before": None, "after": "1"}
    assert (first["what"], first["changes"]) == ("engine stage", [change])
    main(["top", "--json"])
    body = json.loads(capsys.readouterr().out)
    assert (body["engines"][0]["halt"], body["clients"][0]["paused"]) == ("paused", True)
