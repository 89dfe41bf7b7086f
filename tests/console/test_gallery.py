"""The gallery and the page of one job in a real browser: find a picture, see what became of it, and whom it was told."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from limner.job import Status
from tests.acceptance.house import House
from tests.conftest import wait_until
from tests.console.people import (
    Person,
    expect_status,
    is_as_wide_as_its_window,
    serious,
)
from tests.console.receiving import Receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOSTILE = {
    "html": '<img src=x onerror="document.title=1"><b>bold</b></pre></script><script>alert(1)</script>',
    "turned": "abc \u202e\u2066 turned \u2069 )\u202d(",
    "long": "x" * 3000,
    "many": "\U0001f469\u200d\U0001f680" * 1000 + "\U0001f600" * 1096,
    "quotes": "'\"`${7*7}{{7*7}}%s\\u003cb",
}


@pytest.fixture(scope="module")
def telling(house: House) -> Iterator[House]:
    """The gateway, with a worker that posts callbacks."""
    worker = house.start_worker("callbacks")
    yield house
    # Other modules post in its stead.
    house.kill(worker)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as here:
        yield here


def asks(person: Person, **fields: Any) -> dict[str, Any]:
    """Ask for a drawing by the API, in the lane that has no worker unless ``fast`` is set."""
    body = {"promptEn": "a mill", "fast": False, "tag": uuid.uuid4().hex} | fields
    answer = person.context.request.post(
        "/draw/midjourney/imagine", headers={"token": person.token}, data=body
    )
    assert answer.status == 202, answer.text()
    return answer.json()


def tiles(page: Page) -> Locator:
    return page.locator("#tiles > li")


def to(person: Person, path: str) -> Page:
    person.page.goto(f"/console/{path}")
    person.live()
    return person.page


def test_the_gallery_goes_on_as_one_scrolls_and_shows_what_comes_meanwhile(ann):
    jobs = [asks(ann, promptEn=f"mill {place}") for place in range(30)]
    page = to(ann, "gallery")
    expect(tiles(page)).to_have_count(24)
    expect(tiles(page).first).to_contain_text("mill 29")

    # A page that is still busy may not hear of a wheel that turns once.
    wait_until(lambda: page.mouse.wheel(0, 5000) or tiles(page).count() == 30)
    expect(page.locator("#end")).to_have_text("That is all.")
    shown = [tile.get_attribute("data-id") for tile in tiles(page).all()]
    assert shown == [job["id"] for job in reversed(jobs)]

    newest = asks(ann, promptEn="a bridge", fast=True)
    expect(tiles(page)).to_have_count(31)
    assert tiles(page).first.get_attribute("data-id") == newest["id"]
    expect_status(tiles(page).first, 1)
    expect(tiles(page).first.locator("img")).to_have_count(1)
    page.goto("/console/gallery")
    ann.live()
    expect(tiles(page).first).to_contain_text("a bridge")


def test_the_gallery_is_filtered_by_words_status_and_tag_and_its_address_keeps_that(ann):
    tag = uuid.uuid4().hex
    river, night = asks(ann, promptEn="a Mill by a river"), asks(ann, promptEn="night", tag=tag)
    asks(ann, promptEn="a mill")
    ann.house.store.lanes.cancel(night["id"])
    page = to(ann, "gallery")
    expect(tiles(page)).to_have_count(3)

    page.get_by_label("Words of the prompt").fill("river MILL")
    page.keyboard.press("Enter")
    expect(tiles(page)).to_have_count(1)
    assert tiles(page).get_attribute("data-id") == river["id"]
    assert page.url.endswith("?words=river+MILL")
    page.reload()
    expect(tiles(page)).to_have_count(1)
    # What comes meanwhile is shown if it fits, and only then.
    asks(ann, promptEn="a bridge")
    asks(ann, promptEn="a watermill at a river")
    expect(tiles(page)).to_have_count(2)

    page.get_by_role("button", name="Show all").click()
    expect(tiles(page)).to_have_count(5)
    page.get_by_label("Status").select_option("Failed")
    expect(tiles(page)).to_have_count(1)
    page.get_by_label("Status").select_option("Done")
    expect(page.locator("#empty")).to_have_text("No drawing of yours fits.")
    # What comes to fit is shown, and what fits no longer goes.
    page.get_by_label("Status").select_option("Waiting")
    expect(tiles(page)).to_have_count(4)
    ann.house.store.lanes.cancel(river["id"])
    expect(tiles(page)).to_have_count(3)
    page.get_by_label("Status").select_option("any")
    page.get_by_label("Tag").fill(tag)
    page.keyboard.press("Enter")
    expect(tiles(page)).to_have_count(1)
    assert tiles(page).get_attribute("data-id") == night["id"]

    page.get_by_label("Tag").fill("no tag")
    page.keyboard.press("Enter")
    expect(page.locator("#tag-wrong")).to_contain_text("Must be")
    expect(page.get_by_label("Tag")).to_be_focused()
    expect(tiles(page)).to_have_count(0)


def test_an_answer_that_is_cut_off_is_told_as_a_gateway_that_cannot_be_reached(ann):
    page = ann.page
    page.route(
        "**/draw/midjourney/jobs?*",
        lambda asked: asked.fulfill(content_type="application/json", body='{"data": ['),
    )
    page.goto("/console/gallery")

    expect(page.get_by_text("The gateway cannot be reached.")).to_be_visible()


def test_callbacks_are_opened_resent_and_each_attempt_is_seen(telling, receiver, ann):
    # A transition that is refused is a dead letter at once.
    receiver.answers = [(422, HOSTILE["html"] + HOSTILE["turned"])]
    job = asks(ann, fast=True, callBackUrl=receiver.url)
    page = to(ann, f"gallery/{job['id']}")
    expect(page.locator("#timeline li")).to_have_count(4)
    expect(page.locator("#timeline li").last).to_contain_text("Done")
    first = page.locator('#events > li[data-seq="1"]')
    expect(first).to_contain_text("dead letter")
    first.locator("summary").click()
    expect(first.locator("ol > li")).to_contain_text("status 422")
    expect(first.locator("pre")).to_have_text(HOSTILE["html"] + HOSTILE["turned"])
    assert page.locator("main b, main script, main img[src='x']").count() == 0

    first.get_by_role("button", name="Resend this one").click()
    expect(page.locator("#notices")).to_contain_text("1 event will be sent again.")
    # By the stream, without a reload; and what was open is open.
    expect(first).to_contain_text("delivered")
    expect(first.locator("ol > li")).to_have_count(2)
    expect(first.locator("ol > li").last).to_contain_text("resent by hand")
    assert [one["seq"] for one in receiver.told].count(1) == 2

    told = len(receiver.told)
    page.get_by_role("button", name="Send the end again").click()
    last = page.locator("#events > li").last
    expect(last).to_contain_text("2 attempts")
    assert len(receiver.told) == told + 1
    assert receiver.told[-1]["status"] == 1

    receiver.answers = [(503, HOSTILE["html"])]
    page.get_by_role("button", name="Send a test event").click()
    expect(page.locator("#tested")).to_contain_text("did not accept")
    expect(page.locator("#tested pre")).to_have_text(HOSTILE["html"])
    page.get_by_role("button", name="Send a test event").click()
    expect(page.locator("#tested")).to_contain_text("The receiver accepted the test event.")
    assert receiver.told[-1]["test"] is True


def test_a_job_grows_on_its_page_and_is_drawn_again_with_changes(ann):
    job = asks(ann, promptEn="a mill [[seconds 3]]", fast=True, stylize=250, raw=True)
    page = to(ann, f"gallery/{job['id']}")
    expect_status(page.locator("article.job"), 1)
    rows = page.locator("#asked tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Stylize")
    expect(rows.first).to_contain_text("250")
    expect(rows.first).to_contain_text("exact")
    seeds = page.locator("#facts dt:text-is('Seeds') + dd").inner_text()
    assert [int(seed) for seed in seeds.split(", ")] == list(
        ann.house.store.jobs.get(job["id"]).drawn_seeds
    )

    page.get_by_role("link", name="Draw with changes").click()
    ann.live()
    assert page.get_by_label("What shall be drawn?").input_value() == "a mill [[seconds 3]]"
    page.get_by_label("What shall be drawn?").fill("a windmill")
    page.get_by_label("Chaos", exact=True).fill("30")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.locator("article.job")).to_have_count(2)
    made = ann.house.store.jobs.page(ann.name).jobs[0].request
    assert (made.prompt_en, made.stylize, made.raw, made.chaos) == ("a windmill", 250, True, 30)

    # And from a card to its page, and on to what is made from it.
    card = page.locator(f'article.job[data-id="{job["id"]}"]')
    card.get_by_role("link", name="Details").click()
    page.get_by_role("button", name="U2").click()
    page.wait_for_url(lambda url: "/console/gallery/" in url and job["id"] not in url)
    page.get_by_role("link", name="What it was made from").click()
    expect(page.get_by_role("button", name="U2 ✓")).to_be_disabled()


def test_a_job_of_another_client_is_not_found(people):
    ann, bob = people("ann"), people("bob")
    job = asks(ann, promptEn="a private matter")
    bob.enter()

    bob.page.goto(f"/console/gallery/{job['id']}")

    expect(bob.page.get_by_text("There is nothing at this address.")).to_be_visible()
    assert "a private matter" not in bob.page.content()


# -- for everybody ----------------------------------------------------------------------------------


def poisoned(person: Person, text: str) -> str:
    """Make a job whose record says ``text`` wherever somebody else's words may stand."""
    redis, tag = person.house.store.redis, uuid.uuid4().hex
    job_id = asks(person, promptEn=text, negative=text[:2000], tag=tag)["id"]
    person.house.store.lanes.cancel(job_id)
    request = json.loads(redis.hget(f"limner:job:{job_id}", "request"))
    request |= {"prompt": text, "extra": text, "tag": text, "engine": text}
    redis.hset(
        f"limner:job:{job_id}",
        mapping={
            "request": json.dumps(request),
            "engine": text,
            "reason": text,
            "reason_code": "engine_failed",
            "final_prompt": text,
            "notes": json.dumps({text[:200]: [text]}),
            "applied": json.dumps({"negative": "exact", text[:200]: "near"}),
        },
    )
    attempt = {"seq": 1, "kind": "X", "id": text, "at": 1, "attempt": 1, "ms": 3}
    attempt |= {"status": None, "error": text, "answer": text, "location": text}
    redis.rpush(f"limner:log:{job_id}", json.dumps(attempt))
    return job_id


