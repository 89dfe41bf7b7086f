"""The words and phrases of a prompt, English and Chinese, to moods, elements and their adjectives.

Called by ``reading.py``. The longest known phrase wins; Chinese, which has no
spaces, is split the same way. Adjectives wait for the noun after them: "a black cat under a red moon"
is a black cat and a red moon. Unknown words still influence the picture through their hash.
A word counts as understood only if the picture shows it: see ``words.py``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

from engines.sketch import vocabulary
from engines.sketch.catalogue import ELEMENTS
from engines.sketch.framing import wears
from engines.sketch.lexicon import NAMES, general_words, known_form, lexicon
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import from_hex
from engines.sketch.scene.faces import PARTS
from engines.sketch.spelling import letters_of
from engines.sketch.vocabulary import words_of
from engines.sketch.words import Word, heard, nearly, unheard, unpainted

#: the rest of a longer prompt is ignored: it could not be painted anyway
MOST_TOKENS = 1200

#: more things would hide each other, and take too long to paint
MOST_ELEMENTS = 9

#: how many "cats" are
SEVERAL = 3

#: more moods, or colours without a noun, would turn grey
MOST_MIXED = 3

LONGEST_PHRASE_WORDS = 3
LONGEST_CHINESE_WORD = 6

_MARKUP = re.compile(r"<[^<>]{0,200}>|https?://\S+|--\w+(?:\s+[\w:.]+)?")
_TOKEN = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*|\d+[a-z]*|[^\w\s]")
_CHINESE = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in the words."""

    mentions: tuple[Mention, ...] = ()
    #: moods and looks
    moods: tuple[str, ...] = ()
    #: colours without a noun: they tint the picture
    tints: tuple[Floats, ...] = ()
    #: every word that could have been painted, in the prompt's order
    words: tuple[Word, ...] = ()
    #: letters that a logo shows
    letters: str = ""
    #: hash of the unknown words; 0 if there are none
    mark: int = 0
    #: hash of all the words
    whole_mark: int = 0

    def find(self, name: str) -> Mention | None:
        """Return the mention of an element, if there is one."""
        return next((mention for mention in self.mentions if mention.name == name), None)

    @property
    def painted(self) -> frozenset[str]:
        """Return the names of all elements, moods and looks that the picture shows."""
        return frozenset((*(mention.name for mention in self.mentions), *self.moods))

    @property
    def understood(self) -> tuple[str, ...]:
        """Return the words that the picture shows."""
        return heard(self.words, self.painted)

    @property
    def near(self) -> dict[str, str]:
        """Return the words that it shows as something more general, and as what."""
        return nearly(self.words, self.painted)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Return the words that nothing shows."""
        return unheard(self.words, self.painted)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Return the words that are known, and not painted: refused, or too many."""
        return unpainted(self.words, self.painted)


def tokens_of(text: str) -> list[str]:
    """Return the words, numbers and marks of a text, without markup and flags."""
    plain = unicodedata.normalize("NFKC", _MARKUP.sub(" ", text)).lower()
    return _TOKEN.findall(plain)[:MOST_TOKENS]


@dataclass(slots=True)
class _Adjectives:
    colour: str = ""
    size: float = 1.0
    count: int | None = None
    qualities: set[str] = field(default_factory=set)
    #: the adjectives' words by what they ask for: "colour", "size", "count", or a quality
    words: list[tuple[str, Word]] = field(default_factory=list)


