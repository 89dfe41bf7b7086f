"""How well an sdapi server honours each parameter, and which operations it can do; pure functions."""

from __future__ import annotations

from engines.remote.manner import CFG_LEAST_TO_VARY, DRAFT_STEPS
from engines.sdapi.live import Kind
from engines.sdapi.wanted import SdapiManner, drawn_by, varies
from limner.engine import Brief, Capabilities, Level

#: at this guidance and below, a negative prompt is not read
CFG_UNGUIDED = 1.0


def capabilities(
    manner: SdapiManner, kind: Kind, *, tiles: bool, tells: bool, enlarges: bool, describes: bool
) -> Capabilities:
    """Return what a server of this kind can do.

    ``tells``: it reports its drawings' progress · ``enlarges``: it has the operator's upscaler.
    """
    return Capabilities(
        chaos="near" if kind == "task" else "none",
        stylize="near" if manner.cfg >= CFG_LEAST_TO_VARY else "none",
        style="near",
        niji="exact" if manner.niji_checkpoint else "near",
        tile="exact" if tiles else "none",
        references="near",
        iw="near",
        negative="exact" if manner.cfg > CFG_UNGUIDED else "none",
        count="exact",
        quality="near",
        draft="near" if manner.steps > DRAFT_STEPS else "none",
        upscale_subtle="exact" if enlarges else "near",
        upscale_creative="near",
        edit="exact",
        blend="near",
        describe="near" if describes else "none",
        cancel=tells,
        previews=tells,
    )


def otherwise(
    brief: Brief, manner: SdapiManner, kind: Kind, *, as_sized: bool, as_seeded: bool
) -> dict[str, Level]:
    """Return the levels that a drawing had otherwise than ``capabilities`` says.

    ``as_sized``, ``as_seeded``: the server drew in the size, and from the seeds, that it was asked for.
    """
    levels: dict[str, Level] = {}
    if not as_sized:
        levels["size"] = "near"
    # With chaos a cell varies the first one's seed: alone, its own would give another picture.
    if not as_seeded or (varies(brief) and kind == "task"):
        levels["seed"] = "near"
    if brief.chaos is not None and len(brief.seeds) == 1:
        levels["chaos"] = "none"
    if brief.model and kind == "blind":
        levels["version"] = "none"
    if brief.niji and manner.niji_checkpoint and drawn_by(brief, manner) != manner.niji_checkpoint:
        levels["niji"] = "near"
    return levels
