"""What an operator forbids is refused when it is asked for, through every face, and never reaches a worker."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from api import create_app
from limner.settings import ForbiddenSettings, ModerationSettings
from tests.api.asking import TAG, a_body, a_caller, refused
from tests.api.drawing import done
from tests.api.faces.mcp.speaking import Agent
from tests.builders import a_request
from tests.standins.words import KEY, WordsServer

LIST = ForbiddenSettings(("Nude", "mickey mouse", "裸体"))
SAID = "Has a word that is not allowed here: Nude."


@pytest.fixture
def gateway(settings, store, messages):
    """A caller of a gateway with these settings; clocks of the store stand still."""

    def build(forbidden=LIST):
        app = create_app(replace(settings, forbidden=forbidden), store, messages)
        return a_caller(app, store, "ann")

    return build


@pytest.fixture
def words():
    with WordsServer() as server:
        yield server


def moderated(server, silent="refuse", timeout_s=5.0):
    endpoint = ModerationSettings(
        f"{server.url}/v1/moderations", "omni", KEY, timeout_s=timeout_s, silent=silent
    )
    return ForbiddenSettings((), endpoint)


@pytest.mark.parametrize(
    "prompt",
    ["a NUDE by the sea", "ｎｕｄｅ figure", "nu\u200bde", "(nude:1.2)", "a sunset --no nude"],
)
def test_a_listed_word_is_refused_however_it_is_written(gateway, store, prompt):
    assert refused(gateway().imagine(promptEn=prompt), 422) == {"promptEn": [SAID]}
    assert store.jobs.waiting_count("ann") == 0


@pytest.mark.parametrize("flag", ["--ar 3:2", "—q 2", "--no cats --q 2"])
def test_a_flag_between_two_words_does_not_part_them(gateway, flag):
    prompt = f"mickey {flag} mouse by the sea"
    wrong = refused(gateway().imagine(promptEn=prompt), 422)
    assert wrong == {"promptEn": ["Has a word that is not allowed here: mickey mouse."]}


def test_what_only_contains_such_letters_is_drawn(gateway):
    caller = gateway()
    for prompt in ("denuded hills", "a mouse called mickey", "Mickey the mouse", "体裸"):
        caller.drawn(promptEn=prompt)
    assert caller.imagine(promptEn="Mickey  Mouse!").status_code == 422
    assert caller.imagine(promptEn="一个裸体的人").status_code == 422


def test_what_must_not_be_there_counts_too_and_a_dry_run_says_it(gateway):
    caller = gateway()
    assert refused(caller.imagine(negative="nude"), 422) == {"negative": [SAID]}
    assert refused(caller.imagine(promptEn="nude", dryRun=True), 422) == {"promptEn": [SAID]}
    assert refused(caller.origin(promptEn="nude --ar 1:1"), 422) == {"promptEn": [SAID]}


def test_a_follow_up_is_refused_by_its_words_and_by_those_it_repeats(
    gateway, settings, store, messages
):
    caller = gateway(ForbiddenSettings())
    job = done(caller.app, store, caller.drawn(promptEn="a nude"))["id"]
    strict = replace(caller, app=create_app(replace(settings, forbidden=LIST), store, messages))
    remix = {"buttonType": "remix", "messageId": job, "cell": 1, "tag": TAG, "fast": True}
    press = "/draw/midjourney/button"
    wrong = refused(strict("POST", press, json=remix | {"promptEn": "nudes, nude"}), 422)
    assert wrong == {"promptEn": [SAID]}
    body = {"buttonType": "v1", "messageId": job, "tag": TAG, "fast": True}
    assert strict("POST", press, json=body).status_code == 422
    assert strict("POST", press, json=remix | {"promptEn": "a statue"}).status_code == 200


def test_each_face_refuses_in_its_own_shape(gateway, store):
    caller = gateway()

    def ask(path, **body):
        headers = {"Authorization": f"Bearer {caller.token}"}
        return caller("POST", path, json=body, headers=headers)

    answer = ask("/mj/submit/imagine", prompt="a nude")
    assert (answer.status_code, answer.json["code"]) == (200, 24)
    assert answer.json["properties"] == {"promptEn": "a nude", "bannedWord": "Nude"}
    assert "prompt: " + SAID in answer.json["description"]

    answer = ask("/v1/images/generations", prompt="a nude", n=2)
    assert answer.status_code == 400
    error = answer.json["error"]
    assert (error["code"], error["param"]) == ("content_policy_violation", "prompt")
    assert answer.headers["x-should-retry"] == "false"

    asked = {"prompt": "a fox", "negative_prompt": "nude"}
    answer = ask("/v1/models/limner/fast/predictions", input=asked)
    assert answer.status_code == 422, answer.text
    assert answer.json["invalid_fields"][0]["field"] == "input.negative_prompt"

    answer = ask("/sdapi/v1/txt2img", prompt="a nude")
    assert answer.status_code == 422
    assert SAID in answer.text

    result = Agent(caller).call("imagine", prompt="a nude")
    assert result["isError"] is True
    assert SAID in result["content"][0]["text"]
    assert store.jobs.waiting_count("ann") == 0


def test_a_repeated_request_gets_its_job_whatever_is_forbidden_since(
    gateway, settings, store, messages
):
    lenient = gateway(ForbiddenSettings())
    key = {"Idempotency-Key": "order-7"}
    first = lenient.imagine(promptEn="a nude", headers=key).json["id"]
    app = create_app(replace(settings, forbidden=LIST), store, messages)
    strict = replace(lenient, app=app)
    assert strict.imagine(promptEn="a nude", headers=key).json["id"] == first
    assert strict.imagine(promptEn="a nude").status_code == 422


# -- the moderation endpoint -------------------------------------------------------------------


def test_what_the_endpoint_flags_is_refused_and_the_rest_is_drawn(gateway, words):
    caller = gateway(moderated(words))
    wrong = refused(caller.imagine(promptEn="a weapon"), 422)
    assert wrong == {"promptEn": ["Is not allowed here: the moderation flagged it."]}
    caller.drawn(promptEn="a fox", negative="snow")
    asked = words.asked[-1]
    assert asked.json == {"input": "a fox\nsnow", "model": "omni"}
    assert asked.headers["authorization"] == f"Bearer {KEY}"


def test_a_request_of_several_jobs_and_a_repeated_one_ask_once(gateway, words):
    caller = gateway(moderated(words))
    key = {"Idempotency-Key": "order-7"}
    for _ in range(3):
        assert caller.imagine(headers=key).status_code == 202
    assert len(words.asked) == 1
    check = caller.app.extensions["limner"].words
    with caller.app.test_request_context():
        for _ in range(3):
            check.check(a_request(), "ann", ("promptEn", "negative"))
    assert len(words.asked) == 2


@pytest.mark.parametrize(
    "fault", ["hang", "drip", "drop", "500", "not-json", "empty", "no-verdict"]
)
def test_a_silent_endpoint_refuses_unless_the_operator_says_otherwise(gateway, store, words, fault):
    words.faults.add(fault)
    answer = gateway(moderated(words, timeout_s=0.3)).imagine()
    assert refused(answer, 503) == {}
    assert int(answer.headers["Retry-After"]) > 0
    assert "checked" in answer.json["message"]
    assert store.jobs.waiting_count("ann") == 0


def test_a_silent_endpoint_lets_pass_where_the_operator_says_so(settings, store, messages, words):
    words.faults.add("500")
    forbidden = moderated(words, silent="pass")
    app = create_app(replace(settings, forbidden=forbidden), store, messages)
    assert (
        a_caller(app, store, "ann")("POST", "/draw/midjourney/imagine", json=a_body()).status_code
        == 202
    )


#: two requests under the API's event loop, of which the look-up of the endpoint's name ends only once the loop turns
UNDER_THE_LOOP = """
import sys, threading
from gevent import monkey
monkey.patch_socket(); monkey.patch_time(); monkey.patch_ssl()
import gevent
from flask import Flask
from api.forbidden import WordCheck
from api.server.greenlets import GREENLETS
from limner.forbidden import WordsForbidden
from limner.settings import ForbiddenSettings, ModerationSettings
from net import dialling
from tests.builders import a_request

