"""Words that an operator forbids, found in what callers want drawn; used by ``api/forbidden.py``.

A word counts as a whole, in whatever case and spelling Unicode has for the same letters. In scripts without spaces
it counts wherever it stands. What cannot be seen may be a gap to one engine and nothing to another: both count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Self

from limner.errors import FieldErrors, InvalidRequest, LimnerError

#: most entries, and the longest
ENTRIES_MOST, ENTRY_LENGTH = 20_000, 100
_PLAIN_WORD = re.compile(r"[a-z0-9]+")
#: scripts that write no spaces between words
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO")
#: a line of another script may be broken, or set in spaces, wherever one likes
_LOOSE = re.compile(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
#: what is no letter of its own, as Unicode calls it
_MARKS = re.compile(r"COMBINING |.*VARIATION SELECTOR|.*FILLER\Z|KHMER VOWEL INHERENT ")
#: letters that are drawn as signs, and that normalization leaves alone
_SIGNS = re.compile(r"(?:NEGATIVE|REGIONAL INDICATOR) .*LETTER ([A-Z])")
#: they stand within words of some languages
_JOINERS = "\u200c\u200d"


class WordsForbidden(InvalidRequest):
    """This may not be drawn here."""

    def __init__(self, errors: FieldErrors, prompt: str, word: str | None = None) -> None:
        super().__init__(errors, self.summary())
        self.prompt = prompt
        #: of the operator's list; None: the moderation's verdict
        self.word = word


class ModerationDown(LimnerError):
    """The gateway cannot have these words checked now. Try again soon."""


class ForbiddenWords:
    """The words of a list; an entry may be of several."""

    def __init__(self, spaced: Mapping[tuple[str, ...], str], unspaced: Mapping[str, str]) -> None:
        self._spaced, self._unspaced = spaced, unspaced
        self._counts = sorted({len(words) for words in spaced})
        self._lengths = sorted({len(text) for text in unspaced})
        self._beginnings = {text[0] for text in unspaced}

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Return the words of a list as an operator wrote it; an entry without a letter or digit is none."""
        spaced: dict[tuple[str, ...], str] = {}
        unspaced: dict[str, str] = {}
        for entry in entries:
            words = tuple(_words(entry))
            if not words:
                continue
            if any(_is_unspaced(letter) for letter in entry):
                unspaced[" ".join(_words(_LOOSE.sub("", entry)))] = entry
            else:
                spaced[words] = entry
        return cls(spaced, unspaced)

    def __bool__(self) -> bool:
        return bool(self._spaced or self._unspaced)

    def found(self, text: str) -> str | None:
        """Return the first entry that is in a text, as the operator wrote it; None: there is none."""
        for unseen in ("", " ") if _has_unseen(text) else ("",):
            if entry := self._found(text, unseen):
                return entry
        return None

    def _found(self, text: str, unseen: str) -> str | None:
        words = _words(text, unseen)
        for count in self._counts:
            for start in range(len(words) - count + 1):
                if entry := self._spaced.get(tuple(words[start : start + count])):
                    return entry
        joined = " ".join(_words(_LOOSE.sub("", text), unseen)) if self._lengths else ""
        for start, letter in enumerate(joined):
            if letter in self._beginnings:
                for length in self._lengths:
                    if entry := self._unspaced.get(joined[start : start + length]):
                        return entry
        return None


def _words(text: str, unseen: str = "") -> list[str]:
    """Return the words of a text, each in the one form that all its spellings have.

    ``unseen``: what a character that cannot be seen is read as.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if folded.isascii() and not _CONTROLS.search(folded):
        return _PLAIN_WORD.findall(folded)
    return "".join(_letter(letter, unseen) for letter in folded).split()


@lru_cache(maxsize=8192)
def _letter(letter: str, unseen: str) -> str:
    """Return what a character is to a word: itself, nothing, or a gap."""
    if letter.isascii():
        return letter if letter.isalnum() else unseen if _CONTROLS.match(letter) else " "
    kind, name = unicodedata.category(letter), unicodedata.name(letter, "")
    if kind in ("Cf", "Cc"):
        return "" if letter in _JOINERS else unseen
    if _MARKS.match(name):
        # Accents that belong to no letter of theirs, and what only fills a place, hide a word.
        return ""
    if sign := _SIGNS.match(name):
        return sign[1].lower()
    return letter if letter.isalnum() or kind[0] == "M" else " "


def _has_unseen(text: str) -> bool:
    if text.isascii():
        return bool(_CONTROLS.search(text))
    return any(unicodedata.category(letter) in ("Cf", "Cc") for letter in text)


def _is_unspaced(letter: str) -> bool:
    return not letter.isascii() and unicodedata.name(letter, "").startswith(_UNSPACED)
