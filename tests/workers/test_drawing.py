"""What becomes of a job, by what its engine does: the rehearsal engine follows cues in the prompt."""

from __future__ import annotations

import base64
import io
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PIL import Image

from limner.errors import EngineDown, Rejected
from limner.followup import follow_up
from limner.job import Status
from limner.pictures.decoding import open_picture
from limner.request import Lane
from net.outgoing import FetchFailed
from tests.conftest import wait_until
from workers.drawing import GivenBack
from workers.drawing.composing import Composer
from workers.drawing.keeper import Drawing
from workers.drawing.references import prepare_references


def record(workshop, job, field):
    return workshop.store.redis.hget(f"limner:job:{job.id}", field)


def picture_bytes(width=64, height=48, kind="PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(buffer, kind)
    return buffer.getvalue()


def test_a_drawn_job_has_a_grid_and_four_cells_of_the_right_size(workshop):
    job = workshop.draw(ar="3:2")

    assert job.status is Status.DONE
    assert (job.progress, job.engine, job.reason) == (100, "stage", None)
    assert (job.picture.width, job.picture.height) == (1248, 832)
    assert [(c.width, c.height) for c in job.cells] == [(624, 416)] * 4
    grid = Image.open(io.BytesIO(workshop.images.get(workshop.images.key_of(job.picture.url))))
    assert (grid.format, grid.size, grid.info) == ("PNG", (1248, 832), {})
    assert job.started_at <= job.finished_at


@pytest.mark.parametrize(
    ("cue", "code"),
    [
        ("[[fail]]", "engine_failed"),
        ("[[moderated]]", "moderated"),
        ("[[bad-result]]", "bad_result"),
        ("[[lost 9]]", "drawing_lost"),
    ],
)
def test_a_job_that_cannot_be_drawn_fails_with_a_reason_and_a_code(workshop, cue, code):
    job = workshop.draw(prompt_en=f"a lighthouse {cue}")

    assert (job.status, job.reason_code) == (Status.FAILED, code)
    assert job.reason
    assert "Traceback" not in job.reason
    assert workshop.store.redis.scard("limner:slots:stage:fast") == 0
    assert workshop.store.jobs.running_count("ann") == 0


@pytest.mark.parametrize("cue", ["[[busy 2]]", "[[down 1]]", "[[lost 1]]"])
def test_a_job_survives_trouble_that_passes(workshop, cue):
    job = workshop.draw(prompt_en=f"a lighthouse {cue}")

    assert job.status is Status.DONE
    assert job.attempts > 1


def test_a_busy_engine_costs_a_job_nothing_however_often(workshop):
    job = workshop.draw(prompt_en="a lighthouse [[busy 4]]")

    assert (job.status, job.attempts) == (Status.DONE, 5)


def test_a_drawing_without_progress_is_looked_at_once_more_and_then_fails(impatient):
    job = impatient.draw(prompt_en="a lighthouse [[hang]]")

    assert (job.status, job.reason_code, job.attempts) == (Status.FAILED, "no_progress", 1)
    assert int(record(impatient, job, "stuck")) == 2


def test_a_drawing_that_takes_too_long_fails(redis_url, images, impatient):
    impatient.keeper._times = replace(impatient.keeper._times, progress_limit_s=100)
    job = impatient.draw(prompt_en="a lighthouse [[hang]]")

    assert (job.status, job.reason_code, job.attempts) == (Status.FAILED, "timed_out", 1)


def test_a_crashing_driver_costs_a_job_one_try(workshop):
    class Broken:
        def __getattr__(self, name):
            raise RuntimeError(name)

    whole = workshop.engines["stage"]
    workshop.engines["stage"] = Broken()
    job = workshop.accept()
    with pytest.raises(Exception, match="crashed"):
        workshop.draftsman.imagine(job.id)
    workshop.engines["stage"] = whole

    assert workshop.run(job).status is Status.DONE


def test_percent_is_coalesced_and_never_falls(workshop):
    job = workshop.accept(prompt_en="a lighthouse [[seconds 1.5]]")
    workshop.run(job)
    events = [json.loads(text) for text in workshop.events(job)]

    statuses = [event["v"]["status"] for event in events]
    assert statuses[0] == "submitted"
    assert statuses[-1] == "done"
    percents = [int(event["v"]["progress"]) for event in events]
    assert percents == sorted(percents)


def test_a_preview_is_shown_while_drawing(workshop):
    job = workshop.accept(prompt_en="a lighthouse [[seconds 2]]")
    thread = workshop.in_thread(job)

    wait_until(lambda: workshop.store.jobs.get(job.id).picture is not None, what="a preview")
    seen = workshop.store.jobs.get(job.id)
    thread.join(10)

    assert seen.status is Status.DRAWING
    preview = workshop.images.get(workshop.images.key_of(seen.picture.url))
    assert Image.open(io.BytesIO(preview)).format == "JPEG"


def test_draining_hands_a_drawing_over_with_its_handle_and_its_slot(workshop):
    job = workshop.accept(prompt_en="a lighthouse [[seconds 30]]")
    thread = workshop.in_thread(job)
    wait_until(lambda: record(workshop, job, "handle"), what="the handle")

    workshop.draftsman.drain()
    wait_until(
        lambda: workshop.store.jobs.get(job.id).status is Status.WAITING, what="the hand-over"
    )

    assert record(workshop, job, "handle")
    assert workshop.store.redis.sismember("limner:slots:stage:fast", job.id)
    assert record(workshop, job, "lost") is None
    workshop.store.redis.hset(f"limner:job:{job.id}", "status", "failed")
    thread.join(10)


def test_a_worker_that_retires_finishes_what_it_draws_and_lets_go_what_waits(workshop):
    drawn = workshop.accept(prompt_en="a lighthouse [[seconds 1.5]]")
    thread = workshop.in_thread(drawn)
    wait_until(lambda: record(workshop, drawn, "handle"), what="the handle")

    workshop.draftsman.retire()
    waiting = workshop.accept()
    with pytest.raises(GivenBack):
        workshop.draftsman.imagine(waiting.id)
    thread.join(20)

    assert workshop.store.jobs.get(drawn.id).status is Status.DONE
    assert workshop.store.jobs.get(waiting.id).status is Status.WAITING


def test_a_lost_lease_stops_the_drawing_and_writes_nothing(workshop):
    job = workshop.accept(prompt_en="a lighthouse [[seconds 30]]")
    thread = workshop.in_thread(job)
    wait_until(lambda: record(workshop, job, "handle"), what="the handle")

    workshop.store.redis.hset(
        f"limner:job:{job.id}", mapping={"token": "another", "status": "failed"}
    )
    thread.join(10)

    assert not thread.is_alive()
    assert record(workshop, job, "token") == "another"


def test_reference_images_of_each_kind_reach_the_engine(workshop, images):
    seen = []
    rehearsal = workshop.engines["stage"]

    class Looking:
        def __getattr__(self, name):
            return getattr(rehearsal, name)

        def submit(self, brief):
            seen.extend(open_picture(path.read_bytes()).size for path in brief.references)
            return rehearsal.submit(brief)

    workshop.engines["stage"] = Looking()
    workshop.web["http://pictures/a"] = picture_bytes(30, 20, "JPEG")
    keys = [
        images.put("spool", text, "txt", datetime.now(UTC))
        for text in (
            base64.b64encode(picture_bytes(40, 20, "WEBP")),
            b"data:image/png;base64," + base64.b64encode(picture_bytes(50, 20)),
        )
    ]
    job = workshop.draw(references=("http://pictures/a", *(f"spool:{key}" for key in keys)), iw=1.0)

    assert job.status is Status.DONE
    assert seen == [(30, 20), (40, 20), (50, 20)]
    assert images.get(keys[0]), "a redraw may need it again"


def test_an_engine_gets_references_of_at_most_2048_pixels_a_side(tmp_path, images):
    web = {"http://pictures/wide": (2049, 10), "http://pictures/tall": (7, 4096)}

    paths = prepare_references(
        (*web, "http://pictures/fits"),
        tmp_path,
        images,
        lambda url, _most: picture_bytes(*web.get(url, (2048, 2048))),
    )

    sides = [max(open_picture(path.read_bytes()).size) for path in paths]
    assert sides == [2048] * 3


def test_a_picture_of_our_own_is_read_from_the_store_and_not_fetched(tmp_path, images):
    url = images.url(images.put("drawings", picture_bytes(30, 20), "png", datetime.now(UTC)))
    asked: list[str] = []

    (path,) = prepare_references(
        (f"{url}?x-oss-process=style/scale512",), tmp_path, images, lambda url, _: asked.append(url)
    )

    assert open_picture(path.read_bytes()).size == (30, 20)
    assert asked == []


def test_what_callers_may_not_see_is_not_read_for_them_either(tmp_path, images):
    sent = images.put("spool", base64.b64encode(picture_bytes()), "txt", datetime.now(UTC))

    with pytest.raises(Rejected, match="has been deleted"):
        prepare_references((images.url(sent),), tmp_path, images, lambda *_: picture_bytes())


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"<html>", "2 is a web page, not PNG"),
        (b"", "2 is empty"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "2 cannot be read"),
        (b"x" * (10 * 1024 * 1024 + 2), "2 is larger than 10 MB"),
        (FetchFailed("http_404"), "2 cannot be fetched"),
        (FetchFailed("redirects"), "2 redirects too often"),
        (FetchFailed("not_allowed"), "2 is at an address that is not allowed"),
    ],
)
def test_a_bad_reference_fails_the_job_and_says_which(workshop, bad, says):
    workshop.web |= {"http://pictures/a": picture_bytes(), "http://pictures/b": bad}

    job = workshop.draw(references=("http://pictures/a", "http://pictures/b"))

    assert (job.status, job.reason_code) == (Status.FAILED, "reference")
    assert says in job.reason


