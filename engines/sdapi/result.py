"""The end of a drawing: its pictures in their size, and what became of what was asked for; pure."""

from __future__ import annotations

from collections.abc import Sequence

from engines.remote.cells import cell
from engines.remote.levels import notes
from engines.sdapi.abilities import otherwise
from engines.sdapi.live import Kind
from engines.sdapi.wanted import SdapiManner, SdapiRequest
from limner.engine import Brief, Capabilities, Finished
from limner.pictures.decoding import size_of


def finished(
    brief: Brief,
    manner: SdapiManner,
    kind: Kind,
    can: Capabilities,
    *,
    parts: Sequence[SdapiRequest],
    drawn: Sequence[bytes],
    seeds: Sequence[int],
) -> Finished:
    """Return what a drawing ends in.

    Raises:
        BadResult: a picture is broken.
    """
    sizes = {size_of(image) for image in drawn}
    asked_px = (parts[0].body["width"], parts[0].body["height"])
    more: dict[str, object] = {"requests": len(parts)} if len(parts) > 1 else {}
    if sizes != {asked_px}:
        more["drawn"] = sorted(f"{size[0]}x{size[1]}" for size in sizes if size)
    return Finished(
        tuple(cell(image, brief.width, brief.height) for image in drawn),
        tuple(seeds),
        notes(brief, can, **more),
        otherwise(
            brief,
            manner,
            kind,
            as_sized=sizes == {asked_px},
            as_seeded=tuple(seeds) == brief.seeds,
        ),
    )
