"""The portrait: a bust that looks at you, with the hair, beard, glasses and age that the words name.

The scene behind it is out of focus. What belongs to a face (``PARTS``) is painted here, not by itself.
"""

from __future__ import annotations

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats, soften
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.scene.attire import points, wear
from engines.sketch.scene.pets import mirrored
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()

SKINS = ("#f0cdb0", "#e3b48c", "#c98f63", "#9a6440", "#6b4229")
LOCKS = ("#1f1a1c", "#3d271b", "#6b4427", "#c39a55", "#7d3420")

#: behind the bust, this much blurred, in pixels of a full-size cell
OUT_OF_FOCUS = 11

HEAD = "-21,72 -21.5,60 -18,48 -9,39 0,36 9,39 18,48 21.5,60 21,72 18,86 0,94 -18,86"
LONG = "-24,84 -30,66 -30,46 -36,26 -30,12 -14,8 14,8 30,12 36,26 30,46 30,66 24,84 14,98 -14,98"
FRINGE = "-23,58 -27,76 -19,94 0,102 19,94 27,76 23,58 20,72 13,82 2,86 -10,83 -19,72"
SHORT = "-23,64 -26,78 -18,95 0,102 18,96 26,80 23,64 21,76 15,84 6,87 -4,84 -14,86 -21,76"
BEARD = "-22,64 -22,50 -17,36 -7,25 0,22 7,25 17,36 22,50 22,64 18,56 11,51 0,53 -11,51 -18,56"


@ELEMENTS.add(
    "portrait",
    "portrait, face, head, headshot, self-portrait, self portrait, selfie, close up, close-up, closeup, bust, "
    "肖像, 人像, 脸, 头像, 面孔, 特写, 自画像",
    "whole",
    60,
    takes="old, young",
)
def portrait(stage: Stage, mention: Mention) -> None:
    """Blur the scene, and paint the bust in front of it, lit from the side of the light."""
    canvas, palette = stage.canvas, stage.palette
    traits = mention.qualities
    rng = stage.rng("portrait")
    if not traits & {"man", "woman", "young"} and rng.random() < 0.5:
        traits |= {"man"}
    if not canvas.tile:
        canvas.rgb[:] = soften(canvas.rgb, max(2, round(OUT_OF_FOCUS * stage.scale))).clip(0)
        x = float(stage.plan.places.get("portrait", 0.5))
        stage.halo(x, 0.42, 0.5, mix(palette.light, stage.haze, 0.4), 0.16)
    tone, lock = int(rng.integers(len(SKINS))), int(rng.integers(len(LOCKS)))
    skin = mix(lighter(from_hex(SKINS[tone]), -0.12 * palette.darkness), stage.haze, 0.1)
    hair = _hair_colour(stage, traits, LOCKS[lock if tone < 2 else lock % 3])
    if canvas.tile:
        for x, y, size in stage.spots(mention, 0.4):
            _Bust(stage, traits, (x, y, size), skin, hair, flip=False).paint()
        return
    tall = 0.96 * min(canvas.height, canvas.width * 1.05) / canvas.unit
    if "young" in traits or stage.plan.has("hat", "crown"):
        tall *= 0.86
    flip = stage.plan.light_x < 0.5
    _Bust(
        stage, traits, (stage.plan.places.get("portrait", 0.5), 1.0, tall), skin, hair, flip=flip
    ).paint()


def _hair_colour(stage: Stage, traits: frozenset[str], usual: str) -> Floats:
    asked = stage.plan.find("hair") or stage.plan.find("beard")
    own = from_hex("#cfcbc6" if "old" in traits else usual)
    if asked is not None and asked.colour is not None:
        own = asked.colour
        if own[1] > 0.08 and own[0] > 0.4:
            # red hair is copper, not scarlet
            own = mix(own, from_hex("#a8522a"), 0.65)
        elif own[2] > 0.1:
            own = mix(own, from_hex("#d9b569"), 0.6)
    return mix(lighter(own, -0.1 * stage.palette.darkness), stage.haze, 0.05)


