"""txt2img and img2img: what is drawn for what is asked, what comes back, and what is refused."""

from __future__ import annotations

import base64
import io
import json
import threading
from dataclasses import replace
from functools import partial

import jsonschema
import pytest
from PIL import Image

from api import create_app
from limner.request import Lane
from limner.settings import Alias
from limner.settings.faces import FaceOptions
from schemas.sdapi.openapi import SHAPES
from tests.api.asking import Caller, a_caller
from tests.api.drawing import a_picture, done, failed, submitted
from tests.builders import a_worker, an_engine
from tests.conftest import wait_until

TEXT = "/sdapi/v1/txt2img"
IMAGE = "/sdapi/v1/img2img"
PICTURE = base64.b64encode(a_picture(3)).decode()
#: as Open WebUI and SillyTavern send them
OPEN_WEBUI = {
    "prompt": "a lighthouse",
    "batch_size": 2,
    "width": 512,
    "height": 512,
    "steps": 30,
    "negative_prompt": "boats",
    "cfg_scale": 7.5,
}
SILLYTAVERN = {
    "prompt": "a lighthouse",
    "negative_prompt": "",
    "sampler_name": "Euler a",
    "scheduler": "automatic",
    "steps": 20,
    "cfg_scale": 7,
    "width": 512,
    "height": 768,
    "restore_faces": False,
    "enable_hr": False,
    "hr_upscaler": "Latent",
    "hr_scale": 2,
    "hr_additional_modules": [],
    "denoising_strength": 0.7,
    "hr_second_pass_steps": 0,
    "seed": -1,
    "override_settings": {"CLIP_stop_at_last_layers": 1},
    "override_settings_restore_afterwards": True,
    "clip_skip": 1,
    "save_images": True,
    "send_images": True,
    "do_not_save_grid": False,
    "do_not_save_samples": False,
}


def own_jobs(caller) -> list[dict]:
    return caller("GET", "/draw/midjourney/jobs").json["data"]


def once_waiting(app, action, count=1) -> threading.Thread:
    """Do something as soon as so many jobs are waited for."""
    watcher = app.extensions["limner"].watcher

    def act():
        wait_until(lambda: watcher.waiting >= count, what="somebody who waits")
        action()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def drawn(caller, store, body, path=TEXT, end=done):
    """Ask for a drawing that is then done; return the answer and the job."""

    def draw():
        for job in own_jobs(caller):
            if job["status"] == -2:
                end(caller.app, store, job)

    thread = once_waiting(caller.app, draw)
    response = caller("POST", path, json=body)
    thread.join()
    return response, own_jobs(caller)[0]


def pictures(response) -> list[Image.Image]:
    jsonschema.validate(response.json, {"$ref": "#/components/schemas/Images"} | WHOLE)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in response.json["images"]]


WHOLE = {"components": {"schemas": SHAPES}}


def error_of(response, status) -> dict:
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    jsonschema.validate(response.json, SHAPES["Error"])
    assert "Traceback" not in response.text
    return response.json


# -- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [OPEN_WEBUI, SILLYTAVERN, {"prompt": "a hill"}])
def test_a_drawing_comes_back_in_base64_with_what_was_sent(caller, store, body):
    response, job = drawn(caller, store, body)

    assert response.status_code == 200, response.text
    found = pictures(response)
    assert {picture.size for picture in found} == {
        (body.get("width", 512), body.get("height", 512))
    }
    assert {picture.format for picture in found} == {"PNG"}
    assert response.json["parameters"] == body
    assert (job["promptEn"], job["count"]) == (body["prompt"], body.get("batch_size", 1))
    info = json.loads(response.json["info"])
    assert info["limner"]["jobs"] == [job["id"]]
    assert info["all_seeds"][0] == info["seed"]
    assert info["index_of_first_image"] == 0
    ignored = {"steps", "cfg_scale"} & body.keys()
    assert ignored <= set(info["limner"]["ignored"])
    assert "restore_faces" not in info["limner"]["ignored"]


def test_the_words_of_the_web_ui_become_the_gateways(caller, store):
    body = {"prompt": "a hill", "negative_prompt": "boats", "seed": 7, "tiling": True}

    _, job = drawn(caller, store, body | {"width": 768, "height": 432})

    assert "--no boats" in job["finalPrompt"]
    assert "--seed 7" in job["finalPrompt"]
    assert "--tile" in job["finalPrompt"]
    assert (job["ar"], job["fast"]) == ("16:9", True)


