"""The house keeps its own rules: arrows, sizes, documents, images; what a reviewer would have to look for."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import fields
from pathlib import Path

import grimp
import pytest
import yaml

from cli import parser
from limner.callback import signature
from limner.client import Client
from limner.job import Status
from limner.settings import Settings
from schemas.status import STATUS_CODE
from stack.processes import QUEUES
from stack.receiver import WORDS, is_signed
from workers.posting.trial_poster import a_test_event

HOME = Path(__file__).parents[1]
PACKAGES = ("api", "workers", "cli", "stack", "schemas", "engines", "net", "limner")
SOURCES = sorted(path for name in PACKAGES for path in (HOME / name).rglob("*.py"))
SCRIPTS = sorted((HOME / "limner/store").rglob("*.lua"))
README = (HOME / "README.md").read_text(encoding="utf-8")

LINES_MAX = 350


def name_of(path: Path) -> str:
    return path.relative_to(HOME).as_posix()


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """Every source file by its name, parsed once for all that look into it."""
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


# -- arrows ---------------------------------------------------------------------------------------


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_imports_go_one_way():
    done = lint_imports(HOME)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_import_contracts_bite(tmp_path):
    for name in PACKAGES:
        shutil.copytree(HOME / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOME / "pyproject.toml", tmp_path)
    wrong = {
        "limner/bad.py": "import requests\nimport api.house",
        "limner/egress/bad.py": "import limner.store",
        "limner/followup.py": "import limner.store",
        "workers/bad.py": "import flask\nimport marshmallow\nimport redis\nimport requests\nimport opentelemetry",
        "workers/drawing/bad.py": "import workers.posting.letters",
        "api/ops/bad.py": "import api.faces.limner.draw",
        "api/faces/other.py": "import api.faces.limner.draw",
        "schemas/openai/bad.py": "import schemas.limner.job",
        "schemas/mcp/bad.py": "import schemas.limner.job",
        "schemas/mjproxy/bad.py": "import schemas.limner.job",
        "schemas/replicate/bad.py": "import schemas.limner.job",
        "engines/sketch/bad.py": "import engines.rehearsal",
        "engines/bad.py": "import celery\nfrom limner.store import Store",
    }
    for path, code in wrong.items():
        (tmp_path / path).write_text(code)
    done = lint_imports(tmp_path)
    contracts = tomllib.loads((HOME / "pyproject.toml").read_text())["tool"]["importlinter"]
    for contract in contracts["contracts"]:
        assert f"{contract['name']} BROKEN" in done.stdout, done.stdout + done.stderr


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a ring, or none."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_modules_import_each_other_in_a_circle_not_even_for_their_types():
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}

    assert "engines.sketch.order" in imports["engines.sketch.preview"]  # under TYPE_CHECKING
    assert circle_in(imports) == []
    assert circle_in(imports | {"limner.request": {"limner.prompt"}}) != []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("limner/job.py", "import redis"),
        ("limner/job.py", "from celery import Celery"),
        ("engines/rehearsal/__init__.py", "import marshmallow"),
    ],
)
def test_a_library_out_of_its_room_is_refused_by_the_linter(path, code):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", path, "-"],
        input=code,
        cwd=HOME,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "TID251" in done.stdout


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *(
            "api",
            "workers",
            "cli",
            "stack",
            "schemas",
            "engines",
            "net",
            "limner",
            "celeryconfig.py",
        ),
        *("api/access", "api/faces/limner", "api/ops", "schemas/limner"),
        *("workers/drawing", "workers/posting", "engines/remote"),
        *("limner/callback", "limner/pictures", "limner/settings"),
        *(f"limner/store/{room}" for room in ("jobs", "lanes", "engines", "outbox", "metrics")),
        *("tests/unit", "tests/contract", "tests/api", "tests/workers", "tests/acceptance"),
        *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "docs"),
        *("pyproject.toml", "Makefile", ".ci/run", ".pre-commit-config.yaml"),
        *("docker-compose.yml", "Dockerfile", ".dockerignore"),
        *("deploy/prometheus", "deploy/grafana", "deploy/kubernetes"),
    ],
)
def test_the_rooms_are_where_the_map_says(name):
    assert (HOME / name).exists()


def test_no_file_is_too_long_to_be_read_at_a_sitting():
    lengths = {name_of(p): len(p.read_text().splitlines()) for p in [*SOURCES, *SCRIPTS]}
    assert {name: n for name, n in lengths.items() if n > LINES_MAX} == {}


PARAMETERS_MAX = 6


def test_no_constructor_takes_more_than_can_be_kept_in_mind(trees):
    crowded = {}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            for made in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(made, ast.FunctionDef) and made.name == "__init__":
                    given = made.args
                    named = [*given.posonlyargs, *given.args, *given.kwonlyargs][1:]
                    crowded[f"{name}: {node.name}"] = len(named)
    assert {name: n for name, n in crowded.items() if n > PARAMETERS_MAX} == {}


BY_HAND = {"debug", "info", "warning", "error", "exception", "critical", "log", "event"}
#: an event's name: noun.past_verb
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")


def is_told_as_every_event(call: ast.Call) -> bool:
    """Say whether a call reads ``event(log, "noun.past_verb", …)``."""
    match call.args:
        case [ast.Name("log"), ast.Constant(str(name))]:
            return EVENT.fullmatch(name) is not None
    return False


def logs_otherwise(tree: ast.Module) -> list[int]:
    """Return the lines of a module that log in any other way than by ``event``."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    by_name = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "event"]
    methods = [c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr in BY_HAND]
    others = [c for c in methods if ast.unparse(c.func.value) in ("log", "logger", "logging")]
    return [c.lineno for c in [*(c for c in by_name if not is_told_as_every_event(c)), *others]]


