"""The tables [translate] and [forbidden] of limner.toml."""

from __future__ import annotations

import pytest

from limner.errors import ConfigError
from limner.settings import ForbiddenSettings, Settings, TranslateSettings
from limner.settings.changes import changes


@pytest.fixture
def load(tmp_path):
    def loaded(text: str, **environ: str) -> Settings:
        path = tmp_path / "limner.toml"
        path.write_text(text, encoding="utf-8")
        return Settings.load({"LIMNER_CONFIG": str(path)} | environ)

    return loaded


def test_without_the_tables_nothing_is_translated_or_forbidden(load):
    settings = load("")
    assert settings.translate == TranslateSettings()
    assert settings.forbidden == ForbiddenSettings()


def test_they_are_read_with_their_keys_and_the_words_of_the_file(load, tmp_path):
    listed = tmp_path / "words.txt"
    listed.write_text("# for people\ngore\n\n  mickey mouse \n", encoding="utf-8-sig")
    text = f"""
        [translate]
        driver = "openai"
        url = "http://127.0.0.1:11434/v1/"
        model = "qwen3:8b"
        key_env = "CHAT_KEY"
        [forbidden]
        words = ["nude"]
        file = "{listed}"
        url = "https://words.example/v1/moderations"
        timeout_s = 1.5
        silent = "pass"
        [[engine]]
        name = "qwen"
        driver = "rehearsal"
        translate = false
        price = 0.04
        fast = {{ slots = 1 }}
    """
    settings = load(text, CHAT_KEY="sk-secret")
    assert (settings.translate.url, settings.translate.key) == (
        "http://127.0.0.1:11434/v1",
        "sk-secret",
    )
    assert settings.forbidden.words == ("nude", "gore", "mickey mouse")
    assert settings.forbidden.moderation.silent == "pass"
    assert (settings.engines[0].translate, settings.engines[0].price) == (False, 40_000)
    assert "sk-secret" not in repr(settings)

    # What a reload tells: that the list differs, and nothing of it.
    listed.write_text("gore\nblood\n", encoding="utf-8")
    again = load(text.replace("price = 0.04", "price = 0.05"), CHAT_KEY="sk-secret")
    assert changes(settings, again) == ("forbidden: changed", "engine qwen: price 0.04 → 0.05")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("translate = 1", "translate"),
        ('[translate]\ndriver = "deepl"', "translate.driver"),
        ('[translate]\ndriver = "openai"\nmodel = "m"', "needs url and model"),
        ('[translate]\ndriver = "command"', "needs command"),
        ("[translate]\nmodle = 1", "translate.modle"),
        ('[translate]\nkey_env = "NOT_SET"', "NOT_SET"),
        ("[translate]\ntimeout_s = 0", "translate.timeout_s"),
        ('[forbidden]\nwords = "nude"', "forbidden.words"),
        ('[forbidden]\nfile = "words.txt"', "absolute"),
        ('[forbidden]\nfile = "/no/such/file"', "/no/such/file"),
        ('[forbidden]\nurl = "words.example"', "forbidden.url"),
        ('[forbidden]\nurl = "https://w.example"\nsilent = "maybe"', "forbidden.silent"),
        ('[forbidden]\nsilent = "pass"', "forbidden.silent"),
        (f'[forbidden]\nwords = ["{"a" * 101}"]', "100 characters"),
        ('[[engine]]\nname = "a"\ndriver = "rehearsal"\nprice = -1', "price"),
        ('[[engine]]\nname = "a"\ndriver = "rehearsal"\ntranslate = "no"', "translate"),
    ],
)
def test_a_wrong_setting_is_named(load, text, named):
    with pytest.raises(ConfigError, match=r"limner\.toml") as wrong:
        load(text)
    assert named in wrong.value.message
