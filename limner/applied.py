"""What an engine makes of each parameter that a caller gave: exact, near or none.

``asked_of`` says which were given, when a job is accepted; ``levels_of`` what an engine does with each; a
grant joins the two (``lib_granting.lua``), and ``applied_of`` does the same here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields, replace

from limner.engine import Capabilities, Level
from limner.prompt import Prompt, prompt_of
from limner.request import Request

#: parameters whose level is that of another
_AS = {
    "raw": "style",
    "hd": "size",
    "style_weight": "style_references",
    "object_weight": "object_references",
}
_LEVELS: tuple[Level, ...] = ("none", "near", "exact")
#: operations that keep their parent's size
_SIZED_BY_US = ("upscale", "edit")


def asked_of(request: Request, first_seed: int | None = None) -> list[str]:
    """Return the parameters that the caller gave, each as a word: ``name``, ``name/value`` or ``name:level``.

    ``version/7``: an engine has a model for that version, or not. ``ar:near``: at most near, because the
    ratio that is drawn is only the nearest to the one asked for.

    ``first_seed``: the job's, once it has seeds. A follow-up has other seeds than its parent's text says.
    """
    prompt = prompt_of(request)
    if prompt.seed is not None and first_seed not in (None, prompt.seed):
        prompt = replace(prompt, seed=None)
    return list(_asked(request, prompt))


def _asked(request: Request, prompt: Prompt) -> Iterator[str]:
    for name in ("seed", "chaos", "stylize", "quality", "weird", "style_weight", "object_weight"):
        if getattr(prompt, name) is not None:
            yield name
    for name in ("negative", "niji", "tile", "raw", "draft", "hd"):
        if getattr(prompt, name):
            yield name
    if prompt.style and not (prompt.raw and prompt.style == "raw"):
        yield "style"
    if prompt.version:
        yield f"version/{prompt.version}"
    if prompt.ar is not None:
        yield "ar:near" if prompt.ar_requested or request.size else "ar"
    if request.count is not None and request.operation not in ("upscale", "describe"):
        yield "count"
    if request.size is not None and request.operation not in _SIZED_BY_US:
        yield "size"
    if request.references and request.operation == "draw":
        yield "references"
        if prompt.iw is not None:
            yield "iw"
    if request.style_references or prompt.style_references:
        yield "style_references"
    if request.object_references or prompt.object_references:
        yield "object_references"


def levels_of(
    capabilities: Capabilities,
    versions: Collection[str] = (),
    otherwise: Mapping[str, Level] | None = None,
) -> dict[str, Level]:
    """Return the level of every parameter and operation on an engine that has models for ``versions``.

    ``otherwise``: levels that turned out otherwise in one drawing; what is no level is ignored.
    """
    told = {name: level for name, level in (otherwise or {}).items() if level in _LEVELS}

    found: dict[str, Level] = {
        one.name: level
        for one in fields(capabilities)
        if (level := getattr(capabilities, one.name)) in _LEVELS
    }
    found |= told
    found |= {name: found[like] for name, like in _AS.items()}
    return found | {f"version/{version}": told.get("version", "exact") for version in versions}


def applied_of(asked: Iterable[str], levels: Mapping[str, Level]) -> dict[str, Level]:
    """Return the level of each parameter of ``asked_of`` on an engine."""
    found: dict[str, Level] = {}
    for word in asked:
        known, _, most = word.partition(":")
        cap = [level for level in _LEVELS if level == most]
        name = known.partition("/")[0]
        found[name] = min([levels.get(known, "none"), *cap], key=_LEVELS.index)
    return found
