"""``limner clients``: create, list, change and disable clients."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from cli import show
from limner.client import SHARES, Client
from limner.egress.address import AddressNotAllowed
from limner.egress.target import UrlRefused, parse_target
from limner.errors import ConfigError
from limner.money import micros, shown, units
from limner.plural import counted
from limner.printing import document, line
from limner.request import Lane
from limner.settings import Settings, values
from limner.settings.reachable import check_url
from limner.settings.setting import parsed
from limner.store import Store
from limner.store.jobs.spending import by_client
from limner.store.outbox import Endpoint

#: the value on the command line that removes a limit
NONE = "none"


def add(options: argparse.Namespace) -> int:
    """Create a client and print its token and secret, which are shown only once."""
    chosen = _chosen(options)
    _check_reachable(chosen, chosen.get("callback_allow", ""))
    made = show.open_store().clients.add(options.name, who=show.actor(), **chosen)
    once = {"client": made.client.name, "token": made.token, "secret": made.client.secrets[0]}
    return _told_once(options, once, "Neither is shown again. The secret signs the callbacks.")


def listing(options: argparse.Namespace) -> int:
    """Print one line per client."""
    store = show.open_store()
    clients, paused = store.clients, store.levers.halted().clients
    found = [client for name in clients.names() if (client := clients.get(name))]
    if options.json:
        document({"data": [body(client, paused) for client in found]})
        return 0
    rows = [("NAME", "LANES", "WAITING CAP", "RATE/S", "CALLBACK", "")]
    rows += [
        (
            client.name,
            ",".join(sorted(client.lanes)),
            show.or_dash(client.waiting_cap),
            show.or_dash(client.rate_per_s),
            show.or_dash(_host(client)),
            ", ".join(_states(client, paused)),
        )
        for client in found
    ]
    show.table(rows)
    return 0


def one(options: argparse.Namespace) -> int:
    """Print a client's settings and state."""
    store = show.open_store()
    client = _known(store.clients.get(options.name), options.name)
    used, spending = store.jobs.budgets_used(client.name), store.jobs.spending(client.name)
    paused = store.levers.halted().clients
    ever = by_client(store.numbers.read().counts).get(client.name, {})
    if options.json:
        document(body(client, paused) | state_body(store, client, ever))
        return 0
    budgets, currency = client.budgets, Settings.load().currency
    show.facts(
        {
            "client": client.name,
            "state": ", ".join(_states(client, paused)) or "enabled",
            "lanes": ",".join(sorted(client.lanes)),
            "waiting cap": client.waiting_cap,
            "inline pictures": _inline(store, client),
            "rate/s": client.rate_per_s,
            "share": f"{client.share:g}",
            "in flight": client.in_flight,
            "budget a day": _budget(budgets.per_day, used.per_day),
            "budget a month": _budget(budgets.per_month, used.per_month),
            "cost today": _cost(spending.today, budgets.cost_per_day, currency),
            "cost this month": _cost(spending.this_month, budgets.cost_per_month, currency),
            "cost ever": _by_engine(ever, currency),
            "callback URL": _host(client),
            "its health": _health(store.outbox.endpoint(client.name), client),
            "may reach": client.callback_allow,
            "secrets": f"its callbacks are signed with {len(client.secrets)}",
            "waiting": store.jobs.waiting_count(client.name),
            "running": store.jobs.running_count(client.name),
        }
    )
    return 0


def change(options: argparse.Namespace) -> int:
    """Change what the command line names; leave the rest."""
    changes = _chosen(options)
    if not changes:
        raise ConfigError("clients set", "name at least one option to change")
    store = show.open_store()
    known = _known(store.clients.get(options.name), options.name)
    _check_reachable(changes, changes.get("callback_allow", known.callback_allow))
    store.clients.change(options.name, who=show.actor(), **changes)
    what = f"{options.name}: {', '.join(changes)} changed. It takes effect within a second."
    return _changed(options, what, store)


def disable(options: argparse.Namespace) -> int:
    """Disable a client's token."""
    store = show.open_store()
    store.clients.change(options.name, who=show.actor(), disabled=True)
    what = f"{options.name} is disabled within a second. Its jobs and callbacks continue."
    return _changed(options, what, store)


def enable(options: argparse.Namespace) -> int:
    """Enable a client's token again."""
    store = show.open_store()
    store.clients.change(options.name, who=show.actor(), disabled=False)
    return _changed(options, f"{options.name} is enabled again.", store)


