"""The commands by which operators look into a gateway and mend it."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.access.door import Doorkeeper
from limner.__main__ import main
from limner.client import Budgets
from limner.errors import ImagesDown, TokenRejected
from limner.job import Picture
from limner.pictures.image_store import Images
from limner.reasons import Reason
from limner.request import Lane
from limner.settings import Settings
from limner.store import Charge, Store
from limner.store.aside import Why
from limner.store.image_stores import StoreUse
from limner.store.lanes import Result, Trouble
from limner.store.outbox import AttemptReport, Poster
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine
from tests.conftest import wait_until
from tests.contract.lanes_view import everything

pytestmark = pytest.mark.usefixtures("bare_environment")

POSTER = Poster.of("poster", threads=8, kept_ms=1000_000)
PICTURE = Picture("http://limner/images/a.png", 8, 8)


@pytest.fixture
def bare_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store(redis_url, monkeypatch):
    """The store that the commands open: on the server's own clock."""
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    store = Store(redis_url)
    store.redis.flushall()
    yield store
    store.close()


@pytest.fixture
def says(capsys):
    """Run a command that must succeed and return what it prints."""

    def run(*arguments: str) -> str:
        assert main(arguments) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.fixture
def complains(capsys):
    """Run a command that must not succeed and return the one line it says."""

    def run(*arguments: str) -> str:
        assert main(arguments) != 0
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    return run


@pytest.fixture
def becomes(monkeypatch):
    """What a command would become, instead of becoming it."""
    seen: list[list[str]] = []
    monkeypatch.setattr("cli.processes.os.execvpe", lambda file, args, env: seen.append(args))
    monkeypatch.setattr("cli.processes.os.chdir", lambda folder: None)

    def run(*arguments: str) -> list[str]:
        assert main(arguments) == 0
        command = seen.pop()
        assert command[1:3] == ["-m", "limner.child"]
        return command[3:]

    return run


def server_ms(store) -> int:
    seconds, micros = store.redis.time()
    return seconds * 1000 + micros // 1000


# -- clients --------------------------------------------------------------------------------------


def test_a_client_is_changed_in_what_is_named_and_nothing_else(store, says):
    store.clients.add("shop", callback_url="https://shop.example/hook", waiting_cap=7)

    said = says("clients", "set", "shop", "--rate", "2.5", "--lanes", "relaxed")

    assert "lanes, rate_per_s changed" in said
    client = store.clients.get("shop")
    assert (client.rate_per_s, client.lanes) == (2.5, {Lane.RELAXED})
    assert (client.waiting_cap, client.callback_url) == (7, "https://shop.example/hook")


def test_limits_are_taken_away_by_the_word_none(store, says):
    store.clients.add("shop", callback_url="https://shop.example", waiting_cap=7, rate_per_s=1.0)

    limits = ("--rate", "--waiting-cap", "--callback-url")
    says("clients", "set", "shop", *(word for limit in limits for word in (limit, "none")))

    client = store.clients.get("shop")
    assert (client.rate_per_s, client.waiting_cap, client.callback_url) == (None, None, None)


def test_a_clients_room_for_inline_pictures_is_set_and_shown(store, says, monkeypatch):
    store.clients.add("shop")
    monkeypatch.setenv("LIMNER_INLINE_QUOTA_MB", "77")
    charge = Charge(("a",), 3 * 2**20, 10**9)
    job = an_accepted_job(store, client="shop", charge=charge)
    assert "3.0 of 77 MB, 0.0 MB of that for ended jobs" in says("clients", "show", "shop")

    says("clients", "set", "shop", "--inline-quota", "5")
    store.lanes.cancel(job.id)

    assert "3.0 of 5 MB, 3.0 MB of that for ended jobs" in says("clients", "show", "shop")
    says("clients", "set", "shop", "--inline-quota", "none")
    assert store.clients.get("shop").inline_quota_mb is None
    says("clients", "set", "shop", "--inline-quota", "0")
    assert store.clients.get("shop").inline_quota_mb == 0


