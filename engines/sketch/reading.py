"""Reading a prompt: words and phrases, English and Chinese, to moods, elements and their adjectives.

Called by ``planner.py`` and by ``painter.notes``. The longest known phrase wins; Chinese, which has no
spaces, is split the same way. Adjectives wait for the noun after them: "a black cat under a red moon"
is a black cat and a red moon. Unknown words still influence the picture through their hash.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any
from zlib import crc32

from engines.sketch import vocabulary
from engines.sketch.catalogue import ELEMENTS
from engines.sketch.mention import Mention
from engines.sketch.moods import MOODS
from engines.sketch.noise import Floats
from engines.sketch.palette import from_hex
from engines.sketch.vocabulary import words_of

#: the rest of a longer prompt is ignored: it could not be painted anyway
MOST_TOKENS = 1200

#: more things would hide each other, and take too long to paint
MOST_ELEMENTS = 9

LONGEST_PHRASE_WORDS = 3
LONGEST_CHINESE_WORD = 6

_MARKUP = re.compile(r"<[^<>]{0,200}>|https?://\S+|--\w+(?:\s+[\w:.]+)?")
_TOKEN = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*|\d+[a-z]*|[^\w\s]")
_CHINESE = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in the words."""

    mentions: tuple[Mention, ...] = ()
    moods: tuple[str, ...] = ()
    #: colours without a noun: they tint the picture
    tints: tuple[Floats, ...] = ()
    understood: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    #: hash of the unknown words; 0 if there are none
    mark: int = 0
    #: hash of all the words
    whole_mark: int = 0

    def find(self, name: str) -> Mention | None:
        """Return the mention of an element, if there is one."""
        return next((mention for mention in self.mentions if mention.name == name), None)


@dataclass(slots=True)
class _Adjectives:
    colour: str = ""
    size: float = 1.0
    count: int | None = None
    qualities: set[str] = field(default_factory=set)


@cache
def lexicon() -> dict[str, tuple[tuple[str, Any], ...]]:
    """Return word or phrase → its meanings, each a kind and a value; a word may have two."""
    found: dict[str, list[tuple[str, Any]]] = {}

    def add(text: str, kind: str, value: Any) -> None:
        for word in words_of(text):
            found.setdefault(word, []).append((kind, value))

    for name, known in ELEMENTS.items():
        add(known.words, "element", name)
    for name, mood in MOODS.items():
        add(mood.words, "mood", name)
    for text, hexa in vocabulary.COLOURS.items():
        add(text, "colour", hexa)
    for text, size in vocabulary.SIZES.items():
        add(text, "size", size)
    for text, count in vocabulary.COUNTS.items():
        add(text, "count", count)
    for word in words_of(vocabulary.QUALITIES):
        add(word, "quality", word)
    add(vocabulary.NEGATIONS, "negation", None)
    add(vocabulary.SILENT, "silent", None)
    add(vocabulary.ABOUT_THE_PICTURE, "about", None)
    return {word: tuple(meanings) for word, meanings in found.items()}


def read(prompt: str, negative: str = "") -> Reading:
    """Return what the painter understands; ``negative`` names what must not be in the picture."""
    reading = _read(prompt)
    if not negative.strip():
        return reading
    names, unwanted = unwanted_elements(negative), unwanted_moods(negative)
    mentions = tuple(mention for mention in reading.mentions if mention.name not in names)
    moods = tuple(mood for mood in reading.moods if mood not in unwanted)
    return replace(reading, mentions=mentions, moods=moods)


@lru_cache(maxsize=32)
def unwanted_elements(negative: str) -> frozenset[str]:
    """Return the elements that ``negative`` names: nothing may add them either."""
    text = unicodedata.normalize("NFKC", _MARKUP.sub(" ", negative)).lower()
    tokens = _TOKEN.findall(text)[:MOST_TOKENS]
    # each word by itself: to refuse "no people" is to refuse people
    reader = _Reader([token for token in tokens if known_form(token) not in _negations()])
    reader.read()
    kinds = {
        name
        for words, names in vocabulary.KINDS.items()
        for name in words_of(names)
        if any(_names_kind(text, word) for word in words_of(words))
    }
    return frozenset(reader.named) | kinds


@lru_cache(maxsize=32)
def unwanted_moods(negative: str) -> frozenset[str]:
    """Return the moods that ``negative`` names."""
    return frozenset(_read(negative).moods)


@cache
def _negations() -> frozenset[str]:
    return frozenset(words_of(vocabulary.NEGATIONS))


def _names_kind(text: str, word: str) -> bool:
    """Return whether the text has this word; Chinese has no spaces around it."""
    return word in text if _CHINESE.match(word) else bool(re.search(rf"\b{word}(?:s|es)?\b", text))


@lru_cache(maxsize=32)
def _read(prompt: str) -> Reading:
    text = unicodedata.normalize("NFKC", _MARKUP.sub(" ", prompt)).lower()
    tokens = _TOKEN.findall(text)[:MOST_TOKENS]
    return _Reader(tokens).read()


