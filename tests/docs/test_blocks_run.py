"""Every block of the README and of docs/ that is to be run is run as it stands, against one gateway of real processes.

One test, so that there is one gateway; each block is a part of it that fails, or is left out, by itself. What a reader
puts in place of a word in capitals, or has done before, is here. ``test_blocks.py`` sees to all other blocks.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import boto3
import pytest
import requests
from PIL import Image

from limner.callback.signature import sign
from stack.stack import answers
from tests.acceptance.test_bucket import Bucket
from tests.acceptance.up import Up
from tests.clients.running import MODULES, PYTHON, needs_node, needs_python
from tests.conftest import free_port, wait_until
from tests.docs.blocks import HOME, Block, blocks
from tests.docs.gateway import Gateway, started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RUNNABLE = [block for block in blocks("sh", "python", "javascript") if not block.elsewhere]
SECRET, BODY = "whsec_" + base64.b64encode(b"a secret of the test").decode(), b'{"seq": 1}'
#: whose parts are in the first hour of ``tests/acceptance/test_first_hour.py``
FIRST_HOUR = {"receiver", "comfyui"}
#: stops the gateway
LAST = "schema"


@pytest.fixture
def gateway(monkeypatch):
    up = Up()
    try:
        gateway = started(up, monkeypatch)
        yield gateway
        gateway.close()
    finally:
        up.close()


def test_every_block_runs_as_it_stands(gateway, subtests):
    for block in sorted(RUNNABLE, key=lambda block: block.name == LAST):
        if block.name in FIRST_HOUR:
            continue
        with subtests.test(block=str(block)):
            run = NAMED.get(block.name) if block.name else in_a_shell
            assert run, f"nothing says how the block called {block.name} is run"
            run(gateway, block)


def test_every_name_of_a_block_is_that_of_one():
    names = [block.name for block in RUNNABLE if block.name]
    assert sorted(set(names)) == sorted({*NAMED, *FIRST_HOUR})


# -- shells ---------------------------------------------------------------------------------------


def in_a_shell(gateway: Gateway, block: Block) -> str:
    return gateway.shell(gateway.filled(block.text))


def curl(gateway: Gateway, block: Block) -> None:
    """The picture's address is printed, or what would be drawn."""
    told = in_a_shell(gateway, block)
    assert f"{gateway.url}/images/drawings/" in told or json.loads(told)["engine"] == "stage"


def pages(gateway: Gateway, block: Block) -> None:
    """Each job of the client is told once."""
    ids = [job["id"] for job in gateway.jobs()]
    told = gateway.shell(gateway.filled(block.text))
    assert re.findall(r"[0-9a-f]{32}", told) == ids
    assert len(ids) > 2


def shell(gateway: Gateway, block: Block) -> None:
    Image.new("RGB", (64, 64), "red").save(gateway.folder / "photo.jpg")
    text = block.text.replace("limner cancel JOB", "limner cancel WAITING")
    waiting = gateway.limner("draw", "a fox [[hang]]", "--no-wait").strip()
    gateway.shell(gateway.filled(text.replace("WAITING", waiting), JOB=gateway.draw()))
    assert (gateway.folder / "lighthouse.png").exists()
    assert (gateway.folder / "cell.png").exists()


def look(gateway: Gateway, block: Block) -> None:
    """With a callback that was given up, and a client whose default URL was disabled."""
    receiver = gateway.receiver.url
    job = gateway.draw(callback_url=f"{receiver}/refuses")
    dead = lambda: "rejected" in gateway.limner("callbacks", "dead")  # noqa: E731
    wait_until(dead, what="a dead letter")
    gateway.limner("clients", "set", "local", "--callback-url", f"{receiver}/takes")
    words = {"ID": job, "JOB": job, "URL": f"{receiver}/takes"}

    told = gateway.shell(gateway.filled(block.text, **words))

    assert job in told
    assert len(list((gateway.folder / "checked").iterdir())) >= 4
    gateway.limner("resume", "lane", "fast")
    gateway.limner("resume", "engine", "stage")


def cards(gateway: Gateway, block: Block) -> None:
    """And each card of the page's table is told of as it says, and ends so."""
    in_a_shell(gateway, block)
    page = (HOME / block.page).read_text(encoding="utf-8").partition("<!-- cards -->")[2]
    rows = re.findall(r"^\| (?:`(\[\[.+?\]\])`|nothing) \| ([−0-9, ]+) \| (.+?) \|", page, re.M)
    assert len(rows) >= 10
    for card, statuses, ending in rows:
        told = gateway.told_of(f"a red fox {card}")
        seen = [status for status, _ in itertools.groupby(body["status"] for body in told)]
        assert seen == [int(one.replace("−", "-")) for one in statuses.split(", ")], card
        reason = told[-1]["reasonCode"]
        assert ending.startswith(f"failed, `{reason}`" if reason else "done"), card
        # A plain card between: else the engine would be blamed for what fails.
        assert gateway.told_of("a red fox")[-1]["status"] == 1


def by_hand(gateway: Gateway, block: Block) -> None:
    for needed in ("xxd", "openssl"):
        if not shutil.which(needed):
            pytest.skip(f"{needed} is not installed")
    (gateway.folder / "body.json").write_bytes(BODY)
    told = gateway.shell(
        block.text, SECRET=SECRET, WEBHOOK_ID="msg_1", WEBHOOK_TIMESTAMP="1800000000"
    )
    assert (
        f"v1,{told.strip()}"
        == dict(sign("msg_1", 1_800_000_000, BODY, (SECRET,)))["webhook-signature"]
    )


