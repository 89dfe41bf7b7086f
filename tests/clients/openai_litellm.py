"""What a program does with LiteLLM; run in the clients' own environment.

    openai_litellm.py URL TOKEN

Prints one JSON object; ``tests/clients/test_openai.py`` says what must be in it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import litellm

litellm.telemetry = False
litellm.suppress_debug_info = True


def main(url: str, token: str) -> dict[str, Any]:
    where = {"api_base": url, "api_key": token}
    inline = litellm.image_generation("a cat", model="openai/gpt-image-1", n=2, **where)
    linked = litellm.image_generation("a cat", model="openai/limner", **where)
    seen: dict[str, Any] = {
        "inline": [bool(one.b64_json) for one in inline.data],
        "linked": [one.url for one in linked.data],
        "failures": {},
    }
    for name, prompt in (("moderated", "[[moderated]]"), ("failed", "[[fail]]")):
        try:
            litellm.image_generation(prompt, model="openai/gpt-image-1", **where)
        except Exception as error:  # noqa: BLE001
            seen["failures"][name] = [type(error).__name__, getattr(error, "status_code", None)]
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:3])) + "\n")