def test_a_decompression_bomb_is_not_unpacked(workshop):
    buffer = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(buffer, "PNG")
    workshop.web["http://pictures/a"] = buffer.getvalue()

    job = workshop.draw(references=("http://pictures/a",))

    assert (job.status, job.reason_code) == (Status.FAILED, "reference")
    assert "too many" in job.reason


def test_a_relaxed_job_is_drawn_too(workshop):
    assert workshop.draw(lane=Lane.RELAXED).status is Status.DONE


def test_a_slot_is_free_and_its_next_drawing_has_a_moment_to_start_before_pictures_are_composed(
    workshop, monkeypatch
):
    steps: list[tuple[str, tuple]] = []

    def note(owner, name) -> None:
        real = getattr(owner, name)

        def call(*args, **options):
            steps.append((name, args))
            return real(*args, **options)

        monkeypatch.setattr(owner, name, call)

    note(workshop.store.lanes, "free_slot")
    note(Drawing, "wait")
    note(Composer, "compose")

    workshop.draw()

    names = [name for name, _ in steps]
    ended = names.index("free_slot")
    assert names[ended : ended + 3] == ["free_slot", "wait", "compose"]
    _, (_, moment_s) = steps[ended + 1]
    assert 0 < moment_s <= 0.1, "nobody who waits for the pictures notices it"