def bucket(gateway: Gateway, block: Block) -> None:
    server = Bucket()
    try:
        boto3.client(
            "s3",
            endpoint_url=server.url,
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        ).create_bucket(Bucket="pictures")
        text = block.text.replace("http://minio:9000", server.url).replace("…", "key")
        # Beside a gateway that runs with another store it would be refused.
        elsewhere = f"export LIMNER_DATA_DIR={gateway.folder}/elsewhere\n"
        assert "s3://pictures" in gateway.shell(gateway.filled(elsewhere + text))
    finally:
        server.go()


def sheets(gateway: Gateway, block: Block) -> None:
    (gateway.folder / "prompts.txt").write_text("a fox\n")
    gateway.shell(block.text)
    for name in ("fox.png", "sheet.jpg", "claims.jpg"):
        assert (gateway.folder / name).stat().st_size > 1000


def schema(gateway: Gateway, block: Block) -> None:
    """The first line asks the server that runs, the second takes back data that nobody uses."""
    first, second = gateway.filled(block.text).splitlines()
    assert "well" in gateway.shell(first)
    gateway.up.stop()
    gateway.shell(second)


# -- programs -------------------------------------------------------------------------------------


def python(gateway: Gateway, block: Block) -> None:
    told = gateway.program([sys.executable], block.text, "example.py")
    assert f"{gateway.url}/images/drawings/" in told


def javascript(gateway: Gateway, block: Block) -> None:
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    told = gateway.program(["node"], block.text, "example.mjs")
    assert f"{gateway.url}/images/drawings/" in told


def is_signed(_gateway: Gateway, block: Block) -> None:
    import time

    names: dict = {}
    exec(compile(block.text, str(block), "exec"), names)
    headers = dict(sign("msg_1", int(time.time()), BODY, ("whsec_b3RoZXI=", SECRET)))
    assert names["is_signed"](SECRET, headers, BODY)
    assert not names["is_signed"](SECRET, headers, BODY + b" ")
    assert not names["is_signed"](SECRET, {}, BODY)
    late = dict(sign("msg_1", int(time.time()) - 400, BODY, (SECRET,)))
    assert not names["is_signed"](SECRET, late, BODY)


def postcards(gateway: Gateway, block: Block) -> None:
    """The application is used as somebody with a browser does, and its receiver is tried."""
    if block.text.startswith("node") and not shutil.which("node"):
        pytest.skip("node is not installed")
    port = free_port()
    with gateway.serving(block.text, SECRET=gateway.secret, PORT=str(port)):
        page = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers("127.0.0.1", port, "/"), what="the application")
        gateway.limner("callbacks", "try", f"{page}/callbacks", "--client", "local")

        for prompt, shown in (
            ("a fox <b>", "a fox &#60;b&#62; is done: 100 %"),
            ("a fox [[moderated]]", "refused by moderation. Please ask for something else."),
        ):
            card = requests.post(page, {"prompt": prompt}, timeout=60).url
            wait_until(partial(says, card, html.unescape(shown)), what=shown)
        refused = requests.post(page, {"prompt": " "}, timeout=60)
        assert refused.status_code == 422
        assert "promptEn: Must not be blank. (invalid_request)" in refused.text
        unsigned = requests.post(f"{page}/callbacks", b"{}", timeout=60)
        assert unsigned.status_code == 401
        assert requests.get(f"{page}/cards/none", timeout=60).status_code == 404


def says(address: str, words: str) -> bool:
    return words in html.unescape(requests.get(address, timeout=60).text)


def anchor(gateway: Gateway, block: Block) -> None:
    """In a module of scene/, as the page says: in a process of its own, as the catalogue is for all."""
    module = "import engines.sketch.scene.wild as wild\nvars(wild).pop('__doc__')\nexec({!r}, vars(wild))\n"
    ask = "from limner.__main__ import main\nmain(['sketch', 'an anchor', '--json', '--shrink', '4', '--out', 'a.png'])\n"
    told = gateway.program([sys.executable], module.format(block.text) + ask, "example.py")
    assert '"anchor"' in told


def with_a_clients_python(said: str) -> Callable[[Gateway, Block], None]:
    def run(gateway: Gateway, block: Block) -> None:
        needs_python()
        text = gateway.filled(block.text) + f"\nprint({said})\n"
        told = gateway.program([str(PYTHON), "-I"], text, "example.py")
        assert told.strip() not in ("", "None", "[]")

    return run


def mcp_sdk(gateway: Gateway, block: Block) -> None:
    needs_node()
    with suppress(FileExistsError):
        (gateway.folder / "node_modules").symlink_to(MODULES)
    show = "\nconsole.log(JSON.stringify(drawn));\nprocess.exit(0);"
    drawn = json.loads(gateway.program(["node"], gateway.filled(block.text) + show, "example.mjs"))
    assert not drawn.get("isError"), drawn
    assert "image" in {one["type"] for one in drawn["content"]}, drawn


#: how each block that has a name is run
NAMED: dict[str, Callable[[Gateway, Block], object]] = {
    "curl": curl,
    "python": python,
    "javascript": javascript,
    "shell": shell,
    "pages": pages,
    "look": look,
    "cards": cards,
    "by hand": by_hand,
    "bucket": bucket,
    "schema": schema,
    "sheets": sheets,
    "is_signed": is_signed,
    "anchor": anchor,
    "postcards": postcards,
    "openai": with_a_clients_python("answer.data[0]"),
    "replicate": with_a_clients_python("pictures"),
    "fastmcp": with_a_clients_python("drawn.content"),
    "mcp-sdk": mcp_sdk,
}
