"""Put views at their addresses."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response


def at(blueprint: Blueprint, method: str, path: str, view: Callable[..., Response]) -> None:
    """Route a path to a view, and preflight requests to the same."""
    blueprint.add_url_rule(path, view.__name__, view, methods=[method, "OPTIONS"])
