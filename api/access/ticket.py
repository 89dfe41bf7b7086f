"""Let whoever holds a signed address follow one job: a browser's EventSource can send no token.

The signature is made with the client's callback secret, so that nothing is stored. An address opens one job's
events, and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from flask import g, request

from api.access.guard import let_in_or_page, sends_token
from api.access.own import is_job_id
from api.house import house
from limner.client import Client
from limner.errors import JobNotFound, TokenRejected

TICKET = "ticket"
#: for opening a stream; one that is open goes on
KEPT = timedelta(minutes=15)


def let_in_by_ticket() -> None:
    """Identify the caller by a token, a session or the ticket of the job in the path; for ``before_request``.

    Raises:
        TokenRejected, TokensSlowed, TooFast: as ``let_in`` says; or the ticket is of another job, or has expired.
    """
    ticket = request.args.get(TICKET)
    if ticket is None or sends_token():
        let_in_or_page()
        return
    g.client = _holder(str((request.view_args or {}).get("job_id")), ticket)


def ticket_of(client: Client, job_id: str, now: datetime) -> tuple[str, datetime]:
    """Return a ticket for the events of a client's job, and when it expires."""
    expires = (now + KEPT).replace(microsecond=0)
    until_s = int(expires.timestamp())
    return f"{until_s}-{_signature(client.secrets[0], job_id, until_s)}", expires


def _holder(job_id: str, ticket: str) -> Client:
    until, _, signature = ticket.partition("-")
    here = house()
    if until.isascii() and until.isdigit() and len(until) < 16 and is_job_id(job_id):
        try:
            client = here.store.clients.get(here.store.jobs.get(job_id).client)
        except JobNotFound:
            client = None
        ours = [] if client is None else [_signature(x, job_id, int(until)) for x in client.secrets]
        if any(hmac.compare_digest(one, signature) for one in ours if signature.isascii()):
            assert client is not None
            if int(until) <= here.now().timestamp():
                raise TokenRejected("This address has expired: ask for a new one.")
            if client.disabled:
                raise TokenRejected("This client is disabled.")
            return client
    raise TokenRejected("This address is not signed for that job.")


def _signature(secret: str, job_id: str, until_s: int) -> str:
    content = f"events.{job_id}.{until_s}".encode()
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
