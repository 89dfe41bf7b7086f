"""The table of addresses, and a blueprint of them under each prefix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, Response

from api.cors import allow_browsers
from api.faces.mjproxy import follow, submit, tasks
from api.faces.mjproxy.entry import PREFIXES, let_in

View = Callable[..., Response]
ROUTES: Sequence[tuple[str, str, View]] = (
    ("POST", "/submit/imagine", submit.imagine),
    ("POST", "/submit/blend", submit.blend),
    ("POST", "/submit/describe", submit.describe),
    ("POST", "/submit/change", follow.change),
    ("POST", "/submit/simple-change", follow.simple_change),
    ("POST", "/submit/action", follow.action),
    ("POST", "/submit/modal", follow.modal),
    ("GET", "/task/<task_id>/fetch", tasks.fetch),
    ("POST", "/task/list-by-condition", tasks.some),
    ("POST", "/task/list-by-ids", tasks.some),
    ("GET", "/task/list", tasks.newest),
    ("GET", "/task/queue", tasks.queue),
    ("GET", "/task/<task_id>/image-seed", tasks.image_seed),
    ("POST", "/task/<task_id>/cancel", tasks.cancel),
)


def blueprints() -> tuple[Blueprint, ...]:
    """Return a blueprint for each prefix."""
    return tuple(_blueprint(name, prefix) for name, prefix in PREFIXES.items())


def _blueprint(name: str, prefix: str) -> Blueprint:
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    allow_browsers(blueprint)
    blueprint.before_request(let_in)
    for method, path, view in ROUTES:
        endpoint = path.rsplit("/", 1)[-1]
        blueprint.add_url_rule(path, endpoint, view, methods=[method, "OPTIONS"])
    return blueprint