def remove(options: argparse.Namespace) -> int:
    """Forget a client; exit code 1 if it has unfinished jobs."""
    show.open_store().clients.remove(options.name, show.actor())
    sentence = (
        f"{options.name} is no client any more. Its jobs and pictures stay until they are old; "
        "what was to be told of them becomes dead letters."
    )
    return show.outcome(options, sentence, {"client": options.name, "removed": True})


def rotate_token(options: argparse.Namespace) -> int:
    """Give a client a new token and print it, only this once."""
    once = {"token": show.open_store().clients.rotate_token(options.name, show.actor())}
    note = "It is not shown again. The old one stops working within a second."
    return _told_once(options, once, note)


def rotate_secret(options: argparse.Namespace) -> int:
    """Give a client a new secret and print it, only this once."""
    once = {"secret": show.open_store().clients.rotate_secret(options.name, show.actor())}
    note = "It is not shown again. For 24 hours callbacks are signed with the old one as well."
    return _told_once(options, once, note)


def _told_once(options: argparse.Namespace, once: dict[str, str], note: str) -> int:
    if options.json:
        document({"client": options.name} | once)
        return 0
    for name, value in once.items():
        line(f"{name:6}  {value}")
    line(note)
    return 0


def _changed(options: argparse.Namespace, sentence: str, store: Store) -> int:
    """Report a change: as JSON, by the client as it is now."""
    client = _known(store.clients.get(options.name), options.name)
    return show.outcome(options, sentence, body(client, store.levers.halted().clients))


def body(client: Client, paused: Sequence[str]) -> dict[str, object]:
    """Return a client's settings as JSON."""
    return {
        "name": client.name,
        "disabled": client.disabled,
        "paused": client.name in paused,
        "lanes": sorted(client.lanes),
        "waitingCap": client.waiting_cap,
        "ratePerS": client.rate_per_s,
        "inlineQuotaMb": client.inline_quota_mb,
        "share": client.share,
        "inFlight": client.in_flight,
        "perDay": client.budgets.per_day,
        "perMonth": client.budgets.per_month,
        "costPerDay": _units(client.budgets.cost_per_day),
        "costPerMonth": _units(client.budgets.cost_per_month),
        "callbackHost": _host(client),
        "callbackAllow": client.callback_allow or None,
    }


def state_body(store: Store, client: Client, ever: Mapping[str, int]) -> dict[str, object]:
    """Return a client's state and use as JSON; ``ever``: what its drawings cost, by engine."""
    endpoint, used = store.outbox.endpoint(client.name), store.spool.of(client.name)
    drawings, spending = store.jobs.budgets_used(client.name), store.jobs.spending(client.name)
    return {
        "callbacksDisabledAt": show.wire_time(endpoint.disabled_ms),
        "callbacksFailingSince": show.wire_time(endpoint.failing_since_ms),
        "callbackFailures": endpoint.fails,
        "inlineBytes": used.live_bytes + used.spent_bytes,
        "inlineBytesOfEndedJobs": used.spent_bytes,
        "usedPerDay": drawings.per_day,
        "usedPerMonth": drawings.per_month,
        "costToday": units(spending.today),
        "costThisMonth": units(spending.this_month),
        "costEver": units(sum(ever.values())),
        "costByEngine": {engine: units(amount) for engine, amount in ever.items()},
        "secrets": len(client.secrets),
        "waiting": store.jobs.waiting_count(client.name),
        "running": store.jobs.running_count(client.name),
    }


