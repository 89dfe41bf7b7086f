"""The tools as ``tools/list`` describes them, for models that read the descriptions and for programs."""

from __future__ import annotations

from typing import Any

from limner.canvas import DIRECTIONS, ZOOMS
from limner.followup import BUTTONS, UPSCALE_KINDS
from limner.job import Status
from limner.request import CELLS
from schemas.mcp.arguments import WAIT_MOST_S, WAIT_S
from schemas.prompt_fields import NEGATIVE_LENGTH, PROMPT_LENGTH, SEED_MOST
from schemas.references import MOST_REFERENCES

Json = dict[str, Any]

INSTRUCTIONS = """\
Draws pictures from words. Call imagine; it waits for a while and returns a small picture to look at, links to \
the full ones, and the job's id. If the job still waits or is drawn, call job with that id to wait on. When it is \
done, press follows it up: u1-u4 pick a picture, v1-v4 vary one, r draws all again."""

_JOB_ID: Json = {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The job's id."}
_FAST: Json = {
    "type": "boolean",
    "description": "true: the fast lane; false: the relaxed one. Leave it out unless you were told.",
}


def _wait(default: float) -> Json:
    return {
        "type": "number",
        "minimum": 0,
        "maximum": WAIT_MOST_S,
        "default": default,
        "description": "The most seconds to wait for the end; 0: return at once.",
    }


def _texts(words: tuple[str, ...], meaning: str) -> Json:
    return {"type": "string", "enum": list(words), "description": meaning}


_CELL: Json = {
    "type": "integer",
    "minimum": 1,
    "maximum": CELLS,
    "description": "Which of several pictures upscale, region, zoom, pan or remix is about.",
}
_PICTURE: Json = {
    "type": "object",
    "properties": {
        "url": {"type": "string"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
    },
    "required": ["url", "width", "height"],
}


def _maybe(kind: str, meaning: str) -> Json:
    return {"type": [kind, "null"], "description": meaning}


#: the shape of every tool's ``structuredContent``: the job
JOB_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "job_id": _JOB_ID,
        "status": {"type": "string", "enum": [status.value for status in Status]},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100, "description": "percent"},
        "prompt": {"type": "string"},
        "position": _maybe("integer", "its place in its lane, 1 = next; null unless it waits"),
        "starts_in_s": _maybe("number", "about how long until it starts; null: not known"),
        "waits_for": _maybe("string", "what an operator has halted that keeps it waiting"),
        "reason": _maybe("string", "why it failed"),
        "reason_code": _maybe("string", "the same, for programs"),
        "url": _maybe("string", "the newest picture: a preview, or all pictures in one when done"),
        "pictures": {"type": "array", "items": _PICTURE, "description": "one by one, when done"},
        "seeds": {"type": "array", "items": {"type": "integer"}},
        "prompts": {"type": "array", "items": {"type": "string"}},
        "buttons": {
            "type": "array",
            "items": {"type": "string"},
            "description": "what press can do with it",
        },
        "engine": _maybe("string", "what draws it"),
        "aspect_ratio": {"type": "string"},
    },
    "required": ["job_id", "status", "progress", "prompt", "pictures", "buttons"],
}

TOOLS: tuple[Json, ...] = (
    {
        "name": "imagine",
        "title": "Draw pictures",
        "description": "Draw pictures from a prompt, and wait for them. Returns a small picture, links to the full "
        "ones, and the job's id. A job that is not done in time goes on: wait for it with job.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "prompt": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": PROMPT_LENGTH,
                    "description": "What is drawn, in English.",
                },
                "aspect_ratio": {
                    "type": "string",
                    "description": "Width to height, such as 16:9; the nearest that can be drawn is taken. 1:1 if "
                    "left out.",
                },
                "negative": {
                    "type": "string",
                    "maxLength": NEGATIVE_LENGTH,
                    "description": "What must not be in the picture.",
                },
                "seed": {"type": "integer", "minimum": 0, "maximum": SEED_MOST},
                "count": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": CELLS,
                    "default": CELLS,
                    "description": "How many pictures.",
                },
                "images": {
                    "type": "array",
                    "items": {"type": "string"},
                    "maxItems": MOST_REFERENCES,
                    "description": "Pictures to go by: http(s) URLs, data URLs or base64.",
                },
                "fast": _FAST,
                "wait_s": _wait(WAIT_S),
            },
            "required": ["prompt"],
            "additionalProperties": False,
        },
        "outputSchema": JOB_SCHEMA,
        "annotations": {
            "title": "Draw pictures",
            "readOnlyHint": False,
            "destructiveHint": False,
            "idempotentHint": False,
            "openWorldHint": True,
        },
    },
    {
        "name": "job",
        "title": "Look at a job",
        "description": "Show a job: how far it is, its place while it waits, its pictures when it is done. With "
        "wait_s, wait for its end first.",
        "inputSchema": {
            "type": "object",
            "properties": {"id": _JOB_ID, "wait_s": _wait(0)},
            "required": ["id"],
            "additionalProperties": False,
        },
        "outputSchema": JOB_SCHEMA,
        "annotations": {
            "title": "Look at a job",
            "readOnlyHint": True,
            "destructiveHint": False,
            "idempotentHint": True,
            "openWorldHint": False,
        },
    },
    {
        "name": "press",
        "title": "Follow up a job",
        "description": "Go on from a job that is done: u1-u4 pick one of its pictures, v1-v4 vary one a little, "
        "vs1-vs4 strongly, r draws all again; upscale, region, zoom, pan and remix take more arguments. The job's "
        "buttons say which are open. Makes a new job, and waits for it.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "id": _JOB_ID,
                "button": _texts(BUTTONS, "What to do."),
                "cell": _CELL,
                "kind": _texts(UPSCALE_KINDS, "Of upscale."),
                "scale": {"type": "number", "enum": list(ZOOMS), "description": "Of zoom."},
                "direction": _texts(DIRECTIONS, "Of pan."),
                "mask": {
                    "type": "string",
                    "description": "Of region: a picture, white where to draw; a URL or base64.",
                },
                "prompt": {
                    "type": "string",
                    "maxLength": PROMPT_LENGTH,
                    "description": "Of remix, region, zoom and pan: other words.",
                },
                "fast": _FAST,
                "wait_s": _wait(WAIT_S),
            },
            "required": ["id", "button"],
            "additionalProperties": False,
        },
        "outputSchema": JOB_SCHEMA,
        "annotations": {
            "title": "Follow up a job",
            "readOnlyHint": False,
            "destructiveHint": False,
            "idempotentHint": False,
            "openWorldHint": True,
        },
    },
    {
        "name": "cancel",
        "title": "Cancel a job",
        "description": "Cancel a job that waits or is drawn. Its pictures are lost.",
        "inputSchema": {
            "type": "object",
            "properties": {"id": _JOB_ID},
            "required": ["id"],
            "additionalProperties": False,
        },
        "outputSchema": JOB_SCHEMA,
        "annotations": {
            "title": "Cancel a job",
            "readOnlyHint": False,
            "destructiveHint": True,
            "idempotentHint": True,
            "openWorldHint": False,
        },
    },
)
