"""Redis loses all it has, under a running house: what is asked for afterwards is drawn, without anybody's hand."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from tests.acceptance.house import House
from tests.acceptance.receiver import Receiver
from tests.acceptance.test_flower import AUTH, flower
from tests.conftest import answers, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STAGE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 1
steps = 4
fast = { slots = 2 }
"""


class Emptied(House):
    """A house whose Redis can lose everything while its workers say nothing for a moment."""

    def lose(self, how) -> None:
        """Have Redis lose everything by ``how()``; return when the house is ready again."""
        workers = [self.running[name] for name in self.running if name.startswith("fast-")]
        for worker in workers:
            os.killpg(worker.pid, signal.SIGSTOP)
        how()
        said = self.ask("GET", "/readyz")
        assert said[0] == 503, said
        for worker in workers:
            os.killpg(worker.pid, signal.SIGCONT)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.ask("GET", "/readyz")[0] == 200, what="a house that is ready")

    def flush(self) -> None:
        self.store.redis.flushall()

    def restart_empty(self) -> None:
        self.kill("redis")
        shutil.rmtree(self.settings.data_dir / "appendonlydir")
        for snapshot in self.settings.data_dir.glob("*.rdb"):
            snapshot.unlink()
        self.start_redis()
        wait_until(lambda: answers(self.store), what="the server")
        assert self.store.redis.dbsize() < 20, "what processes say again at once"

    def make_the_client_again(self) -> None:
        self.token = self.store.clients.add("ann", callback_allow="127.0.0.1:*").token

    def draws(self, receiver: Receiver) -> str:
        """Have a job drawn, and its caller told; return its id."""
        job = self.imagine(callBackUrl=receiver.url)["id"]
        wait_until(lambda: receiver.ended(job), what="the end")
        assert [body["status"] for body in receiver.told(job)][-1] == 1
        return job


def test_an_emptied_or_replaced_redis_is_not_ready_until_workers_are_known_and_then_all_goes_on():
    with Receiver() as receiver, Emptied(STAGE, flower_auth=AUTH) as house:
        house.start_api()
        for queue in ("fast", "callbacks"):
            house.start_worker(queue)
        house.start_beat()
        house.start_flower()
        house.wait_until_ready()
        house.draws(receiver)

        for loses in (house.flush, house.restart_empty):
            lost = house.imagine(callBackUrl=receiver.url)["id"]
            wait_until(lambda job=lost: receiver.told(job), what="a job in progress")
            house.lose(loses)
            at = f"/draw/midjourney/jobs/{lost}"
            # The API remembers a client for a moment.
            wait_until(lambda at=at: house.ask("GET", at)[0] == 401, what="a token that is refused")

            house.make_the_client_again()
            assert house.ask("GET", at)[0] == 404, "its jobs are gone, too"
            job = house.draws(receiver)
            wait_until(
                lambda job=job: flower(house, "/api/tasks").get(job, {}).get("state") == "SUCCESS",
                what="the task in Flower",
            )

        # Only a tick that beat sent has the callback worker look at that.
        house.terminate("fast-1")
        wait_until(lambda: '"no_worker"' in house.log("callbacks-2"), what="the tick's warning")