class _Bust:
    """One bust in the making: who it is, and its colours."""

    def __init__(
        self,
        stage: Stage,
        traits: frozenset[str],
        spot: tuple[float, float, float],
        skin: Floats,
        hair: Floats,
        *,
        flip: bool,
    ) -> None:
        self.stage, self.traits, self.spot = stage, traits, spot
        self.skin, self.hair, self.flip = skin, hair, flip
        self.ink = mix(stage.palette.ink, from_hex("#2a1a14"), 0.6)
        slim = 1.0 if self.man else 0.955
        self.head = Shape().blob(*((x * slim, y) for x, y in points(HEAD)))

    def put(
        self, shape: Shape, colour: Floats, rim: float = 0.0, shade: float = 0.05, *,
        strength: float = 1.0, within: Shape | None = None,
    ) -> None:  # fmt: skip
        self.stage.put(
            shape,
            *self.spot,
            colour,
            flip=self.flip,
            rim=rim,
            shade=shade,
            strength=strength,
            within=within,
        )

    def has(self, name: str) -> bool:
        """Return whether the words name this part, or this trait."""
        return self.stage.plan.has(name) or name in self.traits

    @property
    def man(self) -> bool:
        return "man" in self.traits or self.has("beard") or self.has("moustache")

    def paint(self) -> None:
        """Paint from the hair behind the shoulders to the glint in the eyes."""
        bald = self.has("bald head")
        if not self.man and not bald:
            self.put(Shape().blob(*points(LONG)), lighter(self.hair, -0.06), 0.4)
        self._shoulders()
        ears = Shape().disc(-0.215, 0.63, 0.036, 0.062).disc(0.215, 0.63, 0.036, 0.062)
        self.put(ears, lighter(self.skin, -0.05), 0.3)
        self.put(self.head, self.skin, 0.35, 0.06)
        self._modelling()
        self._eyes()
        self._nose_and_mouth()
        if self.has("freckles"):
            self._freckles()
        if "old" in self.traits:
            self._wrinkles()
        if self.has("beard"):
            self._beard()
        elif self.has("moustache"):
            self.put(mirrored("0,51 6,51.5 12,47 8,46 0,48".replace("51.5", "52")), self.hair, 0.2)
        if not bald:
            self._hair()
        wear(self.stage, self.put, self.ink)

    def _shoulders(self) -> None:
        palette = self.stage.palette
        cloth = mix(mix(self.stage.accent(0), from_hex("#5b6470"), 0.35), palette.ink, 0.2)
        neck = Shape().blob(*points("-11,18 -11,46 11,46 11,18 0,12"))
        self.put(neck, lighter(self.skin, -0.1))
        under = Shape().blob(*points("-11,36 0,30 11,36 11,44 0,38 -11,44"))
        self.put(under, lighter(self.skin, -0.17), strength=0.7, within=neck)
        broad = 1.08 if self.man else 0.96
        shoulders = Shape().blob(
            *(
                (x * broad, y)
                for x, y in points(
                    "-62,-12 -58,8 -44,18 -18,25 -11,22 0,12 11,22 18,25 44,18 58,8 62,-12"
                )
            )
        )
        self.put(shoulders, cloth, 0.5, 0.25)
        seam = Shape().line(path("-18,25 -11,21 0,11 11,21 18,25"), 0.022)
        self.put(seam, lighter(cloth, 0.08))

    def _modelling(self) -> None:
        """Shade the side away from the light, and redden the cheeks."""
        # the bust is flipped so that the light always comes from its right
        shadow = Shape().blob(*points("-24,90 -26,60 -20,40 -6,34 -8,46 -12,58 -12,76 -14,92"))
        self.put(shadow, lighter(self.skin, -0.13), strength=0.5, within=self.head)
        brow = Shape().blob(*points("-16,70 -8,72 0,69 8,72 16,70 15,64 6,63 0,66 -6,63 -15,64"))
        self.put(brow, lighter(self.skin, -0.08), strength=0.35, within=self.head)
        bright = Shape().blob(*points("2,92 12,86 13,74 4,73")).disc(0.115, 0.555, 0.05, 0.035)
        self.put(bright, lighter(self.skin, 0.07), strength=0.35, within=self.head)
        rose = mix(self.skin, from_hex("#d8604f"), 0.35)
        cheeks = Shape().disc(-0.125, 0.545, 0.055, 0.036).disc(0.125, 0.545, 0.055, 0.036)
        self.put(cheeks, rose, strength=0.4, within=self.head)

    def _eyes(self) -> None:
        asked = self.stage.plan.find("eyes")
        big = 1.3 if "young" in self.traits else 1.0 if self.man else 1.14

        def grown(shape: Shape) -> Shape:
            return shape.moved(lambda x, y: (x, 0.645 + (y - 0.645) * big))

        white = grown(mirrored("4,64 7,67 11,67 15,64 11,62 7,62"))
        self.put(white, lighter(mix(from_hex("#f4f0ea"), self.skin, 0.12), -0.04))
        iris = mix(from_hex("#5a3d28"), self.hair, 0.1)
        if asked is not None and asked.colour is not None:
            iris = asked.colour
        balls = Shape().disc(-0.095, 0.647, 0.025 * big).disc(0.095, 0.647, 0.025 * big)
        self.put(balls, iris, within=white)
        pupils = Shape().disc(-0.095, 0.647, 0.012 * big).disc(0.095, 0.647, 0.012 * big)
        self.put(pupils, self.ink)
        lids = Shape()
        for side in (-1, 1):
            lid = [(side * x, y) for x, y in points("3.5,64 7,67.2 11,67.2 15.5,64")]
            lids.line(lid, 0.012, 0.009)
        self.put(grown(lids), self.ink)
        thick = 0.022 if self.man else 0.015
        brows = Shape()
        for side in (-1, 1):
            brows.line(
                [(side * x, y) for x, y in points("4,70.5 9,72.5 16,70")], thick, thick * 0.5
            )
        self.put(brows, mix(self.hair, self.ink, 0.25))
        glints = Shape().disc(-0.087, 0.655, 0.006).disc(0.103, 0.655, 0.006)
        self.stage.light_up(glints, *self.spot, self.stage.palette.light, flip=self.flip)

    def _nose_and_mouth(self) -> None:
        dark = lighter(self.skin, -0.14)
        bridge = Shape().line(points("-2,66 -2.5,58 -4.5,53.5"), 0.014, 0.018)
        self.put(bridge, dark, strength=0.6)
        tip = Shape().blob(*points("-4.5,54 0,52 4.5,54 3,58 0,60 -3,58"))
        self.put(tip, lighter(self.skin, 0.03), strength=0.6)
        nostrils = Shape().disc(-0.023, 0.529, 0.011, 0.006).disc(0.023, 0.529, 0.011, 0.006)
        self.put(nostrils, mix(dark, self.ink, 0.4))
        smiles = self.has("smile")
        rose = mix(self.skin, from_hex("#a8403f"), 0.35 if self.man else 0.6)
        if smiles:
            open_mouth = Shape().blob(
                *points("-9.5,48 -5,46.5 0,46 5,46.5 9.5,48 6,42.5 0,40.8 -6,42.5")
            )
            teeth = Shape().blob(*points("-8,47 0,46 8,47 5,44.5 0,44 -5,44.5"))
            self.put(open_mouth, mix(rose, self.ink, 0.3))
            self.put(teeth, from_hex("#f6f1ea"), within=open_mouth)
            corners = (
                Shape().line(points("-12,50 -10,47.5"), 0.009).line(points("12,50 10,47.5"), 0.009)
            )
            self.put(corners, dark)
            return
        upper = Shape().blob(*points("-8,45.5 -3,47.3 0,46.6 3,47.3 8,45.5 0,44.8"))
        lower = Shape().blob(*points("-7.5,45.3 0,44.7 7.5,45.3 4,42.3 0,41.7 -4,42.3"))
        self.put(lower, lighter(rose, 0.03))
        self.put(upper, lighter(rose, -0.05))
        self.put(
            Shape().line(points("-8.5,45.6 -3,45 0,45.3 3,45 8.5,45.6"), 0.007),
            mix(rose, self.ink, 0.55),
        )
        self.put(Shape().disc(0, 0.4, 0.04, 0.012), dark, strength=0.4)

    def _freckles(self) -> None:
        rng = self.stage.rng("freckles")
        dots = Shape()
        for _ in range(46):
            x, y = rng.normal(0, 0.085), 0.555 + rng.normal(0, 0.025)
            dots.dab(x, y, rng.uniform(0.0035, 0.0065))
        self.put(dots, mix(self.skin, from_hex("#9a4f22"), 0.65), strength=0.8, within=self.head)

    def _wrinkles(self) -> None:
        lines = Shape()
        for y in (79, 82.5):
            lines.line(points(f"-11,{y} -4,{y + 1} 4,{y + 1} 11,{y}"), 0.006, 0.003)
        for side in (-1, 1):
            for end in (66, 64, 61.5):
                lines.line([(side * 0.16, 0.64), (side * 0.195, end / 100)], 0.005, 0.003)
            lines.line([(side * x, y) for x, y in points("6,54 9.5,49 10.5,44.5")], 0.008, 0.004)
        self.put(lines, lighter(self.skin, -0.16), strength=0.8, within=self.head)

    def _beard(self) -> None:
        grown = (
            Shape()
            .blob(*points(BEARD))
            .blob(*points("-11,50 -6,52.5 0,50.5 6,52.5 11,50 7,47 0,48 -7,47"))
        )
        mouth = Shape().blob(*points("-6,45.8 0,46.4 6,45.8 3.5,43.4 0,42.8 -3.5,43.4"))
        self.put(grown, self.hair, 0.45, 0.12)
        curls = Shape()
        for k in range(-6, 7):
            curls.line(
                [(k * 0.026, 0.44 - abs(k) * 0.004), (k * 0.021, 0.3 + 0.008 * abs(k))],
                0.008,
                0.003,
            )
        self.put(
            curls,
            lighter(self.hair, -0.09 if self.hair[0] > 0.3 else 0.08),
            strength=0.7,
            within=grown,
        )
        self.put(mouth, mix(self.skin, from_hex("#8f3a38"), 0.55))

    def _hair(self) -> None:
        cap = Shape().blob(*points(SHORT if self.man else FRINGE))
        self.put(cap, self.hair, 0.5, 0.1)
        strands = Shape()
        lines = (
            "-20,72 -18,86 -4,98",
            "-12,83 -8,92 4,99",
            "2,86 8,93 12,96",
            "13,82 18,88 18,92",
            "21,70 24,78 22,86",
        )
        for line in lines:
            strands.line(points(line), 0.012, 0.004)
        pale = lighter(self.hair, 0.09)
        self.put(strands, pale, strength=0.6, within=cap)
        if not self.man:
            locks = mirrored("20,76 26,64 27,44 33,26 27,22 23,40 21,58")
            self.put(locks, self.hair, 0.4)
            shine = Shape()
            for side in (-1, 1):
                shine.line([(side * x, y) for x, y in points("24,66 25,48 30,28")], 0.01, 0.004)
            self.put(shine, pale, strength=0.6, within=locks)


