"""Steer in a real browser: see the lanes, halt and resume, change many by filter, resend, read the audit trail."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from limner.settings import EngineSettings
from limner.store.operators import Role
from limner.store.outbox import AttemptReport, Poster
from tests.acceptance.house import House
from tests.conftest import wait_until
from tests.console.people import Person, is_as_wide_as_its_window, serious

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

POSTER = Poster.of("poster", threads=8, kept_ms=1000_000)
#: every other page of operators, by its heading
PAGES = {"jobs": "Jobs", "letters": "Dead letters", "audit": "Audit"}


@pytest.fixture
def olga(people, house) -> Person:
    person = people("olga", operator=Role.STEER)
    person.enter()
    yield person
    for subject, name in (("lane", "fast"), ("engine", "stage")):
        house.store.levers.resume("test", subject, name)


def ask_for(client: Person, count: int, **fields) -> list[str]:
    """Ask for drawings by the API as this client, and return the jobs' ids."""
    made = []
    for number in range(count):
        body = {"promptEn": f"a mill, {number}", "fast": True, "tag": f"{number:032x}"} | fields
        answer = client.context.request.post(
            "/draw/midjourney/imagine", headers={"token": client.token}, data=body
        )
        assert answer.status == 202, answer.text()
        made.append(answer.json()["id"])
    return made


def open_page(person: Person, path: str) -> Page:
    person.page.goto(f"/console/{path}")
    person.live()
    return person.page


