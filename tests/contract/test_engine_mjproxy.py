"""The mjproxy engine keeps the contract on both servers, and never gives up what was paid for."""

from __future__ import annotations

import base64
import dataclasses
import io
import threading

import pytest
from PIL import Image

import engines
from engines.mjproxy.task import refusal, task_of
from limner.engine import Finished, Parent, Preview, Progress, Queued
from limner.errors import (
    BadResult,
    ConfigError,
    EngineBusy,
    EngineDown,
    EngineError,
    JobLost,
    Refused,
    Rejected,
)
from tests.conftest import wait_until
from tests.contract.remote_drivers import MJPROXY as DRIVER
from tests.contract.remote_drivers import OnAServer, Watching, drawn, steps_of
from tests.standins.mjproxy import SECRET

IMAGINE, LIST = "/mj/submit/imagine", "/mj/task/list-by-condition"


def sent(server, path=IMAGINE):
    return [asked.json for asked in server.asked_for(path)]


class TestMjProxyOnNovicezk(OnAServer):
    pass


class TestMjProxyOnTrueai(OnAServer):
    faults = ("trueai", "four-urls", "waiting")
    options = {"speed": "prefix", "cancel": True}


class TestMjProxyWithoutPreviews(OnAServer):
    options = {"previews": False}


# -- what is sent --------------------------------------------------------------------------------


def test_the_final_prompt_goes_as_it_stands(server, build, brief):
    words = "a lighthouse --ar 2:3 --chaos 30 --style raw --no people"
    asked = dataclasses.replace(
        brief, final_prompt=words, chaos=30.0, style="raw", negative="people"
    )

    finished = drawn(build(), asked)

    (body,) = sent(server)
    assert (body["prompt"], body["base64Array"], body["state"]) == (words, [], brief.job_id)
    assert finished.notes["parameters"] == {
        "chaos": "exact",
        "style": "exact",
        "negative": "exact",
    }


def test_references_go_as_data_urls(server, build, brief, tmp_path):
    Image.new("RGB", (30, 20), "red").save(tmp_path / "one.png")
    asked = dataclasses.replace(brief, references=(tmp_path / "one.png",))

    drawn(build(), asked)

    (picture,) = sent(server)[0]["base64Array"]
    head, _, data = picture.partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == (tmp_path / "one.png").read_bytes()


@pytest.mark.parametrize(
    ("speed", "fast", "path", "modes"),
    [
        ("none", True, "/mj/submit/imagine", None),
        ("prefix", True, "/mj-fast/mj/submit/imagine", None),
        ("prefix", False, "/mj-relax/mj/submit/imagine", None),
        ("filter", True, "/mj/submit/imagine", ["FAST"]),
        ("filter", False, "/mj/submit/imagine", ["RELAX"]),
    ],
)
def test_the_lane_becomes_the_speed_that_the_server_knows(
    server, build, brief, speed, fast, path, modes
):
    server.faults.add("trueai")

    build(speed=speed).submit(dataclasses.replace(brief, fast=fast))

    (body,) = sent(server, path)
    assert body.get("accountFilter", {}).get("modes") == modes


def test_a_seed_and_a_bot_are_sent_only_if_asked_for(server, build, brief):
    build().submit(brief)
    niji = dataclasses.replace(brief, niji=True)
    build(send_seed=True, niji_bot=True).submit(niji)

    plain, full = sent(server)
    assert "--seed" not in plain["prompt"]
    assert "botType" not in plain
    assert full["prompt"].endswith("--seed 11")
    assert full["botType"] == "NIJI_JOURNEY"


# -- buttons -------------------------------------------------------------------------------------


def follow_up(brief, engine, tmp_path, cell, name="drawer"):
    """A follow-up of a finished drawing: of a cell, or of the whole."""
    handle = engine.submit(brief)
    drawn(engine, brief, handle)
    picture = None
    if cell is not None:
        picture = tmp_path / "cell.png"
        Image.new("RGB", (128, 192), "red").save(picture)
    return dataclasses.replace(brief, parent=Parent(picture, cell, 0.45, name, handle))