def test_origin_flags_in_the_text_decide_the_size(workshop):
    job = workshop.draw(prompt_en="a lighthouse --ar 16:9 --seed 7", origin=True)

    assert job.ar == "7:4"
    assert (job.picture.width, job.picture.height) == (1344, 768)


def handed_over(workshop, monkeypatch) -> list:
    """The briefs that the engine is given from here on."""
    engine, briefs = workshop.engines["stage"], []
    submit = engine.submit

    def seen(brief):
        briefs.append(brief)
        return submit(brief)

    monkeypatch.setattr(engine, "submit", seen)
    return briefs


@pytest.mark.parametrize(("button", "cell"), [("v2", 1), ("r", None)])
def test_a_follow_up_is_handed_over_with_what_its_parent_was_drawn_by(
    workshop, monkeypatch, button, cell
):
    parent = workshop.draw()
    parent_handle = json.loads(record(workshop, parent, "handle"))
    briefs = handed_over(workshop, monkeypatch)

    child = workshop.draw(follow_up=follow_up(parent, button))

    assert child.status is Status.DONE
    (brief,) = briefs
    assert (brief.parent.engine, brief.parent.handle) == ("stage", parent_handle)
    assert brief.parent.cell == cell
    assert (brief.parent.picture is None) == (cell is None)


def test_whoever_asked_hears_of_the_slot_and_then_of_the_engine(workshop):
    job, heard = workshop.accept(), []

    said = workshop.draftsman.imagine(
        job.id, lambda: heard.append("slot"), heard.append, lambda _choosy: heard.append("choosy")
    )

    assert heard == ["slot", "stage"]
    assert said == "done on stage"


def test_the_log_says_which_error_an_engine_failed_by_and_what_caused_it(
    workshop, monkeypatch, caplog
):
    def submit(_brief):
        raise EngineDown("it is away") from ConnectionResetError("hung up")

    job = workshop.accept()
    monkeypatch.setattr(workshop.engines["stage"], "submit", submit)

    with pytest.raises(GivenBack):
        workshop.draftsman.imagine(job.id)

    (failed,) = [entry for entry in caplog.records if entry.message == "engine.failed"]
    assert failed.limner_fields == {
        "job": job.id,
        "engine": "stage",
        "error_class": "EngineDown",
        "why": "hung up",
    }


def test_an_engine_that_ends_without_a_result_has_given_a_bad_one(workshop, monkeypatch):
    monkeypatch.setattr(workshop.engines["stage"], "watch", lambda *_: iter(()))

    job = workshop.draw()

    assert (job.status, job.reason_code) == (Status.FAILED, "bad_result")


def test_a_draftsman_lets_go_of_its_threads(workshop):
    others = set(threading.enumerate())
    workshop.draw()
    composers = [
        thread
        for thread in threading.enumerate()
        if thread not in others and thread.name.startswith("composer")
    ]
    assert composers

    workshop.draftsman.close()

    for thread in composers:
        thread.join(20)
    assert not any(thread.is_alive() for thread in composers)
