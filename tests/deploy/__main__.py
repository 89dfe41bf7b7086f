"""``python -m tests.deploy``: check the kit in deploy/ and the compose file, with all that is installed.

What needs Prometheus (Debian's package `prometheus` has it, and promtool), or systemd, is skipped without it, and fails
where CI is set: there it can be had, unless PROMETHEUS_OPTIONAL or SYSTEMD_OPTIONAL says that it cannot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from deploy.grafana import dashboard
from deploy.kubernetes import rules
from tests.deploy import manifests, queries, scraped, units

HOME = Path(__file__).parents[2]
ALERTS = rules.RULES
TESTS = ALERTS.with_name("limner.tests.yml")
#: what needs programs: their names, Debian's package
PROMETHEUS, SYSTEMD = (("promtool", "prometheus"), "prometheus"), (("systemd-analyze",), "systemd")
YAML = ("docker-compose.yml", ".pre-commit-config.yaml", "deploy")


def main() -> int:
    """Run every check, say how each went, and return 1 if one failed."""
    faults = _told(_checks())
    for (programs, package), checks in ((SYSTEMD, _with_systemd), (PROMETHEUS, _with_prometheus)):
        if all(map(shutil.which, programs)):
            faults += _told(checks())
        else:
            names = " and ".join(programs)
            _say(f"not tried: no {names} (Debian and Ubuntu: apt install {package})")
            if os.environ.get("CI") and not os.environ.get(f"{package.upper()}_OPTIONAL"):
                faults += 1
    return 1 if faults else 0


def _told(checks: Iterable[tuple[str, list[str]]]) -> int:
    """Say how each check went; return how many faults there are."""
    count = 0
    for name, faults in checks:
        _say(f"{name}: {'well' if not faults else 'NOT WELL'}")
        for fault in faults:
            _say(f"  {fault}")
        count += len(faults)
    return count


def _checks() -> Iterator[tuple[str, list[str]]]:
    yield "YAML", _run("yamllint", "--strict", *YAML)
    yield (
        "compose file",
        _run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"),
    )
    yield "manifests", manifests.check()
    yield "what is made", _stale()


def _with_systemd() -> Iterator[tuple[str, list[str]]]:
    yield "systemd units", units.check()


def _with_prometheus() -> Iterator[tuple[str, list[str]]]:
    yield "alerts", _run("promtool", "check", "rules", str(ALERTS))
    yield "alerts' tests", _run("promtool", "test", "rules", str(TESTS))
    with scraped.demo_run(ALERTS) as prometheus:
        yield "alerts over a demo run", queries.unknown_metrics(prometheus, ALERTS)
        yield "dashboard over a demo run", queries.empty_panels(prometheus, dashboard.dashboard())
        yield "scaling over a demo run", queries.empty_triggers(prometheus)


def _run(tool: str, *arguments: str) -> list[str]:
    beside = Path(sys.executable).with_name(tool)
    command = [str(beside) if beside.exists() else tool, *arguments]
    done = subprocess.run(
        command, cwd=HOME, capture_output=True, text=True, check=False, timeout=300
    )
    return (done.stdout + done.stderr).splitlines() or ["failed"] if done.returncode else []


def _stale() -> list[str]:
    made = ((dashboard.FILE, dashboard.text()), (rules.FILE, rules.text()))
    return [
        f"{path.relative_to(HOME)} is stale: make deploy-files"
        for path, text in made
        if path.read_text(encoding="utf-8") != text
    ]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
