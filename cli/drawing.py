"""``limner draw``, ``press`` and ``follow``: ask for a drawing over HTTP, watch it, and save the picture."""

from __future__ import annotations

import argparse
import base64
import re
import uuid
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from cli import show
from cli.caller import calling
from cli.watching import DONE, FAILED, JOBS, board, news
from limner.errors import ConfigError, LimnerError
from limner.printing import clean, document, line
from net.calling import CallRefused, Calls

API = "/draw/midjourney"
#: a reference of `imageList` may have at most that many bytes
REFERENCE_BYTES = 10_000_000
#: the name of a picture's format in Pillow → the ending of its file
ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}

#: what `draw` passes on → its name on the wire; the gateway checks the values
FIELDS = {
    "ar": "ar",
    "chaos": "chaos",
    "stylize": "stylize",
    "style": "style",
    "niji": "isNiji",
    "tile": "isTile",
    "iw": "iw",
    "seed": "seed",
    "negative": "negative",
    "count": "count",
    "size": "size",
    "version": "version",
    "quality": "quality",
    "weird": "weird",
    "raw": "raw",
    "draft": "draft",
    "hd": "hd",
    "style_weight": "styleWeight",
    "object_weight": "objectWeight",
    "engine": "engine",
    "deadline": "deadline",
    "callback_url": "callBackUrl",
    "extra": "extra",
    "tag": "tag",
}
#: the same of pictures, which are files or URLs
PICTURES = {"image": "imageList", "style_ref": "styleRefs", "object_ref": "objectRefs"}
#: the same of `press`
PRESSED = {
    "cell": "cell",
    "kind": "kind",
    "scale": "scale",
    "direction": "direction",
    "prompt": "promptEn",
    "callback_url": "callBackUrl",
    "extra": "extra",
    "tag": "tag",
}


def draw(options: argparse.Namespace) -> int:
    """Ask for a drawing, watch it, and save its picture; exit code 1 if it failed."""
    _check_out(options.out)
    body = {
        "promptEn": options.prompt,
        "fast": _fast(options),
        "tag": uuid.uuid4().hex,
        **_chosen(options, FIELDS),
        **{
            field: [_picture(given) for given in getattr(options, name)]
            for name, field in PICTURES.items()
            if getattr(options, name)
        },
    }
    path = f"{API}/origin/imagine" if options.origin else f"{API}/imagine"
    if options.origin:
        body.pop("isNiji", None)
    with calling(options) as calls:
        if options.dry_run:
            plan = calls.post(path, body | {"dryRun": True})
            if options.json:
                document(plan)
            else:
                show.facts(plan | {"applied": _applied(plan.get("applied"))})
            return 0
        # Safe to be sent twice, by whoever sends it.
        return _watched(calls, calls.post(path, body, key=body["tag"]), options)


def press(options: argparse.Namespace) -> int:
    """Press a button of a job that is done, watch the new job, and save its picture."""
    _check_out(options.out)
    with calling(options) as calls:
        parent = find(calls, options.job)
        tag = uuid.uuid4().hex
        body = {
            "buttonType": options.button,
            "messageId": parent["id"],
            "tag": tag,
            "fast": _fast(options) if options.fast or options.relaxed else parent["fast"],
            **_chosen(options, PRESSED),
        }
        if options.mask:
            body["mask"] = _picture(options.mask)
        try:
            made = calls.post(f"{API}/button", body, key=tag)["data"]
        except CallRefused as error:
            if error.status != 409 and "buttonType" not in error.fields:
                raise
            is_open = ", ".join(parent["buttons"]) or "none"
            raise CallRefused(
                error.status, f"{error.message.rstrip('.')} (open buttons: {is_open})", error.fields
            ) from error
        return _watched(calls, made, options)


def follow(options: argparse.Namespace) -> int:
    """Watch a job to its end; with ``--out``, save its picture. Exit code 1 if it failed."""
    _check_out(options.out)
    with calling(options) as calls:
        return _watched(calls, find(calls, options.job), options)


