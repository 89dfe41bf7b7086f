"""The tools: what each asks for, waits for and shows, in every revision."""

from __future__ import annotations

import base64
import threading
import uuid
from dataclasses import replace

import jsonschema
import pytest

from api import create_app
from api.faces.mcp import look
from limner.followup import BUTTONS
from limner.request import Lane
from limner.settings.faces import FaceOptions
from schemas.buttons import FIELDS_OF_BUTTONS
from schemas.mcp.arguments import (
    CancelArguments,
    ImagineArguments,
    JobArguments,
    PressArguments,
)
from schemas.mcp.tools import JOB_SCHEMA, TOOLS
from tests.api.asking import Caller, a_caller
from tests.api.drawing import bytes_at, done, failed, images_of, kept, submitted
from tests.api.faces.mcp.speaking import BOTH, HANDSHAKES, STATELESS, Agent, messages
from tests.conftest import wait_until

EVERY = (STATELESS, *HANDSHAKES)
SCHEMAS = {
    "imagine": ImagineArguments(),
    "job": JobArguments(),
    "press": PressArguments(),
    "cancel": CancelArguments(),
}


def job_of(result) -> dict:
    """The job in a result, checked against the shape that the tools promise."""
    job = result["structuredContent"]
    jsonschema.Draft202012Validator(JOB_SCHEMA).validate(job)
    assert job.keys() == JOB_SCHEMA["properties"].keys()
    assert job["job_id"] in result["content"][0]["text"]
    return job


def kinds(result) -> list[str]:
    return [one["type"] for one in result["content"]]


def text_of(result) -> str:
    return result["content"][0]["text"]


def told(caller, job_id) -> dict:
    """The same job through the gateway's own face."""
    return caller("GET", f"/draw/midjourney/jobs/{job_id}").json


def once_waiting(app, action) -> threading.Thread:
    """Do something as soon as somebody waits."""
    watcher = app.extensions["limner"].watcher

    def act():
        wait_until(lambda: watcher.waiting > 0, what="somebody who waits")
        action()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


@pytest.fixture
def ended(app, caller, store):
    """The id of a job that is done."""
    return done(app, store, caller.drawn())["id"]


# -- descriptions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool["name"])
def test_a_description_says_what_the_tool_takes(tool):
    schema, shown = SCHEMAS[tool["name"]], tool["inputSchema"]

    jsonschema.Draft202012Validator.check_schema(shown)
    assert set(shown["properties"]) == schema.names
    required = {name for name, field in schema.load_fields.items() if field.required}
    assert set(shown["required"]) == required
    assert shown["additionalProperties"] is False
    for name, one in shown["properties"].items():
        if "default" in one and name != "count":
            assert schema.load_fields[name].absent == one["default"]


def test_only_looking_is_said_to_change_nothing():
    assert [tool["annotations"]["readOnlyHint"] for tool in TOOLS] == [False, True, False, False]
    assert [tool["annotations"]["idempotentHint"] for tool in TOOLS] == [False, True, False, True]


# -- imagine --------------------------------------------------------------------------------------


def test_imagine_makes_a_job_with_all_that_was_asked_for(agent, caller):
    result = agent.call(
        "imagine",
        prompt="a lighthouse",
        aspect_ratio="16:9",
        negative="boats",
        seed=7,
        count=2,
        images=["https://pictures.example/a.png"],
        fast=False,
        wait_s=0,
    )

    job = job_of(result)
    own = told(caller, job["job_id"])
    assert (job["status"], job["position"], job["aspect_ratio"]) == ("waiting", 1, "7:4")
    assert "place 1" in text_of(result)
    assert result["isError"] is False
    assert kinds(result) == ["text"]
    assert (own["promptEn"], own["ar"], own["arRequested"]) == ("a lighthouse", "7:4", "16:9")
    assert (own["fast"], own["count"]) == (False, 2)
    assert "--no boats" in own["finalPrompt"]
    assert "--seed 7" in own["finalPrompt"]


