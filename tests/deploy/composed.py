"""The services of the compose file as containers of Podman: what it says of each, in Podman's options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.deploy.image import HOME

FILE = yaml.safe_load((HOME / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict] = FILE["services"]
#: without a default of its own inside: they are filled in from the inside out
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^{}$]*))?\}")


def filled(text: str, environ: Mapping[str, str]) -> str:
    """Return ``text`` with its variables filled in, as compose does from ``.env``."""

    def value(found: re.Match[str]) -> str:
        name, how, otherwise = found.groups()
        if name in environ:
            return environ[name]
        assert how != "?", f"{name}: {otherwise}"
        return otherwise or ""

    while _VARIABLE.search(text):
        text = _VARIABLE.sub(value, text)
    return text


def options(name: str, prefix: str, environ: Mapping[str, str]) -> list[str]:
    """Return Podman's options for a service, with names of volumes and of its host that begin with ``prefix``."""
    service = SERVICES[name]
    made = ["--network", prefix, "--network-alias", name, "--hostname", name]
    made += ["--read-only"] * service["read_only"]
    made += [f"--cap-drop={one}" for one in service["cap_drop"]]
    # Podman says it without the `:true`.
    made += [f"--security-opt={one.removesuffix(':true')}" for one in service["security_opt"]]
    made += [f"--pids-limit={service['pids_limit']}"]
    made += [f"--memory={filled(service['mem_limit'], environ)}"]
    made += [f"--tmpfs={one}" for one in service.get("tmpfs", [])]
    made += [f"--volume={prefix}-{one}" for one in service["volumes"]]
    made += [f"--publish={_published(filled(one, environ))}" for one in service.get("ports", [])]
    made += [f"--user={one}" for one in [service.get("user")] if one]
    for key, value in service.get("environment", {}).items():
        given = environ.get(key) if value is None else filled(value, environ)
        made += [f"--env={key}={given}"] * (given is not None)
    return made


def command(name: str, environ: Mapping[str, str]) -> list[str]:
    """Return what a service runs in its image."""
    return shlex.split(filled(SERVICES[name]["command"], environ))


def check(name: str) -> list[str] | None:
    """Return the command of a service's health check."""
    checked = SERVICES[name].get("healthcheck")
    return checked and checked["test"][1:]


def grace_s(name: str) -> int:
    """Return how long a service has to end."""
    return int(SERVICES[name]["stop_grace_period"].removesuffix("s"))


def _published(port: str) -> str:
    # To others than this machine while it is tried: nobody's.
    return port if port.count(":") == 2 else f"127.0.0.1:{port}"


def context(folder: Path, files: list[str]) -> None:
    """Copy the tracked files of this folder to another one, as somebody with a strict umask has them, and put secrets beside."""
    for name in files:
        target = folder / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.write_bytes((HOME / name).read_bytes())
        target.chmod(0o600)
    for beside in (
        *(".env", "api/.env", "limner.toml", "limner/store/key.pem"),
        *("limner/id_rsa", "api/credentials", "engines/sketch/token"),
    ):
        (folder / beside).write_text("SECRET=in-the-image\n")