@pytest.mark.parametrize("size", [(64, 64), (100, 300), (513, 511), (2048, 512), (2048, 2048)])
def test_a_picture_has_exactly_the_size_asked_for(caller, store, size):
    response, _ = drawn(caller, store, {"prompt": "a", "width": size[0], "height": size[1]})

    assert {picture.size for picture in pictures(response)} == {size}


def test_many_pictures_are_drawn_by_several_jobs_with_seeds_in_a_row(app, caller, store):
    def draw():
        for job in own_jobs(caller):
            done(app, store, job)

    thread = once_waiting(app, draw)
    response = caller("POST", TEXT, json={"prompt": "a", "batch_size": 3, "n_iter": 2, "seed": 5})
    thread.join()

    second, first = own_jobs(caller)
    assert (first["count"], second["count"]) == (4, 2)
    assert "--seed 5" in first["finalPrompt"]
    assert "--seed 9" in second["finalPrompt"]
    assert len(json.loads(response.json["info"])["limner"]["jobs"]) == 2


def test_who_wants_no_pictures_gets_none(caller, store):
    response, _ = drawn(caller, store, {"prompt": "a", "send_images": False})

    assert response.json["images"] == []


def test_an_image_to_begin_from_is_a_reference_with_a_weight(caller, store):
    body = {"prompt": "a", "init_images": [f"data:image/png;base64,{PICTURE}"]}

    response, job = drawn(caller, store, body | {"denoising_strength": 0.65}, IMAGE)

    assert "--iw 1" in job["finalPrompt"]
    assert response.json["parameters"]["init_images"] is None


def test_a_mask_redraws_a_part_of_the_image(caller, store):
    a_worker(store, an_engine("stage", fast=9))
    body = {"prompt": "a", "init_images": [PICTURE], "mask": PICTURE}

    response = caller("POST", IMAGE, json=body)

    # No engine of this test has said that it can: so the mask arrived where it is asked for.
    assert "redraw a part" in error_of(response, 409)["detail"]


# -- models, lanes, tasks -------------------------------------------------------------------------


def aliased(settings, store, messages, caller):
    models = {"slow": Alias(lane=Lane.RELAXED), "odd": Alias(engine="nobody")}
    options = {"sdapi": FaceOptions(models=models)}
    return Caller(
        create_app(replace(settings, face_options=options), store, messages),
        caller.token,
        caller.name,
    )


def test_a_model_stands_for_a_lane_or_an_engine(settings, store, messages, caller):
    named = aliased(settings, store, messages, caller)

    _, job = drawn(
        named, store, {"prompt": "a", "override_settings": {"sd_model_checkpoint": "slow"}}
    )
    assert job["fast"] is False

    body = {"prompt": "a", "override_settings": {"sd_model_checkpoint": "odd"}}
    assert "engine" in error_of(named("POST", TEXT, json=body), 422)["errors"]


def test_an_unknown_model_is_refused_with_those_that_are_here(caller, store):
    a_worker(store, an_engine("stage"))
    body = {"prompt": "a", "override_settings": {"sd_model_checkpoint": "sdxl"}}

    said = error_of(caller("POST", TEXT, json=body), 422)

    assert "limner, stage" in said["errors"]
    assert own_jobs(caller) == []


def test_the_same_task_again_waits_for_the_same_job(caller, store):
    body = {"prompt": "a", "force_task_id": "task(1)"}
    first, job = drawn(caller, store, body)

    again = caller("POST", TEXT, json=body)

    assert again.json["images"] == first.json["images"]
    assert [one["id"] for one in own_jobs(caller)] == [job["id"]]
    error_of(caller("POST", TEXT, json=body | {"prompt": "b"}), 409)


