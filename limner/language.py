"""Tell whether words are English, without a model: by their letters, and by the small words of other languages.

Called by the drawing worker, which has other words translated. A mistake is cheap: English that is taken for another
language is translated into itself, and what is taken for English is drawn as it stands.
"""

from __future__ import annotations

import re
import unicodedata

#: a picture's inscription may be in any language: what stands between quotation marks does not count
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|「[^」]*」|『[^』]*』")
_WORD = re.compile(r"[^\W\d_]+")
#: of the letters, as large a part of another script makes the words another language's
SCRIPT_PART = 0.2
#: of the words, as large a part of another language's small ones does
WORDS_PART = 1 / 3


def _listed(text: str) -> list[str]:
    return text.split()


_ENGLISH = frozenset(
    _listed("""
    a an and are as at be behind being below beside between but by for from has have he her his in inside into is it
    its like near no not of off on onto or out outside over she some that the their them there they this through to
    under up was were where which while who with without you your
    """)
)
#: of German, French, Spanish, Portuguese, Italian, Dutch, the Scandinavian ones, Polish, Turkish, Romanian,
#: Hungarian, Indonesian, Vietnamese and Finnish; none is an English word that people use in a prompt
_OTHERS = (
    frozenset(
        _listed("""
        der das ein eine einer einem einen eines und mit im auf dem den des ist nicht vor hinter unter über neben
        zwischen für aus bei von vom zum zur wie sehr ohne durch auch
        de le la les un une du et avec dans sur sous au aux est pour qui que sans très chez entre devant derrière près
        el los las una unos unas y con en del al por para sin sobre bajo está junto muy detrás
        os uma uns umas com em na nas nos da do dos pelo pela ao sem sob muito atrás são é
        il lo gli uno di che nel nella sul sulla della dello degli delle per tra fra senza sotto molto è
        het een van met op aan onder naast achter voor zonder uit naar en niet zeer
        og och på ett ved til uden utan hos ikke inte är er det som
        pod przy jest oraz się nad obok ve bir ile için çok üzerinde altında si cu pe este egy és az
        yang dan dengan pada untuk sebuah seekor dari một và của trong với trên ja jossa kanssa
        """)
    )
    - _ENGLISH
)


def is_english(text: str) -> bool:
    """Return whether words to draw are English, as far as that can be told; no words are."""
    if text.isascii() and not text.strip():
        return True
    plain = _QUOTED.sub(" ", text)
    letters = [letter for letter in plain if letter.isalpha()]
    if not letters:
        return True
    if sum(not _is_latin(letter) for letter in letters) > SCRIPT_PART * len(letters):
        return False
    words = [word.lower() for word in _WORD.findall(plain)]
    english = sum(word in _ENGLISH for word in words)
    others = sum(word in _OTHERS or not word.isascii() for word in words)
    if others <= english:
        return True
    return others == 1 and others < WORDS_PART * len(words)


def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH LATIN"))
