"""The names of parameters on the wire: camel case, or what the documented API has always called them."""

from __future__ import annotations

_OF_OLD = {
    "callback_url": "callBackUrl",
    "niji": "isNiji",
    "tile": "isTile",
    "references": "imageList",
    "style_references": "styleRefs",
    "object_references": "objectRefs",
    "deadline_s": "deadline",
    "callback_statuses": "callbackEvents",
    "button": "buttonType",
}


def wire_name(name: str) -> str:
    """Return what a field of the domain is called on the wire."""
    return _OF_OLD.get(name) or camel(name)


def camel(name: str) -> str:
    """Return a name in camel case."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