def test_the_lane_of_who_names_none_is_the_faces(settings, store, messages, caller):
    app = create_app(
        replace(settings, face_options={"mcp": FaceOptions(lane=Lane.RELAXED)}), store, messages
    )

    job = job_of(Agent(Caller(app, caller.token, "ann")).call("imagine", prompt="a", wait_s=0))

    assert told(caller, job["job_id"])["fast"] is False


@pytest.mark.parametrize("revision", EVERY)
def test_a_job_that_is_done_shows_a_picture_and_links_to_all(caller, ended, revision):
    result = Agent(caller, revision).call("job", id=ended)

    job = job_of(result)
    own = told(caller, ended)
    urls = [one["url"] for one in own["images"]]
    assert [one["url"] for one in job["pictures"]] == urls
    assert job["url"] == own["url"]
    assert job["buttons"] == own["buttons"]
    picture = result["content"][1]
    assert (picture["type"], picture["mimeType"]) == ("image", "image/png")
    assert base64.b64decode(picture["data"]).startswith(b"\x89PNG")
    if revision >= "2025-06-18":
        links = result["content"][2:]
        assert [one["uri"] for one in links] == [*urls, own["url"]]
        assert {one["mimeType"] for one in links} == {"image/png"}
    else:
        # Their clients refuse a result with kinds of content that they do not know.
        assert kinds(result) == ["text", "image", "text"]
        assert all(url in result["content"][2]["text"] for url in urls)


def test_a_picture_is_small_enough_for_every_client(app, ended, agent, monkeypatch):
    images, sides = images_of(app), []

    def thumbnail(key, side_px):
        sides.append(side_px)
        return bytes(look.LOOK_MAX_BYTES + (side_px > 256))

    monkeypatch.setattr(images, "thumbnail", thumbnail)
    result = agent.call("job", id=ended)

    assert sides == [512, 256]
    assert len(result["content"][1]["data"]) < 1_000_000


def test_a_picture_that_is_gone_leaves_the_rest(app, ended, agent, caller):
    images_of(app).delete(images_of(app).key_of(told(caller, ended)["url"]))

    assert "image" not in kinds(agent.call("job", id=ended))


def test_a_failure_of_the_drawing_is_told_to_the_model(agent, caller, store):
    job_id = failed(store, caller.drawn(), "moderated")["id"]

    result = agent.call("job", id=job_id)

    assert result["isError"] is True
    assert "It broke." in text_of(result)
    assert job_of(result)["reason_code"] == "moderated"


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("imagine", {}, "prompt: Is required."),
        ("imagine", {"prompt": " "}, "prompt: Must not be blank."),
        ("imagine", {"prompt": "a", "aspectratio": "1:1"}, "Did you mean aspect_ratio?"),
        ("imagine", {"prompt": "a", "aspect_ratio": "wide"}, "aspect_ratio: Must be a ratio"),
        ("imagine", {"prompt": "a", "count": 5}, "count: Must be from 1 to 4."),
        ("imagine", {"prompt": "a", "wait_s": 601}, "wait_s: Must be from 0 to 600."),
        ("imagine", {"prompt": "a", "images": ["ftp://x"]}, "images: Image 1"),
        ("imagine", {"prompt": "\ud800"}, "prompt: Must not contain"),
        ("job", {"id": "0" * 32}, "There is no such job."),
        ("job", {"id": "x"}, "There is no such job."),
        ("press", {"id": "0" * 32, "button": "u1"}, "There is no such job."),
        ("press", {"id": "x", "button": "u9"}, "button: Must be one of"),
        ("press", {"id": "x", "button": "zoom"}, "scale: Is required."),
        ("press", {"id": "x", "button": "remix"}, "prompt: Is required."),
        ("press", {"id": "x", "button": "u1", "cell": 1}, "cell: Does not belong to u1."),
        ("cancel", {"id": "0" * 32}, "There is no such job."),
    ],
)
def test_a_refusal_is_told_to_the_model(agent, tool, arguments, said):
    result = agent.call(tool, **arguments)

    assert result["isError"] is True
    assert said in text_of(result)
    assert "structuredContent" not in result


