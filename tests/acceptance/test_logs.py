"""The log of ``limner up`` in JSON, as a container has it: each line an object, and no secret in any."""

from __future__ import annotations

import json
import signal

import pytest

from tests.acceptance.up import Up
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PROCESSES = {"limner", "server", "api", "fast", "relaxed", "callbacks", "beat", "flower"}
PROMPT = "an otter that nobody should read of"
ASKS = f"""curl -s $API/draw/midjourney/imagine -H "token: $TOKEN" -H 'content-type: application/json' \
    -d '{{"promptEn": "{PROMPT}", "fast": true, "tag": "00000000000000000000000000000007"}}'"""


@pytest.fixture
def up():
    up = Up()
    up.environ |= {
        "LIMNER_LOG_FORMAT": "json",
        "LIMNER_FLOWER_AUTH": "ops:password-of-flower",
        "LIMNER_METRICS_TOKEN": "token-of-metrics",
        "LIMNER_TICK_S": "1",
        "API": f"http://127.0.0.1:{up.port}",
        "LIMNER_CALLBACK_PROXY": "http://me:password-of-proxy@127.0.0.1:9",
    }
    yield up
    up.close()


def test_every_process_logs_json_from_its_start_to_its_end_and_no_secret(up):
    def lines() -> list[dict]:
        # The last one may be on its way.
        whole = up.said().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def told(event: str, process: str | None = None) -> list[dict]:
        about = [line for line in lines() if process in (None, line["process"])]
        return [line for line in about if line["event"] == event]

    up.start()
    wait_until(lambda: told("gateway.started"), 90)
    (greeting,) = told("gateway.started")
    token, secret = up.credentials()["TOKEN"], up.credentials()["SECRET"]
    assert greeting["credentials"] == str(up.folder / "limner-data/local.env")
    assert up.draw(token, ASKS)["status"] == 1

    def spoken() -> set[str]:
        return {line["process"] for line in lines()}

    def all_have_missed_the_server() -> bool:
        # Each time it is away for longer, until nobody could overlook it.
        for process in up.left():
            if process.name() == "valkey-server":
                process.kill()
        return spoken() == PROCESSES

    wait_until(all_have_missed_the_server, 120, "a line of each process")
    wait_until(up.healthy, 120)

    assert up.stop(signal.SIGTERM)[0] == 0
    said = up.said()
    assert told("stopped", "limner")
    # A line that was no JSON has the name of its process instead of a logger's.
    raw = [x for x in lines() if x.get("logger") == x["process"]]
    assert [x for x in raw if x["process"] not in ("limner", "server")] == []
    for hidden in (token, secret, "password-of", "token-of-metrics", "enter#", PROMPT):
        assert hidden not in said, hidden