def test_hostile_words_are_words_wherever_they_stand_on_these_pages(people):
    person = people("ann", viewport={"width": 360, "height": 800})
    person.enter()
    jobs = {kind: poisoned(person, text) for kind, text in HOSTILE.items()}

    page = to(person, "gallery")
    expect(tiles(page)).to_have_count(len(HOSTILE))
    for kind, text in HOSTILE.items():
        words = page.locator(f'#tiles > li[data-id="{jobs[kind]}"] .words')
        expect(words).to_have_text(text, use_inner_text=False)
    assert is_as_wide_as_its_window(page)
    assert page.title() == "Gallery · Limner"

    for kind, text in HOSTILE.items():
        page = to(person, f"gallery/{jobs[kind]}")
        expect(page.locator("#events summary")).to_contain_text("dropped")
        page.locator("#events summary").click()
        for place in (
            *("article.job h1", "article.job .wrong", "article.job .meta", "#events pre"),
            *("#events ol", "#events .meta", "#facts dt:text-is('Tag') + dd"),
            *("#facts dt:text-is('Final prompt') + dd", "#facts dt:text-is('Engine') + dd"),
            *("#asked tr:has-text('Original words')", "#asked tr:has-text('Extra')"),
        ):
            assert text in (page.locator(place).first.text_content() or ""), (kind, place)
        assert text[:2000] in (page.locator("#asked").text_content() or "")
        assert text[:200] in (page.locator("#facts").text_content() or "")
        assert page.locator("main b, main script, main img").count() == 0
        assert is_as_wide_as_its_window(page), kind
        # A tag leads to its pictures, whatever it says.
        if kind != "many":
            href = page.locator("#facts a").get_attribute("href")
            page.goto(href)
            expect(page.locator("#tag-wrong")).to_contain_text("Must be")
            assert page.locator("#tag").input_value() == text[:200].replace("\n", "")
    assert person.house.store.jobs.get(jobs["html"]).status is Status.FAILED


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_people_out_of_these_pages(telling, receiver, people, theme):
    person = people("ann", color_scheme=theme)
    person.enter()
    receiver.answers = [(422, "no"), (204, "")]
    job = asks(person, fast=True, callBackUrl=receiver.url, stylize=3)
    asks(person)
    asks(person, promptEn="it fails [[fail]]", fast=True)
    page = to(person, "gallery")
    expect(tiles(page)).to_have_count(3)
    expect_status(tiles(page).first, 2)
    assert serious(page) == []

    # By keyboard alone: from the filters to a picture, to its callbacks, to an attempt.
    page.get_by_role("button", name="Show all").focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/console/gallery/{job['id']}")
    expect(page.locator("#events > li").first).to_contain_text("dead letter")
    page.locator("#events summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resend this one")).to_be_visible()
    assert serious(page) == []


def test_a_narrow_window_holds_these_pages_in_both_languages_and_times_are_the_viewers(people):
    for locale in ("en-GB", "zh-CN"):
        person = people("ann", viewport={"width": 360, "height": 700}, locale=locale)
        page = person.page
        page.goto("/console/enter")
        page.locator("#token").fill(person.token)
        page.locator("form#enter button").click()
        job = asks(person, promptEn="a mill", fast=True, ar="7:4", stylize=250)
        page.goto("/console/gallery")
        expect_status(tiles(page), 1)
        assert is_as_wide_as_its_window(page)
        tiles(page).locator("a").click()
        expect_status(page.locator("article.job"), 1)
        expect(page.locator("#timeline time").first).to_contain_text("GMT+9")
        assert is_as_wide_as_its_window(page)
        assert page.url.endswith(job["id"])
        assert page.locator("html").get_attribute("lang") == locale[:2]
