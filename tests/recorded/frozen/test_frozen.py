"""What a release left in Redis is read and gone on with by the code of today, and only added to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from limner.request import Lane
from limner.store.operators import Role
from tests.acceptance.house import assert_told_in_order
from tests.acceptance.upgrade import RELEASE
from tests.builders import MESSAGES
from tests.conftest import a_while_later
from tests.recorded.asking import DRAW, PIXEL, PLAIN
from tests.recorded.frozen.scene import overheard
from tests.recorded.frozen.thawed import FILES, Thawed
from tests.recorded.house import TOKENS
from tests.recorded.recording import differences, without_new_keys
from workers.vetting import vet

#: release, and the beginning of "path: place" → why something else has to be said there than by that release
DIFFERS: dict[tuple[str, str], str] = {}
ANN = {"token": TOKENS["ann"]}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def thawed(request, redis_url, tmp_path) -> Iterator[Thawed]:
    """A store as a release left it, brought to the schema of today."""
    thawed = Thawed(request.param, redis_url, tmp_path)
    thawed.store.schema.settle()
    yield thawed
    thawed.close()


def test_the_last_release_left_a_store():
    assert RELEASE in {path.stem for path in FILES}
    assert all(path.stat().st_size < 200_000 for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_migration_only_adds(path, redis_url, tmp_path):
    thawed = Thawed(path, redis_url, tmp_path)
    before = thawed.kept()
    assert before == {key: [kind, value] for key, kind, value, _ in thawed.file["keys"]}

    thawed.store.schema.settle()

    after = thawed.kept()
    thawed.close()
    assert {key: after[key] for key in before} == before
    assert after["limner:schema"][1]["version"] == str(thawed.store.schema.ours)


def test_everything_that_is_asked_is_answered_as_the_release_did(thawed):
    found = {}
    for look in thawed.file["looks"]:
        status, now = thawed.ask(look["method"], look["path"], look["headers"])
        assert status == 200, (look["path"], now)
        for place, what in differences(without_new_keys(now, look["told"]), look["told"]):
            found[f"{look['path']}: {place}"] = what

    of_this = tuple(place for release, place in DIFFERS if release == thawed.file["release"])
    assert {place: what for place, what in found.items() if not place.startswith(of_this)} == {}
    assert [place for place in of_this if not any(one.startswith(place) for one in found)] == []


def test_tokens_of_clients_and_operators_open_what_they_opened(thawed):
    tokens = thawed.noted["operators"]
    assert thawed.store.operators.by_token(tokens["eve"]).role is Role.STEER
    assert thawed.store.operators.by_token(tokens["dan"]).role is Role.VIEW
    assert [one.name for one in thawed.store.operators.all()] == ["dan", "eve"]
    for name, token in TOKENS.items():
        assert thawed.store.clients.admit(token, "192.0.2.1").client.name == name
    assert thawed.ask("POST", "/ops/lane/relaxed/resume", {"token": tokens["dan"]})[0] == 403
    assert thawed.ask("POST", "/ops/lane/relaxed/resume", {"token": tokens["eve"]})[0] == 200


def test_a_key_of_the_release_s_time_finds_its_job(thawed):
    asked = PLAIN | {"imageList": [PIXEL], "callBackUrl": "https://hooks.example/waiting"}
    status, job = thawed.ask("POST", f"{DRAW}/imagine", ANN | {"Idempotency-Key": "order-2"}, asked)

    assert (status, job["id"]) == (202, thawed.jobs["waiting"])


def test_messages_that_wait_are_ours_and_as_many_as_before(thawed):
    frozen = {key: value for key, _kind, value, _ttl_ms in thawed.file["keys"]}
    for lane in Lane:
        messages = thawed.store.redis.lrange(lane.value, 0, -1)
        assert messages, lane
        assert messages == frozen[lane.value]
        for text in messages:
            vet(text.encode(), lane.value)
            assert json.loads(text)["headers"]["id"] in thawed.jobs.values()


def test_what_waited_is_drawn_and_what_ran_is_taken_over_and_all_is_told_in_order(thawed):
    thawed.hang_pictures()
    # The worker that had it is gone with the release.
    a_while_later(thawed.store, thawed.clock, 60, MESSAGES)
    assert thawed.store.jobs.get(thawed.jobs["running"]).status == "waiting"
    names = ("running", "waiting behind it", "waiting follow-up", "of Replicate")
    shop = thawed.workshop()
    try:
        for name in names:
            assert shop.run(SimpleNamespace(id=thawed.jobs[name])).status == "done", name
    finally:
        shop.close()

    told = [body for body in thawed.post() if "id" in body]
    mine = {name: [body for body in told if body["id"] == thawed.jobs[name]] for name in names[:3]}
    assert [body["status"] for body in mine["running"]] == [-2, -1, 0, 1], "its first -1 was told"
    for name in names[1:3]:
        assert_told_in_order(mine[name])
        assert mine[name][-1]["status"] == 1
    for name in ("waiting in a paused lane", "waiting of a paused client"):
        assert thawed.store.jobs.get(thawed.jobs[name]).status == "waiting"


def test_callbacks_go_on_where_the_release_stopped(thawed):
    dead, retried = thawed.jobs["dead letter"], thawed.jobs["to be retried"]
    assert retried not in {body["id"] for body in thawed.post() if "id" in body}
    (letter,) = thawed.store.outbox.dead()
    assert (letter.event.job, letter.why) == (dead, "exhausted")

    assert thawed.store.outbox.resend(dead)
    thawed.clock.pass_s(700)

    told = thawed.post()
    said = [(body["id"], body["status"]) for body in told]
    assert [status for job, status in said if job == retried] == [-1, 2]
    assert [status for job, status in said if job == dead] == [-1]
    assert thawed.store.outbox.dead() == []


def test_the_spool_s_account_is_right_and_its_files_go_when_they_are_old(thawed):
    before = thawed.store.spool.of("ann")
    assert before.live_bytes > 0
    assert before.spent_bytes > 0
    assert thawed.store.spool.mend("ann") == 0
    assert thawed.store.spool.of("ann") == before

    thawed.clock.pass_s(40 * 86_400)
    assert thawed.store.spool.to_drop(86_400, 100)
    assert thawed.store.spool.of("ann").spent_bytes == 0


def test_a_window_that_was_open_is_submitted(thawed):
    thawed.hang_pictures()
    draft = thawed.noted["draft"]
    assert thawed.store.drafts.find("ann", [draft]).keys() == {draft}

    asked = {"taskId": draft, "prompt": "a fox --zoom 1.5"}
    secret = {"mj-api-secret": TOKENS["ann"]}
    status, answer = thawed.ask("POST", "/mj/submit/modal", secret, asked)

    assert (status, answer["result"]) == (200, draft)
    assert answer["code"] in (1, 22), "submitted, or queued"
    assert thawed.store.jobs.get(draft).draw_type == "zoom"


def test_uploads_and_choices_are_there(thawed):
    (upload,) = thawed.store.uploads.newest("ann", 10)
    assert upload.id == thawed.noted["upload"]
    assert thawed.store.chosen.model("sdapi", "ann") == "flux"
    (stranger,) = thawed.store.aside.list(10)
    assert stranger.text.startswith("garbage")


def test_changes_are_published_where_a_neighbour_listens(thawed):
    with overheard(thawed.store) as channels:
        thawed.ask("DELETE", f"{DRAW}/jobs/{thawed.jobs['waiting']}", ANN)

    assert sorted(channels) == thawed.file["channels"]