def question(page: Page, title: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("dialog", name=title)


def post_all(house: House, verdict: str, answer: str = "") -> None:
    """Post what is due, as a callback worker would, with this outcome."""
    while taken := house.store.outbox.take(POSTER, 40, "t"):
        for one in taken:
            log = {"id": one.event.id, "kind": one.event.kind.value, "answer": answer, "ms": 5}
            log |= {"at": 1_800_000_000_000, "attempt": 1, "seq": one.event.seq}
            log |= {"status": 200} if verdict == "ok" else {"status": 400, "error": "http_4xx"}
            report = AttemptReport(verdict, why="rejected", attempt=log)
            house.store.outbox.done(POSTER, one, report, go_on=False)


def a_dead_letter(house: House, client: Person, answer: str = "no") -> str:
    """Callbacks of a job that were given up after their receiver answered; the job's id."""
    (job,) = ask_for(client, 1, callBackUrl="https://receiver.example/x")
    wait_until(lambda: house.store.jobs.get(job).status == "done", what="the drawing")
    post_all(house, "dead", answer)
    assert any(letter.event.job == job for letter in house.store.outbox.dead(100))
    return job


def test_a_lane_is_paused_its_depth_grows_and_it_is_resumed(olga, people):
    page, ann = olga.page, people("ann")
    fast = page.locator('[data-lane="fast"]')
    expect(fast.locator(".depth")).to_have_text("0")

    fast.get_by_role("button", name="Pause fast").click()
    ask = question(page, "Pause fast?")
    expect(ask).to_contain_text("0 jobs wait")
    ask.get_by_role("button", name="Pause").click()
    expect(fast.locator(".chip")).to_have_text("paused")
    expect(page.locator("#warnings")).to_contain_text("The lane fast is paused")

    ask_for(ann, 3)
    expect(fast.locator(".depth")).to_have_text("3")
    expect(fast.get_by_role("img")).to_have_accessible_name(re.compile("at most 3, now 3"))
    row = page.locator(f'[data-client="{ann.name}"]')
    expect(row).to_contain_text("3")

    fast.get_by_role("button", name="Resume fast").press("Enter")
    expect(fast.locator(".chip")).to_be_hidden()
    expect(fast.locator(".depth")).to_have_text("0")
    # Whoever pressed it can go on from there.
    assert page.evaluate("document.activeElement.ariaLabel") == "Pause fast"


def test_an_engine_is_drained_has_other_slots_and_is_resumed(olga):
    page, store = olga.page, olga.house.store
    engine = page.locator('[data-engine="stage"]')

    engine.get_by_role("button", name="Drain stage").click()
    question(page, "Drain stage?").get_by_role("button", name="Drain").click()
    expect(engine.locator(".chip")).to_have_text("draining")

    engine.get_by_role("button", name="Limits of stage").click()
    ask = question(page, "Limits of stage")
    ask.get_by_label("Fast slots").fill("many")
    ask.get_by_role("button", name="Save").click()
    # What the gateway refuses is told where it was typed, and what was typed is still there.
    expect(ask).to_contain_text("fastSlots")
    expect(ask.get_by_label("Fast slots")).to_have_value("many")
    ask.get_by_label("Fast slots").fill("7")
    ask.get_by_role("button", name="Save").click()
    expect(engine).to_contain_text("0 of 7")

    engine.get_by_role("button", name="Resume stage").click()
    expect(engine.locator(".chip")).to_have_text("ok")
    store.levers.override("test", "stage", {"fast_slots": None})


def test_twelve_jobs_are_cancelled_by_filter_after_one_question_with_their_number(olga, people):
    ann, bob, store = people("ann"), people("bob"), olga.house.store
    store.levers.halt("test", "lane", "fast")
    jobs, (other,) = ask_for(ann, 12), ask_for(bob, 1)
    page = open_page(olga, "jobs")
    cancel = page.get_by_role("button", name="Cancel…")
    expect(cancel).to_be_disabled()

    page.get_by_label("Client").fill(ann.name)
    page.get_by_label("State").select_option("Waiting")
    expect(page.locator("#told")).to_have_text("12 jobs")
    assert f"client={ann.name}" in page.url
    cancel.click()
    ask = question(page, "Cancel 12 jobs?")
    expect(ask).to_contain_text(ann.name)
    assert {store.jobs.get(job).status for job in jobs} == {"waiting"}
    ask.get_by_role("button", name="Cancel 12 jobs").click()

    expect(page.locator("#notices")).to_contain_text("12 jobs cancelled.")
    expect(page.locator("#told")).to_have_text("No job fits.")
    assert {store.jobs.get(job).status for job in jobs} == {"failed"}
    assert store.jobs.get(other).status == "waiting"

    page = open_page(olga, "audit")
    row = page.get_by_role("row").filter(has_text=f"operator:{olga.name}").first
    expect(row).to_contain_text("cancelled: 12")
    expect(row).to_contain_text(f"client: {ann.name}")


def test_a_number_that_has_changed_is_asked_for_anew(olga, people):
    ann, store = people("ann"), olga.house.store
    store.levers.halt("test", "lane", "fast")
    ask_for(ann, 2)
    page = open_page(olga, f"jobs?client={ann.name}&status=waiting")
    page.get_by_role("button", name="Cancel…").click()
    ask = question(page, "Cancel 2 jobs?")
    expect(ask).to_be_visible()
    third = ask_for(ann, 1)

    ask.get_by_role("button", name="Cancel 2 jobs").click()

    expect(page.locator("#notices")).to_contain_text("their number has changed")
    assert store.jobs.get(third[0]).status == "waiting"
    question(page, "Cancel 3 jobs?").get_by_role("button", name="Cancel 3 jobs").click()
    expect(page.locator("#notices")).to_contain_text("3 jobs cancelled.")


def test_jobs_are_moved_to_the_front_and_submitted_again(olga, people):
    ann, bob, store = people("ann"), people("bob"), olga.house.store
    store.levers.halt("test", "lane", "fast")
    others = ask_for(bob, 3)
    first, second = ask_for(ann, 2)
    page = open_page(olga, f"jobs?client={ann.name}")

    page.get_by_role("button", name="Move to the front…").click()
    question(page, "Move 2 jobs").get_by_role("button", name="To the front").click()
    expect(page.locator("#notices")).to_contain_text("2 jobs moved to the front.")
    # Which of the five the worker holds by now is its own affair.
    # A job that is taken meanwhile is in both.
    back, held = (store.redis.zrange(f"limner:{name}:fast", 0, -1) for name in ("back", "ready"))
    assert {first, second} <= {*held, *back}
    for order in (held, back):
        assert order == sorted(order, key=lambda job: (job in others, job == second))

    (failing,) = ask_for(ann, 1, promptEn="it fails [[fail]]")
    store.levers.resume("test", "lane", "fast")
    row = page.locator(f'[data-id="{failing}"]')
    expect(row.locator(".state")).to_have_text("Failed")
    row.get_by_role("button", name="Submit again").click()
    question(page, "Submit 1 failed job again?").get_by_role("button", name="Submit").click()
    expect(page.locator("#notices")).to_contain_text("1 job submitted again.")
    expect(page.locator("#told")).to_have_text("4 jobs")


def test_dead_letters_are_resent_in_bulk_and_the_page_of_others_hears_of_it(olga, people, house):
    job = a_dead_letter(house, people("ann"))
    client = house.store.jobs.get(job).client
    page = open_page(olga, "letters")
    second = olga.context.new_page()
    olga.listen(second)
    second.goto("/console/")
    expect(second.locator("#dead")).not_to_have_text("0 jobs")
    dead = [letter.event.job for letter in house.store.outbox.dead(100)]
    count = dead.count(job)
    # Of other tests.
    others = len({*dead} - {job})

    page.get_by_label("Client").fill(client)
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("row")).to_have_count(count + 1)
    page.get_by_role("button", name="Resend…").click()
    ask = question(page, re.compile(f"^Resend {count} dead letters?"))
    ask.get_by_role("button", name="Resend").click()

    expect(page.locator("#notices")).to_contain_text("will be sent again")
    # They are dead letters until they are delivered.
    post_all(house, "ok")
    expect(page.locator("#told")).to_contain_text("No dead letters")
    expect(second.locator("#dead")).to_have_text("1 job" if others == 1 else f"{others} jobs")


