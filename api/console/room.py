"""What every page of the console shares: who may see it, its frame, its headers, and how it says no.

``a_room`` makes a blueprint for pages, ``page`` renders one.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException

from api.access.session import csrf, session_here
from api.console.assets import stamp
from api.console.texts import LANGUAGES, say, spoken
from api.errors import STATUS_CODES, STORE_RETRY_AFTER_S
from api.house import house
from api.refusal import tell_when
from limner.errors import RequestError, StoreDown
from limner.store.sessions import Holder

#: beside what the gateway itself serves, pictures may come from its public address
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{pictures}; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    # With none, forms would not say where they come from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the navigation."""

    #: the endpoint of its page; it is shown once there is one
    endpoint: str
    #: its address below ``/console/``
    path: str
    #: the key of its name
    text: str
    kind: Holder


NAVIGATION = (
    Entry("console_draw.draw", "draw", "nav.draw", Holder.CLIENT),
    Entry("console_gallery.gallery", "gallery", "nav.gallery", Holder.CLIENT),
    Entry("console_steer.overview", "overview", "nav.overview", Holder.OPERATOR),
    Entry("console_steer.jobs", "jobs", "nav.jobs", Holder.OPERATOR),
    Entry("console_steer.letters", "letters", "nav.letters", Holder.OPERATOR),
    Entry("console_steer.audit", "audit", "nav.audit", Holder.OPERATOR),
)


def a_room(name: str, *kinds: Holder) -> Blueprint:
    """Return a blueprint below ``/console`` for pages that only these may see; none: everybody may."""
    room = Blueprint(name, __name__, url_prefix="/console", template_folder="templates")

    def let_in() -> Response | None:
        session = session_here()
        if session is None:
            return to(f"console/enter?next={quote(_here(), safe='/')}")
        return None if session.kind in kinds else to(home_of(session.kind))

    if kinds:
        room.before_request(let_in)
    room.register_error_handler(RequestError, _refused)
    room.register_error_handler(StoreDown, _store_down)
    room.register_error_handler(HTTPException, _http)
    return room


def page(template: str, *, status: int = HTTPStatus.OK, **values: object) -> Response:
    """Return a page: ``console/<template>.html``, whose script is ``static/<template>.js`` if it names one.

    A template gets ``t`` (its texts), ``at`` (an address from the gateway's root on), ``asset``, ``session``
    (None: nobody has entered) and ``values``.
    """
    # Nothing that fails may be asked for an error's page: its store may be down.
    session = None if template == "trouble" else session_here()
    body = render_template(
        f"console/{template}.html",
        t=say,
        at=at,
        asset=asset,
        here=_here(),
        session=session,
        csrf=csrf(),
        language=spoken(),
        languages=LANGUAGES,
        stamp=stamp(),
        base_url=house().settings.base_url,
        navigation=[
            entry
            for entry in NAVIGATION
            if session is not None
            and entry.kind is session.kind
            and entry.endpoint in current_app.view_functions
        ],
        **values,
    )
    response = Response(body, int(status), mimetype="text/html")
    base = urlsplit(house().settings.base_url)
    pictures = f" {base.scheme}://{base.netloc}"
    response.headers["Content-Security-Policy"] = _POLICY.format(pictures=pictures)
    response.headers.update(_HEADERS)
    return response


def at(path: str) -> str:
    """Return an address below the gateway's root as seen from this page.

    Relative, because a proxy may serve us under a path that it does not tell.
    """
    return "../" * (request.path.count("/") - 1) + path


def asset(name: str) -> str:
    """Return the address of a file in ``static/``."""
    return at(f"console/assets/{stamp()}/{name}")


def to(path: str) -> Response:
    """Return a redirection to an address below the gateway's root, as a GET."""
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": at(path)})


def home_of(kind: Holder) -> str:
    """Return the first page for whoever has entered as ``kind``."""
    known = current_app.view_functions
    paths = [e.path for e in NAVIGATION if e.kind is kind and e.endpoint in known]
    return f"console/{paths[0]}" if paths else "console/nothing"


def _here() -> str:
    """Return this page's address from the gateway's root on."""
    query = request.query_string.decode("ascii", "replace")
    return request.path.lstrip("/") + (f"?{query}" if query else "")


def _refused(error: RequestError) -> Response:
    response = page("trouble", status=STATUS_CODES[type(error)], message=error.message)
    tell_when(response, error.retry_after_s)
    return response


def _store_down(_error: StoreDown) -> Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    response = page("trouble", status=status, message=say("trouble.store"))
    tell_when(response, STORE_RETRY_AFTER_S)
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    known = status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
    message = say("trouble.nothing") if known else say("trouble.request")
    return page("trouble", status=status, message=message)