@pytest.mark.parametrize(
    "line",
    [
        "event(log, 'accepted')",
        "event(logger, 'job.accepted')",
        "event(log, name)",
        "log.info('x')",
        "logging.warning('x')",
    ],
)
def test_logging_in_another_way_is_found(line):
    assert logs_otherwise(ast.parse(line)) == [1]


def test_whoever_logs_does_it_in_the_one_way(trees):
    assert logs_otherwise(ast.parse("event(log, 'job.accepted', job=1)")) == []
    found = {name: logs_otherwise(tree) for name, tree in trees.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


#: what messages count; units such as "s" and "MB" have no plural
COUNTED = re.compile(
    r" (?:(?!of )[a-z]+ )?(?:attempts|bytes|callbacks|days|engines|events|jobs|lines|messages|pictures|previews"
    r"|secrets|slots|times|warnings|workers)\b"
)


def counts_by_hand(text: ast.JoinedStr) -> bool:
    """Say whether an f-string reads ``{count} things``, which a count of one makes wrong."""
    parts = zip(text.values, text.values[1:], strict=False)
    return any(
        isinstance(count, ast.FormattedValue)
        and not ast.unparse(count.value).isupper()
        and isinstance(after, ast.Constant)
        and COUNTED.match(str(after.value)) is not None
        for count, after in parts
    )


def test_a_count_by_hand_is_found():
    (by_hand, by_helper) = ast.parse("f'{n} old jobs.'; f'{counted(n, \"job\")}.'").body
    assert counts_by_hand(by_hand.value)
    assert not counts_by_hand(by_helper.value)


def test_no_message_counts_one_jobs(trees):
    by_hand = [
        f"{name}: {ast.unparse(text)}"
        for name, tree in trees.items()
        for text in ast.walk(tree)
        if isinstance(text, ast.JoinedStr) and counts_by_hand(text)
    ]
    assert by_hand == []


def test_every_module_says_what_it_holds(trees):
    assert [name for name, tree in trees.items() if not ast.get_docstring(tree)] == []


def test_no_two_classes_have_one_name(trees):
    places: dict[str, list[str]] = {}
    bench = sorted((HOME / "bench").rglob("*.py"))
    others = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in bench}
    for name, tree in [*trees.items(), *others.items()]:
        for node in ast.walk(tree):
            # marshmallow wants its options under that name
            if isinstance(node, ast.ClassDef) and node.name != "Meta":
                places.setdefault(node.name, []).append(name)

    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_every_script_begins_with_what_it_does():
    others = [p for p in SCRIPTS if not p.read_text(encoding="utf-8").startswith("-- ")]
    assert others == []


