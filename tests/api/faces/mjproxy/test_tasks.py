"""Tasks: what is shown of a job at each of its states, and the lists."""

from __future__ import annotations

import pytest

from limner.store import jobs
from tests.api.asking import a_body
from tests.api.drawing import done, failed, kept, submitted
from tests.api.faces.mjproxy.speaking import PICTURE, drawn


def listed(speaker, path, **body):
    return [task["id"] for task in speaker.asked("POST", f"/mj/task/{path}", body)]


def test_a_waiting_task_has_what_clients_read_and_nothing_else(speaker):
    task = speaker.task(speaker.imagine(prompt="a fox --fast", state="a:b"))

    assert (task["status"], task["progress"], task["action"]) == ("NOT_START", "0%", "IMAGINE")
    assert (task["prompt"], task["promptEn"]) == ("a fox --fast", "a fox")
    assert (task["description"], task["state"]) == ("/imagine a fox --fast", "a:b")
    assert type(task["submitTime"]) is int
    assert task["startTime"] is task["finishTime"] is task["failReason"] is None
    assert task["imageUrl"] is task["imageUrls"] is task["buttons"] is None
    assert task["properties"]["finalPrompt"] == "a fox"
    assert task["properties"]["numberOfQueues"] == 0
    assert (task["botType"], task["mode"]) == ("MID_JOURNEY", "FAST")


def test_a_task_goes_through_the_states_that_clients_know(app, speaker, store):
    task_id = speaker.imagine()
    token = submitted(store, {"id": task_id})
    assert (speaker.task(task_id)["status"], speaker.task(task_id)["progress"]) == (
        "SUBMITTED",
        "0%",
    )

    store.lanes.progress(task_id, token, 40, kept(app, 9))
    task = speaker.task(task_id)
    assert (task["status"], task["progress"]) == ("IN_PROGRESS", "40%")
    assert task["imageUrl"].startswith("https://draw.example/")
    assert task["imageUrls"] is None
    assert type(task["startTime"]) is int

    store.lanes.progress(task_id, token, 100, kept(app, 10))
    assert speaker.task(task_id)["progress"] == "99%"


def test_a_task_that_is_done_shows_its_grid_and_its_four_pictures(app, speaker, store):
    task = speaker.task(drawn(app, store, speaker.imagine()))

    assert (task["status"], task["progress"], task["failReason"]) == ("SUCCESS", "100%", None)
    assert len(task["imageUrls"]) == 4
    assert task["imageUrls"][0]["thumbnail"].endswith("?x-oss-process=style/scale512")
    assert type(task["finishTime"]) is int
    assert task["seed"] == "11"


def test_pictures_are_listed_when_there_are_four_of_them(app, speaker, store):
    assert speaker.task(drawn(app, store, speaker.imagine(), count=1))["imageUrls"] is None


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_task_that_failed_or_was_cancelled_ends_with_a_reason(speaker, store, cancelled):
    task_id = speaker.imagine()
    if cancelled:
        assert speaker.asked("POST", f"/mj/task/{task_id}/cancel")["result"] == task_id
        assert speaker.asked("POST", f"/mj/task/{task_id}/cancel")["code"] == 1
    else:
        failed(store, {"id": task_id})
    task = speaker.task(task_id)

    assert (task["status"], task["progress"]) == ("FAILURE", "100%")
    assert task["failReason"]


def test_a_task_that_is_done_cannot_be_cancelled(app, speaker, store):
    task_id = drawn(app, store, speaker.imagine())

    assert speaker.asked("POST", f"/mj/task/{task_id}/cancel")["code"] == 4


def test_a_described_picture_has_four_prompts_one_a_line(app, speaker, store, able):
    task_id = speaker.submit("describe", base64=PICTURE)["result"]
    token = submitted(store, {"id": task_id})
    from limner.store.lanes import Result

    store.lanes.done(task_id, token, Result(kept(app, 1), [], prompts=("a", "b", "c", "d")))
    task = speaker.task(task_id)

    assert task["action"] == "DESCRIBE"
    assert task["properties"]["finalPrompt"].split("\n\n") == ["1️⃣ a", "2️⃣ b", "3️⃣ c", "4️⃣ d"]
    assert task["imageUrl"]


