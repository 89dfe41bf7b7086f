"""Clients and the hashes of their tokens; used by the API's guard, the callback workers and the CLI.

Every request to the API begins with ``admit``: token, client and rate in one round trip.

Keys: ``client:<name>`` HASH, in which ``digest`` is sha256(token) · ``tokens`` HASH sha256(token) → name · ``clients``
SET of names.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from redis import Redis

from limner.client import Admission, Budgets, Client, NewClient, Pace, Wrong
from limner.egress.address import DialPolicy
from limner.egress.target import UrlRefused, parse_target
from limner.errors import ConfigError, LimnerError
from limner.plural import counted
from limner.request import Lane
from limner.store.connection import guarded
from limner.store.scripts import Scripts

TOKEN_BYTES = 32
SECRET_BYTES = 32
#: how long a secret keeps signing after it was replaced
OLD_SECRET_S = 24 * 3600.0
#: in the audit trail, who makes what no person asked for
GATEWAY = "limner"
#: the fields that are budgets
BUDGETS = ("per_day", "per_month", "cost_per_day", "cost_per_month")


#: what ``remove_client.lua`` returns if there is none
UNKNOWN = -2


class ClientBusy(LimnerError):
    """The client has unfinished jobs."""


class Clients:
    """Create, find and change clients."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def add(
        self,
        name: str,
        *,
        callback_url: str | None = None,
        lanes: frozenset[Lane] = frozenset(Lane),
        waiting_cap: int | None = None,
        inline_quota_mb: int | None = None,
        rate_per_s: float | None = None,
        callback_allow: str = "",
        share: float = 1.0,
        in_flight: int | None = None,
        per_day: int | None = None,
        per_month: int | None = None,
        cost_per_day: int | None = None,
        cost_per_month: int | None = None,
        token: str | None = None,
        who: str = GATEWAY,
    ) -> NewClient:
        """Create a client with a new token and a new ``whsec_`` secret.

        Raises:
            ConfigError: the name is taken or not made of letters, digits, - and _, or the callback
                URL or the allow-list is wrong by its text.
        """
        if not name or not name.replace("-", "").replace("_", "").isalnum() or len(name) > 64:
            raise ConfigError("client name", "must be 1-64 letters, digits, - and _")
        _check_callbacks(callback_url, callback_allow)
        token = token or _new_token()
        secret = _new_secret()
        client = Client(
            name=name,
            callback_url=callback_url,
            lanes=lanes,
            secrets=(secret,),
            waiting_cap=waiting_cap,
            inline_quota_mb=inline_quota_mb,
            rate_per_s=rate_per_s,
            callback_allow=callback_allow,
            share=share,
            in_flight=in_flight,
            budgets=Budgets(per_day, per_month, cost_per_day, cost_per_month),
        )
        if not self._write(who, "create", name, _to_record(client), token):
            raise ConfigError("client name", f"there is a client called {name!r} already")
        return NewClient(client, token)

    @guarded
    def rotate_secret(self, name: str, who: str = GATEWAY) -> str:
        """Give the client a new secret and return it; for 24 hours the old one signs as well.

        Raises:
            ConfigError: there is no such client.
        """
        client = self._known(name)
        secret = _new_secret()
        kept = (secret, *client.secrets[:1])
        until_ms = round((time.time() + OLD_SECRET_S) * 1000)
        fields = {"secrets": json.dumps(kept), "old_secret_until_ms": str(until_ms)}
        self._write(who, "change", name, fields)
        return secret

    @guarded
    def rotate_token(self, name: str, who: str = GATEWAY) -> str:
        """Give the client a new token and return it; the old one is refused from now on.

        Raises:
            ConfigError: there is no such client.
        """
        self._known(name)
        token = _new_token()
        self._write(who, "change", name, {}, token)
        return token

    @guarded
    def change(self, name: str, *, who: str = GATEWAY, **changes: Any) -> Client:
        """Change some of a client's fields, named as in ``add``, and return it.

        Raises:
            ConfigError: there is no such client, or the callback URL or the allow-list is wrong by its
                text.
        """
        known = self._known(name)
        budgets = {field: changes[field] for field in changes if field in BUDGETS}
        others = {field: changes[field] for field in changes if field not in BUDGETS}
        client = replace(known, **others, budgets=replace(known.budgets, **budgets))
        # Validate only what changes: a client with an old error in its record can still be disabled.
        _check_callbacks(changes.get("callback_url"), changes.get("callback_allow", ""))
        record = _to_record(client)
        self._write(who, "change", name, {field: record[field] for field in changes})
        return client

    @guarded
    def remove(self, name: str, who: str = GATEWAY) -> None:
        """Forget a client, whose token opens nothing from now on; its jobs stay, as those of nobody.

        Raises:
            ConfigError: there is no such client.
            ClientBusy: some of its jobs have not ended.
        """
        unfinished = int(self._scripts("remove_client", who, name))
        if unfinished == UNKNOWN:
            raise _no_client(name)
        if unfinished > 0:
            raise ClientBusy(
                f"{name} has {counted(unfinished, 'unfinished job')}: wait for them, or "
                f"`limner jobs cancel --client {name} --yes`"
            )

    def admit(self, token: str, source: str) -> Admission | Wrong:
        """Return the client that holds ``token``, and count the request against its rate.

        If there is none, or it is disabled, the request counts against ``source``: its address, as
        ``limner.peer.source_of`` names it.
        """
        return self.admit_holder(_digest(token), source)

    @guarded
    def admit_holder(self, digest: str, source: str) -> Admission | Wrong:
        """Do the same by the sha256 of the token; for sessions that were made from it."""
        first, *more = self._scripts("guard", digest, source)
        if first == "wrong":
            wait_ms, full, disabled = more
            return Wrong(int(wait_ms) / 1000, bool(full), bool(disabled))
        left, back_ms, *pairs = more
        client = _from_record(dict(zip(pairs[::2], pairs[1::2], strict=True)))
        if not client.rate_per_s:
            return Admission(client)
        pace = Pace.of(client.rate_per_s, int(left), int(back_ms) / 1000)
        return Admission(client, pace, int(first) / 1000)

    @guarded
    def count_wrong(self, door: str, source: str) -> Wrong:
        """Count a wrong operator's token, tried at ``door``, against its address."""
        wait_ms, full = self._scripts("wrong", door, source)
        return Wrong(int(wait_ms) / 1000, bool(full))

    @guarded
    def by_token(self, token: str) -> Client | None:
        """Return the client that holds ``token``."""
        name = self._redis.hget(self._prefix + "tokens", _digest(token))
        return self.get(name) if name else None

    @guarded
    def get(self, name: str) -> Client | None:
        """Return the client called ``name``."""
        record = self._redis.hgetall(self._key(name))
        return _from_record(record) if record.get("lanes") is not None else None

    @guarded
    def several(self, names: Sequence[str]) -> dict[str, Client]:
        """Return those of these clients that there are, by name."""
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hgetall(self._key(name))
            records = pipe.execute() if names else []
        return {
            name: _from_record(record)
            for name, record in zip(names, records, strict=True)
            if record.get("lanes") is not None
        }

    @guarded
    def names(self) -> list[str]:
        """Return every client's name, in alphabetical order."""
        return sorted(self._redis.smembers(self._prefix + "clients"))

    def _write(
        self, who: str, verb: str, name: str, fields: Mapping[str, str], token: str | None = None
    ) -> bool:
        """Write a client's fields and, if it gets one, its token; False: the name is taken, or unknown."""
        flat = (part for item in fields.items() for part in item)
        digest = _digest(token) if token else ""
        return bool(self._scripts("write_client", who, verb, name, digest, *flat))

    def _known(self, name: str) -> Client:
        client = self.get(name)
        if client is None:
            raise _no_client(name)
        return client

    def _key(self, name: str) -> str:
        return f"{self._prefix}client:{name}"


