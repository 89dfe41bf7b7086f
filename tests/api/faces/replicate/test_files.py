"""Files: uploaded once, named in an input, within the client's quota, gone when they expire."""

from __future__ import annotations

import pytest

from limner.applied import levels_of
from limner.engine import Capabilities
from tests.api.asking import a_caller
from tests.api.drawing import a_picture, a_picture_of, images_of, inline
from tests.api.faces.replicate.asking import Client, problem
from tests.builders import a_worker, an_engine

FILES = "/v1/files"


def upload(client, data=b"a picture", name="a.png", kind="image/png", **more):
    # Written by hand: werkzeug's test client leaves a temporary file of a large one open.
    fields = [
        f'--x\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in more.items()
    ]
    head = f'--x\r\nContent-Disposition: form-data; name="content"; filename="{name}"\r\n'
    body = "".join(fields).encode() + f"{head}Content-Type: {kind}\r\n\r\n".encode()
    form = "multipart/form-data; boundary=x"
    return client("POST", FILES, data=body + data + b"\r\n--x--\r\n", content_type=form)


def kept(client, data=b"a picture"):
    response = upload(client, data)
    assert response.status_code == 201, response.text
    return response.json


def test_a_file_is_kept_and_told_as_it_was_sent(client):
    found = kept(client)

    assert found["urls"] == {"get": f"https://draw.example/v1/files/{found['id']}"}
    assert (found["name"], found["content_type"], found["size"]) == ("a.png", "image/png", 9)
    assert found["checksums"]["sha256"] == found["etag"]
    assert found["expires_at"] > found["created_at"]
    assert client("GET", f"{FILES}/{found['id']}").json == found
    assert client("GET", FILES).json["results"] == [found]


def test_the_metadata_that_libraries_send_along_is_taken(client):
    assert upload(client, metadata="{}", filename="b.png", type="image/png").status_code == 201


def test_an_input_may_name_a_file_any_number_of_times(app, client):
    data = a_picture(3)
    url = kept(client, data)["urls"]["get"]

    for _ in range(2):
        (reference,) = client.request_of(client.made(image=url)).references
        key = reference.removeprefix("spool:")
        assert images_of(app).get(key) != data, "it is text"
        assert len(images_of(app).get(key)) > len(data)
    assert client.made(image=url)["input"]["image"] == url


def test_a_file_that_is_gone_or_anothers_is_refused(client, stranger):
    url = kept(client)["urls"]["get"]

    assert problem(stranger.ask(image=url), 422)["invalid_fields"][0]["field"] == "input"
    assert client("DELETE", url.removeprefix("https://draw.example")).status_code == 204
    problem(client.ask(image=url), 422)


def test_a_file_is_its_clients_alone(client, stranger):
    path = f"{FILES}/{kept(client)['id']}"

    problem(stranger("GET", path), 404)
    problem(stranger("DELETE", path), 404)
    assert stranger("GET", FILES).json["results"] == []
    assert client("GET", path).status_code == 200


def test_a_deleted_file_takes_no_room_and_is_on_the_list_for_deletion(client, store):
    found = kept(client)
    assert store.spool.of("ann").spent_bytes > 0

    assert client("DELETE", f"{FILES}/{found['id']}").status_code == 204

    assert store.spool.of("ann").spent_bytes == 0
    assert len(store.spool.to_drop(1e6, 10)) == 1
    problem(client("DELETE", f"{FILES}/{found['id']}"), 404)
    assert client("GET", FILES).json["results"] == []


def test_files_make_room_for_each_other_within_the_quota(app, store):
    small = Client(app, store, store.clients.add("cy", inline_quota_mb=1).token, "cy")
    made = [kept(small, bytes([number]) * 300_000)["id"] for number in range(4)]

    listed = {one["id"] for one in small("GET", FILES).json["results"]}
    assert listed < set(made)
    assert listed
    assert store.spool.of("cy").spent_bytes <= 2**20
    problem(upload(small, b"x" * 2_000_000), 413)


def test_files_give_way_to_pictures_of_jobs_and_these_do_not_to_files(app, store):
    small = Client(app, store, store.clients.add("cy", inline_quota_mb=1).token, "cy")
    found = kept(small, b"x" * 300_000)
    caller = a_caller(app, store, "di")
    caller.token = small.token
    caller.drawn(imageList=[inline(a_picture_of(675_000))])

    problem(small("GET", f"{FILES}/{found['id']}"), 404)
    told = problem(upload(small, b"x" * 300_000), 429)
    assert told["retry_after"] > 0


@pytest.mark.parametrize("data", [b"", b"x" * (10 * 2**20 + 1)])
def test_a_file_that_is_empty_or_too_large_is_refused(client, data):
    assert upload(client, data).status_code == (413 if data else 422)


def test_a_form_without_a_file_and_what_is_no_form_are_refused(client):
    problem(client("POST", FILES, data={"x": "y"}, content_type="multipart/form-data"), 422)
    problem(client("POST", FILES, json={"content": "x"}), 415)


def test_a_client_keeps_so_many_files_and_the_oldest_goes(client, clock, monkeypatch):
    monkeypatch.setattr("limner.store.uploads.UPLOADS_MOST", 3)
    made = []
    for _ in range(5):
        made.append(kept(client)["id"])
        clock.pass_s(1)

    assert {one["id"] for one in client("GET", FILES).json["results"]} == set(made[-3:])


def test_the_callback_workers_sweep_leaves_a_files_account_as_it_is(client, store):
    kept(client)
    before = store.spool.of("ann")

    assert store.spool.mend("ann") == 0
    assert store.spool.of("ann") == before


def test_an_edit_takes_the_size_of_an_uploaded_picture(client, store):
    a_worker(store, an_engine("stage"))
    store.engines.abilities("stage", [], levels_of(Capabilities(edit="exact")))
    url = kept(client, a_picture(5, side=512))["urls"]["get"]

    request = client.request_of(client.made(image=url, mask=url))

    assert request.operation == "edit"
    assert request.size == (512, 512)
    assert request.change.mask.startswith("spool:")
