"""Replicate as a host: predictions are created, polled, cancelled, and found again by their input.

Source: Replicate's HTTP reference. There is no idempotency key; but the list of an account's predictions says
what each was given, and a seed of 32 bits makes that unmistakable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engines.hosted.account import Account, id_in
from engines.hosted.host import HostedCall, HostedLook, HostedPlan, Ticket
from engines.hosted.remembered import Remembered
from engines.remote.model_inputs import ModelInputs
from engines.remote.model_wanted import ModelManner, levels_of, turned_out, wanted_of
from engines.remote.session import Answered
from engines.replicate.models import ReplicateModel, model_at
from engines.replicate.prediction import is_usable, look_of
from limner.engine import Brief, Capabilities
from limner.errors import BadResult, Refused

#: how long the list of predictions may take
LIST_READ_S = 10.0


@dataclass(frozen=True, slots=True)
class ReplicateManner:
    """How predictions are run and paid for."""

    #: ``owner/name``, or ``owner/name:version``
    model: str
    #: ``owner/name`` of a deployment that runs the model
    deployment: str | None = None
    #: after how many seconds Replicate ends a prediction; 0: by its own limit
    cancel_after_s: int = 900
    #: what a second of run time costs; 0: not by time
    price_per_second: float = 0.0


class ReplicateHost:
    """One account at Replicate with one usual model."""

    def __init__(
        self, account: Account, manner: ReplicateManner, model_manner: ModelManner
    ) -> None:
        self._account, self._manner, self._model_manner = account, manner, model_manner
        self._models = Remembered(lambda ref: model_at(account, ref))

    def capabilities(self) -> Capabilities:
        """Return what the model's inputs allow."""
        return Capabilities(**self._levels(), cancel=True, attach=True, charged=True)

    def ask(self) -> None:
        """Get the model once, then the account."""
        if self._models.knows(self._manner.model):
            self._account.ask("/account")
        else:
            self._models.get(self._manner.model)

    def plan(self, brief: Brief) -> HostedPlan:
        """Return a prediction for all cells, or one each."""
        model = self._models.get(brief.model or self._manner.model)
        headers = {}
        if self._manner.cancel_after_s:
            headers["Cancel-After"] = f"{self._manner.cancel_after_s}s"
        wanted = wanted_of(brief, model.inputs, self._model_manner)
        here = levels_of(model.inputs, self._model_manner)
        calls = [
            HostedCall(self._path(model), self._body(model, inputs), count, headers)
            for inputs, count in wanted.calls
        ]
        applied = {**turned_out(self._levels(), here), **wanted.applied}
        return HostedPlan(calls, wanted.seeds, applied)

    def submit(self, call: HostedCall) -> Ticket:
        """Create a prediction."""
        try:
            return {"id": id_in(self._account.submit(call))}
        except Answered as error:
            if error.answer.status == 404:
                raise Refused("setup", "there is no such model, or it is not run so") from None
            raise

    def find(self, call: HostedCall) -> Ticket | None:
        """Return the prediction among the newest hundred that was given the same, seed included."""
        wanted = _plain(call.body["input"])
        if "seed" not in wanted:
            return None
        answer = self._account.look("/predictions", LIST_READ_S)
        told = answer.table().get("results") if answer else None
        for one in told if isinstance(told, list) else ():
            given = one.get("input") if isinstance(one, dict) else None
            if not isinstance(given, dict) or not is_usable(one):
                continue
            if all(given.get(name) == value for name, value in wanted.items()):
                return {"id": id_in(one)}
        return None

    def look(self, ticket: Ticket, read_s: float) -> HostedLook:
        """Get the prediction."""
        answer = self._account.look(f"/predictions/{ticket['id']}", read_s)
        if answer is None:
            return HostedLook("gone")
        told = answer.json()
        if not isinstance(told, dict):
            raise BadResult("The engine's answer is no prediction.")
        return look_of(told, self._manner.price_per_second)

    def cancel(self, ticket: Ticket) -> None:
        """Cancel the prediction."""
        self._account.send("POST", f"/predictions/{ticket['id']}/cancel")

    def picture(self, where: str) -> bytes:
        """Fetch a picture; its URL dies after an hour."""
        return self._account.picture(where)

    def close(self) -> None:
        """Close the connections."""
        self._account.close()

    def _levels(self) -> dict[str, Any]:
        model = self._models.if_known(self._manner.model)
        return levels_of(model.inputs if model else ModelInputs(), self._model_manner)

    def _path(self, model: ReplicateModel) -> str:
        if self._manner.deployment:
            return f"/deployments/{self._manner.deployment}/predictions"
        return "/predictions" if model.version else f"/models/{model.name}/predictions"

    def _body(self, model: ReplicateModel, inputs: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {"input": inputs}
        if model.version and not self._manner.deployment:
            body["version"] = model.version
        return body


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a host gives back as it was sent: all but pictures, which it may store elsewhere."""
    return {
        name: value
        for name, value in inputs.items()
        if isinstance(value, int | float | bool)
        or (isinstance(value, str) and not value.startswith("data:"))
    }
