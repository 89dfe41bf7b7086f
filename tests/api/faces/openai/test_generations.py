"""POST /v1/images/generations: what becomes of each field, and the answer."""

from __future__ import annotations

import base64

import pytest

from limner.request import Lane
from tests.api.asking import Caller
from tests.api.faces.openai.asking import opened


def drawn(client, draughtsman, jobs=1, **body):
    thread = draughtsman.meanwhile(client, draughtsman.draw, jobs)
    response = client.generate(**body)
    thread.join()
    assert response.status_code == 200, response.text
    return response


def picture(item) -> bytes:
    return base64.b64decode(item["b64_json"])


def test_a_prompt_is_drawn_and_answered_with_a_url(client, draughtsman, app):
    response = drawn(client, draughtsman)

    (job,) = client.jobs()
    (cell,) = job.cells
    assert response.headers["x-request-id"] == job.id
    assert response.json == {
        "created": int(job.finished_at.timestamp()),
        "data": [{"url": cell.url}],
        "background": "opaque",
        "output_format": "png",
        "quality": "auto",
        "size": "64x48",
        "usage": {
            "input_tokens": 0,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
            "output_tokens": 0,
            "total_tokens": 0,
        },
        "id": job.id,
    }
    assert job.request.prompt_en == "a lighthouse at dusk"
    assert job.request.face == "openai"
    assert (job.request.count, job.request.size, job.lane) == (1, None, Lane.FAST)
    assert app.test_client().get(cell.url.removeprefix("https://draw.example")).status_code == 200


def test_base64_is_given_if_it_is_asked_for_and_for_models_that_give_nothing_else(
    client, draughtsman
):
    for body in ({"response_format": "b64_json"}, {"model": "gpt-image-1"}):
        (item,) = drawn(client, draughtsman, **body).json["data"]
        assert item.keys() == {"b64_json"}
        assert opened(picture(item)).size == (64, 48)
    (item,) = drawn(client, draughtsman, model="gpt-image-1", response_format="url").json["data"]
    assert item.keys() == {"url"}


@pytest.mark.parametrize("n", [1, 3, 4])
def test_up_to_four_pictures_are_one_job(client, draughtsman, n):
    response = drawn(client, draughtsman, n=n)

    assert len(response.json["data"]) == n
    assert [job.count for job in client.jobs()] == [n]


def test_more_pictures_are_several_jobs_with_seeds_that_go_on(client, draughtsman):
    response = drawn(client, draughtsman, jobs=3, n=10, seed=7)

    assert len({item["url"] for item in response.json["data"]}) == 10
    jobs = client.jobs()
    assert [job.count for job in jobs] == [4, 4, 2]
    assert [job.seeds[0] for job in jobs] == [7, 11, 15]
    assert response.json["id"] == jobs[0].id


def test_a_seed_among_the_prompts_words_goes_on_too_and_so_does_a_ratio(client, draughtsman):
    drawn(client, draughtsman, jobs=2, n=5, prompt="a lighthouse --seed 7 --ar 3:2")

    assert [job.seeds[0] for job in client.jobs()] == [7, 11]
    assert [job.ar for job in client.jobs()] == ["3:2", "3:2"]


@pytest.mark.parametrize(
    ("asked", "drawn_at"),
    [
        ("1024x1024", (1024, 1024)),
        ("256x256", (256, 256)),
        ("1792x1024", (1792, 1024)),
        ("100x100", (256, 256)),
        ("3840x2160", (2048, 1152)),
    ],
)
def test_the_asked_pixels_are_delivered_whatever_was_drawn(client, draughtsman, asked, drawn_at):
    response = drawn(client, draughtsman, size=asked, response_format="b64_json")

    assert client.jobs()[0].request.size == drawn_at
    assert response.json["size"] == asked
    size = tuple(map(int, asked.split("x")))
    assert opened(picture(response.json["data"][0])).size == size


