"""The settings of the processes: Redis, the addresses that they listen on, their logs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from limner.faces import FACES
from limner.settings import listening, values
from limner.settings.setting import setting

#: what `data_dir` is in the folder that a command is called in
DATA_DIR = "limner-data"


@dataclass(frozen=True)
class ServerSettings:
    """Where the processes find Redis, what they listen on, and how they log."""

    redis_url: str | None = setting(
        None,
        values.redis_url,
        "Redis 6.2+ or Valkey, also by Sentinels. Empty: `limner up` runs an embedded server",
        secret=True,
    )
    redis_replicas: int = setting(
        0, values.whole(0, 16), "replicas of Redis that must have a job before it is accepted"
    )
    redis_memory: int | None = setting(
        None,
        values.memory,
        "most memory of the embedded server: `512mb`, `2gb`. Empty: half of what this machine has",
    )
    data_dir: Path = setting(
        Path(DATA_DIR).absolute(),
        values.path,
        "folder for the embedded server and the pictures",
    )
    host: str = setting("127.0.0.1", values.host, "address the API listens on")
    port: int = setting(8000, values.whole(1, 65535), "port of the API")
    public_url: str | None = setting(
        None, values.base_url, "base of the picture URLs. Empty: http://host:port"
    )
    metrics_token: str | None = setting(
        None,
        values.optional_text,
        "bearer token for /metrics. Empty: readable from this machine only, and only without a public URL",
        secret=True,
    )
    faces: str = setting(
        "all",
        values.faces,
        "protocols that are served: `all`, or their names, separated by commas",
    )
    console: str = setting(
        "on", values.one_of("on", "off"), "the page for people at `/`: `on` or `off`"
    )
    api_workers: int = setting(1, values.whole(1, 64), "API processes")
    api_connections: int = setting(
        10_000, values.whole(100, 100_000), "connections that each API process holds"
    )
    api_keepalive_s: int = setting(
        75,
        values.whole(1, 3600),
        "how long an idle connection stays open; longer than a proxy keeps its own",
    )
    api_waits: int = setting(
        2000,
        values.whole(1, 100_000),
        "long polls and event streams that each API process holds",
    )
    api_client_waits: int = setting(1000, values.whole(1, 100_000), "those of one client")
    api_drain_s: int = setting(
        0,
        values.whole(0, 600),
        "how long a stopping API still accepts while /readyz says 503; for load balancers",
    )
    flower_host: str = setting(
        "127.0.0.1",
        values.host,
        "address Flower listens on; other than loopback only with flower_auth",
    )
    flower_port: int = setting(5555, values.whole(1, 65535), "port of Flower")
    flower_auth: str | None = setting(
        None, values.flower_auth, "user:password for Flower", secret=True
    )
    log_format: str = setting(
        "auto",
        values.one_of("auto", "json", "text"),
        "json, text or auto: text on a terminal, else json",
    )
    log_level: str = setting(
        "info", values.one_of("debug", "info", "warning", "error"), "least level"
    )

    otlp_url: str | None = setting(
        None,
        values.base_url,
        "collector of traces, OTLP over HTTP: `http://collector:4318`. Empty: as OTEL_EXPORTER_OTLP_ENDPOINT says",
        secret=True,
    )

    @property
    def served_faces(self) -> tuple[str, ...]:
        """The names of the faces that are served, in their order."""
        return FACES if self.faces == "all" else tuple(self.faces.split(","))

    @property
    def base_url(self) -> str:
        """Where callers reach the API and the pictures, without a trailing slash."""
        return self.public_url or self.local_url

    @property
    def local_url(self) -> str:
        """Where the API is on this machine, without a trailing slash."""
        return f"http://{listening.reached_at(self.host, self.port)}"

    @property
    def image_dir(self) -> Path:
        """The folder that holds every picture, unless ``image_store`` names another place."""
        return self.data_dir / "images"
