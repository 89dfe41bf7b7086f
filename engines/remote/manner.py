"""How much effort, and which words, a diffusion server is asked for; pure functions, used by the drivers."""

from __future__ import annotations

from limner.engine import Brief

_NIJI_WORDS = "anime illustration, clean line art, cel shading"
_STYLE_WORDS = {
    "cute": "cute, charming, rounded shapes",
    "expressive": "expressive, dynamic pose, vivid",
    "original": "",
    "scenic": "scenic, detailed background, cinematic light",
}
_DRAFT_SHARE = 0.3
#: the fewest steps of a draft; the most of a quality above 1, as the servers' own pages have it
DRAFT_STEPS, STEPS_MAX = 6, 150
#: distilled models run without guidance, and fail with it
CFG_LEAST_TO_VARY = 2.0


def steps_of(brief: Brief, usual: float) -> int:
    """Return the steps to take: by the quality; few for a draft."""
    steps = usual * (1.0 if brief.quality is None else brief.quality)
    if brief.draft:
        steps = min(steps, max(DRAFT_STEPS, usual * _DRAFT_SHARE))
    return max(1, round(min(steps, max(STEPS_MAX, usual))))


def guidance_of(brief: Brief, usual: float) -> float:
    """Return the guidance: the lower, the more freedom for the model's own taste."""
    if brief.stylize is None or usual < CFG_LEAST_TO_VARY:
        return usual
    return round(max(1.5, usual + 2 - 5 * brief.stylize / 1000), 2)


def words_of(prompt: str, brief: Brief, *, suffix: str, niji_model: bool) -> str:
    """Return the prompt with the words for what was asked for besides; ``niji_model``: it draws niji."""
    words = [prompt]
    if brief.niji:
        words.append("" if niji_model else _NIJI_WORDS)
        words.append(_STYLE_WORDS.get(brief.style, ""))
    if brief.style != "raw":
        words.append(suffix)
    return joined(*words)


def joined(*words: str) -> str:
    """Return phrases as one, without the empty ones."""
    return ", ".join(word for word in words if word.strip())
