"""A gateway of real processes and a real browser, Debian's Chromium, one of each for all tests of a worker.

`.ci/run` installs Chromium. Where it is missing the tests are skipped, and say so; in CI they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from limner.store.operators import Role
from tests.acceptance.house import House
from tests.console.people import Person

#: a drawing is as long as its prompt says
ENGINES = """
[[engine]]
name = "stage"
driver = "rehearsal"
fast = { slots = 2, gap_s = 0 }
relaxed = { slots = 1, gap_s = 0 }
seconds = 0.2
steps = 4
"""
#: what a page may wait for on a busy machine
PATIENCE_MS = 60_000


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """A gateway with one worker, for the fast lane."""
    with House(ENGINES) as gateway:
        gateway.start_api()
        gateway.start_worker("fast")
        yield gateway


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        missing = "Chromium is not installed: apt install chromium"
        if os.environ.get("CI") and not os.environ.get("CHROMIUM_OPTIONAL"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def people(house: House, chromium: Browser) -> Iterator[Callable[..., Person]]:
    """Make people, each with a browser profile, a client and a page of their own; check that no page complained."""
    made: list[Person] = []

    def make(name: str, *, operator: Role | None = None, **how) -> Person:
        context = chromium.new_context(
            base_url=f"http://127.0.0.1:{house.settings.port}",
            viewport=how.pop("viewport", {"width": 1280, "height": 900}),
            locale=how.pop("locale", "en-GB"),
            timezone_id="Asia/Tokyo",
            **how,
        )
        context.set_default_timeout(PATIENCE_MS)
        person = Person.of(name, house, context, operator=operator)
        made.append(person)
        return person

    yield make
    for person in made:
        person.context.close()
        # Or other people's jobs would wait behind theirs.
        for job in house.store.jobs.page(person.name, ended=False, limit=100).jobs:
            house.store.lanes.cancel(job.id)
    assert [line for person in made for line in person.complaints] == []


@pytest.fixture
def ann(people) -> Person:
    person = people("ann")
    person.enter()
    return person
