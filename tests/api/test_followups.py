"""Buttons on a job that is done, and refresh of one that failed."""

from __future__ import annotations

import pytest

from tests.api.asking import TAG, a_caller, refused
from tests.api.drawing import a_picture, bytes_at, done, failed, images_of, inline
from tests.builders import messages_in

BUTTON = "/draw/midjourney/button"
REFRESH = "/draw/midjourney/refresh"
NEW_TAG = "f" * 32


@pytest.fixture
def parent(app, caller, store):
    job = caller.drawn(promptEn="a fox --seed 5", ar="3:2", chaos=10, extra="first")
    return done(app, store, job)


def ask(caller, parent, button, headers=None, **changes):
    body = {"buttonType": button, "messageId": parent["id"], "tag": NEW_TAG, "fast": True} | changes
    return caller("POST", BUTTON, json=body, headers=headers or {})


def followed(caller, parent, button, **changes):
    response = ask(caller, parent, button, **changes)
    assert response.status_code == 200, response.text
    assert (response.json["statusCode"], response.json["message"]) == (0, "success")
    return response.json["data"]


def shown(caller, job):
    return caller("GET", f"/draw/midjourney/jobs/{job['id']}").json


def test_a_picked_cell_is_a_job_done_with_a_copy_of_that_cell(app, caller, parent, store):
    job = followed(caller, parent, "u2", extra="mine")

    second = shown(caller, parent)["images"][1]
    assert (job["status"], job["progress"], job["drawType"]) == (1, 100, "u2")
    assert (job["tag"], job["extra"], job["images"]) == (NEW_TAG, "mine", [])
    assert job["url"] != second["url"]
    assert bytes_at(app, job["url"]) == bytes_at(app, second["url"])
    assert (job["width"], job["height"]) == (second["width"], second["height"])
    assert shown(caller, job) == job
    assert job["id"] not in messages_in(store)


def test_a_follow_up_names_its_parent(caller, parent):
    assert shown(caller, parent)["parentId"] is None
    for button in ("u1", "v2", "r"):
        job = followed(caller, parent, button)
        assert job["parentId"] == shown(caller, job)["parentId"] == parent["id"], button


@pytest.mark.parametrize("button", ["u1", "v2", "r"])
def test_a_follow_up_that_has_nowhere_to_tell_tells_where_its_parent_did(
    app, store, caller, button
):
    told = "https://parent.example/hook"
    parent = done(app, store, caller.drawn(callBackUrl=told))

    def goes_to(job) -> str | None:
        return store.jobs.get(job["id"]).request.callback_url

    assert goes_to(followed(caller, parent, button)) == told
    own = "https://own.example/hook"
    assert (
        goes_to(followed(caller, done(app, store, caller.drawn()), button, callBackUrl=own)) == own
    )
    # A default comes first, as for every job without a URL of its own.
    default = a_caller(app, store, "bea", callback_url="https://default.example/hook")
    parent = done(app, store, default.drawn(callBackUrl=told))
    assert goes_to(followed(default, parent, button)) == "https://default.example/hook"


def test_what_is_told_in_another_faces_shape_is_not_inherited(app, store, caller):
    body = {"prompt": "a fox", "notifyHook": "https://proxy.example/hook"}
    headers = {"mj-api-secret": caller.token}
    assert caller("POST", "/mj/submit/imagine", json=body, headers=headers).json["code"] == 1
    parent = done(app, store, caller("GET", "/draw/midjourney/jobs").json["data"][0])

    job = followed(caller, parent, "v1")

    assert store.jobs.get(job["id"]).request.callback_url is None


def test_a_picked_cell_outlives_its_parents_pictures(app, caller, parent):
    job = followed(caller, parent, "u1")

    images = images_of(app)
    images.delete(images.key_of(shown(caller, parent)["images"][0]["url"]))

    assert bytes_at(app, job["url"])


