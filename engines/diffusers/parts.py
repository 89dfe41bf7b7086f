"""Look whether all parts of a pipeline lie in its folder: so that health can say what is missing.

Weights are looked for as the library does: by variant, in one file or in several, in pickle files only if
the operator allows them. Called by ``model``; no torch here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SAFE, PICKLED = ".safetensors", ".bin"
#: of a part that has weights; of others, as tokenizers and schedulers, the names differ
CONFIG = "config.json"
_SHARD = re.compile(r"-\d+-of-\d+")


def missing_part(
    index: Mapping[str, Any], folder: Path, *, variant: str, allow_pickle: bool
) -> str | None:
    """Return what is wrong with the first incomplete part of a pipeline, or None.

    ``index``: its ``model_index.json``; ``variant``: the one to load, or "".
    """
    suffixes = (SAFE, PICKLED) if allow_pickle else (SAFE,)
    varied = False
    for name, kind in index.items():
        # Settings of the pipeline are no lists of two texts; a part that it goes without has none.
        if not (
            isinstance(kind, list) and len(kind) == 2 and all(isinstance(k, str) for k in kind)
        ):
            continue
        part = folder / name
        if not part.is_dir():
            return f"lacks its part {name}"
        if not (part / CONFIG).is_file():
            continue
        files = [path for suffix in suffixes for path in sorted(part.glob(f"*{suffix}"))]
        variants = {_variant(path.name) for path in files}
        varied |= bool(variant) and variant in variants
        if not variants & {"", variant}:
            return _without(name, part, variants, variant)
        if gone := _missing_shard(part):
            return f"lacks {name}/{gone}"
    if variant and not varied:
        return f"has no files of the variant {variant}"
    return None


def _without(name: str, part: Path, variants: set[str], variant: str) -> str:
    if variants:
        return f"has {name} only as the variant {' or '.join(sorted(variants))}, not {variant or 'plain'}"
    if any(part.glob(f"*{PICKLED}")):
        return f"has the weights of {name} only in pickle files, and allow_pickle is false"
    return f"lacks the weights of {name}"


def _variant(name: str) -> str:
    """Return the variant in a file's name: ``fp16`` of ``model.fp16-00001-of-00002.safetensors``."""
    stem = _SHARD.sub("", name.rsplit(".", 1)[0])
    return stem.partition(".")[2]


def _missing_shard(part: Path) -> str | None:
    """Return the first file that an index of shards names and that is not there."""
    for listing in sorted(part.glob("*.index*.json")):
        try:
            shards = set(json.loads(listing.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return listing.name
        # A listing of which nothing is there belongs to another variant or format.
        there = {name for name in shards if (part / str(name)).is_file()}
        if there and there != shards:
            return str(min(shards - there))
    return None
