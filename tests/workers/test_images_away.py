"""What becomes of a drawing while the image store is away."""

from __future__ import annotations

import base64
import io
import threading
from datetime import UTC, datetime

import pytest
from PIL import Image

from limner.errors import ImagesDown
from limner.job import Status
from limner.pictures.image_folder import ImageFolder
from limner.pictures.image_store import Images
from tests.conftest import wait_until


class AwayImages(Images):
    """A store that refuses so many writes of one kind, and counts its writes."""

    def __init__(self, images: Images) -> None:
        super().__init__(images._store, "http://limner/images")
        self.refusing = {"drawings": 0, "previews": 0}
        self.written: list[str] = []
        self.tried = threading.Event()
        #: it could not be read
        self.missed = threading.Event()

    def get(self, key):
        try:
            return super().get(key)
        except ImagesDown:
            self.missed.set()
            raise

    def put_as(self, key, data):
        kind = key.partition("/")[0]
        if self.refusing.get(kind, 0) > 0:
            self.refusing[kind] -= 1
            self.tried.set()
            raise ImagesDown("the bucket is not there")
        super().put_as(key, data)
        self.written.append(kind)


@pytest.fixture
def images(images):
    return AwayImages(images)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr("workers.drawing.patience.IMAGES_RETRY_S", (0.01, 0.02))


def test_a_finished_drawing_waits_for_the_store_and_is_not_drawn_again(workshop, images):
    images.refusing["drawings"] = 7

    job = workshop.draw()

    assert (job.status, job.attempts) == (Status.DONE, 1)
    assert images.written.count("drawings") == 5
    for picture in (job.picture, *job.cells):
        assert images.has(images.key_of(picture.url))


def test_the_engine_draws_others_meanwhile(workshop, images):
    images.refusing["drawings"] = 10**9
    thread = workshop.in_thread(workshop.accept())

    assert images.tried.wait(10)

    assert workshop.store.redis.scard("limner:slots:stage:fast") == 0
    images.refusing["drawings"] = 0
    thread.join(10)
    assert not thread.is_alive()


def test_a_store_that_stays_away_fails_the_job_with_a_clear_reason(workshop, images, monkeypatch):
    monkeypatch.setattr("workers.drawing.patience.IMAGES_PATIENCE_S", 0.2)
    images.refusing["drawings"] = 10**9

    job = workshop.draw()

    assert (job.status, job.reason_code) == (Status.FAILED, "store_failed")
    assert job.reason == "The pictures could not be stored."
    assert job.attempts == 1


def test_previews_are_left_out_and_the_drawing_goes_on(workshop, images):
    images.refusing["previews"] = 10**9

    job = workshop.draw(prompt_en="a lighthouse [[seconds 1]]")

    assert job.status is Status.DONE
    assert "previews" not in images.written


def test_a_worker_that_must_end_hands_the_drawing_over_instead_of_waiting(workshop, images):
    images.refusing["drawings"] = 10**9
    job = workshop.accept()
    thread = threading.Thread(target=lambda: given_back(workshop, job), daemon=True)
    thread.start()
    assert images.tried.wait(10)

    workshop.keeper.stop_all("shutdown")
    thread.join(5)

    assert not thread.is_alive()
    assert workshop.store.jobs.get(job.id).status is Status.WAITING
    assert workshop.store.redis.hget(f"limner:job:{job.id}", "handle")
    images.refusing["drawings"] = 0
    assert workshop.run(job).status is Status.DONE
    # The engine had drawn it: the next worker only looked at what there was.
    assert workshop.store.jobs.get(job.id).attempts == 1


def given_back(workshop, job) -> None:
    from workers.drawing import GivenBack

    with pytest.raises(GivenBack):
        workshop.draftsman.imagine(job.id)


@pytest.mark.parametrize(
    ("picture_format", "suffix"), [("png", "png"), ("webp", "webp"), ("jpeg", "jpg")]
)
def test_finished_pictures_have_the_format_of_the_settings(workshop, images, suffix):
    job = workshop.draw()

    assert {p.url.rpartition(".")[2] for p in (job.picture, *job.cells)} == {suffix}
    wait_until(lambda: images.written.count("drawings") == 5)


def test_a_reference_in_a_folder_that_is_gone_is_waited_for_and_not_called_lost(
    workshop, images, tmp_path
):
    root = tmp_path / "images"
    images.folder = ImageFolder(str(root), workshop.store.folders, 0)
    text = base64.b64encode(a_png()).decode().encode()
    key = images.put("spool", text, "txt", datetime.now(UTC))
    root.rename(tmp_path / "elsewhere")
    thread = workshop.in_thread(job := workshop.accept(references=(f"spool:{key}",), iw=1.0))
    assert images.missed.wait(10)

    (tmp_path / "elsewhere").rename(root)

    thread.join(30)
    assert workshop.store.jobs.get(job.id).status is Status.DONE


def a_png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, "PNG")
    return data.getvalue()
