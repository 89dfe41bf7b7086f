"""``python -m tests.deploy.image_check``: build the image, run it, and run the compose file's services with it, by Podman.

What cannot be had on a machine is not tried, and said with its reason. Images stay for the next run; containers, volumes
and the network are removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from tests.conftest import free_port
from tests.deploy import composed
from tests.deploy.containers import (
    BASE,
    STAND_IN,
    NotTried,
    Podman,
    inspected,
    podman,
    run,
    stand_in,
    wheels,
)
from tests.deploy.image import HOME, VERSION, needed

IMAGE = f"localhost/limner-check:{VERSION}"
NAME = f"limner-check-{os.getpid()}"
REDIS = composed.SERVICES["redis"]["image"]
HARDENED = composed.SERVICES["api"]
PROMPT = "a lighthouse that no log may name"
ENVIRON = {"LIMNER_FLOWER_AUTH": "ops:of-flower", "LIMNER_METRICS_TOKEN": "of-metrics"}
PATIENCE_S = 180.0
#: what the image's user must not be able to write
ROOT = "touch /app/mine /etc/mine /home/limner/mine"


def main() -> int:
    """Run every check, say how each went, and return 1 if one failed."""
    faults = tell("Dockerfile, by hadolint", lint)
    try:
        tool = podman()
        with base(tool) as (able, options, of):
            faults += tell(f"build, on {of}", lambda: build(able, options))
            if not faults:
                faults += tell("what is in it", lambda: look_inside(able))
                faults += tell("everything in one container", lambda: one_container(able))
                faults += tell("compose", lambda: services(able))
    except NotTried as why:
        say(f"image: not tried: {why}")
    return 1 if faults else 0


def tell(name: str, check: Callable[[], str]) -> int:
    """Make one check and say how it went; return how many faults it had."""
    begun_at = time.monotonic()
    try:
        told = check()
    except NotTried as why:
        say(f"{name}: not tried: {why}")
        return 0
    except (AssertionError, RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        say(f"{name}: NOT WELL: {type(error).__name__}: {error}")
        return 1
    say(f"{name}: well, {time.monotonic() - begun_at:.0f} s{told and ': '}{told}")
    return 0


def lint() -> str:
    beside = Path(sys.executable).with_name("hadolint")
    try:
        run(beside if beside.exists() else "hadolint", HOME / "Dockerfile")
    except FileNotFoundError:
        raise NotTried("hadolint is not installed") from None
    return ""


@contextlib.contextmanager
def base(tool: Podman) -> Iterator[tuple[Podman, tuple[str, ...], str]]:
    """Give Podman as it works here, the options of a build, and what it builds on."""
    if tool.has(BASE):
        yield tool.able(BASE), (), BASE
        return
    stand_in(tool)
    able = tool.able(STAND_IN)
    with wheels(able) as options:
        yield able, tuple(options), f"a Debian in place of {BASE}"


def build(tool: Podman, options: tuple[str, ...]) -> str:
    tracked = run("git", "-C", HOME, "ls-files", "-z").stdout.strip("\0").split("\0")
    with tempfile.TemporaryDirectory() as name:
        composed.context(Path(name), [file for file in tracked if (HOME / file).is_file()])
        tool("build", "--quiet", "--tag", IMAGE, *options, name)
    (told,) = json.loads(tool("image", "inspect", IMAGE))
    assert told["User"] == "10001", told["User"]
    return f"{told['Size'] / 1e6:.0f} MB"


def look_inside(tool: Podman) -> str:
    def inside(line: str) -> str:
        alone = ("--rm", "--network=none", "--entrypoint", "sh")
        return tool("run", *alone, *tool.options, IMAGE, "-c", line)

    find = "find . -type f -not -name '*.pyc' -not -path './limner.egg-info/*'"
    there = {line.removeprefix("./") for line in inside(find).splitlines()}
    assert there == needed(), sorted(there ^ needed())
    assert inside(f"{ROOT} 2>/dev/null || id -u").strip() == "10001"
    inside("python -c 'import s3fs, opentelemetry.sdk, api, cli.parser, workers.app'")
    return f"{len(there)} files, those of the wheel"


def one_container(tool: Podman) -> str:
    port = free_port()
    hardened = composed.options("api", NAME, {**ENVIRON, "LIMNER_PORT": str(port)})
    kept = ("--read-only", "--cap-drop", "--security-opt", "--pids-limit", "--memory", "--tmpfs")
    options = [one for one in hardened if one.startswith(kept)]
    started = [
        *("run", "--detach", "--name", NAME, *tool.options, *options),
        *("--publish", f"127.0.0.1:{port}:8000", "--volume", f"{NAME}-data:/data"),
        *("--env", "LIMNER_METRICS_TOKEN=of-metrics", IMAGE),
    ]
    api = f"http://127.0.0.1:{port}"
    try:
        tool(*started)
        wait(tool, NAME, lambda: ready(api))
        file = tool("exec", NAME, "cat", "/data/local.env")
        token, secret = re.findall(r"^(?:TOKEN|SECRET)=(.+)$", file, re.M)
        mode = tool("exec", NAME, "stat", "-c", "%a %u", "/data/local.env").split()
        assert mode == ["600", "10001"], mode
        job = draw(tool, NAME, api, token)
        stopped_s = stop(tool, NAME, 20)
        sound(tool.log(NAME), token, secret, "of-metrics")
        tool("rm", NAME)
        # Another container on the same volume.
        tool(*started)
        wait(tool, NAME, lambda: ready(api))
        again = asked(api, f"/draw/midjourney/jobs/{job['id']}", token)
        assert again["url"] == job["url"], again
        sound(tool.log(NAME), token, secret, "of-metrics")
        return f"a picture, all down in {stopped_s:.1f} s, its job in the next container"
    finally:
        tool("rm", "--force", "--time", "1", NAME, check=False)
        tool("volume", "rm", "--force", f"{NAME}-data", check=False)


def services(tool: Podman) -> str:
    """Run what the compose file says, service by service."""
    port, flower = free_port(), free_port()
    ports = {"LIMNER_PORT": str(port), "LIMNER_FLOWER_PORT": str(flower)}
    environ = {**ENVIRON, **ports, "LIMNER_KEEP_DAYS": "7", "LIMNER_API_WORKERS": "2"}
    names = {service: f"{NAME}-{service}" for service in composed.SERVICES}
    api = f"http://127.0.0.1:{port}"
    known: list[str] = []
    try:
        tool("network", "create", NAME)
        for service, name in names.items():
            image = IMAGE if service != "redis" else REDIS
            options = [*composed.options(service, NAME, environ), *known]
            line = composed.command(service, environ)
            if not tool.has(image):
                image = redis_stand_in(tool)
                # Redis's own image begins in a folder of its user's, and serves others without a password.
                options += [f"--volume={NAME}-own:/data:U", "--workdir=/data"]
                options.remove(f"--volume={NAME}-redis:/data")
                line += ["--protected-mode", "no"]
            started = ("run", "--detach", "--name", name, *tool.options, *options, image)
            tool(*started, *line)
            if service == "redis":
                wait(tool, name, lambda name=name: healthy(tool, name, "redis"))
                networks = inspected(tool, name)["NetworkSettings"]["Networks"]
                # Podman's own name server is away for seconds whenever a container comes or goes.
                known = [f"--add-host=redis:{networks[NAME]['IPAddress']}"]
        for service, name in names.items():
            wait(
                tool, name, lambda name=name, service=service: healthy(tool, name, service), service
            )
        said = tool("exec", names["api"], "limner", "clients", "add", "shop")
        token = re.search(r"lim_[\w-]+", said)[0]
        job = draw(tool, names["api"], api, token)
        assert job["url"].startswith(f"http://localhost:{port}/"), job["url"]
        given = tool("exec", names["worker-fast"], "printenv", "LIMNER_KEEP_DAYS")
        assert given.strip() == "7"
        took = {}
        for service, name in reversed(names.items()):
            took[service] = stop(tool, name, composed.grace_s(service))
            if service != "redis":
                sound(tool.log(name), token, *ENVIRON.values())
        slowest = max(took, key=lambda name: took[name])
        return (
            f"a picture, {len(names)} services, the last to stop {slowest} in {took[slowest]:.1f} s"
        )
    finally:
        tool("rm", "--force", "--time", "1", *names.values(), check=False)
        volumes = [f"{NAME}-{name}" for name in ("own", *composed.FILE["volumes"])]
        tool("volume", "rm", "--force", *volumes, check=False)
        tool("network", "rm", "--force", NAME, check=False)


def redis_stand_in(tool: Podman) -> str:
    if not tool.has(STAND_IN):
        raise NotTried(f"neither {REDIS} (podman pull) nor a stand-in is here")
    return STAND_IN


def healthy(tool: Podman, name: str, service: str) -> bool:
    if not (check := composed.check(service)):
        return inspected(tool, name)["State"]["Running"]
    done = run(tool.tool, *tool.before, "exec", name, *check, check=False)
    return done.returncode == 0


def wait(tool: Podman, name: str, holds: Callable[[], bool], what: str = "readiness") -> None:
    """Wait until something holds; the end of the container is a failure, and what it said the reason."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        runs = inspected(tool, name)["State"]["Running"]
        said = "" if runs else tool.log(name)
        assert runs, f"{name} ended: {said[-1000:]}"
        assert time.monotonic() < deadline, f"{what} of {name} within {PATIENCE_S:g} s"
        time.sleep(0.5)


