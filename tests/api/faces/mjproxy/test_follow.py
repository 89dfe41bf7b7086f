"""Buttons: what a task offers, what each one asks for, and the windows that some open."""

from __future__ import annotations

import pytest

from api import create_app
from api.faces.mjproxy import follow
from api.spool import Spooling
from tests.api.faces.mjproxy.speaking import DATA_URL, HOOK, drawn


@pytest.fixture
def grid(app, speaker, store):
    return drawn(app, store, speaker.imagine(prompt="a fox", state="s"))


@pytest.fixture
def single(speaker, grid):
    """One picked cell of a grid."""
    return speaker.submit("change", taskId=grid, action="UPSCALE", index=2)["result"]


def labels(speaker, task_id):
    return [
        (button["emoji"] + " " + button["label"]).strip()
        for button in speaker.task(task_id)["buttons"]
    ]


def made(store, answer):
    return store.jobs.get(answer["result"])


def test_a_grid_offers_its_cells_and_another_one(speaker, grid):
    assert labels(speaker, grid) == ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4", "🔄"]
    first = speaker.task(grid)["buttons"][0]
    assert first == {
        "customId": f"MJ::JOB::upsample::1::{grid}",
        "emoji": "",
        "label": "U1",
        "type": 2,
        "style": 2,
    }


def test_a_picked_cell_offers_what_its_engine_can_do_with_it(app, speaker, store, single):
    assert labels(speaker, single) == [
        "🪄 Vary (Strong)",
        "Upscale (Subtle)",
        "Upscale (Creative)",
        "🖌️ Vary (Region)",
        "🔍 Zoom Out 2x",
        "🔍 Zoom Out 1.5x",
        "🔍 Custom Zoom",
        "⬅️",
        "➡️",
        "⬆️",
        "⬇️",
    ]
    other = drawn(app, store, speaker.imagine(), count=1, can=())
    assert labels(speaker, other) == ["🔄"]


def test_a_task_offers_nothing_until_it_is_done(speaker):
    assert speaker.task(speaker.imagine())["buttons"] is None


def test_each_button_of_a_task_makes_a_job_or_opens_a_window(speaker, store, grid, single):
    for task in (grid, single):
        for button in speaker.task(task)["buttons"]:
            asked = {"taskId": task, "customId": button["customId"]}
            found = speaker.asked("POST", "/mj/submit/action", asked)
            opens = "Inpaint" in button["customId"] or "CustomZoom" in button["customId"]
            assert found["code"] in ((21,) if opens else (1, 22)), (button, found)
            assert isinstance(found["result"], str)


@pytest.mark.parametrize(
    ("part", "strong", "draw_type"),
    [
        ("variation::3", False, "v3"),
        ("variation::3", True, "vs3"),
        ("reroll", False, "r"),
        ("upsample::4", False, "u4"),
    ],
)
def test_a_grids_button_asks_for(speaker, store, grid, part, strong, draw_type):
    custom_id = speaker.button(grid, part)
    found = speaker.submit(
        "action", taskId=grid, customId=custom_id, strong=strong, state="s:2", notifyHook=HOOK
    )
    job = made(store, found)

    assert (job.draw_type, job.parent, job.request.extra) == (draw_type, grid, "s:2")
    assert job.request.callback_url == HOOK
    assert speaker.task(job.id)["state"] == "s:2"


@pytest.mark.parametrize(
    ("part", "draw_type", "change"),
    [
        ("high_variation", "vs1", None),
        ("_creative", "upscale", {"kind": "creative"}),
        ("Outpaint::75", "zoom", {"scale": 1.5}),
        ("Outpaint::50", "zoom", {"scale": 2.0}),
        ("pan_up", "pan", {"direction": "up"}),
    ],
)
def test_a_single_pictures_button_asks_for(speaker, store, single, part, draw_type, change):
    found = speaker.submit("action", taskId=single, customId=speaker.button(single, part))
    job = made(store, found)

    assert job.draw_type == draw_type
    for name, value in (change or {}).items():
        assert getattr(job.request.change, name) == value


