"""Four prompts out of what a model says about a picture; used by the drivers that can describe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

PROMPTS = 4
#: captions are for people's eyes, and for models that read a few dozen words
PROMPT_MAX_CHARACTERS = 1000
#: how the same thing could be drawn, where a model says too little for four prompts
_WAYS = ("wide shot", "close-up", "soft light", "richly detailed", "muted colours")
#: parts of a long list that go into a composed prompt
_PARTS = 6


def four_prompts(said: Sequence[str]) -> tuple[str, ...]:
    """Return four different prompts, out of one description or more: sentences, or lists with commas.

    First each as it is, then their beginnings joined to each other's lists; () for nothing said.
    """
    found: dict[str, str] = {}
    for prompt in _proposals([" ".join(words.split()) for words in said if words.strip(" ,")]):
        found.setdefault(prompt.casefold(), prompt[:PROMPT_MAX_CHARACTERS])
        if len(found) == PROMPTS:
            break
    return tuple(found.values())


def _proposals(said: Sequence[str]) -> Iterator[str]:
    yield from said
    split = [[part.strip() for part in words.split(",") if part.strip()] for words in said]
    for one in split:
        for other in split:
            more = (other if other is not one else other[1:])[:_PARTS]
            yield ", ".join([one[0], *(part for part in more if part != one[0])])
    for one in split:
        yield one[0]
        for way in _WAYS:
            yield f"{one[0]}, {way}"
