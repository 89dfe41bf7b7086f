"""The compose file: pinned, hardened, bounded, and passing on what operators set."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

HOME = Path(__file__).parents[2]
FILE = yaml.safe_load((HOME / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = FILE["services"]
VERSION = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
IMAGE = f"limner:{VERSION}"
OURS = [name for name, service in SERVICES.items() if "build" in service]
#: of the containers, where the image or this file sets them
INNER = {
    *("LIMNER_DATA_DIR", "LIMNER_HOST", "LIMNER_PORT", "LIMNER_REDIS_MEMORY"),
    *("LIMNER_FLOWER_HOST", "LIMNER_FLOWER_PORT", "LIMNER_FLOWER_AUTH"),
}
#: an exact version, which may have a suffix
PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+(?:-[\w.]+)*(?:@sha256:[0-9a-f]{64})?")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_cannot_write_its_root_or_gain_rights(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_container_takes_is_bounded(name):
    service = SERVICES[name]

    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["driver"] == "json-file"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("name", OURS)
def test_our_containers_write_their_volume_and_a_bounded_folder_in_memory(name):
    (mount,) = SERVICES[name]["tmpfs"]
    path, _, options = mount.partition(":")

    assert path == "/tmp"
    assert "size=512m" in options.split(",")
    assert SERVICES[name]["volumes"] == ["pictures:/data"]


def test_redis_needs_no_right_to_become_its_user_and_refuses_before_it_is_killed():
    assert SERVICES["redis"]["user"] == "999:1000"
    assert "--maxmemory ${LIMNER_REDIS_MEMORY:-2gb}" in SERVICES["redis"]["command"]


def test_images_of_others_are_pinned():
    base = re.search(r"^FROM (\S+)$", (HOME / "Dockerfile").read_text(), re.M)[1]
    others = [service["image"] for service in SERVICES.values() if "build" not in service]

    assert [image for image in (base, *others) if not PINNED.fullmatch(image)] == []
    assert not PINNED.fullmatch("redis:7-alpine")
    assert not PINNED.fullmatch("python:3.12-slim")


def test_our_image_has_the_version_of_what_it_is_built_from():
    assert {SERVICES[name]["image"] for name in OURS} == {IMAGE}
    for file in ("Dockerfile", "docs/deploying/image.md"):
        named = re.findall(r"\blimner:\d[\w.-]*", (HOME / file).read_text(encoding="utf-8"))
        assert set(named) == {IMAGE}, file


def documented() -> set[str]:
    """Return the settings of the README's table."""
    readme = (HOME / "README.md").read_text(encoding="utf-8")
    table = readme.partition("<!-- settings -->")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `(LIMNER_\w+)` \|", table, re.M))


@pytest.mark.parametrize("name", OURS)
def test_every_documented_setting_is_passed_on_and_keeps_its_default_if_it_is_not_set(name):
    given = {
        key: value
        for key, value in SERVICES[name]["environment"].items()
        if key.startswith("LIMNER_") and key not in INNER
    }

    assert given.keys() == documented() - INNER
    # Without a value in the file: taken from the environment or .env, and else not there at all.
    assert {key for key in given if given[key] is not None} == {
        "LIMNER_REDIS_URL",
        "LIMNER_PUBLIC_URL",
    }
    assert given["LIMNER_REDIS_URL"] == "${LIMNER_REDIS_URL:-redis://redis:6379/0}"


def test_a_bucket_is_reached_by_what_the_page_on_pictures_has_set():
    page = (HOME / "docs/pictures.md").read_text(encoding="utf-8")
    given = SERVICES["worker-fast"]["environment"]

    passed_on = {key for key in given if key.startswith("AWS_")}
    assert passed_on == set(re.findall(r"\bAWS_\w+", page))
    # Without a third part, credentials for an hour are wrong ones.
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= passed_on
    assert {given[key] for key in passed_on} == {None}


def test_links_lead_to_the_port_that_this_machine_has_for_the_api():
    default = SERVICES["api"]["environment"]["LIMNER_PUBLIC_URL"]

    assert default == "${LIMNER_PUBLIC_URL:-http://localhost:${LIMNER_PORT:-8000}}"
    assert SERVICES["api"]["ports"] == ["${LIMNER_PORT:-8000}:8000"]