def test_a_clients_share_caps_and_budgets_are_set_shown_and_taken_away(store, says):
    says("clients", "add", "shop", "--share", "2.5", "--per-day", "100")
    says("clients", "set", "shop", "--in-flight", "3", "--per-month", "900")
    client = store.clients.get("shop")
    assert (client.share, client.in_flight, client.budgets) == (2.5, 3, Budgets(100, 900))

    shown = says("clients", "show", "shop")
    assert "share            2.5" in shown
    assert "in flight        3" in shown
    assert "budget a day     0 of 100 drawings used" in shown
    assert "budget a month   0 of 900 drawings used" in shown

    limits = ("--share", "--in-flight", "--per-day", "--per-month")
    says("clients", "set", "shop", *(word for limit in limits for word in (limit, "none")))
    client = store.clients.get("shop")
    assert (client.share, client.in_flight, client.budgets) == (1.0, None, Budgets())


def test_what_a_clients_drawings_cost_and_may_cost_is_set_and_shown(store, says, monkeypatch):
    monkeypatch.setenv("LIMNER_CURRENCY", "EUR")
    says("clients", "add", "shop", "--cost-per-day", "2.5")
    says("clients", "set", "shop", "--cost-per-month", "0.10")
    assert store.clients.get("shop").budgets == Budgets(None, None, 2_500_000, 100_000)
    a_worker(store, replace(an_engine("flux"), price=40_000))
    job = an_accepted_job(store, client="shop")
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    store.lanes.failed(job.id, "token", "No.", Reason.MODERATED, cost=30_000)

    shown = says("clients", "show", "shop")
    assert "cost today       0.03 of 2.50 EUR" in shown
    assert "cost this month  0.03 of 0.10 EUR" in shown
    assert "cost ever        0.03 EUR (flux 0.03)" in shown
    assert "cost          0.03 EUR" in says("job", job.id)
    assert "flux: drawings that have cost 0.03 EUR" in says("engines")

    says("clients", "set", "shop", "--cost-per-day", "none", "--cost-per-month", "none")
    assert store.clients.get("shop").budgets == Budgets()
    assert "cost today       0.03 EUR" in says("clients", "show", "shop")


def test_a_paused_client_is_shown_as_such(store, says):
    store.clients.add("shop")
    says("pause", "client", "shop")
    assert "state            paused" in says("clients", "show", "shop")
    says("clients", "disable", "shop")
    assert "disabled, paused" in says("clients", "list")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["set", "shop"], "clients set"),
        (["set", "shop", "--rate", "0"], "--rate"),
        (["set", "shop", "--rate", "many"], "--rate"),
        (["set", "shop", "--waiting-cap", "1.5"], "--waiting-cap"),
        (["set", "shop", "--inline-quota", "-1"], "--inline-quota"),
        (["set", "shop", "--share", "0"], "--share"),
        (["set", "shop", "--share", "1001"], "--share"),
        (["set", "shop", "--in-flight", "0"], "--in-flight"),
        (["set", "shop", "--per-day", "0"], "--per-day"),
        (["set", "shop", "--per-month", "many"], "--per-month"),
        (["set", "shop", "--inline-quota", "much"], "--inline-quota"),
        (["set", "shop", "--callback-url", "shop.example"], "callback URL"),
        (["set", "nobody", "--rate", "1"], "'nobody'"),
        (["show", "nobody"], "'nobody'"),
        (["disable", "nobody"], "'nobody'"),
        (["rotate-token", "nobody"], "'nobody'"),
        (["rotate-secret", "nobody"], "'nobody'"),
    ],
)
def test_a_wrong_change_of_a_client_is_refused_by_name(store, complains, arguments, names):
    before = store.clients.add("shop").client

    assert names in complains("clients", *arguments)

    assert store.clients.get("shop") == before
    assert store.clients.names() == ["shop"]


def test_one_client_is_shown_without_token_secret_and_path(store, says):
    made = store.clients.add("shop", callback_url="https://shop.example/hook?key=hidden")
    an_accepted_job(store, client="shop")

    said = says("clients", "show", "shop")

    assert "shop.example" in said
    assert not any(word in said for word in (made.token, made.client.secrets[0], "hidden"))
    facts = dict(line.split(maxsplit=1) for line in said.splitlines() if len(line.split()) == 2)
    assert (facts["state"], facts["waiting"]) == ("enabled", "1")


def test_a_disabled_client_stays_disabled_until_it_is_enabled(store, says):
    store.clients.add("shop")

    assert "is disabled within a second" in says("clients", "disable", "shop")
    assert "disabled" in says("clients", "list")
    says("clients", "enable", "shop")

    assert "disabled" not in says("clients", "list")


