"""Proof of what an engine claims in ``Capabilities``; each driver's test class subclasses ``AppliedSuite``.

``exact`` is proved by pictures: what was asked for shows, the same request gives the same picture again,
another one does not. An operation is tried if it is not ``none``. Tests are skipped by claim, and say so;
that a claim was lowered is seen by ``exact`` and ``near``, where each class says what is claimed.

A subclass gives the fixtures ``engine``, ``brief``, if it draws any count ``ledger``: what its own server, or
process, has drawn, and if its pictures never come again ``sent``. A picture that is drawn must depend on all that
a stand-in is sent, see ``tests.standins.loopback.picture``.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from limner.canvas import DIRECTIONS, UPSCALES_BY, ZOOMS, Size, grown, panned, zoomed
from limner.engine import Brief, Capabilities, Edit, Engine, Finished, Handle, Level, Parent
from tests.contract.engine_suite import a_brief, drawn_to_the_end

#: the size of each cell that was drawn so far; None: the ledger does not tell sizes
Ledger = Callable[[], Sequence[Size | None]]
#: all that the server was sent so far, without what differs from one request to the next
Sent = Callable[[], Sequence[object]]

LEVELS = tuple(one.name for one in dataclasses.fields(Capabilities) if one.type == "Level")

#: what a caller may ask for besides seed, size and count, each as a change that is easy to see
ASKED: dict[str, dict[str, Any]] = {
    "negative": {"negative": "lighthouse"},
    "chaos": {"chaos": 90.0},
    "stylize": {"stylize": 900.0},
    "style": {"style": "raw"},
    "niji": {"niji": True},
    "tile": {"tile": True},
    "references": {"references": 1},
    "iw": {"references": 1, "iw": 2.0},
    "quality": {"quality": 0.25},
    "weird": {"weird": 2000.0},
    "draft": {"draft": True},
    "style_references": {"style_references": 1},
    "object_references": {"object_references": 1},
}
#: what a parameter is compared with, if not with the plain brief
WITHOUT: dict[str, dict[str, Any]] = {"iw": {"references": 1, "iw": 0.1}}
_PICTURES = ("references", "style_references", "object_references")
_FLAGS = {
    "negative": "no",
    "quality": "q",
    **{
        name: name for name in ("chaos", "stylize", "style", "niji", "tile", "iw", "weird", "draft")
    },
}
#: pictures that differ by less look the same, on a scale of 0 to 255
SEEN = 0.5


class AppliedSuite:
    """Whatever is claimed is proved."""

    #: how far two drawings of one brief may lie apart, as a mean of 0 to 255; None: not by a byte
    same_within: float | None = None
    #: what is claimed, by the names of ``Capabilities``; the rest is none
    exact: str
    near: str
    #: whether an edit is seen to keep the rest of the canvas, which the worker restores; None: if it is exact
    keeps_the_rest: bool | None = None
    #: how far beside the mask it may draw
    seam_px = 0
    #: whether a follow-up is sent the number of the parent's cell, and no picture
    names_the_cell = False
    #: sizes to draw besides the brief's; multiples of 8, and not of 16
    sizes: tuple[Size, ...] = ((128, 128), (200, 136), (104, 184))

    @pytest.fixture
    def brief(self) -> Brief:
        return a_brief()

    @pytest.fixture
    def ledger(self) -> Ledger:
        def unknown() -> Sequence[Size | None]:
            raise NotImplementedError("a claim about size or count needs the ledger of who draws")

        return unknown

    @pytest.fixture
    def sent(self) -> Sent:
        def unknown() -> Sequence[object]:
            raise NotImplementedError("pictures that never come again need what was sent")

        return unknown

    def test_no_more_and_no_less_is_claimed(self, engine, claims):
        can = engine.capabilities()
        levels = {name: getattr(can, name) for name in LEVELS}

        assert levels == dict.fromkeys(LEVELS, "none") | claims

    @pytest.fixture
    def claims(self) -> dict[str, Level]:
        """What is claimed and not none."""
        return claimed(self.exact, self.near)

    # -- seed, size and count ------------------------------------------------------------------------

    def test_the_same_seeds_give_the_same_pictures_and_others_give_others(self, engine, brief):
        _exact(engine, "seed")
        # As a caller's one seed becomes the seeds of four cells.
        brief = dataclasses.replace(brief, seeds=tuple(range(1000, 1004)))
        other = dataclasses.replace(brief, seeds=tuple(range(5000, 5004)))

        first, again, another = (drawn_to_the_end(engine, b) for b in (brief, brief, other))

        assert first.seeds == again.seeds == brief.seeds
        assert another.seeds == other.seeds
        assert len(set(first.cells)) == len(first.cells)
        for cell, same, different in zip(first.cells, again.cells, another.cells, strict=True):
            assert self.alike(cell, same)
            assert not self.alike(cell, different)

    def test_a_seed_that_was_told_draws_its_cell_alone(self, engine, brief):
        _exact(engine, "seed")
        _exact(engine, "count")
        four = drawn_to_the_end(engine, brief)

        for cell in (1, 3):
            alone = drawn_to_the_end(engine, dataclasses.replace(brief, seeds=(four.seeds[cell],)))
            assert self.alike(alone.cells[0], four.cells[cell])

    def test_any_size_is_drawn_as_asked_and_not_cut_to_it(self, engine, brief, ledger):
        _exact(engine, "size")
        for width, height in ((brief.width, brief.height), *self.sizes):
            before = len(ledger())

            finished = drawn_to_the_end(
                engine, dataclasses.replace(brief, width=width, height=height)
            )

            _check_level(finished, "size", "exact")
            assert {_size(cell) for cell in finished.cells} == {(width, height)}
            for size in ledger()[before:]:
                assert size is None or size[0] * height == size[1] * width

    def test_as_many_cells_as_there_are_seeds_are_drawn_and_no_more(self, engine, brief, ledger):
        _exact(engine, "count")
        for count in (1, 2, 3, 4):
            before = len(ledger())

            finished = drawn_to_the_end(
                engine, dataclasses.replace(brief, seeds=brief.seeds[:count])
            )

            assert len(finished.cells) == count
            assert len(finished.seeds) in (0, count)
            assert len(ledger()) - before == count

    def test_a_drawing_of_one_cell_is_watched_again_to_its_end(self, engine, brief):
        _exact(engine, "count")
        alone = dataclasses.replace(brief, seeds=brief.seeds[:1])
        handle = json.loads(json.dumps(engine.submit(alone)))

        assert len(drawn_to_the_end(engine, alone, handle).cells) == 1

    # -- the other parameters ------------------------------------------------------------------------

    @pytest.mark.parametrize("name", ASKED)
    def test_a_parameter_that_is_exact_changes_the_picture(self, engine, brief, tmp_path, name):
        _exact(engine, name)
        brief = dataclasses.replace(brief, seeds=_seeds(engine, brief, 2))
        plain = _asking(brief, WITHOUT.get(name, {}), tmp_path)
        asked = _asking(brief, ASKED[name], tmp_path)

        first, again, other = (drawn_to_the_end(engine, b) for b in (plain, plain, asked))

        _check_level(other, name, "exact")
        # Else a difference would prove nothing.
        assert all(map(self.alike, first.cells, again.cells))
        assert not all(map(self.alike, first.cells, other.cells))

    # -- operations ----------------------------------------------------------------------------------

    def test_a_variation_depends_on_its_parent(self, engine, brief, tmp_path, sent):
        _claimed(engine, "vary")
        parent = _parent(engine, brief, tmp_path)
        varying = dataclasses.replace(brief, seeds=_seeds(engine, brief, 2), parent=parent)

        self.check_that_it_depends(engine, varying, self.of_another(varying, tmp_path), sent)

    @pytest.mark.parametrize("kind", ["subtle", "creative"])
    def test_an_upscaled_picture_is_larger_and_depends_on_its_parent(
        self, engine, brief, tmp_path, sent, kind
    ):
        _claimed(engine, f"upscale_{kind}")
        width, height = grown((brief.width, brief.height), UPSCALES_BY, UPSCALES_BY)
        upscaling = dataclasses.replace(
            brief,
            operation="upscale",
            upscale=kind,
            parent=_parent(engine, brief, tmp_path),
            width=width,
            height=height,
            seeds=_seeds(engine, brief, 1),
        )

        self.check_that_it_depends(engine, upscaling, self.of_another(upscaling, tmp_path), sent)

    @pytest.mark.parametrize("change", ["region", *ZOOMS, *DIRECTIONS])
    def test_an_edit_draws_under_the_mask_and_nowhere_else(self, engine, brief, tmp_path, change):
        _claimed(engine, "edit")
        asked, canvas, mask = self.edited(engine, brief, tmp_path, change)
        keeps = _exactly(engine, "edit") if self.keeps_the_rest is None else self.keeps_the_rest
        rest = ImageChops.invert(mask.filter(ImageFilter.MaxFilter(2 * self.seam_px + 1)))

        finished = drawn_to_the_end(engine, asked)

        assert finished.cells
        for cell in finished.cells:
            assert _size(cell) == canvas.size
            assert _distance(_opened(cell), canvas, mask) > SEEN
            if keeps:
                assert _distance(_opened(cell), canvas, rest) <= SEEN

    def edited(
        self, engine: Engine, brief: Brief, folder: Path, change: str | float
    ) -> tuple[Brief, Image.Image, Image.Image]:
        """Return the brief of an edit as the worker makes it, its canvas and its mask."""
        parent = _parent(engine, brief, folder)
        assert parent.picture
        size, kept = (brief.width, brief.height), None
        if isinstance(change, float):
            size, kept = zoomed(size, change)
        elif change in DIRECTIONS:
            size, kept = panned(size, change)
        canvas = Image.new("RGB", size, "grey")
        canvas.paste(_opened(parent.picture.read_bytes()), kept or (0, 0))
        mask = Image.new("L", size, 255 if kept else 0)
        # Of a region: a part in the middle.
        region = (size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4)
        mask.paste(0 if kept else 255, kept or region)
        paths = folder / "canvas.png", folder / "mask.png"
        canvas.save(paths[0])
        mask.save(paths[1])
        asked = dataclasses.replace(
            brief,
            operation="edit",
            edit=Edit(*paths, kept),
            parent=parent,
            width=size[0],
            height=size[1],
            seeds=_seeds(engine, brief, 1),
        )
        return asked, canvas, mask

    def test_a_blend_depends_on_its_pictures(self, engine, brief, tmp_path, sent):
        _claimed(engine, "blend")
        red, blue, green = (
            _painted(tmp_path / f"{colour}.png", (brief.width, brief.height), colour)
            for colour in ("firebrick", "navy", "seagreen")
        )
        blending = dataclasses.replace(
            brief,
            operation="blend",
            prompt="",
            final_prompt="",
            references=(red, blue),
            seeds=_seeds(engine, brief, 1),
        )

        other = dataclasses.replace(blending, references=(red, green))
        self.check_that_it_depends(engine, blending, other, sent)

    def test_describing_gives_four_different_prompts_and_draws_nothing(
        self, engine, brief, tmp_path
    ):
        _claimed(engine, "describe")
        picture = _painted(tmp_path / "described.png", (brief.width, brief.height), "firebrick")

        finished = drawn_to_the_end(
            engine,
            dataclasses.replace(
                brief,
                operation="describe",
                references=(picture,),
                prompt="",
                final_prompt="",
                seeds=_seeds(engine, brief, 1),
            ),
        )

        assert finished.cells == ()
        assert len({prompt.strip() for prompt in finished.prompts}) == 4
        assert all(prompt.strip() for prompt in finished.prompts)

    def check_that_it_depends(self, engine: Engine, brief: Brief, other: Brief, sent: Sent) -> None:
        """Check the size of what is drawn, and that another brief gives another picture.

        That can only be seen if a brief gives the same picture twice, as by exact seeds it must; else, by what is
        sent for it.
        """
        first, again, another = (
            drawn_to_the_end(engine, one).cells for one in (brief, brief, other)
        )
        assert {_size(cell) for cell in first} == {(brief.width, brief.height)}
        if _exactly(engine, "seed") or all(map(self.alike, first, again)):
            assert all(map(self.alike, first, again))
            assert not any(map(self.alike, first, another))
            return
        asked = []
        for one in (brief, brief, other):
            before = len(sent())
            drawn_to_the_end(engine, one)
            asked.append(set(sent()[before:]))
        assert asked[0] == asked[1] != asked[2]

    def of_another(self, brief: Brief, folder: Path) -> Brief:
        """Return the same follow-up of another cell, or of a picture that its engine never drew."""
        assert brief.parent
        assert brief.parent.picture
        if self.names_the_cell:
            return dataclasses.replace(brief, parent=dataclasses.replace(brief.parent, cell=2))
        size = _size(brief.parent.picture.read_bytes())
        picture = _painted(folder / "another.png", size, "navy")
        return dataclasses.replace(brief, parent=dataclasses.replace(brief.parent, picture=picture))

    def alike(self, one: bytes, other: bytes) -> bool:
        """Return whether two drawings count as the same picture."""
        if self.same_within is None:
            return one == other
        return _distance(_opened(one), _opened(other)) <= self.same_within


def claimed(exact: str, near: str) -> dict[str, Level]:
    """Return the levels that are not none."""
    levels: dict[str, Level] = dict.fromkeys(exact.split(), "exact")
    return levels | dict.fromkeys(near.split(), "near")


def _level(engine: Engine, name: str) -> Level:
    level: Level = getattr(engine.capabilities(), name)
    return level


def _exactly(engine: Engine, name: str) -> bool:
    return _level(engine, name) == "exact"


def _exact(engine: Engine, name: str) -> None:
    """Skip the test of what is not claimed to be exact."""
    if not _exactly(engine, name):
        pytest.skip(f"{name} is {_level(engine, name)} on this engine")


def _claimed(engine: Engine, operation: str) -> None:
    """Skip the test of what the engine cannot do."""
    if _level(engine, operation) == "none":
        pytest.skip(f"{operation} is none on this engine")


def _check_level(finished: Finished, name: str, level: Level) -> None:
    """Check that a drawing does not take back what its engine claims."""
    assert finished.applied.get(name, level) == level


def _seeds(engine: Engine, brief: Brief, count: int) -> tuple[int, ...]:
    """Return what the worker gives: an engine that cannot draw fewer than four gets four."""
    return brief.seeds[:count] if _exactly(engine, "count") else brief.seeds


def _asking(brief: Brief, changes: dict[str, Any], folder: Path) -> Brief:
    """Return the brief of a caller who asks for more, with the flags for it."""
    fields = dict(changes)
    flags = [
        f"--{_FLAGS[name]}" if value is True else f"--{_FLAGS[name]} {value}"
        for name, value in fields.items()
        if name in _FLAGS
    ]
    for name in set(fields) & set(_PICTURES):
        fields[name] = (_painted(folder / f"{name}.png", (brief.width, brief.height), "firebrick"),)
    words = " ".join([brief.final_prompt, *flags])
    return dataclasses.replace(brief, final_prompt=words, **fields)


def _parent(engine: Engine, brief: Brief, folder: Path) -> Parent:
    """Draw what a follow-up starts from: the second cell, as the worker stores it."""
    handle: Handle = json.loads(json.dumps(engine.submit(brief)))
    finished = drawn_to_the_end(engine, brief, handle)
    path = folder / "parent.png"
    _opened(finished.cells[1]).save(path)
    seed = finished.seeds[1] if finished.seeds else None
    return Parent(path, 1, 0.45, str(handle.get("engine")), handle, seed)


def _painted(path: Path, size: Size, colour: str) -> Path:
    """Write a picture of two halves, one of them in a colour."""
    image = Image.new("RGB", size, colour)
    image.paste("ivory", (0, 0, size[0] // 2, size[1]))
    image.save(path)
    return path


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _size(data: bytes) -> Size:
    return Image.open(io.BytesIO(data)).size


def _distance(one: Image.Image, other: Image.Image, where: Image.Image | None = None) -> float:
    """Return how far two pictures lie apart under the white of a mask: 0, the same, to 255."""
    if one.size != other.size:
        return 255.0
    mean = ImageStat.Stat(ImageChops.difference(one, other), where).mean
    return sum(mean) / len(mean)
