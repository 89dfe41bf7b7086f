"""Composing: the grid and its cells, made by few threads that give way to all others."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from limner.errors import BadResult
from limner.pictures import editing
from limner.pictures.decoding import open_picture
from limner.pictures.decoding.kinds import kind_of
from limner.pictures.editing import encode_png
from workers.drawing import composing
from workers.drawing.canvas import EditCanvas
from workers.drawing.composing import NICENESS, Composer, Composition

CELLS = [
    encode_png(Image.new("RGB", (8, 6), colour)).data for colour in ("red", "lime", "blue", "white")
]


@pytest.fixture
def composer():
    composer = Composer("png")
    yield composer
    composer.close()


def test_the_grid_comes_first_and_then_the_cells_in_their_order(composer):
    grid, *cells = composer.compose(CELLS, Composition(8, 6))

    assert (grid.width, grid.height) == (16, 12)
    corners = [open_picture(grid.data).getpixel(at) for at in ((0, 0), (15, 0), (0, 11), (15, 11))]
    assert corners == [open_picture(cell.data).getpixel((0, 0)) for cell in cells]


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ([0, 0, 0, 0], "1, 2, 3 and 4"),
        ([0, 1, 2, 1], "2 and 4"),
        ([0, 1, 0, 1], "1, 3, 2 and 4"),
    ],
)
def test_cells_of_the_same_pixels_are_no_result_unless_somebody_wants_to_hear_of_it(
    composer, cells, named
):
    drawn = [CELLS[cell] for cell in cells]

    with pytest.raises(BadResult, match=named):
        composer.compose(drawn, Composition(8, 6))
    heard = []
    assert len(composer.compose(drawn, Composition(8, 6), heard.extend)) == 5
    assert named == f"{', '.join(map(str, heard[:-1]))} and {heard[-1]}"


def test_each_picture_is_decoded_once_and_an_engines_own_are_not_encoded_again(
    composer, monkeypatch
):
    calls: list[str] = []

    def counted(owner, name):
        real = getattr(owner, name)

        def call(*args):
            calls.append(name)
            return real(*args)

        monkeypatch.setattr(owner, name, call)

    for name in ("open_file", "png_file", "png_of"):
        counted(editing, name)

    grid, *cells = composer.compose(CELLS, Composition(8, 6))

    assert [cell.data for cell in cells] == CELLS, "byte by byte"
    assert Counter(calls) == {"open_file": 4, "png_of": 1}
    calls.clear()
    (only,) = composer.compose(CELLS[:1], Composition(8, 6, 1))
    assert (only.data, calls) == (CELLS[0], ["open_file"])
    whole = open_picture(grid.data)
    for number, cell in enumerate(CELLS):
        left, top = number % 2 * 8, number // 2 * 6
        part = whole.crop((left, top, left + 8, top + 6))
        assert part.tobytes() == open_picture(cell).tobytes(), "pixel by pixel"


def test_engines_files_of_another_format_become_the_one_wanted():
    composer = Composer("webp")

    encoded = composer.compose(CELLS, Composition(8, 6))

    composer.close()
    assert [kind_of(each.data) for each in encoded] == ["WEBP"] * 5
    assert {each.suffix for each in encoded} == {"webp"}


def test_cells_that_differ_in_one_pixel_are_four(composer):
    heard, drawn = [], []
    for red in range(4):
        picture = Image.new("RGB", (8, 6), "white")
        picture.putpixel((0, 0), (red, 0, 0))
        drawn.append(encode_png(picture).data)

    composer.compose(drawn, Composition(8, 6), heard.extend)

    assert heard == []


def test_what_is_wrong_with_the_pictures_is_said_to_whoever_asked(composer):
    with pytest.raises(BadResult):
        composer.compose(CELLS, Composition(8, 8))


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_its_threads_stand_behind_all_others(monkeypatch, composer):
    seen = []

    def open_cells(*_):
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        raise BadResult("enough")

    monkeypatch.setattr(composing, "open_cells", open_cells)
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with pytest.raises(BadResult):
        composer.compose(CELLS, Composition(8, 6))

    assert seen == [NICENESS]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_it_ends_its_threads_without_waiting_for_what_they_do(monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def open_cells(*_):
        begun.set()
        go_on.wait(20)
        raise BadResult("enough")

    monkeypatch.setattr(composing, "open_cells", open_cells)
    others, composer = set(threading.enumerate()), Composer("png")
    with ThreadPoolExecutor(1) as caller:
        composed = caller.submit(composer.compose, CELLS, Composition(8, 6))
        assert begun.wait(20)
        own = [thread for thread in threading.enumerate() if thread.name.startswith("composer")]
        own = [thread for thread in own if thread not in others]
        assert own

        composer.close()

        assert not composed.done()
        go_on.set()
        with pytest.raises(BadResult):
            composed.result(20)
    for thread in own:
        thread.join(20)
    assert not any(thread.is_alive() for thread in own)


@pytest.mark.parametrize(("count", "size"), [(2, (16, 6)), (3, (24, 6))])
def test_fewer_cells_stand_side_by_side(composer, count, size):
    grid, *cells = composer.compose(CELLS[:count], Composition(8, 6, count))

    assert (grid.width, grid.height) == size
    assert len(cells) == count


def test_a_single_cell_is_its_own_grid(composer):
    (only,) = composer.compose(CELLS[:1], Composition(8, 6, 1))

    assert (only.width, only.height) == (8, 6)


def test_what_an_edit_was_not_to_change_is_put_back(composer):
    canvas = Image.new("RGB", (8, 6), "black")
    mask = Image.new("L", (8, 6), 0)
    mask.paste(255, (4, 0, 8, 6))

    (only,) = composer.compose(
        CELLS[:1], Composition(8, 6, 1, EditCanvas(canvas, mask, kept=(0, 0, 4, 6)))
    )

    picture = open_picture(only.data)
    assert picture.crop((0, 0, 4, 6)).getcolors() == [(24, (0, 0, 0))]
    assert picture.crop((4, 0, 8, 6)).getcolors() == [(24, (255, 0, 0))]
