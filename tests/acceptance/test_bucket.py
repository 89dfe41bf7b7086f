"""A whole Limner whose pictures are in a bucket, and that bucket goes away in the middle of it."""

from __future__ import annotations

import io
import logging
import urllib.request

import boto3
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image

from tests.acceptance.house import House
from tests.conftest import wait_until

pytestmark = pytest.mark.slow

ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 1.0
ledger = "LEDGER"
fast = { slots = 2 }
relaxed = { slots = 1 }
"""


class Bucket:
    """An S3 server in this process; what it keeps survives its being away."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._port = 0
        self.come()

    def come(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        _, self._port = self._server.get_host_and_port()

    def go(self) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"


@pytest.fixture
def bucket(monkeypatch):
    bucket = Bucket()
    for name, value in {
        "AWS_ENDPOINT_URL": bucket.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="pictures")
    client.close()
    yield bucket
    bucket.go()


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


def state(house: House, job: dict) -> dict:
    return house.ask("GET", f"/draw/midjourney/jobs/{job['id']}")[1]


def test_pictures_live_in_a_bucket_and_survive_its_being_away(bucket):
    with House(ENGINE, image_store="s3://pictures/limner", image_format="webp") as house:
        house.start_all()
        job = house.imagine()
        wait_until(lambda: state(house, job)["status"] == 1, what="the first drawing")
        seen = state(house, job)
        with Image.open(io.BytesIO(fetched(seen["url"]))) as grid:
            assert (grid.format, grid.width) == ("WEBP", seen["width"])
        with Image.open(
            io.BytesIO(fetched(seen["url"] + "?x-oss-process=style/scale512"))
        ) as small:
            assert max(small.size) == 512

        bucket.go()
        waits = house.imagine()
        wait_until(
            lambda: "images.missed" in house.log("fast-1"), what="a write that the bucket refused"
        )
        assert state(house, waits)["status"] == 0
        assert house.ask("GET", seen["url"].partition(str(house.settings.port))[2])[0] == 503

        bucket.come()
        wait_until(lambda: state(house, waits)["status"] == 1, what="the second drawing")
        assert fetched(state(house, waits)["images"][3]["url"])
        starts = [line for line in house.drawn() if line["what"] == "start"]
        assert len(starts) == 2, "a drawing was drawn again"
