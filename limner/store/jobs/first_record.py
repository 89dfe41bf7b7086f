"""What the record of a newly accepted job has beside its request; used by ``Jobs.accept``."""

from __future__ import annotations

from limner.compact_json import compact_json
from limner.followup import FollowUp
from limner.job import Picture


def more_of(
    destination: str | None, follow_up: FollowUp | None, picked: Picture | None
) -> dict[str, str]:
    """Return where its callbacks go, what it follows up, and the picture with which it is done at once."""
    record = {} if destination is None else {"dest": destination}
    if follow_up:
        record |= {"draw_type": follow_up.button, "parent": follow_up.parent}
        if follow_up.engine:
            record["prefers"] = follow_up.engine
    if picked:
        record |= {"url": picked.url, "width": str(picked.width), "height": str(picked.height)}
        if follow_up and follow_up.can is not None:
            record["can"] = " ".join(follow_up.can)
        if follow_up and follow_up.drawn_seeds:
            record["drawn_seeds"] = compact_json(follow_up.drawn_seeds)
    return record
