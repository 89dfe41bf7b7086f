"""What an element's painter works with: the canvas, the plan, the colours, the ground.

Made by ``painter.py`` for each cell and size. Whatever several elements need, such as light on a
silhouette, haze over distant things, or spots for three birds, is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Literal

import numpy as np

from engines.sketch.around import Spread, Turn, copies, repeated
from engines.sketch.canvas import Canvas
from engines.sketch.mention import Mention
from engines.sketch.noise import TEXTURE, Floats, Texture, generator, soften
from engines.sketch.palette import lighter, mix, to_linear
from engines.sketch.plan import Plan
from engines.sketch.shape import Mask, Shape, clipped
from engines.sketch.spotting import Land, foot, tile_spots, told_apart

#: sky: behind everything · backdrop: distant land · ground: what things stand on · stand, float, fly: a
#: thing with a place of its own on the ground, on water or in the air · over: painted after the
#: brush, which would smear it · whole: takes over the whole picture · part: of a portrait, which paints it
Place = Literal["sky", "backdrop", "ground", "stand", "float", "fly", "over", "whole", "part"]

#: a texture is no finer than this, at any size
MOST_POINTS = 4 * TEXTURE


class Stage:
    """One cell while it is painted."""

    def __init__(
        self,
        canvas: Canvas,
        plan: Plan,
        belongs: Mapping[str, Place],
        spreads: Mapping[str, Spread],
        *,
        scale: float = 1.0,
    ) -> None:
        self.canvas = canvas
        self.plan = plan
        #: name of a thing → where it belongs
        self.belongs = belongs
        #: name of an element → how it goes on around the frame
        self.spreads = spreads
        self.palette = plan.palette
        self.horizon = plan.horizon
        #: size relative to the full picture: 1/8 in the first preview
        self.scale = scale
        #: column → where things stand, as a fraction of the height
        foot = 0.7 if plan.has("logo") else min(plan.horizon + 0.16, 0.93)
        self.ground: Floats = np.full(canvas.width, foot, np.float32)
        #: the first row of the water, if there is any
        self.water_top: float | None = None
        #: whether the ground is a ledge: things stand on its edge, not somewhere below it
        self.ledge = False
        #: where the sun or the moon is, once one is painted
        self.light_spot: tuple[float, float] | None = None
        #: where the weather is visible, if not everywhere: a window
        self.opening: Floats | None = None
        #: what is painted after the brush has gone over everything else
        self.afterwards: list[Callable[[], None]] = []
        #: where the bare sky is still visible, 0 to 1; stars shine only there
        self.sky_left: Floats = np.ones((canvas.rows, canvas.columns), np.float32)

        #: how the element that is being painted goes on around the frame
        self.spread: Spread = ""
        #: whether things are layers of cut paper, each above the one before
        self.layered = "papercraft" in plan.finishes and not canvas.tile
        #: spots of a tile's pattern that are taken
        self.taken: list[tuple[float, float]] = []
        self._lights: Floats = np.zeros_like(canvas.rgb)
        self._lights_alpha: Floats = np.zeros((canvas.rows, canvas.columns), np.float32)

    def cover_sky(self, mask: Floats, *, top: int = 0) -> None:
        """Record that something now covers the sky, as strongly as the mask says."""
        self.sky_left[top : top + mask.shape[0]] *= 1 - mask
        self._lights_alpha[top : top + mask.shape[0]] *= 1 - mask

    def find_or_add(self, paint: Callable[[Stage, Mention], None], name: str) -> None:
        """Paint another element along with this one, unless it is in the plan anyway."""
        if not self.plan.has(name) and name not in self.plan.refused:
            self.paint(paint, Mention(name), self.spreads[name])

    def paint(
        self, paint: Callable[[Stage, Mention], None], mention: Mention, spread: Spread
    ) -> None:
        """Paint an element; it and what it leaves for later go on around the frame as ``spread`` says."""

        def spreading(late: Callable[[], None]) -> Callable[[], None]:
            def painted() -> None:
                outer, self.spread = self.spread, spread
                late()
                self.spread = outer

            return painted

        outer, self.spread = self.spread, spread
        before = len(self.afterwards)
        paint(self, mention)
        self.afterwards[before:] = [spreading(late) for late in self.afterwards[before:]]
        self.spread = outer

    def rng(self, name: str) -> np.random.Generator:
        """Return the random generator of one element of this cell."""
        return generator(self.plan.seed, name)

    @cached_property
    def texture(self) -> Texture:
        """The grain of rock, waves and bark, sampled in each shape's own coordinates."""
        return self.new_texture(self.rng("texture"))

    def new_texture(self, rng: np.random.Generator, *, lumps: int = 8, octaves: int = 5) -> Texture:
        """Return a new texture for one element, no finer than this size can show."""
        points = TEXTURE if self.scale > 0.4 else TEXTURE // 2
        finer = 0
        while points < MOST_POINTS and points < TEXTURE * self.scale / 1.4:
            points, finer = points * 2, finer + 1
        return Texture(rng, lumps=lumps, octaves=octaves, points=points, finer=finer)

    # -- colours ---------------------------------------------------------------------------------

    @property
    def haze(self) -> Floats:
        """The colour that distant things fade to."""
        return self.palette.haze

    def distant(self, colour: Floats, distance: float) -> Floats:
        """Return a colour faded by ``distance``, 0 to 1, in OKLab."""
        return mix(colour, self.haze, distance)

    def accent(self, index: int) -> Floats:
        """Return one of the palette's accents in OKLab."""
        return np.asarray(self.palette.accents[index % len(self.palette.accents)], np.float32)

    def colour_of(self, mention: Mention, usual: Floats) -> Floats:
        """Return the thing's colour: the one that the words name, darker at night, else the usual one."""
        if mention.colour is None:
            return usual
        dimmed = lighter(mention.colour, -0.16 * self.palette.darkness)
        return mix(dimmed, self.haze, 0.06)

    # -- places ----------------------------------------------------------------------------------

    def ground_at(self, x: float) -> float:
        """Return the height of the ground at ``x``; both are fractions of the picture."""
        column = int(np.clip(x, 0, 1) * (self.canvas.width - 1))
        return float(self.ground[column])

    def place(self, mention: Mention) -> float:
        """Return the thing's place, as a fraction of the width."""
        return self.plan.places.get(mention.name, 0.5)

    def size(self, mention: Mention) -> float:
        """Return the thing's size relative to the usual one."""
        return mention.size * self.plan.zoom

    def facing(self, x: float) -> bool:
        """Return whether a thing at ``x`` must be flipped to face into the picture."""
        return x > 0.5

    def spots(
        self, mention: Mention, size: float, *, usual: int = 1, half: float = 0.0
    ) -> list[tuple[float, float, float]]:
        """Return x, y and size for each copy of the thing, the farthest first.

        One stands at the thing's place; the others spread out, smaller and farther away.
        ``half`` is the space that one needs to either side, relative to its size.
        """
        count = min(mention.count or usual, 9)
        rng = self.rng(f"spots of {mention.name}")
        place = "fly" if mention.flies else self.belongs[mention.name]
        room = 1.0 / (1 + 0.22 * (count - 1))
        unit, deep = self.canvas.unit / self.canvas.height, self.plan.has("seabed")
        spots = []
        for i in range(count):
            away = 0.0 if count == 1 else (i / (count - 1)) * 0.6
            x = self.place(mention)
            if i:
                side = 1 if (i % 2) == (x < 0.5) else -1
                x = x + side * (0.17 + 0.11 * i) * (0.8 + 0.4 * rng.random())
                x = 0.06 + (x - 0.06) % 0.88
            own = size * self.size(mention) * max(room, 0.45) * (1 - 0.55 * away)
            keep = min(half * own * self.canvas.unit / self.canvas.width, 0.5)
            x = min(max(x, keep), 1 - keep)
            land = Land(self.horizon, self.ground_at(x), self.ledge, deep, unit)
            spots.append((x, foot(land, place, away, own, rng), own))
        if self.canvas.tile:
            spots = tile_spots(self.taken, self.plan, rng, size)
        return sorted(spots, key=lambda spot: spot[2])

    def crowd(
        self,
        mention: Mention,
        shape: Shape,
        size: float,
        usual: Floats,
        *,
        after: Callable[[Stage, float, float, float, bool], None] | None = None,
        rim: float = 0.5,
        far: float = 0.0,
        firm: bool = False,
    ) -> None:
        """Paint as many copies as the words ask for, each at its spot; ``after`` adds details."""
        colour = self.colour_of(mention, usual)
        left, right = shape.width
        for x, y, own in self.spots(mention, size):
            flip = self.facing(x)
            if not self.canvas.tile:
                # a wide thing keeps clear of the picture's edge
                own = min(own, 0.96 * self.canvas.width / self.canvas.unit / max(right - left, 0.1))
                part = own * self.canvas.unit / self.canvas.width
                most_left, most_right = (right, -left) if flip else (-left, right)
                x = float(
                    np.clip(
                        x, min(most_left * part + 0.02, 0.5), max(0.98 - most_right * part, 0.5)
                    )
                )
            seen = told_apart(
                self.canvas, colour, x, y, own, firm=firm or mention.colour is not None
            )
            self.put(shape, x, y, own, seen, flip=flip, rim=rim, far=far)
            if after:
                after(self, x, y, own, flip)

    # -- around the frame ------------------------------------------------------------------------

    def is_open(self, x: float, y: float) -> bool:
        """Return whether the weather is seen at this point of the frame."""
        if self.opening is None:
            return True
        around, canvas = self.canvas.around, self.canvas
        row, column = around.top + int(y * canvas.height), around.left + int(x * canvas.width)
        return bool(self.opening[row, column])

    def repeated(self, x: float, y: float) -> list[tuple[float, float]]:
        """Return a point of the frame, and its images around the frame for an element that goes on there."""
        return repeated(self.canvas, self.spread, x, y)

    def copies(self, mask: Mask) -> list[tuple[Mask, Turn]]:
        """Return the mask, and its images around the frame; each with what turns its paint likewise."""
        return copies(self.canvas, self.spread, mask)

    # -- silhouettes -----------------------------------------------------------------------------

    def put(
        self,
        shape: Shape,
        x: float,
        y: float,
        size: float,
        colour: Floats,
        *,
        flip: bool = False,
        rim: float = 0.5,
        shade: float = 0.12,
        far: float = 0.0,
        strength: float = 1.0,
        within: Shape | None = None,
    ) -> None:
        """Paint a silhouette in OKLab ``colour`` with its foot at (x, y), lit from the side of the light.

        ``size`` is in units. ``rim``: how bright its lit edge is; ``shade``: how much darker it gets
        towards its foot; ``far``: how much haze is in front of it; ``within``: a shape that it does not
        leave, such as the body that has these stripes.
        """
        canvas = self.canvas
        size_px = size * canvas.unit
        foot_px = (x * canvas.width, y * canvas.height)
        mask = shape.mask(*foot_px, size_px, flip=flip)
        if within:
            mask = clipped(mask, within.mask(*foot_px, size_px, flip=flip))
        rows, columns = mask.alpha.shape
        if rows < 1 or columns < 1:
            return
        base = to_linear(self.distant(colour, far))
        down = np.linspace(0, 1, rows, dtype=np.float32)[:, None, None]
        paint = base * (1 + shade - 2 * shade * down)
        if rim > 0:
            side = 1 if self.plan.light_x > x else -1
            step = max(1, round(size_px * 0.014))
            behind = np.zeros_like(mask.alpha)
            # a pixel is lit if its neighbour on the side of the light is not covered
            if side > 0:
                behind[step:, :-step] = mask.alpha[:-step, step:]
            else:
                behind[step:, step:] = mask.alpha[:-step, :-step]
            lit = np.clip(mask.alpha - behind, 0, 1)[..., None]
            light = to_linear(mix(lighter(colour, 0.18), self.palette.light, 0.55))
            paint = paint + (light - paint) * lit * (rim * (1 - far))
        mask.alpha[...] *= strength
        own = np.broadcast_to(paint, (rows, columns, 3)).astype(np.float32)
        if self.layered and within is None and rim > 0:
            self._cast(mask, size_px)
        for copy, change in self.copies(mask):
            self._cover(copy)
            canvas.stamp(copy, change(own))

    def _cast(self, mask: Mask, size_px: float) -> None:
        """Let a layer of cut paper throw its soft shadow on what is below."""
        reach = max(1, round(0.011 * self.canvas.unit), round(0.02 * size_px * (size_px < 60)))
        side = -1 if self.plan.light_x > 0.5 else 1
        soft = soften(np.pad(mask.alpha, 2 * reach), 2 * reach).clip(0, 1) * np.float32(0.5)
        left, top = mask.left - 2 * reach + side * reach, mask.top - reach
        self.canvas.stamp(Mask(soft, left, top), np.zeros(3, np.float32))

    def light_up(
        self, shape: Shape, x: float, y: float, size: float, colour: Floats, *, flip: bool = False
    ) -> None:
        """Paint a shape that glows by itself, without light or shade: a window, an eye, a lantern."""
        canvas = self.canvas
        mask = shape.mask(x * canvas.width, y * canvas.height, size * canvas.unit, flip=flip)
        for copy, _ in self.copies(mask):
            self._cover(copy)
            canvas.stamp(copy, to_linear(colour))
            self._shine(copy, to_linear(colour))

    def _shine(self, mask: Mask, light: Floats) -> None:
        """Remember a small light, to repaint it after the brush has smeared it."""
        if self.canvas.tile:
            return
        x0, x1, y0, y1 = self.canvas.inside(mask)
        if x0 < x1 and y0 < y1:
            part = self.canvas.part(mask)
            self._lights[y0:y1, x0:x1] += (light - self._lights[y0:y1, x0:x1]) * part[..., None]
            left = self._lights_alpha[y0:y1, x0:x1]
            np.maximum(left, part, out=left)

    def paint_lights(self) -> None:
        """Repaint the lights crisply, except where something was painted over them."""
        self.canvas.wash(self._lights_alpha, self._lights)

    def _cover(self, mask: Mask) -> None:
        x0, x1, y0, y1 = self.canvas.inside(mask)
        if x0 < x1 and y0 < y1:
            part = self.canvas.part(mask)
            self.sky_left[y0:y1, x0:x1] *= 1 - part
            self._lights_alpha[y0:y1, x0:x1] *= 1 - part
            if self.opening is not None:
                self.opening[y0:y1, x0:x1] *= 1 - part

    def halo(self, x: float, y: float, radius: float, colour: Floats, strength: float) -> None:
        """Add soft light around a point; ``colour`` is OKLab, ``radius`` in units."""
        distance = self.canvas.distance(x, y) / radius
        self.canvas.glow(np.exp(-distance * distance) * strength, to_linear(colour))
