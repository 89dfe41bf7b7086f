"""Messages of every revision: handshake, discovery, errors with their codes and statuses, batches."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from api import create_app
from limner.settings.faces import FaceOptions
from tests.api.asking import Caller
from tests.api.drawing import submitted
from tests.api.faces.mcp.speaking import HANDSHAKES, STATELESS, Agent, error_of, meta

INFO = "io.modelcontextprotocol/serverInfo"


@pytest.mark.parametrize("revision", HANDSHAKES)
def test_a_handshake_answers_the_revision_asked_for(caller, revision):
    agent = Agent(caller, revision)

    response = agent.ask("initialize", {"protocolVersion": revision, "capabilities": {}})

    result = response.json["result"]
    assert result["protocolVersion"] == revision
    assert result["capabilities"] == {"tools": {}}
    assert result["serverInfo"]["name"] == "limner"
    assert "imagine" in result["instructions"]
    assert len(response.headers["Mcp-Session-Id"]) == 32
    assert "resultType" not in result


@pytest.mark.parametrize("asked", ["1999-01-01", "2026-07-28", None, 7])
def test_a_handshake_for_another_revision_answers_the_newest_that_has_one(caller, asked):
    agent = Agent(caller, HANDSHAKES[0])

    result = agent.ask("initialize", {"protocolVersion": asked}).json["result"]

    assert result["protocolVersion"] == HANDSHAKES[-1]


def test_the_stateless_revision_is_discovered(agent):
    response = agent.ask("server/discover")

    result = response.json["result"]
    assert result["resultType"] == "complete"
    assert STATELESS in result["supportedVersions"]
    assert result["capabilities"] == {"tools": {}}
    assert result["cacheScope"] == "public"
    assert result["_meta"][INFO]["name"] == "limner"
    assert "Mcp-Session-Id" not in response.headers


def test_pings_are_answered_in_every_revision(caller):
    assert Agent(caller).ask("ping").json["result"]["resultType"] == "complete"
    for revision in HANDSHAKES:
        assert Agent(caller, revision).ask("ping", id="a").json == {
            "jsonrpc": "2.0",
            "id": "a",
            "result": {},
        }


@pytest.mark.parametrize("revision", [STATELESS, *HANDSHAKES])
def test_the_tools_are_listed(caller, revision):
    result = Agent(caller, revision).ask("tools/list").json["result"]

    assert [tool["name"] for tool in result["tools"]] == ["imagine", "job", "press", "cancel"]
    assert ("ttlMs" in result) == (revision == STATELESS)


@pytest.mark.parametrize("revision", [STATELESS, *HANDSHAKES])
def test_a_notification_is_taken_without_an_answer(caller, revision):
    agent = Agent(caller, revision)
    headers = {"mcp-protocol-version": revision} if revision == STATELESS else {}

    response = agent.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, headers)

    assert (response.status_code, response.data) == (202, b"")


def test_an_answer_to_nothing_is_taken(agent):
    assert agent.post({"jsonrpc": "2.0", "id": 4, "result": {}}).status_code == 202


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"{", -32700),
        (b"\xff", -32700),
        (b'{"a": NaN}', -32700),
        (b"3", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc": "2.0", "id": 1}', -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": [1], "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 2}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}', -32602),
    ],
)
def test_what_is_no_message_is_refused(caller, sent, code):
    response = caller.app.test_client().post(
        "/mcp",
        data=sent,
        content_type="application/json",
        headers={"Authorization": f"Bearer {caller.token}"},
    )

    error_of(response, 400, code)
    assert response.json["id"] is None


def test_an_unknown_method_is_refused_by_name(caller):
    error = error_of(Agent(caller).ask("resources/list"), 404, -32601)
    assert "resources/list" in error["message"]
    for revision in HANDSHAKES:
        error_of(Agent(caller, revision).ask("resources/list"), 200, -32601)


def test_each_era_has_its_own_beginning(caller):
    error_of(Agent(caller).ask("initialize"), 404, -32601)
    error_of(Agent(caller, "2025-11-25").ask("server/discover"), 200, -32601)


def test_a_revision_that_is_not_served_is_refused_with_those_that_are(caller):
    agent = Agent(caller, "2025-06-18")

    error = error_of(agent.ask("ping", headers={"mcp-protocol-version": "2031-01-01"}), 400, -32022)

    assert error["data"]["requested"] == "2031-01-01"
    assert set(error["data"]["supported"]) == {STATELESS, *HANDSHAKES}


def test_a_later_stateless_revision_is_refused_in_the_same_way(agent):
    params = {"_meta": meta(**{"io.modelcontextprotocol/protocolVersion": "2031-01-01"})}
    body = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": params}
    headers = {"mcp-protocol-version": "2031-01-01", "mcp-method": "server/discover"}

    error_of(agent.post(body, headers), 400, -32022)


@pytest.mark.parametrize("left_out", ["protocolVersion", "clientCapabilities"])
def test_a_stateless_request_without_its_envelope_is_refused(agent, left_out):
    params = {"_meta": meta()}
    del params["_meta"][f"io.modelcontextprotocol/{left_out}"]
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": params}
    headers = {"mcp-protocol-version": STATELESS, "mcp-method": "ping"}

    assert left_out in error_of(agent.post(body, headers), 400, -32602)["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"mcp-method": "tools/list"},
        {"mcp-name": "job"},
        {"mcp-name": ""},
        {"mcp-name": "=?base64?am9i?="},
        {"mcp-name": "=?base64?***?="},
        {"mcp-protocol-version": "2025-11-25"},
    ],
)
def test_headers_that_contradict_the_body_are_refused(agent, headers):
    response = agent.ask("tools/call", {"name": "cancel", "arguments": {}}, headers=headers)

    error_of(response, 400, -32020)


def test_a_name_may_be_encoded_in_its_header(agent):
    response = agent.ask(
        "tools/call",
        {"name": "cancel", "arguments": {}},
        headers={"mcp-name": "=?base64?Y2FuY2Vs?="},
    )

    assert response.json["result"]["isError"] is True


@pytest.mark.parametrize("params", [{}, {"name": "paint"}, {"name": 3}])
def test_there_must_be_such_a_tool(caller, params):
    error_of(Agent(caller, "2025-11-25").ask("tools/call", params), 200, -32602)


@pytest.mark.parametrize("arguments", [3, [], "x"])
def test_arguments_must_be_an_object(agent, arguments):
    response = agent.ask("tools/call", {"name": "job", "arguments": arguments})

    error_of(response, 400, -32602)


@pytest.mark.parametrize("token", [{}, True, "x" * 257])
def test_a_progress_token_must_be_one(agent, token):
    response = agent.ask(
        "tools/call", {"name": "imagine", "arguments": {"prompt": "a hill"}}, progress_token=token
    )

    error_of(response, 400, -32602)
    assert agent.caller("POST", "/draw/midjourney/waiting").json["data"] == 0


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_other_methods_are_refused(caller, method):
    response = caller(method, "/mcp")

    error_of(response, 405, -32600)
    assert set(response.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_other_addresses_below_are_refused(caller):
    error_of(caller("POST", "/mcp/sse"), 404, -32600)


def test_a_body_that_is_not_json_is_refused(caller):
    error_of(caller("POST", "/mcp", data="x", content_type="text/plain"), 415, -32600)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
def test_a_call_needs_a_token(app, headers):
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

    response = app.test_client().post("/mcp", json=body, headers=headers)

    error_of(response, 401, -32600)
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_store_that_is_down_is_told_with_when_to_come_back(mortal_app):
    agent = Agent(Caller(mortal_app, "some-token", "ann"))

    response = agent.ask("tools/call", {"name": "imagine", "arguments": {"prompt": "a hill"}})

    error_of(response, 503, -32603)
    assert int(response.headers["Retry-After"]) >= 1


# -- pages ----------------------------------------------------------------------------------------


def origin(name: str) -> dict[str, str]:
    return {"Origin": name}


@pytest.mark.parametrize(
    "name",
    [
        "https://draw.example",
        "http://localhost:6274",
        "http://127.0.0.1",
        "http://[::1]:3000",
        "https://agent.example",
    ],
)
def test_pages_of_known_origins_may_call(settings, store, messages, caller, name):
    face = FaceOptions(origins=("https://agent.example",))
    app = create_app(replace(settings, face_options={"mcp": face}), store, messages)

    response = Agent(Caller(app, caller.token, "ann")).ask("ping", headers=origin(name))

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "mcp-session-id" in response.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.example",
        "http://draw.example",
        "null",
        "http://[",
        "http://localhost.evil.example",
    ],
)
def test_pages_of_other_origins_may_not(agent, name):
    error_of(agent.ask("ping", headers=origin(name)), 403, -32600)


def test_a_browser_may_ask_first_without_a_token(app):
    response = app.test_client().options("/mcp", headers=origin("http://localhost:6274"))

    assert response.status_code == 204
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


# -- batches --------------------------------------------------------------------------------------


def message(method, number=None, **params):
    body = {"jsonrpc": "2.0", "method": method, "params": params}
    return body if number is None else body | {"id": number}


@pytest.fixture
def old(caller) -> Agent:
    return Agent(caller, "2025-03-26")


def test_a_batch_of_an_old_revision_is_answered_in_one_list(old, store):
    arguments = {"prompt": "a hill", "wait_s": 0}

    answers = old.post(
        [
            message("notifications/initialized"),
            message("ping", 1),
            message("tools/call", 2, name="imagine", arguments=arguments),
            message("nothing", 3),
            {"jsonrpc": "2.0"},
        ]
    ).json

    assert [answer["id"] for answer in answers] == [1, 2, 3, None]
    assert answers[1]["result"]["structuredContent"]["status"] == "waiting"
    assert [answer["error"]["code"] for answer in answers[2:]] == [-32601, -32600]


def test_a_batch_of_notifications_alone_is_taken(old):
    assert old.post([message("notifications/initialized")] * 2).status_code == 202


@pytest.mark.parametrize("count", [0, 17])
def test_a_batch_has_a_bound(old, count):
    error_of(old.post([message("ping", 1)] * count), 400, -32600)


def test_later_revisions_have_no_batches(caller):
    for revision in ("2025-06-18", "2025-11-25"):
        answers = Agent(caller, revision).post(
            [message("ping", 1)], {"mcp-protocol-version": revision}
        )
        assert answers.json[0]["error"]["code"] == -32600


def test_a_handshake_is_in_no_batch(old):
    (answer,) = old.post([message("initialize", 1, protocolVersion="2025-03-26")]).json

    assert answer["error"]["code"] == -32600


# -- cancelling -----------------------------------------------------------------------------------


def begun(caller, number):
    agent = Agent(caller, "2025-11-25")
    session = agent.ask("initialize", {"protocolVersion": "2025-11-25"}).headers["Mcp-Session-Id"]
    agent.headers = {"mcp-session-id": session}
    arguments = {"prompt": "a hill", "wait_s": 0}
    response = agent.ask("tools/call", {"name": "imagine", "arguments": arguments}, id=number)
    return agent, response.json["result"]["structuredContent"]["job_id"]


def status(caller, job_id):
    return caller("GET", f"/draw/midjourney/jobs/{job_id}").json


@pytest.mark.parametrize("number", [3, "3", 2.5])
def test_a_cancelled_call_of_a_session_cancels_its_job(caller, number):
    agent, job_id = begun(caller, number)
    _, another = begun(caller, number)

    response = agent.post(message("notifications/cancelled", requestId=number))

    assert response.status_code == 202
    assert status(caller, job_id)["reasonCode"] == "cancelled"
    assert status(caller, another)["status"] == -2


def test_a_cancel_of_nothing_is_taken(caller, other):
    agent, job_id = begun(caller, 3)

    for sender, number, headers in (
        (agent, 4, {}),
        (agent, "3", {}),
        (agent, None, {}),
        (agent, 3, {"mcp-session-id": "x"}),
        (agent, 3, {"mcp-session-id": ""}),
        (replace(agent, caller=other), 3, {}),
    ):
        sent = message("notifications/cancelled", requestId=number)
        assert sender.post(sent, headers).status_code == 202

    assert status(caller, job_id)["status"] == -2


def test_a_cancel_that_comes_too_late_changes_nothing(caller, store):
    agent, job_id = begun(caller, 3)
    store.lanes.failed(job_id, submitted(store, {"id": job_id}), "It broke.", "engine_failed")

    assert agent.post(message("notifications/cancelled", requestId=3)).status_code == 202
    assert status(caller, job_id)["reasonCode"] == "engine_failed"


def test_the_shape_of_every_answer_is_compact_json(agent):
    text = agent.ask("tools/list").text

    assert json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False) == text


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"id": "\ud800", "method": "ping"}, None),
        ({"id": 1, "method": "\ud800"}, -32601),
        (
            {
                "id": 1,
                "method": "tools/call",
                "params": {"name": "job", "arguments": {"\ud800": 1}},
            },
            None,
        ),
    ],
    ids=["id", "method", "argument"],
)
def test_half_a_character_is_sent_back_as_it_came(old, message, code):
    body = {"jsonrpc": "2.0"} | message

    for response in (old.post(body), old.post([body])):
        assert response.status_code in (200, 404)
        found = response.json[0] if isinstance(response.json, list) else response.json
        assert ascii(found["id"]) == ascii(message["id"])
        assert found.get("error", {}).get("code") == code