class PromptReader:
    """One pass over the tokens of a prompt."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._pending = _Adjectives()
        self._mentions: dict[str, Mention] = {}
        self._moods: dict[str, None] = {}
        self._tints: list[Floats] = []
        self._words: list[Word] = []
        self._negated = False
        self._plural = False
        #: general word → the element that stands in for its kind
        self._general: dict[str, str] = {}
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
                said = " ".join(self._tokens[i : i + used])
                self._plural = said != phrase and said.endswith(("s", "n"))
                self._meant(phrase)
                self._plural = False
            elif token[0].isalpha():
                self._unknown(token)
            elif token.isdigit():
                self._number(token)
            elif not token[0].isdigit():
                self._break()
            i += used
        self._break()
        if not wears(set(self._mentions)):
            self._drop(PARTS)
        self._yield_to_the_named()
        letters = self._letters() if "logo" in self._mentions else ""
        names = list(self._mentions)
        unknown = " ".join(dict.fromkeys(word.text for word in self._words if word.unknown))
        return Reading(
            mentions=tuple(self._mentions[name] for name in names[:MOST_ELEMENTS]),
            moods=tuple(self._moods)[:MOST_MIXED],
            tints=tuple(self._tints),
            words=tuple(self._words),
            letters=letters,
            mark=crc32(unknown.encode()) if unknown else 0,
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

    def _number(self, token: str) -> None:
        if 0 < int(token[:4]) < 100:
            self._adjective("count", token, int(token))

    def _meant(self, word: str) -> None:
        meanings = lexicon()[word]
        named = [value for kind, value in meanings if NAMES.get(kind) == "element"]
        moods = [value for kind, value in meanings if NAMES.get(kind) == "mood"]
        if named or moods:
            self._name(word, meanings, named, moods)
        for kind, value in meanings:
            if kind in ("colour", "size", "count") and not named:
                self._adjective(kind, word, value)
            elif kind == "quality" and not named:
                self._quality(word, value)
            elif kind == "negation":
                self._negated = True
        # "of" joins a count to its noun; after any other small word, the adjectives no longer apply
        small = meanings == (("silent", None),)
        if small and word not in words_of(vocabulary.BINDING) and word != "of":
            articles = word in ("a", "an", "the")
            if word in ("a", "an") and self._pending.count is None:
                self._pending.count = 1
            if not articles or self._pending.colour:
                self._tint()
            if not articles:
                self._pending = _Adjectives()
        if word != "of":
            # "a cup of tea" is one thing
            self._just_named = named[-1] if named and named[-1] in self._mentions else ""

    def _name(
        self, word: str, meanings: tuple[tuple[str, Any], ...], named: list[str], moods: list[str]
    ) -> None:
        """Take a word that names elements or moods."""
        is_near = any(kind.startswith("near") for kind, _ in meanings)
        shown = () if self._negated else (*named, *moods)
        self._words.append(Word(word, shown, near=is_near, unknown=False, shown=True))
        if not self._negated:
            self._moods.update(dict.fromkeys(moods))
        if not named:
            return
        forms = {value for kind, value in meanings if kind == "form"}
        if word in general_words() and is_near and named[0] not in self._mentions:
            self._general[word] = named[0]
        else:
            self._general = {w: name for w, name in self._general.items() if name not in named}
        for name in dict.fromkeys(named):
            known = self._mentions.get(name)
            if known and not forms <= known.qualities and name != self._just_named:
                # "a cat and a kitten": one drawing of the two is all there is
                self._words[-1].shown = False
                continue
            self._mention(name, forms)
        self._pending, self._negated = _Adjectives(), False

    def _adjective(self, kind: str, word: str, value: Any) -> None:
        """Hold an adjective for the next noun."""
        setattr(self._pending, kind, value)
        heard = Word(word)
        self._words.append(heard)
        self._pending.words.append((kind, heard))

    def _quality(self, word: str, quality: str) -> None:
        """Hold a quality for the next noun, or add it to the noun just named."""
        heard = Word(word)
        self._words.append(heard)
        if self._just_named and quality in vocabulary.AFTER_THE_NOUN:
            known = self._mentions[self._just_named]
            if quality in ELEMENTS[known.name].takes:
                heard.belong_to(known.name)
                qualities = known.qualities | {quality}
                self._mentions[known.name] = replace(known, qualities=qualities)
            return
        self._pending.qualities.add(quality)
        self._pending.words.append((quality, heard))

    def _mention(self, name: str, forms: set[str]) -> None:
        if self._negated:
            return
        asked, takes = self._pending, ELEMENTS[name].takes
        if self._plural and asked.count is None and "count" in takes and not ELEMENTS[name].many:
            asked.count = SEVERAL
        known = self._mentions.get(name)
        for kind, word in asked.words:
            taken = known is not None and kind == "colour" and known.colour is not None
            if kind in takes and not taken:
                word.belong_to(name)
        colour = from_hex(asked.colour) if asked.colour and "colour" in takes else None
        if asked.colour and colour is None:
            self._tint()
        qualities = frozenset((asked.qualities | forms) & takes)
        if known is None:
            self._mentions[name] = Mention(name, colour, asked.size, asked.count, qualities)
        else:
            # named twice: the second mention adds, and overrides nothing
            self._mentions[name] = replace(
                known,
                colour=known.colour if known.colour is not None else colour,
                size=known.size if known.size != 1.0 else asked.size,
                count=known.count or asked.count,
                qualities=known.qualities | qualities,
            )

    def _unknown(self, word: str) -> None:
        self._words.append(Word(word[:40], unknown=True))
        # the adjectives belong to this noun, which cannot be painted; a colour still tints the picture
        self._break()
        self._just_named = ""

    def _break(self) -> None:
        self._tint()
        self._pending, self._negated = _Adjectives(), False

    def _tint(self) -> None:
        colour, self._pending.colour = self._pending.colour, ""
        if not colour or len(self._tints) >= MOST_MIXED:
            return
        self._tints.append(from_hex(colour))
        for kind, word in self._pending.words:
            if kind == "colour":
                word.belong_to()

    def _yield_to_the_named(self) -> None:
        """Let a general word mean what another word names: "sushi, food photography" is sushi."""
        for word, name in self._general.items():
            others = tuple(n for n in self._mentions if n != name and n in general_words()[word])
            if others:
                self._mentions.pop(name, None)
                for said in self._words:
                    said.names = others if said.text == word else said.names

    def _drop(self, names: frozenset[str]) -> None:
        """Forget elements that these words do not let it paint."""
        for name in names & set(self._mentions):
            del self._mentions[name]
        for word in self._words:
            word.shown = word.shown and not (word.names and names.issuperset(word.names))

    def _letters(self) -> str:
        """Return the letters that a logo shows: those that the words name, or a name's initial."""
        text = letters_of(self._tokens)
        for word in self._words:
            if word.unknown and word.text in text.sources:
                word.instead_of(text.letters, "logo", exactly=word.text in text.letters)
        return text.letters
