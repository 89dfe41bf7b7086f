"""What a job costs end to end beside what its pictures cost, and what happens when they come faster than they are stored.

Photographs are noise with a photograph's spectrum and grain: as a PNG they take as many bytes, and as long, as
photographs from a camera. Cards are the rehearsal engine's, flat as a diagram.
"""

from __future__ import annotations

import contextlib
import io
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image, PngImagePlugin

from bench.place import Figure, figure, limner, say
from limner.pictures.editing import encode_png, grid
from tests.acceptance.house import House
from tests.acceptance.load import rss_bytes, stage, wait_for_all
from tests.acceptance.receiver import Receiver
from tests.conftest import wait_until

#: the sides of the four cells of a job: of today's models, and as is usual if a job asks for no size
LARGE_PX, USUAL_PX, CELLS = 1024, 512, 4
ROUNDS, JOBS, WARM = 5, 40, 8
#: as many slots as drawings that end at once, on an engine that takes a second
SLOTS, DRAWING_S, FLOOD = 8, 1.0, 240
FLOOR_TRIES = 15
#: of the spectrum and the grain; at these a PNG of ours takes 1.5 bytes a pixel, as of a camera's picture
POWER, CONTRAST, GRAIN = 1.6, 50.0, 0.3
#: what ComfyUI writes into its pictures, so that there is something to take out
WORKFLOW = '{"3": {"class_type": "KSampler"}}' * 40

SIDES_PX = (LARGE_PX, USUAL_PX)
#: the cells of a job, by their side
Drawn = dict[int, list[bytes]]
ONE_WORKER = "one worker process"

ENGINE = """
[[engine]]
name = "photographs"
driver = "photographs"
folder = "{folder}"
seconds = {seconds}
fast = {{ slots = {slots} }}
"""
#: what makes the driver known to the worker
ENTRY_POINT = "[limner.engines]\nphotographs = bench.photographs:build\n"


