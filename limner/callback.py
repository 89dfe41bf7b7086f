"""Callbacks: where they go, how often one is tried, and what an answer means.

The API asks for ``destination``; the poster turns each attempt's outcome into a value with
``classify``. Nothing here posts, waits or keeps anything.
"""

from __future__ import annotations

from limner.target import parse_target


def destination(url: str) -> str:
    """Return the key under which callbacks to ``url`` share their fate: ``https://host:443``.

    Raises:
        UrlRefused: the URL is wrong by its text (a ValueError whose message is fit for the caller).
    """
    return parse_target(url).destination
