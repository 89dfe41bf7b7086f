"""Enter and leave the console, and choose its language: every form that works without a script.

``/`` leads here. Tickets stand in the fragment of a link, which browsers send to nobody; ``static/enter.js``
puts them into the form.
"""

from __future__ import annotations

import hmac
import logging
import re

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from api.access.door import turned_away
from api.access.session import csrf, end_session, forget, is_from_ourselves, remember, session_here
from api.console.room import a_room, home_of, page, to
from api.console.texts import COOKIE, LANGUAGES, say
from api.errors import STATUS_CODES
from api.house import house
from api.refusal import tell_when
from limner.client import Wrong
from limner.errors import NotForStrangers, RequestError, TokenRejected
from limner.log import event
from limner.peer import source_of
from limner.store.sessions import Entered

log = logging.getLogger(__name__)

entrance = Blueprint("console_root", __name__)
entering = a_room("console_enter")

#: a form of ours is this long at most
FORM_BYTES = 8192
#: what ``next`` may be: a page of the console
_PAGE = re.compile(r"console/[\w/-]*(\?[\w=&%.,:+-]*)?", re.ASCII)
_YEAR_S = 365 * 86_400


@entrance.get("/")
def root() -> Response:
    """Lead to the console."""
    return to("console/")


@entering.get("", strict_slashes=False)
@entering.get("/")
def home() -> Response:
    """Lead to the first page for whoever has entered, or to the door."""
    session = session_here()
    return to(home_of(session.kind) if session else "console/enter")


@entering.get("/enter")
def door() -> Response:
    """Show the form that asks for a token."""
    return page("enter", next=_next(request.args.get("next", "")))


@entering.post("/enter")
def enter() -> Response:
    """Begin a session by a token or a ticket."""
    form = _form()
    entered = _entered(form.get("token", "").strip(), form.get("ticket", "").strip())
    if isinstance(entered, RequestError):
        return _not_in(entered, _next(form.get("next", "")))
    event(log, "session.opened", kind=entered.kind.value, name=entered.name)
    response = to(_next(form.get("next", "")) or home_of(entered.kind))
    # Whoever was here before has left.
    end_session()
    remember(response, entered)
    return response


@entering.post("/leave")
def leave() -> Response:
    """End the session."""
    if not hmac.compare_digest(_form().get("csrf", "").encode(), csrf().encode()):
        raise NotForStrangers(say("trouble.request"))
    end_session()
    response = to("console/enter")
    forget(response)
    return response


@entering.post("/language")
def language() -> Response:
    """Choose the language, and stay on the page."""
    form = _form()
    response = to(_next(form.get("next", "")) or "console/")
    if (chosen := form.get("language")) in LANGUAGES:
        response.set_cookie(COOKIE, str(chosen), max_age=_YEAR_S, path="/", samesite="Lax")
    return response


@entering.route("/<path:_rest>")
def nothing(_rest: str) -> Response:
    """Say that there is no such page."""
    raise NotFound


def _form() -> dict[str, str]:
    """Return the fields of a form that one of our own pages sends.

    Raises:
        NotForStrangers: another site's page sends it.
    """
    if not is_from_ourselves():
        raise NotForStrangers(say("trouble.request"))
    request.max_content_length = request.max_form_memory_size = FORM_BYTES
    return request.form.to_dict()


def _next(asked: str) -> str:
    return asked if _PAGE.fullmatch(asked) and not asked.startswith("console/enter") else ""


def _entered(token: str, ticket: str) -> Entered | RequestError:
    here, source = house(), source_of(request.remote_addr)
    if not (token or ticket):
        return TokenRejected(say("enter.empty"))
    sessions = here.store.sessions
    found = (
        sessions.enter_by_ticket(ticket, source)
        if ticket
        else sessions.enter_by_token(token, source)
    )
    if isinstance(found, Entered):
        return found
    return _said(found, ticket=bool(ticket), source=source)


def _said(wrong: Wrong, *, ticket: bool, source: str) -> RequestError:
    refused = turned_away(wrong, source)
    if wrong.wait_s:
        refused.message = say("enter.slowed")
    elif wrong.disabled:
        refused.message = say("enter.disabled")
    else:
        refused.message = say("enter.ticket_wrong" if ticket else "enter.token_wrong")
    return refused


def _not_in(refused: RequestError, following: str) -> Response:
    status = STATUS_CODES[type(refused)]
    response = page("enter", status=status, next=following, wrong=refused.message)
    tell_when(response, refused.retry_after_s)
    return response
