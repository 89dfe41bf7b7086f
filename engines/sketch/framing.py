"""How near the painter steps, and who sits for a portrait.

Called by ``planner.py`` before it adds what a scene needs.
"""

from __future__ import annotations

from dataclasses import replace

from engines.sketch.catalogue import ELEMENTS
from engines.sketch.mention import Mention
from engines.sketch.scene.faces import PARTS

#: a single thing of at least this depth may fill more of the picture: an animal, a person, a car, a cup
SUBJECTS_FROM = 55

#: sizes of a single thing, and of one that the words want close up
SUBJECT_ZOOM, CLOSE_ZOOM = 1.28, 1.5

#: three and more must share the picture
CROWDED_ZOOM, FURNISHED_ZOOM = 0.84, 0.68

#: who a portrait may be of; others are painted whole, and larger
SITTERS = frozenset({"person", "woman"})

PORTRAITS = frozenset({"portrait", "double exposure"})


def figures(names: set[str]) -> set[str]:
    """Return the names of the things that have a place of their own and are more than scenery."""
    return {
        name
        for name in names
        if ELEMENTS[name].place in ("stand", "float", "fly")
        and ELEMENTS[name].depth >= SUBJECTS_FROM
    }


def wears(names: set[str]) -> bool:
    """Return whether hair, hats and beards in a prompt with these things belong to a portrait."""
    return bool(names & (PORTRAITS | SITTERS)) or not figures(names)


def framed(mentions: list[Mention]) -> list[Mention]:
    """Return the mentions with their portrait made out: sitter and traits in one, or none at all."""
    names = {mention.name for mention in mentions}
    if "double exposure" in names:
        return [m for m in mentions if m.name not in SITTERS | PARTS | {"portrait"}]
    if not names & (PARTS | {"portrait"}):
        return mentions
    if not names & SITTERS and figures(names):
        return [m for m in mentions if m.name != "portrait"]
    sitters = [m for m in mentions if m.name in SITTERS]
    traits = {quality for m in sitters for quality in m.qualities}
    if any(m.name == "woman" for m in sitters):
        traits |= {"woman"}
    elif sitters and "young" not in traits:
        traits |= {"man"}
    own = next((m for m in mentions if m.name == "portrait"), Mention("portrait"))
    portrait = replace(own, qualities=own.qualities | traits)
    return [portrait, *(m for m in mentions if m.name not in SITTERS | {"portrait"})]


def closeness(mentions: tuple[Mention, ...], *, asked_close: bool) -> float:
    """Return how near the painter steps: closer to a single subject than to a scene of several things."""
    things = [m for m in mentions if ELEMENTS[m.name].place in ("stand", "float", "fly")]
    if asked_close and figures({m.name for m in things}):
        return CLOSE_ZOOM if len(things) == 1 else SUBJECT_ZOOM
    lonely = len(things) == 1 and ELEMENTS[things[0].name].depth >= SUBJECTS_FROM
    single = lonely and things[0].size >= 1 and things[0].count in (None, 1)
    if single:
        return SUBJECT_ZOOM
    if len(things) > 2 and any(m.name == "room" for m in mentions):
        return FURNISHED_ZOOM
    return CROWDED_ZOOM if len(figures({m.name for m in things})) > 2 else 1.0


def proportioned(mentions: tuple[Mention, ...], small: frozenset[str]) -> tuple[Mention, ...]:
    """Return the mentions with ``small`` things, such as cups, as small as they are in a room without a table."""
    names = {mention.name for mention in mentions}
    if "room" not in names or "table" in names:
        return mentions
    return tuple(replace(m, size=m.size * 0.55) if m.name in small else m for m in mentions)
