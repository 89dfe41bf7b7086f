"""The flags of all versions of Midjourney, and the form of each one's value.

Used by ``limner.flags`` only. Source: Midjourney's parameter list; flags of old versions live on in
prompts that people copy.
"""

from __future__ import annotations

import re

#: markup that comes along when a prompt is copied from a chat
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"
GAP = rf"[\s{ZERO_WIDTH}]"
#: two hyphens; the dashes that may replace them; and characters like a hyphen, doubled
DASHES = r"(?:-{2,3}|[\u2012-\u2015\u2e3a\ufe58]{1,2}-?|[\u2010\u2011\u2212\ufe63\uff0d]{2})"
#: the end of a flag or its value: no word or number continues
END = r"(?!\w|[-.:/%='’]\w|,[0-9]|%)"

#: few enough digits for a finite float; float() alone would also accept "nan", "1_0", other scripts' digits
_POSITIVE = r"(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})"
_NUMBER = rf"-?{_POSITIVE}"
_SIDE = rf"(?=[0-9.]*[1-9]){_POSITIVE}"
# East Asian input methods type a colon of their own.
_RATIO = rf"{_SIDE}[:：]{_SIDE}"
_WEIGHT = r"(?:::[0-9.]{1,20})?"
_LINK = rf"https?://\S+?{_WEIGHT}(?=[,;]?(?:\s|\Z))"
_LINKS = rf"{_LINK}(?:\s+{_LINK})*"
_STYLE = rf"(?:{_LINK}|(?:random|[0-9]{{1,10}}){_WEIGHT})"
_STYLES = rf"{_STYLE}(?:\s+(?:{_LINK}|[0-9]{{3,10}}{_WEIGHT}))*"
#: a code without a digit looks like a word: it must come last
_PROFILE = rf"(?:(?=[a-z]*[0-9])[a-z0-9]{{5,12}}|[a-z0-9]{{7}}(?={GAP}*(?:\Z|{DASHES})))"
_PROFILES = rf"{_PROFILE}(?:\s+{_PROFILE})*"

NO = "no"
#: a flag's main name and its aliases → its value
_WITH_VALUE = {
    "ar aspect": _RATIO,
    "style": "raw|cute|expressive|original|scenic|4[abc]",
    "chaos c": _NUMBER,
    "stylize s": _NUMBER,
    "iw": _NUMBER,
    "seed": _NUMBER,
    "niji": _POSITIVE,
    "version v": rf"{_POSITIVE}[ab]?",
    "quality q": _POSITIVE,
    "weird w": _POSITIVE,
    "height h": _POSITIVE,
    "exp": _POSITIVE,
    "stop": _POSITIVE,
    "repeat r": _POSITIVE,
    "cw": _POSITIVE,
    "ow": _POSITIVE,
    "sw": _POSITIVE,
    "sv": _POSITIVE,
    "bs": _POSITIVE,
    "sameseed": _POSITIVE,
    "sref": _STYLES,
    "cref": _LINKS,
    "oref": _LINKS,
    "profile p personalize": _PROFILES,
    "video": "[01]",
    "motion": "low|high",
    "end": _LINK,
}
_WITHOUT_VALUE = (
    f"{NO} tile raw draft hd fast relax turbo loop public stealth "
    "beta creative test testp upanime upbeta uplight"
)
#: flags whose value is optional
OPTIONAL = frozenset({"niji", "profile", "video"})
#: each name → the flag's main name, and the form of its value; None: it has none, or any, as ``--no``
KNOWN: dict[str, tuple[str, re.Pattern[str] | None]] = {
    name: (names.split()[0], re.compile(f"(?:{value}){END}", re.IGNORECASE))
    for names, value in _WITH_VALUE.items()
    for name in names.split()
} | {name: (name, None) for name in _WITHOUT_VALUE.split()}
