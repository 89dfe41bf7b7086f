"""``make screenshots``: every page of the console, light and dark, wide and narrow, into docs/img/console.

A gateway of real processes draws with the sketch engine, and Chromium looks at it. Seeds are fixed, so a picture
changes when its page does; one that has barely changed is not rewritten. Another page is a line in ``SHOTS``.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, Page, sync_playwright

from limner.store.operators import Role
from limner.store.sessions import Holder
from tests.acceptance.house import House
from tests.console.receiving import Receiver

HOME = Path(__file__).parents[1]
FOLDER = HOME / "docs/img/console"
STYLE = HOME / "api/console/static/console.css"
ENGINES = """
[[engine]]
name = "sketch"
driver = "sketch"
fast = { slots = 2, gap_s = 0 }
relaxed = { slots = 1, gap_s = 0 }
"""
WIDTHS = {"wide": (1280, 800), "narrow": (360, 740)}
THEMES = ("light", "dark")
#: drawn in this order; the newest one is what the pages show first
PROMPTS = (
    "a sailing boat on a calm lake at sunrise",
    "an old stone bridge over a river in autumn",
    "mountains under the northern lights",
    "a windmill in a field of tulips",
    "a cottage in the snow with smoke from its chimney",
    "a desert with cacti under a full moon",
    "a lighthouse on a cliff at dusk",
)
WAITS = "a fox in a snowy forest at night"
#: colours of a picture beside those of the console's style: few enough to be small, and many enough for drawings
COLOURS = 160
#: mean difference of two pictures, of 255, up to which the old one stays
BARELY = 1.5
PATIENCE_S = 180.0
#: every picture in the window is there
_SHOWN = """() => [...document.images].every((one) => {
  const { top, bottom } = one.getBoundingClientRect();
  return bottom < 0 || top > innerHeight || (one.complete && one.naturalWidth > 0);
})"""
#: and painted
_DECODED = """() => Promise.all([...document.images].filter((one) => one.complete && one.naturalWidth).map(
  (one) => one.decode())).then(() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go))))"""


@dataclass(frozen=True, slots=True)
class Shot:
    """One page: its file's name, its address below ``/console/``, who looks, and what is there once it is ready."""

    name: str
    path: str
    who: Holder | None
    ready: str
    #: what is opened before
    opens: str = ""


SHOTS = (
    Shot("login", "enter", None, "#enter"),
    Shot("draw", "draw", Holder.CLIENT, "article.job[data-status='1']"),
    Shot("gallery", "gallery", Holder.CLIENT, "#tiles img"),
    Shot("job", "gallery/{job}", Holder.CLIENT, "#timeline li"),
    Shot(
        "callbacks",
        "gallery/{job}",
        Holder.CLIENT,
        "#timeline li",
        "#events li:nth-child(2) summary",
    ),
    Shot("overview", "overview", Holder.OPERATOR, "#lanes > *"),
    Shot("jobs", "jobs", Holder.OPERATOR, "tbody tr"),
    Shot("story", "jobs/{job}", Holder.OPERATOR, "#timeline li"),
    Shot("letters", "letters", Holder.OPERATOR, "tbody tr"),
    Shot("audit", "audit", Holder.OPERATOR, "tbody tr"),
)


