"""A demo run that a Prometheus on loopback scrapes: a house of real processes where everything happens that
the dashboard shows, and the answers to its queries.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from limner.errors import StoreDown
from tests.acceptance.house import House
from tests.acceptance.receiver import Receiver
from tests.conftest import free_port

#: a scrape must not take longer, either
SCRAPE_S = 1
ENGINES = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.4
steps = 2
fast = { slots = 3 }
relaxed = { slots = 2 }

[[engine]]
name = "spare"
driver = "rehearsal"
seconds = 0.4
steps = 1
fast = { slots = 1 }
"""
#: an image of one pixel, as callers send it
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PROMPTS = (
    "a lighthouse",
    "a boat",
    "[[fail]] a cliff",
    "[[moderated]] a gull",
)
_CONFIG = """
global: {{scrape_interval: {every}s, scrape_timeout: {every}s, evaluation_interval: {every}s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: limner
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
Sample = tuple[dict[str, str], float]


class Prometheus:
    """A Prometheus of our own on loopback, whose data goes with it."""

    def __init__(self, target_port: int, rules: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="limner-prometheus-"))
        self._port = free_port()
        config = self._folder / "prometheus.yml"
        config.write_text(_CONFIG.format(every=SCRAPE_S, rules=rules, port=target_port))
        self._log = (self._folder / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={self._folder}/data",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def is_up(self) -> bool:
        """Say whether it answers; fail if it ended."""
        if self._process.poll() is not None:
            raise RuntimeError((self._folder / "prometheus.log").read_text()[-2000:])
        with contextlib.suppress(OSError):
            return bool(self.query("vector(1)"))
        return False

    def query(self, expr: str) -> list[Sample]:
        """Return what an instant query finds now, without what is no number."""
        found = self._ask("query", query=expr)["result"]
        samples = [(row["metric"], float(row["value"][1])) for row in found]
        return [sample for sample in samples if sample[1] == sample[1]]

    def rule_errors(self) -> list[str]:
        """Return the rules that could not be evaluated, each with the reason."""
        rules = [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]
        if not rules or any(rule["health"] == "unknown" for rule in rules):
            return ["not all rules were evaluated"]
        return [f"{rule['name']}: {rule['lastError']}" for rule in rules if rule["health"] != "ok"]

    def _ask(self, what: str, **arguments: str) -> Any:
        url = f"http://127.0.0.1:{self._port}/api/v1/{what}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(f"{arguments}: {error.read().decode()}") from error


class Demo:
    """One house, and what befalls it, in waves: a rate needs things to happen between two scrapes."""

    def __init__(self, house: House, receiver: Receiver, gone: str) -> None:
        self.house = house
        self._urls = (receiver.url, gone)
        self._tokens = {"ann": house.token}
        self._jobs: list[str] = []
        small = house.store.clients.add("bob", callback_allow="127.0.0.1:*", inline_quota_mb=0)
        self._tokens["bob"] = small.token

    def wave(self) -> None:
        """Have everything happen that is over soon, to the end of its jobs and callbacks."""
        answers, gone = self._urls
        for prompt in PROMPTS:
            for fast in (True, False):
                self._imagine(prompt, fast, answers)
        self._imagine("a mast", True, gone)
        self._imagine("a picture", True, answers, imageList=[PIXEL], iw=1)
        # Refused: by its size, by its token.
        body = {"imageList": [PIXEL], "iw": 1}
        assert self._post("bob", **body) == 413, "an inline picture above the quota"
        for _ in range(2):
            assert self._post("nobody") == 401, "a wrong token"
        self.house.store.redis.lpush("fast", b"no message of ours")
        eventually(lambda: not self._unfinished(), "the end of all jobs")
        eventually(self._all_told, "the end of all callbacks")

    def trouble(self) -> None:
        """Have Redis go silent and an engine go down, which takes a while to pass: once is enough."""
        for fast in (True, False):
            self._imagine("[[down 1]] a buoy", fast, self._urls[0])
        with self._redis_silent():
            assert self._post("ann") == 503, "a request without Redis"
        eventually(self.is_ready, "Redis's return")

    def is_ready(self) -> bool:
        """Say whether the house accepts and draws."""
        return bool(self.house.ask("GET", "/readyz")[0] == 200)

    def halt(self) -> None:
        """Pause an engine, as an operator does."""
        self.house.store.levers.halt("cli:demo", "engine", "spare")

    def _imagine(self, prompt: str, fast: bool, url: str, **more: Any) -> None:
        answer = self.house.imagine(promptEn=prompt, fast=fast, callBackUrl=url, **more)
        self._jobs.append(answer["id"])

    def _post(self, client: str, **more: Any) -> int:
        self.house.token = self._tokens.get(client, "guessed")
        try:
            body = {"promptEn": "a mole", "fast": True, "tag": "0" * 32} | more
            return self.house.ask("POST", "/draw/midjourney/imagine", body)[0]
        finally:
            self.house.token = self._tokens["ann"]

    @contextlib.contextmanager
    def _redis_silent(self) -> Iterator[None]:
        server = self.house.running["redis"]
        os.kill(server.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(server.pid, signal.SIGCONT)

    def _unfinished(self) -> list[str]:
        def status(job_id: str) -> int:
            code, job = self.house.ask("GET", f"/draw/midjourney/jobs/{job_id}")
            return job["status"] if code == 200 else 0

        return [job_id for job_id in self._jobs if status(job_id) not in (1, 2)]

    def _all_told(self) -> bool:
        with contextlib.suppress(StoreDown):
            return self.house.store.numbers.read().callbacks_pending == 0
        return False


def eventually(holds: Callable[[], bool], what: str, timeout_s: float = 90) -> None:
    """Return once ``holds()`` is true.

    Raises:
        TimeoutError: it never is.
    """
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {timeout_s:g} s")
        time.sleep(0.1)


@contextlib.contextmanager
def demo_run(rules: Path) -> Iterator[Prometheus]:
    """Run the demo, and yield the Prometheus that has scraped it, while both still run."""
    with (
        House(ENGINES, callback_limit_s=5, lease_s=15) as house,
        Receiver() as receiver,
        Receiver(status=410) as gone,
        Prometheus(house.settings.port, rules) as prometheus,
    ):
        house.start_all()
        house.start_beat()
        demo = Demo(house, receiver, gone.url)
        eventually(prometheus.is_up, "Prometheus's start")
        eventually(demo.is_ready, "the workers' start")
        demo.trouble()
        for _ in range(2):
            demo.wave()
            seen = scrapes(prometheus)
            eventually(lambda seen=seen: scrapes(prometheus) >= seen + 2, "two more scrapes")
        demo.halt()
        eventually(lambda: bool(prometheus.query("limner_halted")), "the pause in a scrape")
        eventually(lambda: prometheus.rule_errors() == [], "the rules' evaluation")
        yield prometheus


def scrapes(prometheus: Prometheus) -> float:
    """Return how often the house was scraped, with success."""
    found = prometheus.query("sum(count_over_time(limner_redis_up[1h]))")
    return found[0][1] if found else 0.0
