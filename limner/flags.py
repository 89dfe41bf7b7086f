"""Find Midjourney's flags in a text, and leave everything else as words.

Used by ``limner.prompt`` only. People write dashes for many reasons: a pair around an aside, a sign
that reads ``--open late``, dialogue in Spanish. So a flag has to be one that Midjourney knows, with a
value that fits it. It may be anywhere in the text, and what follows it is words again.

A flag is written with two hyphens. Phones and input methods turn them into other dashes, which are
common in prose: such a dash begins a flag only if value and position leave no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from limner.known_flags import DASHES, END, GAP, KNOWN, NO, OPTIONAL, ZERO_WIDTH

_MARK = re.compile(rf"({DASHES})([a-zA-Z]+)")
#: what may come right before a flag; after an opening quote or bracket, it is meant as text
_BEFORE = re.compile(rf"(?:^|{GAP}|[,.;:!?)\]}}”’»…，。；：！？、）】」』]|(?<=\S)[\"'])\Z")
_BARE_END = re.compile(END)
#: between a flag's name and its value
_TO_VALUE = re.compile(rf"{GAP}*={GAP}*|{GAP}+|(?=[0-9.])")
_DASH = re.compile(r"-{2,}|[\u2012-\u2015\u2e3a\ufe58]+")
_WORD = re.compile(r"\w")
#: the list after ``--no`` ends with its sentence, line or quotation
_LIST_END = re.compile(r"[.!?](?=\s)|[。！？\r\n\"”»」』]")
_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + ZERO_WIDTH
_SEPARATORS = ",.;:!?，。；：！？、"
_CLOSERS = ")]}\"'”’»）】」』"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag in a text: its main name, its value as written ("" if it has none), its position."""

    name: str
    value: str
    start: int
    end: int
    #: it begins with two hyphens, as flags should
    plain: bool


def take_flags(text: str) -> tuple[str, list[Flag]]:
    """Return the words of ``text`` and its flags, both in order."""
    found: list[Flag] = []
    candidates = list(_candidates(text))
    # From the end, so that what comes after each one is known already.
    for place in reversed(range(len(candidates))):
        before = candidates[place - 1] if place else None
        flag = _judged(text, candidates[place], before, found[-1] if found else None)
        if flag:
            found.append(flag)
    found.reverse()
    return _words(text, found), found


def _candidates(text: str) -> Iterator[Flag]:
    """Yield whatever looks like a known flag; one that needs a value must have a value that fits."""
    behind = -1
    for mark in _MARK.finditer(text):
        known = KNOWN.get(mark[2].lower())
        if not known or mark.start() < behind:
            continue
        if mark.start() > behind and not _may_begin(text, mark.start()):
            continue
        name, pattern = known
        value = _value_after(text, mark.end(), pattern) if pattern else None
        if value:
            behind = value.end()
        elif (pattern and name not in OPTIONAL) or not _BARE_END.match(text, mark.end()):
            continue
        else:
            behind = mark.end()
        yield Flag(name, value[0] if value else "", mark.start(), behind, mark[1].startswith("--"))


def _may_begin(text: str, start: int) -> bool:
    return bool(_BEFORE.search(text[max(0, start - 2) : start]))


def _value_after(text: str, end: int, pattern: re.Pattern[str]) -> re.Match[str] | None:
    gap = _TO_VALUE.match(text, end)
    return pattern.match(text, gap.end()) if gap else None


def _judged(text: str, flag: Flag, before: Flag | None, after: Flag | None) -> Flag | None:
    """Return ``flag`` (with its list, if it is ``--no``), or None if it is prose.

    ``before`` may turn out not to be a flag; ``after`` is one.
    """
    if flag.value:
        return flag
    stop = after.start if after else len(text)
    if _opens_an_aside(text, flag.end, stop):
        return None
    if flag.name == NO:
        sure = flag.plain or _leads_to(text, before, flag) or (after and not after.plain)
        return _with_list(text, flag, stop) if sure else None
    return flag if _is_alone(text, flag, stop) else None


def _is_alone(text: str, flag: Flag, stop: int) -> bool:
    """Return whether no word follows a flag without a value: ``reads --fast food`` contains no flag."""
    rest = text[flag.end : stop].lstrip(_BLANKS)
    if flag.plain and rest[:1] in (*_SEPARATORS, *_CLOSERS):
        return True
    return not _WORD.search(rest)


def _with_list(text: str, flag: Flag, stop: int) -> Flag | None:
    """Return ``--no`` with its list, or None if the list is empty or the quotation goes on after it."""
    end = _LIST_END.search(text, flag.end, stop)
    stops = end.start() if end else stop
    value = text[flag.end : stops]
    if not _WORD.search(value):
        return None
    if end and end[0] in _CLOSERS and _WORD.search(text, end.end(), stop):
        return None
    return Flag(NO, value.strip(_BLANKS + _SEPARATORS), flag.start, stops, flag.plain)


def _opens_an_aside(text: str, start: int, stop: int) -> bool:
    """Return whether the next dash ends a word, as the second of a pair -- like this one-- does."""
    dash = _DASH.search(text, start, stop)
    if not dash or text[dash.start() - 1].isspace() or _WORD.match(text, dash.end()):
        return False
    return not _LIST_END.search(text, start, dash.start())


def _leads_to(text: str, before: Flag | None, flag: Flag) -> bool:
    """Return whether ``before``, right before ``flag``, is without doubt a flag with another kind of dash."""
    if not before or before.plain or not before.value:
        return False
    return not text[before.end : flag.start].strip().strip(_SEPARATORS)


def _words(text: str, flags: list[Flag]) -> str:
    """Return ``text`` without ``flags``, and without the gaps they leave."""
    if not flags:
        return text.strip(_BLANKS)
    words = text[: flags[0].start].strip(_BLANKS)
    for flag, following in zip(flags, [*flags[1:], None], strict=True):
        rest = text[flag.end : following.start if following else len(text)]
        piece = rest.strip(_BLANKS)
        bare = piece.lstrip(_BLANKS + _SEPARATORS)
        if not bare:
            continue
        if not words or words[-1] in _SEPARATORS:
            piece = bare
        glued = piece[0] in _SEPARATORS or (piece[0] in _CLOSERS and rest[0] == piece[0])
        words += piece if glued or not words else f" {piece}"
    return words
