"""Entering and leaving the console, and what a session is good for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from api import create_app
from limner.store.operators import Role
from limner.store.sessions import Holder
from tests.api.asking import a_body, refused
from tests.api.console.browsing import OURS, Browser

IMAGINE = "/draw/midjourney/imagine"
THEIRS = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


@pytest.fixture
def browser(app) -> Browser:
    return Browser(app)


@pytest.fixture
def ann(browser, caller) -> Browser:
    assert browser.enter(caller.token).status_code == 303
    return browser


@pytest.fixture
def olga(app, store) -> Browser:
    browser = Browser(app)
    assert browser.enter(store.operators.add("test", "olga", Role.STEER)).status_code == 303
    return browser


# -- the door ---------------------------------------------------------------------------------------


def test_the_root_leads_to_the_console_and_whoever_is_not_in_to_the_door(browser):
    assert browser.get("/").headers["Location"] == "console/"
    for path in ("/console", "/console/", "/console/draw"):
        assert "console/enter" in browser.get(path).headers["Location"]
    assert browser.get("/console/enter").status_code == 200


def test_where_the_console_is_off_nothing_of_it_is_there(settings, store, messages, caller):
    app = create_app(replace(settings, console="off"), store, messages)
    browser = Browser(app)

    for path in ("/", "/console/", "/console/enter", "/console/live"):
        refused(browser.get(path), 404)
    assert browser.enter(caller.token).status_code == 404


def test_a_token_lets_in_and_the_page_says_who_is_in(ann):
    page = ann.get("/console/draw")

    assert page.status_code == 200
    assert 'data-name="ann"' in page.text


def test_a_wrong_token_is_told_on_the_page_and_does_not_come_back_to_it(browser):
    answer = browser.enter("lim_<b>guess")

    assert answer.status_code == 401
    assert "No client or operator has this token." in answer.text
    assert "guess" not in answer.text
    assert "Set-Cookie" not in answer.headers


def test_too_many_wrong_tokens_are_slowed_and_told_when_to_come_again(browser, caller):
    answers = [browser.enter(f"lim_{number}") for number in range(11)]

    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert browser.enter(caller.token).status_code == 303


def test_a_ticket_lets_in_once(app, store, caller):
    ticket = store.sessions.new_ticket(Holder.CLIENT, "ann")

    first = Browser(app)
    assert first.post("/console/enter", ticket=ticket).status_code == 303
    assert first.get("/console/draw").status_code == 200
    assert Browser(app).post("/console/enter", ticket=ticket).status_code == 401


@pytest.mark.parametrize(
    ("asked", "leads"),
    [
        ("console/draw?from=0123", "../console/draw?from=0123"),
        ("https://evil.example/", "../console/draw"),
        ("//evil.example", "../console/draw"),
        ("console/../../evil", "../console/draw"),
        ("console/enter", "../console/draw"),
        ("console/draw\r\nX: y", "../console/draw"),
    ],
)
def test_after_entering_a_page_of_the_console_follows_and_no_other(browser, caller, asked, leads):
    answer = browser.post("/console/enter", token=caller.token, next=asked)

    assert answer.headers["Location"] == leads


def test_who_enters_as_another_has_left_as_the_first(ann, app, store, other):
    cookie = ann._client.get_cookie("limner_8000").value
    ann.enter(other.token)

    assert 'data-name="bob"' in ann.get("/console/draw").text
    assert store.sessions.find(cookie) is None


def test_leaving_ends_the_session_also_for_a_copy_of_its_cookie(ann, store):
    cookie = ann._client.get_cookie("limner_8000").value

    answer = ann.post("/console/leave", csrf=ann.key())

    assert answer.headers["Location"].endswith("console/enter")
    assert store.sessions.find(cookie) is None
    assert ann.get("/console/draw").status_code == 303


def test_a_replaced_token_ends_its_sessions(ann, store):
    key = ann.key()
    store.clients.rotate_token("ann")

    assert ann.get("/console/draw").status_code == 303
    refused(ann.call("GET", "/draw/midjourney/jobs", headers=OURS | {"X-Limner-Csrf": key}), 401)


# -- cookies and headers ----------------------------------------------------------------------------


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(browser, caller):
    cookie = browser.enter(caller.token).headers["Set-Cookie"]

    assert cookie.startswith("limner_8000=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_over_https_the_cookie_never_goes_over_http(app, caller):
    cookie = Browser(app, "https://draw.example").enter(caller.token).headers["Set-Cookie"]

    assert cookie.startswith("__Host-limner=")
    assert "Secure" in cookie.split("; ")


def test_a_proxy_that_ends_https_is_known_by_the_public_address(app, caller):
    cookie = Browser(app, "http://draw.example").enter(caller.token).headers["Set-Cookie"]

    assert "Secure" in cookie.split("; ")


def test_every_page_has_a_policy_that_runs_nothing_inline(ann, olga):
    for page in (
        *(ann.get(path) for path in ("/console/enter", "/console/draw", "/console/nowhere")),
        olga.get("/console/nowhere"),
        ann.enter("wrong"),
    ):
        policy = dict(
            part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["img-src"] == "'self' data: blob: https://draw.example"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", page.text)
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.text)


def test_what_pages_load_is_kept_for_good_under_an_address_of_its_version(ann):
    style = re.search(
        r'href="\.\./(console/assets/\w+/console\.css)"', ann.get("/console/draw").text
    )
    answer = ann.get(f"/{style[1]}")

    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.mimetype == "text/css"
    assert ann.get("/console/assets/other/console.css").headers["Cache-Control"] == "no-store"
    for name in ("../room.py", "%2e%2e/room.py", "nothing.js"):
        assert ann.get(f"/console/assets/x/{name}").status_code == 404


# -- what a session is good for ---------------------------------------------------------------------


def test_a_page_of_ours_draws_by_its_session(ann):
    job = ann.call("POST", IMAGINE, a_body())

    assert job.status_code == 202
    assert ann.call("GET", f"/draw/midjourney/jobs/{job.json['id']}").json["id"] == job.json["id"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        OURS,
        THEIRS,
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
@pytest.mark.parametrize("key", [False, True])
def test_a_cookie_alone_authorises_no_call_nor_does_a_key_on_another_sites_page(
    ann, store, headers, key
):
    if key and headers == OURS:
        return
    sent = dict(headers) | ({"X-Limner-Csrf": ann.key()} if key else {})

    refused(ann.call("POST", IMAGINE, a_body(), headers=sent), 401)
    if not key:
        refused(ann.call("GET", "/draw/midjourney/jobs", headers=sent), 401)
        refused(ann.call("GET", "/console/live", headers=sent), 401)
    assert store.jobs.page("ann").jobs == ()


def test_where_browsers_send_no_fetch_metadata_the_origin_counts(ann):
    key = {"X-Limner-Csrf": ann.key()}

    for origin in ("http://localhost", "https://draw.example"):
        answer = ann.call("POST", IMAGINE, a_body(), headers=key | {"Origin": origin})
        assert answer.status_code == 202


def test_another_sessions_key_is_no_key(ann, app, other):
    bob = Browser(app)
    bob.enter(other.token)

    refused(ann.call("POST", IMAGINE, a_body(), headers=OURS | {"X-Limner-Csrf": bob.key()}), 401)


@pytest.mark.parametrize("path", ["/console/enter", "/console/leave", "/console/language"])
@pytest.mark.parametrize(
    "headers", [{}, THEIRS, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_a_form_of_another_site_is_refused(ann, caller, path, headers):
    answer = ann.post(path, headers=headers, token=caller.token, csrf=ann.key(), language="zh")

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert ann.get("/console/draw").status_code == 200


def test_leaving_takes_the_sessions_own_key(ann):
    assert ann.post("/console/leave", csrf="0" * 64).status_code == 403
    assert ann.get("/console/draw").status_code == 200


def test_a_token_counts_as_ever_whatever_cookie_comes_with_it(ann, other):
    sent = OURS | {"X-Limner-Csrf": ann.key(), "token": other.token}
    job = ann.call("POST", IMAGINE, a_body(), headers=sent).json
    assert other("GET", f"/draw/midjourney/jobs/{job['id']}").status_code == 200

    refused(ann.call("POST", IMAGINE, a_body(), headers=sent | {"token": "lim_wrong"}), 401)


def test_a_session_has_its_clients_rate_and_lanes(app, store):
    browser = Browser(app)
    browser.enter(store.clients.add("slow", rate_per_s=1, lanes=frozenset()).token)
    key = OURS | {"X-Limner-Csrf": browser.key()}

    answers = [browser.call("GET", "/draw/midjourney/jobs", headers=key) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 429]
    assert "RateLimit" in answers[0].headers


def test_other_faces_know_no_sessions(ann):
    headers = OURS | {"X-Limner-Csrf": ann.key()}

    for path in ("/v1/images/generations", "/mj/submit/imagine", "/v1/predictions", "/mcp"):
        assert ann.call("POST", path, {"prompt": "x"}, headers=headers).status_code == 401, path


def test_an_operators_session_steers_and_draws_not_and_a_clients_the_other_way_round(ann, olga):
    assert olga.call("GET", "/ops/lanes").status_code == 200
    assert olga.call("POST", "/ops/lane/fast/pause").status_code == 200
    refused(olga.call("POST", IMAGINE, a_body()), 401)
    refused(ann.call("GET", "/ops/lanes"), 401)
    assert ann.get("/console/draw").status_code == 200
    assert olga.get("/console/draw").status_code == 303


def test_an_operator_who_may_only_look_changes_nothing_by_a_session_either(app, store):
    browser = Browser(app)
    browser.enter(store.operators.add("test", "vera", Role.VIEW))

    assert browser.call("GET", "/ops/lanes").status_code == 200
    refused(browser.call("POST", "/ops/lane/fast/pause"), 403)


def test_what_an_operator_changes_in_the_console_is_in_the_audit_trail_under_its_name(olga, store):
    olga.call("POST", "/ops/lane/fast/pause")

    assert store.levers.audit(1)[0].who == "operator:olga"


@pytest.mark.parametrize("headers", [{}, OURS, THEIRS])
def test_an_operators_cookie_alone_steers_nothing(olga, store, headers):
    refused(olga.call("POST", "/ops/lane/fast/pause", headers=headers), 401)

    assert not store.levers.halted().lanes


# -- languages and troubles -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "language"),
    [("zh-CN,zh;q=0.9", "zh"), ("de,en;q=0.5", "en"), ("fr", "en"), ("", "en"), ("zh-Hant", "zh")],
)
def test_the_language_is_the_browsers_where_we_have_it(browser, asked, language):
    page = browser.get("/console/enter", headers={"Accept-Language": asked})

    assert f'<html lang="{language}"' in page.text


def test_a_chosen_language_stays_and_its_switch_leads_back(ann):
    answer = ann.post("/console/language", language="zh", next="console/draw")

    assert answer.headers["Location"] == "../console/draw"
    assert '<html lang="zh"' in ann.get("/console/draw").text


def test_an_address_without_a_page_is_told_as_a_page(ann):
    page = ann.get("/console/what/ever")

    assert page.status_code == 404
    assert "There is nothing at this address." in page.text


def test_a_page_knows_its_way_under_the_path_of_a_proxy(ann):
    page = ann.get("/console/what/ever").text

    assert 'data-root="../../"' in page
    assert 'href="../../console/assets/' in page


def test_while_the_store_is_away_a_page_says_so(mortal_app, server):
    browser = Browser(mortal_app)
    browser._client.set_cookie("limner_8000", "x" * 43)
    server.kill()

    page = browser.get("/console/draw")

    assert page.status_code == 503
    assert "cannot reach its store" in page.text
    assert page.headers["Retry-After"]


def test_a_form_that_is_too_long_is_refused(browser):
    assert browser.enter("x" * 20_000).status_code == 413
