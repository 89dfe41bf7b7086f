"""Draw in a real browser: ask, watch it grow, go on from it; and what becomes of the page when something fails."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from PIL import Image
from playwright.sync_api import expect

from limner.store.sessions import Holder
from tests.conftest import wait_until
from tests.console.people import expect_status, id_of, is_as_wide_as_its_window, serious

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CELLS = re.compile("^Enlarge picture")


def a_png(side: int = 4) -> str:
    data = io.BytesIO()
    Image.new("RGB", (side, side), (200, 90, 10)).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def test_a_link_lets_in_once_and_leaves_no_trace_in_the_address(people):
    first, second = people("ann"), people("bob")
    ticket = first.house.store.sessions.new_ticket(Holder.CLIENT, first.name)

    first.page.goto(f"/console/enter#{ticket}")
    first.live()
    assert "#" not in first.page.url

    second.page.goto(f"/console/enter#{ticket}")
    expect(second.page.get_by_role("alert").filter(has_text="has been used")).to_be_visible()
    assert ticket not in second.page.content()


def test_a_person_draws_watches_it_grow_and_goes_on_from_it(ann):
    page = ann.page
    expect(page.get_by_text("Nothing drawn yet.")).to_be_visible()

    card = ann.draw("a lighthouse [[seconds 4]]")
    expect_status(card, -2, -1, 0)
    expect(card.get_by_alt_text("Preview of: a lighthouse [[seconds 4]]")).to_be_visible()
    assert 0 < int(card.get_by_role("progressbar").get_attribute("value")) < 100
    expect_status(card, 1)
    expect(card.get_by_role("button", name=CELLS)).to_have_count(4)
    expect(page.locator("#told")).to_have_text("Done: a lighthouse [[seconds 4]]")

    card.get_by_role("button", name="Enlarge picture 2").press("Enter")
    large = page.get_by_role("dialog", name="Picture 2 of 4")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name="Picture 3 of 4")).to_be_visible()
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)

    card.get_by_role("button", name="U1").click()
    expect(page.locator("article.job")).to_have_count(2)
    picked = page.locator("article.job").first
    expect_status(picked, 1)
    expect(picked.get_by_role("button", name=CELLS)).to_have_count(1)
    expect(card.get_by_role("button", name="U1 ✓")).to_be_disabled()
    assert id_of(picked) != id_of(card)


def test_follow_ups_with_fields_of_their_own_ask_for_them(ann):
    page = ann.page
    card = ann.draw("a mill")
    expect_status(card, 1)
    card.get_by_text("More").click()
    for name, answer in (
        ("Zoom out…", lambda ask: ask.get_by_text("2 ×").click()),
        ("Remix…", lambda ask: ask.get_by_label("The changed prompt").fill("a windmill")),
        ("Redraw a part…", lambda ask: ask.get_by_role("img").press("Space")),
    ):
        before = page.locator("article.job").count()
        card.get_by_role("button", name=name).click()
        ask = page.get_by_role("dialog")
        answer(ask)
        ask.get_by_role("button", name="Go").click()
        expect(page.locator("article.job")).to_have_count(before + 1)
        expect_status(page.locator("article.job").first, 1)
    jobs = ann.house.store.jobs.page(ann.name).jobs
    made = {job.draw_type: job.request for job in jobs if job.parent}
    assert made["zoom"].change.scale == 2
    assert made["remix"].prompt_en == "a windmill"
    assert made["region"].change.mask


def test_what_is_wrong_is_told_beside_its_field_and_by_the_field_to_readers(ann):
    page = ann.page
    page.get_by_text("Parameters").click()
    page.get_by_label("Chaos", exact=True).fill("101")
    page.get_by_label("Seed", exact=True).fill("often")
    page.get_by_role("button", name="Draw", exact=True).click()

    for name, field in (("promptEn", "What shall be drawn?"), ("chaos", "Chaos"), ("seed", "Seed")):
        expect(page.locator(f"#{name}-wrong")).to_be_visible()
        told = page.get_by_label(field, exact=True)
        assert told.get_attribute("aria-invalid") == "true"
        assert f"{name}-wrong" in told.get_attribute("aria-describedby")
    expect(page.get_by_label("What shall be drawn?")).to_be_focused()
    expect(page.locator("article.job")).to_have_count(0)

    page.get_by_role("button", name="Clear").click()
    ann.draw("now it is right")


def test_parameters_and_pictures_by_drop_and_paste_reach_the_job(ann):
    page = ann.page
    page.get_by_text("Parameters").click()
    page.get_by_label("Aspect ratio", exact=True).fill("3:2")
    page.get_by_label("Stylize", exact=True).fill("250")
    page.get_by_label("Raw", exact=True).check()
    page.get_by_label("Previews", exact=True).uncheck()
    for event, place in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate(
            """([event, place, data]) => {
                const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
                const files = new DataTransfer();
                files.items.add(new File([bytes], `${event}.png`, { type: "image/png" }));
                files.items.add(new File(["no"], "words.txt", { type: "text/plain" }));
                const made = new Event(event, { bubbles: true, cancelable: true });
                made[place] = files;
                document.querySelector("#refs").dispatchEvent(made);
            }""",
            [event, place, a_png()],
        )
    expect(page.locator("#pictures li")).to_have_count(2)
    expect(page.locator("#refs-wrong")).to_contain_text("words.txt is no PNG")
    page.get_by_label("Use this picture for").last.select_option("its style")

    job = ann.house.store.jobs.get(id_of(ann.draw("a mill")))

    asked = job.request
    assert (asked.ar, asked.stylize, asked.raw, asked.previews) == ("3:2", 250, True, False)
    assert [len(asked.references), len(asked.style_references)] == [1, 1]


@pytest.mark.parametrize("form", ["curl", "Python", "JavaScript"])
def test_what_is_copied_asks_for_what_the_form_asks_for(ann, form):
    page = ann.page
    prompt = 'it\'s a "mill" $HOME `x` \\ \u202e \U0001f600'
    page.get_by_label("What shall be drawn?").fill(prompt)
    page.get_by_text("Parameters").click()
    page.get_by_label("Raw", exact=True).check()
    page.get_by_role("button", name="Copy as code").click()
    page.get_by_text(form, exact=True).click()
    code = page.locator("dialog pre").inner_text()
    runs = {"curl": ["bash", "-c"], "Python": [sys.executable, "-c"], "JavaScript": ["node", "-e"]}
    if shutil.which(runs[form][0]) is None or (form == "curl" and shutil.which("curl") is None):
        pytest.skip(f"{form} is not here")

    told = subprocess.run(
        [*runs[form], f"(async () => {{{code}}})()" if form == "JavaScript" else code],
        env=os.environ | {"LIMNER_TOKEN": ann.token},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert told.returncode == 0, told.stderr
    (job,) = ann.house.store.jobs.page(ann.name).jobs
    assert (job.request.prompt_en, job.request.raw) == (prompt, True)
    # And the page has heard of it.
    expect(page.locator("article.job")).to_have_count(1)


def test_a_waiting_job_shows_its_place_and_can_be_cancelled(ann):
    page = ann.page
    page.get_by_text("relaxed", exact=True).click()
    # That lane has no worker here.
    first = ann.draw("first")
    expect(first.get_by_text("next in the relaxed lane")).to_be_visible()
    second = ann.draw("second")
    expect(second).to_contain_text("position 2 in the relaxed lane")
    expect(second).to_contain_text("1 of your own before it")

    page.locator("article.job").last.get_by_role("button", name="Cancel").click()

    expect(page.locator("article.job").last.locator(".state")).to_have_text("Cancelled")
    expect(second).to_contain_text("next in the relaxed lane")
    second.get_by_role("button", name="Cancel").click()
    expect(second.locator(".state")).to_have_text("Cancelled")


def test_a_reload_in_mid_draw_loses_nothing(ann):
    card = ann.draw("a mill [[seconds 5]]")
    expect_status(card, 0)
    drawn = id_of(card)

    ann.page.reload()

    card = ann.page.locator(f'article.job[data-id="{drawn}"]')
    expect_status(card, 0, 1)
    expect_status(card, 1)


def test_an_api_that_is_restarted_in_mid_draw_is_told_and_the_page_comes_back(ann):
    page, house = ann.page, ann.house
    card = ann.draw("a mill [[seconds 6]]")
    expect_status(card, 0)

    house.kill("api")
    expect(page.locator("#live")).to_have_text("Reconnecting…")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.locator("#form-wrong")).to_contain_text("cannot be reached")
    house.start_api()

    ann.live()
    expect_status(card, 1)
    ann.draw("and it takes drawings again")


def test_a_session_that_ended_is_told_and_leads_back_to_the_page(ann):
    page = ann.page
    ann.token = ann.house.store.clients.rotate_token(ann.name)

    page.get_by_label("What shall be drawn?").fill("a mill")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("Your session has ended.")
    expect(page.locator("#live")).to_have_text("Ended")

    page.get_by_role("link", name="Enter again").click()
    page.get_by_label("Token").fill(ann.token)
    page.get_by_role("button", name="Enter").click()
    ann.live()
    assert page.url.endswith("/console/draw")


def test_two_people_at_once_see_each_their_own_and_two_pages_of_one_the_same(people):
    ann, bob = people("ann"), people("bob")
    ann.enter()
    bob.enter()
    second = ann.context.new_page()
    ann.listen(second)
    second.goto("/console/draw")
    ann.live(second)

    mine, theirs = ann.draw("a mill"), bob.draw("a bridge")

    expect_status(mine, 1)
    expect_status(theirs, 1)
    expect_status(second.locator(f'article.job[data-id="{id_of(mine)}"]'), 1)
    for page, own in ((ann.page, mine), (second, mine), (bob.page, theirs)):
        expect(page.locator("article.job")).to_have_count(1)
        assert id_of(page.locator("article.job")) == id_of(own)


# -- for everybody ----------------------------------------------------------------------------------

HOSTILE = {
    "html": '<img src=x onerror="document.title=1"><b>bold</b></textarea><script>alert(1)</script>',
    "turned": "abc \u202e\u2066 turned \u2069 )\u202d(",
    "long": "x" * 3000,
    "many": "\U0001f469\u200d\U0001f680" * 1000 + "\U0001f600" * 1096,
    "quotes": "'\"`${7*7}{{7*7}}%s\\u003cb",
}


@pytest.mark.parametrize("width", [1280, 360])
def test_hostile_words_are_words_wherever_they_stand(people, width):
    person = people("ann", viewport={"width": width, "height": 800})
    person.enter()
    page, redis = person.page, person.house.store.redis
    page.get_by_text("relaxed", exact=True).click()
    for name, text in HOSTILE.items():
        card = person.draw(text)
        assert card.locator("h3").text_content() == text, name
        person.house.store.lanes.cancel(id_of(card))
        expect(card.locator(".state")).to_have_text("Cancelled")
        redis.hset(
            f"limner:job:{id_of(card)}",
            mapping={"engine": text, "reason": text, "reason_code": "engine_failed"},
        )
    page.reload()
    person.live()

    cards = page.locator("article.job")
    expect(cards).to_have_count(len(HOSTILE))
    for card, (name, text) in zip(cards.all(), reversed(HOSTILE.items()), strict=True):
        assert card.locator("h3").text_content() == text, name
        assert card.locator(".wrong").text_content() == text, name
        assert text in card.locator(".meta").text_content(), name
        assert card.locator("img, script, b").count() == 0
    assert page.title() == "Draw · Limner"
    assert is_as_wide_as_its_window(page)
    # In a form that is filled from it, too.
    page.get_by_role("link", name="Draw with changes").last.click()
    person.live()
    assert page.get_by_label("What shall be drawn?").input_value() == HOSTILE["html"]
    assert page.locator("main script, main img[src='x']").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_people_out_who_see_hear_or_move_differently(people, theme):
    person = people("ann", color_scheme=theme)
    page = person.page
    page.goto("/console/enter")
    assert serious(page) == []
    person.enter()
    page.get_by_text("Parameters").click()
    expect_status(person.draw("it fails [[fail]]"), 2)
    page.get_by_text("relaxed", exact=True).click()
    person.draw("waits")
    page.get_by_text("fast", exact=True).click()
    expect_status(person.draw("a mill"), 1)
    assert serious(page) == []

    page.get_by_role("button", name="Enlarge picture 1").click()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Copy as code").click()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.get_by_text("More").click()
    page.get_by_role("button", name="Redraw a part…").click()
    assert serious(page) == []


def test_a_narrow_window_holds_every_page_and_dialog_in_both_languages(people):
    for locale in ("en-GB", "zh-CN"):
        person = people("ann", viewport={"width": 360, "height": 700}, locale=locale)
        page = person.page
        page.goto("/")
        assert is_as_wide_as_its_window(page)
        page.locator("#token").fill(person.token)
        page.locator("form#enter button").click()
        page.locator("#fold summary").click()
        page.locator("#promptEn").fill("a mill")
        page.locator("#go").click()
        card = page.locator("article.job")
        expect_status(card, 1)
        card.locator(".followups summary").click()
        assert is_as_wide_as_its_window(page)
        card.locator(".cell").first.click()
        box = page.locator("dialog").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert page.locator("html").get_attribute("lang") == locale[:2]


def test_a_press_before_the_script_is_there_sends_nothing_and_loses_nothing(ann):
    page, held_back = ann.page, []
    page.route("**/draw.js*", lambda asked: held_back.append(asked))
    page.goto("/console/draw", wait_until="commit")
    page.locator("#fold summary").click()
    page.locator("#promptEn").fill("a mill")
    page.locator("input[name=seed]").press("Enter")
    for button in ("#go", "#copy", "#clear", "#files"):
        expect(page.locator(button)).to_be_disabled()

    wait_until(lambda: held_back, what="the request for the script")
    held_back[0].continue_()
    page.locator("#go").click()
    expect_status(page.locator("article.job"), 1)
    assert "?" not in page.url


def test_the_keyboard_alone_is_enough_to_draw_and_look(ann):
    page = ann.page
    expect(page.get_by_label("What shall be drawn?")).to_be_focused()
    page.keyboard.type("a mill")
    page.keyboard.press("Control+Enter")
    card = page.locator("article.job")
    expect_status(card, 1)

    for _ in range(40):
        page.keyboard.press("Tab")
        if (page.evaluate("document.activeElement.ariaLabel") or "").startswith("Enlarge"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Picture 1 of 4")).to_be_visible()
    page.keyboard.press("Escape")
    # The focus is back where it was.
    assert page.evaluate("document.activeElement.ariaLabel").startswith("Enlarge picture 1")


def test_times_are_the_viewers(ann):
    card = ann.draw("a mill")
    moment = card.locator("time").first

    assert "GMT+9" in moment.get_attribute("title") or "JST" in moment.get_attribute("title")
    assert json.dumps(moment.get_attribute("datetime")).endswith('Z"')
    wait_until(lambda: moment.inner_text() != "", what="its words")
