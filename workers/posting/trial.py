"""``limner callbacks try URL``: send one signed test event and report each step.

The command replaces itself by ``python -m workers.posting.trial``, since the core imports no worker. Its output
is for operators at a terminal, so it names addresses; callers never see it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limner.client import Client
from limner.egress.address import AddressNotAllowed, DialPolicy
from limner.egress.target import Target, UrlRefused, parse_target
from limner.errors import ConfigError
from limner.exits import exit_code
from limner.printing import Steps
from limner.settings import Settings
from limner.store import Store
from net.dialling import RESOLVE_S, NameNotFound, resolve
from net.outgoing import Outgoing
from net.reach import Reach
from workers.posting.trial_poster import a_test_event

#: error words of attempts that did not reach the receiver
NOT_REACHED = ("refused", "unreachable", "dns", "not_allowed", "proxy")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the test; the first that is not ``good`` is the last."""

    name: str
    good: bool
    detail: str


def try_url(url: str, client: Client, settings: Settings) -> Iterator[Step]:
    """Yield the steps of one test callback to ``url``, signed and checked as the client's would be."""
    try:
        target = parse_target(url)
    except UrlRefused as error:
        yield Step("text", False, str(error))
        return
    yield Step("text", True, target.destination)
    reach = Reach(settings)
    outgoing = reach.of(client)
    try:
        if settings.callback_proxy:
            # Names need not resolve here, and the proxy dials what they resolve to on its side.
            yield Step("resolve", True, "left to the proxy of LIMNER_CALLBACK_PROXY")
        else:
            for step in _reach(target, outgoing._policy):
                yield step
                if not step.good:
                    return
        yield from _post(url, target.scheme, client, settings, outgoing)
    finally:
        reach.close()


def _reach(target: Target, policy: DialPolicy) -> Iterator[Step]:
    """Yield the steps before a direct connection."""
    try:
        found = resolve(target.host, target.port, RESOLVE_S)
    except NameNotFound:
        yield Step(
            "resolve", False, f"{target.host} has no address, or none within {RESOLVE_S:g} s"
        )
        return
    addresses = list(dict.fromkeys(address for _, address, _ in found))
    yield Step("resolve", True, ", ".join(addresses))
    try:
        policy.check(target.host, target.port, addresses)
    except AddressNotAllowed:
        yield Step(
            "policy",
            False,
            "not a public address, and neither LIMNER_CALLBACK_ALLOW nor the client's list opens it",
        )
        return
    yield Step("policy", True, "allowed")


def _post(
    url: str, scheme: str, client: Client, settings: Settings, outgoing: Outgoing
) -> Iterator[Step]:
    body, headers = a_test_event(client)
    outcome = outgoing.post(url, body, headers, settings.callback_limit_s)
    if outcome.status is None and outcome.error in NOT_REACHED:
        yield Step("connect", False, outcome.error)
        return
    yield Step("connect", True, outcome.address or "")
    if scheme == "https":
        good = outcome.error != "tls"
        yield Step(
            "tls", good, "certificate and name are good" if good else "not trusted for this name"
        )
        if not good:
            return
    if outcome.status is None:
        yield Step("answer", False, f"{outcome.error} after {outcome.took_ms} ms")
        return
    detail = f"{outcome.status} in {outcome.took_ms} ms"
    if outcome.location:
        detail += ", a redirect, which is never followed"
    elif not outcome.delivered:
        detail += f": {outcome.answer.decode('utf-8', 'replace')[:200]}"
    yield Step("answer", outcome.delivered, detail)


def main(arguments: Sequence[str] | None = None) -> int:
    """Test a URL, or a client's default one; 0 if the receiver accepted the test event.

    Raises:
        ConfigError: there is no such client, or no URL.
        StoreDown: Redis cannot be reached.
    """
    parser = argparse.ArgumentParser(prog="limner callbacks try")
    parser.add_argument("url", nargs="?", help="default: the client's default URL")
    parser.add_argument("--client", default="local", help="whose secret and allow-list (local)")
    parser.add_argument(
        "--enable", action="store_true", help="if it is accepted, enable the client's URL again"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a step")
    options = parser.parse_args(arguments)
    steps = Steps(8, as_json=options.json)
    settings = Settings.load()
    store = Store.of(settings)
    store.schema.check()
    client = store.clients.get(options.client)
    if client is None:
        raise ConfigError("--client", f"there is no client called {options.client!r}")
    url = options.url or client.callback_url or settings.callback_url
    if url is None:
        raise ConfigError("url", f"{client.name} has no default URL: name one")
    good = False
    for step in try_url(url, client, settings):
        good = step.good
        steps.say(step.name, good, step.detail)
    if good and options.enable:
        store.outbox.enable(client.name)
        steps.say("enabled", True, f"the default URL of {client.name} is used again")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(exit_code(main))
