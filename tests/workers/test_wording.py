"""Words that an engine does not understand are translated once, before it gets them; else they are drawn as written."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace

import pytest

from limner.engine import Capabilities
from limner.errors import EngineBusy, EngineError
from limner.job import Status
from limner.settings import TranslateSettings
from limner.store import Store
from schemas.limner.job import job_body
from schemas.mjproxy.task import task_body
from tests.builders import an_engine
from tests.conftest import wait_until
from tests.standins.words import KEY, WordsServer
from tests.workers.conftest import Workshop
from workers.drawing.translators import CommandTranslator, NotTranslated, translator_of

GERMAN, ENGLISH = "ein roter Fuchs im Schnee", "a red fox in the snow"


class Reader:
    """An engine that keeps what it gets, and fails its first drawings."""

    def __init__(self, engine, *errors, able=False) -> None:
        self._engine, self._errors, self._able = engine, list(errors), able
        self.briefs = []

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def capabilities(self):
        return Capabilities(attach=True, any_language=self._able)

    def submit(self, brief):
        self.briefs.append(brief)
        if self._errors:
            raise self._errors.pop()
        return self._engine.submit(brief)


@pytest.fixture
def words():
    with WordsServer() as server:
        yield server


@pytest.fixture
def shop(redis_url, images, words):
    shops = []

    def build(*errors, able=False, translator="openai", **settings):
        store = Store(redis_url)
        store.redis.flushall()
        chosen = TranslateSettings(translator, f"{words.url}/v1", "m", KEY, timeout_s=10)
        engine = replace(an_engine(seconds=0.02, steps=1), **settings)
        shops.append(Workshop(store, images, [engine], translator=translator_of(chosen)))
        reader = Reader(shops[-1].engines["stage"], *errors, able=able)
        shops[-1].engines["stage"] = reader
        return shops[-1], reader

    yield build
    for shop in shops:
        shop.close()


def test_the_engine_gets_english_and_the_job_shows_both(shop, words):
    shop, engine = shop()
    job = shop.draw(prompt_en=f"{GERMAN} --q 2", negative="Schnee und Eis")
    (brief,) = engine.briefs
    assert (brief.prompt, brief.negative) == (ENGLISH, "snow and ice")
    assert brief.final_prompt == f"{ENGLISH} --q 2 --no snow and ice"
    body = job_body(job)
    assert (body["promptEn"], body["promptTranslated"]) == (f"{GERMAN} --q 2", ENGLISH)
    assert body["finalPrompt"].startswith(GERMAN)
    assert task_body(job)["promptEn"] == ENGLISH
    asked = words.asked[0]
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.json["messages"][-1] == {"role": "user", "content": GERMAN}


def test_a_job_that_is_drawn_again_is_not_translated_again(shop, words):
    shop, engine = shop(EngineError("broken"), EngineBusy(0.01))
    job = shop.draw(prompt_en=GERMAN)
    assert job.status is Status.DONE
    assert [brief.prompt for brief in engine.briefs] == [ENGLISH] * 3
    assert len(words.asked) == 1


def test_a_job_that_comes_back_from_an_engine_of_any_language_is_translated_again(shop, words):
    shop, engine = shop(*[EngineBusy(0.01)] * 2)
    accept = engine.submit

    def submit(brief):
        # Each try is at an engine of the other kind.
        engine._able = not engine._able
        return accept(brief)

    engine.submit = submit
    job = shop.draw(prompt_en=GERMAN)
    assert [brief.prompt for brief in engine.briefs] == [ENGLISH, GERMAN, ENGLISH]
    assert job_body(job)["promptTranslated"] == ENGLISH


@pytest.mark.parametrize(
    "settings", [{"able": True}, {"translate": False}, {"translator": "none"}, {"origin": True}]
)
def test_words_go_as_they_are_to_whom_they_are_meant_for(shop, words, settings):
    origin = settings.pop("origin", False)
    shop, engine = shop(**settings)
    job = shop.draw(prompt_en=GERMAN, origin=origin)
    assert [brief.prompt for brief in engine.briefs] == [GERMAN]
    assert (job_body(job)["promptTranslated"], words.asked) == (None, [])


def test_an_operator_knows_better_than_a_driver(shop, words):
    shop, engine = shop(able=True, translate=True)
    shop.draw(prompt_en=GERMAN)
    assert engine.briefs[0].prompt == ENGLISH


def test_english_asks_nobody(shop, words):
    shop, engine = shop()
    shop.draw(prompt_en=ENGLISH, negative="people")
    assert (engine.briefs[0].prompt, words.asked) == (ENGLISH, [])


@pytest.mark.parametrize("fault", ["500", "drop", "not-json", "empty", "long", "cut"])
def test_a_translator_that_fails_has_the_original_drawn_and_the_job_says_so(shop, words, fault):
    words.faults.add(fault)
    shop, engine = shop()
    job = shop.draw(prompt_en=GERMAN)
    assert job.status is Status.DONE
    assert engine.briefs[0].prompt == GERMAN
    body = job_body(job)
    assert body["promptTranslated"] is None
    assert "drawn as written: the translator failed" in body["notes"]["translation"]
    assert GERMAN not in body["notes"]["translation"]


def test_a_worker_that_stops_does_not_wait_for_a_translation(shop, words):
    words.faults.add("hang")
    shop, engine = shop()
    job = shop.accept(prompt_en=GERMAN)
    thread = threading.Thread(target=_imagine, args=(shop, job), daemon=True)
    thread.start()
    wait_until(lambda: words.asked, what="the translator to be asked")
    shop.draftsman.drain()
    thread.join(5)
    assert not thread.is_alive()
    assert shop.store.jobs.get(job.id).status is Status.WAITING
    assert engine.briefs == []


def _imagine(shop, job):
    try:
        shop.draftsman.imagine(job.id)
    except Exception:  # noqa: BLE001
        return


def test_a_server_is_asked_through_the_proxy_that_the_environment_names(words, monkeypatch):
    monkeypatch.setenv("http_proxy", words.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    there = TranslateSettings("openai", "http://words.example/v1", "m", KEY)
    assert translator_of(there).translate(GERMAN) == ENGLISH
    assert words.asked[0].headers["host"] == "words.example"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    here = replace(there, url=f"{words.url}/v1")
    assert translator_of(here).translate(GERMAN) == ENGLISH


# -- a program -----------------------------------------------------------------------------------


def program(text: str, timeout_s: float = 30.0) -> CommandTranslator:
    command = (sys.executable, "-c", text)
    return CommandTranslator(TranslateSettings("command", command=command, timeout_s=timeout_s))


def test_a_program_reads_the_words_and_writes_them_in_english():
    text = "import sys; print(sys.stdin.read().strip().upper(), '\\n\\n')"
    assert program(text).translate("öl auf leinwand") == "ÖL AUF LEINWAND"


def test_a_program_may_answer_without_reading_all_words():
    words = GERMAN + "öl " * 100_000
    text = "import os; os.read(0, 10); os.close(0); print('a fox', flush=True)"
    assert program(text).translate(words) == "a fox"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import time; time.sleep(60)", "timeout"),
        # One that leaves another one behind, with its output.
        ("import os, time\nif os.fork() == 0: os.setsid(); time.sleep(2)", "timeout"),
        ("print('a fox'); raise SystemExit(3)", "failed"),
        ("print('a ' * 100_000)", "too long"),
        ("while True: print('a ' * 1000)", "too long"),
        ("pass", "no translation"),
    ],
)
def test_a_program_that_fails_is_bounded(text, why):
    with pytest.raises(NotTranslated, match=why):
        program(text, 1.0 if why == "timeout" else 30.0).translate(GERMAN)


def test_a_program_that_is_not_there_is_named_no_further():
    missing = CommandTranslator(TranslateSettings("command", command=("/no/such/program",)))
    with pytest.raises(NotTranslated, match="cannot be run"):
        missing.translate(GERMAN)
