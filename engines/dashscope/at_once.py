"""DashScope while it is waited for: the answer to a request has the addresses of its pictures."""

from __future__ import annotations

from engines.dashscope.answer import ended, error_of
from engines.dashscope.health import ask
from engines.dashscope.wanted import DashScopeManner, capabilities_of, has_pictures, plan_of
from engines.hosted.account import Account
from engines.hosted.host import HostedCall, HostedLook, HostedPlan
from engines.remote.session import Answered
from limner.engine import Brief, Capabilities
from limner.errors import BadResult
from net.cut import Cut


class DashScopeAtOnce:
    """One account at DashScope with a model that is waited for."""

    def __init__(self, account: Account, manner: DashScopeManner) -> None:
        self._account, self._manner = account, manner

    def capabilities(self) -> Capabilities:
        """Return what the model can do."""
        return capabilities_of(self._manner)

    def ask(self) -> None:
        """Ask for the newest task."""
        ask(self._account)

    def plan(self, brief: Brief) -> HostedPlan:
        """Return a request for as many cells as one may draw."""
        return plan_of(brief, self._manner)

    def draw(self, call: HostedCall, cut: Cut) -> HostedLook:
        """Make one request, and return its pictures."""
        pictures = has_pictures(call)
        try:
            told = self._account.draw(call, cut, self._manner.answer_s).table()
        except Answered as error:
            raise error_of(error.answer.table(), pictures=pictures) from None
        output = told.get("output")
        if not isinstance(output, dict):
            if told.get("code"):
                # A refusal with HTTP 200.
                raise error_of(told, pictures=pictures)
            raise BadResult("The engine's answer has no pictures.")
        return ended(output, pictures=pictures)

    def picture(self, where: str) -> bytes:
        """Fetch a picture; its address dies after 24 hours."""
        return self._account.picture(where)

    def close(self) -> None:
        """Close the connections."""
        self._account.close()
