"""What an agent does with the ``fastmcp`` client; run in the clients' own environment.

    mcp_fastmcp.py URL TOKEN auto|legacy

Prints one JSON object; ``tests/clients/test_mcp.py`` says what must be in it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from fastmcp import Client
from fastmcp.exceptions import ToolError


def say(seen: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()


async def main(url: str, token: str, mode: str) -> None:
    steps: list[tuple[float, float | None, str | None]] = []

    async def step(progress: float, total: float | None, message: str | None) -> None:
        steps.append((progress, total, message))

    async with Client(url, auth=token, mode=mode, progress_handler=step) as client:
        seen: dict[str, Any] = {"tools": [tool.name for tool in await client.list_tools()]}
        drawn = await client.call_tool("imagine", {"prompt": "a hill", "wait_s": 40})
        seen["steps"] = list(steps)
        seen["kinds"] = [one.type for one in drawn.content]
        seen["job"] = drawn.structured_content
        # It makes a value of the result after the tool's own schema.
        seen["status"] = drawn.data.status
        try:
            await client.call_tool("imagine", {"prompt": "a hill", "aspectratio": "1:1"})
        except ToolError as error:
            seen["refused"] = str(error)
        say(seen)
        steps.clear()
        call = client.call_tool("imagine", {"prompt": "a dale [[seconds 600]]", "wait_s": 300})
        task = asyncio.create_task(call)
        while not steps:
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # The client goes on until the test has seen what became of the job.
        await asyncio.to_thread(sys.stdin.readline)


asyncio.run(main(*sys.argv[1:]))
