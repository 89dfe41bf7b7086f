"""What an agent does with the official Python client; run in the clients' own environment.

    mcp_python.py URL TOKEN auto|legacy

Prints one JSON object; ``tests/clients/test_mcp.py`` says what must be in it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


def shown(result: Any) -> dict[str, Any]:
    return {
        "kinds": [one.type for one in result.content],
        "text": result.content[0].text,
        "job": result.structured_content,
        "failed": result.is_error,
    }


async def told(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return shown(await client.call_tool(tool, arguments))


def say(seen: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()


async def main(url: str, token: str, mode: str) -> None:
    steps: list[tuple[float, float | None, str | None]] = []

    async def step(progress: float, total: float | None, message: str | None) -> None:
        steps.append((progress, total, message))

    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        seen: dict[str, Any] = {"revision": client.protocol_version}
        seen["server"] = client.server_info.name
        seen["tools"] = [tool.name for tool in (await client.list_tools()).tools]
        drawn = await client.call_tool(
            "imagine", {"prompt": "a hill", "wait_s": 40}, progress_callback=step
        )
        seen["drawn"], seen["steps"] = shown(drawn), steps
        job_id = seen["drawn"]["job"]["job_id"]
        seen["picked"] = await told(client, "press", id=job_id, button="u1")
        seen["looked"] = await told(client, "job", id=job_id)
        seen["refused"] = await told(client, "imagine", prompt="")
        seen["failed"] = await told(client, "imagine", prompt="a hill [[moderated]]", wait_s=40)
        begun = await told(client, "imagine", prompt="a hill [[seconds 600]]", wait_s=0)
        seen["cancelled"] = await told(client, "cancel", id=begun["job"]["job_id"])
        say(seen)
        call = client.call_tool(
            "imagine", {"prompt": "a dale [[seconds 600]]", "wait_s": 300}, progress_callback=step
        )
        steps.clear()
        task = asyncio.create_task(call)
        while not steps:
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # The client goes on until the test has seen what became of the job.
        await asyncio.to_thread(sys.stdin.readline)


asyncio.run(main(*sys.argv[1:]))
