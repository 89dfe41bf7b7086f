"""What docs/deploying/backups.md says of an old copy: made by its own command while jobs run, and restored."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest
from redis.exceptions import ResponseError

from limner.errors import JobNotFound
from limner.store import Store
from tests.acceptance.house import House
from tests.acceptance.receiver import Receiver
from tests.conftest import answers, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BACKUP = Path(__file__).parents[2] / "deploy/backup/limner-backup"
STAGE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 2
steps = 4
fast = { slots = 1 }
"""


def backup(data: Path, to: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BACKUP, data, to], capture_output=True, text=True)


def restored(house: House, copy: Path) -> None:
    """Stop all of it, put the copy in place, and start all of it."""
    house.store.close()
    for name in list(house.running):
        house.kill(name)
    kept = house.settings.data_dir / "appendonlydir"
    shutil.rmtree(kept)
    shutil.copytree(copy / "appendonlydir", kept)
    house.start_redis()
    house.store = Store.of(house.settings)
    wait_until(lambda: answers(house.store), what="the server")


def statuses(heard: list[dict]) -> list[int]:
    """The statuses that were heard, each once in a row."""
    return [status for status, _ in itertools.groupby(body["status"] for body in heard)]


def test_an_old_copy_draws_again_what_it_knows_as_unfinished_and_forgets_what_came_later():
    with Receiver() as receiver, House(STAGE, lease_s=3) as house:
        house.start_api()
        house.start_worker("fast")
        poster = house.start_worker("callbacks")
        done = house.imagine(callBackUrl=receiver.url)["id"]
        wait_until(lambda: receiver.ended(done), what="the end of the first")
        house.kill(poster)
        untold = house.imagine(callBackUrl=receiver.url)["id"]
        wait_until(lambda: house.store.jobs.get(untold).status == "done", what="an end")
        house.start_worker("callbacks")
        drawing = house.imagine(promptEn="a fox [[seconds 6]]", callBackUrl=receiver.url)["id"]
        waiting = house.imagine(callBackUrl=receiver.url)["id"]
        wait_until(lambda: house.store.jobs.get(drawing).status == "drawing", what="a drawing")
        assert backup(house.settings.data_dir, house.folder / "copy").returncode == 0
        later = house.imagine(callBackUrl=receiver.url)["id"]
        house.store.clients.add("new")
        every = [done, untold, drawing, waiting, later]
        wait_until(lambda: all(map(receiver.ended, every)), what="the end of all")
        before = {job: receiver.told(job) for job in every}

        restored(house, house.folder / "copy")
        house.start_worker("fast")
        house.start_worker("callbacks")
        assert house.store.clients.names() == ["ann"]
        wait_until(
            lambda: all(house.store.jobs.get(job).status == "done" for job in (drawing, waiting)),
            what="the second end",
        )
        wait_until(
            lambda: not any(house.store.outbox.told(job).pending for job in every[:-1]),
            what="the callbacks",
        )
        after = {job: receiver.told(job) for job in every}
        with pytest.raises(JobNotFound):
            house.store.jobs.get(later)

    assert after[done] == before[done]
    assert after[later] == before[later]
    # Ids that were seen have their old bytes: `told` leaves these out.
    assert after[untold] == before[untold]
    for job, expected in ((drawing, [-2, -1, 0, 1]), (waiting, [-1, 0, 1])):
        again = after[job][len(before[job]) :]
        assert statuses(again) == expected
        assert again[0]["seq"] > before[job][-1]["seq"]


def test_a_copy_is_whole_also_while_the_server_writes_its_files_anew(tmp_path):
    """A counter and a list grow in one step each time: a copy that lacks a part would show it."""
    counted = []
    with House("") as house:
        redis, ends = house.store.redis, Event()

        def grow() -> None:
            while not ends.is_set():
                step = redis.pipeline(transaction=True)
                step.incr("count").rpush("list", "x" * 1000)
                counted.append(step.execute()[0])
                if counted[-1] % 200 == 0:
                    with suppress(ResponseError):  # it is at it already
                        redis.bgrewriteaof()

        with ThreadPoolExecutor(1) as growing:
            grown = growing.submit(grow)
            wait_until(lambda: len(counted) > 500, what="something to copy")
            least = counted[-1]
            assert backup(house.settings.data_dir, tmp_path).returncode == 0
            most = counted[-1] + 1
            ends.set()
            grown.result()
        restored(house, tmp_path)
        found = int(house.store.redis.get("count"))
        assert least <= found <= most
        assert house.store.redis.llen("list") == found


def test_without_files_of_a_server_nothing_is_replaced(tmp_path):
    (tmp_path / "to/appendonlydir").mkdir(parents=True)

    said = backup(tmp_path / "none", tmp_path / "to")

    assert said.returncode == 1
    assert "there is no" in said.stderr
    assert (tmp_path / "to/appendonlydir").exists()
