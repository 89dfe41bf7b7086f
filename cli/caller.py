"""Where a caller's commands find the gateway, and as whom they call; used by ``draw``, ``jobs``, ``follow`` and the like.

They go over HTTP, so they work from anywhere: ``--url`` and ``--token``, or ``LIMNER_URL`` and ``LIMNER_TOKEN``. On the
gateway's own machine no token is needed: whoever may use the store enters by it, as a client by name.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cli import show
from cli.console import FIRST
from limner.errors import ConfigError, LimnerError, StoreDown
from limner.exits import store_trouble
from limner.peer import leads_here
from limner.settings import Settings
from limner.settings.setting import parsed
from limner.settings.surroundings import CALLERS_TOKEN, CALLERS_URL
from limner.settings.values import base_url
from limner.store import Store
from limner.store.sessions import CSRF, Holder, cookie_of, csrf_of
from net.calling import CallMissed, CallRefused, Calls
from stack.control import ask_where

#: how an operator's token begins
OPERATORS = "limop_"
#: refusals that repeat until something in the command, or its token, is changed
MISUSED = (400, 403, 413, 415, 422)


def is_elsewhere(options: argparse.Namespace) -> bool:
    """Return whether the options, or the environment, name a gateway or a token."""
    return bool(_named(options.url, CALLERS_URL) or _named(options.token, CALLERS_TOKEN))


def token_of(options: argparse.Namespace) -> str:
    """Return the token that the options, or the environment, name; "" if there is none."""
    return _named(options.token, CALLERS_TOKEN)


@contextmanager
def calling(options: argparse.Namespace) -> Iterator[Calls]:
    """Give calls to the gateway that the options name, or to this machine's; refusals end the command in one line.

    Raises:
        ConfigError: the token is missing or wrong, or what was asked for is.
        LimnerError: the gateway cannot be reached, or refuses.
    """
    url, token = _named(options.url, CALLERS_URL), token_of(options)
    url = parsed("--url", base_url, url) if url else ""
    with _told_in_words(url):
        if token:
            with Calls(url or _here(Settings.load()), {"token": token}) as calls:
                yield calls
            return
        if url and not leads_here(url):
            raise ConfigError(
                CALLERS_TOKEN,
                f"must be set, or --token given, for {url}; "
                "`limner clients add NAME` on its machine makes one",
            )
        with _session(options, url) as headers_and_url:
            headers, where = headers_and_url
            with Calls(where, headers) as calls:
                yield calls


@contextmanager
def _session(options: argparse.Namespace, url: str) -> Iterator[tuple[Mapping[str, str], str]]:
    """Give the headers of a session of our own, which ends with the command, and where the gateway is."""
    settings = Settings.load()
    if settings.console == "off":
        raise ConfigError(
            "LIMNER_CONSOLE", f"is off, so name a client's token: --token or {CALLERS_TOKEN}"
        )
    try:
        store = show.open_store()
        name = options.client or first_client(store)
        secret = store.sessions.enter_here(Holder.CLIENT, name).secret
    except StoreDown as error:
        elsewhere = "a Limner elsewhere is named by --url and --token"
        raise LimnerError(f"{store_trouble(error)}; {elsewhere}") from error
    here = _here(settings)
    where = url or here
    port = int(here.rpartition(":")[2])
    headers = {
        "Cookie": f"{cookie_of(port)}={secret}",
        CSRF: csrf_of(secret),
        "Origin": where,
    }
    try:
        yield headers, where
    finally:
        with contextlib.suppress(StoreDown):
            store.sessions.end(secret)
        store.close()


def _here(settings: Settings) -> str:
    """Return where the API is on this machine: as the `limner up` that runs says, or else as the settings say."""
    with contextlib.suppress(LimnerError):
        if told := ask_where(settings.data_dir):
            return told
    return settings.local_url


def first_client(store: Store) -> str:
    """Return the client that is meant if none is named.

    Raises:
        ConfigError: there is none yet, or more than one that could be meant.
    """
    names = store.clients.names()
    if FIRST in names or len(names) == 1:
        return FIRST if FIRST in names else names[0]
    if not names:
        raise ConfigError("--client", "there are no clients yet: `limner clients add NAME`")
    raise ConfigError("--client", f"must name one of {', '.join(names)}")


@contextmanager
def _told_in_words(url: str) -> Iterator[None]:
    try:
        yield
    except CallMissed as error:
        cure = "is that its address?" if url else "start it with `limner up`, or name it by --url"
        raise LimnerError(f"{error.message}: {cure}") from error
    except CallRefused as error:
        raise _in_words(error) from error


def _in_words(error: CallRefused) -> LimnerError:
    """Return what a refusal says to whoever typed the command, with what is wrong of each field."""
    if error.status == 401:
        return ConfigError(CALLERS_TOKEN, f"{error.message} (or --token)")
    if error.fields:
        (name, why), *others = (
            (name, " ".join(map(str, why))) for name, why in error.fields.items()
        )
        return ConfigError(name, "; ".join([why, *(f"{field}: {its}" for field, its in others)]))
    if error.status in MISUSED:
        return ConfigError("refused", error.message)
    return LimnerError(error.message)


def _named(option: str | None, variable: str) -> str:
    return (option or os.environ.get(variable, "")).strip()
