"""What the dashboard shows: its rows of panels with their queries; ``dashboard.py`` makes the JSON.

Every API process tells the same, so what several of them tell is reduced by ``max`` and never added up.
"""

from __future__ import annotations

from dataclasses import dataclass

OK, POOR, BAD = "green", "orange", "red"
LANE, ENGINE = 'lane=~"$lane"', 'engine=~"$engine"'
_SLOTS = f"sum by (lane) (max by (engine, lane) (limner_engine_slots{{{LANE}}}))"
_DRAWING = f"sum by (lane) (max by (engine, lane) (limner_engine_slots_leased{{{LANE}}}))"
_WAITING = f"max by (lane) (limner_jobs_waiting{{{LANE}}})"
#: the lesser of two: what is drawn and what waits, and what the slots allow
DEMAND = f"({_DRAWING} + {_WAITING}) < {_SLOTS} or {_SLOTS}"


@dataclass(frozen=True)
class Panel:
    """One panel; ``queries``: PromQL → its legend."""

    title: str
    about: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 7
    #: from these values on, a colour; the first for all below the next
    steps: tuple[tuple[float | None, str], ...] = ((None, OK),)
    stacked: bool = False


def rate(metric: str, labels: str, *by: str) -> str:
    """Return the events a second of a counter, by all of its labels."""
    return f"max by ({', '.join(by)}) (rate({metric}{{{labels}}}[$__rate_interval]))"


def quantiles(metric: str, labels: str, *by: str) -> dict[str, str]:
    """Return the median, p95 and p99 of a histogram, by all of its labels."""
    buckets = rate(f"{metric}_bucket", labels, "le", *by)
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return {
        f"histogram_quantile({q}, {buckets})": f"p{round(q * 100)} {legend}"
        for q in (0.5, 0.95, 0.99)
    }


def stat(title: str, about: str, query: str, unit: str, *steps: tuple[float | None, str]) -> Panel:
    """Return one figure of the first row."""
    return Panel(title, about, {query: ""}, unit, "stat", width=3, height=4, steps=steps)


