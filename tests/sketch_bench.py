"""What a sketch drawing costs: thirty prompts through the engine, CPU, memory and time measured.

``python -m tests.sketch_bench`` prints one line a prompt, then median and worst against the budget:
6 s CPU typical and 9 s worst, 200 MB a process, the first preview typically within a tenth of the whole.
What the painting processes hold together is told, too; pages they share are in it more than once.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from dataclasses import dataclass

import psutil

from engines import load
from limner.engine import Brief, Engine, Finished, Preview
from limner.settings import EngineSettings, LaneLimits

PROMPTS = (
    "a sunset over the sea with a sailboat",
    "a black cat under the full moon",
    "double exposure portrait of a woman, forest, sunrise",
    "sand dunes in the sahara, hot air balloons",
    "saturn planet in deep space, nebula",
    "cyberpunk city at night, neon, rain",
    "northern lights over snowy mountains and a lake",
    "cherry blossom tree, pink spring morning",
    "ink wash mountains, cranes, temple",
    "milky way over snowy mountains and a lake",
    "dark fantasy castle, full moon, ravens, lightning",
    "an old lighthouse in a storm, crashing waves",
    "koi fish and lotus in a pond",
    "wolf howling at a blue moon, pine forest, mist",
    "jellyfish in the deep sea",
    "a steam train on a bridge in autumn",
    "samurai before a red sun, bamboo",
    "five elephants crossing the savanna",
    "a field of poppies and butterflies",
    "hot coffee and a book on a rainy day",
    "volcano erupting over the sea",
    "fireworks over tokyo, river, crowd",
    "mount fuji, cherry blossom, lake, birds",
    "astronaut on an alien planet, galaxy",
    "two palm trees on a beach, summer",
    "waterfall in a lush jungle, rainbow",
    "春天的湖边，一棵樱花树和两只天鹅",
    "赛博朋克城市，霓虹灯，雨夜",
    "the weight of an unwritten letter",
    "city, forest, mountains, castle, dragon, moon, flowers, birds, lanterns, snow, fireflies",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """One drawing: seconds of CPU and of time, bytes, and when the first preview came.

    That is told as a part of the CPU: others on the machine stretch the time, not the work.
    """

    cpu_s: float
    wall_s: float
    first_preview: float
    rss_bytes: int
    rss_sum_bytes: int


def main() -> int:
    """Measure every prompt; return 1 when something is over its budget."""
    engine = load(EngineSettings("sketch", "sketch", fast=LaneLimits(2, 0.0)))
    _draw(engine, "warm up")
    costs = []
    for prompt in PROMPTS:
        cost = _draw(engine, prompt)
        costs.append(cost)
        _say(
            f"{cost.cpu_s:5.2f} s CPU {cost.wall_s:5.2f} s {cost.first_preview:4.0%}  {prompt[:60]}"
        )
    engine.close()
    cpu = sorted(cost.cpu_s for cost in costs)
    most_bytes = max(cost.rss_bytes for cost in costs)
    previews = sorted(cost.first_preview for cost in costs)
    preview = statistics.median(previews)
    _say(f"CPU: median {statistics.median(cpu):.2f} s, worst {cpu[-1]:.2f} s (budget 6 and 9)")
    _say(f"memory of a painting process: {most_bytes / 1e6:.0f} MB at most (budget 200)")
    summed = max(cost.rss_sum_bytes for cost in costs)
    _say(f"memory of all painting processes, summed: {summed / 1e6:.0f} MB at most (not judged)")
    _say(f"first preview: median at {preview:.1%} (budget 10%), worst {previews[-1]:.1%}")
    over = statistics.median(cpu) > 6 or cpu[-1] > 9 or most_bytes > 200e6 or preview > 0.1
    return int(over)


def _draw(engine: Engine, prompt: str) -> Cost:
    brief = Brief("bench", prompt, prompt, "", 512, 512, (1, 2, 3, 4))
    before_s, began_s, first_s = _cpu_s(), time.monotonic(), 0.0
    for event in engine.watch(engine.submit(brief), brief, threading.Event()):
        if isinstance(event, Preview) and not first_s:
            first_s = _cpu_s() - before_s
        if isinstance(event, Finished):
            break
    wall_s = time.monotonic() - began_s
    rss = [child.memory_info().rss for child in psutil.Process().children()]
    cpu_s = _cpu_s() - before_s
    return Cost(cpu_s, wall_s, first_s / cpu_s, max(rss), sum(rss))


def _cpu_s() -> float:
    own = psutil.Process().cpu_times()
    children = (child.cpu_times() for child in psutil.Process().children())
    return own.user + own.system + sum(times.user + times.system for times in children)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
