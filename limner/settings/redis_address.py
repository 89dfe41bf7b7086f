"""``LIMNER_REDIS_URL``, parsed in one place: the server, the login, and the URL for each client library.

Used by ``limner.settings.values``, which refuses invalid URLs, and by ``limner.settings.broker``, which gives the same
server to redis-py and to kombu. The two parse URLs differently, and both guess if a part makes no
sense; here it is refused instead. Error messages contain neither user nor password.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

SCHEMES = ("redis", "rediss", "unix")
DEFAULT_PORT = 6379

#: TLS options that name a file
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TLS = (*_FILES, "ssl_cert_reqs", "ssl_check_hostname")
#: ``protocol`` is accepted and ignored: for Limner's commands, RESP2 and RESP3 make no difference
_OPTIONS = ("db", "username", "password", "protocol", "health_check_interval", *_TLS)

ESCAPES = (
    "in a user or password, characters that mean something in a URL must be escaped: "
    "# as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25, [ as %5B, ] as %5D"
)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One database of one server. ``path``: of its socket; then ``host`` is unused."""

    scheme: str
    host: str = "localhost"
    port: int = DEFAULT_PORT
    path: str = ""
    username: str | None = None
    password: str | None = None
    db: int = 0
    #: seconds of silence after which a connection is checked before use; None: our default
    health_check_interval: int | None = None
    #: ``ssl_…`` options for redis-py's connections, with ``rediss`` only
    tls: Mapping[str, Any] | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``text``.

        Raises:
            ValueError: a part of it is invalid; the message is one clause for the operator.
        """
        parts = _split(text)
        given = _options(parts)
        username, password = _login(parts, given)
        common: dict[str, Any] = {
            "scheme": parts.scheme,
            "username": username,
            "password": password,
            "db": _database(parts, given),
            "health_check_interval": _whole(given, "health_check_interval"),
        }
        if parts.scheme == "rediss":
            common["tls"] = _tls(given)
        elif set(given) & set(_TLS):
            raise ValueError("has options of TLS, so it must begin with rediss://")
        if parts.scheme == "unix":
            return cls(path=_socket(parts), **common)
        # Empty means this machine, as in both clients.
        host = unquote(parts.hostname or "") or "localhost"
        return cls(host=_checked(host), port=parts.port or DEFAULT_PORT, **common)

    @property
    def url(self) -> str:
        """The URL for redis-py."""
        options: dict[str, Any] = {}
        if self.scheme == "unix":
            options["db"] = self.db
        if self.health_check_interval is not None:
            options["health_check_interval"] = self.health_check_interval
        options |= self.tls or {}
        where = self._where if self.scheme == "unix" else f"{self._where}/{self.db}"
        query = f"?{urlencode(options)}" if options and options != {"db": 0} else ""
        return f"{self.scheme}://{self._credentials}{where}{query}"

    @property
    def broker_url(self) -> str:
        """The URL for kombu, which takes its TLS options from ``broker_use_ssl``."""
        if self.scheme == "unix":
            database = f"?virtual_host={self.db}" if self.db else ""
            return f"redis+socket://{self._credentials}{self._where}{database}"
        return f"{self.scheme}://{self._credentials}{self._where}/{self.db}"

    @property
    def shown(self) -> str:
        """The address for people, without user and password."""
        if self.scheme == "unix":
            return f"unix://{self.path}" + (f"?db={self.db}" if self.db else "")
        return f"{self.scheme}://{self._where}/{self.db}"

    @property
    def _where(self) -> str:
        if self.scheme == "unix":
            return quote(self.path)
        host = f"[{self.host.replace('%', '%25')}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def _credentials(self) -> str:
        if self.username is None and self.password is None:
            return ""
        password = "" if self.password is None else f":{quote(self.password, safe='')}"
        return f"{quote(self.username or '', safe='')}{password}@"


def _split(text: str) -> SplitResult:
    if "://" not in text or urlsplit(text.partition("://")[0] + "://").scheme not in SCHEMES:
        raise ValueError("must begin with redis://, rediss:// (TLS) or unix:// (a socket)")
    try:
        parts = urlsplit(text)
        sound = parts.port is None or parts.port > 0
    except ValueError:
        # Python's own message quotes what may well be the password.
        sound = False
    else:
        # A host ends at the first slash: if that was in a password, what follows looks like this.
        stray = "@" in parts.path + parts.query and parts.scheme != "unix"
        sound = sound and not parts.fragment and not stray
    if not sound:
        raise ValueError(
            f"must have the form redis://user:password@host:port/db, an IPv6 host in brackets; {ESCAPES}"
        )
    return parts


def _options(parts: SplitResult) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ValueError("names an option twice")
    if not set(given) <= set(_OPTIONS):
        # Not quoted: after an unescaped `?` it may be part of the password.
        raise ValueError(f"has an option that is none of {', '.join(_OPTIONS)}; {ESCAPES}")
    if given.get("protocol", "2") not in ("2", "3"):
        raise ValueError("its protocol must be 2 or 3")
    return given


def _login(parts: SplitResult, given: dict[str, str]) -> tuple[str | None, str | None]:
    found: list[str | None] = []
    for name, in_front in (("username", parts.username), ("password", parts.password)):
        if in_front and name in given:
            raise ValueError(f"names the {name} twice: before the @, and as an option")
        found.append((unquote(in_front) if in_front else given.get(name)) or None)
    return found[0], found[1]


def _database(parts: SplitResult, given: dict[str, str]) -> int:
    path = "" if parts.scheme == "unix" else parts.path.strip("/")
    if path and "db" in given and path != given["db"]:
        raise ValueError("names two databases: in its path, and as db=")
    named = given.get("db") or path or "0"
    if not (named.isascii() and named.isdigit()):
        raise ValueError(f"must name its database by a number, such as /0 at its end; {ESCAPES}")
    return int(named)


def _whole(given: dict[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"its {name} must be a whole number")
    return int(text)


def _socket(parts: SplitResult) -> str:
    path = unquote(parts.path)
    if parts.hostname or parts.port or not path.startswith("/") or path == "/":
        raise ValueError(
            "must name a socket by its full path: unix:///run/redis.sock, "
            f"unix://user:password@/run/redis.sock?db=0; {ESCAPES}"
        )
    return path


def _checked(host: str) -> str:
    # Resolved at every connection, where Python would raise an error that nobody catches.
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError("names a host that no name server could know") from None
    if any(letter.isspace() or letter in '/\\"<>' for letter in host):
        raise ValueError("names a host that no name server could know")
    return host


def _tls(given: dict[str, str]) -> dict[str, Any]:
    tls: dict[str, Any] = {}
    for name in _FILES:
        if name in given:
            # Processes run in other working directories than the operator's.
            path = Path(given[name]).expanduser().absolute()
            if not path.is_file():
                raise ValueError(f"its {name} names a file that is not there: {path}")
            tls[name] = str(path)
    # Celery writes CERT_NONE, redis-py none.
    wanted = given.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if wanted not in ("required", "optional", "none"):
        raise ValueError("its ssl_cert_reqs must be required, optional or none")
    tls["ssl_cert_reqs"] = wanted
    checks = given.get("ssl_check_hostname", "true").lower()
    if checks not in ("true", "false", "yes", "no", "1", "0"):
        raise ValueError("its ssl_check_hostname must be true or false")
    tls["ssl_check_hostname"] = wanted != "none" and checks in ("true", "yes", "1")
    return tls