ROWS: dict[str, list[Panel]] = {
    "Now": [
        stat(
            "API",
            "Processes that can be scraped.",
            'sum(up{job="limner"})',
            "short",
            (None, BAD),
            (1, OK),
        ),
        stat(
            "Redis",
            "Whether it answers.",
            "min(limner_redis_up)",
            "bool_on_off",
            (None, BAD),
            (1, OK),
        ),
        stat(
            "Warnings",
            "`limner doctor` says them in words.",
            "count(max by (code, subject) (limner_warnings)) or vector(0)",
            "short",
            (None, OK),
            (1, POOR),
        ),
        stat(
            "Waiting",
            "Jobs that wait, all lanes.",
            "sum(max by (lane) (limner_jobs_waiting))",
            "short",
            (None, OK),
        ),
        stat(
            "Oldest",
            "How long the job at the head of a lane has waited.",
            "max(limner_jobs_waiting_oldest_seconds)",
            "s",
            (None, OK),
            (300, POOR),
            (900, BAD),
        ),
        stat(
            "Drawing",
            "Slots with a drawing.",
            "sum(max by (engine, lane) (limner_engine_slots_leased))",
            "short",
            (None, OK),
        ),
        stat(
            "Callbacks overdue",
            "Above 30 s nobody posts them.",
            "max(limner_callbacks_overdue_seconds)",
            "s",
            (None, OK),
            (10, POOR),
            (30, BAD),
        ),
        stat(
            "Dead letters",
            "Jobs with callbacks that were given up.",
            "max(limner_callbacks_dead_jobs)",
            "short",
            (None, OK),
            (1, POOR),
        ),
    ],
    "Lanes": [
        Panel(
            "Accepted and ended",
            "Jobs a second.",
            {
                rate("limner_jobs_accepted_total", LANE, "lane"): "accepted {{lane}}",
                f"sum by (lane, status) ({rate('limner_jobs_ended_total', LANE, 'lane', 'status', 'reason_code')})": "{{status}} {{lane}}",
            },
            "ops",
        ),
        Panel(
            "Why jobs fail",
            "Failed jobs a second, by their reason code.",
            {
                "sum by (reason_code) ("
                + rate("limner_jobs_ended_total", f'{LANE}, status="failed"', "lane", "reason_code")
                + ")": "{{reason_code}}",
            },
            "ops",
            stacked=True,
        ),
        Panel(
            "Waiting",
            "Jobs that wait for a slot.",
            {
                f"max by (lane) (limner_jobs_waiting{{{LANE}}})": "{{lane}}",
            },
            stacked=True,
        ),
        Panel(
            "Oldest waiting",
            "How long the job at the head of the lane has waited.",
            {
                f"max by (lane) (limner_jobs_waiting_oldest_seconds{{{LANE}}})": "{{lane}}",
            },
            "s",
        ),
        Panel(
            "Wait",
            "From acceptance to the first slot.",
            quantiles("limner_job_wait_seconds", LANE, "lane"),
            "s",
        ),
        Panel(
            "Demand",
            "What a lane could draw at once: waiting and drawing jobs, at most its slots. "
            "Kubernetes scales lane workers by it.",
            {DEMAND: "{{lane}}"},
        ),
        Panel(
            "Workers",
            "With a heartbeat within their lease.",
            {
                f"max by (lane) (limner_workers{{{LANE}}})": "{{lane}}",
            },
        ),
        Panel(
            "Stalled",
            "How long a lane has started nothing although slots are free.",
            {
                f"max by (lane) (limner_lane_stalled_seconds{{{LANE}}})": "{{lane}}",
            },
            "s",
        ),
        Panel(
            "Returned",
            "Jobs a second that went back to their lane: an engine or a worker was lost or busy.",
            {
                rate("limner_jobs_returned_total", LANE, "lane"): "{{lane}}",
            },
            "ops",
        ),
    ],
    "Engines": [
        Panel(
            "Slots in use",
            "Of the slots of an engine in a lane.",
            {
                f"max by (engine, lane) (limner_engine_slots_leased{{{ENGINE}, {LANE}}}) / "
                f"(max by (engine, lane) (limner_engine_slots{{{ENGINE}, {LANE}}}) > 0)": "{{engine}} {{lane}}",
            },
            "percentunit",
        ),
        Panel(
            "Draw",
            "From the first slot to the pictures, for jobs that are done.",
            quantiles("limner_job_draw_seconds", f"{ENGINE}, {LANE}", "engine", "lane"),
            "s",
        ),
        Panel(
            "State",
            "1 for the state that an engine is in.",
            {
                f"max by (engine, state) (limner_engine_state{{{ENGINE}}}) == 1": "{{engine}} {{state}}",
            },
            stacked=True,
        ),
        Panel(
            "Free slots",
            "Drawings that an engine would accept now.",
            {
                f"max by (engine, lane) (limner_engine_slots_free{{{ENGINE}, {LANE}}})": "{{engine}} {{lane}}",
            },
        ),
        Panel(
            "Paused",
            "How much longer an engine rests after a failure.",
            {
                f"max by (engine) (limner_engine_paused_seconds{{{ENGINE}}})": "{{engine}}",
            },
            "s",
        ),
        Panel(
            "Halted",
            "Lanes, engines and clients that an operator has paused or drains.",
            {
                "max by (what, name, how) (limner_halted)": "{{what}} {{name}} {{how}}",
            },
        ),
    ],
    "Callbacks": [
        Panel(
            "Attempts",
            "Attempts a second to post a callback.",
            {
                rate("limner_callback_attempts_total", "", "outcome"): "{{outcome}}",
            },
            "ops",
            stacked=True,
        ),
        Panel(
            "Lag",
            "Of delivered callbacks, from the event to the receiver's 2xx.",
            quantiles("limner_callback_lag_seconds", "", "kind"),
            "s",
        ),
        Panel(
            "Pending and dead",
            "Jobs with callbacks to post now or later, and with dead letters.",
            {
                "max(limner_callbacks_pending_jobs)": "pending",
                "max(limner_callbacks_dead_jobs)": "dead",
            },
        ),
    ],
    "The house": [
        Panel(
            "Failed requests",
            "Requests for drawings a second that ended in a 5xx.",
            {
                rate("limner_requests_failed_total", "", "status"): "{{status}}",
            },
            "ops",
            width=6,
        ),
        Panel(
            "Refused for want of room",
            "Requests a second.",
            {
                rate("limner_requests_refused_total", "", "why"): "{{why}}",
            },
            "ops",
            width=6,
        ),
        Panel(
            "Wrong tokens",
            "Attempts a second, by where they were tried.",
            {
                f"sum by (door) ({rate('limner_tokens_rejected_total', '', 'door', 'slowed')})": "{{door}}",
            },
            "ops",
            width=6,
        ),
        Panel(
            "Sweeps",
            "A minute; at none, what is lost stays lost.",
            {
                "60 * max(rate(limner_ticks_total[$__rate_interval]))": "sweeps",
            },
            width=6,
        ),
        Panel(
            "Redis's memory",
            "At its limit Redis refuses to write.",
            {
                "max(limner_redis_memory_bytes)": "used",
                "max(limner_redis_memory_limit_bytes)": "limit",
            },
            "bytes",
            width=6,
        ),
        Panel(
            "Inline pictures",
            "What clients' inline pictures take: of jobs in progress, and of ended ones.",
            {
                "max by (client, state) (limner_inline_bytes)": "{{client}} {{state}}",
            },
            "bytes",
            width=6,
            stacked=True,
        ),
        Panel(
            "Foreign messages",
            "Messages a second that were not Limner's.",
            {
                rate("limner_messages_set_aside_total", "", "queue", "why"): "{{queue}} {{why}}",
            },
            "ops",
            width=6,
        ),
        Panel(
            "Warnings",
            "The current ones.",
            {
                "max by (code, subject) (limner_warnings)": "{{code}} {{subject}}",
            },
            width=6,
            stacked=True,
        ),
    ],
}