@pytest.mark.parametrize("command", ["disable", "rotate-token"])
def test_a_token_that_is_taken_away_opens_nothing_within_a_second(store, says, command):
    now = [0.0]
    door = Doorkeeper(store.clients, lambda: now[0])
    token = store.clients.add("shop").token
    door.admit(token, "192.0.2.1")

    says("clients", command, "shop")
    now[0] += 1.0

    with pytest.raises(TokenRejected):
        door.admit(token, "192.0.2.1")


def test_a_new_token_is_printed_once_and_the_old_one_is_nobodys(store, says):
    made = store.clients.add("shop")
    other = store.clients.add("other")

    token = says("clients", "rotate-token", "shop").split()[1]

    assert store.clients.by_token(token).name == "shop"
    assert store.clients.by_token(made.token) is None
    assert store.clients.by_token(other.token).name == "other"


# -- engines --------------------------------------------------------------------------------------


def configure(engine: str = "stage") -> None:
    with open("limner.toml", "w") as file:
        file.write(
            f'[[engine]]\nname = "{engine}"\ndriver = "rehearsal"\nseconds = 0.1\n'
            "fast = { slots = 2 }\nrelaxed = { slots = 1, gap_s = 1.5 }\n"
        )


def test_engines_show_their_busy_slots_and_why_they_rest(store, says):
    configure()
    a_worker(store)
    first, second = an_accepted_job(store), an_accepted_job(store)
    for job in (first, second):
        store.lanes.take(job.id, job.id, WORKER, MESSAGES)
    down = Trouble(engine_state="down", engine_why="no answer", pause_s=50, pause_max_s=50)
    store.lanes.give_back(second.id, second.id, down, MESSAGES)

    line = says("engines").splitlines()[1]

    assert "1/2" in line
    assert "1.5 s" in line
    assert "down" in line
    assert "no answer; tried again in " in line


def test_an_engine_that_no_worker_has_is_told(store, says):
    configure()
    store.engines.register([an_engine()])

    assert "no running worker has it" in says("engines")


def test_an_engine_that_rests_is_tried_when_its_operator_says_so(store, says, complains):
    configure()
    a_worker(store)
    job = an_accepted_job(store)
    store.lanes.take(job.id, job.id, WORKER, MESSAGES)
    refused = Trouble(engine_state="refused", engine_why="credit", pause_s=600, pause_max_s=600)
    store.lanes.give_back(job.id, job.id, refused, MESSAGES)

    assert says("engines", "retry", "stage") == "stage will be tried with the next job.\n"

    assert "refused" in says("engines").splitlines()[1]
    assert "tried again in" not in says("engines")
    assert says("engines", "retry", "stage") == "stage is not paused.\n"
    assert "nobody: no running worker has registered" in complains("engines", "retry", "nobody")


def test_engines_are_listed_without_redis_too_but_their_states_are_missing(capsys, monkeypatch):
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://127.0.0.1:1/0")
    configure()

    assert main(["engines"]) == 1

    said = capsys.readouterr()
    assert "stage" in said.out
    assert "their states are unknown: Redis cannot be reached" in said.err


def test_a_check_of_an_engine_becomes_the_command_that_loads_drivers(becomes, tmp_path):
    configure()
    command = becomes("engines", "check", "stage", "--limit", "9", "--save", "out")

    assert command == ["engines.check", "stage", "--limit", "9", "--save", f"{tmp_path}/out"]


# -- one job --------------------------------------------------------------------------------------


