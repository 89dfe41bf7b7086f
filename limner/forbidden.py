"""Words that an operator forbids, found in what callers want drawn; used by ``api/forbidden.py``.

A word counts as a whole, in whatever case and spelling Unicode has for the same letters. In scripts without spaces
it counts wherever it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Self

from limner.errors import FieldErrors, InvalidRequest, LimnerError

#: most entries, and the longest
ENTRIES_MOST, ENTRY_LENGTH = 20_000, 100
_PLAIN_WORD = re.compile(r"[a-z0-9]+")
#: scripts that write no spaces between words
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO")
_ACCENTS = range(0x300, 0x370)


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
                unspaced[" ".join(words)] = entry
            else:
                spaced[words] = entry
        return cls(spaced, unspaced)

    def __bool__(self) -> bool:
        return bool(self._spaced or self._unspaced)

    def found(self, text: str) -> str | None:
        """Return the first entry that is in a text, as the operator wrote it; None: there is none."""
        words = _words(text)
        for count in self._counts:
            for start in range(len(words) - count + 1):
                if entry := self._spaced.get(tuple(words[start : start + count])):
                    return entry
        joined = " ".join(words) if self._lengths else ""
        for length in self._lengths:
            for start in range(len(joined) - length + 1):
                if entry := self._unspaced.get(joined[start : start + length]):
                    return entry
        return None


def _words(text: str) -> list[str]:
    """Return the words of a text, each in the one form that all its spellings have."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if folded.isascii():
        return _PLAIN_WORD.findall(folded)
    return "".join(_letter(letter) for letter in folded).split()


def _letter(letter: str) -> str:
    """Return what a character is to a word: itself, nothing, or a gap."""
    if letter.isalnum():
        return letter
    kind = unicodedata.category(letter)
    if kind == "Cf" or ord(letter) in _ACCENTS:
        # What cannot be seen, and accents that belong to no letter of theirs, only hide a word.
        return ""
    return letter if kind[0] == "M" else " "


def _is_unspaced(letter: str) -> bool:
    return not letter.isascii() and unicodedata.name(letter, "").startswith(_UNSPACED)