# -- for everybody ----------------------------------------------------------------------------------


def test_whoever_may_only_look_has_no_levers_and_the_gateway_refuses_theirs(people, house):
    vera, ann = people("vera", operator=Role.VIEW), people("ann")
    vera.enter()
    (job,) = ask_for(ann, 1, fast=False)
    expect(vera.page.locator('[data-lane="relaxed"] .depth')).not_to_have_text("0")
    for path in ("overview", *PAGES, f"jobs/{job}"):
        page = open_page(vera, path)
        expect(page.get_by_text("Loading…", exact=True)).to_be_hidden()
        buttons = {button.inner_text() for button in page.locator("main button:visible").all()}
        assert buttons <= {"Apply", "Clear", "Show more"}

    refused = vera.page.evaluate(
        """async () => {
            const { call } = await import(document.querySelector("script[type=module]").src.replace(/[^/]+$/, "api.js"));
            return await call("POST", "ops/lane/fast/pause").then(() => 200, (error) => error.status);
        }"""
    )
    assert refused == 403
    assert house.store.levers.halted().lanes == {}
    house.store.lanes.cancel(job)


HOSTILE = {
    "html": '<img src=x onerror="document.title=1"><b>bold</b></td><script>alert(1)</script>',
    "turned": "abc \u202e\u2066 turned \u2069 )\u202d(",
    "many": "\U0001f469\u200d\U0001f680" * 1000 + "\U0001f600" * 1096,
}