asked, turned = threading.Event(), threading.Event()
real = dialling.socket.getaddrinfo

def look_up(*where, **how):
    asked.set()
    turned.wait(30)
    return real(*where, **how)

dialling.socket.getaddrinfo = look_up
settings = ForbiddenSettings((), ModerationSettings(sys.argv[1], timeout_s=10))
app, check = Flask("loop"), WordCheck(settings, GREENLETS)

def verdict(prompt):
    with app.app_context():
        try:
            check.check(a_request(prompt_en=prompt), "ann", ("promptEn", "negative"))
        except WordsForbidden:
            return "flagged"
    return "allowed"

waiting = [gevent.spawn(verdict, prompt) for prompt in ("a weapon", "a fox")]
while not asked.is_set():
    gevent.sleep(0.01)
turned.set()
print(*(one.get() for one in waiting))
"""


def test_an_endpoint_whose_name_is_looked_up_holds_up_nobody_else(words):
    url = f"{words.url}/v1/moderations".replace("127.0.0.1", "localhost")
    found = subprocess.run(
        [sys.executable, "-c", UNDER_THE_LOOP, url], capture_output=True, text=True, timeout=120
    )
    assert found.stdout.split() == ["flagged", "allowed"], found.stderr


def test_no_tls_is_set_up_in_the_api_before_its_worker_has_patched_it():
    """What urllib3 takes from the ssl module as it is loaded stays as it was: a request by it fails then."""
    code = (
        "import sys, api.server.gunicorn_config, api.server.worker;"
        " print([name for name in ('urllib3', 'requests', 'botocore') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