def test_a_url_gives_the_asked_pixels_too_and_the_same_url_each_time(
    client, draughtsman, app, store
):
    asked = drawn(client, draughtsman, size="32x32", output_format="webp").json["data"][0]["url"]
    again = client("GET", f"/v1/images/generations/{client.jobs()[0].id}").json["data"][0]["url"]

    got = app.test_client().get(asked.removeprefix("https://draw.example"))
    assert got.mimetype == "image/webp"
    assert opened(got.data).size == (32, 32)
    assert again == asked


@pytest.mark.parametrize(
    ("name", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP"), (None, "PNG")]
)
def test_pictures_come_in_the_format_asked_for(client, draughtsman, name, kind):
    body = {"output_format": name, "output_compression": 40, "response_format": "b64_json"}

    response = drawn(client, draughtsman, **body)

    assert opened(picture(response.json["data"][0])).format == kind
    assert response.json["output_format"] == (name or "png")


def test_compression_makes_a_lossy_picture_smaller(client, draughtsman):
    sizes = [
        len(
            picture(
                drawn(
                    client,
                    draughtsman,
                    output_format="jpeg",
                    output_compression=compression,
                    size="512x512",
                    response_format="b64_json",
                ).json["data"][0]
            )
        )
        for compression in (1, 100)
    ]

    assert sizes[0] < sizes[1]


def test_what_other_servers_take_is_ignored_and_what_is_ours_is_taken(client, draughtsman):
    drawn(
        client,
        draughtsman,
        quality="hd",
        style="vivid",
        user="u",
        moderation="low",
        steps=30,
        n="1",
        negative_prompt="fog",
        lane="relaxed",
        background="opaque",
        safety_identifier=None,
    )

    (job,) = client.jobs()
    assert (job.request.negative, job.lane) == ("fog", Lane.RELAXED)


def test_a_query_and_the_other_base_are_the_same_address(client, draughtsman):
    for path in ("/v1/images/generations?api-version=2025", "/openai/v1/images/generations"):
        thread = draughtsman.meanwhile(client, draughtsman.draw)
        assert client("POST", path, json={"prompt": "a cat"}).status_code == 200
        thread.join()


def test_a_key_may_come_as_azures_clients_send_it(client, draughtsman):
    thread = draughtsman.meanwhile(client, draughtsman.draw)
    headers = {"Authorization": "", "api-key": client.token}
    assert client.generate(headers=headers).status_code == 200
    thread.join()


def test_a_long_prompt_is_taken(client, draughtsman):
    drawn(client, draughtsman, prompt="a very " * 4000 + "long prompt")


def test_who_prefers_it_gets_the_job_at_once_and_the_pictures_later(client, draughtsman):
    body = {"size": "32x32", "output_format": "jpeg", "response_format": "b64_json"}
    response = client.generate({"Prefer": "wait=5, respond-async"}, **body)

    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async"
    (job,) = client.jobs()
    assert response.json["id"] == response.headers["x-request-id"] == job.id
    assert (response.json["status"], response.json["position"]) == ("queued", 1)
    path = f"/v1/images/generations/{job.id}"
    assert response.headers["Location"] == response.json["url"] == f"https://draw.example{path}"
    assert client("GET", path).json == response.json
    draughtsman.draw(job)
    (item,) = client("GET", path).json["data"]
    made = opened(picture(item))
    assert (made.format, made.size) == ("JPEG", (32, 32))


def test_a_callback_url_means_that_nobody_waits(client):
    response = client.generate(callBackUrl="https://receiver.example/hook")

    assert response.status_code == 202
    assert client.jobs()[0].request.callback_url == "https://receiver.example/hook"


def test_a_job_of_another_face_can_be_looked_at(client, draughtsman, app, store):
    job = Caller(app, client.token, "ann").drawn()
    path = f"/v1/images/generations/{job['id']}"
    assert client("GET", path).json["status"] == "queued"
    draughtsman.draw(client.jobs()[0])

    assert len(client("GET", path).json["data"]) == 4


def test_a_job_of_another_client_cannot_be_looked_at(client, stranger):
    client.generate({"Prefer": "respond-async"})

    path = f"/v1/images/generations/{client.jobs()[0].id}"
    assert stranger("GET", path).status_code == 404
