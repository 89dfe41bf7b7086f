"""The API while Redis is away, and when it comes back."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from limner.errors import StoreDown
from limner.store import Store
from tests.api.asking import Caller, a_caller, refused
from tests.api.drawing import a_picture, images_of, inline
from tests.builders import a_worker
from tests.conftest import wait_until

ASKED = [
    ("POST", "/draw/midjourney/waiting"),
    ("POST", "/draw/midjourney/pending"),
    ("GET", "/draw/midjourney/jobs"),
    ("GET", "/draw/midjourney/jobs/" + "0" * 32),
    ("GET", "/draw/midjourney/find/by/" + "0" * 32),
    ("GET", "/readyz"),
]


def test_without_redis_every_request_is_503_with_a_time_to_come_again(mortal_app):
    caller = Caller(mortal_app, "some-token", "ann")

    for response in [caller.imagine(), caller.origin(), *(caller(*asked) for asked in ASKED)]:
        refused(response, 503)
        assert int(response.headers["Retry-After"]) > 0


def test_without_redis_the_process_is_alive_and_not_ready(mortal_app):
    client = mortal_app.test_client()

    assert client.get("/healthz").json == {"status": "alive"}
    refused(client.get("/readyz"), 503)


def failed(mortal_app) -> dict[str, float]:
    text = mortal_app.test_client().get("/metrics").text
    (family,) = (
        family
        for family in text_string_to_metric_families(text)
        if family.name == "limner_requests_failed"
    )
    return {sample.labels["status"]: sample.value for sample in family.samples}


def test_requests_that_failed_without_redis_are_counted_once_it_is_back(mortal_app, server):
    stranger = Caller(mortal_app, "some-token", "ann")
    for _ in range(3):
        refused(stranger.imagine(), 503)
    refused(stranger("GET", "/draw/midjourney/jobs"), 503)  # asks for nothing to be drawn
    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    wait_until(lambda: caller("GET", "/draw/midjourney/jobs").status_code == 200)

    assert failed(mortal_app) == {"500": 0, "503": 3, "507": 0}

    # What is counted is not counted again, and a caller's own fault not at all.
    refused(caller.imagine(promptEn=""), 422)
    assert failed(mortal_app) == {"500": 0, "503": 3, "507": 0}
    store.close()


@pytest.mark.parametrize("job_id", ["x", "0" * 31, "0" * 33, "G" * 32, "0" * 32 + ":x"])
def test_what_is_no_id_is_404_without_a_question_to_redis(mortal_app, server, job_id):
    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    store.close()
    caller("POST", "/draw/midjourney/waiting")
    server.kill()

    refused(caller("GET", f"/draw/midjourney/jobs/{job_id}"), 404)
    refused(caller("GET", "/draw/midjourney/jobs/" + "0" * 32), 503)


def test_an_api_that_started_first_accepts_as_soon_as_redis_is_there(mortal_app, server):
    client = mortal_app.test_client()
    refused(client.get("/readyz"), 503)

    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")

    a_worker(store)
    wait_until(lambda: client.get("/readyz").status_code == 200, what="readiness")
    assert caller.imagine().status_code == 202
    assert store.redis.llen("fast") == 1
    store.close()


def test_an_inline_picture_stays_when_nobody_knows_whether_the_job_was_accepted(
    mortal_app, server, tmp_path, monkeypatch
):
    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    store.close()
    caller.drawn()
    images, put = images_of(mortal_app), images_of(mortal_app).put

    def put_and_kill(*arguments):
        key = put(*arguments)
        server.kill()
        return key

    monkeypatch.setattr(images, "put", put_and_kill)

    refused(caller.imagine(imageList=[inline(a_picture(7))]), 503)
    assert len(list(tmp_path.glob("images/spool/*/*.txt"))) == 1


def test_while_redis_is_away_no_picture_is_written(mortal_app, server, tmp_path):
    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    store.close()
    caller.drawn()

    server.kill()

    refused(caller.imagine(imageList=[inline(a_picture(7))]), 503)
    assert list(tmp_path.glob("images/spool/*/*.txt")) == []


def test_a_restarted_redis_is_used_again(mortal_app, server):
    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    first = caller.drawn()
    server.kill()
    refused(caller("GET", f"/draw/midjourney/jobs/{first['id']}"), 503)

    server.start()

    job = f"/draw/midjourney/jobs/{first['id']}"
    wait_until(lambda: caller("GET", job).json == first, what="the job")
    store.close()


def test_a_redis_without_memory_left_is_as_good_as_none_until_it_has_some(mortal_app, server):
    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    caller.drawn()

    store.redis.config_set("maxmemory", "1")
    refused(caller.imagine(), 503)
    with pytest.raises(StoreDown, match="refuses to write: its memory is full"):
        store.folders.remember("/images", "one")

    store.redis.config_set("maxmemory", "0")
    caller.drawn()
    assert caller("POST", "/draw/midjourney/waiting").json == {"data": 2}
    store.close()
