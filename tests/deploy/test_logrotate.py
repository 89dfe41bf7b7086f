"""The log of a running gateway, rotated by logrotate and the file of deploy/ as it stands, but for account and folder."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.up import Up
from tests.conftest import json_lines, wait_until
from tests.deploy.fronts import DEPLOY, program, replaced

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Appending(Up):
    """A gateway whose output is appended to a file of JSON."""

    def start(self, *options: str) -> None:
        environ = self.environ | {"LIMNER_LOG_FORMAT": "json"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(*options), cwd=self.folder, env=environ, stdout=log, stderr=log
            )


@pytest.fixture
def up() -> Iterator[Up]:
    up = Appending()
    yield up
    up.close()


def rotate(up: Up) -> None:
    """Rotate the gateway's log, as the system would at night."""
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    words = {"/var/log/limner": str(up.folder), "su limner limner": f"su {user} {group}"}
    rules = up.folder / "rules"
    rules.write_text(replaced((DEPLOY / "logrotate/limner").read_text(), words))
    # It reads nothing that others could have written.
    rules.chmod(0o600)
    asked = subprocess.run(
        [program("logrotate"), "--force", "--state", up.folder / "state", rules],
        capture_output=True,
        text=True,
    )
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "", "")


def events(log: Path) -> list[str]:
    """Return what a file of the log tells of; every line of it is JSON."""
    return [line["event"] for line in json_lines(log)]


def draw(up: Up) -> None:
    url = f"http://127.0.0.1:{up.port}/draw/midjourney/imagine"
    asking = (
        f"curl -s {url} -H 'Content-Type: application/json' -H \"token: $TOKEN\""
        ' -d \'{"promptEn": "a lighthouse", "fast": true, "tag": "00000000000000000000000000000000"}\''
    )
    ended = events(up.log).count("job.finished")
    assert up.draw(up.token(), asking)["status"] == 1
    wait_until(lambda: events(up.log).count("job.finished") == ended + 1, what="the last line")


def test_a_running_gateway_goes_on_in_the_emptied_file_and_no_line_is_torn(up):
    up.start("--no-flower")
    wait_until(up.is_up, 90)
    draw(up)
    before = events(up.log)
    assert before.count("gateway.started") == before.count("job.finished") == 1

    rotate(up)
    old = up.log.with_name("up.log.1")
    assert events(old)[: len(before)] == before
    draw(up)
    # The first night's copy was left as it was, since somebody may still have read it.
    rotate(up)

    assert up.log.with_name("up.log.2.gz").exists()
    told = events(old)
    assert told.count("job.finished") == 1
    assert "gateway.started" not in told
    assert up.stop()[0] == 0
    assert events(up.log)[-1] == "stopped"
