"""What a drawing's progress leaves in its job's record: how far it is, and its newest picture."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from PIL import Image

from limner.engine import Preview, Progress
from tests.workers.beating import Ticking
from workers.drawing import telling
from workers.drawing.keeper import Drawing
from workers.drawing.telling import PROGRESS_GAP_S, Shown, Telling

FOUR = Shown(64, 64, 4, previews=True)
RED, BLUE, GREY = (200, 30, 30), (30, 30, 200), (127, 127, 127)


class Written:
    """Keeps the progress that is written, in place of a store."""

    def __init__(self) -> None:
        self.percents: list[int] = []
        self.pictures: list = []
        self.lanes = SimpleNamespace(progress=self._progress)

    def _progress(self, _job_id, _token, percent, picture) -> None:
        self.percents.append(percent)
        self.pictures.append(picture)


@pytest.fixture
def clock(monkeypatch) -> Ticking:
    ticking = Ticking()
    monkeypatch.setattr(telling, "time", ticking)
    return ticking


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def told(written, images, clock) -> Telling:
    return Telling(written, images, Drawing("a-job", "t"), FOUR)


def a_picture(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(buffer, "PNG")
    return buffer.getvalue()


def colours(images, picture) -> list[tuple[int, int, int]]:
    """The colour of each cell of a picture that was stored, as of the four."""
    shown = Image.open(io.BytesIO(images.get(images.key_of(picture.url)))).convert("RGB")
    width, height = shown.size
    middles = [(width * x // 4, height * y // 4) for y in (1, 3) for x in (1, 3)]
    found = [shown.getpixel(middle) for middle in middles]
    return [
        min((RED, BLUE, GREY), key=lambda c: abs(c[0] - f[0]) + abs(c[2] - f[2])) for f in found
    ]


def test_previews_of_several_cells_that_come_between_two_writes_are_shown_in_one_picture(
    told, written, images, clock
):
    told.see(Progress(0.1))
    told.see(Preview(0, a_picture(RED)))
    told.see(Preview(3, a_picture(BLUE)))
    assert written.percents == [10]

    clock.pass_s(PROGRESS_GAP_S)
    told.see(Progress(0.2))

    assert written.percents == [10, 20]
    assert colours(images, written.pictures[-1]) == [RED, GREY, GREY, BLUE]


def test_the_newest_preview_of_a_cell_is_the_one_that_is_shown(told, written, images, clock):
    told.see(Progress(0.1))
    told.see(Preview(1, a_picture(RED)))
    told.see(Preview(1, a_picture(BLUE)))
    clock.pass_s(PROGRESS_GAP_S)
    told.see(Progress(0.2))

    assert colours(images, written.pictures[-1]) == [GREY, BLUE, GREY, GREY]


def test_an_engine_that_is_through_has_drawn_no_more_than_99_percent(told, written, clock):
    """The rest is checking the pictures and storing them: 100 means that they are there."""
    for fraction in (0.5, 1.0, 7.0):
        told.see(Progress(fraction))
        clock.pass_s(PROGRESS_GAP_S)

    assert written.percents == [50, 99, 99]


@pytest.mark.parametrize(
    ("first", "last"), [(a_picture(RED), b"no picture"), (b"no picture", a_picture(BLUE))]
)
def test_a_preview_that_is_no_picture_harms_no_drawing_and_hides_no_later_one(
    told, written, images, clock, first, last
):
    told.see(Progress(0.1))
    told.see(Preview(0, first))
    told.see(Preview(1, last))
    clock.pass_s(PROGRESS_GAP_S)
    told.see(Preview(2, a_picture(RED)))
    clock.pass_s(PROGRESS_GAP_S)
    told.see(Progress(0.3))

    assert written.percents == [10, 10, 30]
    shown = [
        GREY if data == b"no picture" else colour for data, colour in ((first, RED), (last, BLUE))
    ]
    assert colours(images, written.pictures[1]) == [*shown, RED, GREY]


def test_previews_of_fewer_cells_stand_side_by_side(written, images, clock):
    told = Telling(written, images, Drawing("a-job", "t"), Shown(64, 64, 2, previews=True))

    told.see(Preview(1, a_picture(BLUE)))

    (picture,) = written.pictures
    assert (picture.width, picture.height) == (64, 32)


def test_the_preview_of_a_single_cell_is_shown_as_it_is(written, images, clock):
    told = Telling(written, images, Drawing("a-job", "t"), Shown(64, 64, 1, previews=True))

    told.see(Preview(0, a_picture(BLUE)))

    (picture,) = written.pictures
    assert (picture.width, picture.height) == (64, 64)


def test_a_cell_that_is_not_wanted_is_not_shown(written, images, clock):
    told = Telling(written, images, Drawing("a-job", "t"), Shown(64, 64, 2, previews=True))

    told.see(Preview(3, a_picture(BLUE)))

    assert written.pictures == [None]


def test_progress_comes_without_pictures_if_its_caller_wants_none(written, images, clock):
    told = Telling(written, images, Drawing("a-job", "t"), Shown(64, 64, 4, previews=False))

    told.see(Preview(0, a_picture(BLUE)))
    told.see(Progress(0.5))

    assert (written.percents, written.pictures) == ([50], [None])