def test_the_timeline_of_a_done_job_has_its_events_and_attempts_in_order(store, says):
    job = an_accepted_job(store)
    a_worker(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    (taken,) = store.outbox.take(POSTER, 1, "t")
    attempt = {"seq": 1, "attempt": 1, "status": 503, "ms": 7}
    store.outbox.done(
        POSTER, taken, AttemptReport("retry", delay_s=5, attempt=attempt), go_on=False
    )
    tried = server_ms(store)
    wait_until(lambda: server_ms(store) > tried, what="the next millisecond")
    store.lanes.done(job.id, "token", Result(PICTURE, [PICTURE] * 4, {}))

    said = says("job", job.id)

    timeline = said.partition("Timeline\n")[2].partition("\n\n")[0]
    words = [line.split()[3] for line in timeline.splitlines() if " +" in line]
    assert words == ["accepted", "submitted", "callback", "done"]
    assert "event 1, attempt 1: 503 in 7 ms, again at 20" in " ".join(timeline.split())
    assert "event 2 (done): waits" in said
    assert "The limit of concurrent callbacks is reached" in said
    assert "Why it waits" not in said


def test_callbacks_that_wait_say_for_what_and_until_when(store, says):
    jobs = [an_accepted_job(store) for _ in range(6)]
    for job in jobs:
        store.lanes.cancel(job.id)
    for _ in jobs[:5]:
        (taken,) = store.outbox.take(POSTER, 1, "t")
        report = AttemptReport("retry", delay_s=900, health="bad")
        store.outbox.done(POSTER, taken, report, go_on=False)
    assert not store.outbox.take(POSTER, 1, "t")

    (waiting,) = [job.id for job in jobs if store.outbox.told(job.id).parked]

    assert "the next one is made at 20" in " ".join(says("job", waiting).split())
    (tried, *_) = [job.id for job in jobs if job.id != waiting]
    assert "The next attempt is due at 20" in " ".join(says("job", tried).split())


def test_a_job_is_found_by_its_tag_whosever_it_is(store, says):
    store.clients.add("ann")
    store.clients.add("bob")
    job = an_accepted_job(store, client="ann", tag="0" * 32)

    assert job.id in says("job", "00000000-0000-0000-0000-000000000000")


def test_a_job_forgotten_by_the_story_still_shows_its_start_and_its_end(store, says):
    job = an_accepted_job(store)
    a_worker(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    store.lanes.failed(job.id, "token", "No.", "moderated")
    store.redis.delete(f"limner:story:{job.id}")

    timeline = says("job", job.id).partition("Timeline\n")[2]

    assert "first slot on stage" in timeline
    assert "moderated" in timeline


# -- why it waits ---------------------------------------------------------------------------------


@pytest.fixture
def why(store, says):
    def ask(job) -> str:
        return says("job", job.id).partition("Why it waits\n")[2]

    return ask


def test_a_lane_without_a_worker_is_why(store, why):
    job = an_accepted_job(store)

    assert "No worker of the lane fast is running: start one with `limner worker fast`." in why(job)


def test_jobs_ahead_and_a_full_engine_are_why(store, why):
    a_worker(store, an_engine(fast=1, relaxed=0))
    jobs = [an_accepted_job(store) for _ in range(3)]
    store.lanes.take(jobs[0].id, "token", WORKER, MESSAGES)

    said = why(jobs[2])

    assert "Ahead of it in the lane: 1 job." in said
    assert "Engine stage is full: 1 fast of 1 slot." in said

    store.lanes.keep_slot(jobs[0].id, "token")

    assert "Engine stage is full: 1 fast of 1 slot; to be stored yet: 1 drawing." in why(jobs[2])


def test_an_engine_that_rests_is_why_with_its_own_words(store, why):
    a_worker(store)
    job = an_accepted_job(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    refused = Trouble(
        engine_state="refused", engine_why="credentials: wrong key", pause_s=300, pause_max_s=300
    )
    store.lanes.give_back(job.id, "token", refused, MESSAGES)

    assert "is refused (credentials: wrong key) and is tried again in 5 min" in why(job)


def test_a_gap_is_why(store, why):
    a_worker(store, an_engine(fast=2, fast_gap_s=60))
    first, second = an_accepted_job(store), an_accepted_job(store)
    store.lanes.take(first.id, "token", WORKER, MESSAGES)

    assert "Engine stage keeps its gap: it may start another in" in why(second)


def test_an_engine_that_does_not_suit_the_job_is_why(store, why):
    a_worker(store, an_engine("ours", clients=("bob",)), an_engine("plain"), an_engine("quick"))
    store.engines.abilities("plain", ["tile"])
    store.engines.register([an_engine("quick", fast=0, relaxed=1)])

    said = why(an_accepted_job(store, tile=True))

    assert "Engine ours does not suit it: it draws for other clients." in said
    assert "Engine plain does not suit it: it cannot do tile." in said
    assert "Engine quick has no slots for the lane fast." in said


def test_what_a_job_asks_for_is_why(store, why):
    a_worker(store, an_engine("one"), an_engine("other"))

    said = why(an_accepted_job(store, engine="one", version="7"))

    assert "Engine other does not suit it: the job is for another engine." in said
    assert "Engine one does not suit it: it has no model for the version." in said


def test_the_engine_that_failed_a_job_is_not_what_it_waits_for(store, why):
    a_worker(store, an_engine("broken", fast=1), an_engine("well", fast=1, weight=9.0))
    other, job = an_accepted_job(store), an_accepted_job(store)
    for one in (other, job):
        store.lanes.take(one.id, one.id, WORKER, MESSAGES)
    failed = Trouble("bad_results", 1, Reason.BAD_RESULT, engine_why="black", pause_s=10)
    store.lanes.give_back(job.id, job.id, failed, MESSAGES)

    said = why(job)

    assert "Engine broken has failed it, and another one is up." in said
    assert "Engine well is full: 1 fast of 1 slot." in said


def test_a_drawing_that_goes_on_and_was_paid_for_is_why(store, why):
    a_worker(store, an_engine("there"))
    job = an_accepted_job(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    store.lanes.keep_handle(job.id, "token", {"id": "x"}, attach=True, paid="fail")
    down = Trouble(engine_state="down", engine_why="away", pause_s=300, pause_max_s=300)
    store.lanes.give_back(job.id, "token", down, MESSAGES, keep=True)
    a_worker(store, an_engine("there"), an_engine("idle"))

    said = why(job)

    assert "Engine idle is not the one that continues its drawing." in said
    assert "Engine there is down (away) and is tried again in 5 min." in said


def test_to_ask_why_a_job_waits_changes_nothing(store, why, clock):
    a_worker(store, an_engine(fast=1))
    job, _other = an_accepted_job(store), an_accepted_job(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    failed = Trouble("bad_results", 1, Reason.BAD_RESULT, engine_why="black", pause_s=10)
    store.lanes.give_back(job.id, "token", failed, MESSAGES)
    before = everything(store)

    assert "Engine stage has failed it: others go first for a few seconds." in why(job)

    assert everything(store) == before


def test_a_lane_that_stands_still_is_why_its_jobs_wait(store, why):
    a_worker(store)
    job = an_accepted_job(store)
    store.redis.hset("limner:stalled", "fast", store.numbers.read().at_ms - 60_000)

    assert "The lane fast stands still: a slot is free" in why(job)


def test_waiting_fast_jobs_are_why_a_relaxed_one_waits(store, why):
    a_worker(store)
    an_accepted_job(store)

    assert "draws waiting fast jobs first" in why(an_accepted_job(store, lane=Lane.RELAXED))


def test_a_job_that_is_about_to_be_taken_says_so(store, why):
    a_worker(store)

    said = why(an_accepted_job(store))

    assert "Engine stage has room for it." in said
    assert "No worker holds it yet" in said


# -- callbacks ------------------------------------------------------------------------------------


@pytest.fixture
def dead(store):
    """A job whose first callback was given up."""
    job = an_accepted_job(store)
    a_worker(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    (taken,) = store.outbox.take(POSTER, 1, "t")
    store.outbox.done(POSTER, taken, AttemptReport("dead", why="exhausted"), go_on=False)
    return job


def test_dead_letters_are_listed_with_why(dead, says):
    first, second = says("callbacks", "dead").splitlines()

    assert first == f"{dead.id}  seq 1 submitted  exhausted"
    assert second.split()[:3] == ["ann", "at", "http://receiver:80:"]


def test_without_dead_letters_the_list_says_so(store, says):
    assert says("callbacks", "dead") == "There are no dead letters.\n"


def test_dead_letters_of_one_job_or_of_all_are_posted_again(dead, store, says):
    assert "1 callback will be resent." in says("callbacks", "resend", dead.id)
    (taken,) = store.outbox.take(POSTER, 1, "again")
    assert (taken.event.seq, taken.event.resent) == (1, True)
    store.outbox.done(POSTER, taken, AttemptReport("dead", why="exhausted"), go_on=False)

    assert "1 callback of 1 job will" in says("callbacks", "resend", "--all")


def test_a_resend_of_nothing_is_said(store, complains):
    assert "no such callback" in complains("callbacks", "resend", "0" * 32)
    assert "name one job, or --all" in complains("callbacks", "resend")


def test_a_try_becomes_the_command_that_can_post(store, becomes, complains):
    assert "no clients yet" in complains("callbacks", "try")
    store.clients.add("shop")
    assert becomes("callbacks", "try", "https://shop.example") == (
        ["workers.posting.trial", "--client", "shop", "https://shop.example"]
    )
    store.clients.add("other")
    assert "other, shop" in complains("callbacks", "try", "https://shop.example")


def test_a_switched_off_url_is_switched_on_after_a_test_event_or_without(store, becomes, says):
    store.clients.add("shop", callback_url="https://shop.example")
    store.redis.hset("limner:endpoint:shop", mapping={"since": 1, "fails": 9, "disabled": 2})

    assert "switched off since 1970" in says("clients", "show", "shop")
    assert becomes("callbacks", "enable", "shop") == (
        ["workers.posting.trial", "--client", "shop", "--enable"]
    )
    says("callbacks", "enable", "shop", "--untested")

    assert store.outbox.endpoint("shop").disabled_ms is None


# -- pictures -------------------------------------------------------------------------------------


def test_old_pictures_are_shown_first_and_dropped_then(says, monkeypatch, tmp_path):
    monkeypatch.setenv("LIMNER_IMAGE_STORE", "pictures")
    images = Images.of(Settings(image_store=str(tmp_path / "pictures")))
    now = datetime.now(UTC)
    old = images.put("drawings", b"old", "png", now - timedelta(days=40))
    new = images.put("drawings", b"new", "png", now)
    day = f"{now - timedelta(days=40):%Y-%m-%d}"

    assert f"drawings  {day}\n1 day of pictures would be deleted." in says(
        "images", "prune", "--dry-run"
    )
    assert images.has(old)
    assert "1 day of pictures deleted." in says("images", "prune")

    assert (images.has(old), images.has(new)) == (False, True)


def test_an_image_store_that_is_not_there_ends_in_one_line(complains, monkeypatch):
    monkeypatch.setenv("LIMNER_IMAGE_STORE", "teleport://bucket")
    assert "LIMNER_IMAGE_STORE" in complains("images", "prune")


def test_messages_lists_what_was_set_aside_and_forgets_it(store, says):
    assert says("messages") == "No messages were set aside.\n"
    store.aside.put("fast", Why.UNKNOWN_TASK, b'{"task": "\x1b[2Jshop"}')
    store.aside.put("relaxed", Why.NO_MESSAGE, b"garbage")

    shown = says("messages").splitlines()
    assert "relaxed  not a message as Celery writes it" in shown[0]
    assert shown[1] == "  7 bytes: 'garbage'"
    assert "fast  for a task that Limner does not have" in shown[2]
    assert "\x1b" not in shown[3]
    assert len(says("messages", "--limit", "1").splitlines()) == 2

    assert says("messages", "drop") == "2 messages deleted.\n"
    assert says("messages") == "No messages were set aside.\n"


# -- the image folder -----------------------------------------------------------------------------


@pytest.fixture
def used_folder(store, monkeypatch, tmp_path):
    """An image folder that the gateway has used."""
    root = tmp_path / "pictures"
    monkeypatch.setenv("LIMNER_IMAGE_STORE", str(root))
    images = Images.of(Settings.load(), store.folders)
    images.put("drawings", b"a picture", "png", datetime.now(UTC))
    return root


def test_doctor_sees_an_image_folder_that_is_gone_and_does_not_make_it(used_folder, says, capsys):
    assert f"ok  pictures: {used_folder}; " in says("doctor")
    used_folder.rename(used_folder.with_name("elsewhere"))

    assert main(["doctor"]) == 1

    assert "is it mounted?" in capsys.readouterr().out
    assert not used_folder.exists()


@pytest.mark.parametrize("used", [False, True])
def test_doctor_leaves_nothing_behind(store, says, monkeypatch, tmp_path, used):
    monkeypatch.setenv("LIMNER_IMAGE_STORE", str(tmp_path / "pictures"))
    if used:
        Images.of(Settings.load(), store.folders).put("drawings", b"one", "png", datetime.now(UTC))
    before, keys = sorted(tmp_path.rglob("*")), sorted(store.redis.keys())

    says("doctor")

    assert sorted(tmp_path.rglob("*")) == before
    assert sorted(store.redis.keys()) == keys


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_doctor_asked_by_root_sees_that_the_gateways_account_may_not_write(
    used_folder, says, capsys
):
    os.chown(used_folder.parent, 65534, 65534)

    assert main(["doctor"]) == 1

    assert f"{used_folder} belongs to root, what is around it does not" in capsys.readouterr().out
    os.chown(used_folder, 65534, 65534)
    assert "BAD" not in says("doctor")


def test_pictures_beyond_the_bound_of_size_are_shown_first_and_dropped_then_and_counted(
    says, store, monkeypatch, tmp_path
):
    monkeypatch.setenv("LIMNER_IMAGE_STORE", "pictures")
    monkeypatch.setenv("LIMNER_KEEP_MB", "1")
    images = Images.of(Settings(image_store=str(tmp_path / "pictures")))
    now = datetime.now(UTC)
    keys = [images.put("drawings", b"x" * 800_000, "png", now - timedelta(days=d)) for d in (2, 1)]
    for days, key in zip((2, 1), keys, strict=True):
        at_s = (now - timedelta(days=days)).timestamp()
        os.utime(tmp_path / "pictures" / key, (at_s, at_s))

    assert "0.8 MB beyond LIMNER_KEEP_MB would be deleted" in says("images", "prune", "--dry-run")
    assert images.has(keys[0])
    assert "pictures_deleted" not in store.redis.hgetall("limner:numbers")
    assert "0.8 MB beyond LIMNER_KEEP_MB deleted" in says("images", "prune")
    assert store.redis.hgetall("limner:numbers")["pictures_deleted"] == "800000"
    assert store.image_stores.sizes_bytes()["drawings"] == 800_000

    assert [images.has(key) for key in keys] == [False, True]


def test_an_emptied_image_folder_is_adopted(used_folder, says):
    used_folder.rename(used_folder.with_name("elsewhere"))

    assert str(used_folder) in says("images", "adopt")

    assert "BAD" not in says("doctor")


def test_doctor_sees_a_disk_below_the_floor(used_folder, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_DISK_FLOOR_MB", "100000000")

    assert main(["doctor"]) == 1

    assert "MB are free on its disk" in capsys.readouterr().out


def test_doctor_and_a_process_say_that_others_use_another_store(
    used_folder, store, monkeypatch, capsys, complains
):
    store.image_stores.tell("b-1", StoreUse("another", "b", "s3://bucket/limner"))
    monkeypatch.setattr("cli.processes.port_trouble", lambda host, port: None)

    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "the one in use at s3://bucket/limner on b" in said
    assert f"ok  pictures: {used_folder}; " in said
    for command in (["api"], ["worker", "fast"]):
        assert f"LIMNER_IMAGE_STORE: {used_folder} on " in complains(*command)


@pytest.mark.parametrize(
    ("fails", "why", "said"),
    [
        ("get", ImagesDown("Forbidden"), "Forbidden"),
        ("get", KeyError("spool"), "what is written there does not come back"),
        ("put_as", ImagesDown("no answer"), "no answer"),
    ],
)
def test_doctor_leaves_nothing_in_a_bucket_that_does_not_give_it_back(
    store, monkeypatch, capsys, fails, why, said
):
    monkeypatch.setenv("LIMNER_IMAGE_STORE", "memory://doctor")
    images = Images.of(Settings(image_store="memory://doctor"))
    does = getattr(Images, fails)

    def fail(self, *words):
        does(self, *words)
        raise why

    monkeypatch.setattr(Images, fails, fail)

    assert main(["doctor"]) == 1

    assert f"BAD pictures: memory://doctor: {said}\n" in capsys.readouterr().out
    assert images.fs.find(images.root) == []


def test_where_the_mount_is_missing_doctor_says_so_and_a_process_ends_to_be_started_again(
    used_folder, store, monkeypatch, capsys, complains
):
    identity = (used_folder / ".limner-store").read_text().strip()
    used_folder.rename(used_folder.with_name("on the server"))
    used_folder.mkdir()
    store.image_stores.tell("b-1", StoreUse(identity, "b", str(used_folder)))
    monkeypatch.setattr("cli.processes.port_trouble", lambda host, port: None)

    assert main(["doctor"]) == 1
    assert f"{used_folder} on {socket.gethostname()} is empty" in capsys.readouterr().out
    for command in (["api"], ["worker", "fast"]):
        # 2 would be for good: systemd leaves such a unit alone.
        assert main(command) == 1
        assert "is empty, or not mounted yet" in capsys.readouterr().err


def test_a_store_that_is_moved_is_adopted_and_doctor_is_content(used_folder, store, says, capsys):
    store.image_stores.adopt("another")
    assert main(["doctor"]) == 1
    assert "is not the one that this gateway had before" in capsys.readouterr().out

    says("images", "adopt")

    assert "BAD" not in says("doctor")


def test_the_memory_of_one_process_is_not_adopted(store, complains, monkeypatch):
    monkeypatch.setenv("LIMNER_IMAGE_STORE", "memory://bucket")

    assert "images adopt" in complains("images", "adopt")
