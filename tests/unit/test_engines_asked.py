"""Engines are asked before a job is: what is wrong with their settings, and how they are."""

from __future__ import annotations

import os
import threading

import pytest

import engines
from limner.__main__ import main
from limner.engine import Health
from limner.errors import ConfigError
from limner.settings import EngineSettings, Settings
from stack import engines_asked, engines_check
from stack.engines_asked import SILENT, WRONG, AskedEngine, ask_engines, check_engines
from tests.conftest import free_port

SLOTS = "fast = { slots = 1 }"


@pytest.fixture
def configured(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def configure(*tables: str) -> Settings:
        text = "".join(f"[[engine]]\n{table}\n{SLOTS}\n" for table in tables)
        (tmp_path / "limner.toml").write_text(text)
        return Settings.load()

    return configure


def test_each_engine_is_built_and_asked_and_doctor_says_what_it_answered(
    configured, monkeypatch, capsys
):
    settings = configured(
        'name = "stage"\ndriver = "rehearsal"',
        'name = "typo"\ndriver = "rehearsal"\nstepps = 2',
        'name = "bare"\ndriver = "sdapi"',
        f'name = "away"\ndriver = "sdapi"\nurl = "http://127.0.0.1:{free_port()}"',
        'name = "other"\ndriver = "no-such-driver"',
    )

    stage, typo, bare, away, other = found = ask_engines(settings)

    assert (stage.state, stage.why) == ("ok", "")
    assert [one.state for one in (typo, bare, other)] == [WRONG] * 3
    assert "did you mean steps" in typo.why
    assert bare.setting == "limner.toml: engine bare: url"
    assert "no-such-driver" in other.why
    assert (away.state, bool(away.why)) == ("down", True)
    with pytest.raises(ConfigError, match=r"engine typo: stepps.*also wrong: bare, other"):
        check_engines(found)

    monkeypatch.setattr("cli.doctor.ask_engines", lambda _settings: found)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "ok  engine stage (rehearsal): ok; slots fast 1" in said
    assert "BAD limner.toml: engine bare: url: is required" in said
    assert "BAD engine away (sdapi): down: " in said


def test_one_that_does_not_answer_holds_up_none_of_the_others(monkeypatch, capsys):
    ends = threading.Event()

    class Asked:
        def __init__(self, name):
            self.name = name

        def health(self):
            if self.name == "hangs":
                ends.wait()
            if self.name == "breaks":
                raise RuntimeError("a bug")
            return Health("ok")

        def close(self):
            pass

    monkeypatch.setattr(engines, "load", lambda settings: Asked(settings.name))
    names = ("hangs", "breaks", "draws")

    engines_check.ask([EngineSettings(name, "x") for name in names], 0.2)
    ends.set()

    said = capsys.readouterr().out.encode()
    answers = {answer["engine"]: answer for answer in engines_asked._answers(b"noise\n1\n" + said)}
    assert {name: answers[name]["state"] for name in names} == {
        "hangs": SILENT,
        "breaks": "down",
        "draws": "ok",
    }
    assert "RuntimeError: a bug" in answers["breaks"]["why"]


def test_an_engine_that_is_only_away_keeps_nothing_from_starting():
    check_engines([AskedEngine("gpu", "sdapi", "down", "refused"), AskedEngine("b", "x", SILENT)])
