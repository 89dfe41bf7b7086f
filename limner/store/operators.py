"""Operators and the hashes of their tokens; used by the CLI, and by ``api/ops/entry.py`` for who may enter.

Keys: see ``levers/write_operator.lua``. A client's token is none of an operator's, and the other way round.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis import Redis

from limner.errors import ConfigError
from limner.store.connection import guarded
from limner.store.scripts import Scripts

TOKEN_BYTES = 32


class Role(StrEnum):
    """What an operator may do."""

    #: look at everything
    VIEW = "view"
    #: and change it
    STEER = "steer"


@dataclass(frozen=True, slots=True)
class Operator:
    """One person, or program, that may look at the whole gateway. Only the hash of its token is stored."""

    name: str
    role: Role


class Operators:
    """Create, find and remove operators."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    def add(self, who: str, name: str, role: Role) -> str:
        """Create an operator and return its token, which is shown only once.

        Raises:
            ConfigError: the name is taken, or not made of letters, digits, - and _.
        """
        if not name or not name.replace("-", "").replace("_", "").isalnum() or len(name) > 64:
            raise ConfigError("operator name", "must be 1-64 letters, digits, - and _")
        token = _new_token()
        if not self._write(who, "create", name, role.value, token):
            raise ConfigError("operator name", f"there is an operator called {name!r} already")
        return token

    def change(self, who: str, name: str, role: Role) -> None:
        """Give an operator another role.

        Raises:
            ConfigError: there is no such operator.
        """
        self._changed(who, "change", name, role.value)

    def rotate_token(self, who: str, name: str) -> str:
        """Give an operator a new token and return it; the old one is refused from now on.

        Raises:
            ConfigError: there is no such operator.
        """
        token = _new_token()
        self._changed(who, "change", name, "", token)
        return token

    def remove(self, who: str, name: str) -> None:
        """Forget an operator, whose token opens nothing from now on.

        Raises:
            ConfigError: there is no such operator.
        """
        self._changed(who, "remove", name)

    @guarded
    def all(self) -> list[Operator]:
        """Return all operators by name."""
        names = sorted(self._redis.smembers(self._prefix + "operators"))
        found = map(self._get, names)
        return [operator for operator in found if operator]

    @guarded
    def by_token(self, token: str) -> Operator | None:
        """Return the operator that holds ``token``."""
        name = self._redis.hget(self._prefix + "operator_tokens", _digest(token))
        return self._get(name) if name else None

    def _get(self, name: str) -> Operator | None:
        role = self._redis.hget(f"{self._prefix}operator:{name}", "role")
        return Operator(name, Role(role)) if role else None

    def _changed(
        self, who: str, verb: str, name: str, role: str = "", token: str | None = None
    ) -> None:
        if not self._write(who, verb, name, role, token):
            raise ConfigError("operator name", f"there is no operator called {name!r}")

    @guarded
    def _write(self, who: str, verb: str, name: str, role: str, token: str | None) -> bool:
        digest = _digest(token) if token else ""
        return bool(self._scripts("write_operator", who, verb, name, role, digest))


def _new_token() -> str:
    return f"limop_{secrets.token_urlsafe(TOKEN_BYTES)}"


def _digest(token: str) -> str:
    # As of clients' tokens: 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
