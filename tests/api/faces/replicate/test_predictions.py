"""Predictions: the three ways to make one, looking, listing, cancelling."""

from __future__ import annotations

import threading

import pytest

from tests.api.asking import a_caller
from tests.api.drawing import a_picture, done, failed, inline, submitted
from tests.api.faces.replicate.asking import MODEL, problem

ID = "a" * 64


@pytest.mark.parametrize(
    ("path", "more", "model", "version"),
    [
        (MODEL, {}, "black-forest-labs/flux-schnell", "hidden"),
        ("/v1/deployments/acme/poster/predictions", {}, "acme/poster", "hidden"),
        ("/v1/predictions", {"model": "acme/poster"}, "acme/poster", "hidden"),
        ("/v1/predictions", {"version": "acme/poster"}, "acme/poster", "hidden"),
        ("/v1/predictions", {"version": f"acme/poster:{ID}"}, "acme/poster", ID),
        ("/v1/predictions", {"version": ID}, "limner/limner", ID),
    ],
)
def test_a_prediction_is_made_in_each_of_the_three_ways(client, path, more, model, version):
    response = client(
        "POST", path, json={"input": {"prompt": "a lighthouse"}, "stream": True} | more
    )

    assert response.status_code == 201
    found = response.json
    assert (found["model"], found["version"], found["status"]) == (model, version, "starting")
    assert found["input"] == {"prompt": "a lighthouse"}
    assert found["output"] is found["error"] is found["started_at"] is found["completed_at"] is None
    assert found["urls"] == {
        "get": f"https://draw.example/v1/predictions/{found['id']}",
        "cancel": f"https://draw.example/v1/predictions/{found['id']}/cancel",
    }
    assert client.seen(found) == found


def test_a_prediction_that_names_no_model_is_refused(client):
    told = problem(client("POST", "/v1/predictions", json={"input": {"prompt": "a dog"}}), 422)

    assert told["invalid_fields"][0]["field"] == "version"


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "token"])
def test_a_token_is_taken_in_each_form_that_libraries_send(client, scheme):
    sent = {"Authorization": f"{scheme} {client.token}"}

    assert client("GET", "/v1/account", headers=sent).json["username"] == "ann"


def test_progress_is_shown_as_libraries_read_it(client):
    prediction = client.begun(40)

    assert prediction["status"] == "processing"
    assert prediction["logs"].splitlines()[-1] == " 40%|████████            | 40/100"
    assert prediction["started_at"]


def test_who_waits_is_told_its_position(client):
    client.made()

    assert "Waiting: position 2." in client.made()["logs"]


def test_a_prediction_that_is_done_has_its_pictures_and_its_times(client):
    prediction = client.drawn(num_outputs=4)

    assert prediction["status"] == "succeeded"
    assert len(prediction["output"]) == 4
    assert all(url.startswith("https://draw.example/images/") for url in prediction["output"])
    assert set(prediction["metrics"]) == {"predict_time", "total_time"}
    assert prediction["completed_at"].endswith("Z")
    assert prediction["data_removed"] is False


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("engine_failed", "failed", "It broke."),
        ("cancelled", "canceled", None),
        ("deadline_passed", "canceled", None),
    ],
)
def test_each_failure_has_replicates_status(client, code, status, error):
    prediction = client.failed(code)

    assert (prediction["status"], prediction["error"]) == (status, error)
    assert prediction["output"] is None


def test_a_deadline_is_kept_and_told(client):
    response = client.ask(headers={"Cancel-After": "1m30s"})

    assert client.request_of(response.json).deadline_s == 90
    assert response.json["deadline"] > response.json["created_at"]


def test_a_prediction_that_never_began_before_its_deadline_is_aborted(client, store):
    prediction = client.made()
    store.redis.hset(
        f"limner:job:{prediction['id']}",
        mapping={"status": "failed", "reason_code": "deadline_passed", "reason": "Late."},
    )

    assert client.seen(prediction)["status"] == "aborted"


@pytest.mark.parametrize("text", ["soon", "0s", "", "99999h", "5 parsecs"])
def test_a_deadline_that_is_none_is_refused(client, text):
    if not text:
        assert client.ask(headers={"Cancel-After": text}).status_code == 201
        return
    assert problem(client.ask(headers={"Cancel-After": text}), 422)["invalid_fields"]