HEALTH = "lib_health.lua"
#: fields that nothing but the health of an engine has
HEALTH_FIELDS = ("state", "why", "paused_until", "pause_ms", "busy", "struck", "aside_ms")


def touches_health(text: str) -> list[str]:
    """Return where a script names the record of an engine's health, or a command that writes its fields."""
    record = re.findall(r"""key\(\s*['"]engine['"]|['"]engine:|PREFIX \.\. 'engine""", text)
    # Any of several records of an engine: how long they are kept is no matter of health.
    any_record = re.findall(r"redis\.call\('(?!PERSIST|PEXPIRE)\w+', key\(kind\b.*", text)
    fields = "|".join(HEALTH_FIELDS)
    written = re.findall(rf"'H(?:SET|SETNX|DEL|INCRBY)'[^\n]*'(?:{fields})'", text)
    return [*record, *any_record, *written]


def test_only_one_library_writes_the_health_of_engines():
    found = {
        path.name: touches_health(path.read_text(encoding="utf-8"))
        for path in SCRIPTS
        if path.name != HEALTH
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "redis.call('HSET', key('engine', name), 'state', 'ok')",
        "local record = key( 'engine', name)",
        "redis.call('HDEL', PREFIX .. 'engine:' .. name, 'why')",
        "redis.call('DEL', key(kind, name))",
        "redis.call('HSET', engine, 'paused_until', '0')",
    ],
)
def test_a_second_writer_of_health_would_be_found(line):
    assert touches_health(line)


def test_no_python_writes_what_is_known_of_engines():
    """It reads a few fields; all else goes through the scripts."""
    named = {
        name_of(path): re.findall(r"\.(\w+)\(f?\"[^\"]*(?:engine|settings):\{", path.read_text())
        for path in SOURCES
    }
    assert {name: calls for name, calls in named.items() if calls} == {
        "limner/store/engines/__init__.py": ["hmget", "hexists", "hexists", "hget"]
    }


def test_every_status_has_a_code_on_the_wire_and_the_demo_knows_its_word():
    assert set(STATUS_CODE) == set(Status)
    assert {code: status.value for status, code in STATUS_CODE.items()} == WORDS


# -- documents ------------------------------------------------------------------------------------


def as_shown(name: str, default: object) -> str:
    if name == "data_dir":
        return "`./limner-data`"
    if default is None or default == "":
        return "empty"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_the_readme_lists_every_setting_with_its_default_and_meaning():
    rows = re.findall(r"^\| `LIMNER_(\w+)` \| (.+?) \| (.+) \|$", README, re.M)
    assert rows == [
        (f.name.upper(), as_shown(f.name, f.default), f.metadata["help"])
        for f in fields(Settings)
        if f.name not in ("engines", "face_options", "translate", "forbidden")
    ]


