"""BFL as a host: a task for each cell, polled where its answer says.

Source: BFL's documentation. It cannot cancel, has no idempotency key and no list of tasks: a submission whose
answer is lost cannot be found again. A picture's URL dies after ten minutes.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from engines.bfl.models import BflModels
from engines.bfl.task import check_balance, credits_in, look_of
from engines.bfl.wanted import BflManner, levels_of, wanted_of
from engines.hosted.account import Account, id_in
from engines.hosted.host import HostedCall, HostedLook, HostedPlan, Ticket
from engines.remote.session import Answered
from limner.engine import Brief, Capabilities
from limner.errors import BadResult, Refused


class BflHost:
    """One account at BFL with its models."""

    def __init__(
        self, account: Account, models: BflModels, manner: BflManner, credit_price: float
    ) -> None:
        """Make it; ``credit_price``: what a credit costs, in the operator's currency."""
        self._account, self._models, self._manner = account, models, manner
        self._credit_price = credit_price

    def capabilities(self) -> Capabilities:
        """Return what the models can do."""
        levels = levels_of(self._models)
        return Capabilities(**levels, previews=True, attach=True, charged=True)

    def ask(self) -> None:
        """Ask for the account's credits."""
        try:
            check_balance(self._account.ask("/v1/credits").table())
        except Answered as error:
            # It took the key; that it tells no credits does not matter.
            if error.answer.status >= 500:
                raise

    def plan(self, brief: Brief) -> HostedPlan:
        """Return a task for each cell."""
        wanted = wanted_of(brief, self._models, self._manner)
        calls = [HostedCall(f"/v1/{wanted.model.name}", body) for body in wanted.bodies]
        return HostedPlan(calls, brief.seeds, wanted.applied)

    def submit(self, call: HostedCall) -> Ticket:
        """Start a task."""
        try:
            told = self._account.submit(call)
        except Answered as error:
            if error.answer.status in (404, 405):
                raise Refused("setup", "there is no such model") from None
            raise
        name = id_in(told)
        url = told.get("polling_url")
        where = str(url) if self._account.is_ours(url) else "/v1/get_result"
        if "id=" not in urlsplit(where).query:
            where += ("&" if urlsplit(where).query else "?") + urlencode({"id": name})
        ticket: dict[str, Any] = {"id": name, "url": where}
        cost = credits_in(told, "cost")
        if cost is not None:
            ticket["cost"] = cost * self._credit_price
        return ticket

    def find(self, call: HostedCall) -> Ticket | None:
        """Return None: BFL cannot be asked for what it was sent."""

    def look(self, ticket: Ticket, read_s: float) -> HostedLook:
        """Get the task's record."""
        answer = self._account.look(str(ticket["url"]), read_s)
        if answer is None:
            return HostedLook("gone", cost=ticket.get("cost"))
        told = answer.json()
        if not isinstance(told, dict):
            raise BadResult("The engine's answer is no task.")
        return look_of(told, ticket.get("cost"))

    def cancel(self, ticket: Ticket) -> None:
        """Nothing to do: BFL cannot cancel."""

    def picture(self, where: str) -> bytes:
        """Fetch a picture."""
        return self._account.picture(where)

    def close(self) -> None:
        """Close the connections."""
        self._account.close()
