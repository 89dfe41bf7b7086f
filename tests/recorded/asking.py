"""The words in which scenes are written: one function for each kind of step; used by ``scenes.py``."""

from __future__ import annotations

from typing import Any

from tests.recorded.house import TOKENS

#: a verb of the house, and its arguments
Do = tuple[str, dict[str, Any]]

DRAW = "/draw/midjourney"
TAG = "0123456789abcdef0123456789abcdef"
OTHER_TAG = "fedcba9876543210fedcba9876543210"
DASHED_TAG = "01234567-89ab-cdef-0123-456789abcdef"
#: one grey pixel
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2rlMxwAAAABJRU5ErkJggg=="
)
LINK = "https://pictures.example/fox.png"
PLAIN = {"promptEn": "a lighthouse at dusk", "fast": True, "tag": TAG}
ALL_14 = {
    "promptEn": "a lighthouse at dusk, waves",
    "prompt": "黄昏的灯塔",
    "fast": False,
    "tag": DASHED_TAG,
    "callBackUrl": "https://hooks.example/mine?order=7",
    "isNiji": False,
    "ar": "3:2",
    "chaos": 25,
    "stylize": 250,
    "style": "raw",
    "isTile": True,
    "iw": 1.25,
    "imageList": [LINK, f"data:image/png;base64,{PIXEL}", PIXEL],
    "extra": '{"order": 7, "note": "caf\u00e9"}',
}


def ask(method: str, path: str, body: Any = None, as_: str = "ann", **headers: str) -> Do:
    """Ask as a client; headers are written with underscores."""
    sent = {"token": TOKENS[as_]} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    asked = {"method": method, "path": DRAW + path, "headers": sent}
    return "ask", asked | ({} if body is None else {"json": body})


def imagine(as_: str = "ann", **fields: Any) -> Do:
    """Ask for the simplest drawing, with these fields besides; ``...`` leaves one out."""
    body = {name: value for name, value in (PLAIN | fields).items() if value is not ...}
    return ask("POST", "/imagine", body, as_)


def typed(prompt: str) -> Do:
    return imagine(promptEn=prompt)


def origin(**fields: Any) -> Do:
    return ask("POST", "/origin/imagine", PLAIN | fields)


def press(button: Any, job: str = "<job 1>", as_: str = "ann", **fields: Any) -> Do:
    body = {"buttonType": button, "messageId": job, "tag": OTHER_TAG, "fast": True} | fields
    return ask("POST", "/button", body, as_)


def refresh(tag: str = TAG, as_: str = "ann", **headers: str) -> Do:
    return ask("POST", "/refresh", {"tag": tag}, as_, **headers)


def look(job: str = "<job 1>", more: str = "", as_: str = "ann", **headers: str) -> Do:
    return ask("GET", f"/jobs/{job}{more}", None, as_, **headers)


def raw(data: str, content_type: str | None = "application/json", **headers: str) -> Do:
    """Send a body as it is."""
    verb, asked = ask("POST", "/imagine", **headers)
    asked["headers"] |= {"Content-Type": content_type} if content_type else {}
    return verb, asked | {"data": data}


def unknown(method: str, path: str, **headers: str) -> Do:
    """Ask with these headers alone."""
    return "ask", {"method": method, "path": path, "headers": headers}


def draw(job: str = "<job 1>") -> Do:
    return "draw", {"job": job}
