"""All settings, read once at start from ``LIMNER_*`` and ``limner.toml``; the environment wins.

Used by every process. A wrong setting raises ``ConfigError``, which names it, before anything starts.
A test compares the table in the README with ``Settings``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from limner.errors import ConfigError
from limner.settings import listening, surroundings, toml_file, values

ENV_PREFIX = surroundings.PREFIX


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """A lane's limits on one engine: concurrent drawings, and seconds between two starts."""

    slots: int = 0
    gap_s: float = 0.0


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """One ``[[engine]]`` entry: its driver, each lane's limits, its options."""

    name: str
    driver: str
    fast: LaneLimits = LaneLimits()
    relaxed: LaneLimits = LaneLimits()
    #: with equal room, an engine of weight 2 is picked before one of weight 1
    weight: float = 1.0
    #: names of the clients whose jobs it draws; empty: all clients'
    clients: tuple[str, ...] = ()
    #: what to do about a drawing that was lost after it had cost money
    on_lost: str = "retry"
    #: the driver's own settings, which it validates itself
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def slots(self) -> int:
        """Concurrent drawings over both lanes: fast may use every slot, relaxed only its share."""
        return max(self.fast.slots, self.relaxed.slots)


def _setting(
    default: Any, parse: Callable[[Any], Any], help_text: str, *, secret: bool = False
) -> Any:
    """Describe a setting; error messages do not quote a ``secret`` one."""
    metadata = {"parse": parse, "help": help_text, "secret": secret}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings. Each field is ``LIMNER_<FIELD>`` and, in lower case, a TOML key."""

    redis_url: str | None = _setting(
        None,
        values.redis_url,
        "Redis 6.2+ or Valkey. Empty: `limner up` runs an embedded server",
        secret=True,
    )
    data_dir: Path = _setting(
        Path("limner-data").absolute(),
        values.path,
        "folder for the embedded server and the pictures",
    )
    host: str = _setting("127.0.0.1", values.host, "address the API listens on")
    port: int = _setting(8000, values.whole(1, 65535), "port of the API")
    public_url: str | None = _setting(
        None, values.base_url, "base of the picture URLs. Empty: http://host:port"
    )
    image_store: str | None = _setting(
        None,
        values.image_store,
        "where pictures are stored: a folder or `s3://bucket/prefix`. Empty: data_dir/images",
        secret=True,
    )
    image_url: str | None = _setting(
        None, values.base_url, "base of the picture URLs if a CDN or the bucket serves them"
    )
    image_format: str = _setting(
        "png",
        values.one_of("png", "webp", "jpeg"),
        "format of the finished pictures: png, webp or jpeg",
    )
    metrics_token: str | None = _setting(
        None,
        values.optional_text,
        "bearer token for /metrics. Empty: readable from this machine only, and only without a public URL",
        secret=True,
    )
    api_workers: int = _setting(1, values.whole(1, 64), "API processes")
    api_threads: int = _setting(16, values.whole(1, 512), "threads of each API process")
    flower_host: str = _setting(
        "127.0.0.1",
        values.host,
        "address Flower listens on; other than loopback only with flower_auth",
    )
    flower_port: int = _setting(5555, values.whole(1, 65535), "port of Flower")
    flower_auth: str | None = _setting(
        None, values.flower_auth, "user:password for Flower", secret=True
    )
    callback_url: str | None = _setting(
        None, values.callback_url, "default callback URL for clients that have none", secret=True
    )
    callback_allow: str = _setting(
        "",
        values.allow_list,
        "private receivers that callbacks may reach: `10.20.0.0/16:8443, localhost:*`",
    )
    callback_threads: int = _setting(
        32, values.whole(1, 512), "concurrent callbacks in one process"
    )
    callback_proxy: str | None = _setting(
        None,
        values.proxy,
        "egress proxy for callbacks and reference images: `http://user:password@proxy:3128`",
        secret=True,
    )
    callback_limit_s: float = _setting(
        20.0, values.seconds(1, 120), "deadline of one callback attempt"
    )
    fast_slots: int = _setting(
        2, values.whole(0, 10_000), "slots of the built-in engine, fast lane"
    )
    fast_gap_s: float = _setting(
        0.0, values.seconds(0, 86_400), "minimum seconds between two of its fast starts"
    )
    relaxed_slots: int = _setting(
        1, values.whole(0, 10_000), "slots of it that the relaxed lane may use"
    )
    relaxed_gap_s: float = _setting(
        0.0, values.seconds(0, 86_400), "minimum seconds between two of its relaxed starts"
    )
    worker_threads: int = _setting(
        500, values.whole(1, 5_000), "concurrent drawings in one lane worker"
    )
    lease_s: float = _setting(
        15.0,
        values.seconds(1, 600),
        "lease of a drawing: a worker without a heartbeat for this long loses it",
    )
    tick_s: float = _setting(
        5.0, values.seconds(0.5, 60), "seconds between two sweeps for lost messages"
    )
    progress_limit_s: float = _setting(
        120.0, values.seconds(1, 86_400), "a drawing without progress for this long is stuck"
    )
    drawing_limit_s: float = _setting(900.0, values.seconds(1, 86_400), "time limit of a drawing")
    waiting_limit_s: float = _setting(
        86_400.0, values.seconds(1, 2_592_000), "time limit of a job's wait for an engine"
    )
    engine_absent_s: float = _setting(
        900.0,
        values.seconds(60, 2_592_000),
        "an engine that no running worker has had for so long is forgotten; jobs for it alone fail",
    )
    waiting_cap: int = _setting(
        100_000,
        values.whole(1, 10_000_000),
        "most waiting jobs of a client without a cap of its own",
    )
    inline_quota_mb: int = _setting(
        1024,
        values.whole(0, 100_000_000),
        "MB of inline pictures for a client without a quota of its own",
    )
    disk_floor_mb: int = _setting(
        512,
        values.whole(0, 100_000_000),
        "with fewer MB free, the image folder accepts finished drawings only",
    )
    keep_days: float = _setting(
        30.0,
        # A receiver may be down for three days and still receive everything.
        values.seconds(4, 3650),
        "days that jobs and pictures are kept; at least 4",
    )
    preview_keep_days: float = _setting(
        1.0,
        values.seconds(0.01, 3650),
        "days that previews are kept, and inline pictures after their job's end",
    )
    log_format: str = _setting(
        "auto",
        values.one_of("auto", "json", "text"),
        "json, text or auto: text on a terminal, else json",
    )
    log_level: str = _setting(
        "info", values.one_of("debug", "info", "warning", "error"), "least level"
    )
    engines: tuple[EngineSettings, ...] = ()

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Load ``LIMNER_CONFIG`` (or ``./limner.toml`` if it exists) and the environment.

        Raises:
            ConfigError: a file, a name or a value is wrong.
        """
        environ = surroundings.settings(environ)
        table = _read_toml(environ)
        known = {f.name: f for f in fields(cls) if f.name != "engines"}
        entries = table.pop("engine", [])
        for key in table:
            if key not in known:
                raise ConfigError(f"limner.toml: {key}", "there is no such setting")
        for variable in environ:
            name = variable.removeprefix(ENV_PREFIX)
            if name != "CONFIG" and name.lower() not in known:
                raise ConfigError(variable, "there is no such setting")
        values: dict[str, Any] = {}
        for name, setting in known.items():
            variable = ENV_PREFIX + name.upper()
            if variable in environ:
                values[name] = _read(variable, setting, environ[variable])
            elif name in table:
                values[name] = _read(f"limner.toml: {name}", setting, table[name])
        settings = cls(**values)
        return settings.with_engines(_engines(entries, settings))

    def with_engines(self, engines: tuple[EngineSettings, ...]) -> Self:
        """Return a copy of these settings with other engines."""
        return type(self)(
            **{f.name: getattr(self, f.name) for f in fields(self)} | {"engines": engines}
        )

    @property
    def base_url(self) -> str:
        """Where callers reach the API and the pictures, without a trailing slash."""
        return self.public_url or f"http://{listening.reached_at(self.host, self.port)}"

    @property
    def image_dir(self) -> Path:
        """The folder that holds every picture, unless ``image_store`` names another place."""
        return self.data_dir / "images"

    def environment(self) -> dict[str, str]:
        """Return the settings that differ from their defaults as ``LIMNER_*``, for child processes.

        Engines are left out: children read them from the same ``limner.toml``.
        """
        changed = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "engines" or (f.default is not MISSING and value == f.default):
                continue
            changed[ENV_PREFIX + f.name.upper()] = "" if value is None else str(value)
        return changed


