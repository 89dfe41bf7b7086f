"""How the processes of Celery start: by what ``stack.processes`` says, and without what they have no use for."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

from limner.settings import Settings
from stack import processes

pytestmark = [pytest.mark.slow, pytest.mark.seam]

#: runs ``workers.start`` up to where Celery would connect; says what it was told, and which modules it has
TOLD = """
import json, sys
from celery.apps import beat, worker
found = []
worker.Worker.start = beat.Beat.run = lambda program: found.append(program)
from workers import start
code = start.main(sys.argv[1:])
(program,) = found
told = {name: getattr(program, name, None) for name in
        ("hostname", "concurrency", "task_events", "schedule", "quiet")}
if isinstance(program, worker.Worker):
    told["queues"] = sorted(program.app.amqp.queues.consume_from)
    told["pool"] = program.pool_cls.__module__
    told["alone"] = [program.options["without_mingle"], program.options["without_gossip"]]
print(json.dumps({"code": code, "told": told, "modules": sorted(sys.modules)}))
"""

#: runs ``workers.start`` as its command does, and has Ctrl-C come when a module begins to load
INTERRUPTED = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
when = sys.argv.pop(1)
class Terminal:
    def find_spec(self, name, path=None, target=None):
        if name == when:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Terminal())
runpy.run_module("workers.start", run_name="__main__", alter_sys=True)
"""


def ran(command, settings, program, *words):
    """Run a command of ours by another program, which does something around it."""
    assert command[1:3] == ["-m", "workers.start"]
    return subprocess.run(
        [command[0], "-c", program, *words, *command[3:]],
        cwd=processes.HOME,
        env=processes.environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def started(command, tmp_path):
    done = ran(command, Settings(data_dir=tmp_path), TOLD)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_worker_is_what_its_command_says(tmp_path):
    host = socket.gethostname()
    settings = Settings(worker_threads=77)

    fast = started(processes.worker("fast", settings, "7"), tmp_path)["told"]
    callbacks = started(processes.worker("callbacks", settings, "8"), tmp_path)["told"]

    assert (fast["hostname"], callbacks["hostname"]) == (f"fast-7@{host}", f"callbacks-8@{host}")
    assert (fast["queues"], callbacks["queues"]) == (["fast"], ["callbacks"])
    assert (fast["concurrency"], fast["pool"]) == (77, "celery.concurrency.thread")
    # Flower is for drawings.
    assert fast["task_events"]
    assert not callbacks["task_events"]
    assert fast["quiet"]
    assert fast["alone"] == [True, True]


@pytest.mark.parametrize("kind", ["worker", "beat"])
def test_neither_celerys_command_line_nor_flower_is_loaded(tmp_path, kind):
    settings = Settings(data_dir=tmp_path)
    command = (
        processes.worker("fast", settings, "1") if kind == "worker" else processes.beat(settings)
    )

    found = started(command, tmp_path)

    unused = ("celery.bin", "click_repl", "prompt_toolkit", "flower", "tornado")
    assert [name for name in found["modules"] if name.startswith(unused)] == []
    assert ("workers.app" in found["modules"]) == (kind == "worker")
    assert found["code"] == 0
    if kind == "beat":
        assert found["told"]["schedule"] == str(tmp_path / "beat-schedule")


@pytest.mark.parametrize(
    ("kind", "when"),
    [
        ("worker", "celery"),
        ("worker", "workers.app"),
        ("worker", "celery.worker"),
        ("beat", "celery"),
        ("beat", "workers.bare"),
        ("beat", "celery.beat"),
    ],
)
def test_ctrl_c_while_it_starts_ends_it_without_a_traceback(tmp_path, kind, when):
    settings = Settings(data_dir=tmp_path)
    command = (
        processes.worker("fast", settings, "1") if kind == "worker" else processes.beat(settings)
    )

    done = ran(command, settings, INTERRUPTED, when)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