# -- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"width": 63}, "width"),
        ({"height": 2049}, "height"),
        ({"width": 1024, "height": 128}, "width"),
        ({"batch_size": 17}, "batch_size"),
        ({"batch_size": 5, "n_iter": 4}, "n_iter"),
        ({"seed": -2}, "seed"),
        ({"override_settings": []}, "override_settings"),
        ({"override_settings": {"sd_model_checkpoint": 3}}, "override_settings"),
        ({"negative_prompt": "x" * 2001}, "negative_prompt"),
    ],
)
def test_a_wrong_field_is_refused_by_name(caller, body, field):
    sent = body if field == "prompt" else {"prompt": "a"} | body

    assert field in error_of(caller("POST", TEXT, json=sent), 422)["errors"]


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "a"},
        {"prompt": "a", "init_images": []},
        {"prompt": "a", "init_images": ["%"]},
        {"prompt": "a", "init_images": [PICTURE], "denoising_strength": 2},
        {"prompt": "a", "init_images": [PICTURE, PICTURE], "mask": PICTURE},
    ],
)
def test_wrong_images_are_refused(caller, body):
    error_of(caller("POST", IMAGE, json=body), 422)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("engine_failed", 500, "RuntimeError"),
        ("out_of_memory", 500, "OutOfMemoryError"),
        ("moderated", 400, "RuntimeError"),
    ],
)
def test_a_drawing_that_fails_says_why(caller, store, code, status, kind):
    response, _ = drawn(caller, store, {"prompt": "a"}, end=lambda _, s, job: failed(s, job, code))

    said = error_of(response, status)
    assert (said["error"], said["detail"]) == (kind, "It broke.")


def test_of_a_request_that_fails_in_part_nothing_goes_on(app, caller, store):
    def fail():
        failed(store, own_jobs(caller)[-1])

    thread = once_waiting(app, fail)
    error_of(caller("POST", TEXT, json={"prompt": "a", "batch_size": 8}), 500)
    thread.join()

    assert {job["reasonCode"] for job in own_jobs(caller)} == {"engine_failed", "cancelled"}


def test_a_request_that_is_refused_in_part_leaves_nothing(app, store):
    caller = a_caller(app, store, "cap", waiting_cap=1)

    response = caller("POST", TEXT, json={"prompt": "a", "batch_size": 8})

    error_of(response, 429)
    assert int(response.headers["Retry-After"]) >= 1
    assert [job["reasonCode"] for job in own_jobs(caller)] == ["cancelled"]


def test_nothing_is_accepted_for_whom_there_is_no_place_to_wait(settings, store, messages, caller):
    app = create_app(replace(settings, api_client_waits=1), store, messages)
    with app.extensions["limner"].waits.hold(caller.name):
        response = Caller(app, caller.token, caller.name)("POST", TEXT, json={"prompt": "a"})

    error_of(response, 429)
    assert own_jobs(caller) == []


def test_a_process_that_ends_says_that_the_job_goes_on(app, caller):
    thread = once_waiting(app, app.extensions["limner"].watcher.end)
    response = caller("POST", TEXT, json={"prompt": "a"})
    thread.join()

    (job,) = own_jobs(caller)
    assert job["id"] in error_of(response, 503)["detail"]
    assert job["status"] == -2


def test_an_interrupted_drawing_answers_without_pictures(app, caller):
    thread = once_waiting(app, partial(caller, "POST", "/sdapi/v1/interrupt"))
    response = caller("POST", TEXT, json={"prompt": "a"})
    thread.join()

    assert (response.status_code, response.json["images"]) == (200, [])
    assert own_jobs(caller)[0]["reasonCode"] == "cancelled"


def test_a_drawing_whose_pictures_are_gone_says_so(app, caller, store, monkeypatch):
    def gone(*_):
        raise KeyError

    monkeypatch.setattr(app.extensions["limner"].images, "converted", gone)

    response, _ = drawn(caller, store, {"prompt": "a"})

    error_of(response, 410)


def test_a_job_of_this_face_is_seen_through_the_first(caller, store):
    _, job = drawn(caller, store, {"prompt": "a"})
    a_new = caller.drawn()
    token = submitted(store, a_new)
    store.lanes.failed(a_new["id"], token, "It broke.", "engine_failed")

    assert caller("GET", f"/draw/midjourney/jobs/{job['id']}").json["status"] == 1


def test_half_a_character_in_a_setting_is_sent_back_as_it_came(caller, store):
    body = {"prompt": "a hill", "styles": ["\ud800"], "\udc00": 1}

    response, _ = drawn(caller, store, body)

    assert response.status_code == 200
    assert ascii(response.json["parameters"]) == ascii(body)
    assert json.loads(response.json["info"])["limner"]["ignored"] == ["styles", "\udc00"]
