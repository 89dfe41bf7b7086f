"""Composing: the grid and its cells, made by few threads that give way to all others."""

from __future__ import annotations

import os
import sys
import threading

import pytest
from PIL import Image

from limner.errors import BadResult
from limner.pictures import encode_png, open_picture
from workers import composing
from workers.composing import NICENESS, Composer

CELLS = [
    encode_png(Image.new("RGB", (8, 6), colour)).data for colour in ("red", "lime", "blue", "white")
]


@pytest.fixture
def composer():
    composer = Composer("png")
    yield composer
    composer.close()


def test_the_grid_comes_first_and_then_the_cells_in_their_order(composer):
    grid, *cells = composer.compose(CELLS, 8, 6)

    assert (grid.width, grid.height) == (16, 12)
    corners = [open_picture(grid.data).getpixel(at) for at in ((0, 0), (15, 0), (0, 11), (15, 11))]
    assert corners == [open_picture(cell.data).getpixel((0, 0)) for cell in cells]


def test_what_is_wrong_with_the_pictures_is_said_to_whoever_asked(composer):
    with pytest.raises(BadResult):
        composer.compose(CELLS, 8, 8)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_its_threads_stand_behind_all_others(monkeypatch, composer):
    seen = []

    def check_cells(*_):
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        raise BadResult("enough")

    monkeypatch.setattr(composing, "check_cells", check_cells)
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with pytest.raises(BadResult):
        composer.compose(CELLS, 8, 6)

    assert seen == [NICENESS]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
