"""``LIMNER_REDIS_URL``, parsed in one place: the server, the login, and the URL for each client library.

Used by ``limner.settings.values``, which refuses invalid URLs, and by ``limner.settings.broker``, which gives the same
server to redis-py and to kombu. The two parse URLs differently, and both guess if a part makes no
sense; here it is refused instead. Error messages contain neither user nor password.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

#: schemes → what is spoken by them; Valkey's own names mean the same
SCHEMES = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "unix": "unix",
    "sentinel": "sentinel",
    "sentinels": "sentinels",
}
SENTINELS = ("sentinel", "sentinels")
#: with these, every connection is encrypted, also those to Sentinels
ENCRYPTED = ("rediss", "sentinels")
DEFAULT_PORT = 6379
SENTINEL_PORT = 26379

#: TLS options that name a file
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TLS = (*_FILES, "ssl_cert_reqs", "ssl_check_hostname")
#: ``protocol`` is accepted and ignored: for Limner's commands, RESP2 and RESP3 make no difference
_OPTIONS = ("db", "username", "password", "protocol", "health_check_interval", *_TLS)
_SENTINEL_OPTIONS = ("master", "sentinel_username", "sentinel_password")

ESCAPES = (
    "in a user or password, characters that mean something in a URL must be escaped: "
    "# as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25, [ as %5B, ] as %5D"
)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One database of one server. ``path``: of its socket; then ``host`` is unused.

    With ``sentinels``, the server is whichever these name as the primary of ``master`` at the moment.
    """

    scheme: str
    host: str = "localhost"
    port: int = DEFAULT_PORT
    path: str = ""
    username: str | None = None
    password: str | None = None
    db: int = 0
    #: seconds of silence after which a connection is checked before use; None: our default
    health_check_interval: int | None = None
    #: ``ssl_…`` options for redis-py's connections, with encrypted schemes only
    tls: Mapping[str, Any] | None = None
    #: host and port of each Sentinel
    sentinels: tuple[tuple[str, int], ...] = ()
    #: what the Sentinels call the servers that they watch
    master: str = ""
    #: the login of the Sentinels themselves
    sentinel_username: str | None = None
    sentinel_password: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``text``.

        Raises:
            ValueError: a part of it is invalid; the message is one clause for the operator.
        """
        parts, sentinels = _split(text)
        scheme = SCHEMES[parts.scheme]
        given = _options(parts, (*_OPTIONS, *(_SENTINEL_OPTIONS if sentinels else ())))
        username, password = _login(parts, given)
        common: dict[str, Any] = {
            "scheme": scheme,
            "username": username,
            "password": password,
            "db": _database(parts, given),
            "health_check_interval": _whole(given, "health_check_interval"),
        }
        if scheme in ENCRYPTED:
            common["tls"] = _tls(given)
        elif set(given) & set(_TLS):
            encrypted = "sentinels" if sentinels else "rediss"
            raise ValueError(f"has options of TLS, so it must begin with {encrypted}://")
        if scheme == "unix":
            return cls(path=_socket(parts), **common)
        if sentinels:
            common |= {name: given.get(name) or None for name in _SENTINEL_OPTIONS[1:]}
            return cls(host="", sentinels=sentinels, master=_master(given), **common)
        # Empty means this machine, as in both clients.
        host = unquote(parts.hostname or "") or "localhost"
        return cls(host=_checked(host), port=parts.port or DEFAULT_PORT, **common)

    @classmethod
    def of_broker(cls, url: str, tls: Mapping[str, Any] | None) -> Self:
        """Return the address that a ``broker_url`` was made of, apart from ``health_check_interval``."""
        if url.startswith("redis+socket://"):
            where = url.removeprefix("redis+socket").replace("?virtual_host=", "?db=")
            return cls.parse(f"unix{where}")
        return replace(cls.parse(url.removeprefix("redis+")), tls=dict(tls) if tls else None)

    @property
    def url(self) -> str:
        """The address as a setting."""
        return self._url(self.scheme, self._where)

    @property
    def client_url(self) -> str:
        """The URL for redis-py; with Sentinels, its place is that of nobody."""
        return self.at("localhost", DEFAULT_PORT).url if self.sentinels else self.url

    def at(self, host: str, port: int) -> Self:
        """Return the same address where Sentinels said that the server is."""
        scheme = "rediss" if self.scheme == "sentinels" else "redis"
        nobody: dict[str, Any] = {"sentinel_username": None, "sentinel_password": None}
        return replace(self, scheme=scheme, host=host, port=port, sentinels=(), master="", **nobody)

    @property
    def broker_url(self) -> str:
        """The URL for kombu, which takes its TLS options from ``broker_use_ssl``."""
        if self.scheme == "unix":
            database = f"?virtual_host={self.db}" if self.db else ""
            return f"redis+socket://{self._credentials}{self._where}{database}"
        if self.sentinels:
            # One host to kombu, which knows no list; ``workers.transport`` reads it.
            return "redis+" + self._url(self.scheme, quote(self._where, safe=""))
        return f"{self.scheme}://{self._credentials}{self._where}/{self.db}"

    @property
    def ports(self) -> set[int]:
        """The ports that are known to belong to it."""
        if self.sentinels:
            return {DEFAULT_PORT, *(port for _, port in self.sentinels)}
        return {self.port}

    @property
    def shown(self) -> str:
        """The address for people, without user and password."""
        if self.scheme == "unix":
            return f"unix://{self.path}" + (f"?db={self.db}" if self.db else "")
        master = f"?master={self.master}" if self.master else ""
        return f"{self.scheme}://{self._where}/{self.db}{master}"

    @property
    def _where(self) -> str:
        if self.scheme == "unix":
            return quote(self.path)
        places = self.sentinels or ((self.host, self.port),)
        return ",".join(f"{_bracketed(host)}:{port}" for host, port in places)

    def _url(self, scheme: str, where: str) -> str:
        named: dict[str, Any] = {"db": self.db or None} if scheme == "unix" else {}
        named |= {"health_check_interval": self.health_check_interval}
        if self.sentinels:
            named |= {name: getattr(self, name) for name in _SENTINEL_OPTIONS}
        database = "" if scheme == "unix" else f"/{self.db}"
        return f"{scheme}://{self._credentials}{where}{database}{self._options(named)}"

    def _options(self, named: Mapping[str, Any]) -> str:
        """Return the query: what is named, unless None, and the options of TLS."""
        options = {name: value for name, value in named.items() if value is not None}
        query = urlencode(options | dict(self.tls or {}))
        return f"?{query}" if query else ""

    @property
    def _credentials(self) -> str:
        if self.username is None and self.password is None:
            return ""
        password = "" if self.password is None else f":{quote(self.password, safe='')}"
        return f"{quote(self.username or '', safe='')}{password}@"


def _bracketed(host: str) -> str:
    return f"[{host.replace('%', '%25')}]" if ":" in host else host


def _split(text: str) -> tuple[SplitResult, tuple[tuple[str, int], ...]]:
    """Return the parts of an address, and the Sentinels where it lists some in the place of a host."""
    scheme = urlsplit(text.partition("://")[0] + "://").scheme if "://" in text else ""
    if scheme not in SCHEMES:
        raise ValueError(
            "must begin with redis:// or valkey://, rediss:// or valkeys:// (TLS), unix:// (a socket), "
            "sentinel:// or sentinels:// (TLS)"
        )
    sentinels: tuple[tuple[str, int], ...] = ()
    try:
        parts = urlsplit(text)
        if scheme in SENTINELS:
            login, at, listed = parts.netloc.rpartition("@")
            sentinels = tuple(_sentinel(one) for one in unquote(listed).split(","))
            parts = parts._replace(netloc=f"{login}{at}listed")
        sound = parts.port is None or parts.port > 0
    except ValueError:
        # Python's own message quotes what may well be the password.
        sound = False
    else:
        # A host ends at the first slash: if that was in a password, what follows looks like this.
        stray = "@" in parts.path + parts.query and parts.scheme != "unix"
        sound = sound and not parts.fragment and not stray
    if not sound and scheme in SENTINELS:
        raise ValueError(
            "must have the form sentinel://user:password@host:port,host:port/db?master=name, "
            f"an IPv6 host in brackets; {ESCAPES}"
        )
    if not sound:
        raise ValueError(
            f"must have the form redis://user:password@host:port/db, an IPv6 host in brackets; {ESCAPES}"
        )
    for host, _ in sentinels:
        _checked(host)
    return parts, sentinels


def _sentinel(text: str) -> tuple[str, int]:
    """Return the host and port of one listed Sentinel.

    Raises:
        ValueError: it has none; the message is not for people.
    """
    # Read once by `unquote`; a zone in brackets is written with %25 still.
    place = urlsplit(f"//{text}")
    if not place.hostname or place.path or "@" in text or place.port == 0:
        raise ValueError
    return unquote(place.hostname), place.port or SENTINEL_PORT


def _master(given: dict[str, str]) -> str:
    name = given.get("master", "")
    if not name or not all(letter.isprintable() and letter != " " for letter in name):
        raise ValueError("must name the servers as their Sentinels do: ?master=mymaster at its end")
    return name


def _options(parts: SplitResult, known: tuple[str, ...]) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ValueError("names an option twice")
    if not set(given) <= set(known):
        # Not quoted: after an unescaped `?` it may be part of the password.
        raise ValueError(f"has an option that is none of {', '.join(known)}; {ESCAPES}")
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
