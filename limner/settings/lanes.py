"""The settings of the lanes: how many jobs wait and are drawn, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from limner.settings import values
from limner.settings.setting import setting


@dataclass(frozen=True)
class LaneSettings:
    """How many jobs wait and are drawn, and for how long."""

    fast_slots: int = setting(2, values.whole(0, 10_000), "slots of the built-in engine, fast lane")
    fast_gap_s: float = setting(
        0.0, values.seconds(0, 86_400), "minimum seconds between two of its fast starts"
    )
    relaxed_slots: int = setting(
        1, values.whole(0, 10_000), "slots of it that the relaxed lane may use"
    )
    relaxed_gap_s: float = setting(
        0.0, values.seconds(0, 86_400), "minimum seconds between two of its relaxed starts"
    )
    worker_threads: int = setting(
        500, values.whole(1, 5_000), "concurrent drawings in one lane worker"
    )
    lease_s: float = setting(
        15.0,
        values.seconds(1, 600),
        "lease of a drawing: a worker without a heartbeat for this long loses it",
    )
    tick_s: float = setting(
        5.0, values.seconds(0.5, 60), "seconds between two sweeps for lost messages"
    )
    progress_limit_s: float = setting(
        120.0, values.seconds(1, 86_400), "a drawing without progress for this long is stuck"
    )
    drawing_limit_s: float = setting(900.0, values.seconds(1, 86_400), "time limit of a drawing")
    waiting_limit_s: float = setting(
        86_400.0, values.seconds(1, 2_592_000), "time limit of a job's wait for an engine"
    )
    engine_absent_s: float = setting(
        900.0,
        values.seconds(60, 2_592_000),
        "an engine that no running worker has had for so long is forgotten; jobs for it alone fail",
    )
    waiting_cap: int = setting(
        100_000,
        values.whole(1, 10_000_000),
        "most waiting jobs of a client without a cap of its own",
    )
    currency: str = setting(
        "",
        values.currency,
        "of prices, costs and budgets: `EUR`. Shown as it stands, never converted",
    )