def test_a_limit_of_the_client_is_told_to_the_model(app, store):
    agent = Agent(a_caller(app, store, "cap", waiting_cap=1, lanes=("relaxed",)))
    agent.call("imagine", prompt="a", wait_s=0)

    assert "limit of waiting jobs" in text_of(agent.call("imagine", prompt="a", wait_s=0))
    assert "fast lane" in text_of(agent.call("imagine", prompt="a", fast=True))


def test_a_job_of_another_client_is_not_there(other, ended):
    for tool in ("job", "cancel"):
        assert "no such job" in text_of(Agent(other).call(tool, id=ended))


# -- press and cancel -----------------------------------------------------------------------------


def test_a_press_picks_a_picture_at_once(app, agent, caller, ended):
    result = agent.call("press", id=ended, button="u2")

    job = job_of(result)
    assert job["status"] == "done"
    first = told(caller, ended)["images"][1]["url"]
    assert bytes_at(app, job["url"]) == bytes_at(app, first)
    assert "used on this job before" in text_of(agent.call("press", id=ended, button="u2"))


def test_a_press_makes_a_job_that_can_be_waited_for(agent, caller, ended):
    job = job_of(agent.call("press", id=ended, button="v1", fast=False, wait_s=0))

    own = told(caller, job["job_id"])
    assert (own["status"], own["drawType"], own["fast"]) == (-2, "v1", False)


def test_every_button_can_be_pressed_by_name():
    press = next(tool for tool in TOOLS if tool["name"] == "press")
    properties = press["inputSchema"]["properties"]

    assert tuple(properties["button"]["enum"]) == BUTTONS
    assert {"prompt" if name == "prompt_en" else name for name in FIELDS_OF_BUTTONS} <= set(
        properties
    )


def test_a_cancelled_job_is_no_failure_of_the_tool(agent, caller):
    job_id = caller.drawn()["id"]

    for _ in range(2):
        result = agent.call("cancel", id=job_id)
        assert result["isError"] is False
        assert job_of(result)["reason_code"] == "cancelled"


def test_a_job_that_has_ended_cannot_be_cancelled(agent, ended):
    result = agent.call("cancel", id=ended)

    assert result["isError"] is True
    assert "ended before" in text_of(result)


def test_jobs_of_every_kind_can_be_looked_at(agent, caller, able):
    picture = "https://pictures.example/a.png"
    for path, body in (
        ("blend", {"imageList": [picture, picture]}),
        ("describe", {"imageList": [picture]}),
        ("origin/imagine", {"promptEn": "a hill --ar 3:2"}),
    ):
        sent = {"fast": True, "tag": uuid.uuid4().hex} | body
        response = caller("POST", f"/draw/midjourney/{path}", json=sent)
        assert response.status_code == 202, response.text
        assert job_of(agent.call("job", id=response.json["id"]))["status"] == "waiting"


# -- waiting --------------------------------------------------------------------------------------


def test_a_call_waits_for_the_end(app, agent, caller, store):
    job = caller.drawn()
    thread = once_waiting(app, lambda: done(app, store, job))

    result = agent.call("job", id=job["id"], wait_s=60)
    thread.join()

    assert job_of(result)["status"] == "done"


def test_a_call_that_waits_in_vain_says_how_to_go_on(agent, caller, store):
    job = caller.drawn()
    submitted(store, job)

    result = agent.call("job", id=job["id"], wait_s=0.05)

    assert job_of(result)["status"] == "submitted"
    assert "Call job with this id" in text_of(result)
    assert result["isError"] is False


@pytest.mark.parametrize("accepts", ["application/json", BOTH])
def test_a_call_for_which_there_is_no_place_to_wait_returns_its_job_at_once(
    settings, store, messages, caller, accepts
):
    app = create_app(replace(settings, api_client_waits=1), store, messages)
    agent = Agent(Caller(app, caller.token, "ann"), accepts=accepts)
    with app.extensions["limner"].waits.hold("ann"):
        result = agent.call("imagine", prompt="a hill", wait_s=60)

    assert job_of(result)["status"] == "waiting"


