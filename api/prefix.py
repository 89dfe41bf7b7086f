"""Serve the API under a path: ``LIMNER_PUBLIC_URL=https://draw.example/limner``; used by ``create_app``.

Some proxies strip the path before they forward a request (nginx with a slash at the end of
``proxy_pass``), others keep it (most Kubernetes ingresses). Both work.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Flask


def serve_under(app: Flask, base_url: str) -> None:
    """Make ``app`` answer under the path of ``base_url`` as well."""
    prefix = unquote(urlsplit(base_url).path)
    own = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    # A prefix that begins like one of our paths would be ambiguous: then the proxy has to strip it.
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