@pytest.mark.parametrize(
    ("cell", "change"),
    [(2, {"action": "VARIATION", "index": 3}), (None, {"action": "REROLL"})],
)
def test_novicezks_follow_ups_are_changes(server, build, brief, tmp_path, cell, change):
    engine = build()
    again = follow_up(brief, engine, tmp_path, cell)

    drawn(engine, again)

    (body,) = sent(server, "/mj/submit/change")
    assert body == {"taskId": again.parent.handle["task"], **change}


@pytest.mark.parametrize(
    ("cell", "custom_id"),
    [(0, "MJ::JOB::variation::1::5f1c"), (None, "MJ::JOB::reroll::0::5f1c::SOLO")],
)
@pytest.mark.parametrize("remix", [False, True])
def test_trueais_follow_ups_press_its_buttons(
    server, build, brief, tmp_path, cell, custom_id, remix
):
    server.faults |= {"trueai", "remix"} if remix else {"trueai"}
    engine = build()
    again = follow_up(brief, engine, tmp_path, cell)

    drawn(engine, again)

    (body,) = sent(server, "/mj/submit/action")
    assert body == {"taskId": again.parent.handle["task"], "customId": custom_id}
    confirmed = sent(server, "/mj/submit/modal")
    assert [body["prompt"] for body in confirmed] == ([brief.final_prompt] if remix else [])


def test_a_follow_up_of_a_forgotten_or_foreign_drawing_is_imagined_anew(
    server, build, brief, tmp_path
):
    engine = build()
    foreign = follow_up(brief, engine, tmp_path, 1, name="another")
    own = follow_up(brief, engine, tmp_path, 1)
    server.forget_all()

    drawn(engine, foreign)
    drawn(engine, own)

    assert not sent(server, "/mj/submit/change")
    assert [len(body["base64Array"]) for body in sent(server)] == [0, 0, 1, 1]


# -- what becomes of a submission ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("queue-full", EngineBusy, None),
        ("no-account", EngineBusy, None),
        ("internal", EngineBusy, None),
        ("no-instance-for-it", EngineBusy, None),
        ("banned", Rejected, "moderated"),
        ("invalid", Rejected, "parameter"),
        ("day-limit", Refused, "credit"),
        ("locked", Refused, "credentials"),
        ("odd-code", EngineError, None),
        ("shut-out-at-once", Refused, "credentials"),
        ("no-code", BadResult, None),
        ("no-submit", Refused, "setup"),
        ("drop-submit", JobLost, None),
    ],
)
def test_every_refusal_is_the_error_that_says_what_to_do(server, build, brief, fault, error, kind):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        build().submit(brief)

    assert getattr(caught.value, "kind", None) == kind
    assert "/home" not in str(caught.value)
    if fault == "drop-submit":
        assert caught.value.charged


@pytest.mark.parametrize("fault", ["waiting", "exists"])
def test_accepted_and_waiting_or_existing_is_accepted(server, build, brief, fault):
    server.faults.add(fault)

    steps = steps_of(build(), brief)

    assert isinstance(steps[-1], Finished)
    assert Queued(3 if fault == "waiting" else 1) in steps


@pytest.mark.parametrize(
    ("text", "error", "kind"),
    [
        ("You have been temporarily blocked from accessing Midjourney", Refused, "credentials"),
        ("You are now permanently banned.", Refused, "credentials"),
        ("Your access has been suspended", Refused, "credentials"),
        ("Your account is suspended", Refused, "credentials"),
        ("账号已被禁用", Refused, "credentials"),
        ("You are using a banned word", Rejected, "moderated"),
        ("Your prompt has been blocked", Rejected, "moderated"),
    ],
)
def test_an_account_that_is_shut_out_is_told_from_a_prompt_that_is(text, error, kind):
    found = refusal(4, text)

    assert isinstance(found, error)
    assert found.kind == kind


# -- what becomes of a task ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("moderated", Rejected, "moderated"),
        ("bad-flag", Rejected, "parameter"),
        ("cancelled", Rejected, "failed"),
        ("modal", Rejected, "failed"),
        ("shut-out", Refused, "credentials"),
        ("no-instance", EngineDown, None),
        ("failed", EngineError, None),
        ("forgets", JobLost, None),
        ("gone", JobLost, None),
        ("broken", JobLost, None),
    ],
)
def test_every_end_of_a_task_is_the_error_that_says_what_to_do(
    server, build, brief, fault, error, kind
):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn(build(), brief)

    assert getattr(caught.value, "kind", None) == kind
    assert "/home" not in str(caught.value)
    assert getattr(caught.value, "charged", True)


