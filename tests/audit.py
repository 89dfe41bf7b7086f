"""Look for known vulnerabilities in what is locked; run as ``make audit``.

pip-audit asks an advisory database about each pin. Its exit status is 1 for findings and for a database that
cannot be reached alike; the first comes with a report on standard output, the second without. Behind a mirror
that serves packages and no advisories it finds nothing, and says of each pin that it was skipped. Neither is clean,
and neither is a finding: it was not tried.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOME = Path(__file__).parents[1]
#: what users get first
LOCKS = ("run", "dev", "mutate", "clients")
LIMIT_S = 300.0
NOT_TRIED = "Audit: not tried, no advisory database can be reached."
#: how pip-audit says that it could not ask
_UNREACHED = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|SSLError|ProxyError|Max retries exceeded"
    r"|Name or service not known|network may be blocking|could not connect|\b50[234] Server Error",
    re.I,
)
#: a pin of a lock with its hashes
_ENTRY = re.compile(r"^[\w.-]+==\S+.*(?:\n {4}--hash=.*)*", re.M)

#: takes a command line; returns exit status, standard output and standard error
Run = Callable[[list[str]], tuple[int, str, str]]


def command(path: str) -> list[str]:
    """Return the command that audits a file of pins by their hashes, and resolves and installs nothing."""
    return [
        *(sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"),
        *("--progress-spinner", "off", "--format", "json", "--timeout", "10"),
        *("--requirement", path),
    ]


def run(line: list[str]) -> tuple[int, str, str]:
    """Run pip-audit."""
    try:
        made = subprocess.run(line, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return 1, "", f"ReadTimeout: no answer within {LIMIT_S:g} s"
    return made.returncode, made.stdout, made.stderr


def report(text: str) -> list[dict[str, Any]] | None:
    """Return what pip-audit found of each pin; None: it wrote no report."""
    try:
        found: list[dict[str, Any]] = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    return found


def findings(pins: list[dict[str, Any]]) -> list[str]:
    """Return one line for each vulnerability, and for each pin that was not looked up."""
    lines = []
    for one in pins:
        for found in one.get("vulns", ()):
            mended = ", ".join(found.get("fix_versions") or ()) or "no version"
            lines.append(f"{one['name']} {one['version']}: {found['id']}, mended in {mended}")
        if why := one.get("skip_reason"):
            lines.append(f"{one['name']}: skipped: {why}")
    return lines


def audit(ask: Run = run) -> int:
    """Audit every lock and say what was found; 0 also where no database can be reached."""
    wrong, seen = 0, set[str]()
    for lock in LOCKS:
        text = (HOME / f"requirements/{lock}.txt").read_text(encoding="utf-8")
        # Most pins are in several locks, and each costs a question.
        fresh = [entry for entry in _ENTRY.findall(text) if entry not in seen]
        seen.update(fresh)
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write("\n".join(fresh) + "\n")
            file.flush()
            code, said, trouble = ask(command(file.name))
        pins = report(said)
        skipped = pins and all("skip_reason" in one for one in pins)
        if skipped or (pins is None and code and _UNREACHED.search(trouble)):
            sys.stdout.write(f"{NOT_TRIED}\n")
            return wrong
        if pins is None:
            sys.stdout.write(f"pip-audit failed on requirements/{lock}.txt ({code}):\n{trouble}\n")
            return 1
        lines = findings(pins) or ([f"pip-audit ended with {code}"] if code else [])
        if lines:
            wrong = 1
            sys.stdout.write(f"requirements/{lock}.txt:\n" + "".join(f"  {x}\n" for x in lines))
        else:
            sys.stdout.write(
                f"requirements/{lock}.txt: nothing is known against {len(pins)} pins.\n"
            )
    return wrong


if __name__ == "__main__":
    sys.exit(audit())
