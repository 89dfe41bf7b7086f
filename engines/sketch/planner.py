"""Planning one cell: mood, palette, horizon, light, and which things stand where.

Called by ``painter.py`` with an order and a cell's seed. Chaos acts here: every choice is a usual
value plus a random offset, which chaos scales, so more chaos always means more variety.
"""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import numpy as np

from engines.sketch.catalogue import ELEMENTS
from engines.sketch.framing import closeness, framed, proportioned
from engines.sketch.looks import LOOKS
from engines.sketch.mention import Mention
from engines.sketch.moods import CALM_MOODS, MOODS, WEATHER
from engines.sketch.noise import generator
from engines.sketch.order import Order
from engines.sketch.palette import Palette, mix
from engines.sketch.plan import Plan
from engines.sketch.reading import Reading, read, unwanted_elements, unwanted_moods
from engines.sketch.scene import food, sweets
from engines.sketch.scene.flowers import KINDS
from engines.sketch.weird import strayed

#: elements that fill the lower part, so that nothing hangs in mid-air
GROUNDS = frozenset(name for name, known in ELEMENTS.items() if known.place == "ground")

#: what high chaos may add to a picture unasked
GUESTS = ("birds", "moon", "tree", "balloon", "lantern", "clouds", "rainbow", "butterfly", "stars")

#: things that stand on a table, unless the words put them elsewhere
STILL_LIFE = frozenset({"cup", "fruit", "book", "candle", "clock", "vase", "pumpkin"}) | frozenset(
    known.name for kind in (food, sweets) for known in kind.ELEMENTS
)

#: things that stand in a room, unless the words put them elsewhere
FURNITURE = frozenset(
    {"sofa", "bed", "fireplace", "bookshelf", "kitchen", "cafe", "chair", "lamp", "houseplant"}
)

#: grounds that are indoors
INDOORS = frozenset({"room", "table", "window"})


def plan(order: Order, seed: int) -> Plan:
    """Return the plan of the cell with this seed."""
    reading = read(order.prompt, order.negative)
    rng = generator(seed, "plan")
    chaos = min(max(order.chaos, 0.0), 100.0) / 100
    push = rng.normal(size=12).clip(-1.8, 1.8)
    luck = rng.random(8)

    mentions = proportioned(_mentions(order, reading, chaos, luck, rng), STILL_LIFE)
    names = [mention.name for mention in mentions]
    moods = _moods(order, reading, mentions, chaos, luck)
    mentions = _brought(mentions, moods, reading, order)
    palette = _palette(moods, reading, push, chaos, order)
    looks = {name for name in reading.moods if name in LOOKS}

    near = closeness(
        mentions, asked_close=reading.find("portrait") is not None and "portrait" not in names
    )
    scenic = order.niji and order.style == "scenic"
    low = 0.66 if {"mountains", "castle", "city"} & set(names) else 0.6
    low = 0.53 if "table" in names else low
    wish = (reading.mark % 7 - 3) * 0.012 if reading.mark else 0.0
    horizon = low + wish + push[0] * (0.025 + 0.1 * chaos) + (0.05 if scenic else 0.0)
    side = 1 if luck[0] < 0.5 else -1
    focus = 0.5 + side * (0.13 + 0.03 * abs(push[1])) + push[2] * 0.13 * chaos
    light_x = 0.5 - side * (0.16 + 0.08 * luck[1]) + push[3] * (0.03 + 0.12 * chaos)
    light_y = 0.2 + 0.12 * luck[2] + push[4] * 0.08 * chaos
    usual = Plan(
        seed=seed,
        palette=palette,
        mentions=mentions,
        moods=frozenset(name for name, _ in moods),
        letters=reading.letters,
        manner=reading.whole_mark,
        finishes=frozenset({MOODS[name].finish for name, _ in moods} - {""} | looks),
        horizon=float(np.clip(horizon, 0.36, 0.84)),
        light_x=float(np.clip(light_x, 0.1, 0.9)),
        light_y=float(np.clip(light_y, 0.1, 0.42)),
        places=_places(mentions, float(focus), push, chaos),
        zoom=float(np.exp(push[5] * (0.05 + 0.3 * chaos))) * (0.8 if scenic else near),
        mirrored=bool(luck[3] < 0.5),
        hair=bool(reading.find("woman")) or (reading.find("person") is None and luck[2] < 0.5),
        refused=unwanted_elements(order.negative),
    )
    return strayed(usual, order.weird)


# -- which things --------------------------------------------------------------------------------