def _part(stage: Stage, mention: Mention) -> None:
    """Paint nothing: the portrait paints its parts."""


for _name, _words, _near, _takes in (
    ("hair", "hair, long hair, 头发, 长发", "ponytail, braid, curly hair, dreadlocks", "colour"),
    ("freckles", "freckles, freckled, 雀斑", "", ""),
    ("beard", "beard, bearded, 胡子, 胡须", "goatee, stubble", "colour"),
    ("bald head", "bald, bald head, 光头", "shaved head", ""),
    ("moustache", "moustache, mustache, 小胡子", "", ""),
    ("glasses", "glasses, spectacles, eyeglasses, 眼镜", "sunglasses, goggles, monocle", "colour"),
    ("hat", "hat, 帽子", "cap, beret, cowboy hat, top hat, helmet, hood", "colour"),
    ("crown", "crown, tiara, 皇冠, 王冠", "", "colour"),
    ("smile", "smile, smiling, 笑容, 微笑", "grin, laughing, happy", ""),
    ("eyes", "eyes, eye, 眼睛", "gaze, 目光", "colour"),
    ("earrings", "earrings, earring, 耳环", "jewelry, 首饰", "colour"),
):
    ELEMENTS.add(_name, _words, "part", 59, near=_near, takes=_takes, motif=False)(_part)

#: what a portrait paints by itself
PARTS = frozenset(known.name for known in ELEMENTS if known.place == "part")
