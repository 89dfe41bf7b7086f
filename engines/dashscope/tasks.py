"""DashScope's tasks: an id at once, which is polled.

Source: Model Studio's reference of asynchronous tasks. A task is known for 24 hours, and can be cancelled while it
waits only. What a task was sent cannot be looked up.
"""

from __future__ import annotations

from engines.dashscope.answer import error_of, look_of
from engines.dashscope.health import ask
from engines.dashscope.wanted import DashScopeManner, capabilities_of, has_pictures, plan_of
from engines.hosted.account import Account, id_in
from engines.hosted.host import HostedCall, HostedLook, HostedPlan, Ticket
from engines.remote.session import Answered
from limner.engine import Brief, Capabilities
from limner.errors import BadResult


class DashScopeTasks:
    """One account at DashScope with a model that is asked by tasks."""

    def __init__(self, account: Account, manner: DashScopeManner) -> None:
        self._account, self._manner = account, manner

    def capabilities(self) -> Capabilities:
        """Return what the model can do."""
        return capabilities_of(self._manner)

    def ask(self) -> None:
        """Ask for the newest task."""
        ask(self._account)

    def plan(self, brief: Brief) -> HostedPlan:
        """Return a task for as many cells as one may draw."""
        return plan_of(brief, self._manner)

    def submit(self, call: HostedCall) -> Ticket:
        """Start a task."""
        pictures = has_pictures(call)
        try:
            told = self._account.submit(call)
        except Answered as error:
            raise error_of(error.answer.table(), pictures=pictures) from None
        output = told.get("output")
        if not isinstance(output, dict) and told.get("code"):
            # A refusal with HTTP 200.
            raise error_of(told, pictures=pictures)
        task = id_in(output if isinstance(output, dict) else {}, "task_id")
        return {"id": task, "pictures": pictures}

    def find(self, call: HostedCall) -> Ticket | None:
        """Return nothing: the host does not tell what a task was sent."""
        return None

    def look(self, ticket: Ticket, read_s: float) -> HostedLook:
        """Get the task."""
        answer = self._account.look(f"/tasks/{ticket['id']}", read_s)
        if answer is None:
            return HostedLook("gone")
        told = answer.json()
        if not isinstance(told, dict):
            raise BadResult("The engine's answer is no task.")
        if "output" not in told and told.get("code"):
            raise error_of(told, pictures=False)
        return look_of(told, pictures=bool(ticket.get("pictures")))

    def cancel(self, ticket: Ticket) -> None:
        """Cancel the task, which has an effect while it waits."""
        self._account.send("POST", f"/tasks/{ticket['id']}/cancel")

    def picture(self, where: str) -> bytes:
        """Fetch a picture; its address dies after 24 hours."""
        return self._account.picture(where)

    def close(self) -> None:
        """Close the connections."""
        self._account.close()