def _no_client(name: str) -> ConfigError:
    return ConfigError("client name", f"there is no client called {name!r}")


def _new_token() -> str:
    return f"lim_{secrets.token_urlsafe(TOKEN_BYTES)}"


def _check_callbacks(url: str | None, allow: str) -> None:
    try:
        if url:
            parse_target(url)
    except UrlRefused as error:
        raise ConfigError("client callback URL", str(error)) from None
    try:
        DialPolicy.parse(allow)
    except ValueError as error:
        raise ConfigError("client callback allow-list", str(error)) from None


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _secrets(record: dict[str, str]) -> tuple[str, ...]:
    """Return the newest secret, and the previous one while it still signs."""
    kept = tuple(json.loads(record["secrets"]))
    until_ms = int(record.get("old_secret_until_ms") or 0)
    return kept if time.time() * 1000 < until_ms else kept[:1]


def _digest(token: str) -> str:
    # Tokens are 256 random bits, so a plain hash is safe; a slow one would only slow callers down.
    return hashlib.sha256(token.encode()).hexdigest()


def _to_record(client: Client) -> dict[str, str]:
    return {
        "name": client.name,
        "callback_url": client.callback_url or "",
        "lanes": " ".join(sorted(client.lanes)),
        "secrets": json.dumps(client.secrets),
        "waiting_cap": "" if client.waiting_cap is None else str(client.waiting_cap),
        "inline_quota_mb": "" if client.inline_quota_mb is None else str(client.inline_quota_mb),
        "rate_per_s": "" if client.rate_per_s is None else repr(client.rate_per_s),
        "callback_allow": client.callback_allow,
        "share": repr(client.share),
        "in_flight": "" if client.in_flight is None else str(client.in_flight),
        **{name: _text(getattr(client.budgets, name)) for name in BUDGETS},
        "disabled": "1" if client.disabled else "",
    }


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _whole(record: Mapping[str, str], field: str) -> int | None:
    text = record.get(field)
    return int(text) if text else None


def _from_record(record: dict[str, str]) -> Client:
    return Client(
        name=record["name"],
        callback_url=record["callback_url"] or None,
        lanes=frozenset(Lane(lane) for lane in record["lanes"].split()),
        secrets=_secrets(record),
        waiting_cap=int(record["waiting_cap"]) if record["waiting_cap"] else None,
        # Clients created by a former release lack the newer fields.
        inline_quota_mb=int(quota) if (quota := record.get("inline_quota_mb")) else None,
        rate_per_s=float(record["rate_per_s"]) if record["rate_per_s"] else None,
        callback_allow=record["callback_allow"],
        share=float(record.get("share") or 1),
        in_flight=_whole(record, "in_flight"),
        budgets=Budgets(*(_whole(record, name) for name in BUDGETS)),
        disabled=bool(record.get("disabled")),
    )
