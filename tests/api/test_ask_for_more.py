"""The fields beyond the documented fourteen: how they are checked, kept, answered, and planned."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace

import pytest
from PIL import Image

from limner.applied import levels_of
from limner.engine import NEEDS, Capabilities
from limner.store.lanes import Result
from tests.api.asking import TAG, refused
from tests.api.drawing import images_of, kept, submitted
from tests.builders import a_worker, an_engine, messages_in

BUTTON = "/draw/midjourney/button"
BLEND = "/draw/midjourney/blend"
DESCRIBE = "/draw/midjourney/describe"
PNG = io.BytesIO()
Image.new("RGB", (8, 8), "red").save(PNG, "PNG")
INLINE = base64.b64encode(PNG.getvalue()).decode()
ABLE = Capabilities(**dict.fromkeys(NEEDS, "exact"))


@pytest.fixture
def stage(store):
    """An engine that can do everything, with two versions."""
    settings = replace(an_engine("stage", fast=99, relaxed=99), versions={"7": "flux", "6.1": "sd"})
    a_worker(store, settings)
    store.engines.abilities("stage", [], levels_of(ABLE, settings.versions))


def request_of(store, job):
    return store.jobs.get(job["id"]).request


@pytest.mark.parametrize(
    ("field", "given", "kept_as"),
    [
        ("seed", 4294967295, 4294967295),
        ("seed", "7", 7),
        ("negative", "boats", "boats"),
        ("count", 1, 1),
        ("size", "1024x576", (1024, 576)),
        ("size", " 256X2048 ", (256, 2048)),
        ("quality", 0.25, 0.25),
        ("quality", "4", 4),
        ("weird", 3000, 3000),
        ("raw", True, True),
        ("draft", "true", True),
        ("hd", 1, True),
        ("previews", False, False),
    ],
)
def test_a_field_is_kept_as_it_was_meant(caller, store, field, given, kept_as):
    job = caller.drawn(**{field: given})

    assert getattr(request_of(store, job), field) == kept_as


@pytest.mark.parametrize(
    ("field", "given", "sentence"),
    [
        ("seed", -1, "Must be from 0 to 4294967295."),
        ("seed", 1.5, "Must be a whole number."),
        ("negative", "x" * 2001, "Must be at most 2000 characters."),
        ("count", 0, "Must be from 1 to 4."),
        ("count", 5, "Must be from 1 to 4."),
        ("size", "1024", "Must be a size like 1024x768."),
        ("size", "1001x768", "Width and height must be multiples of 8."),
        ("size", "128x768", "Width and height must be from 256 to 2048 pixels."),
        ("size", "2056x768", "Width and height must be from 256 to 2048 pixels."),
        ("quality", 3, "Must be one of 0.25, 0.5, 1, 2, 4."),
        ("weird", 3001, "Must be from 0 to 3000."),
        ("raw", "yes", "Must be true or false."),
        ("styleRefs", "http://p.example/1", "Must be a list."),
        ("styleWeight", 10, "Must be 0 without styleRefs."),
        ("objectWeight", 10, "Must be 0 without objectRefs."),
        ("engine", "a b", "Must be a name: letters, digits, dots, dashes, underscores."),
        ("deadline", 0.5, "Must be from 1 to 2592000."),
        ("callbackEvents", [3], "Must be a list of statuses: -2, -1, 0, 1, 2."),
        ("callbackEvents", "0", "Must be a list."),
        ("dryRun", "maybe", "Must be true or false."),
    ],
)
def test_a_field_that_is_wrong_is_refused_by_its_name(caller, field, given, sentence):
    assert caller.wrong(**{field: given}) == {field: [sentence]}


def test_the_final_prompt_has_a_flag_for_each(caller):
    job = caller.drawn(
        seed=7, negative="boats", quality=2, weird=5, draft=True, hd=True, raw=True, size="1024x576"
    )

    assert job["finalPrompt"] == (
        "a lighthouse at dusk --ar 16:9 --seed 7 --q 2 --weird 5 --raw --draft --hd --no boats"
    )
    assert (job["ar"], job["arRequested"]) == ("16:9", None)


def test_seeds_follow_the_first_and_there_is_one_for_each_cell(caller, store):
    job = caller.drawn(seed=2**32 - 1, count=3)

    assert store.jobs.get(job["id"]).seeds == (2**32 - 1, 0, 1)
    assert (job["count"], job["seeds"]) == (3, None)


def test_pictures_of_style_and_things_are_spooled_like_references(app, caller, store):
    job = caller.drawn(
        imageList=[INLINE],
        styleRefs=["https://pictures.example/a.png", INLINE],
        objectRefs=[INLINE],
        styleWeight=50,
    )

    request = request_of(store, job)
    assert request.style_references[0] == "https://pictures.example/a.png"
    spooled = (request.references[0], request.style_references[1], request.object_references[0])
    assert all(one.startswith("spool:") for one in spooled)
    assert len(set(spooled)) == 3
    assert images_of(app).get(spooled[2].removeprefix("spool:")).decode() == INLINE


def test_a_style_reference_that_is_no_picture_is_refused_by_its_field(caller):
    (sentence,) = caller.wrong(styleRefs=["§"])["styleRefs"]

    assert sentence.startswith("Image 1: ")


@pytest.mark.parametrize("given", ["7", 7, 6.1, "6.1"])
def test_a_version_that_an_engine_has_is_taken(caller, store, stage, given):
    job = caller.drawn(version=given)

    assert request_of(store, job).version == str(given)


def test_an_unknown_version_is_refused_with_those_that_there_are(caller, stage):
    assert caller.wrong(version="8") == {"version": ["Must be one of 6.1, 7."]}


def test_an_unknown_engine_is_refused_with_those_that_the_client_may_use(caller, store, stage):
    a_worker(store, an_engine("others", clients=("bob",)))

    assert caller.wrong(engine="others") == {"engine": ["Must be one of stage."]}
    assert request_of(store, caller.drawn(engine="stage")).engine == "stage"


def test_a_version_has_to_be_one_of_the_engine_that_is_named(caller, store, stage):
    a_worker(store, an_engine("plain"))

    assert caller.wrong(engine="plain", version="7") == {"version": ["No version is offered."]}


def test_flags_in_the_text_are_no_promise(caller, store, stage):
    job = caller.origin(promptEn="a fox --v 99 --seed 5").json

    assert (job["status"], store.jobs.get(job["id"]).seeds[0]) == (-2, 5)


def test_a_dry_run_tells_what_would_be_done_and_makes_no_job(caller, store, stage):
    caller.drawn()

    response = caller.imagine(dryRun=True, seed=7, ar="16:9", count=1, size="512x256", version="7")

    assert response.status_code == 200
    assert response.json == {
        "dryRun": True,
        "finalPrompt": "a lighthouse at dusk --ar 2:1 --seed 7 --v 7",
        "engine": "stage",
        "applied": {
            "seed": "exact",
            "ar": "near",
            "count": "near",
            "size": "exact",
            "version": "exact",
        },
        "position": 2,
        "count": 1,
        "width": 512,
        "height": 256,
    }
    assert len(caller("GET", "/draw/midjourney/jobs").json["data"]) == 1


def test_a_dry_run_says_if_nobody_could_draw_it(caller, store, stage):
    store.engines.abilities("stage", ["tile"], {})

    plan = caller.imagine(dryRun=True, isTile=True).json

    assert (plan["engine"], plan["applied"], plan["position"]) == (None, None, 1)


@pytest.mark.parametrize("field", ["version", "engine"])
def test_a_dry_run_is_refused_like_the_request_itself(caller, stage, field):
    assert field in caller.wrong(dryRun=True, **{field: "8"})


@pytest.mark.parametrize(("deadline", "ms"), [(5, "5000"), ("1.5", "1500")])
def test_a_deadline_is_told_and_kept_with_the_job(caller, store, clock, deadline, ms):
    job = caller.drawn(deadline=deadline)

    assert job["deadline"] == float(deadline)
    assert store.redis.zscore("limner:deadlines", job["id"]) == clock.now_ms + int(ms)


# -- blend and describe ---------------------------------------------------------------------------


def ask(caller, path, **changes):
    body = {"fast": True, "tag": TAG} | changes
    return caller("POST", path, json=body)


def test_a_blend_is_a_job_of_its_pictures(caller, store, stage):
    response = ask(caller, BLEND, imageList=[INLINE, "https://pictures.example/b.png"], count=1)

    assert response.status_code == 202, response.text
    job = response.json
    assert (job["drawType"], job["promptEn"], job["count"]) == ("blend", "", 1)
    assert len(request_of(store, job).references) == 2
    assert job["id"] in messages_in(store)


def test_a_description_takes_one_picture(caller, stage):
    wrong = refused(ask(caller, DESCRIBE, imageList=[INLINE] * 2), 422)

    assert wrong == {"imageList": ["Must have at most 1 image."]}


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [
        (1, "Must have at least 2 images."),
        (6, "Must have at most 5 images."),
        (None, "Is required."),
    ],
)
def test_a_blend_takes_two_to_five_pictures(caller, stage, pictures, sentence):
    given = {} if pictures is None else {"imageList": [INLINE] * pictures}

    assert refused(ask(caller, BLEND, **given), 422) == {"imageList": [sentence]}


def test_a_description_is_a_job_without_words(caller, store, stage):
    job = ask(caller, DESCRIBE, imageList=[INLINE]).json

    assert (job["drawType"], job["promptEn"], job["prompts"]) == ("describe", "", [])


def test_a_described_picture_has_prompts_and_no_picture(caller, store, stage):
    job = ask(caller, DESCRIBE, imageList=[INLINE]).json
    token = submitted(store, job)
    store.lanes.done(job["id"], token, Result(None, prompts=["a red field", "red"]))

    shown = caller("GET", f"/draw/midjourney/jobs/{job['id']}").json

    assert (shown["status"], shown["prompts"]) == (1, ["a red field", "red"])
    assert (shown["url"], shown["images"], shown["buttons"]) == (None, [], [])


@pytest.mark.parametrize(
    ("path", "what", "pictures"),
    [(BLEND, "blend pictures", 2), (DESCRIBE, "describe a picture", 1)],
)
def test_what_no_engine_can_do_is_refused_with_the_reason(caller, store, path, what, pictures):
    a_worker(store, an_engine("plain"))
    store.engines.abilities("plain", ["blend", "describe"], {})

    response = ask(caller, path, imageList=[INLINE] * pictures)

    refused(response, 409, "no_engine")
    assert response.json["message"] == f"No engine here can {what}."


# -- follow-ups -----------------------------------------------------------------------------------


def done(app, store, job, can=("vary", "upscale_subtle", "edit"), count=4):
    token = submitted(store, job)
    cells = [replace(kept(app, 50 * cell), width=512, height=512) for cell in range(count)]
    result = Result(
        kept(app, 250), cells, seeds=[11, 12, 13, 14][:count], can=can, applied={"seed": "exact"}
    )
    store.lanes.done(job["id"], token, result)
    return job


def press(caller, parent, button, **changes):
    body = {"buttonType": button, "messageId": parent["id"], "tag": "f" * 32, "fast": True}
    return caller("POST", BUTTON, json=body | changes)


def shown(caller, job):
    return caller("GET", f"/draw/midjourney/jobs/{job['id']}").json


def test_a_job_that_is_done_tells_its_seeds_and_buttons(app, caller, store, stage):
    job = shown(caller, done(app, store, caller.drawn(seed=11)))

    assert (job["seeds"], job["applied"]) == ([11, 12, 13, 14], {"seed": "exact"})
    assert {"u1", "v4", "vs1", "r", "upscale", "region", "zoom", "pan", "remix"} < set(
        job["buttons"]
    )


def test_a_button_that_was_pressed_once_is_not_open_any_more(app, caller, store, stage):
    job = done(app, store, caller.drawn())
    picked = press(caller, job, "u2").json["data"]

    assert "u2" not in shown(caller, job)["buttons"]
    assert (picked["count"], picked["seeds"]) == (1, [12])
    assert set(picked["buttons"]) == {"vs1", "upscale", "region", "zoom", "pan", "remix"}


@pytest.mark.parametrize(
    ("button", "fields", "size"),
    [
        ("upscale", {"cell": 2}, (1024, 1024)),
        ("upscale", {"cell": 2, "kind": "subtle"}, (1024, 1024)),
        ("zoom", {"cell": 1, "scale": 1.5}, (768, 768)),
        ("zoom", {"cell": 1, "scale": "2", "promptEn": "a castle"}, (1024, 1024)),
        ("pan", {"cell": 4, "direction": "left"}, (768, 512)),
        ("region", {"cell": 3, "mask": INLINE, "promptEn": "a castle"}, (512, 512)),
    ],
)
def test_a_follow_up_with_fields_is_a_job_of_its_size(
    app, caller, store, stage, button, fields, size
):
    parent = done(app, store, caller.drawn(ar="3:2"))

    response = press(caller, parent, button, **fields)

    assert response.status_code == 200, response.text
    job = response.json["data"]
    request = request_of(store, job)
    assert (job["drawType"], request.size) == (button, size)
    assert request.change.cell == fields["cell"] - 1
    assert job["promptEn"] == fields.get("promptEn", "a lighthouse at dusk")
    assert job["count"] == (1 if button == "upscale" else 4)


def test_a_mask_that_cannot_be_read_is_refused(app, caller, store, stage):
    parent = done(app, store, caller.drawn())

    wrong = refused(press(caller, parent, "region", cell=1, mask=INLINE[:20]), 422)

    assert wrong == {"mask": ["The mask cannot be read as PNG, JPEG, WebP or GIF."]}


def test_a_mask_is_spooled(app, caller, store, stage):
    parent = done(app, store, caller.drawn())

    job = press(caller, parent, "region", cell=1, mask=INLINE).json["data"]

    mask = request_of(store, job).change.mask
    assert images_of(app).get(mask.removeprefix("spool:")).decode() == INLINE


@pytest.mark.parametrize(
    ("button", "fields", "wrong"),
    [
        ("zoom", {"cell": 1}, {"scale": ["Is required."]}),
        ("zoom", {"cell": 1, "scale": 3}, {"scale": ["Must be one of 1.5, 2."]}),
        (
            "pan",
            {"cell": 1, "direction": "in"},
            {"direction": ["Must be one of left, right, up, down."]},
        ),
        ("region", {"cell": 1}, {"mask": ["Is required."]}),
        ("remix", {"cell": 1}, {"promptEn": ["Is required."]}),
        ("u1", {"cell": 1}, {"cell": ["Does not belong to u1."]}),
        ("upscale", {"cell": 1, "scale": 2}, {"scale": ["Does not belong to upscale."]}),
        ("upscale", {"cell": 5}, {"cell": ["Must be from 1 to 4."]}),
    ],
)
def test_a_button_takes_its_own_fields_only(app, caller, store, stage, button, fields, wrong):
    parent = done(app, store, caller.drawn())

    assert refused(press(caller, parent, button, **fields), 422) == wrong


@pytest.mark.parametrize(
    ("button", "fields", "why"),
    [
        ("zoom", {"cell": 1, "scale": 2}, "The engine stage cannot do that."),
        ("upscale", {"cell": 1, "kind": "creative"}, "The engine stage cannot upscale that way."),
        ("vs1", {}, "The engine stage cannot do that."),
    ],
)
def test_what_the_engine_cannot_do_is_409_with_the_reason(
    app, caller, store, stage, button, fields, why
):
    parent = done(app, store, caller.drawn(), can=("upscale_subtle",))

    response = press(caller, parent, button, **fields)

    refused(response, 409, "no_engine")
    assert response.json["message"] == why


def test_a_single_picture_is_gone_on_from_without_naming_it(app, caller, store, stage):
    parent = done(app, store, caller.drawn(count=1), count=1)

    assert press(caller, parent, "zoom", scale=2).status_code == 200
    refused(press(caller, parent, "u1"), 409, "job_conflict")


def test_a_job_of_a_picture_that_was_deleted_is_410(app, caller, store, stage):
    parent = done(app, store, caller.drawn())
    images = images_of(app)
    images.delete(images.key_of(shown(caller, parent)["images"][1]["url"]))

    refused(press(caller, parent, "upscale", cell=2), 410)


def test_a_repeated_request_needs_not_what_is_gone_since(caller, store, stage):
    once = {"Idempotency-Key": "once"}
    job = caller.imagine(headers=once, version="7").json
    store.engines.register([an_engine("stage", fast=99, relaxed=99)])

    assert caller.imagine(headers=once, version="7").json["id"] == job["id"]
    assert "version" in caller.wrong(version="7")


def test_a_version_that_is_gone_stops_no_pick_and_is_told_in_words(app, caller, store, stage):
    parent = done(app, store, caller.drawn())
    asked = json.loads(store.redis.hget(f"limner:job:{parent['id']}", "request"))
    store.redis.hset(f"limner:job:{parent['id']}", "request", json.dumps(asked | {"version": "7"}))

    assert press(caller, parent, "u1").status_code == 200
    response = press(caller, parent, "r")

    refused(response, 409, "no_engine")
    assert (
        response.json["message"] == "That job asked for the version 7, which is not here any more."
    )


def test_a_failed_zoom_is_submitted_again_as_a_zoom(app, caller, store, stage):
    parent = done(app, store, caller.drawn())
    job = press(caller, parent, "zoom", cell=2, scale=2).json["data"]
    store.lanes.failed(job["id"], submitted(store, job), "It broke.", "engine_failed")

    again = caller("POST", "/draw/midjourney/refresh", json={"tag": "f" * 32}).json["data"]

    assert again["drawType"] == "zoom"
    assert request_of(store, again) == request_of(store, job)