def shoot(folder: Path, names: list[str]) -> Iterator[str]:
    """Yield a line about each picture that was looked at."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("Chromium is not installed: apt install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        House(ENGINES) as house,
        Receiver() as receiver,
        Receiver() as strict,
        sync_playwright() as playwright,
    ):
        house.start_api()
        house.start_worker("fast")
        house.start_worker("callbacks")
        job_id = drawn(house, receiver, strict)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for theme in THEMES:
            for width in WIDTHS:
                for shot, data in looked(house, browser, job_id, theme, width, names):
                    name = f"{shot.name}-{theme}-{width}.png"
                    yield f"{name}: {kept(folder / name, data)}"
        browser.close()


def drawn(house: House, receiver: Receiver, strict: Receiver) -> str:
    """Draw what the pages show; return the job that has a page of its own, whose receiver is the strict one."""
    strict.answers = [
        (422, "This receiver knows no job of that id."),
        (503, "The receiver is being updated. Try again soon."),
    ]
    job = {}
    for place, prompt in enumerate(PROMPTS):
        last = place == len(PROMPTS) - 1
        asked = {"stylize": 250, "ar": "3:2", "chaos": 10, "seed": 1000 + 10 * place}
        asked |= {"callBackUrl": (strict if last else receiver).url}
        asked |= {"extra": "order 4711"} if last else {}
        job = house.imagine(promptEn=prompt, **asked)
        until(house, job["id"], lambda now: now["status"] == 1)
    house.imagine(promptEn=WAITS, fast=False, seed=7)
    waits_until(lambda: any(one["status"] == 1 for one in strict.told))
    steered(house)
    return str(job["id"])


def steered(house: House) -> None:
    """Have an operator change something."""
    house.token, before = house.store.operators.add("screenshots", "olga", Role.STEER), house.token
    for change in ("pause", "resume"):
        status, answer = house.ask("POST", f"/ops/lane/relaxed/{change}")
        assert status == 200, answer
    house.token = before


def until(house: House, job_id: str, fits: Callable[[dict], bool]) -> None:
    """Wait until a job fits."""
    waits_until(lambda: fits(house.ask("GET", f"/draw/midjourney/jobs/{job_id}")[1]))


def waits_until(true: Callable[[], bool]) -> None:
    """Wait for something that the gateway does by itself."""
    ends = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > ends:
            raise SystemExit("The gateway did not draw in time.")
        time.sleep(0.2)


def looked(
    house: House, browser: Browser, job_id: str, theme: str, width: str, names: list[str]
) -> Iterator[tuple[Shot, bytes]]:
    """Yield each page, as one browser window shows it."""
    for who in (None, Holder.CLIENT, Holder.OPERATOR):
        context = browser.new_context(
            base_url=f"http://127.0.0.1:{house.settings.port}",
            viewport=dict(zip(("width", "height"), WIDTHS[width], strict=True)),
            color_scheme=theme,
            locale="en-GB",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        page = context.new_page()
        if who:
            name = "ann" if who is Holder.CLIENT else "olga"
            page.goto(f"/console/enter#{house.store.sessions.new_ticket(who, name)}")
            page.wait_for_url(lambda url: "/enter" not in url)
        for shot in SHOTS:
            if shot.who is who and (not names or shot.name in names):
                page.goto(f"/console/{shot.path.format(job=job_id)}")
                yield shot, taken(page, shot)
        context.close()


def taken(page: Page, shot: Shot) -> bytes:
    """Return a page as a PNG, once all of it is there."""
    page.locator(shot.ready).first.wait_for()
    if shot.who:
        page.locator("#live[data-state='live']").wait_for()
    if shot.opens:
        page.locator(shot.opens).click()
        page.locator(shot.opens).evaluate("(node) => node.closest('section')?.scrollIntoView()")
    page.wait_for_function(_SHOWN)
    page.evaluate(_DECODED)
    page.evaluate("document.activeElement?.blur()")
    return page.screenshot(animations="disabled", caret="hide")


def kept(path: Path, data: bytes) -> str:
    """Write a picture unless it has barely changed; return what was done."""
    new = Image.open(io.BytesIO(data)).convert("RGB")
    if path.exists():
        old = Image.open(path).convert("RGB")
        if old.size == new.size and difference(old, new) < BARELY:
            return "as before"
    small = new.quantize(palette=palette_of(new), dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    return f"{path.stat().st_size / 1024:.0f} kB"


def palette_of(picture: Image.Image) -> Image.Image:
    """Return the style's colours, which are few but mean something, and those that a picture has most of."""
    style = re.findall(r"#([0-9a-f]{6});", STYLE.read_text(encoding="utf-8"))
    fixed = [value for colour in sorted(set(style)) for value in bytes.fromhex(colour)]
    most = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette((fixed + most)[: 3 * 256])
    return palette


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures, of 255; times and ids are too small to count."""
    size = (one.width // 4, one.height // 4)
    bands = ImageStat.Stat(ImageChops.difference(one.resize(size), other.resize(size))).mean
    return sum(bands) / len(bands)


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these pages")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    for line in shoot(options.folder, options.names):
        sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