def _health(endpoint: Endpoint, client: Client) -> str:
    """Return the state of a client's default callback URL."""
    if endpoint.disabled_ms:
        since = f"switched off since {show.moment(endpoint.disabled_ms)}"
        return f"{since}; `limner callbacks enable {client.name}` switches it on"
    if endpoint.failing_since_ms:
        since = f"failing since {show.moment(endpoint.failing_since_ms)}"
        return f"{since}: {counted(endpoint.fails, 'failure')}"
    return "well" if client.callback_url else ""


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Return the client's fields that the command line sets.

    Raises:
        ConfigError: one of them is wrong.
    """
    chosen: dict[str, Any] = {}
    if options.callback_url is not None:
        chosen["callback_url"] = None if options.callback_url == NONE else options.callback_url
    if options.lanes is not None:
        chosen["lanes"] = _lanes(options.lanes)
    if options.waiting_cap is not None:
        chosen["waiting_cap"] = _limit("--waiting-cap", options.waiting_cap, int, least=1)
    if options.inline_quota is not None:
        chosen["inline_quota_mb"] = _limit("--inline-quota", options.inline_quota, int, least=0)
    if options.rate is not None:
        chosen["rate_per_s"] = _limit("--rate", options.rate, float, least=0)
    if options.share is not None:
        text = "1" if options.share == NONE else options.share
        chosen["share"] = parsed("--share", values.seconds(*SHARES), text)
    for name in ("in_flight", "per_day", "per_month"):
        if (given := getattr(options, name)) is not None:
            chosen[name] = _limit(f"--{name.replace('_', '-')}", given, int, least=1)
    for name in ("cost_per_day", "cost_per_month"):
        if (given := getattr(options, name)) is not None:
            option = f"--{name.replace('_', '-')}"
            chosen[name] = None if given == NONE else parsed(option, micros, given)
    if options.callback_allow is not None:
        allow = options.callback_allow
        chosen["callback_allow"] = "" if allow == NONE else allow
    return chosen


def _check_reachable(chosen: dict[str, Any], allow: str) -> None:
    """Refuse a callback URL at which no callback could ever be posted.

    Raises:
        ConfigError: its address is not allowed.
    """
    url = chosen.get("callback_url")
    if not url:
        return
    # What is malformed is refused by the store, with its reason.
    with suppress(UrlRefused):
        try:
            check_url(url, Settings.load(), allow)
        except AddressNotAllowed:
            target = parse_target(url)
            place = f"{target.bracketed}:{target.port}"
            why = (
                f"{place} is not an address that callbacks may reach. To let them, add it to this client's "
                f"list (--callback-allow {place}) or to everybody's (LIMNER_CALLBACK_ALLOW)"
            )
            raise ConfigError("--callback-url", why) from None


def _states(client: Client, paused: Sequence[str]) -> Iterator[str]:
    if client.disabled:
        yield "disabled"
    if client.name in paused:
        yield "paused"


def _budget(most: int | None, used: int | None) -> str | None:
    return None if most is None else f"{used} of {counted(most, 'drawing')} used"


def _cost(spent: int, most: int | None, currency: str) -> str | None:
    if most is None:
        return shown(spent, currency) if spent else None
    return f"{shown(spent)} of {shown(most, currency)}"


def _by_engine(ever: Mapping[str, int], currency: str) -> str | None:
    """Return a sum, and what it is made of."""
    if not ever:
        return None
    parts = ", ".join(f"{engine} {shown(amount)}" for engine, amount in ever.items())
    return f"{shown(sum(ever.values()), currency)} ({parts})"


def _units(amount: int | None) -> float | None:
    return None if amount is None else units(amount)


def _limit(option: str, text: str, number: type[int] | type[float], *, least: int) -> float | None:
    if text == NONE:
        return None
    try:
        limit = number(text)
    except ValueError:
        raise ConfigError(option, f"must be a number, or none (it is {text!r})") from None
    if number is int and limit < least:
        raise ConfigError(option, f"must be at least {least}")
    if number is float and not (limit > least and math.isfinite(limit)):
        raise ConfigError(option, f"must be above {least}")
    return limit


def _lanes(text: str) -> frozenset[Lane]:
    words = {word.strip() for word in text.split(",")}
    if not words <= set(Lane):
        raise ConfigError("--lanes", f"must be fast, relaxed or fast,relaxed (it is {text!r})")
    return frozenset(Lane(word) for word in words)


def _host(client: Client) -> str | None:
    # The host only: the path of a callback URL may contain a secret.
    return urlsplit(client.callback_url).netloc if client.callback_url else None


def _inline(store: Store, client: Client) -> str:
    """Return the size and the quota of its inline pictures."""
    quota_mb = client.inline_quota_mb
    most = Settings.load().inline_quota_mb if quota_mb is None else quota_mb
    used = store.spool.of(client.name)
    spent_mb = used.spent_bytes / 2**20
    all_mb = used.live_bytes / 2**20 + spent_mb
    return f"{all_mb:.1f} of {most} MB, {spent_mb:.1f} MB of that for ended jobs"


def _known(client: Client | None, name: str) -> Client:
    if client is None:
        raise ConfigError("client name", f"there is no client called {name!r}")
    return client