def _mentions(
    order: Order, reading: Reading, chaos: float, luck: np.ndarray, rng: np.random.Generator
) -> tuple[Mention, ...]:
    mentions = list(reading.mentions)
    refused = unwanted_elements(order.negative)
    # beyond half of the maximum, a cell may leave something out or add something of its own
    if chaos > 0.3 and len(mentions) > 1 and luck[4] < (chaos - 0.3) * 0.7:
        mentions.pop(int(rng.integers(len(mentions))))
    if chaos > 0.5 and luck[5] < (chaos - 0.5) * 1.2:
        guest = GUESTS[int(rng.integers(len(GUESTS)))]
        if guest not in refused:
            mentions.append(Mention(guest))
    if chaos > 0.8 and luck[6] < (chaos - 0.8) * 1.5 and "abstract" not in refused:
        return (Mention("abstract"),)
    return _completed(mentions, reading, order)


def _completed(mentions: list[Mention], reading: Reading, order: Order) -> tuple[Mention, ...]:
    """Add what the named things need around them: ground to stand on, something behind them."""
    refused = unwanted_elements(order.negative)
    mentions = [mention for mention in framed(mentions) if mention.name not in refused]
    names = {mention.name for mention in mentions}
    wishes = reading.whole_mark

    def add(name: str) -> None:
        if name not in names and name not in refused:
            names.add(name)
            mentions.append(Mention(name))

    places = {ELEMENTS[name].place for name in names}
    if "umbrella" in names:
        # it already comes with somebody under it
        mentions[:] = [mention for mention in mentions if mention.name not in ("woman", "person")]
        names -= {"woman", "person"}
    if names == {"double exposure"}:
        # a head without a scene in it would be blank
        add(("forest", "mountains", "flowers", "city")[wishes % 4])
        add("birds")
    if "whole" in places or order.tile:
        return tuple(mentions)
    if not names and not any(mood in MOODS for mood in reading.moods):
        add("abstract")
        return tuple(mentions)
    if "traffic" in names:
        add("street")
        add("city")
    standing = {name for name in names if ELEMENTS[name].place == "stand"}
    if names & FURNITURE and not names & GROUNDS - {"window"}:
        add("room")
    if names & set(KINDS) and names & INDOORS:
        add("vase")
    if "vase" in names:
        # what is in the vase does not grow on the ground
        standing -= set(KINDS)
    if (
        standing & STILL_LIFE
        and standing <= STILL_LIFE | FURNITURE
        and not names & GROUNDS - INDOORS
    ):
        add("table")
    below = any(ELEMENTS[name].mood == "underwater" for name in names) and not names & (
        GROUNDS | {"lotus"}
    )
    if "underwater" in reading.moods or below:
        add("seabed")
        return tuple(mentions)
    in_space = names & {"planet", "nebula", "galaxy", "astronaut", "rocket", "space station"} or (
        "space" in reading.moods
    )
    if in_space and not names & GROUNDS and "stand" not in places - {""}:
        add("stars")
        if not names & {"planet", "galaxy", "nebula"}:
            add("nebula")
        return tuple(mentions)
    floating = [m for m in mentions if ELEMENTS[m.name].place == "float" and not m.flies]
    if (
        floating
        or names & {"shore", "waterfall", "bridge"}
        or ("lighthouse" in names and not names & GROUNDS)
    ):
        add("water")
    if "city" in names and not names & GROUNDS and wishes % 4:
        add("water")
    if not names & GROUNDS:
        add("hills" if "mountains" in names or wishes % 3 else "meadow")
    elif names & GROUNDS <= {"water", "waves"} and standing and "bridge" not in names:
        add("shore")
    behind = {name for name in names if ELEMENTS[name].place == "backdrop"}
    if (
        not behind
        and not names & {"dunes", "forest", "city", "street", "waves", *INDOORS}
        and "float" not in places
    ):
        if wishes % 5 < 3:
            add("mountains")
        elif wishes % 5 == 3:
            add("treeline")
    return tuple(mentions)


def _brought(
    mentions: tuple[Mention, ...],
    moods: list[tuple[str, float]],
    reading: Reading,
    order: Order,
) -> tuple[Mention, ...]:
    """Add what the moods bring along, unless something takes its place."""
    names = {mention.name for mention in mentions}
    if order.tile or any(ELEMENTS[name].place == "whole" for name in names):
        return mentions
    refused = unwanted_elements(order.negative)
    more = []
    # a mood that no word named colours the picture but adds nothing to it
    named = [mood for mood, _ in moods if mood in reading.moods or not reading.moods]
    for mood in named:
        for name in filter(None, MOODS[mood].brings.split(", ")):
            lights = {"sun", "moon", "planet"}
            taken = name in lights and names & lights
            if name in ELEMENTS and name not in names | refused and not taken:
                names.add(name)
                more.append(Mention(name))
    return (*mentions, *more)


# -- moods and colours ---------------------------------------------------------------------------