def test_lists_leave_out_what_is_not_there_or_anothers(speaker, stranger):
    first, second, other = speaker.imagine(), speaker.imagine(), stranger.imagine()

    ids = [second, "1320098173412546", other, first, "f" * 32, 7, None, "", second]
    assert listed(speaker, "list-by-condition", ids=ids) == [second, first]
    assert listed(speaker, "list-by-ids", ids=[first]) == [first]
    assert listed(speaker, "list-by-condition", ids=[]) == []
    assert listed(speaker, "list-by-condition") == []
    assert listed(speaker, "list-by-condition", ids=None) == []


def test_too_many_ids_are_refused(speaker):
    answer = speaker.asked("POST", "/mj/task/list-by-condition", {"ids": ["a"] * 1001})

    assert "ids" in answer["description"]


def test_the_list_has_all_and_the_queue_what_has_not_ended(app, speaker, stranger, store):
    ended, waiting = drawn(app, store, speaker.imagine()), speaker.imagine()
    stranger.imagine()

    assert [task["id"] for task in speaker.asked("GET", "/mj/task/list")] == [waiting, ended]
    assert [task["id"] for task in speaker.asked("GET", "/mj/task/queue")] == [waiting]


def test_the_queue_is_looked_for_among_so_many_tasks_however_many_wait(speaker, store, monkeypatch):
    tasks = [speaker.imagine() for _ in range(5)]
    monkeypatch.setattr(jobs, "PAGE_SCAN", 3)
    monkeypatch.setattr("api.faces.mjproxy.tasks.LISTED_MOST", 1)
    store.lanes.cancel(tasks[-1])
    assert [task["id"] for task in speaker.asked("GET", "/mj/task/queue")] == [tasks[-2]]

    for task_id in tasks[1:]:
        store.lanes.cancel(task_id)
    assert speaker.asked("GET", "/mj/task/queue") == []


def test_a_seed_is_told_as_text_once_it_is_known(app, speaker, store):
    task_id = speaker.imagine()
    assert speaker.asked("GET", f"/mj/task/{task_id}/image-seed")["code"] == 4

    drawn(app, store, task_id)
    assert speaker.asked("GET", f"/mj/task/{task_id}/image-seed")["result"] == "11"


@pytest.mark.parametrize("task_id", ["f" * 32, "1320098173412546", "..", "%00"])
def test_a_task_that_is_not_there_is_refused_in_json(speaker, task_id):
    answer = speaker.asked("GET", f"/mj/task/{task_id}/fetch")

    assert (answer["code"], answer["description"], answer["result"]) == (4, "task_no_found", None)


def test_an_id_that_is_half_a_character_is_no_tasks(speaker):
    task_id = speaker.imagine()

    found = speaker.asked("POST", "/mj/task/list-by-ids", {"ids": ["\ud800", task_id]})

    assert [task["id"] for task in found] == [task_id]


def test_a_job_of_the_gateways_own_protocol_is_a_task_and_the_other_way_round(
    app, store, caller, speaker
):
    speaker.token = caller.token
    job = caller.drawn(promptEn="a fox", prompt="狐狸", extra="mine")
    task = speaker.task(job["id"])
    assert (task["prompt"], task["promptEn"], task["state"]) == ("狐狸", "a fox", "mine")

    done(app, store, job)
    assert speaker.task(job["id"])["status"] == "SUCCESS"
    picked = speaker.submit("simple-change", content=f"{job['id']} U1")["result"]
    shown = caller("GET", f"/draw/midjourney/jobs/{picked}").json
    assert (shown["drawType"], shown["status"]) == ("u1", 1)
    again = {"buttonType": "r", "messageId": picked, "tag": a_body()["tag"], "fast": True}
    assert caller("POST", "/draw/midjourney/button", json=again).status_code == 409