@pytest.mark.parametrize(("content", "kind"), [("U1", "u1"), ("v2", "v2"), ("R", "r")])
def test_a_simple_change_says_it_in_one_line(speaker, store, grid, content, kind):
    assert (
        made(store, speaker.submit("simple-change", content=f"{grid} {content}")).draw_type == kind
    )


def test_a_cell_that_was_picked_before_is_found_again(speaker, grid, single):
    again = speaker.submit("change", taskId=grid, action="UPSCALE", index=2)
    custom_id = f"MJ::JOB::upsample::2::{grid}"

    assert again["result"] == single
    assert labels(speaker, grid)[:4] == ["U1", "U2", "U3", "U4"]
    assert again["properties"]["imageUrl"] == speaker.task(single)["imageUrl"]
    assert speaker.submit("action", taskId=grid, customId=custom_id)["result"] == single


def test_a_follow_up_is_drawn_at_its_tasks_speed_unless_it_says_another(app, speaker, store):
    grid = drawn(app, store, speaker.imagine(prompt="a fox --relax"))

    assert made(store, speaker.submit("simple-change", content=f"{grid} V1")).lane == "relaxed"
    body = {"content": f"{grid} V1"}
    found = speaker.asked("POST", "/mj-fast/mj/submit/simple-change", body)
    assert made(store, found).lane == "fast"


@pytest.mark.parametrize(
    "custom_id",
    [
        "MJ::JOB::upsample::9::{job}",
        "MJ::JOB::upsample::1::" + "0" * 32,
        "MJ::BOOKMARK::{job}",
        "nonsense",
    ],
)
def test_a_button_that_the_task_does_not_have_is_refused(speaker, grid, custom_id):
    speaker.submit("action", 4, taskId=grid, customId=custom_id.format(job=grid))


def test_nothing_follows_a_task_that_is_not_done_or_not_there_or_anothers(speaker, stranger, grid):
    waiting = speaker.imagine()

    assert "waiting" in speaker.submit("simple-change", 4, content=f"{waiting} U1")["description"]
    speaker.submit("change", 4, taskId="1" * 32, action="REROLL")
    stranger.submit("change", 4, taskId=grid, action="REROLL")
    custom_id = f"MJ::JOB::reroll::0::{grid}::SOLO"
    stranger.submit("action", 4, taskId=grid, customId=custom_id)


@pytest.fixture
def window(speaker, single):
    """A draft: the window of a region."""
    found = speaker.submit(
        "action", 21, taskId=single, customId=speaker.button(single, "Inpaint"), state="s:3"
    )
    assert "confirm" in found["description"]
    assert found["properties"] == {"finalPrompt": "a fox", "remix": True}
    return found["result"]


def test_a_window_is_a_task_in_modal_until_it_is_submitted(speaker, stranger, window):
    task = speaker.task(window)

    assert (task["id"], task["status"], task["action"]) == (window, "MODAL", "INPAINT")
    assert (task["state"], task["progress"], task["buttons"]) == ("s:3", "0%", None)
    assert isinstance(task["submitTime"], int)
    assert speaker.asked("POST", "/mj/task/list-by-condition", {"ids": [window]}) == [task]
    assert stranger.task(window)["code"] == 4
    stranger.submit("modal", 4, taskId=window, maskBase64=DATA_URL)


def test_a_submitted_window_is_a_job_of_the_same_id_once(speaker, store, window, single):
    found = speaker.submit("modal", taskId=window, prompt="a cat", maskBase64=DATA_URL)
    again = speaker.submit("modal", taskId=window, prompt="another", maskBase64=DATA_URL)
    job = made(store, found)

    assert found["result"] == again["result"] == window
    assert (job.draw_type, job.parent, job.request.prompt_en) == ("region", single, "a cat")
    assert job.request.change.mask.startswith("spool:")
    assert speaker.task(window)["status"] == "NOT_START"
    assert speaker.task(window)["state"] == "s:3"


