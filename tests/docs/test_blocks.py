"""Every fenced block of the README and of docs/ is read by what reads it, or run; nothing else is left but output."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import trustme
import yaml

import engines
from limner.settings import Settings
from tests.deploy.fronts import program
from tests.docs.blocks import HOME, OUTPUT, READ, RUN, blocks, blocks_of
from tests.helps import every_command

PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SERVICES = yaml.safe_load((HOME / "docker-compose.yml").read_text(encoding="utf-8"))["services"]

#: no settings, of the environment or of a file
NOTHING = {"LIMNER_CONFIG": os.devnull}


def each(*languages: str):
    found = blocks(*languages)
    return pytest.mark.parametrize("block", found, ids=map(str, found))


def test_every_block_says_what_it_is():
    assert {block.language for block in blocks()} <= {OUTPUT, *READ, *RUN}
    assert len(blocks()) > 70


def test_a_block_without_a_language_and_one_in_a_list_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "1. Do:\n\n   <!-- elsewhere: no GPU -->\n   ```sh\n   ls\n   ```\n\n```\nx\n```\n"
    )

    first, second = blocks_of(page)

    assert (first.language, first.elsewhere, first.text) == ("sh", "no GPU", "ls\n")
    assert (second.language, second.elsewhere, second.line) == ("", "", 8)


@each("toml")
def test_limner_takes_the_settings_of_a_page(block, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("LIMNER_")]:
        monkeypatch.delenv(name)
    text = block.text
    for name in re.findall(r'^\w+_env = "(\w+)"', text, re.M):
        monkeypatch.setenv(name, "secret")
    for file in re.findall(r'^\w*file = "(.+?)"', text, re.M):
        (tmp_path / "file").write_text("gore\n")
        text = text.replace(file, str(tmp_path / "file"))
    (tmp_path / "limner.toml").write_text(text)

    settings = Settings.load({**os.environ, "LIMNER_CONFIG": str(tmp_path / "limner.toml")})

    assert settings != Settings.load(NOTHING)
    # Whoever has torch sees to the rest in tests/contract.
    monkeypatch.setattr("engines.diffusers.missing_packages", list)
    for engine in settings.engines:
        engines.load(engine).close()


@each("env")
def test_limner_takes_the_variables_of_a_page(block, tmp_path):
    certificates(tmp_path)
    text = re.sub(r"(?<=ssl_ca_certs=)\S+", str(tmp_path / "cert.pem"), block.text)
    environ = NOTHING | dict(word.split("=", 1) for word in shlex.split(text))

    assert all(name.startswith("LIMNER_") for name in environ)
    assert Settings.load(environ) != Settings.load(NOTHING)


@each("json")
def test_the_json_of_a_page_is_json(block):
    assert json.loads(block.text)


@each("yaml")
def test_the_yaml_of_a_page_is_yaml_and_a_compose_file_names_services_that_there_are(block):
    table = yaml.safe_load(block.text)

    assert isinstance(table, dict)
    added = table.get("services", {})
    for name, service in added.items():
        assert name in SERVICES or {"image", "build"} & set(service), name


@each("nginx")
def test_nginx_takes_the_configuration_of_a_page(block, tmp_path):
    nginx = program("nginx")
    text = block.text
    inside = (
        text if re.search(r"^\s*(server|upstream \w+)\s*{", text, re.M) else f"server {{ {text} }}"
    )
    text = text if re.search(r"^http\s*{", text, re.M) else f"events {{}} http {{ {inside} }}"
    certificates(tmp_path)
    for name in re.findall(r"\bssl_certificate(?:_key)?\s+([^\s;]+)", text):
        text = text.replace(name, str(tmp_path / ("key.pem" if "key" in name else "cert.pem")))
    # Whoever tests may not bind the ports of a server, nor write its log.
    text = text.replace("/var/log/nginx", str(tmp_path))
    text = re.sub(r"(\blisten\s+(?:\[::\]:)?)(80|443)\b", r"\g<1>1\2", text)
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; error_log {tmp_path}/log; {text}")

    asked = subprocess.run(
        [nginx, "-t", "-p", str(tmp_path), "-c", "nginx.conf"], capture_output=True, text=True
    )

    assert asked.returncode == 0, asked.stderr


@each("caddy")
def test_caddy_takes_the_configuration_of_a_page(block, tmp_path):
    caddy = program("caddy")
    (tmp_path / "Caddyfile").write_text(block.text)
    asked = subprocess.run(
        [caddy, "adapt", "--config", tmp_path / "Caddyfile"], capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr


@each("logrotate")
def test_logrotate_takes_the_rules_of_a_page(block, tmp_path):
    rules = tmp_path / "rules"
    rules.write_text(re.sub(r"\bsu limner limner\b", "", block.text))
    rules.chmod(0o600)
    asked = subprocess.run(
        [program("logrotate"), "--debug", "--state", tmp_path / "state", rules],
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 0, asked.stderr
    assert "error:" not in asked.stderr


@each("ini")
def test_a_unit_of_a_page_has_sections_and_starts_commands_that_there_are(block):
    parts = re.findall(r"^\[(\w+)\]$", block.text, re.M)
    assert set(parts) <= {"Unit", "Service", "Install", "Socket", "Timer", "Journal"}
    for line in block.text.splitlines():
        assert re.match(r"^(\[\w+\]|[A-Z]\w*=.*|[#;].*|)$", line), line
    for command in re.findall(r"^Exec\w+=.*?\blimner (.+)$", block.text, re.M):
        assert shlex.split(command)[0] in COMMANDS


@each("mermaid")
def test_a_diagram_of_a_page_is_drawn_of_what_it_declares(block):
    kind, *lines = block.text.splitlines()
    assert kind in ("flowchart LR", "sequenceDiagram", "stateDiagram-v2")
    if kind == "sequenceDiagram":
        declared = set(re.findall(r"^\s*participant (\w+) as ", block.text, re.M))
        arrows = re.findall(r"^\s*(\w+)-+>>(\w+): \S", block.text, re.M)
        assert len(arrows) == len(lines) - len(declared)
        assert {end for arrow in arrows for end in arrow} == declared
    else:
        arrow = "--" if kind == "stateDiagram-v2" else r"-->|-- .* -->|-\. .* \.-"
        assert [line for line in lines if not re.search(arrow, line)] == []


ELSEWHERE = [block for block in blocks(*RUN) if block.elsewhere]
#: the name of each command of ours, and of its actions
COMMANDS = {one.command_path.removeprefix("limner ") for one in every_command()}


@pytest.mark.parametrize("block", ELSEWHERE, ids=map(str, ELSEWHERE))
def test_what_is_for_another_machine_is_a_script_of_commands_and_files_that_there_are(block):
    assert block.language == "sh"
    asked = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert (asked.returncode, asked.stderr) == (0, "")
    script = block.text.replace("\\\n", " ")
    for command in re.findall(r"(?:^|-- |/|exec \w+ )limner ([a-z][^#\n|;&]*)", script, re.M):
        words = command.split()
        assert {words[0], " ".join(words[:2])} & COMMANDS, command
    for target in re.findall(r"^make ([\w-]+)", block.text, re.M):
        assert re.search(rf"^{target}:", (HOME / "Makefile").read_text(), re.M), target
    for file in re.findall(r"(?:-f|-r|--kustomize|--filename) ([\w./-]+)", block.text):
        assert (HOME / file).exists(), file
    extras = set(PROJECT["optional-dependencies"])
    for extra in re.findall(r"['\".]\[([\w,]+)\]|limner\[([\w,]+)\]", block.text):
        assert set("".join(extra).split(",")) <= extras


def certificates(folder: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("draw.example")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