def _read_toml(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get(ENV_PREFIX + "CONFIG")
    path = Path(named) if named else Path("limner.toml")
    if not named and not path.exists():
        return {}
    try:
        return toml_file.read(path)
    except OSError as error:
        raise ConfigError(ENV_PREFIX + "CONFIG", f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(ENV_PREFIX + "CONFIG", f"{path} {error}") from error


def _read(name: str, setting: Field[Any], raw: Any) -> Any:
    return _parse(name, setting.metadata["parse"], raw, secret=setting.metadata["secret"])


def _parse(name: str, parse: Callable[[Any], Any], raw: Any, *, secret: bool = False) -> Any:
    try:
        return parse(raw)
    except ValueError as error:
        # A value with an @ may contain a password before it.
        given = "" if secret or "@" in str(raw) else f" (it is {raw!r})"
        raise ConfigError(name, f"{error}{given}") from None


def _engines(entries: Any, settings: Settings) -> tuple[EngineSettings, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError("limner.toml: engine", "must be written as [[engine]] tables")
    if not entries:
        built_in = EngineSettings(
            name="sketch",
            driver="sketch",
            fast=LaneLimits(settings.fast_slots, settings.fast_gap_s),
            relaxed=LaneLimits(settings.relaxed_slots, settings.relaxed_gap_s),
        )
        if built_in.slots == 0:
            raise ConfigError("LIMNER_FAST_SLOTS", "at least one lane needs a slot")
        return (built_in,)
    engines = tuple(_engine(dict(entry)) for entry in entries)
    names = [engine.name for engine in engines]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError("limner.toml: engine", f"two engines are called {name!r}")
    return engines


def _engine(entry: dict[str, Any]) -> EngineSettings:
    name, driver = entry.pop("name", None), entry.pop("driver", None)
    if (
        not isinstance(name, str)
        or not name
        or not name.replace("-", "").replace("_", "").isalnum()
    ):
        raise ConfigError(
            "limner.toml: engine: name", "must be letters, digits, - and _ (it is required)"
        )
    where = f"limner.toml: engine {name}"
    if not isinstance(driver, str) or not driver:
        raise ConfigError(f"{where}: driver", "is required")
    engine = EngineSettings(
        name=name,
        driver=driver,
        fast=_lane(where, "fast", entry.pop("fast", {})),
        relaxed=_lane(where, "relaxed", entry.pop("relaxed", {})),
        weight=_parse(f"{where}: weight", values.seconds(0.001, 1000), entry.pop("weight", 1.0)),
        clients=_parse(f"{where}: clients", values.words, entry.pop("clients", [])),
        on_lost=_parse(
            f"{where}: on_lost", values.one_of("retry", "fail"), entry.pop("on_lost", "retry")
        ),
        options=entry,
    )
    if engine.slots == 0:
        raise ConfigError(where, "needs slots in at least one lane: fast = { slots = 1 }")
    return engine


def _lane(where: str, lane: str, raw: Any) -> LaneLimits:
    name = f"{where}: {lane}"
    if not isinstance(raw, dict) or not set(raw) <= {"slots", "gap_s"}:
        raise ConfigError(name, "must have the form { slots = 1, gap_s = 0 }")
    return LaneLimits(
        slots=_parse(f"{name}.slots", values.whole(0, 10_000), raw.get("slots", 0)),
        gap_s=_parse(f"{name}.gap_s", values.seconds(0, 86_400), raw.get("gap_s", 0.0)),
    )