class _Reader:
    """One pass over the tokens of a prompt."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._pending = _Adjectives()
        self._mentions: dict[str, Mention] = {}
        self._moods: dict[str, None] = {}
        self._tints: list[Floats] = []
        self._understood: dict[str, None] = {}
        self._ignored: dict[str, None] = {}
        self._negated = False
        #: the element that the previous word named, or ""
        self._just_named = ""

    @property
    def named(self) -> tuple[str, ...]:
        """Return all elements named so far, however many."""
        return tuple(self._mentions)

    def read(self) -> Reading:
        i = 0
        while i < len(self._tokens):
            token = self._tokens[i]
            if _CHINESE.match(token):
                self._chinese(token)
                i += 1
                continue
            phrase, used = self._longest(i)
            if phrase:
                self._meant(phrase)
            elif token[0].isalpha():
                self._unknown(token)
            elif token.isdigit():
                self._pending.count = int(token) if 0 < int(token[:4]) < 100 else None
            elif not token[0].isdigit():
                self._break()
            i += used
        self._break()
        names = list(self._mentions)
        return Reading(
            mentions=tuple(self._mentions[name] for name in names[:MOST_ELEMENTS]),
            moods=tuple(self._moods),
            tints=tuple(self._tints[:3]),
            understood=tuple(self._understood),
            ignored=tuple(self._ignored),
            left_out=tuple(names[MOST_ELEMENTS:]),
            mark=crc32(" ".join(self._ignored).encode()) if self._ignored else 0,
            whole_mark=crc32(" ".join(self._tokens).encode()),
        )

    def _longest(self, start: int) -> tuple[str, int]:
        for count in range(LONGEST_PHRASE_WORDS, 0, -1):
            phrase = known_form(" ".join(self._tokens[start : start + count]))
            if phrase:
                return phrase, count
        # "cherry-pink" is two words if it is not one
        parts = list(filter(None, self._tokens[start].split("-")))
        if len(parts) > 1:
            self._tokens[start : start + 1] = parts
            return self._longest(start)
        return "", 1

    def _chinese(self, run: str) -> None:
        i = 0
        unknown = ""
        while i < len(run):
            for length in range(min(LONGEST_CHINESE_WORD, len(run) - i), 0, -1):
                word = run[i : i + length]
                if word in lexicon():
                    if unknown:
                        self._unknown(unknown)
                        unknown = ""
                    self._meant(word)
                    i += length
                    break
            else:
                unknown += run[i]
                i += 1
        if unknown:
            self._unknown(unknown)

    def _meant(self, word: str) -> None:
        self._understand(word)
        named = [value for kind, value in lexicon()[word] if kind == "element"]
        self._just_named = named[-1] if named and named[-1] in self._mentions else ""

    def _understand(self, word: str) -> None:
        meanings = lexicon()[word]
        kinds = {kind for kind, _ in meanings}
        if kinds & {"element", "mood", "colour", "size", "count", "quality"}:
            self._understood[word] = None
        if "element" in kinds:
            for kind, value in meanings:
                if kind == "element":
                    self._mention(value)
                elif kind == "mood" and not self._negated:
                    self._moods[value] = None
            self._pending, self._negated = _Adjectives(), False
            return
        for kind, value in meanings:
            if kind == "mood":
                if not self._negated:
                    self._moods[value] = None
            elif kind == "colour":
                self._pending.colour = value
            elif kind == "size":
                self._pending.size = value
            elif kind == "count":
                self._pending.count = value
            elif kind == "quality":
                self._quality(value)
            elif kind == "negation":
                self._negated = True
        # "of" joins a count to its noun; after any other small word, the adjectives no longer apply
        if kinds == {"silent"} and word not in words_of(vocabulary.BINDING) and word != "of":
            articles = word in ("a", "an", "the")
            if word in ("a", "an") and self._pending.count is None:
                self._pending.count = 1
            if not articles or self._pending.colour:
                self._tint()
            if not articles:
                self._pending = _Adjectives()

    def _quality(self, word: str) -> None:
        """Hold a quality for the next noun, or add it to the noun just named."""
        if self._just_named and word in vocabulary.AFTER_THE_NOUN:
            known = self._mentions[self._just_named]
            self._mentions[self._just_named] = replace(known, qualities=known.qualities | {word})
        else:
            self._pending.qualities.add(word)

    def _mention(self, name: str) -> None:
        if self._negated:
            return
        asked = self._pending
        colour = from_hex(asked.colour) if asked.colour else None
        known = self._mentions.get(name)
        if known is None:
            self._mentions[name] = Mention(
                name, colour, asked.size, asked.count, frozenset(asked.qualities)
            )
        else:
            # named twice: the second mention adds, and overrides nothing
            self._mentions[name] = replace(
                known,
                colour=known.colour if known.colour is not None else colour,
                count=known.count or asked.count,
                qualities=known.qualities | asked.qualities,
            )

    def _unknown(self, word: str) -> None:
        self._ignored[word[:40]] = None
        # the adjectives belong to this noun, which cannot be painted; a colour still tints the picture
        self._tint()
        self._pending, self._negated = _Adjectives(), False

    def _break(self) -> None:
        self._tint()
        self._pending, self._negated = _Adjectives(), False

    def _tint(self) -> None:
        if self._pending.colour:
            self._tints.append(from_hex(self._pending.colour))
            self._pending.colour = ""


@lru_cache(maxsize=4096)
def known_form(word: str) -> str:
    """Return the word in the form that the lexicon knows, perhaps its singular, or ""."""
    known = lexicon()
    if word in known:
        return word
    for ending, instead in (
        ("ies", "y"),
        ("ves", "f"),
        ("es", ""),
        ("s", ""),
        ("'s", ""),
        ("’s", ""),
    ):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            singular = word.removesuffix(ending) + instead
            if singular in known:
                return singular
    irregular = {
        "people": "person",
        "men": "man",
        "women": "woman",
        "wolves": "wolf",
        "mice": "mouse",
    }
    return irregular.get(word, "") if irregular.get(word, "") in known else ""
