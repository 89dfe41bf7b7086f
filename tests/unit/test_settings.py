"""Settings: from the environment and limner.toml, or a refusal that names the setting."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from limner.errors import ConfigError
from limner.settings import EngineSettings, LaneLimits, Settings, surroundings


def load(tmp_path, toml: str = "", **environ: str) -> Settings:
    path = tmp_path / "limner.toml"
    path.write_text(toml, encoding="utf-8")
    return Settings.load({"LIMNER_CONFIG": str(path)} | environ)


def refused(tmp_path, toml: str = "", **environ: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, toml, **environ)
    return str(error.value)


def test_with_nothing_set_everything_has_its_default(tmp_path):
    settings = load(tmp_path)

    (engine,) = settings.engines
    assert engine == EngineSettings(
        name="sketch", driver="sketch", fast=LaneLimits(2, 0.0), relaxed=LaneLimits(1, 0.0)
    )
    assert (settings.host, settings.port, settings.redis_url) == ("127.0.0.1", 8000, None)
    assert settings.base_url == "http://127.0.0.1:8000"


def test_the_environment_wins_over_the_file(tmp_path):
    settings = load(tmp_path, "port = 8100\nfast_slots = 5\n", LIMNER_PORT="8200")

    assert (settings.port, settings.fast_slots) == (8200, 5)


def test_replicas_need_a_redis_that_has_some(tmp_path):
    said = refused(tmp_path, LIMNER_REDIS_REPLICAS="1")
    assert said.startswith("LIMNER_REDIS_REPLICAS: needs LIMNER_REDIS_URL")

    url = {"LIMNER_REDIS_URL": "redis://localhost/0"}
    assert load(tmp_path, LIMNER_REDIS_REPLICAS="1", **url).redis_replicas == 1


def test_a_file_that_is_named_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match="LIMNER_CONFIG: cannot read"):
        Settings.load({"LIMNER_CONFIG": str(tmp_path / "none.toml")})


def test_without_a_named_file_the_one_in_the_working_folder_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Settings.load({}).port == 8000

    Path("limner.toml").write_text("port = 8300\n")

    assert Settings.load({}).port == 8300


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "eighty"),
        ("PORT", ""),
        ("PORT", "80.5"),
        ("PORT", "nan"),
        ("FAST_SLOTS", "-1"),
        ("FAST_GAP_S", "-0.1"),
        ("RELAXED_GAP_S", "inf"),
        ("LEASE_S", "0"),
        ("REDIS_URL", "http://redis"),
        ("REDIS_URL", "redis"),
        ("PUBLIC_URL", "draw.example"),
        ("CALLBACK_URL", "ftp://caller.example"),
        ("FLOWER_AUTH", "operator"),
        ("FLOWER_AUTH", ":secret"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("DATA_DIR", ""),
        ("KEEP_DAYS", "0"),
        ("WAITING_CAP", "0"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(tmp_path, name, value):
    assert refused(tmp_path, **{f"LIMNER_{name}": value}).startswith(f"LIMNER_{name}: ")


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("port = 0", "limner.toml: port"),
        ("port = true", "limner.toml: port"),
        ("host = 5", "limner.toml: host"),
        ("portt = 1", "limner.toml: portt"),
        ("port = ", "LIMNER_CONFIG"),
        ("engine = 5", "limner.toml: engine"),
        ("[[engine]]\ndriver = 'sketch'", "limner.toml: engine: name"),
        ("[[engine]]\nname = 'a b'", "limner.toml: engine: name"),
        ("[[engine]]\nname = 'a'", "limner.toml: engine a: driver"),
        ("[[engine]]\nname = 'a'\ndriver = 'x'", "limner.toml: engine a: needs slots"),
        (
            "[[engine]]\nname = 'a'\ndriver = 'x'\nfast = { slots = 1.5 }",
            "limner.toml: engine a: fast.slots",
        ),
        (
            "[[engine]]\nname = 'a'\ndriver = 'x'\nfast = { slot = 1 }",
            "limner.toml: engine a: fast",
        ),
        ("[[engine]]\nname = 'a'\ndriver = 'x'\nfast = 1", "limner.toml: engine a: fast"),
        (2 * "[[engine]]\nname = 'a'\ndriver = 'x'\nfast = { slots = 1 }\n", "limner.toml: engine"),
    ],
)
def test_a_wrong_file_is_refused_by_the_place_in_it(tmp_path, toml, named):
    assert refused(tmp_path, toml).startswith(named)


def test_a_variable_that_is_no_setting_is_refused(tmp_path):
    assert refused(tmp_path, LIMNER_PROT="1") == "LIMNER_PROT: there is no such setting"


def test_a_setting_of_a_former_release_keeps_nothing_from_starting(tmp_path):
    assert load(tmp_path, "api_threads = 8", LIMNER_API_THREADS="x").port == 8000
    assert surroundings.strangers({"LIMNER_API_THREADS": "8"}) == ["LIMNER_API_THREADS"]


def test_variables_of_others_are_nothing_to_us(tmp_path):
    assert load(tmp_path, PATH="/bin", LIMNERS_PORT="x").port == 8000


def test_at_least_one_lane_of_the_built_in_engine_needs_a_slot(tmp_path):
    zero = {"LIMNER_FAST_SLOTS": "0", "LIMNER_RELAXED_SLOTS": "0"}

    assert "slot" in refused(tmp_path, **zero)
    assert load(tmp_path, LIMNER_FAST_SLOTS="0").engines[0].slots == 1


def test_an_engine_keeps_the_options_that_are_its_drivers_business(tmp_path):
    toml = """
        [[engine]]
        name = "stage"
        driver = "rehearsal"
        seconds = 2.0
        steps = 5
        fast = { slots = 2, gap_s = 0 }
        relaxed = { slots = 1, gap_s = 1.5 }
    """

    assert load(tmp_path, toml).engines == (
        EngineSettings(
            name="stage",
            driver="rehearsal",
            fast=LaneLimits(2, 0.0),
            relaxed=LaneLimits(1, 1.5),
            options={"seconds": 2.0, "steps": 5},
        ),
    )


def test_what_differs_from_the_defaults_reaches_child_processes(tmp_path):
    settings = load(
        tmp_path,
        LIMNER_PORT="8100",
        LIMNER_DATA_DIR=str(tmp_path),
        LIMNER_PUBLIC_URL="https://draw.example/",
        LIMNER_LEASE_S="2.5",
    )

    handed = settings.environment()

    assert handed["LIMNER_PORT"] == "8100"
    assert "LIMNER_HOST" not in handed
    again = Settings.load(handed)
    assert all(
        getattr(again, f.name) == getattr(settings, f.name)
        for f in fields(Settings)
        if f.name not in ("engines", "face_options", "translate", "forbidden")
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_pictures_are_not_addressed_at_every_host_at_once(tmp_path, host):
    assert load(tmp_path, LIMNER_HOST=host, LIMNER_PORT="80").base_url == "http://127.0.0.1:80"


def test_a_public_url_loses_its_last_slash(tmp_path):
    assert load(tmp_path, LIMNER_PUBLIC_URL="https://draw.example/").base_url == (
        "https://draw.example"
    )


@pytest.mark.parametrize(
    ("given", "size_bytes"),
    [
        ("2gb", 2**31),
        ("512MB", 2**29),
        ("64m", 64_000_000),
        ("1073741824", 2**30),
        (" 1 gb ", 2**30),
        ("", None),
    ],
)
def test_a_size_of_memory_is_written_as_redis_writes_it(tmp_path, given, size_bytes):
    settings = load(tmp_path, LIMNER_REDIS_MEMORY=given)

    assert settings.redis_memory == size_bytes
    # Child processes read it from what this makes of it.
    assert load(tmp_path, **settings.environment()).redis_memory == size_bytes


@pytest.mark.parametrize("given", ["2 apples", "31mb", "0", "-1gb", "2gib", "1.5gb"])
def test_what_is_no_size_of_memory_is_refused(tmp_path, given):
    said = refused(tmp_path, LIMNER_REDIS_MEMORY=given)

    assert said.startswith("LIMNER_REDIS_MEMORY: must be a size such as 512mb or 2gb")