def find(calls: Calls, name: str) -> dict[str, Any]:
    """Return the caller's job with that id, or else the newest one with that tag.

    Raises:
        CallRefused: there is none.
    """
    if not re.fullmatch(r"[0-9a-fA-F-]{32,36}", name):
        raise CallRefused(404, f"There is no such job: {name!r} is neither an id nor a tag.", {})
    try:
        found: dict[str, Any] = calls.get(f"{JOBS}/{name}")
    except CallRefused as error:
        if error.status != 404:
            raise
        found = calls.get(f"{API}/find/by/{name}")
    return found


def _watched(calls: Calls, begun: Mapping[str, Any], options: argparse.Namespace) -> int:
    if getattr(options, "no_wait", False):
        return show.outcome(options, str(begun["id"]), begun)
    screen, job = board(), begun
    try:
        screen.say(f"job {job['id']}")
        for job in news(calls, begun):
            screen.show(job)
    except KeyboardInterrupt:
        screen.say(f"The job goes on: `limner follow {job['id']}`, or `limner cancel {job['id']}`.")
        raise
    finally:
        screen.end()
    saved = None
    if job["status"] == DONE and job["url"] and not _only_watched(options):
        saved = _save(calls.picture(job["url"]), options.out, str(job["id"]))
    if options.json:
        document({**job, "saved": str(saved) if saved else None})
        return 1 if job["status"] == FAILED else 0
    if job["status"] == FAILED:
        raise LimnerError(f"the job failed, {job['reasonCode']}: {clean(str(job['reason']))}")
    _tell(job, saved)
    return 0


def _only_watched(options: argparse.Namespace) -> bool:
    return options.command == "follow" and options.out is None


def _tell(job: Mapping[str, Any], saved: Path | None) -> None:
    if missed := [name for name, level in (job.get("applied") or {}).items() if level == "none"]:
        line(f"not applied by {job['engine']}: {', '.join(missed)}")
    for number, prompt in enumerate(job.get("prompts") or [], start=1):
        line(f"{number}. {prompt}")
    if saved:
        line(f"saved {saved} ({job['width']} x {job['height']})")
    elif job["url"]:
        line(str(job["url"]))


def _save(data: bytes, out: str | None, job_id: str) -> Path:
    """Write the picture, in the format that the file's ending names, and return the file."""
    try:
        with Image.open(BytesIO(data)) as picture:
            found = picture.format or ""
            if out is None:
                path = Path(f"limner-{job_id[:8]}{ENDINGS.get(found, '.png')}")
            else:
                path = Path(out)
            wanted = FORMATS[path.suffix.lower()]
            if wanted != found:
                buffer = BytesIO()
                picture.convert("RGB").save(buffer, wanted, quality=92)
                data = buffer.getvalue()
    except (OSError, Image.DecompressionBombError) as error:
        raise LimnerError(f"the picture cannot be read: {error}") from error
    path.write_bytes(data)
    return path


def _check_out(out: str | None) -> None:
    """Refuse a file that could not be written once the picture is there.

    Raises:
        ConfigError: its ending names no format, or its folder cannot be written.
    """
    if out is None:
        return
    path = Path(out)
    if path.suffix.lower() not in FORMATS:
        raise ConfigError("--out", f"must end in {', '.join(FORMATS)} (it is {out!r})")
    if not path.parent.is_dir() or path.is_dir():
        raise ConfigError("--out", f"must be a file in a folder that exists (it is {out!r})")


def _fast(options: argparse.Namespace) -> bool:
    if options.fast and options.relaxed:
        raise ConfigError("--relaxed", "cannot be given with --fast")
    return not options.relaxed


def _chosen(options: argparse.Namespace, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what the command line gives, by its name on the wire."""
    given = {field: getattr(options, name) for name, field in names.items()}
    return {field: value for field, value in given.items() if value not in (None, False)}


def _picture(given: str) -> str:
    """Return a reference picture as the wire takes it: a URL as it is, a file in base64.

    Raises:
        ConfigError: the file is too large.
    """
    if given.startswith(("http://", "https://", "data:")):
        return given
    path = Path(given)
    with path.open("rb") as file:
        data = file.read(REFERENCE_BYTES + 1)
    if len(data) > REFERENCE_BYTES:
        raise ConfigError(given, f"is larger than {REFERENCE_BYTES // 10**6} MB")
    return base64.b64encode(data).decode()


def _applied(applied: Mapping[str, str] | None) -> str:
    return ", ".join(f"{name}: {level}" for name, level in (applied or {}).items())
