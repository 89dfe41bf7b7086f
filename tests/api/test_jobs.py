"""Look-ups, counts and the list of jobs."""

from __future__ import annotations

import pytest

from limner.job import Picture
from limner.store.lanes import Result
from tests.api.asking import DASHED_TAG, TAG, refused
from tests.builders import MESSAGES, a_worker, an_engine

LIST = "/draw/midjourney/jobs"
GRID = Picture("https://draw.example/images/grid.png", 1024, 1024)
CELLS = [Picture(f"https://draw.example/images/{cell}.png", 512, 512) for cell in range(4)]


@pytest.fixture
def worker(store):
    return a_worker(store, an_engine("stage", fast=9))


def submitted(store, worker, job) -> str:
    """Bring a job to an engine; return its lease's token."""
    assert store.lanes.take(job["id"], "lease", worker, MESSAGES).state == "granted"
    return "lease"


def shown(caller, job) -> dict:
    response = caller("GET", f"{LIST}/{job['id']}")
    assert response.status_code == 200
    return response.json


def ids(response) -> list[str]:
    assert response.status_code == 200, response.text
    return [job["id"] for job in response.json["data"]]


def test_a_job_is_shown_by_its_id_as_it_was_answered(caller):
    job = caller.drawn(ar="16:9", extra="kept", imageList=["https://pictures.example/a.png"])

    assert shown(caller, job) == job


def test_a_job_is_told_by_its_codes_from_waiting_to_done(caller, store, worker, clock):
    job = caller.drawn()
    seen = [shown(caller, job)]

    clock.pass_s(1.5)
    token = submitted(store, worker, job)
    seen.append(shown(caller, job))
    store.lanes.progress(job["id"], token, 40, Picture("https://draw.example/p.png", 256, 128))
    seen.append(shown(caller, job))
    clock.pass_s(10)
    store.lanes.done(job["id"], token, Result(GRID, CELLS, {"approximated": ["chaos"]}))
    seen.append(shown(caller, job))

    assert [one["status"] for one in seen] == [-2, -1, 0, 1]
    assert [one["progress"] for one in seen] == [0, 0, 40, 100]
    assert [one["position"] for one in seen] == [1, None, None, None]
    assert [one["engine"] for one in seen] == [None, "stage", "stage", "stage"]
    assert [one["seq"] for one in seen] == sorted({one["seq"] for one in seen})
    assert (seen[2]["url"], seen[2]["width"], seen[2]["height"]) == (
        "https://draw.example/p.png",
        256,
        128,
    )
    done = seen[3]
    assert (done["url"], done["width"], done["height"]) == (GRID.url, 1024, 1024)
    assert [cell["url"] for cell in done["images"]] == [cell.url for cell in CELLS]
    assert set(done["images"][0]) == {"url", "width", "height"}
    assert done["notes"] == {"approximated": ["chaos"]}
    assert done["finishedAt"] == "2027-01-15T08:00:11.500Z"
    assert done["startedAt"].endswith("Z")


def test_a_failed_job_says_why(caller, store, worker):
    job = caller.drawn()
    store.lanes.failed(job["id"], submitted(store, worker, job), "Too odd to draw.", "moderated")

    seen = shown(caller, job)

    assert (seen["status"], seen["reason"], seen["reasonCode"]) == (
        2,
        "Too odd to draw.",
        "moderated",
    )


@pytest.mark.parametrize(
    "job_id", ["0" * 32, "x", "0" * 31, "a:b", "A" * 32, "0" * 32 + ":x", "%00", "é" * 32]
)
def test_a_job_that_is_none_is_404(caller, job_id):
    refused(caller("GET", f"{LIST}/{job_id}"), 404)


@pytest.mark.parametrize("sent", [TAG, DASHED_TAG, TAG.upper()])
@pytest.mark.parametrize("asked", [TAG, DASHED_TAG, DASHED_TAG.upper()])
def test_a_tag_finds_its_job_in_either_form(caller, sent, asked):
    job = caller.drawn(tag=sent)

    assert caller("GET", f"/draw/midjourney/find/by/{asked}").json == job


def test_a_tag_finds_the_newest_of_its_jobs(caller, clock):
    for _ in range(3):
        clock.pass_s(1)
        newest = caller.drawn()
    clock.pass_s(1)
    caller.drawn(tag="f" * 32)

    assert caller("GET", f"/draw/midjourney/find/by/{TAG}").json == newest


@pytest.mark.parametrize("tag", ["0" * 32, "x", "é", "a:b"])
def test_a_tag_without_a_job_is_404(caller, tag):
    refused(caller("GET", f"/draw/midjourney/find/by/{tag}"), 404)


def test_waiting_and_pending_count_this_clients_jobs(caller, other, store, worker):
    jobs = [caller.drawn(fast=fast) for fast in (True, False, True)]
    other.drawn()
    token = submitted(store, worker, jobs[0])

    def counts():
        return [
            caller("POST", f"/draw/midjourney/{n}").json["data"] for n in ("waiting", "pending")
        ]

    assert counts() == [2, 1]
    store.lanes.progress(jobs[0]["id"], token, 10, None)
    assert counts() == [2, 1]
    store.lanes.done(jobs[0]["id"], token, Result(GRID, CELLS, {}))
    assert counts() == [2, 0]


