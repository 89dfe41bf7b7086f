"""POST /v1/images/edits: forms and JSON, references, and a mask that is transparent where to draw."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from limner.pictures.inline import decode
from tests.api.faces.openai.asking import EDITS, a_file, opened

ASYNC = {"Prefer": "respond-async"}


def edited(client, headers=ASYNC, **form):
    """The job of an edit that nobody waits for."""
    form = {"prompt": "add a boat"} | {
        name: [(io.BytesIO(one), "a.png") for one in value] if isinstance(value, list) else value
        for name, value in form.items()
    }
    response = client("POST", EDITS, data=form, headers=headers)
    assert response.status_code == 202, response.text
    return client.jobs()[-1]


def spooled(app, reference: str) -> bytes:
    images = app.extensions["limner"].images
    return decode(images.get(reference.removeprefix("spool:")).decode())


def a_mask(hole=(0, 0, 32, 48), size=(64, 48)) -> bytes:
    picture = Image.new("RGBA", size, (255, 255, 255, 255))
    picture.paste((0, 0, 0, 0), hole)
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def refused(client, **form):
    response = client("POST", EDITS, data={"prompt": "x"} | form, headers=ASYNC)
    assert response.status_code in (400, 409, 413), response.text
    assert client.jobs() == []
    return response.json["error"]


@pytest.mark.parametrize("name", ["image", "image[]"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_a_reference_however_it_is_named(client, app, name, kind):
    sent = a_file(kind=kind, size=(64, 36))

    job = edited(client, **{name: [sent]})

    (reference,) = job.request.references
    assert spooled(app, reference) == sent
    assert (job.request.operation, job.request.count) == ("draw", 1)
    assert job.request.ar == "7:4", "the nearest to the picture's"


def test_several_pictures_keep_their_order_and_fields_are_read_as_text(client, app):
    sent = [a_file((colour, 0, 0)) for colour in (10, 20, 30)]

    job = edited(client, **{"image[]": sent, "n": "3", "size": "512x512", "seed": "5"})

    assert [spooled(app, one) for one in job.request.references] == sent
    assert (job.request.count, job.request.size, job.request.seed) == (3, (512, 512), 5)


def test_pictures_also_come_as_json(client, app):
    inline = "data:image/png;base64," + base64.b64encode(a_file()).decode()
    for given in (
        {"image": inline},
        {"image": [inline, "https://pictures.example/a.png"]},
        {"images": [{"image_url": inline}]},
    ):
        response = client("POST", EDITS, json={"prompt": "x"} | given, headers=ASYNC)
        assert response.status_code == 202, response.text
        assert spooled(app, client.jobs()[-1].request.references[0]) == a_file()


def test_the_answer_of_an_edit_is_that_of_a_generation(client, draughtsman):
    thread = draughtsman.meanwhile(client, draughtsman.draw)
    form = {"prompt": "x", "image": (io.BytesIO(a_file()), "a.png"), "model": "gpt-image-1"}
    response = client("POST", EDITS, data=form)
    thread.join()

    assert response.status_code == 200, response.text
    assert response.json["data"][0].keys() == {"b64_json"}


def test_a_mask_is_a_region_of_the_picture_white_where_the_mask_is_transparent(
    client, draughtsman, app
):
    job = edited(client, image=[a_file(size=(640, 480))], mask=[a_mask(size=(64, 48))])

    assert job.request.operation == "edit"
    assert job.request.size == (640, 480)
    mask = opened(spooled(app, job.request.change.mask)).convert("L")
    assert mask.getpixel((5, 5)) == 255
    assert mask.getpixel((60, 40)) == 0


def test_a_small_picture_is_edited_at_a_size_that_engines_draw(client, draughtsman):
    job = edited(client, image=[a_file(size=(64, 48))], mask=[a_mask()])

    assert job.request.size == (336, 256)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (a_file(), "has no transparency"),
        (a_file(kind="JPEG"), "is JPEG, not PNG or WEBP"),
        (a_mask()[:40], "cannot be read"),
    ],
)
def test_a_mask_that_is_none_is_refused(client, draughtsman, mask, said):
    error = refused(
        client,
        image=(io.BytesIO(a_file()), "a.png"),
        mask=(io.BytesIO(mask), "m.png"),
    )

    assert error["param"] == "mask"
    assert said in error["message"]


def test_a_mask_with_several_pictures_is_refused(client, draughtsman):
    images = [(io.BytesIO(a_file()), "a.png"), (io.BytesIO(a_file()), "b.png")]

    error = refused(client, **{"image[]": images, "mask": (io.BytesIO(a_mask()), "m.png")})

    assert error["param"] == "image"


def test_a_mask_is_refused_where_no_engine_can_redraw_a_part(client, store):
    error = refused(
        client,
        image=(io.BytesIO(a_file()), "a.png"),
        mask=(io.BytesIO(a_mask()), "m.png"),
    )

    assert error["message"] == "No engine here can redraw a part of a picture."


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"more": (io.BytesIO(a_file()), "a.png")}, "image"),
        ({"image": (io.BytesIO(b"no picture"), "a.png")}, "image"),
        ({"image": (io.BytesIO(b""), "a.png")}, "image"),
        ({"image": "not base64!", "more": (io.BytesIO(b""), "a")}, "image"),
        ({"image[]": [(io.BytesIO(a_file()), "a.png") for _ in range(9)]}, "image"),
    ],
)
def test_what_is_no_picture_is_refused(client, form, param):
    assert refused(client, **form)["param"] == param


def test_a_picture_that_is_too_large_is_refused(client):
    data = a_file() + bytes(10 * 2**20)

    # Not as Flask's client sends it: it leaves a file open.
    boundary, body = encode_multipart(
        {"prompt": "x", "image": FileStorage(io.BytesIO(data), "a.png")}
    )
    kind = f"multipart/form-data; boundary={boundary}"
    response = client("POST", EDITS, data=body, content_type=kind)
    assert response.status_code == 413
    error = response.json["error"]

    assert (error["param"], error["message"]) == (
        "image",
        "The body is too large. Must be at most 10 MB.",
    )


def test_two_tries_of_a_form_are_one_job_though_their_boundaries_differ(client):
    first = edited(client, ASYNC | {"x-stainless-retry-count": "0"}, image=[a_file()])
    again = edited(client, ASYNC | {"x-stainless-retry-count": "1"}, image=[a_file()])
    other = edited(client, ASYNC | {"x-stainless-retry-count": "1"}, image=[a_file((1, 2, 3))])

    assert again.id == first.id != other.id