@pytest.mark.parametrize("width", [1280, 360])
def test_hostile_words_are_words_on_every_page_of_operators(people, house, width):
    olga = people("olga", operator=Role.STEER, viewport={"width": width, "height": 800})
    # A client's name may have letters of any script.
    ann, redis = people("\u0645\u0631\u062d\u0628\u0627"), house.store.redis
    olga.enter()
    dead = a_dead_letter(house, ann, HOSTILE["html"])
    names = [f"{text[:200]}{width}" for text in HOSTILE.values()]
    for name in names:
        house.store.engines.register([EngineSettings(name, "rehearsal")])
        house.store.reports.make("disk_low", name[:60], name)
        house.store.levers.note(f"cli:{name}", name, {name: name})
        redis.hset(f"limner:engine:{name}", mapping={"state": "down", "why": name})
    (waiting,) = ask_for(ann, 1, fast=False, promptEn=HOSTILE["html"], extra=HOSTILE["turned"])
    told = {"engine": names[0], "reason": names[1], "reason_code": names[2]}
    redis.hset(f"limner:job:{dead}", mapping=told)

    def all_words(page: Page) -> None:
        assert page.locator("main script, main img[src='x'], main b > b").count() == 0
        assert page.title() != "1"
        assert is_as_wide_as_its_window(page)

    page = open_page(olga, "overview")
    for name in names:
        row = page.locator("#engines tr").filter(has_text=name)
        expect(row.locator("th bdi").first).to_have_text(name)
        expect(page.locator("#warnings li").filter(has_text=name)).not_to_have_count(0)
    expect(page.locator("#clients th bdi").filter(has_text=ann.name)).to_have_text(ann.name)
    all_words(page)
    page.locator("#clients th a").filter(has_text=ann.name).click()
    expect(page.locator("#told")).to_have_text("2 jobs")
    page = open_page(olga, "jobs")
    row = page.locator(f'[data-id="{waiting}"]')
    expect(row.locator(".words")).to_have_text(HOSTILE["html"])
    expect(page.locator(f'[data-id="{dead}"]')).to_contain_text(names[0])
    expect(page.locator(f'[data-id="{dead}"] .why')).to_have_text(names[2])
    row.get_by_role("button", name="Cancel").click()
    question(page, "Cancel 1 job?").get_by_role("button", name="Close").click()
    all_words(page)
    page = open_page(olga, f"jobs/{dead}")
    expect(page.locator("#facts")).to_contain_text(names[1])
    expect(page.locator("#events pre").first).to_have_text(HOSTILE["html"])
    all_words(page)
    page = open_page(olga, f"jobs/{waiting}")
    expect(page.locator("#facts dd").filter(has_text="turned")).to_have_text(HOSTILE["turned"])
    all_words(page)
    page = open_page(olga, "letters")
    expect(page.locator("#letters bdi").filter(has_text=ann.name).first).to_be_visible()
    all_words(page)
    page = open_page(olga, "audit")
    for name in names:
        expect(page.get_by_role("row").filter(has_text=f"cli:{name}")).to_have_count(1)
    all_words(page)

    for name in names:
        redis.srem("limner:engines", name)
        house.store.reports.withdraw("disk_low", name[:60])
    house.store.lanes.cancel(waiting)
    house.store.outbox.resend(dead)
    post_all(house, "ok")


@pytest.mark.parametrize(("theme", "locale", "width"), [("light", "en", 1280), ("dark", "zh", 360)])
def test_nothing_keeps_operators_out_who_see_hear_or_move_differently(
    people, house, theme, locale, width
):
    size = {"width": width, "height": 800}
    olga = people("olga", operator=Role.STEER, color_scheme=theme, locale=locale, viewport=size)
    page = olga.page
    job = a_dead_letter(house, people("ann"))
    page.goto("/")
    page.locator("#token").fill(olga.token)
    page.locator("form#enter button").click()
    page.locator("#live[data-state=live]").wait_for()
    for path in ("overview", *PAGES, f"jobs/{job}"):
        page.goto(f"/console/{path}")
        page.locator("#live[data-state=live]").wait_for()
        page.locator("main tbody tr:visible, #events li").first.wait_for()
        assert serious(page) == []
        assert is_as_wide_as_its_window(page)
    page.goto("/console/overview")
    page.locator('[data-lane="fast"] button').press("Enter")
    page.locator("dialog").wait_for()
    assert serious(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    # Nothing was done, and the focus is back.
    assert house.store.levers.halted().lanes == {}
    assert page.evaluate("document.activeElement.closest('[data-lane]')?.dataset.lane") == "fast"
    house.store.outbox.resend(job)
    post_all(house, "ok")