def ready(api: str) -> bool:
    try:
        return requests.get(f"{api}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def asked(api: str, path: str, token: str, **options) -> dict:
    method = "POST" if options else "GET"
    answer = requests.request(method, api + path, headers={"token": token}, timeout=30, **options)
    assert answer.status_code < 300, answer.text
    return answer.json()


def draw(tool: Podman, name: str, api: str, token: str) -> dict:
    """Have a picture drawn; return its job."""
    body = {"promptEn": PROMPT, "fast": True, "tag": "0" * 32}
    job = asked(api, "/draw/midjourney/imagine", token, json=body)
    path = f"/draw/midjourney/jobs/{job['id']}"
    wait(tool, name, lambda: asked(api, path, token)["status"] > 0, "a picture")
    job = asked(api, path, token)
    assert job["status"] == 1, job["reason"]
    picture = requests.get(api + re.sub(r"^http://[^/]+", "", job["url"]), timeout=30)
    assert picture.content.startswith(b"\x89PNG"), picture.content[:20]
    return job


def stop(tool: Podman, name: str, grace_s: int) -> float:
    """Stop a container; return how long that took. It must not have to be killed."""
    begun_at = time.monotonic()
    tool("stop", "--time", str(grace_s), name)
    took_s = time.monotonic() - begun_at
    code = inspected(tool, name)["State"]["ExitCode"]
    said = tool.log(name)[-1000:]
    assert code == 0, f"{name} ended with exit code {code} after {took_s:.1f} s: {said}"
    return took_s


def sound(log: str, *hidden: str) -> None:
    """Check that each line of a container's log is JSON, and none holds what nobody should read there."""
    for line in log.splitlines():
        try:
            assert isinstance(json.loads(line), dict), line
        except ValueError:
            raise AssertionError(f"no JSON: {line}") from None
    found = [one for one in (PROMPT, "enter#", *hidden) if one in log]
    assert not found, f"in the log: {found}"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
