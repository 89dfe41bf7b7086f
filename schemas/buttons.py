"""Which fields go with which follow-up button; used by the schemas of faces whose callers name buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from limner.followup import PAN, REGION, REMIX, UPSCALE, ZOOM
from schemas.fields import REQUIRED

#: button → the fields that it must have, and those that it may have
_TAKES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    UPSCALE: ((), ("cell", "kind")),
    REGION: (("mask",), ("cell", "prompt_en")),
    ZOOM: (("scale",), ("cell", "prompt_en")),
    PAN: (("direction",), ("cell", "prompt_en")),
    REMIX: (("prompt_en",), ("cell",)),
}
FIELDS_OF_BUTTONS = ("cell", "kind", "scale", "direction", "mask", "prompt_en")


def fields_of_button(button: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields that a button must have, and those that it may have, of ``FIELDS_OF_BUTTONS``."""
    return _TAKES.get(button, ((), ()))


def misfits_of_button(
    found: Mapping[str, Any], wire_name: Callable[[str], str]
) -> dict[str, list[str]]:
    """Return what a pressed button lacks, and what belongs to another one, by their names on the wire."""
    button = found["button"]
    needed, allowed = fields_of_button(button)
    wrong = {name: [REQUIRED] for name in needed if found[name] is None}
    wrong |= {
        name: [f"Does not belong to {button}."]
        for name in FIELDS_OF_BUTTONS
        if found[name] is not None and name not in (*needed, *allowed)
    }
    return {wire_name(name): why for name, why in wrong.items()}