@pytest.mark.parametrize("oddity", ["backwards", "odd-progress"])
def test_progress_that_is_odd_or_falls_is_told_as_rising(server, build, brief, oddity):
    server.faults.add(oddity)

    steps = steps_of(build(), brief)

    fractions = [step.fraction for step in steps if isinstance(step, Progress)]
    assert fractions == sorted(fractions)
    # A busy reader hears the newest look only: the last may come after the task's own end.
    assert set(fractions) <= {0.0, 0.31, 0.62, 0.93}


@pytest.mark.parametrize(
    ("text", "fraction"),
    [("42%", 0.42), ("(100%) (fast)", 1.0), ("900%", 1.0), ("", None), (None, None), (7, None)],
)
def test_progress_is_read_leniently(text, fraction):
    assert task_of({"id": "1", "status": "IN_PROGRESS", "progress": text}).fraction == fraction


def test_a_picture_after_the_servers_time_out_is_taken(server, build, brief):
    server.faults.add("late")

    assert drawn(build(late_s=60.0), brief)


def test_a_time_out_without_a_late_picture_was_paid_for(server, build, brief):
    server.faults.add("timeout")

    with pytest.raises(JobLost) as caught:
        drawn(build(late_s=0.1), brief)

    assert caught.value.charged


def test_a_restarted_server_has_lost_what_was_paid_for(server, build, brief):
    engine = build()
    handle = engine.submit(brief)
    server.forget_all()

    with pytest.raises(JobLost) as caught:
        drawn(engine, brief, handle)

    assert caught.value.charged


def test_a_task_that_a_list_leaves_out_is_asked_for_by_itself(server, build, brief):
    server.faults.add("unlisted")

    assert drawn(build(), brief)


def test_a_server_without_lists_is_asked_about_each_task(server, build, brief):
    server.faults.add("no-list")
    engine = build()

    assert engine.health().state == "ok"
    assert drawn(engine, brief)


# -- pictures ------------------------------------------------------------------------------------


