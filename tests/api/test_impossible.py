"""What can never work is refused as it is asked for, and not when the job's turn comes."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from api import create_app, impossible
from limner.pictures import decoding
from tests.api.asking import Caller, a_caller
from tests.api.drawing import a_picture, images_of, inline, kept

BROKEN = inline(a_picture(7)[:20] + bytes(40))
NOT_ALLOWED = {"callBackUrl": ["This address is not allowed."]}
PRIVATE = [
    "http://127.0.0.1:9000/hook",
    "http://10.0.0.1/",
    "http://[::1]:9000/",
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/",
    "http://localhost:9000/hook",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_a_callback_url_at_an_address_that_is_not_allowed_is_refused(caller, url):
    assert caller.wrong(callBackUrl=url) == NOT_ALLOWED


def test_who_may_reach_the_address_is_not_refused(app, store, settings, messages):
    url = "http://127.0.0.1:9000/hook"
    a_caller(app, store, "erin", callback_allow="127.0.0.1:9000").drawn(callBackUrl=url)
    open_to_all = create_app(replace(settings, callback_allow="localhost:*"), store, messages)

    Caller(open_to_all, store.clients.add("flo").token, "flo").drawn(
        callBackUrl="http://localhost:9000/"
    )


def test_the_gateways_own_ports_are_never_reached(app, store, settings):
    gail = a_caller(app, store, "gail", callback_allow="127.0.0.1:*")

    assert gail.wrong(callBackUrl=f"http://127.0.0.1:{settings.port}/") == NOT_ALLOWED


def test_a_default_url_that_is_not_allowed_keeps_no_job_from_being_drawn(app, store):
    ida = a_caller(app, store, "ida", callback_url="http://10.0.0.1/hook")

    assert ida.drawn()["status"] == -2


@pytest.mark.parametrize("path", ["submit/imagine", "predictions", "images/generations"])
def test_other_protocols_are_told_of_their_own_field(app, store, path):
    asked = {
        "submit/imagine": ("/mj/submit/imagine", {"prompt": "a"}, "notifyHook"),
        "predictions": (
            "/v1/predictions",
            {"version": "limner/fast", "input": {"prompt": "a"}},
            "webhook",
        ),
        "images/generations": ("/v1/images/generations", {"prompt": "a"}, "callBackUrl"),
    }
    address, body, field = asked[path]
    joe = a_caller(app, store, "joe")
    headers = {"Authorization": f"Bearer {joe.token}", "mj-api-secret": joe.token}

    response = joe("POST", address, json=body | {field: "http://10.0.0.1/"}, headers=headers)

    assert field in response.text
    assert "not allowed" in response.text


@pytest.mark.parametrize("field", ["imageList", "styleRefs", "objectRefs"])
def test_a_picture_that_cannot_be_read_is_refused_by_its_place(caller, field):
    wrong = caller.wrong(**{field: [inline(a_picture(7)), BROKEN]})

    assert wrong == {field: ["Image 2 cannot be read as PNG, JPEG, WebP or GIF."]}


def test_what_decodes_to_no_kind_of_picture_is_refused(caller):
    assert caller.wrong(imageList=[inline(b"no picture")]) == {
        "imageList": ["Image 1 cannot be read as PNG, JPEG, WebP or GIF."]
    }


def test_a_picture_at_an_address_that_is_not_allowed_is_refused(caller):
    assert caller.wrong(imageList=["https://pictures.example/a.png", "http://10.0.0.1/a.png"]) == {
        "imageList": ["Image 2 is at an address that is not allowed."]
    }


def test_a_try_run_refuses_the_same(caller):
    assert caller.wrong(dryRun=True, callBackUrl=PRIVATE[0]) == NOT_ALLOWED
    assert list(caller.wrong(dryRun=True, imageList=[BROKEN])) == ["imageList"]


def test_beyond_its_budget_of_pixels_only_the_heads_of_pictures_are_read(caller, monkeypatch):
    decoded = []

    def counting(data, *more):
        decoded.append(data)
        return decoding.open_picture(data, *more)

    monkeypatch.setattr(impossible, "open_picture", counting)
    monkeypatch.setattr(impossible, "LOOK_PIXELS", 3 * 8 * 8)

    caller.drawn(imageList=[inline(a_picture(colour)) for colour in range(5)])

    assert len(decoded) == 3
    assert list(caller.wrong(imageList=[inline(a_picture(1))] * 5 + [inline(b"none")])) == [
        "imageList"
    ]


def test_pictures_that_break_are_paid_for_from_the_same_budget(caller, monkeypatch):
    decoded = []

    def breaking(data, *_):
        decoded.append(data)
        raise decoding.UnreadablePictureError("cannot be read")

    monkeypatch.setattr(impossible, "open_picture", breaking)
    monkeypatch.setattr(impossible, "LOOK_PIXELS", 2 * 8 * 8)

    wrong = caller.wrong(imageList=[inline(a_picture(colour)) for colour in range(5)])

    assert wrong == {"imageList": [f"Image {place} cannot be read." for place in (1, 2)]}
    assert len(decoded) == 2


def test_a_picture_in_many_scans_takes_as_much_of_the_budget_as_they_take_time():
    buffer = io.BytesIO()
    Image.new("RGB", (100, 100), (9, 90, 200)).save(buffer, "JPEG", progressive=True)
    usual = buffer.getvalue()
    end = usual.rindex(b"\xff\xd9")
    last_scan = usual[usual.rindex(b"\xff\xda") : end]

    assert decoding.decoding_pixels(usual) == 10_000
    assert decoding.decoding_pixels(usual[:end] + last_scan * 50 + usual[end:]) == 60_000


def test_a_client_that_has_its_share_of_pictures_decoded_is_served_by_their_heads(
    app, caller, monkeypatch
):
    monkeypatch.setattr(impossible, "open_picture", None)

    with app.extensions["limner"].looks.hold(caller.name, impossible.CLIENT_LOOKS):
        caller.drawn(imageList=[inline(a_picture(7))])


# -- pictures of our own --------------------------------------------------------------------------


def test_a_picture_of_ours_is_taken_by_its_address(app, caller, settings):
    own = kept(app, 7).url
    assert own.startswith(settings.base_url)

    caller.drawn(imageList=[own, f"{own}?x-oss-process=style/scale512"])


def test_a_picture_of_ours_that_is_gone_or_not_shown_is_refused(app, caller):
    images = images_of(app)
    own = kept(app, 7)
    images.delete(images.key_of(own.url))
    hidden = own.url.replace("/drawings/", "/spool/")

    wrong = caller.wrong(imageList=[own.url, hidden])["imageList"]

    assert wrong == [f"Image {place} is not here, or not any more." for place in (1, 2)]


def test_the_same_request_finds_its_job_after_its_picture_has_gone(app, caller):
    images, own = images_of(app), kept(app, 7)
    headers = {"Idempotency-Key": "k"}
    first = caller.imagine(imageList=[own.url], headers=headers)
    images.delete(images.key_of(own.url))

    again = caller.imagine(imageList=[own.url], headers=headers)

    assert again.json["id"] == first.json["id"]
