"""Parse the frames of ComfyUI's socket into news of one drawing; pure functions.

Text frames are ``{"type", "data"}``. Binary frames begin with a big-endian kind: 4 is a preview with
its ids (u32 length, JSON, picture); 1 is a preview without ids, which the server sends to every socket
if a prompt was submitted without a client id: somebody else's picture. It is always ignored.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from engines.remote.reading import read_json
from limner.errors import BadResult

#: a client's first message, so that previews come as kind 4
HELLO = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
_PREVIEW_WITH_IDS = 4
_OVER = ("execution_success", "execution_error", "execution_interrupted")


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame's news about a prompt: ``what`` is step, done, preview, over, or alive."""

    prompt_id: str
    what: str
    node: str = ""
    value: float = 0.0
    most: float = 1.0
    image: bytes = b""


def read_frame(frame: str | bytes) -> list[Heard]:
    """Return a frame's news; None if it is irrelevant, broken, or not about one prompt."""
    try:
        return _binary(frame) if isinstance(frame, bytes) else _text(read_json(frame))
    # A frame is a hint; polling decides, so a bad one must not cause a failure.
    except (
        BadResult,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        struct.error,
    ):
        return []


def _binary(frame: bytes) -> list[Heard]:
    kind, length = struct.unpack_from(">II", frame)
    if kind != _PREVIEW_WITH_IDS:
        return []
    ids, image = read_json(frame[8 : 8 + length]), frame[8 + length :]
    return [Heard(str(ids["prompt_id"]), "preview", str(ids["node_id"]), image=image)]


def _text(message: dict[str, Any]) -> list[Heard]:
    kind, data = message["type"], message["data"]
    # Without an id it may be about anyone's prompt.
    if "prompt_id" not in data:
        return []
    prompt_id = str(data["prompt_id"])
    match kind:
        case "progress":
            return [_step(prompt_id, str(data["node"]), data)]
        case "progress_state":
            return [_step(prompt_id, node, state) for node, state in data["nodes"].items()]
        case "execution_cached":
            return [Heard(prompt_id, "done", str(node)) for node in data["nodes"]]
        case "executed":
            return [Heard(prompt_id, "done", str(data["node"]))]
        case "executing" if data.get("node") is None:
            return [Heard(prompt_id, "over")]
        case kind if kind in _OVER:
            return [Heard(prompt_id, "over")]
    return [Heard(prompt_id, "alive")]


def _step(prompt_id: str, node: str, state: dict[str, Any]) -> Heard:
    return Heard(prompt_id, "step", node, float(state["value"]), float(state["max"]))
