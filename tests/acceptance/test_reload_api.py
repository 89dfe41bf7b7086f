"""SIGHUP to ``limner api``: the settings are read anew and nobody is refused, or all goes on as it was."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.acceptance.house import House
from tests.api.test_connections import (
    HEAD,
    calls_without_a_pause,
    children,
    connection_to,
    opened,
    status_on,
)
from tests.api.test_connections import sighup_as_in_a_terminal as sighup_as_in_a_terminal
from tests.conftest import free_port, json_lines, wait_until

pytestmark = [
    pytest.mark.slow,
    # Gunicorn's handler of SIGHUP, which ours goes before.
    pytest.mark.seam,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("sighup_as_in_a_terminal"),
]


@pytest.fixture
def house() -> Iterator[House]:
    with House("", api_workers=2, api_client_waits=7) as house:
        yield house


def told(house: House, name: str) -> list[dict]:
    """Return what the API's log says of events of that name."""
    said = json_lines(house.folder / "api.log")
    return [line for line in said if line.get("event") == name]


def hang_up(house: House, name: str) -> dict:
    """Send SIGHUP, wait for an event of that name more than there are, and return it."""
    before = len(told(house, name))
    os.kill(house.running["api"].pid, signal.SIGHUP)
    wait_until(lambda: len(told(house, name)) > before, 60, what=name)
    return told(house, name)[-1]


def statuses_of_polls_at_once(house: House, path: str, count: int) -> list[int]:
    """Ask for a job that goes on waiting, so often at once."""
    found: list[int] = []

    def poll() -> None:
        found.append(house.ask("GET", f"{path}?wait=2")[0])

    polls = [threading.Thread(target=poll) for _ in range(count)]
    for each in polls:
        each.start()
    for each in polls:
        each.join()
    return sorted(found)


def test_what_the_file_says_after_a_sighup_is_in_force_and_nobody_is_refused_meanwhile(house):
    house.start_api_by_its_command()
    master = house.running["api"].pid
    path = f"/draw/midjourney/jobs/{house.imagine()['id']}"
    assert statuses_of_polls_at_once(house, path, 2) == [200, 200]

    # What was set and what was not, up and down; what the application reads, and what gunicorn does.
    changed = {"api_client_waits": 1, "api_workers": 1, "api_waits": 50, "api_keepalive_s": 1}
    house.write(**changed, public_url="https://draw.example")
    with calls_without_a_pause(house):
        reloaded = hang_up(house, "gateway.reloaded")

    assert reloaded["changed"] == (
        "api_client_waits: 7 → 1; api_keepalive_s: 75 → 1; api_waits: 2000 → 50; "
        "api_workers: 2 → 1; public_url: - → https://draw.example"
    )
    wait_until(lambda: len(children(master)) == 1, what="one worker")
    assert statuses_of_polls_at_once(house, path, 3) == [200, 429, 429]
    assert house.ask("GET", "/openapi.json")[1]["servers"][0]["url"] == "https://draw.example"
    assert_hangs_up_on_idle(house)

    # And back to what is not in the file at all.
    house.write(**dict.fromkeys(changed), public_url=None)
    hang_up(house, "gateway.reloaded")
    assert statuses_of_polls_at_once(house, path, 3) == [200, 200, 200]


def assert_hangs_up_on_idle(house: House) -> None:
    idle = connection_to(house)
    try:
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        assert idle.sock.recv(1) == b"", "within its time limit of half a minute, not 75 s"
    finally:
        idle.close()


def test_what_an_option_said_still_holds_and_a_folder_stays_where_it_was(house):
    house.write(data_dir="data", image_store="pictures", log_format="text")
    house.start_api_by_its_command("--json")

    house.write(log_level="debug")

    assert hang_up(house, "gateway.reloaded")["changed"] == "log_level: info → debug"


def broken(house: House) -> str:
    house.config.write_text("port = [\n")
    return "is not TOML"


def unknown(house: House) -> str:
    house.write(color="blue")
    return "color: there is no such setting"


def gone(house: House) -> str:
    house.config.unlink()
    return "to change this, restart the API"


def moved(house: House) -> str:
    house.write(port=free_port())
    return "LIMNER_PORT: to change this, restart the API"


def unusable(house: House) -> str:
    """Well said, but no application can be made of it."""
    house.write(image_store="unheard://of")
    return "unheard:// is unknown"


def unwritable(house: House) -> str:
    house.write(image_store=str(house.config))
    return "cannot write there"


@pytest.mark.parametrize("spoil", [broken, unknown, gone, moved, unusable, unwritable])
def test_settings_that_are_wrong_at_a_sighup_change_nothing(
    house: House, spoil: Callable[[House], str]
):
    house.start_api_by_its_command()
    master = house.running["api"].pid
    before = children(master)

    with calls_without_a_pause(house):
        why = spoil(house)
        assert why in hang_up(house, "gateway.not_reloaded")["why"]

    assert children(master) == before
    # One that follows another has what is in force, too, whatever is in the file.
    victim = before.pop()
    psutil.Process(victim).kill()
    wait_until(lambda: len(children(master) - {victim}) == 2, what="another worker")
    path = f"/draw/midjourney/jobs/{house.imagine()['id']}"
    assert statuses_of_polls_at_once(house, path, 2) == [200, 200]

    house.write(color=None, image_store=None, port=house.settings.port, api_waits=51)
    assert hang_up(house, "gateway.reloaded")["changed"] == "api_waits: 2000 → 51"
    assert house.terminate("api") < 30


def test_a_stop_does_not_wait_for_the_trial_of_a_store_that_hangs(house):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        house.plain |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        house.start_api_by_its_command()
        house.write(image_store="s3://pictures")
        os.kill(house.running["api"].pid, signal.SIGHUP)
        silent.settimeout(60)
        asked, _ = silent.accept()

        code = house.signalled("api", signal.SIGTERM)
        asked.close()

    assert code == 0
    assert [line["why"] for line in told(house, "gateway.not_reloaded")] == [
        "the API is about to end"
    ]
    assert told(house, "gateway.reloaded") == []


#: how much of a body is kept for later, of which a byte is sent at each look
LATER = 100_000


def test_a_stop_does_not_wait_for_the_requests_of_before_a_reload_to_end_first(house):
    """As if there were no reload: the address is given up at once, and all requests have one time to end."""
    house.write(api_workers=1)
    house.start_api_by_its_command()
    body = b"{}" + b" " * 1_000_000
    head = HEAD + b"token: " + house.token.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
    with opened(house, head + body[:-LATER]) as held:
        sent = len(body) - LATER

        def while_it_is_sent(holds: Callable[[], bool]) -> bool:
            # Who says nothing for long is given up.
            nonlocal sent
            held.sendall(body[sent : sent + 1])
            sent += 1
            return holds()

        house.write(public_url="https://draw.example")
        os.kill(house.running["api"].pid, signal.SIGHUP)
        wait_until(
            lambda: while_it_is_sent(lambda: serves_as(house, "https://draw.example")),
            what="the new worker",
        )
        os.kill(house.running["api"].pid, signal.SIGTERM)
        wait_until(lambda: while_it_is_sent(lambda: refuses(house)), what="the address given up")

        held.sendall(body[sent:])
        assert status_on(held) == 422, "read whole, and answered"
    assert house.running.pop("api").wait(30) == 0


def serves_as(house: House, url: str) -> bool:
    return house.ask("GET", "/openapi.json")[1]["servers"][0]["url"] == url


def refuses(house: House) -> bool:
    try:
        opened(house, b"").close()
    except ConnectionRefusedError:
        return True
    return False