@pytest.mark.parametrize("revision", EVERY)
def test_progress_is_told_as_it_comes_and_only_upwards(app, caller, store, clock, revision):
    job = caller.drawn()

    def draw():
        token = submitted(store, job)
        for percent in (10, 20, 20, 60):
            clock.pass_s(1)
            store.lanes.progress(job["id"], token, percent, kept(app, percent))
        store.lanes.failed(job["id"], token, "It broke.", "engine_failed")

    thread = once_waiting(app, draw)
    agent = Agent(caller, revision, accepts=BOTH)
    response = agent.ask(
        "tools/call",
        {"name": "job", "arguments": {"id": job["id"], "wait_s": 60}},
        progress_token="t",
        id=9,
    )
    *notes, answer = messages(response.text)
    thread.join()

    assert response.mimetype == "text/event-stream"
    assert (answer["id"], answer["result"]["isError"]) == (9, True)
    assert ("resultType" in answer["result"]) == (revision == STATELESS)
    assert {note["method"] for note in notes} == {"notifications/progress"}
    told_of = [note["params"] for note in notes]
    steps = [one["progress"] for one in told_of]
    assert steps == sorted(set(steps))
    assert steps[0] == 0.5
    assert "place 1" in told_of[0]["message"]
    # Who reads slowly gets fewer of them.
    assert set(steps) <= {0.5, 0.75, 10, 20, 60}
    assert {(one["progressToken"], one["total"]) for one in told_of} == {("t", 100)}


def test_who_wants_no_progress_gets_the_result_alone(app, caller, store):
    job = caller.drawn()
    thread = once_waiting(app, lambda: done(app, store, job))

    response = Agent(caller, accepts=BOTH).ask(
        "tools/call", {"name": "job", "arguments": {"id": job["id"], "wait_s": 60}}
    )
    (answer,) = messages(response.text)
    thread.join()

    assert job_of(answer["result"])["status"] == "done"


def stream(caller, revision, tool="imagine", **arguments):
    """An open stream, its first notification read."""
    agent = Agent(caller, revision, accepts=BOTH)
    response = agent.ask(
        "tools/call",
        {"name": tool, "arguments": {"prompt": "a hill", "wait_s": 60} | arguments},
        progress_token=1,
    )
    chunks = iter(response.response)
    next(chunks)
    return chunks


def jobs_of(caller):
    return caller("GET", "/draw/midjourney/jobs").json["data"]


def test_who_hangs_up_gives_up_the_job_where_that_is_how_to_cancel(app, caller):
    chunks = stream(caller, STATELESS)

    chunks.close()

    assert jobs_of(caller)[0]["reasonCode"] == "cancelled"
    assert app.extensions["limner"].waits.taken == 0


def test_a_process_that_ends_gives_up_nobodys_job(app, caller):
    chunks = stream(caller, STATELESS)
    app.extensions["limner"].watcher.end()

    chunks.close()

    assert jobs_of(caller)[0]["status"] == -2


@pytest.mark.parametrize("revision", HANDSHAKES)
def test_who_loses_the_connection_gives_up_nothing_elsewhere(caller, revision):
    stream(caller, revision).close()

    assert jobs_of(caller)[0]["status"] == -2


def test_operators_may_let_such_jobs_go_on(settings, store, messages, caller):
    options = {"mcp": FaceOptions(hang_up_cancels=False)}
    app = create_app(replace(settings, face_options=options), store, messages)

    stream(Caller(app, caller.token, "ann"), STATELESS).close()

    assert jobs_of(caller)[0]["status"] == -2


def test_who_only_looks_gives_up_nothing(caller):
    job = caller.drawn()
    agent = Agent(caller, accepts=BOTH)
    response = agent.ask(
        "tools/call",
        {"name": "job", "arguments": {"id": job["id"], "wait_s": 60}},
        progress_token=1,
    )
    chunks = iter(response.response)
    next(chunks)

    chunks.close()

    assert told(caller, job["id"])["status"] == -2