def _moods(
    order: Order,
    reading: Reading,
    mentions: tuple[Mention, ...],
    chaos: float,
    luck: np.ndarray,
) -> list[tuple[str, float]]:
    """Return the moods of the cell with their shares, the strongest first."""
    names = [name for name in reading.moods if name in MOODS]
    refused = unwanted_moods(order.negative)
    on_land = any(ELEMENTS[m.name].place == "stand" for m in mentions)
    implied = [
        ELEMENTS[m.name].mood
        for m in mentions
        if ELEMENTS[m.name].mood not in ("", *names, *refused)
        and not (on_land and ELEMENTS[m.name].mood == "underwater")
    ]
    # the weather affects the colours at any hour
    weather = [mood for mood in implied if MOODS[mood].weight == WEATHER]
    names += weather[:1] if names else implied[:1]
    calm = [mood for mood in CALM_MOODS if mood not in refused]
    if not names:
        names = [calm[reading.whole_mark % len(calm)] if calm else "day"]
    if chaos > 0.6 and luck[7] < (chaos - 0.6) * 1.6:
        others = [name for name in MOODS if name not in names and name not in refused]
        names = [others[int(luck[1] * len(others))]]
    weights = {name: MOODS[name].weight for name in names}
    if order.niji and order.style == "cute":
        weights["pastel"] = max(weights.get("pastel", 0.0), 1.2)
    ordered = sorted(weights.items(), key=lambda item: -item[1])
    # the stronger mood gets more than its weight: equal shares would turn grey
    total = sum(weight**2 for _, weight in ordered)
    return [(name, weight**2 / total) for name, weight in ordered]


def _palette(
    moods: list[tuple[str, float]], reading: Reading, push: np.ndarray, chaos: float, order: Order
) -> Palette:
    palette = MOODS[moods[0][0]].palette
    share = moods[0][1]
    for name, weight in moods[1:]:
        share += weight
        palette = palette.mixed(MOODS[name].palette, weight / share)
    stylize = min(max(order.stylize, 0.0), 1000.0) / 1000
    taste = crc32(order.prompt.encode()) % 2 * 2 - 1
    turn = push[6] * (6 + 54 * chaos) + (reading.mark % 31 - 15 if reading.mark else 0)
    turn += taste * 40 * max(0.0, stylize - 0.1)
    chroma = 0.74 + 0.78 * stylize**0.6 + push[7] * 0.18 * chaos
    if order.niji:
        chroma *= {"expressive": 1.3, "cute": 1.05}.get(order.style, 1.12)
    if order.style == "raw":
        chroma *= 0.9
    grey = {"ink", "noir", "vintage"} & {name for name, _ in moods}
    if grey:
        turn, chroma = turn * 0.15, 1.0
    palette = palette.turned(float(turn), float(max(chroma, 0.1)))
    for tint in reading.tints:
        palette = _tinted(palette, tint)
    return palette


def _tinted(palette: Palette, tint: np.ndarray) -> Palette:
    """Pull the palette towards a colour that belongs to no thing; lightness hardly changes."""

    def pulled(colours: np.ndarray, share: float) -> np.ndarray:
        wanted = colours.copy()
        wanted[..., 1:] = tint[1:]
        wanted[..., 0] = colours[..., 0] * 0.8 + tint[0] * 0.2
        return mix(colours, wanted, share)

    return replace(
        palette,
        sky=pulled(palette.sky, 0.5),
        far=pulled(palette.far, 0.5),
        near=pulled(palette.near, 0.4),
        water=pulled(palette.water, 0.4),
        accents=np.concatenate([tint[None], palette.accents[:2]]).astype(np.float32),
    )


# -- where things stand --------------------------------------------------------------------------


def _places(
    mentions: tuple[Mention, ...], focus: float, push: np.ndarray, chaos: float
) -> dict[str, float]:
    """Give every thing its place: the first one named gets the best, the others go around it."""
    order = [focus, 1 - focus, 0.5, 0.5 + (focus - 0.5) * 2.3, 0.5 - (focus - 0.5) * 2.3]
    places: dict[str, float] = {}
    things = [m.name for m in mentions if ELEMENTS[m.name].place in ("stand", "float", "fly")]
    names = {mention.name for mention in mentions}
    shift = 0.2 * (focus - 0.5)
    if len(things) == 2:
        order = [0.5 + 1.45 * (focus - 0.5), 0.5 - 1.45 * (focus - 0.5)]
        if "room" in names:
            # furniture is wide: two pieces share the wall
            order = [0.26, 0.74] if focus < 0.5 else [0.74, 0.26]
    elif len(things) > 2:
        order = [0.5 + shift, 0.19 + shift, 0.81 + shift, 0.35 + shift, 0.66 + shift]
    if "portrait" in names:
        # whoever sits for a portrait is in the middle; other things are beside
        places["portrait"] = 0.5 + 0.1 * (focus - 0.5)
        order = [0.14, 0.86, 0.24, 0.76]
    if "logo" in names:
        order = [0.5, 0.4, 0.6]
    for i, name in enumerate(things):
        wobble = push[8 + i % 4] * (0.02 + 0.05 * chaos)
        places[name] = float(np.clip(order[i % len(order)] + wobble, 0.12, 0.88))
    return places
