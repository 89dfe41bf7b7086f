"""``make audit`` and ``make lock-check``: what was not tried is never called clean, nor a finding."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import audit, locks

CLEAN = {"name": "flask", "version": "3.1.3", "vulns": []}
BAD = {
    "name": "urllib3",
    "version": "2.8.0",
    "vulns": [{"id": "CVE-2027-1", "fix_versions": ["2.8.1"]}],
}
SKIPPED = {"name": "amqp", "skip_reason": "Dependency not found"}


def told(*pins: dict) -> str:
    return json.dumps({"dependencies": pins, "fixes": []})


def asked(*answers: tuple[int, str, str]):
    """Stands for pip-audit: gives these answers, the last again and again; keeps what it was asked."""
    left, files = list(answers), []

    def ask(line: list[str]) -> tuple[int, str, str]:
        files.append(Path(line[-1]).read_text())
        return left.pop(0) if len(left) > 1 else left[0]

    ask.files = files
    return ask


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((0, told(CLEAN), ""), 0, "nothing is known against 1 pins"),
        ((1, told(CLEAN, BAD), "Found 1"), 1, "urllib3 2.8.0: CVE-2027-1, mended in 2.8.1"),
        ((0, told(CLEAN, SKIPPED), ""), 1, "amqp: skipped"),
        ((1, told(CLEAN), ""), 1, "ended with 1"),
        ((0, told(SKIPPED, SKIPPED), "No known vulnerabilities found"), 0, audit.NOT_TRIED),
        ((1, "", "requests.exceptions.ConnectionError: HTTPSConnectionPool"), 0, audit.NOT_TRIED),
        ((1, "", "Tip: your network may be blocking this service."), 0, audit.NOT_TRIED),
        ((1, "", "ReadTimeout: no answer within 300 s"), 0, audit.NOT_TRIED),
        ((1, "", "ERROR:pip_audit._cli:invalid requirements input"), 1, "pip-audit failed on"),
        ((2, "", "usage: pip-audit"), 1, "pip-audit failed on"),
        ((0, "", ""), 1, "pip-audit failed on"),
    ],
)
def test_findings_and_failures_fail_and_a_database_out_of_reach_is_not_tried(
    capsys, answer, code, words
):
    assert audit.audit(asked(answer)) == code
    said = capsys.readouterr().out
    assert words in said
    assert (words == audit.NOT_TRIED) == (audit.NOT_TRIED in said)


def test_what_was_found_before_the_network_went_still_fails():
    assert audit.audit(asked((1, told(BAD), ""), (1, "", "ConnectionError"))) == 1


def test_every_pin_of_every_lock_is_asked_about_once_with_its_hashes():
    ask = asked((0, told(CLEAN), ""))
    audit.audit(ask)
    found = [pin for text in ask.files for pin in re.findall(r"^[\w.-]+==[^\s;\\]+", text, re.M)]
    wanted = {
        pin
        for lock in audit.LOCKS
        for pin in re.findall(
            r"^[\w.-]+==[^\s;\\]+", (audit.HOME / f"requirements/{lock}.txt").read_text(), re.M
        )
    }
    assert set(found) == wanted
    assert all(text.count("--hash=") > text.count("==") / 2 for text in ask.files)
    assert "pip_audit" in audit.command("x")
    assert "--require-hashes" in audit.command("x")


def resolved(monkeypatch, code: int = 0, trouble: str = "", change=lambda text: text):
    """Have a stand-in for uv resolve: it changes each lock's text, or fails."""

    def compiled(lock, folder, *_options):
        path = folder / f"requirements/{lock}.txt"
        path.write_text(change(path.read_text()))
        return subprocess.CompletedProcess([], code, "", trouble)

    monkeypatch.setattr(locks, "compiled", compiled)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({}, 0, "are up to date"),
        ({"change": lambda text: text.replace("flask==3", "flask==4")}, 1, "+ flask==4"),
        ({"change": lambda text: text.replace("#", "# now")}, 0, "are up to date"),
        (
            {"code": 2, "trouble": "error: Failed to fetch: `x`\n  Caused by: dns error"},
            0,
            "not tried",
        ),
        ({"code": 1, "trouble": "No solution found when resolving dependencies"}, 1, "No solution"),
    ],
    ids=["the same", "another pin", "a comment", "no index", "a contradiction"],
)
def test_a_lock_that_a_resolution_would_change_is_stale(monkeypatch, capsys, options, code, words):
    resolved(monkeypatch, **options)
    assert locks.check() == code
    assert words in capsys.readouterr().out


def test_a_check_changes_no_lock(monkeypatch):
    before = {lock: (locks.HOME / f"requirements/{lock}.txt").read_bytes() for lock in locks.LOCKS}
    resolved(monkeypatch, change=lambda _text: "")
    assert locks.check() == 1
    after = {lock: (locks.HOME / f"requirements/{lock}.txt").read_bytes() for lock in locks.LOCKS}
    assert after == before


def test_uv_itself_without_an_index_is_not_tried(monkeypatch, tmp_path):
    """The words by which it is known are uv's own, of the version that is locked."""
    (tmp_path / "requirements").mkdir()
    shutil.copy(locks.HOME / "pyproject.toml", tmp_path)
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_NO_CACHE": "1",
        "UV_NO_CONFIG": "1",
        "UV_HTTP_RETRIES": "0",
    }.items():
        monkeypatch.setenv(name, value)
    made = locks.compiled("run", tmp_path)
    assert made.returncode
    assert locks._UNREACHED.search(made.stderr), made.stderr
