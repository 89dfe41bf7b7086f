"""``limner draw`` and the other commands of callers, over HTTP, against real processes: on the gateway's machine and away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time

import pytest
from PIL import Image

from limner.__main__ import main
from limner.callback.signature import sign
from limner.settings import Settings
from limner.store.operators import Role
from tests.acceptance.house import House
from tests.conftest import free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ENGINES = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.4
steps = 3
fast = { slots = 2 }
relaxed = { slots = 1 }
"""
ONE_JOB = re.compile(r"^job ([0-9a-f]{32})$", re.MULTILINE)


@pytest.fixture(scope="module")
def house():
    with House(ENGINES) as house:
        house.start_api()
        house.start_worker("fast")
        house.start_worker("relaxed")
        house.start_worker("callbacks")
        house.wait_for_engines()
        yield house


def no_settings(monkeypatch) -> None:
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)


@pytest.fixture
def here(house, monkeypatch, tmp_path):
    """In a shell on the gateway's machine, which has its settings and no token."""
    no_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMNER_CONFIG", str(house.folder / "limner.toml"))
    return house


@pytest.fixture
def away(house, monkeypatch, tmp_path):
    """In a shell elsewhere, which has an address and a token."""
    no_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMNER_URL", house.settings.base_url)
    monkeypatch.setenv("LIMNER_TOKEN", house.token)
    return house


@pytest.fixture
def says(capsys):
    """Run a command and return its output; ``code``: its exit code."""

    def run(*words: str, code: int = 0) -> str:
        ended = main(words)
        said = capsys.readouterr()
        assert ended == code, said
        assert "Traceback" not in said.err
        return said.out if code == 0 else said.err

    return run


def test_a_prompt_becomes_a_picture_with_no_token_and_no_address(here, says, tmp_path):
    said = says("draw", "a fox in the snow", "--count", "1", "--out", "fox.png")

    assert "saved fox.png (" in said
    with Image.open(tmp_path / "fox.png") as picture:
        assert picture.format == "PNG"
    assert here.store.redis.zcard("limner:sessions:client:ann") == 0


def test_the_same_from_elsewhere_by_url_and_token_in_the_format_of_the_files_ending(
    away, says, tmp_path
):
    words = ["--relaxed", "--chaos", "5", "--out", "fox.webp", "--json"]
    job = away.store.jobs.get(json.loads(says("draw", "a fox --ar 3:2", *words))["id"])

    assert (job.lane, job.request.chaos, job.client) == ("relaxed", 5, "ann")
    with Image.open(tmp_path / "fox.webp") as picture:
        assert picture.format == "WEBP"


def test_progress_is_told_a_line_for_each_news_where_nothing_moves(away, capsys):
    assert main(["draw", "a fox [[seconds 1]]", "--out", "fox.png"]) == 0

    told = capsys.readouterr().err
    assert ONE_JOB.match(told)
    assert "submitted to stage" in told
    assert re.search(r"━+─* +\d+ %  stage", told)
    assert "\r" not in told


def test_json_is_the_job_and_where_it_was_saved(away, says):
    job = json.loads(says("draw", "a fox", "--json"))

    assert (job["status"], job["saved"]) == (1, f"limner-{job['id'][:8]}.png")
    assert os.path.exists(job["saved"])


def test_a_button_is_pressed_by_the_jobs_id_or_tag_and_an_unknown_one_names_the_open_ones(
    away, says
):
    job = json.loads(says("draw", "a fox", "--json"))

    assert "saved cell.png" in says("press", job["id"], "u1", "--out", "cell.png")
    assert "saved more.png" in says("press", job["tag"], "v2", "--out", "more.png")
    again = says("press", job["id"], "u1", code=1)
    assert "open buttons: u2, u3, u4" in again
    wrong = says("press", job["id"], "u9", code=2)
    assert wrong.startswith("limner: buttonType: Must be one of")
    assert says("press", "0" * 32, "u1", code=1) == "limner: There is no such job.\n"


def test_a_job_that_fails_is_exit_code_1_with_its_reason(away, says, tmp_path):
    said = says("draw", "a fox [[moderated]]", "--out", "fox.png", code=1)

    (job,) = ONE_JOB.findall(said)
    assert said.endswith(
        "limner: the job failed, moderated: The prompt was refused by moderation.\n"
    )
    assert "moderated" in says("follow", job, code=1)
    assert not (tmp_path / "fox.png").exists()


def test_a_job_is_followed_cancelled_and_listed(away, says):
    job = says("draw", "a fox [[hang]]", "--no-wait").strip()
    following: list[int] = []
    thread = threading.Thread(target=lambda: following.append(main(["follow", job])))
    thread.start()
    wait_until(lambda: away.store.jobs.get(job).status != "waiting", what="the start")

    assert says("cancel", job).endswith(f"{job} is cancelled.\n")
    thread.join(60)

    assert following == [1]
    (listed,) = json.loads(says("jobs", "--status", "failed", "--limit", "1", "--json"))["data"]
    assert (listed["id"], listed["reasonCode"]) == (job, "cancelled")
    assert job in says("jobs", "--limit", "3")
    done = json.loads(says("draw", "a fox", "--json"))["id"]
    assert "ended before" in says("cancel", done, code=1)
    assert "--status, --tag" in says("jobs", "--lane", "fast", code=2)


def test_an_operators_token_lists_the_jobs_of_every_client(away, says, monkeypatch):
    away.imagine(fast=True)
    monkeypatch.setenv(
        "LIMNER_TOKEN", away.store.operators.add("cli:test", f"o{free_port()}", Role.VIEW)
    )

    jobs = json.loads(says("jobs", "--lane", "fast", "--limit", "1", "--json"))["data"]

    assert [job["client"] for job in jobs] == ["ann"]
    # On a busy machine a worker may not be heard of for a while.
    wait_until(away.ready)
    assert "your jobs" not in says("status")


