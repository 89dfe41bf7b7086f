"""fal.ai as a host: requests go into its queue, and the URLs that it answers with are used as given.

Source: fal's documentation of its queue. It has no idempotency key and no list of requests: a submission whose
answer is lost cannot be found again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.fal.models import FalModels
from engines.fal.result import failure_of, judge_result, result_of, state_of
from engines.hosted.account import Account, id_in
from engines.hosted.host import HostedCall, HostedLook, HostedPlan, Ticket
from engines.remote.model_wanted import ModelManner, levels_of, turned_out, wanted_of
from engines.remote.session import Answered
from limner.engine import Brief, Capabilities
from limner.errors import BadResult, EngineBusy, EngineDown, EngineError, Refused

#: a request that nobody has made: the answer tells whether the key is taken
NOBODYS = "00000000-0000-4000-8000-000000000000"
#: what depends on the model for pictures, and on the one for a part of a picture
_OF_PICTURES = ("references", "iw", "style_references", "object_references", "vary", "blend")


@dataclass(frozen=True, slots=True)
class FalManner:
    """How requests are queued."""

    #: whether the relaxed lane waits behind everybody's other requests
    low_priority: bool = True
    #: how many seconds a request may wait at fal until it starts; 0: any time
    start_s: int = 0
    #: how many seconds fal keeps the pictures; 0: as the account is set
    expires_s: int = 0
    #: inputs of the operator's
    inputs: Mapping[str, Any] = field(default_factory=dict)


class FalHost:
    """One account at fal with its models."""

    def __init__(
        self, account: Account, models: FalModels, manner: FalManner, model_manner: ModelManner
    ) -> None:
        self._account, self._models = account, models
        self._manner, self._model_manner = manner, model_manner

    def capabilities(self) -> Capabilities:
        """Return what the models' inputs allow."""
        return Capabilities(**self._levels(), cancel=True, attach=True, charged=True)

    def ask(self) -> None:
        """Ask for a request that nobody has made."""
        try:
            self._account.ask(self._requests(self._models.usual, NOBODYS) + "/status")
        except (Refused, EngineBusy, EngineDown):
            raise
        except EngineError as error:
            # Whatever it says of that request, it took the key.
            if isinstance(error, Answered) and error.answer.status >= 500:
                raise

    def plan(self, brief: Brief) -> HostedPlan:
        """Return a request for all cells, or one each."""
        model = self._models.for_brief(brief)
        wanted = wanted_of(brief, model.inputs, self._model_manner)
        here = levels_of(model.inputs, self._model_manner)
        headers = self._headers(brief)
        calls = [
            HostedCall(f"/{model.name}", inputs, count, headers) for inputs, count in wanted.calls
        ]
        applied = {**turned_out(self._levels(), here), **wanted.applied}
        return HostedPlan(calls, wanted.seeds, applied)

    def submit(self, call: HostedCall) -> Ticket:
        """Queue a request."""
        try:
            told = self._account.submit(call)
        except Answered as error:
            if error.answer.status in (404, 405):
                raise Refused("setup", "there is no such model") from None
            raise
        name = id_in(told, "request_id")
        own = self._requests(call.path.strip("/"), name)
        # A lost URL must not lose what was paid for: where they lead is documented.
        given = {
            "status": (told.get("status_url"), f"{own}/status"),
            "result": (told.get("response_url"), own),
            "cancel": (told.get("cancel_url"), f"{own}/cancel"),
        }
        urls = {
            key: url if self._account.is_ours(url) else path for key, (url, path) in given.items()
        }
        return {"id": name, "count": call.pictures, **urls}

    def find(self, call: HostedCall) -> Ticket | None:
        """Return None: fal cannot be asked for what it was sent."""

    def look(self, ticket: Ticket, read_s: float) -> HostedLook:
        """Get the state, and the result if it is over."""
        answer = self._account.look(str(ticket["status"]), read_s, params={"logs": "1"})
        if answer is None:
            return HostedLook("gone")
        state = answer.json()
        if not isinstance(state, dict):
            raise BadResult("The engine's answer is no state.")
        return state_of(state) or self._result(ticket, state, read_s)

    def cancel(self, ticket: Ticket) -> None:
        """Cancel the request; one that runs may go on, and be charged."""
        self._account.send("PUT", str(ticket["cancel"]))

    def picture(self, where: str) -> bytes:
        """Fetch a picture."""
        return self._account.picture(where)

    def close(self) -> None:
        """Close the connections."""
        self._account.close()
        self._models.close()

    def _result(self, ticket: Ticket, state: Mapping[str, Any], read_s: float) -> HostedLook:
        try:
            answer = self._account.look(str(ticket["result"]), read_s, judge=judge_result)
        except Answered as error:
            told = {**state, **error.answer.table()}
            return HostedLook("failed", error=failure_of(told, self._manner.inputs))
        if answer is None:
            return HostedLook("gone")
        told = answer.json()
        if not isinstance(told, dict):
            raise BadResult("The engine's answer is no result.")
        return result_of(told, state, int(ticket["count"]))

    def _levels(self) -> dict[str, Any]:
        models, manner = self._models, self._model_manner
        found = levels_of(models.inputs(models.usual), manner)
        pictures = levels_of(models.inputs(models.pictures), manner)
        found |= {name: pictures[name] for name in _OF_PICTURES}
        return found | {"edit": levels_of(models.inputs(models.inpaint), manner)["edit"]}

    def _headers(self, brief: Brief) -> dict[str, str]:
        headers = {}
        if self._manner.low_priority and not brief.fast:
            headers["X-Fal-Queue-Priority"] = "low"
        if self._manner.start_s:
            headers["X-Fal-Request-Timeout"] = str(self._manner.start_s)
        if self._manner.expires_s:
            kept = {"expiration_duration_seconds": self._manner.expires_s}
            headers["X-Fal-Object-Lifecycle-Preference"] = json.dumps(kept)
        return headers

    def _requests(self, model: str, name: str) -> str:
        """Return a request's path: of a model's, only owner and app count."""
        owner, app, *_ = model.split("/")
        return f"/{owner}/{app}/requests/{name}"