def test_a_cell_is_picked_once_and_the_parent_says_so(app, caller, parent):
    followed(caller, parent, "u2")
    before = len(pictures(app))

    assert "before" in ask(caller, parent, "u2").json["message"]
    refused(ask(caller, parent, "u2"), 409, "already_used")

    assert len(pictures(app)) == before
    seen = shown(caller, parent)
    assert [seen[mark] for mark in ("u1", "u2", "u3", "u4")] == [0, 1, 0, 0]


def pictures(app):
    folder = app.extensions["limner"].settings.image_dir
    return list(folder.glob("drawings/*/*"))


@pytest.mark.parametrize("button", ["v1", "v4", "r"])
def test_a_variation_waits_in_its_lane_with_seeds_of_its_own(caller, parent, store, button):
    first = followed(caller, parent, button, fast=False)
    second = followed(caller, parent, button, fast=False)

    assert (first["status"], first["drawType"], first["fast"]) == (-2, button, False)
    assert [first["position"], second["position"]] == [1, 2]
    assert (first["promptEn"], first["ar"]) == ("a fox --seed 5", "3:2")
    assert first["finalPrompt"] == parent["finalPrompt"]
    assert first["extra"] is None
    seeds = {store.jobs.get(job["id"]).seeds for job in (parent, first, second)}
    assert len(seeds) == 3
    assert shown(caller, parent)[button] == 1


def test_a_button_on_another_clients_or_no_job_is_404(other, caller, parent):
    refused(ask(other, parent, "u1"), 404)
    for nobody in ("0" * 32, "x", "a:b"):
        refused(ask(caller, {"id": nobody}, "u1"), 404)


@pytest.mark.parametrize("button", ["u1", "v1", "r"])
def test_a_job_that_is_not_done_has_no_buttons_yet(caller, store, button):
    job = caller.drawn()
    refused(ask(caller, job, button), 409, "not_done")
    refused(ask(caller, failed(store, job), button), 409, "not_done")


def test_a_picked_cell_has_no_buttons(caller, parent):
    response = ask(caller, followed(caller, parent, "u1"), "v1")

    refused(response, 409, "job_conflict")
    assert "one picture" in response.json["message"]


@pytest.mark.parametrize("button", ["u3", "v3"])
def test_a_cell_whose_picture_was_pruned_is_410(app, caller, parent, button):
    images = images_of(app)
    images.delete(images.key_of(shown(caller, parent)["images"][2]["url"]))

    refused(ask(caller, parent, button), 410)
    assert shown(caller, parent)[button] == 0


def test_drawing_again_needs_only_the_words(app, caller, parent):
    images = images_of(app)
    for cell in shown(caller, parent)["images"]:
        images.delete(images.key_of(cell["url"]))

    assert followed(caller, parent, "r")["status"] == -2


def test_a_repeated_press_with_its_key_finds_the_first_job(app, caller, parent):
    headers = {"Idempotency-Key": "once"}
    first = ask(caller, parent, "u1", headers).json["data"]
    before = len(pictures(app))

    assert ask(caller, parent, "u1", headers).json["data"] == first
    refused(ask(caller, parent, "u2", headers), 409, "idempotency_conflict")
    assert len(pictures(app)) == before


def test_a_press_obeys_the_clients_lanes_and_its_cap(app, store):
    caller = a_caller(app, store, "cay", lanes=frozenset({"fast"}), waiting_cap=1)
    parent = done(app, store, caller.drawn())

    refused(ask(caller, parent, "v1", fast=False), 403)
    followed(caller, parent, "v1")
    assert int(ask(caller, parent, "v2").headers["Retry-After"]) > 0
    refused(ask(caller, parent, "v2"), 429)
    followed(caller, parent, "u1")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"buttonType": "u5"}, "buttonType"),
        ({"buttonType": ""}, "buttonType"),
        ({"buttonType": None}, "buttonType"),
        ({"messageId": 7}, "messageId"),
        ({"tag": "x"}, "tag"),
        ({"fast": "maybe"}, "fast"),
        ({"callBackUrl": "ftp://x"}, "callBackUrl"),
        ({"messageid": "x"}, "messageid"),
    ],
)
def test_a_wrong_or_unknown_field_of_a_press_is_refused_by_name(caller, parent, changes, field):
    assert list(refused(ask(caller, parent, "u1", **changes), 422)) == [field]