def test_what_is_wrong_is_said_by_field_before_anything_is_drawn(away, says):
    for words, said in (
        (["--chaos", "200"], "limner: chaos: Must be from 0 to 100."),
        (["--style", "loud"], "limner: style: "),
        (["--fast", "--relaxed"], "limner: --relaxed: cannot be given with --fast"),
        (["--out", "fox.xyz"], "limner: --out: must end in .png"),
        (["--out", "nowhere/fox.png"], "limner: --out: must be a file in a folder"),
        (["--tag", "mine"], "limner: tag: "),
    ):
        assert says("draw", "a fox", *words, code=2).startswith(said)
    missing = says("draw", "a fox", "--image", "none.png", code=1)
    assert missing == "limner: cannot read or write none.png: No such file or directory\n"


def test_a_plan_is_told_without_a_job(away, says):
    plan = json.loads(says("draw", "a fox", "--ar", "16:9", "--dry-run", "--json"))
    assert (plan["engine"], plan["width"] > plan["height"]) == ("stage", True)
    assert "engine" in says("draw", "a fox", "--dry-run")


def test_the_state_of_the_gateway_and_how_many_jobs_are_under_way(here, says):
    wait_until(here.ready)
    said = says("status")
    assert "state      ok" in said
    assert "workers    fast 1, relaxed 1" in said
    body = json.loads(says("status", "--json"))
    assert (body["ready"], body["why"], body["url"]) == (True, None, here.settings.base_url)


def test_a_wrong_token_a_missing_one_and_a_gateway_that_is_not_there_are_told_apart(
    away, says, monkeypatch
):
    monkeypatch.setenv("LIMNER_TOKEN", "lim_wrong")
    assert says("jobs", code=2).startswith("limner: LIMNER_TOKEN: The token is missing or unknown.")
    monkeypatch.delenv("LIMNER_TOKEN")
    missing = says("status", "--url", "https://draw.example", code=2)
    assert missing.startswith("limner: LIMNER_TOKEN: must be set, or --token given, for https://")
    nowhere = f"http://127.0.0.1:{free_port()}"
    for words in (["status"], ["draw", "a fox"], ["follow", "0" * 32], ["cancel", "0" * 32]):
        gone = says(*words, "--url", nowhere, "--token", "lim_x", code=1)
        assert gone.startswith(f"limner: no Limner answers at {nowhere} (Connection refused)")
    no_limner = says(
        "status", "--url", f"{away.settings.base_url}/elsewhere", "--token", "x", code=1
    )
    assert no_limner


def test_on_the_gateways_machine_without_its_settings_the_folder_is_named_and_the_cure(
    here, says, monkeypatch
):
    monkeypatch.delenv("LIMNER_CONFIG")
    said = says("draw", "a fox", code=1)
    assert f"no `limner up` runs on {Settings.load().data_dir}: " in said
    assert "a Limner elsewhere is named by --url and --token" in said


def test_ctrl_c_ends_the_watching_and_not_the_job(away, tmp_path):
    command = [sys.executable, "-m", "limner", "draw", "a fox [[hang]]"]
    watching = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    (job,) = ONE_JOB.findall(watching.stderr.readline())
    watching.send_signal(2)
    _, err = watching.communicate(timeout=60)

    assert watching.returncode == 130
    assert f"limner cancel {job}" in err
    assert "Traceback" not in err
    assert main(["cancel", job]) == 0


def test_callbacks_are_received_here_verified_and_printed(here, says, capsys):
    port = free_port()
    url = f"http://127.0.0.1:{port}/callbacks"
    codes: list[int] = []
    listen = ["listen", "--port", str(port), "--count", "2", "--seconds", "60", "--json"]
    thread = threading.Thread(target=lambda: codes.append(main(listen)))
    thread.start()
    listening(port)

    main(["draw", "a fox", "--callback-url", url, "--no-wait"])
    thread.join(60)

    records = [json.loads(one) for one in capsys.readouterr().out.splitlines() if one[0] == "{"]
    assert codes == [0]
    assert [(one["signed"], one["body"]["seq"]) for one in records] == [(True, 1), (True, 2)]
    assert all(one["id"].startswith("msg_") for one in records)


def test_an_unsigned_callback_and_one_that_never_came_are_exit_code_1(capsys, monkeypatch):
    no_settings(monkeypatch)
    port, secret = free_port(), "whsec_AAAA"
    codes: list[int] = []
    words = ["listen", "--port", str(port), "--secret", secret, "--count", "3", "--seconds", "20"]
    thread = threading.Thread(target=lambda: codes.append(main(words)))
    thread.start()
    listening(port)

    post(port, b'{"id": "1", "seq": 1, "status": 1, "url": "http://x/y.png"}', secret)
    post(port, b'{"id": "1", "seq": 2, "status": 2}', "whsec_BBBB")
    post(port, b"no object", secret)
    thread.join(60)

    said = capsys.readouterr().out
    assert codes == [1]
    assert "signed    1 seq 1 done  http://x/y.png" in said
    assert "UNSIGNED  1 seq 2 failed" in said
    assert "signed    not a JSON object" in said
    assert main([*words[:5], "--count", "1", "--seconds", "0.1"]) == 1


def listening(port: int) -> None:
    wait_until(lambda: answered(port), what="the listener")


def answered(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def post(port: int, body: bytes, secret: str) -> None:
    from http.client import HTTPConnection

    link = HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("POST", "/", body, dict(sign("msg_1", int(time.time()), body, (secret,))))
    assert link.getresponse().status in (204, 401)
    link.close()