def measure() -> list[Figure]:
    """Measure photographs and cards."""
    drawn = {
        side_px: [_file(photograph(seed, side_px)) for seed in range(CELLS)] for side_px in SIDES_PX
    }
    with _photographs(drawn, 0.0) as house:
        large = [_round(house, drawn, LARGE_PX, JOBS // 2) for _ in range(ROUNDS)]
        usual = [_round(house, drawn, USUAL_PX, JOBS) for _ in range(ROUNDS)]
    with limner(engines=stage(0.0, 0, fast=SLOTS, relaxed=0)) as house:
        _started(house)
        _told(house, WARM, USUAL_PX)
        cards = [_told(house, JOBS, USUAL_PX) for _ in range(ROUNDS)]
    about = "CPU of a job ÷ its pictures decoded and encoded once"
    return [
        figure(
            "pipeline_vs_floor",
            [each.cost_s / each.floor_s for each in large],
            "<= 1.5",
            f"{about}, cells of {LARGE_PX}²: {_median_ms(each.floor_s for each in large):.0f} ms",
        ),
        figure(
            "pipeline_vs_floor_512",
            [each.cost_s / each.floor_s for each in usual],
            "report",
            f"the same, cells of {USUAL_PX}²: {_median_ms(each.floor_s for each in usual):.0f} ms",
        ),
        figure("photos_cpu_ms", [each.cost_s * 1000 for each in usual], "report"),
        figure("photos_a_minute", [each.a_minute for each in usual], "report", ONE_WORKER),
        figure("photos_1024_a_minute", [each.a_minute for each in large], "report", ONE_WORKER),
        figure("cards_cpu_ms", [cost_s * 1000 for cost_s, _ in cards], "report"),
        figure("cards_a_minute", [a_minute for _, a_minute in cards], "report", ONE_WORKER),
        *_flood(drawn),
    ]


@dataclass(frozen=True, slots=True)
class Round:
    """What one job cost, what its pictures must cost, and how many were drawn."""

    cost_s: float
    floor_s: float
    a_minute: float


def _round(house: House, drawn: Drawn, side_px: int, jobs: int) -> Round:
    _told(house, WARM, side_px)
    floor_s = _floor_s(drawn[side_px])
    cost_s, a_minute = _told(house, jobs, side_px)
    say(
        f"pictures of {side_px}: {cost_s * 1000:.0f} ms CPU a job, {floor_s * 1000:.0f} ms at least,"
        f" {a_minute:.0f} a minute"
    )
    return Round(cost_s, floor_s, a_minute)


def _median_ms(seconds: Iterable[float]) -> float:
    return statistics.median(seconds) * 1000


def _flood(drawn: Drawn) -> list[Figure]:
    """Measure an engine that draws photographs faster than they could once be stored."""
    with _photographs(drawn, DRAWING_S) as house:
        worker = next(run.pid for name, run in house.running.items() if name.startswith("fast"))
        _told(house, SLOTS, USUAL_PX)
        with _Peak(worker) as peak:
            jobs = [house.imagine(size=f"{USUAL_PX}x{USUAL_PX}")["id"] for _ in range(FLOOD)]
            wait_for_all(house)
        records = [house.store.jobs.get(job) for job in jobs]
    assert all(record.status == "done" for record in records), "a job failed"
    drawn_s = [
        (record.finished_at - record.started_at).total_seconds()
        for record in records
        if record.finished_at and record.started_at
    ]
    note = f"{FLOOD} jobs of {DRAWING_S:g} s on {SLOTS} slots"
    say(f"pictures: mean {statistics.fmean(drawn_s):.1f} s, {peak.bytes / 1e6:.0f} MB")
    return [
        figure("flood_draw_s", [statistics.fmean(drawn_s)], "report", f"mean of {note}"),
        figure("flood_worker_mb", [peak.bytes / 1e6], "report", "resident, at most"),
    ]


def _told(house: House, jobs: int, side_px: int) -> tuple[float, float]:
    """Draw so many jobs, through the API and with callbacks; return the CPU seconds of each, and jobs a minute.

    Counted is every process of ours, and Redis.
    """
    with Receiver() as receiver:
        before_s, began = _cpu_s(house), time.monotonic()
        asked = {"callBackUrl": receiver.url, "size": f"{side_px}x{side_px}"}
        ids = [house.imagine(**asked)["id"] for _ in range(jobs)]
        wait_for_all(house)
        took_s = time.monotonic() - began
        wait_until(lambda: all(receiver.ended(job) for job in ids), 60, "the last callback")
        used_s = _cpu_s(house) - before_s
    assert all(house.store.jobs.get(job).status == "done" for job in ids), "a job failed"
    return used_s / jobs, jobs / took_s * 60


def _floor_s(cells: list[bytes]) -> float:
    """Return the CPU seconds of decoding the cells once and encoding as many pixels once."""
    took_s = []
    for _ in range(FLOOR_TRIES):
        before = resource.getrusage(resource.RUSAGE_SELF)
        pictures = [Image.open(io.BytesIO(cell)) for cell in cells]
        for picture in pictures:
            picture.load()
            encode_png(picture)
        after = resource.getrusage(resource.RUSAGE_SELF)
        took_s.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(took_s)


@contextlib.contextmanager
def _photographs(drawn: Drawn, seconds: float) -> Iterator[House]:
    """Run a whole Limner on an engine that yields these cells, by their side."""
    with tempfile.TemporaryDirectory(prefix="limner-photographs-") as made:
        _install(Path(made), drawn)
        tables = ENGINE.format(folder=made, seconds=seconds, slots=SLOTS)
        with limner(engines=tables) as house:
            house.environ["PYTHONPATH"] = made
            _started(house)
            yield house


def _started(house: House) -> None:
    house.start_all()
    house.wait_for_engines()


def _install(folder: Path, drawn: Drawn) -> None:
    """Write the engine's pictures, and the entry point by which a worker finds its driver."""
    about = folder / "photographs-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: photographs\nVersion: 1\n")
    (about / "entry_points.txt").write_text(ENTRY_POINT)
    for side_px, cells in drawn.items():
        for number, cell in enumerate(cells, start=1):
            (folder / f"{side_px}-{number}.png").write_bytes(cell)
    whole = grid([Image.open(io.BytesIO(cell)) for cell in drawn[USUAL_PX]])
    whole.reduce(4).save(folder / "preview.jpg", quality=80)


def _file(picture: Image.Image) -> bytes:
    """Return a picture as ComfyUI writes it: its own level, and the whole graph as a text."""
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", WORKFLOW)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=4, pnginfo=text)
    return buffer.getvalue()


def photograph(seed: int, side_px: int) -> Image.Image:
    """Return a picture that costs what a photograph costs; the same for the same seed."""
    random = np.random.default_rng(seed)
    shape = (side_px, side_px)
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(side_px), np.fft.fftfreq(side_px)))
    frequencies[0, 0] = 1
    common = random.standard_normal(shape)
    channels = []
    for _ in range(3):
        # The channels of a photograph are much alike.
        noise = common + 0.2 * random.standard_normal(shape)
        seen = np.fft.ifft2(np.fft.fft2(noise) / frequencies**POWER).real
        seen = (seen - seen.mean()) / seen.std() * CONTRAST + 128
        channels.append(seen + GRAIN * random.standard_normal(shape))
    return Image.fromarray(np.dstack(channels).clip(0, 255).astype(np.uint8))


def _cpu_s(house: House) -> float:
    times = []
    for process in house.running.values():
        parent = psutil.Process(process.pid)
        times += [member.cpu_times() for member in (parent, *parent.children(recursive=True))]
    return sum(each.user + each.system for each in times)


class _Peak(threading.Thread):
    """Samples the memory of a process while the block runs."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.bytes = 0

    def run(self) -> None:
        while not self._ended.wait(0.1):
            self.bytes = max(self.bytes, rss_bytes(self._pid))

    def __enter__(self) -> _Peak:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
