"""Detect changes of an engine's settings without storing them, by a fingerprint.

Called by ``limner/store/engines/__init__.py`` when a worker registers its engines. The driver's own options count,
with what they refer to: a new key in the same variable, or another workflow in the same file, is a change.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from limner.settings import EngineSettings

#: bytes; enough to notice a change, and too few to reveal a secret
SIZE = 4
#: for a longer file (a model), size and modification time count
READ_MAX_BYTES = 1_000_000


def fingerprint(engine: EngineSettings, environ: Mapping[str, str] = os.environ) -> str:
    """Return hex digits that change with the engine's options and with what they refer to."""
    known = [
        dict(engine.options),
        list(_referred_to(engine.options, environ)),
        # Engines without any keep the mark that they had before there were versions.
        *([dict(engine.versions)] if engine.versions else []),
    ]
    text = json.dumps(known, sort_keys=True, default=str)
    return blake2b(text.encode(errors="replace"), digest_size=SIZE).hexdigest()


def _referred_to(options: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of variables (``…_env``) and the contents of files."""
    for name, value in sorted(options.items()):
        for text in value.values() if isinstance(value, Mapping) else [value]:
            if name.endswith("_env"):
                yield environ.get(str(text), "")
            elif isinstance(text, str):
                yield _content(text)


def _content(path: str) -> str:
    """Return a file's content; "" if there is no such file, or it cannot be read."""
    try:
        file = Path(path).expanduser()
        if not file.is_file():
            return ""
        facts = file.stat()
        if facts.st_size > READ_MAX_BYTES:
            return f"{facts.st_size} {facts.st_mtime_ns}"
        return file.read_bytes().hex()
    # An invalid path (with a NUL, or an unknown user) is not a file's.
    except (OSError, ValueError, RuntimeError):
        return ""