@pytest.fixture
def receiver(tmp_path):
    """The receiver of the README, as it stands but for its secret."""
    code = re.search(r"<!-- receiver -->\n```python\n(.*?)```", README, re.S)[1]
    assert len([line for line in code.splitlines() if line.strip()]) == 12
    secret = "whsec_" + "bGltbmVy" * 4
    path = tmp_path / "receiver.py"
    path.write_text(code.replace("whsec_...", secret))
    spec = importlib.util.spec_from_file_location("receiver", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app.test_client(), secret


BODY = json.dumps({"seq": 1, "status": -1, "progress": 0, "url": None}).encode()


def test_the_receiver_of_the_readme_takes_what_limner_signs_and_nothing_else(receiver):
    client, secret = receiver
    headers = signature.sign("evt_1", int(time.time()), BODY, [secret])
    assert client.post("/callbacks", data=BODY, headers=headers).status_code == 204
    assert client.post("/callbacks", data=BODY + b" ", headers=headers).status_code == 401
    assert client.post("/callbacks", data=BODY).status_code == 401
    late = signature.sign("evt_1", int(time.time()) - 600, BODY, [secret])
    assert client.post("/callbacks", data=BODY, headers=late).status_code == 401


def test_the_receiver_of_the_readme_takes_a_test_event_as_any_other(receiver):
    app, secret = receiver
    client = Client("ann", secrets=(secret,))
    body, headers = a_test_event(client)
    assert app.post("/callbacks", data=body, headers=headers).status_code == 204


def test_the_demo_checks_signatures_as_the_library_does():
    secret = "whsec_" + "bGltbmVy" * 4
    headers = signature.sign("evt_1", 1_800_000_000, BODY, ["whsec_b3RoZXI=", secret])
    assert is_signed(secret, headers, BODY, 1_800_000_000)
    assert not is_signed(secret, headers, BODY + b" ", 1_800_000_000)
    assert not is_signed(secret, headers, BODY, 1_800_000_301)
    assert not is_signed("whsec_b3RoZXI", {}, BODY, 1_800_000_000)


# -- make, images, services -----------------------------------------------------------------------


def test_make_lists_its_commands():
    said = subprocess.run(["make", "help"], cwd=HOME, capture_output=True, text=True, check=True)
    listed = set(re.findall(r"make (\w+)", said.stdout))
    assert {"install", "demo", "up", "test", "check", "bench"} <= listed


def compose() -> dict:
    return yaml.safe_load((HOME / "docker-compose.yml").read_text(encoding="utf-8"))


def test_compose_runs_every_process_by_a_command_that_there_is():
    services = compose()["services"]
    ours = {name: service for name, service in services.items() if name != "redis"}
    assert set(ours) == {"api", "beat", "flower", *(f"worker-{queue}" for queue in QUEUES)}
    for service in ours.values():
        parser.parse(service["command"].split())
        if check := service.get("healthcheck"):
            assert parser.parse(check["test"][2:]).check
        assert service["depends_on"]["redis"]["condition"] == "service_healthy"


#: what the page on pictures has an operator set for S3
OF_A_BUCKET = re.findall(r"\bAWS_\w+", (HOME / "docs/pictures.md").read_text(encoding="utf-8"))


def test_compose_restarts_and_watches_its_services_and_sets_only_what_there_is():
    services = compose()["services"]
    known = {f"LIMNER_{f.name.upper()}" for f in fields(Settings)}
    for name, service in services.items():
        assert service["restart"] == "unless-stopped"
        others = {"FLOWER_URL_PREFIX", *OF_A_BUCKET}
        assert set(service.get("environment", {})) <= known | others
        assert "healthcheck" in service or name == "beat"


def test_compose_keeps_what_must_not_be_lost_and_hides_what_must_not_be_seen():
    services = compose()["services"]
    assert "--appendonly yes" in services["redis"]["command"]
    assert "--maxmemory-policy noeviction" in services["redis"]["command"]
    assert services["redis"]["volumes"] == ["redis:/data"]
    assert "ports" not in services["redis"]
    assert all(port.startswith("127.0.0.1:") for port in services["flower"]["ports"])
    assert ":?" in services["flower"]["environment"]["LIMNER_FLOWER_AUTH"]


def test_the_image_runs_as_nobody_in_particular():
    lines = (HOME / "Dockerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] != "USER root"


def test_ci_can_be_run():
    assert (HOME / ".ci/run").stat().st_mode & 0o111


def test_compose_serves_flower_below_a_path_where_that_is_set():
    flower = compose()["services"]["flower"]
    assert flower["environment"]["FLOWER_URL_PREFIX"] == "${FLOWER_URL_PREFIX:-}"
