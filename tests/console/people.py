"""A person at the console: a browser profile, a name with its token, and pages."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect

from limner.store.operators import Role
from tests.acceptance.house import House
from tests.conftest import wait_until

expect.set_options(timeout=60_000)
_numbers = itertools.count()
#: a gateway that is away, or a session that has ended, is what some tests are about
_EXPECTED = ("Failed to load resource", "Password forms should have")


@dataclass
class Person:
    """Someone with a browser of their own."""

    house: House
    context: BrowserContext
    token: str
    #: whose token it is
    name: str
    page: Page
    #: what the pages' scripts and policies said that they should not
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, name: str, house: House, context: BrowserContext, *, operator: Role | None = None
    ) -> Person:
        unique = f"{name}-{house.started}-{next(_numbers)}"
        if operator:
            token = house.store.operators.add("test", unique, operator)
        else:
            token = house.store.clients.add(unique, callback_allow="127.0.0.1:*").token
        person = cls(house, context, token, unique, context.new_page())
        person.listen(person.page)
        return person

    def listen(self, page: Page) -> None:
        """Note what a page's scripts complain of."""
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_EXPECTED):
            self.complaints.append(message.text)

    def enter(self, page: Page | None = None) -> None:
        """Enter by token, and wait until the page is live."""
        page = page or self.page
        page.goto("/")
        page.get_by_label("Token").fill(self.token)
        page.get_by_role("button", name="Enter").click()
        self.live(page)

    def live(self, page: Page | None = None) -> None:
        """Wait until a page says that it is live."""
        expect((page or self.page).locator("#live")).to_have_text("Live")

    def draw(self, prompt: str) -> Locator:
        """Ask for a drawing on the page, and return its card."""
        before = self.page.locator("article.job").count()
        self.page.get_by_label("What shall be drawn?").fill(prompt)
        self.page.get_by_role("button", name="Draw", exact=True).click()
        expect(self.page.locator("article.job")).to_have_count(before + 1)
        # The first one now: others may come before it.
        made = id_of(self.page.locator("article.job").first)
        return self.page.locator(f'article.job[data-id="{made}"]')

    def ends(self, status: int, *, job_id: str) -> None:
        """Wait, by the record, until a job has that status on the wire."""
        names = {1: "done", 2: "failed"}
        wait_until(
            lambda: self.house.store.jobs.get(job_id).status == names[status], what="its end"
        )


def id_of(card: Locator) -> str:
    """Return the id of the job that a card shows."""
    return str(card.get_attribute("data-id"))


def expect_status(card: Locator, *statuses: int) -> None:
    """Wait until a card shows one of these statuses."""
    selector = ", ".join(f'[data-status="{status}"]' for status in statuses)
    expect(card.and_(card.page.locator(selector))).to_have_count(1)


def serious(page: Page) -> list[str]:
    """Return what axe-core finds on the page that keeps people out: rule and where."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['target']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def is_as_wide_as_its_window(page: Page) -> bool:
    """Return whether nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