@pytest.fixture
def five(caller, clock):
    """Five jobs, oldest first; the second and the fourth with a tag of their own."""
    jobs = []
    for place in range(5):
        clock.pass_s(1)
        jobs.append(caller.drawn(tag="b" * 32 if place % 2 else TAG))
    return jobs


def test_the_list_shows_the_newest_first(caller, five):
    assert ids(caller("GET", LIST)) == [job["id"] for job in reversed(five)]
    assert caller("GET", LIST).json["data"] == list(reversed(five))


def test_pages_follow_each_other_without_gap_or_repetition(caller, five):
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        response = caller("GET", LIST, query_string=query)
        found += ids(response)
        cursor, pages = response.json["cursor"], pages + 1

    assert found == [job["id"] for job in reversed(five)]
    assert pages == 3


def test_a_job_made_meanwhile_does_not_move_the_next_page(caller, five, clock):
    first = caller("GET", LIST, query_string={"limit": 2}).json
    clock.pass_s(1)
    caller.drawn()

    second = caller("GET", LIST, query_string={"limit": 2, "cursor": first["cursor"]})

    assert ids(second) == [five[2]["id"], five[1]["id"]]


def test_the_list_can_be_of_one_tag(caller, five):
    response = caller("GET", LIST, query_string={"tag": "b" * 32})

    assert ids(response) == [five[3]["id"], five[1]["id"]]


def test_the_list_can_be_of_one_status(caller, five, store, worker):
    submitted(store, worker, five[1])

    def with_status(code):
        return ids(caller("GET", LIST, query_string={"status": code}))

    assert with_status(-1) == [five[1]["id"]]
    assert with_status(-2) == [five[place]["id"] for place in (4, 3, 2, 0)]
    assert with_status(0) == with_status(1) == with_status(2) == []


def test_the_list_can_be_of_one_tag_and_status(caller, five, store, worker):
    submitted(store, worker, five[1])

    query = {"tag": "b" * 32, "status": -2}

    assert ids(caller("GET", LIST, query_string=query)) == [five[3]["id"]]


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("mill", (2, 1)),
        ("MILL  river", (2,)),
        ("river mill", (2,)),
        ("windmill", (1,)),
        ("wassermühle", (2,)),
        ("STRASSE", (0,)),
        ("mill night", ()),
        (" ", (2, 1, 0)),
    ],
)
def test_the_list_can_be_of_words_of_the_prompt(caller, clock, words, places):
    jobs = []
    for prompt, original in (
        ("a straße at night", None),
        ("a windmill", None),
        ("a mill at a river", "eine Wassermühle"),
    ):
        clock.pass_s(1)
        jobs.append(caller.drawn(promptEn=prompt, prompt=original))

    found = ids(caller("GET", LIST, query_string={"words": words}))

    assert found == [jobs[place]["id"] for place in places]


def test_a_page_of_words_looks_through_so_many_jobs_and_says_that_there_may_be_more(
    caller, clock, monkeypatch
):
    monkeypatch.setattr("limner.store.jobs.PAGE_SCAN", 2)
    oldest = caller.drawn(promptEn="a mill")
    for _ in range(4):
        clock.pass_s(1)
        caller.drawn()

    pages, cursor = [], ""
    for _ in range(3):
        answer = caller("GET", LIST, query_string={"words": "mill", "cursor": cursor})
        pages.append(ids(answer))
        cursor = answer.json["cursor"]

    assert pages == [[], [], [oldest["id"]]]
    assert cursor is None


def test_a_page_has_twenty_jobs_unless_asked_otherwise(caller, clock):
    for _ in range(21):
        clock.pass_s(1)
        caller.drawn()

    assert len(ids(caller("GET", LIST))) == 20
    assert len(ids(caller("GET", LIST, query_string={"limit": 100}))) == 21


def test_an_empty_parameter_says_nothing(caller, five):
    assert len(ids(caller("GET", LIST + "?tag=&status=&cursor=&limit="))) == 5


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        ("limit=1e999", "limit"),
        ("status=3", "status"),
        ("status=-3", "status"),
        ("status=done", "status"),
        ("status=0.5", "status"),
        ("tag=x", "tag"),
        ("words=" + "x" * 201, "words"),
        ("words=%00", "words"),
        ("cursor=x", "cursor"),
        ("cursor=²-" + "0" * 32, "cursor"),
        ("cursor=1-x", "cursor"),
        ("cursor=%00", "cursor"),
        ("page=2", "page"),
        ("tags=1", "tags"),
    ],
)
def test_a_wrong_or_unknown_parameter_is_refused_by_name(caller, query, field):
    assert list(refused(caller("GET", f"{LIST}?{query}"), 422)) == [field]
