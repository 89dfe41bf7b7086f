"""Single trees: broadleaf trees, cherries, palms, bamboo, bare ones; the forest is in ``plants.py``."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "tree",
    "tree, lone tree, 树, 大树",
    "stand",
    50,
    near="oak, maple, willow, 橡树, 枫树, 柳树",
    takes="colour, size, count, flying, autumn",
)
def tree(stage: Stage, mention: Mention) -> None:
    autumn = "autumn" in stage.plan.moods or "autumn" in mention.qualities
    green = mix(stage.palette.near, np.array([0.6, -0.09, 0.09], np.float32), 0.35)
    leaves = mix(stage.accent(0), stage.accent(1), 0.4) if autumn else lighter(green, 0.05)
    _tree(stage, mention, leaves, "tree")


@ELEMENTS.add(
    "cherry",
    "cherry blossom, cherry blossom tree, cherry tree, cherry blossoms, sakura, blossom, blossoming tree, 樱花, 樱花树, 樱",
    "stand",
    51,
    mood="spring",
    near="plum blossom, peach blossom, 梅花, 桃花",
)
def cherry(stage: Stage, mention: Mention) -> None:
    pink = np.array([0.82, 0.09, 0.0], np.float32)
    _tree(stage, mention, mix(pink, stage.palette.light, 0.15), "cherry")


def _tree(stage: Stage, mention: Mention, leaf: Floats, name: str) -> None:
    """Grow a trunk that forks six times, then paint leaves in clumps, dark ones first."""
    rng = stage.rng(name)
    leaf = stage.colour_of(mention, leaf)
    bark = mix(stage.palette.ink, np.array([0.4, 0.03, 0.04], np.float32), 0.3)
    dark = mix(lighter(leaf, -0.13), stage.palette.ink, 0.25)
    bright = mix(lighter(leaf, 0.05), stage.palette.light, 0.25)
    brightest = mix(lighter(leaf, 0.1), stage.palette.light, 0.5)
    for x, y, size in stage.spots(mention, 0.62, half=0.4):
        wood = Shape()
        tips: list[tuple[float, float]] = []

        def grow(
            x: float, y: float, angle: float, length: float, thick: float, depth: int,
            wood: Shape = wood, tips: list[tuple[float, float]] = tips,
        ) -> None:  # fmt: skip
            bend = rng.uniform(-0.25, 0.25)
            mx, my = x + cos(angle) * length * 0.5, y + sin(angle) * length * 0.5
            ex, ey = mx + cos(angle + bend) * length * 0.5, my + sin(angle + bend) * length * 0.5
            wood.line([(x, y), (mx, my), (ex, ey)], thick, thick * 0.7)
            if depth == 0:
                tips.append((ex, ey))
                return
            if depth < 3:
                tips.append((ex, ey))
            for side in (-1, 1):
                turn = side * rng.uniform(0.22, 0.56) + 0.14 * (pi / 2 - angle)
                grow(
                    ex,
                    ey,
                    angle + bend + turn,
                    length * rng.uniform(0.68, 0.84),
                    thick * 0.66,
                    depth - 1,
                )

        grow(0, -0.03, pi / 2 + rng.uniform(-0.12, 0.12), 0.27, 0.075, 5)
        stage.put(_foliage(rng, tips, 7, 0.042, 0.028, -0.016), x, y, size, dark, rim=0, shade=0.05)
        stage.put(wood, x, y, size, bark, rim=0.6)
        stage.put(_foliage(rng, tips, 9, 0.055, 0.021, 0.004), x, y, size, leaf, rim=0.15)
        lit = tips if stage.plan.light_x > x else tips[::-1]
        stage.put(
            _foliage(rng, lit[: len(lit) * 2 // 3], 8, 0.05, 0.013, 0.02), x, y, size, bright, rim=0
        )
        stage.put(
            _foliage(rng, lit[: len(lit) // 2], 4, 0.05, 0.009, 0.03), x, y, size, brightest, rim=0
        )


def _foliage(
    rng: np.random.Generator,
    tips: list[tuple[float, float]],
    count: int,
    spread: float,
    radius: float,
    lift: float,
) -> Shape:
    """Return dabs of leaves around the ends of twigs."""
    shape = Shape()
    for tx, ty in tips:
        for dx, dy, r in zip(
            rng.normal(size=count),
            rng.normal(size=count),
            rng.uniform(0.5, 1.3, count),
            strict=True,
        ):
            shape.dab(tx + dx * spread, ty + dy * spread * 0.8 + lift, r * radius)
    return shape


@ELEMENTS.add(
    "palm",
    "palm, palm tree, coconut tree, coconut palm, 棕榈, 棕榈树, 椰子树, 椰树",
    "stand",
    52,
    mood="summer",
    takes="size, count, flying",
)
def palm(stage: Stage, mention: Mention) -> None:
    """A leaning, ringed trunk under a crown of feathered leaves."""
    rng = stage.rng("palm")
    green = mix(
        np.array([0.48, -0.09, 0.08], np.float32),
        stage.palette.ink,
        0.3 + 0.3 * stage.palette.darkness,
    )
    bark = mix(stage.palette.ink, np.array([0.5, 0.03, 0.06], np.float32), 0.4)
    for x, y, size in stage.spots(mention, 0.56, usual=2):
        lean = rng.uniform(0.08, 0.2) * (1 if x < 0.5 else -1)
        trunk = Shape().line(
            [(lean * t * t * 1.1, 0.9 * t - 0.03) for t in np.linspace(0, 1, 9)], 0.06, 0.034
        )
        top_x, top_y = lean * 1.1, 0.87
        for tone, count, turn in (
            (lighter(green, -0.08), 7, 0.4),
            (green, 6, 0.0),
            (mix(lighter(green, 0.08), stage.palette.light, 0.25), 3, 0.8),
        ):
            leaves = Shape()
            for k in range(count):
                angle = pi * (0.02 + 0.96 * (k + turn) / count) * 1.02
                dx, dy = cos(angle), sin(angle) * 0.55 + 0.12
                reach = rng.uniform(0.3, 0.42)
                rib = [
                    (
                        top_x + dx * reach * t,
                        top_y + dy * reach * t - 0.38 * t**2.4 * reach * (1.2 - dy),
                    )
                    for t in np.linspace(0, 1, 9)
                ]
                leaves.line(rib, 0.02, 0.006)
                for (px, py), t in zip(rib[1:], np.linspace(0.12, 1, 8), strict=True):
                    drop = 0.11 * (1.15 - t) + 0.02
                    leaves.area(
                        (px - 0.012, py), (px + 0.02 * dx - 0.02, py - drop), (px + 0.014, py)
                    )
                    leaves.area(
                        (px - 0.012, py), (px + 0.06 * dx, py - drop * 0.6), (px + 0.014, py)
                    )
            stage.put(leaves, x, y, size, tone, rim=0.25)
        stage.put(trunk, x, y, size, bark, rim=0.6)


@ELEMENTS.add(
    "bamboo",
    "bamboo, bamboo forest, bamboo grove, 竹子, 竹林, 竹",
    "stand",
    53,
    spread="across",
    near="reeds, 芦苇",
    takes="colour",
)
def bamboo(stage: Stage, mention: Mention) -> None:
    """Stalks from bottom to top of the picture, the farther the paler, with sprays of narrow leaves."""
    rng, canvas = stage.rng("bamboo"), stage.canvas
    ink = "ink" in stage.plan.finishes
    green = stage.palette.ink if ink else np.array([0.52, -0.09, 0.08], np.float32)
    own = stage.colour_of(
        mention, mix(green, stage.palette.ink, 0.15 + 0.35 * stage.palette.darkness)
    )
    tall = canvas.height / canvas.unit
    across = canvas.width / canvas.unit
    for rank, count in enumerate((9, 7, 5)):
        near = rank / 2
        stalks, leaves = Shape(), Shape()
        for _ in range(count):
            # the middle stays open, so that there is something to look at between them
            side = rng.choice([-1, 1])
            x = across * (0.5 + side * (0.12 + 0.4 * rng.random() ** 0.8))
            lean, thick = rng.normal() * 0.05, (0.014 + 0.022 * near) * rng.uniform(0.8, 1.2)
            foot = -0.02 if rank == 2 else 0.12 * (2 - rank)
            y = foot
            while y < tall + 0.1:
                joint = y + rng.uniform(0.14, 0.2)
                stalks.line([(x + lean * y, y + 0.006), (x + lean * joint, joint - 0.006)], thick)
                if y > tall * 0.3 and rng.random() < 0.55:
                    for _ in range(5):
                        angle = (
                            rng.uniform(-2.6, -0.5)
                            if rng.random() < 0.75
                            else rng.uniform(-0.5, 0.4)
                        )
                        reach = rng.uniform(0.07, 0.13) * (0.7 + 0.5 * near)
                        px, py = x + lean * joint, joint
                        ex, ey = px + reach * cos(angle), py + reach * sin(angle)
                        mx, my = (
                            (px + ex) / 2 + 0.012 * sin(angle),
                            (py + ey) / 2 - 0.012 * cos(angle),
                        )
                        leaves.area(
                            (px, py), (mx, my), (ex, ey), ((px + ex) / 2, (py + ey) / 2 - 0.004)
                        )
                y = joint
        far = 0.62 * (1 - near)
        stage.put(stalks, 0, 1.0, 1, own, far=far, rim=0.6, shade=0.1)
        stage.put(leaves, 0, 1.0, 1, lighter(own, 0.04), far=far, rim=0.2, shade=0)


@ELEMENTS.add(
    "bare tree",
    "dead tree, bare tree, withered tree, 枯树",
    "stand",
    50,
    near="branch, 老树, 枯藤, 树枝, twisted tree",
)
def bare_tree(stage: Stage, mention: Mention) -> None:
    """A leafless tree, its crooked twigs against the sky."""
    rng = stage.rng("bare tree")
    bark = mix(stage.palette.ink, stage.palette.near, 0.1)
    for x, y, size in stage.spots(mention, 0.64, half=0.36):
        wood = Shape()

        def grow(
            x: float, y: float, angle: float, length: float, thick: float, left: int,
            wood: Shape = wood,
        ) -> None:  # fmt: skip
            kink = rng.uniform(-0.45, 0.45)
            mx, my = x + cos(angle) * length * 0.5, y + sin(angle) * length * 0.5
            ex, ey = mx + cos(angle + kink) * length * 0.55, my + sin(angle + kink) * length * 0.55
            wood.line([(x, y), (mx, my), (ex, ey)], thick, thick * 0.66)
            if left:
                for side in (-1, 1):
                    turn = side * rng.uniform(0.25, 0.85)
                    grow(
                        ex,
                        ey,
                        angle + kink * 0.5 + turn,
                        length * rng.uniform(0.62, 0.82),
                        thick * 0.62,
                        left - 1,
                    )

        grow(0, -0.03, pi / 2 + rng.uniform(-0.2, 0.2), 0.27, 0.085, 6)
        stage.put(wood, x, y, size, stage.colour_of(mention, bark), rim=0.5)