def test_cancelling_answers_the_prediction_however_often(client):
    prediction = client.made()

    for _ in range(2):
        answer = client("POST", f"/v1/predictions/{prediction['id']}/cancel")
        assert (answer.status_code, answer.json["status"]) == (200, "canceled")
    finished = client.drawn()
    answer = client("POST", f"/v1/predictions/{finished['id']}/cancel")
    assert (answer.status_code, answer.json) == (200, finished)


def test_another_clients_prediction_is_not_there(client, stranger):
    prediction = client.made()

    problem(stranger("GET", f"/v1/predictions/{prediction['id']}"), 404)
    problem(stranger("POST", f"/v1/predictions/{prediction['id']}/cancel"), 404)
    assert stranger("GET", "/v1/predictions").json["results"] == []


def test_predictions_are_listed_page_by_page(client, monkeypatch):
    monkeypatch.setattr("api.faces.replicate.predictions.PAGE_LENGTH", 2)
    made = [client.made()["id"] for _ in range(5)]
    path, found, pages = "/v1/predictions", [], 0
    while path:
        page = client("GET", path).json
        found += [one["id"] for one in page["results"]]
        path, pages = (page["next"] or "").removeprefix("https://draw.example"), pages + 1

    assert (found, pages) == (made[::-1], 3)
    problem(client("GET", "/v1/predictions?cursor=x"), 422)


def test_a_job_of_another_face_is_a_prediction_too(app, store, client):
    caller = a_caller(app, store, "cid")
    client.token = caller.token
    jobs = [
        caller.drawn(ar="16:9", seed=7, imageList=[inline(a_picture(7))]),
        done(app, store, caller.drawn()),
        failed(store, caller.drawn()),
        caller("POST", "/draw/midjourney/origin/imagine", json={
            "promptEn": "a dog --ar 3:2", "fast": True, "tag": "0" * 32}).json,
    ]  # fmt: skip

    found = [client.seen(job) for job in jobs]

    assert [one["model"] for one in found] == ["limner/limner"] * 4
    assert found[0]["input"] == {
        "prompt": "a lighthouse at dusk", "num_outputs": 4, "aspect_ratio": "16:9", "seed": 7,
    }  # fmt: skip
    assert len(found[1]["output"]) == 4
    assert found[2]["error"] == "It broke."


def test_a_held_answer_comes_with_the_end(app, store, client, monkeypatch):
    found = {}

    def ask() -> None:
        found["answer"] = client.ask(headers={"Prefer": "wait"})

    thread = threading.Thread(target=ask)
    thread.start()
    while not (jobs := store.jobs.page("ann").jobs):
        pass
    done(app, store, {"id": jobs[0].id})
    thread.join(20)

    assert found["answer"].status_code == 201
    assert found["answer"].json["status"] == "succeeded"
    assert found["answer"].json["output"]


def test_a_held_answer_that_comes_before_the_end_is_starting_and_nothing_else(
    app, store, client, monkeypatch
):
    """Replicate's library for JavaScript takes what is processing for done."""
    waited = []

    def all_ended(jobs, wait_s):
        (job,) = jobs
        waited.append(wait_s)
        store.lanes.progress(job.id, submitted(store, {"id": job.id}), 40, None)
        return [store.jobs.get(job.id)]

    monkeypatch.setattr("api.waiting.all_ended", all_ended)
    monkeypatch.setattr("api.faces.replicate.predictions.monotonic", lambda: 0.0)
    for prefer in ("wait", "wait=5", "respond-async, wait=99", "wait=0", "WAIT = 7"):
        answer = client.ask(headers={"Prefer": prefer})
        assert answer.json["status"] == "starting"
        assert client.seen(answer.json)["status"] == "processing"

    assert waited == [59.5, 4.5, 59.5, 0.5, 6.5]


def test_nobody_waits_who_did_not_ask_to(client, monkeypatch):
    monkeypatch.setattr("api.waiting.all_ended", None)

    assert client.ask(headers={"Prefer": "respond-async"}).status_code == 201
    assert client.ask(headers={"Prefer": "awaiting"}).status_code == 201


def test_where_too_many_wait_nothing_is_made(app, store, client):
    places = app.extensions["limner"].waits
    held = [places.held("ann") for _ in range(app.extensions["limner"].settings.api_client_waits)]

    problem(client.ask(headers={"Prefer": "wait"}), 429)

    assert store.jobs.page("ann").jobs == ()
    for one in held:
        one.close()


def test_an_idempotency_key_gives_the_first_prediction(client):
    first, second = (client.ask(headers={"Idempotency-Key": "k"}).json for _ in range(2))

    assert first["id"] == second["id"]
    problem(client.ask(headers={"Idempotency-Key": "k"}, seed=1), 409)
