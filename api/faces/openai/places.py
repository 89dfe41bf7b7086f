"""The addresses of this face: below ``/v1``, and below ``/openai/v1`` for clients that are given that base."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from flask import Blueprint, Response

BASES = ("/v1", "/openai/v1")
#: Below /v1 lies another protocol's, too: these addresses are that one's.
_NOT_OURS = r"(?:predictions|deployments|files|account|webhooks)(?:/|$)|models/[^/]+/."
PATHS = re.compile(rf"/openai/v1(?:/|$)|/v1(?:$|/(?!{_NOT_OURS}))")


def at(
    blueprint: Blueprint, path: str, methods: Sequence[str], view: Callable[..., Response]
) -> None:
    """Route a path below each base to a view, and preflight requests to the same."""
    for base in BASES:
        blueprint.add_url_rule(base + path, view.__name__, view, methods=[*methods, "OPTIONS"])