def test_a_grid_is_cut_into_its_four_quarters(server, build, brief):
    whole = Image.new("RGB", (200, 300))
    colours = ["red", "green", "blue", "white"]
    for place, colour in enumerate(colours):
        at = ((place % 2) * 100, (place // 2) * 150)
        whole.paste(Image.new("RGB", (100, 150), colour), at)
    buffer = io.BytesIO()
    whole.save(buffer, "PNG")
    plain = server._picture
    server._picture = lambda name, asked: (
        dataclasses.replace(plain(name, asked), body=buffer.getvalue())
        if "grid" in name
        else plain(name, asked)
    )

    finished = drawn(build(), brief)

    for picture, colour in zip(finished.cells, colours, strict=True):
        opened = Image.open(io.BytesIO(picture))
        assert opened.size == (brief.width, brief.height)
        expected = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
        assert opened.getpixel((64, 96)) == expected


@pytest.mark.parametrize("oddity", ["late-url", "expiring", "four-urls", "four-urls-gone"])
def test_pictures_are_had_one_way_or_another(server, build, brief, oddity):
    server.faults.add(oddity)

    finished = drawn(build(), brief)

    sizes = {Image.open(io.BytesIO(cell)).size for cell in finished.cells}
    assert sizes == {(brief.width, brief.height)}


def test_previews_that_cannot_be_had_cost_nothing(server, build, brief):
    plain = server._picture
    server._picture = lambda name, asked: (
        plain(f"x_gone{name}", asked) if name.endswith(".webp") else plain(name, asked)
    )

    steps = steps_of(build(), brief)

    assert isinstance(steps[-1], Finished)
    assert not any(isinstance(step, Preview) for step in steps)


# -- polling -------------------------------------------------------------------------------------


def test_one_poll_serves_every_drawing(server, build, brief):
    engine, stop = build(poll_s=0.05), threading.Event()
    server.held.set()
    handles = [engine.submit(brief) for _ in range(120)]
    finished = []

    def draw(handle):
        finished.append(list(engine.watch(handle, brief, stop))[-1:])

    threads = [threading.Thread(target=draw, args=(handle,)) for handle in handles]
    for thread in threads:
        thread.start()
    asked = set()

    def all_asked_for():
        asked.update(*(set(body["ids"]) for body in sent(server, LIST)))
        return asked == {handle["task"] for handle in handles}

    wait_until(all_asked_for, what="a look at every task")
    batches = [len(body["ids"]) for body in sent(server, LIST)]
    stop.set()
    for thread in threads:
        thread.join(20)

    assert max(batches) == 100
    assert sum(thread.name == "mjproxy" for thread in threading.enumerate()) == 1
    assert len(finished) == 120


def test_closing_right_after_a_watch_waits_for_nothing(build, brief):
    stop = threading.Event()
    stop.set()

    for _ in range(20):
        engine = build()
        list(engine.watch(engine.submit(brief), brief, stop))
        engine.close()
        # Who has slept through the close sleeps on.
        assert not any(thread.name == "mjproxy" for thread in threading.enumerate())


def test_a_server_away_for_a_while_costs_no_drawing(server, build, brief):
    engine = build(silent_s=60.0)
    handle = engine.submit(brief)
    server.faults.add("list-down")
    watching = Watching(engine, brief, handle)
    wait_until(lambda: len(server.asked_for(LIST)) > 3, what="some polls")

    server.faults.discard("list-down")

    assert isinstance(watching.end().steps[-1], Finished)


def test_a_server_away_for_long_is_down_and_the_handle_is_good_later(server, build, brief):
    engine = build(silent_s=0.1)
    handle = engine.submit(brief)
    server.faults.add("list-down")

    with pytest.raises(EngineDown, match="silent"):
        steps_of(engine, brief, handle)

    server.faults.discard("list-down")
    assert drawn(engine, brief, handle)


def test_another_process_goes_on_with_a_handle(build, brief):
    handle = build().submit(brief)

    assert drawn(build(), brief, handle)


# -- stopping, cancelling, setting up ------------------------------------------------------------


def test_a_stop_leaves_the_drawing_going_on(server, build, brief):
    server.held.set()
    engine, stop = build(), threading.Event()
    handle = engine.submit(brief)
    watching = engine.watch(handle, brief, stop)
    next(watching)

    stop.set()

    # The server holds the drawing: who waited for its end would wait for ever.
    assert list(watching) == []
    assert not server.cancelled
    server.held.clear()
    assert drawn(engine, brief, handle)


def test_trueai_is_told_to_cancel_and_others_are_left_alone(server, build, brief):
    server.faults.add("trueai")
    able, unable = build(cancel=True), build()
    first, second = able.submit(brief), unable.submit(brief)

    able.cancel(first)
    unable.cancel(second)
    server.faults.discard("trueai")
    able.cancel(first)

    assert server.cancelled == [first["task"]]
    assert (able.capabilities().cancel, unable.capabilities().cancel) == (True, False)


@pytest.mark.parametrize(
    ("how", "header"), [("none", None), ("raw", SECRET), ("bearer", f"Bearer {SECRET}")]
)
def test_the_secret_goes_to_the_server_and_nowhere_else(server, brief, monkeypatch, how, header):
    server.faults.add("locked")
    monkeypatch.setenv("MJ_SECRET", SECRET)
    engine = engines.load(DRIVER.entry(server.url, api_key_env="MJ_SECRET", authorization=how))

    assert engine.health().state == "ok"
    handle = engine.submit(brief)
    finished = drawn(engine, brief, handle)

    assert server.asked_for(IMAGINE)[0].headers.get("authorization") == header
    assert SECRET not in repr((handle, finished.notes))
    engine.close()


def test_a_server_that_is_away_is_down(server, build, brief):
    engine = build()
    server.stop()

    assert engine.health().state == "down"
    with pytest.raises(EngineDown):
        engine.submit(brief)

    server.start()
    assert engine.health().state == "ok"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"speed": "turbo"}, "speed"),
        ({"poll_s": 0}, "poll_s"),
        ({"authorization": "bearer"}, "authorization"),
        ({"api_key": "secret"}, "api_key_env"),
        ({"cancle": True}, "cancel"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options, named):
    with pytest.raises(ConfigError, match=named):
        engines.load(DRIVER.entry(**options))