def test_a_window_without_what_it_needs_stays_open(speaker, window):
    assert "maskBase64" in speaker.submit("modal", 4, taskId=window)["description"]
    assert speaker.task(window)["status"] == "MODAL"


def test_a_window_is_kept_where_every_process_finds_it(speaker, window, settings, store, messages):
    speaker.app = create_app(settings, store, messages)

    assert speaker.submit("modal", taskId=window, maskBase64=DATA_URL)["result"] == window


def test_a_window_that_is_not_needed_any_more_is_cancelled(speaker, window):
    assert speaker.asked("POST", f"/mj/task/{window}/cancel")["code"] == 1
    speaker.submit("modal", 4, taskId=window, maskBase64=DATA_URL)


@pytest.mark.parametrize(
    ("prompt", "words", "scale"),
    [
        ("a fox --zoom 1.6", "a fox", 1.5),
        ("a bear --zoom 2 --ar 3:2", "a bear --ar 3:2", 2.0),
        ("", "a fox", 2.0),
    ],
)
def test_a_custom_zoom_says_how_far_in_its_words(speaker, store, single, prompt, words, scale):
    opened = speaker.submit(
        "action", 21, taskId=single, customId=speaker.button(single, "CustomZoom")
    )
    job = made(store, speaker.submit("modal", taskId=opened["result"], prompt=prompt))

    assert (job.request.prompt_en, job.request.change.scale) == (words, scale)


def test_a_remixed_variation_asks_for_words(speaker, store, grid):
    press = {"taskId": grid, "customId": speaker.button(grid, "variation::2"), "enableRemix": True}
    first = speaker.submit("action", 21, **press)["result"]
    second = speaker.submit("action", 21, **press)["result"]

    job = made(store, speaker.submit("modal", taskId=first, prompt="a wolf"))
    assert (job.draw_type, job.request.prompt_en, job.request.change.cell) == ("remix", "a wolf", 1)
    answer = speaker.asked("POST", "/mj/submit/modal", {"taskId": second})
    assert made(store, answer).draw_type == "v2"


def test_a_modal_for_a_task_without_a_window_only_answers(speaker, grid, single):
    """One of the clients answers every 21 by submitting a window at once."""
    assert speaker.submit("modal", taskId=single)["result"] == single
    assert speaker.submit("modal", taskId=grid)["result"] == grid
    speaker.submit("modal", 4, taskId="f" * 32)


def test_two_requests_that_submit_one_window_at_once_make_one_job(
    app, speaker, store, window, monkeypatch
):
    """The second one looks before the first one's job is there."""
    first = speaker.submit("modal", taskId=window, maskBase64=DATA_URL)
    mask = store.jobs.get(window).request.change.mask
    dropped = []
    monkeypatch.setattr(Spooling, "drop", lambda self: dropped.extend(self._kept))
    monkeypatch.setattr(follow, "_own_job_or_none", lambda _job_id: None)

    second = speaker.submit("modal", taskId=window, maskBase64=DATA_URL)

    assert first["result"] == second["result"]
    assert store.jobs.get(window).request.change.mask == mask
    assert len(dropped) == 1
    assert mask.removeprefix("spool:") not in dropped


def test_a_cell_that_another_protocol_picked_is_told_to_be_used(caller, speaker, store, app):
    speaker.token = caller.token
    grid = drawn(app, store, speaker.imagine())
    pick = {"buttonType": "u1", "messageId": grid, "tag": "f" * 32, "fast": True}
    assert caller("POST", "/draw/midjourney/button", json=pick).status_code == 200

    assert (
        "before"
        in speaker.submit("change", 4, taskId=grid, action="UPSCALE", index=1)["description"]
    )