def test_the_parents_inline_pictures_are_not_needed_to_vary_a_cell(app, caller, store):
    job = caller.drawn(imageList=[inline(a_picture(7))], iw=1)
    parent = done(app, store, job)
    forget_spool(app)

    assert followed(caller, parent, "v1")["status"] == -2
    refused(ask(caller, parent, "r"), 410)


def forget_spool(app):
    folder = app.extensions["limner"].settings.image_dir
    for path in folder.glob("spool/*/*"):
        path.unlink()


def test_inline_pictures_are_copied_for_the_job_that_draws_again(app, caller, store):
    job = caller.drawn(imageList=[inline(a_picture(7))])
    parent = done(app, store, job)

    again = followed(caller, parent, "r")

    first, second = (store.jobs.get(j["id"]).request.references for j in (parent, again))
    assert first != second
    images = images_of(app)
    assert images.get(first[0].removeprefix("spool:")) == images.get(
        second[0].removeprefix("spool:")
    )


# -- refresh --------------------------------------------------------------------------------------


def refresh(caller, tag=TAG, **options):
    return caller("POST", REFRESH, json={"tag": tag}, **options)


def test_a_failed_job_is_submitted_again_as_its_twin(caller, store):
    job = failed(store, caller.drawn(ar="16:9", chaos=5, extra="kept", fast=False))

    response = refresh(caller)

    assert (response.status_code, response.json["statusCode"]) == (200, 0)
    twin = response.json["data"]
    assert twin["id"] != job["id"]
    same = ("tag", "finalPrompt", "ar", "arRequested", "fast", "extra", "drawType", "promptEn")
    assert [twin[name] for name in same] == [job[name] for name in same]
    assert twin["status"] == -2
    assert store.jobs.get(twin["id"]).seeds == store.jobs.get(job["id"]).seeds


def test_a_failed_variation_stays_a_variation_of_its_parent(caller, parent, store):
    job = failed(store, followed(caller, parent, "v2"))

    twin = refresh(caller, NEW_TAG).json["data"]

    assert twin["drawType"] == "v2"
    assert store.jobs.get(twin["id"]).parent == store.jobs.get(job["id"]).parent == parent["id"]


def test_only_the_newest_job_with_the_tag_counts(caller, store, clock):
    failed(store, caller.drawn())
    clock.pass_s(1)
    caller.drawn()

    refused(refresh(caller), 409, "not_failed")


def test_a_job_that_has_not_failed_is_not_submitted_again(app, caller, store):
    refused(refresh(caller), 404)
    job = caller.drawn()
    refused(refresh(caller), 409, "not_failed")
    done(app, store, job)
    refused(refresh(caller), 409, "not_failed")


def test_another_clients_failed_job_is_404(caller, other, store):
    failed(store, caller.drawn())

    refused(refresh(other), 404)


def test_a_repeated_refresh_with_its_key_finds_the_first_twin(caller, store, clock):
    failed(store, caller.drawn())
    clock.pass_s(1)
    headers = {"Idempotency-Key": "once"}

    first = refresh(caller, headers=headers).json

    assert refresh(caller, headers=headers).json == first
    refused(refresh(caller), 409, "not_failed")


def test_a_variation_whose_parent_is_forgotten_is_410(caller, parent, store):
    failed(store, followed(caller, parent, "v2"))
    store.redis.delete(f"limner:job:{parent['id']}")

    refused(refresh(caller, NEW_TAG), 410)
