"""How busy a pool of engines is kept: two ComfyUI stand-ins and one rehearsal engine, 500 jobs."""

from __future__ import annotations

import time
from typing import Any

from bench.place import Figure, accept_many, figure, limner, say
from tests.acceptance.house import House
from tests.acceptance.load import stage, wait_for_all
from tests.standins.comfyui import Comfy

JOBS = 500
COMFY_S, STAGE_S, STAGE_SLOTS = 1.0, 0.8, 5
#: a ComfyUI server draws one prompt at a time; with a second slot, the next is queued when it ends
DRAWS_AT_ONCE = {"left": 1, "right": 1, "stage": STAGE_SLOTS}

POOL = """
[[engine]]
name = "left"
driver = "comfyui"
url = "{left}"
checkpoint = "sd15.safetensors"
fast = {{ slots = 2 }}

[[engine]]
name = "right"
driver = "comfyui"
url = "{right}"
checkpoint = "sd15.safetensors"
fast = {{ slots = 2 }}
"""
NOTE = "busy share of each engine's capacity, by its own clock, until the last start"

#: the start and the end of a drawing, in seconds since 1970
Span = tuple[float, float]


def measure() -> list[Figure]:
    """Measure the share of the pool's capacity that was used."""
    left, right = Comfy(seconds=COMFY_S, steps=2), Comfy(seconds=COMFY_S, steps=2)
    with (
        left,
        right,
        limner(
            engines=POOL.format(left=left.url, right=right.url)
            + stage(STAGE_S, 1, fast=STAGE_SLOTS, relaxed=0)
        ) as house,
    ):
        for _ in range(2):
            house.start_worker("fast")
        accept_many(house, 30)
        _drawn_all(house)
        warm = {name: set(server.history) for name, server in (("left", left), ("right", right))}
        house.ledger.write_text("")
        jobs = accept_many(house, JOBS)
        _drawn_all(house)
        records = [house.store.jobs.get(job) for job in jobs]
        spans = {
            "left": _comfy_spans(left, warm["left"]),
            "right": _comfy_spans(right, warm["right"]),
            "stage": _stage_spans(house.drawn()),
        }
    assert all(record.status == "done" for record in records), "a job failed"
    began = min(start for each in spans.values() for start, _ in each)
    last = max(record.started_at.timestamp() for record in records if record.started_at)
    shares = {
        name: sum(max(min(end, last) - start, 0.0) for start, end in spans[name])
        / (at_once * (last - began))
        for name, at_once in DRAWS_AT_ONCE.items()
    }
    total = sum(DRAWS_AT_ONCE.values())
    busy = sum(shares[name] * at_once for name, at_once in DRAWS_AT_ONCE.items()) / total
    each = ", ".join(
        f"{name} {len(spans[name])} jobs {share:.3f}" for name, share in shares.items()
    )
    say(f"pool: busy {busy:.3f} over {last - began:.0f} s; {each}")
    return [figure("pool_slots_busy", [busy], ">= 0.95", f"{NOTE}; {each}")]


def _drawn_all(house: House) -> None:
    wait_for_all(house)
    # A job may move from one count to the other between two reads.
    time.sleep(0.5)
    wait_for_all(house)


def _comfy_spans(server: Comfy, before: set[str]) -> list[Span]:
    """Return when each prompt was drawn, by the server's own record."""
    spans = []
    for prompt, entry in server.history.items():
        if prompt not in before:
            at = {kind: data["timestamp"] / 1000 for kind, data in _timed(entry)}
            spans.append((at["execution_start"], at["execution_success"]))
    return spans


def _timed(entry: Any) -> list[tuple[str, dict[str, float]]]:
    return [(kind, data) for kind, data in entry["status"]["messages"] if "timestamp" in data]


def _stage_spans(ledger: list[dict[str, Any]]) -> list[Span]:
    """Return when each job was drawn, by the ledger; an end that was noticed late is corrected."""
    starts = [(line["job"], line["at"]) for line in ledger if line["what"] == "start"]
    ends = {line["job"]: line["at"] for line in ledger if line["what"] == "end"}
    return [(at, min(ends[job], at + STAGE_S)) for job, at in starts]
