"""Requests for more, drawn by real drivers: one of seed, negative, size and count; and edits by sketch."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from PIL import Image

from engines.diffusers.process import PainterProcess
from engines.sketch.children import Child
from limner.engine import Level
from limner.followup import FollowUp
from limner.job import Status
from limner.request import Change
from limner.settings import EngineSettings, LaneLimits
from limner.store import Store
from tests.standins.comfyui import Comfy
from tests.workers.conftest import Workshop

HAS_TORCH = all(map(importlib.util.find_spec, ("torch", "diffusers", "transformers")))
ASKED: dict[str, Any] = {
    "prompt_en": "a lighthouse at dusk",
    "seed": 7,
    "negative": "lighthouse",
    "size": (264, 256),
    "count": 1,
}


def opened(workshop, picture) -> Image.Image:
    data = workshop.images.get(workshop.images.key_of(picture.url))
    return Image.open(io.BytesIO(data)).convert("RGB")


@contextmanager
def a_workshop(redis_url: str, images, driver: str, **options) -> Iterator[Workshop]:
    """A worker with one engine of this driver."""
    store = Store(redis_url)
    store.redis.flushall()
    entry = EngineSettings("drawer", driver, fast=LaneLimits(2), options=options)
    shop = Workshop(store, images, [entry])
    try:
        yield shop
    finally:
        shop.close()


# -- one request to each engine -------------------------------------------------------------------


@pytest.fixture
def sketched(redis_url, images, monkeypatch):
    """A worker with sketch, and the sizes of the cells that its painting processes painted."""
    drawn, send = [], Child.send

    def noted(child, header):
        # The coarser ones are previews.
        if header["shrink"] == 1:
            drawn.append((header["order"]["width"], header["order"]["height"]))
        send(child, header)

    monkeypatch.setattr(Child, "send", noted)
    with a_workshop(redis_url, images, "sketch") as shop:
        yield shop, drawn


@pytest.fixture
def by_comfyui(redis_url, images):
    """A worker with ComfyUI, and the sizes of the cells that its stand-in drew."""
    with (
        Comfy() as server,
        a_workshop(
            redis_url, images, "comfyui", url=server.url, checkpoint="sd15.safetensors", poll_s=0.05
        ) as shop,
    ):
        yield shop, server.drawn


@pytest.fixture
def by_diffusers(redis_url, images, monkeypatch, tmp_path):
    """A worker with a tiny pipeline, and the sizes that its drawing process was asked for."""
    from tests.standins.tiny_pipeline import make

    drawn, draw = [], PainterProcess.draw

    def noted(process, order):
        drawn.extend([tuple(order["drawn_px"])] * len(order["seeds"]))
        return draw(process, order)

    monkeypatch.setattr(PainterProcess, "draw", noted)
    model = str(make(tmp_path / "tiny"))
    with a_workshop(redis_url, images, "diffusers", model=model, steps=4, device="cpu") as shop:
        yield shop, drawn


def check_that_one_cell_is_drawn_as_asked(shop: Workshop, drawn: list) -> None:
    levels = dict[str, Level].fromkeys(("seed", "negative", "size", "count"), "exact")
    kept = shop.draw(**ASKED)

    assert kept.status is Status.DONE
    assert kept.applied == levels
    assert kept.drawn_seeds == (7,)
    assert len(kept.cells) == len(drawn) == 1
    assert kept.picture == kept.cells[0]
    picture = opened(shop, kept.picture)
    assert picture.size == ASKED["size"]

    again, other, with_it = (
        shop.draw(**ASKED | change) for change in ({}, {"seed": 8}, {"negative": None})
    )

    assert len(drawn) == 4
    assert opened(shop, again.picture).tobytes() == picture.tobytes()
    assert opened(shop, other.picture).tobytes() != picture.tobytes()
    assert opened(shop, with_it.picture).tobytes() != picture.tobytes()


def test_sketch_draws_one_cell_as_asked_and_says_so(sketched):
    check_that_one_cell_is_drawn_as_asked(*sketched)


def test_comfyui_draws_one_cell_as_asked_and_says_so(by_comfyui):
    check_that_one_cell_is_drawn_as_asked(*by_comfyui)


@pytest.mark.skipif(not HAS_TORCH, reason="torch and diffusers are not installed")
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_diffusers_draws_one_cell_as_asked_and_says_so(by_diffusers):
    check_that_one_cell_is_drawn_as_asked(*by_diffusers)


# -- what goes on from a picture ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("button", "change", "size", "kept"),
    [
        ("zoom", Change(0, scale=2.0), (512, 512), (128, 128, 384, 384)),
        ("pan", Change(0, direction="left"), (384, 256), (128, 0, 384, 256)),
        ("pan", Change(0, direction="down"), (256, 384), (0, 0, 256, 256)),
        ("region", Change(0, mask="http://p/mask"), (256, 256), (128, 0, 256, 256)),
    ],
    ids=["zoom", "left", "down", "region"],
)
def test_sketch_draws_around_a_picture_and_keeps_it(sketched, button, change, size, kept):
    shop, _ = sketched
    parent = shop.draw(**ASKED | {"size": (256, 256)})
    shop.web["http://p/mask"] = a_mask_of_the_left_half()

    job = follow(shop, parent, button, "edit", change, size)

    was, now = opened(shop, parent.picture), opened(shop, job.picture)
    assert now.size == size
    before = was.crop(kept) if button == "region" else was
    assert now.crop(kept).tobytes() == before.tobytes()
    drawn = now.copy()
    drawn.paste("black", kept)
    # A part that was drawn has more to show than one colour.
    assert len(drawn.getcolors(size[0] * size[1])) > 100
    if button == "region":
        assert now.crop((0, 0, 128, 256)).tobytes() != was.crop((0, 0, 128, 256)).tobytes()


def test_sketch_paints_a_picture_larger_and_does_not_stretch_it(sketched):
    shop, drawn = sketched
    parent = shop.draw(**ASKED | {"size": (256, 256)})

    job = follow(shop, parent, "upscale", "upscale", Change(0, kind="subtle"), (512, 512))

    was, now = opened(shop, parent.picture), opened(shop, job.picture)
    assert now.size == (512, 512)
    assert drawn[-1] == (512, 512)
    assert now.tobytes() != was.resize((512, 512), Image.Resampling.LANCZOS).tobytes()


def follow(shop, parent, button, operation, change, size):
    job = shop.draw(
        follow_up=FollowUp(parent.id, button, parent.engine),
        operation=operation,
        change=change,
        size=size,
        count=1,
        seed=9,
    )
    assert job.status is Status.DONE, job.reason
    return job


def a_mask_of_the_left_half() -> bytes:
    mask = Image.new("L", (256, 256), 0)
    mask.paste(255, (0, 0, 128, 256))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()
