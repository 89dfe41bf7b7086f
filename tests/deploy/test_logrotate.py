"""The log of a running gateway, started by the page and rotated by the file of deploy/, but for account and folders."""

from __future__ import annotations

import grp
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.acceptance.up import Up
from tests.conftest import json_lines, wait_until
from tests.deploy.fronts import DEPLOY, program, replaced
from tests.docs.blocks import HOME, blocks

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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
def test_the_lines_of_the_page_start_it_where_its_settings_and_data_are(up):
    (block,) = (b for b in blocks("sh") if b.page.endswith("logs.md") and "limner up" in b.text)
    limner = up.folder / "command"
    limner.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m limner "$@"\n')
    limner.chmod(0o755)
    (up.folder / "limner.env").write_text(
        f"LIMNER_PORT={up.port}\nLIMNER_FLOWER_PORT={up.flower_port}\nUP_MARK={up.folder}\n"
    )
    log = up.folder / "logs/limner.log"
    account = f"{pwd.getpwuid(os.getuid()).pw_name} -g {grp.getgrgid(os.getgid()).gr_name}"
    text = replaced(
        block.text,
        {
            "-o limner -g limner": f"-o {account}",
            "--reuid limner --regid limner": "--reuid root --regid root",
            "/var/lib/limner": str(up.folder / "limner-data"),
            "/var/log/limner": str(log.parent),
            "/etc/limner": str(up.folder),
            "/etc/logrotate.d": str(up.folder),
            "/opt/limner/bin/limner": str(limner),
            "logrotate --force": "true",
            ") &": ") & echo $!",
        },
    )
    # Not where the data are, nor with what is set here.
    ours = HOME / "limner-data"
    was_there = ours.exists()
    told = up.folder / "told"
    with told.open("wb") as output:
        subprocess.run(["bash", "-ec", text], cwd=HOME, env=up.environ, stdout=output, check=True)
    up.process, up.log = psutil.Process(int(told.read_text())), log
    wait_until(lambda: "gateway.started" in events(log), 90)

    assert up.token()
    assert ours.exists() == was_there
    up.process.send_signal(signal.SIGTERM)
    up.process.wait(60)
    assert events(log)[-1] == "stopped"
