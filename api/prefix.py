"""The API under a path: ``LIMNER_PUBLIC_URL=https://draw.example/limner``; ``create_app`` puts it in front.

Some proxies take the path off before they pass a request on (nginx with a slash behind
``proxy_pass``), others leave it (most of Kubernetes' ingresses). Both are served.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Flask


def serve_under(app: Flask, base_url: str) -> None:
    """Let ``app`` answer under the path of ``base_url``, too."""
    prefix = unquote(urlsplit(base_url).path)
    own = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    # A path of ours at the front could not be told from the prefix: then a proxy has to take it off.
    if not prefix or prefix.split("/")[1] in own:
        return
    answer = app.wsgi_app

    def answer_under(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path.startswith(prefix + "/"):
            environ["PATH_INFO"] = path[len(prefix) :]
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
        return answer(environ, start_response)

    app.wsgi_app = answer_under  # type: ignore[method-assign]
